//! `sae objective`

use std::path::Path;
use std::process::ExitCode;

use burn::tensor::{DType, Device, Tensor};
use sae::data::{Inputs, Samples, read_npy};
use sae::stack::Scale;
use sae::train::{Data, Group, OnBurn, Selected, Table, Trainable, Training, whole_gradient};
use sae::{Error, Run};
use sae_model::{
    Convention, ModelError, Reconstruction, SparseAutoencoder, SparseObjective, Terms, term,
};
use serde::Serialize;

use crate::args::ObjectiveArgs;
use crate::error::CliError;
use crate::output;

/// Evaluates J, its terms, ρ̂ and ‖∇J‖ exactly, in `f64`, at given weights on given data.
pub fn run(args: &ObjectiveArgs) -> Result<ExitCode, CliError> {
    let run = args.verify.run(&args.run)?;
    let layers = &run.experiment().layers;
    let number = args.layer as usize;
    if number > layers.len() {
        return Err(CliError::input(format!(
            "--layer is {number}; expected 1 to {}, the autoencoders of {}",
            layers.len(),
            args.run.display()
        )));
    }
    let mut samples = samples(args.data.as_deref(), &run)?;
    if let Some((row, column)) = samples.first_not_finite() {
        return Err(CliError::input(format!(
            "the data are not finite in row {row}, column {column}, counted from 0; expected \
             finite numbers"
        )));
    }
    if let Some(scaling) = run.scaling()? {
        check_width(&samples, scaling.inputs(), "the run's inputs")?;
        samples = scaling.apply_exactly(&samples);
    }
    let (autoencoder, inputs) = inputs_of(&run, number, samples)?;
    let scale: Scale = run.experiment().objective.scale;
    let objective = layers[number - 1].objective()?;
    let objective = objective.from_convention(scale.into(), inputs.rows(), 1)?;
    check_targets(objective.reconstruction(), &inputs)?;
    let evaluated = evaluate(objective, autoencoder, &inputs, args.convention)?;
    if args.json {
        let text = serde_json::to_string_pretty(&evaluated)
            .map_err(|error| CliError::input(error.to_string()))?;
        output::result(text)?;
    } else {
        output::result(table(&evaluated))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The samples of an IDX folder or an NPY matrix, or the run's own training samples.
fn samples(data: Option<&Path>, run: &Run) -> Result<Samples, CliError> {
    let Some(path) = data else {
        if run.facts().train == 0 {
            return Err(CliError::input(format!(
                "{} was imported and has no data of its own; expected DATA, for example an NPY \
                 matrix [samples, inputs]",
                run.folder().path().display()
            )));
        }
        let experiment = run.experiment();
        let data = experiment
            .data
            .load(experiment.seed, experiment.classifier)?;
        return Ok(data.train.samples.all()?.into_owned());
    };
    // An NPY matrix is taken as exactly as it is; the others are what training sees of them.
    if path.extension().is_none_or(|end| end != "npy") {
        return Ok(run.read(path)?.samples.all()?.into_owned());
    }
    let array = read_npy(path)?;
    match array.shape[..] {
        [rows, width] if rows > 0 && width > 0 => Ok(Samples::Doubles {
            width,
            values: array.values,
        }),
        _ => Err(CliError::input(format!(
            "{}: holds an array of shape {:?}; expected a matrix [samples, inputs]",
            path.display(),
            array.shape
        ))),
    }
}

/// Autoencoder `layer` in `f64`, and its inputs: the samples, or the codes of the layers below.
fn inputs_of(
    run: &Run,
    layer: usize,
    mut samples: Samples,
) -> Result<(SparseAutoencoder, Samples), CliError> {
    for number in 1..layer {
        let autoencoder = run.autoencoder(number, DType::F64)?;
        check_width(&samples, autoencoder.inputs(), "encoder.weight")?;
        samples = codes(&autoencoder, &samples);
    }
    let autoencoder = run.autoencoder(layer, DType::F64)?;
    check_width(&samples, autoencoder.inputs(), "encoder.weight")?;
    Ok((autoencoder, samples))
}

fn check_width(samples: &Samples, inputs: usize, right_name: &'static str) -> Result<(), CliError> {
    if samples.width() == inputs {
        return Ok(());
    }
    Err(CliError::from(ModelError::Shape {
        operation: "evaluating the objective",
        left_name: "the samples",
        left: vec![samples.rows(), samples.width()],
        right_name,
        right: vec![inputs],
    }))
}

/// The cross-entropy is of targets that are probabilities.
fn check_targets(reconstruction: Reconstruction, samples: &Samples) -> Result<(), CliError> {
    let (least, most) = Inputs::from(samples).range().map_err(Error::from)?;
    if reconstruction == Reconstruction::SquaredError || (least >= 0.0 && most <= 1.0) {
        return Ok(());
    }
    Err(CliError::input(format!(
        "the values to reconstruct lie in [{least}, {most}]; expected [0, 1], for which \
         reconstruction = \"{reconstruction}\" is defined"
    )))
}

/// Rows that are encoded at once.
const ROWS_AT_ONCE: usize = 4096;

fn codes(autoencoder: &SparseAutoencoder, samples: &Samples) -> Samples {
    let rows = samples.rows();
    let code = |first: usize| {
        let selected = Selected::Range(first, rows.min(first + ROWS_AT_ONCE));
        let inputs = Table { samples, selected }.tensor(&Device::flex(), DType::F64);
        let code: Tensor<2> = autoencoder.encode(inputs).inner();
        code.into_data().iter::<f64>().collect::<Vec<f64>>()
    };
    Samples::Doubles {
        width: autoencoder.hidden(),
        values: (0..rows).step_by(ROWS_AT_ONCE).flat_map(code).collect(),
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
    settings: Weights,
    objective: f64,
    /// By name.
    #[serde(flatten)]
    terms: Terms,
    gradient_norm: f64,
    rho_hat: Vec<f64>,
}

/// The settings of the objective, in the same convention.
#[derive(Debug, Serialize)]
struct Weights {
    weight_decay: f64,
    beta: f64,
    rho: f64,
    l1: f64,
}

fn evaluate(
    objective: SparseObjective,
    autoencoder: SparseAutoencoder,
    samples: &Samples,
    convention: Convention,
) -> Result<Evaluated, CliError> {
    let hidden = autoencoder.hidden();
    let units = objective.sparse_units(&autoencoder);
    let training = Training::default();
    let mut executor = OnBurn::delta(objective, autoencoder, units, &training, &Device::flex());
    let data = Data::unlabelled(samples);
    let gradient =
        whole_gradient(&mut executor, &data, &Group::default(), 0).map_err(Error::from)?;
    let factor = convention.factor(samples.rows(), samples.width());
    let found = &gradient.figures.terms;
    let reconstruction = term::reconstruction(objective.reconstruction());
    let names = [reconstruction, term::WEIGHT_DECAY, term::SPARSITY, term::L1];
    let terms = names.map(|name| (name, factor * found.get(name).unwrap_or(0.0)));
    Ok(Evaluated {
        convention: convention.to_string(),
        rows: samples.rows(),
        inputs: samples.width(),
        hidden,
        factor,
        settings: Weights {
            weight_decay: factor * objective.weight_decay(),
            beta: factor * objective.beta(),
            rho: objective.rho(),
            l1: factor * objective.l1(),
        },
        objective: factor * gradient.figures.objective(),
        terms: terms.into_iter().collect(),
        gradient_norm: factor * gradient.norm(),
        rho_hat: gradient.figures.rho_hat.unwrap_or_default(),
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
    let mut line = |name: &str, value: f64| {
        text.push_str(&format!("{name:<22} {value:.14e}\n"));
    };
    line("weight_decay", e.settings.weight_decay);
    line("beta", e.settings.beta);
    line("rho", e.settings.rho);
    line("l1", e.settings.l1);
    line("J", e.objective);
    for (name, value) in e.terms.iter() {
        line(&format!("  {}", name.replace('_', " ")), value);
    }
    line("gradient norm", e.gradient_norm);
    line("rho_hat, mean", mean);
    line("rho_hat, least", least);
    line("rho_hat, largest", most);
    text.trim_end().to_owned()
}
