//! `sae import`

use std::path::Path;
use std::process::ExitCode;

use burn::tensor::{DType, Device};
use sae_data::{Array, read_npy, read_npz};
use sae_model::{Architecture, AutoencoderConfig, Decoder, Dense, DenseConfig, SparseAutoencoder};
use sae_stack::{encode_weights, read_array};

use crate::args::{ImportArgs, Orientation, Size};
use crate::config::{Config, LayerConfig};
use crate::error::CliError;
use crate::output;
use crate::run_folder::{DataFacts, Destination};

/// Makes a run folder of one autoencoder from weights written elsewhere.
pub fn run(args: &ImportArgs) -> Result<ExitCode, CliError> {
    let arrays = match args.theta {
        Some(size) => from_theta(args, size)?,
        None => from_matrices(args)?,
    };
    let layer = LayerConfig {
        hidden: arrays.size.outputs,
        rho: args.rho,
        beta: args.beta,
        weight_decay: args.weight_decay,
        l1: args.l1,
        encoder: args.encoder,
        decoder: args.decoder,
        tied: arrays.w2.is_none(),
        ..LayerConfig::default()
    };
    let config = Config {
        classifier: false,
        layers: vec![layer],
        ..Config::default()
    };
    let architecture = crate::config::architecture(&config.layers[0]);
    AutoencoderConfig::new(arrays.size.inputs, arrays.size.outputs)?
        .with_architecture(architecture)?;
    crate::config::layer_objective(&config, 0, 1)?.check(&architecture)?;
    let (height, width) = image(args.image, arrays.size.inputs)?;
    let facts = DataFacts {
        height,
        width,
        classes: vec![],
        train: 0,
        validation: 0,
        test: 0,
    };
    let size = arrays.size;
    let autoencoder = arrays.into_autoencoder(architecture);
    let destination = Destination::choose(Some(&args.out), "", args.overwrite)?;
    let folder = destination.create(&config, &facts)?;
    folder.write_weights("autoencoder-1", &encode_weights(&autoencoder))?;
    output::result(format!(
        "{}: autoencoder {}-{} in f64{}; see `sae objective {} DATA` and `sae features {}`",
        folder.path().display(),
        size.inputs,
        size.outputs,
        if architecture.tied { ", tied" } else { "" },
        folder.path().display(),
        folder.path().display(),
    ));
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
        return Err(CliError::Input(format!(
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
        return Err(CliError::Input(
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
        None
    } else {
        let (shape, w2) = matrix(&args.decoder_weight)?;
        if shape != [h, n] {
            return Err(CliError::Input(format!(
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

/// The array called `name` of a safetensors or NPZ file, or the one of an NPY file.
fn read(path: &Path, name: Option<&str>) -> Result<Array, CliError> {
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    match (extension.as_ref(), name) {
        ("npy", None) => Ok(read_npy(path)?),
        ("npz", Some(name)) => Ok(read_npz(path, name)?),
        ("safetensors", Some(name)) => {
            let bytes = std::fs::read(path).map_err(|error| {
                CliError::Input(format!("{}: cannot be read: {error}", path.display()))
            })?;
            let (shape, values) = read_array(&bytes, name).map_err(|source| CliError::Weights {
                path: path.to_owned(),
                source,
            })?;
            Ok(Array { shape, values })
        }
        ("npz" | "safetensors", None) => Err(CliError::Input(format!(
            "{}: holds several arrays; name theta's with --array",
            path.display()
        ))),
        _ => Err(CliError::Input(format!(
            "{}: expected a .safetensors or .npz file, or with --theta a .npy file",
            path.display()
        ))),
    }
}

fn wrong_shape(path: &Path, name: &str, array: &Array, expected: &str) -> CliError {
    CliError::Input(format!(
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
        Some(Size(height, width)) => Err(CliError::Input(format!(
            "--image is {height}x{width}; expected a product of {inputs}, the number of inputs"
        ))),
        None if side * side == inputs => Ok((side, side)),
        None => Ok((1, inputs)),
    }
}
