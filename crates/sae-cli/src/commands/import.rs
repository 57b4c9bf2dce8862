//! `sae import`

use std::path::Path;
use std::process::ExitCode;

use burn::tensor::{DType, Device};
use sae::data::{Array, Tensors, read_npy, read_npz, read_npz_only};
use sae::stack::WeightsError;
use sae::{DataFacts, Destination, Experiment, Layer, Reading, RunFolder, import};
use sae_model::{Architecture, AutoencoderConfig, Decoder, Dense, DenseConfig, SparseAutoencoder};

use crate::args::{ImportArgs, Orientation, Size};
use crate::error::CliError;
use crate::output;

/// Makes a run folder of one autoencoder from weights written elsewhere.
pub fn run(args: &ImportArgs) -> Result<ExitCode, CliError> {
    let arrays = match args.theta {
        Some(size) => from_theta(args, size)?,
        None => from_matrices(args)?,
    };
    let layer = Layer {
        hidden: arrays.size.outputs,
        rho: args.rho,
        beta: args.beta,
        weight_decay: args.weight_decay,
        l1: args.l1,
        reconstruction: args.reconstruction,
        encoder: args.encoder,
        decoder: args.decoder,
        tied: arrays.w2.is_none(),
        ..Layer::default()
    };
    layer.check()?;
    let architecture = layer.architecture();
    AutoencoderConfig::new(arrays.size.inputs, arrays.size.outputs)?
        .with_architecture(architecture)?;
    let experiment = Experiment {
        classifier: false,
        layers: vec![layer],
        ..Experiment::default()
    };
    let (height, width) = image(args.image, arrays.size.inputs)?;
    let facts = DataFacts {
        height,
        width,
        channels: 1,
        names: vec![],
        classes: vec![],
        train: 0,
        validation: 0,
        test: 0,
        reading: Reading::default(),
    };
    let size = arrays.size;
    let autoencoder = arrays.into_autoencoder(architecture);
    let reads = [args.file.clone()];
    let destination = Destination::choose(Some(&args.out), "", args.overwrite, &reads)?;
    let folder = import(
        RunFolder::create(destination)?,
        &experiment,
        &facts,
        &autoencoder,
    )?;
    output::result(format!(
        "{}: autoencoder {}-{} in f64{}; see `sae objective {} DATA` and `sae features {}`",
        folder.path().display(),
        size.inputs,
        size.outputs,
        if architecture.tied { ", tied" } else { "" },
        folder.path().display(),
        folder.path().display(),
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// Weights in this project's orientation, row by row.
struct Arrays {
    size: DenseConfig,
    w1: Vec<f64>,
    b: Vec<f64>,
    /// Nothing where the weights are tied.
    w2: Option<Vec<f64>>,
    c: Vec<f64>,
}

impl Arrays {
    fn into_autoencoder(self, architecture: Architecture) -> SparseAutoencoder {
        let device = Device::flex();
        let DenseConfig {
            inputs, outputs, ..
        } = self.size;
        let encoder = self.size.with_activation(architecture.activation());
        let back = DenseConfig::new(outputs, inputs);
        let tied = self.w2.is_none();
        let w2 = self.w2.unwrap_or_else(|| vec![0.0; inputs * outputs]);
        let decoder = Dense::from_values(back, w2, self.c, DType::F64, &device);
        SparseAutoencoder {
            encoder: Dense::from_values(encoder, self.w1, self.b, DType::F64, &device),
            decoder: Decoder {
                weight: (!tied).then_some(decoder.weight),
                bias: decoder.bias,
                unit: architecture.decoder,
            },
        }
    }
}

/// UFLDL's `theta = [W1(:); W2(:); b1; b2]`, with W1 `[hidden, input]` and W2 `[input, hidden]` in
/// MATLAB's column order: which is W1ᵀ and W2ᵀ row by row, this project's matrices.
fn from_theta(args: &ImportArgs, size: Size) -> Result<Arrays, CliError> {
    let theta = read(&args.file, args.array.as_deref())?;
    let (n, h) = (size.0, size.1);
    let expected = 2 * n * h + n + h;
    if theta.values.len() != expected {
        return Err(CliError::input(format!(
            "{}: holds {} values of shape {:?}; expected {expected}: W1 {h} x {n}, W2 {n} x {h}, \
             b1 {h} and b2 {n}",
            args.file.display(),
            theta.values.len(),
            theta.shape
        )));
    }
    let (w1, rest) = theta.values.split_at(n * h);
    let (w2, rest) = rest.split_at(n * h);
    let (b, c) = rest.split_at(h);
    Ok(Arrays {
        size: DenseConfig::new(n, h),
        w1: w1.to_vec(),
        b: b.to_vec(),
        w2: Some(w2.to_vec()),
        c: c.to_vec(),
    })
}

fn from_matrices(args: &ImportArgs) -> Result<Arrays, CliError> {
    let Some(orientation) = args.orientation else {
        return Err(CliError::input(
            "--orientation is missing; expected input-output (a layer is x·W) or output-input (a \
             layer is W·x, as PyTorch and MATLAB store it), or --theta for UFLDL's flat vector"
                .to_owned(),
        ));
    };
    let matrix = |name: &str| -> Result<([usize; 2], Vec<f64>), CliError> {
        let array = read(&args.file, Some(name))?;
        let &[rows, columns] = &array.shape[..] else {
            return Err(wrong_shape(&args.file, name, &array, "a matrix"));
        };
        Ok(match orientation {
            Orientation::InputOutput => ([rows, columns], array.values),
            Orientation::OutputInput => ([columns, rows], transposed(&array.values, rows, columns)),
        })
    };
    let vector = |name: &str, length: usize| -> Result<Vec<f64>, CliError> {
        let array = read(&args.file, Some(name))?;
        if array.values.len() != length {
            let expected = format!("{length} values");
            return Err(wrong_shape(&args.file, name, &array, &expected));
        }
        Ok(array.values)
    };
    let ([n, h], w1) = matrix(&args.encoder_weight)?;
    let w2 = if args.tied {
        refuse_decoder(args)?;
        None
    } else {
        let (shape, w2) = matrix(&args.decoder_weight)?;
        if shape != [h, n] {
            return Err(CliError::input(format!(
                "{}: as {orientation}, {} is {n} x {h} but {} is {} x {}; expected {h} x {n}. Is \
                 the other --orientation meant?",
                args.file.display(),
                args.encoder_weight,
                args.decoder_weight,
                shape[0],
                shape[1]
            )));
        }
        Some(w2)
    };
    Ok(Arrays {
        size: DenseConfig::new(n, h),
        w1,
        b: vector(&args.encoder_bias, h)?,
        w2,
        c: vector(&args.decoder_bias, n)?,
    })
}

fn transposed(values: &[f64], rows: usize, columns: usize) -> Vec<f64> {
    let at = |i: usize| values[(i % rows) * columns + i / rows];
    (0..rows * columns).map(at).collect()
}

/// With tied weights the decoder's matrix is the encoder's: one in the file would be left unused.
fn refuse_decoder(args: &ImportArgs) -> Result<(), CliError> {
    let name = &args.decoder_weight;
    match read(&args.file, Some(name)) {
        Ok(_) => Err(CliError::input(format!(
            "{}: holds {name}; expected none with --tied, whose decoder is the encoder transposed",
            args.file.display()
        ))),
        Err(_) => Ok(()),
    }
}

/// The array called `name` of a safetensors or NPZ file, or its only one, or that of an NPY file.
fn read(path: &Path, name: Option<&str>) -> Result<Array, CliError> {
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    let array = match (extension.as_ref(), name) {
        ("npy", None) => read_npy(path)?,
        ("npz", Some(name)) => read_npz(path, name)?,
        ("npz", None) => read_npz_only(path)?,
        ("safetensors", name) => read_tensor(path, name)?,
        _ => {
            return Err(CliError::input(format!(
                "{}: expected a .safetensors or .npz file, or with --theta a .npy file",
                path.display()
            )));
        }
    };
    array.check_finite(path, name.unwrap_or("the array"))?;
    Ok(array)
}

/// A tensor of a safetensors file, or its only one.
fn read_tensor(path: &Path, name: Option<&str>) -> Result<Array, CliError> {
    let bytes = std::fs::read(path).map_err(|source| sae::Error::Read {
        path: path.to_owned(),
        source,
    })?;
    let wrong = |error: sae::data::TensorsError| sae::Error::Weights {
        path: path.to_owned(),
        source: WeightsError::from(error),
    };
    let tensors = Tensors::from_bytes(&bytes).map_err(wrong)?;
    let names: Vec<&str> = tensors.iter().map(|(name, _)| name).collect();
    let name = match (name, &names[..]) {
        (Some(name), _) => name,
        (None, [only]) => only,
        (None, _) => {
            return Err(CliError::input(format!(
                "{}: holds {}; name theta's with --array",
                path.display(),
                names.join(", ")
            )));
        }
    };
    let found = tensors.iter().find(|(own, _)| *own == name);
    let rank = found.map_or(1, |(_, tensor)| tensor.shape.len());
    let tensor = tensors.get(name, rank).map_err(wrong)?;
    Ok(Array {
        shape: tensor.shape.clone(),
        values: tensor.values.clone(),
    })
}

fn wrong_shape(path: &Path, name: &str, array: &Array, expected: &str) -> CliError {
    CliError::input(format!(
        "{}: {name} has the shape {:?}; expected {expected}",
        path.display(),
        array.shape
    ))
}

/// Height and width of an input as an image: as given, a square, or a line.
fn image(given: Option<Size>, inputs: usize) -> Result<(usize, usize), CliError> {
    let side = inputs.isqrt();
    match given {
        Some(Size(height, width)) if height * width == inputs => Ok((height, width)),
        Some(Size(height, width)) => Err(CliError::input(format!(
            "--image is {height}x{width}; expected a product of {inputs}, the number of inputs"
        ))),
        None if side * side == inputs => Ok((side, side)),
        None => Ok((1, inputs)),
    }
}
