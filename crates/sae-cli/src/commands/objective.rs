//! `sae objective`

use std::path::Path;
use std::process::ExitCode;

use burn::tensor::{DType, Device, Tensor};
use sae_data::{Samples, read_npy};
use sae_model::{
    Convention, GradientRule, ModelError, SparseAutoencoder, SparseObjective, named_gradients,
};
use sae_train::{CHUNK, Inputs, Unlabelled, full_gradient};
use serde::Serialize;

use crate::args::ObjectiveArgs;
use crate::config::{Config, layer_objective};
use crate::error::CliError;
use crate::run_folder::RunFolder;
use crate::{data, output};

/// Evaluates J, its terms, ρ̂ and ‖∇J‖ exactly, in `f64`, at given weights on given data.
pub fn run(args: &ObjectiveArgs) -> Result<ExitCode, CliError> {
    let folder = RunFolder::open(&args.run)?;
    let config = folder.config()?;
    let layer = args.layer as usize;
    if layer > config.layers.len() {
        return Err(CliError::Input(format!(
            "--layer is {layer}; expected 1 to {}, the autoencoders of {}",
            config.layers.len(),
            args.run.display()
        )));
    }
    let mut samples = samples(args.data.as_deref(), &config)?;
    if let Some(scaling) = folder.scaling(&config)? {
        check_width(&samples, scaling.inputs(), "the run's inputs")?;
        samples = scaling.apply_exactly(&samples);
    }
    let (autoencoder, inputs) = inputs_of(&folder, &config, layer, samples)?;
    let objective = layer_objective(&config, layer - 1, inputs.rows())?;
    let evaluated = evaluate(objective, &autoencoder, &inputs, args.convention.into())?;
    if args.json {
        let text = serde_json::to_string_pretty(&evaluated)
            .map_err(|error| CliError::Input(error.to_string()))?;
        output::result(text);
    } else {
        output::result(table(&evaluated));
    }
    Ok(ExitCode::SUCCESS)
}

/// The samples of an IDX folder or an NPY matrix, or the run's own training samples.
fn samples(data: Option<&Path>, config: &Config) -> Result<Samples, CliError> {
    let Some(path) = data else {
        return Ok(data::load(config)?.train.samples);
    };
    if path.is_dir() {
        return Ok(data::load_folder(path)?.samples);
    }
    let array = read_npy(path)?;
    match array.shape[..] {
        [rows, width] if rows > 0 && width > 0 => Ok(Samples::Doubles {
            width,
            values: array.values,
        }),
        _ => Err(CliError::Input(format!(
            "{}: holds an array of shape {:?}; expected a matrix [samples, inputs]",
            path.display(),
            array.shape
        ))),
    }
}

/// Autoencoder `layer` in `f64`, and its inputs: the samples, or the codes of the layers below.
fn inputs_of(
    folder: &RunFolder,
    config: &Config,
    layer: usize,
    mut samples: Samples,
) -> Result<(SparseAutoencoder, Samples), CliError> {
    let device = Device::flex();
    for number in 1.. {
        let autoencoder = folder.autoencoder(number, config, DType::F64, &device)?;
        check_width(&samples, autoencoder.encoder.inputs(), "encoder.weight")?;
        if number == layer {
            return Ok((autoencoder, samples));
        }
        samples = codes(&autoencoder, &samples, &device);
    }
    unreachable!("the loop above ends at the layer that was asked for")
}

fn check_width(samples: &Samples, inputs: usize, right_name: &'static str) -> Result<(), CliError> {
    if samples.width() == inputs {
        return Ok(());
    }
    Err(CliError::Model(ModelError::Shape {
        operation: "evaluating the objective",
        left_name: "the samples",
        left: vec![samples.rows(), samples.width()],
        right_name,
        right: vec![inputs],
    }))
}

fn codes(autoencoder: &SparseAutoencoder, samples: &Samples, device: &Device) -> Samples {
    let inputs = Inputs::new(samples, device).in_doubles();
    let rows: Vec<usize> = (0..samples.rows()).collect();
    let code = |chunk: &[usize]| {
        let code: Tensor<2> = autoencoder.encode(inputs.tensor(chunk)).inner();
        code.into_data().iter::<f64>().collect::<Vec<f64>>()
    };
    Samples::Doubles {
        width: autoencoder.encoder.outputs(),
        values: rows.chunks(CHUNK).flat_map(code).collect(),
    }
}

/// An exact value of the objective in some convention.
#[derive(Debug, Serialize)]
struct Evaluated {
    convention: String,
    rows: usize,
    inputs: usize,
    hidden: usize,
    /// What J of the mean convention was multiplied by.
    factor: f64,
    alpha: f64,
    beta: f64,
    rho: f64,
    objective: f64,
    reconstruction: f64,
    weight_decay: f64,
    sparsity: f64,
    l1: f64,
    gradient_norm: f64,
    rho_hat: Vec<f64>,
}

fn evaluate(
    objective: SparseObjective,
    autoencoder: &SparseAutoencoder,
    samples: &Samples,
    convention: Convention,
) -> Result<Evaluated, CliError> {
    let device = Device::flex();
    let source = Unlabelled {
        inputs: Inputs::new(samples, &device).in_doubles(),
        corruptor: None,
    };
    let rule = GradientRule::Delta;
    let gradient = full_gradient(&objective, rule, autoencoder, &source, CHUNK)?;
    let squares: f64 = named_gradients(autoencoder, &gradient.gradients)
        .iter()
        .flat_map(|(_, values)| values)
        .map(|value| value * value)
        .sum();
    let factor = convention.factor(samples.rows(), samples.width());
    let mut terms = gradient.value.host_terms();
    terms.resize(4, 0.0);
    Ok(Evaluated {
        convention: convention.to_string(),
        rows: samples.rows(),
        inputs: samples.width(),
        hidden: autoencoder.encoder.outputs(),
        factor,
        alpha: factor * objective.weight_decay(),
        beta: factor * objective.beta(),
        rho: objective.rho(),
        objective: factor * terms.iter().sum::<f64>(),
        reconstruction: factor * terms[0],
        weight_decay: factor * terms[1],
        sparsity: factor * terms[2],
        l1: factor * terms[3],
        gradient_norm: factor * squares.sqrt(),
        rho_hat: gradient.value.host_statistic(),
    })
}

fn table(e: &Evaluated) -> String {
    let mean = e.rho_hat.iter().sum::<f64>() / e.rho_hat.len() as f64;
    let least = e.rho_hat.iter().copied().fold(f64::INFINITY, f64::min);
    let most = e.rho_hat.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut text = format!(
        "{}-{}, {} samples, convention {}: {} times the mean convention\n",
        e.inputs, e.hidden, e.rows, e.convention, e.factor
    );
    for (name, value) in [
        ("alpha (weight decay)", e.alpha),
        ("beta", e.beta),
        ("rho", e.rho),
        ("J", e.objective),
        ("  reconstruction", e.reconstruction),
        ("  weight decay", e.weight_decay),
        ("  sparsity", e.sparsity),
        ("  l1", e.l1),
        ("gradient norm", e.gradient_norm),
        ("rho_hat, mean", mean),
        ("rho_hat, least", least),
        ("rho_hat, largest", most),
    ] {
        text.push_str(&format!("{name:<22} {value:.14e}\n"));
    }
    text.trim_end().to_owned()
}
