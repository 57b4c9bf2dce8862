//! `sae train`

use std::fs;

use std::process::ExitCode;
use std::time::Instant;

use burn::module::Module;
use burn::tensor::{DType, Device};
use sae_data::{Dataset, Samples, Scaling};
use sae_model::{GradientRule, SparseAutoencoder};
use sae_report::{Tile, loss_curves, reconstructions};
use sae_stack::{Details, StackData, Summary, train_stack};
use sae_train::Inputs;
use serde::Serialize;

use super::features;
use crate::args::TrainArgs;
use crate::backend::{Backend, use_threads};
use crate::config::{Checked, Config, Rule, SourceKind, threads};
use crate::data::RunData;
use crate::error::CliError;
use crate::progress::Recorder;
use crate::run_folder::{Destination, RunFolder, facts, tile};
use crate::{data, output, self_test};

/// Images in the picture of reconstructions.
const RECONSTRUCTIONS: usize = 20;

/// Trains a stack and writes its run folder.
pub fn run(args: &TrainArgs) -> Result<ExitCode, CliError> {
    let started = Instant::now();
    let checked = resolve(args)?;
    let config = &checked.config;
    let name = args.config.config.file_stem().unwrap_or_default();
    let name = name.to_string_lossy();
    let destination = Destination::choose(args.out.as_deref(), &name, args.overwrite)?;
    use_threads(threads(config.threads))?;
    let device = config.backend.device()?;
    let data = data::load(config)?;
    let first: Vec<usize> = (0..data.test.rows().min(RECONSTRUCTIONS)).collect();
    let originals = data.test.samples.select(&first);
    let scaling = data::fit_scaling(config, &data.train)?;
    let data = match &scaling {
        Some(scaling) => data.scaled(scaling),
        None => data,
    };
    let settings = checked.settings_for(data.train.rows())?;
    self_test::run(config.backend, &settings, &data.train, &device)?;
    let facts = facts(&data.train, data.validation.as_ref(), &data.test);
    let folder = destination.create(config, &facts)?;
    if let Some(scaling) = &scaling {
        folder.write_scaling(scaling)?;
    }
    output::progress(announcement(&checked, &data, &folder));

    let mut recorder = Recorder::new(&folder);
    let samples = StackData {
        train: &data.train,
        validation: data.validation.as_ref(),
        test: &data.test,
    };
    let summary =
        train_stack(&settings, samples, &device, &mut recorder).map_err(CliError::from_train)?;
    folder.write("loss.svg", loss_curves(&recorder.curves)?.as_bytes())?;
    let stages = recorder.seconds.clone();
    let autoencoder = folder.autoencoder(1, config, DType::F32, &device)?;
    let pictures = Pictures {
        autoencoder: &autoencoder,
        scaling: scaling.as_ref(),
        tile: tile(data.test.image),
    };
    pictures.draw(&folder, &originals, &device)?;
    let record = Record::new(config, &summary, started, &stages);
    folder.write_json("summary.json", &record)?;
    output::result(report(&record, &folder));
    Ok(ExitCode::SUCCESS)
}

/// The configuration with the arguments applied and paths that hold from anywhere.
fn resolve(args: &TrainArgs) -> Result<Checked, CliError> {
    let mut changed = args.config.clone();
    if let Some(backend) = args.backend {
        changed.set.push(format!("backend={}", backend.name()));
    }
    if let Some(rule) = args.gradient {
        changed
            .set
            .push(format!("gradient={}", GradientRule::from(rule)));
    }
    if let Some(threads) = args.threads {
        changed.set.push(format!("threads={threads}"));
    }
    let mut checked = super::config::load(&changed)?;
    for path in &mut checked.config.data.patches.pictures {
        *path = fs::canonicalize(&*path).unwrap_or_else(|_| path.clone());
    }
    if checked.config.data.source == SourceKind::Idx {
        let folder = data::folder(&checked.config.data.idx)?;
        let folder = fs::canonicalize(&folder).unwrap_or(folder);
        checked.config.data.idx.dir = folder.to_string_lossy().into_owned();
    }
    Ok(checked)
}

fn announcement(checked: &Checked, data: &RunData, folder: &RunFolder) -> String {
    let hidden: String = checked
        .settings
        .layers
        .iter()
        .map(|layer| format!("-{}", layer.hidden))
        .collect();
    let validation = data.validation.as_ref().map_or(0, Dataset::rows);
    let classes = match (&checked.settings.classifier, &data.train.labels) {
        (Some(_), Some(labels)) => format!("-{}", labels.classes.len()),
        _ => String::new(),
    };
    format!(
        "{}{hidden}{classes}, {} training, {validation} validation and {} test samples; backend {}, \
         gradient {}, seed {}; writing {}",
        data.train.samples.width(),
        data.train.rows(),
        data.test.rows(),
        checked.config.backend.name(),
        GradientRule::from(checked.config.gradient),
        checked.config.seed,
        folder.path().display()
    )
}

/// What the pictures of a run show: its first autoencoder on images as they are before scaling.
struct Pictures<'a> {
    autoencoder: &'a SparseAutoencoder,
    scaling: Option<&'a Scaling>,
    tile: Tile,
}

impl Pictures<'_> {
    /// The tiles, and `originals` with their reconstructions.
    fn draw(
        &self,
        folder: &RunFolder,
        originals: &Samples,
        device: &Device,
    ) -> Result<(), CliError> {
        let tiles = features::draw(self.autoencoder, self.scaling, self.tile)?;
        folder.write(features::FEATURES, &tiles)?;
        let rows: Vec<usize> = (0..originals.rows()).collect();
        let reconstructed = self.reconstruct(originals, device).gather(&rows);
        let picture = reconstructions(self.tile, &originals.gather(&rows), &reconstructed)?;
        folder.write("reconstructions.png", &picture)
    }

    fn reconstruct(&self, originals: &Samples, device: &Device) -> Samples {
        let scaled = self.scaling.map(|scaling| scaling.apply(originals));
        let inputs = scaled.as_ref().unwrap_or(originals);
        let rows: Vec<usize> = (0..inputs.rows()).collect();
        let batch = Inputs::new(inputs, device).tensor(&rows);
        let output = self.autoencoder.valid().forward(batch).into_data();
        let output = Samples::Floats {
            width: inputs.width(),
            values: output.iter::<f32>().collect(),
        };
        match self.scaling {
            Some(scaling) => scaling.undo(&output, originals),
            None => output,
        }
    }
}

/// `summary.json`.
#[derive(Debug, Serialize)]
struct Record<'a> {
    version: &'static str,
    backend: Backend,
    gradient: Rule,
    seed: u64,
    /// Objectives are means over samples.
    objective_convention: &'static str,
    seconds: f64,
    stages: Vec<StageTime<'a>>,
    #[serde(flatten)]
    summary: &'a Summary,
}

/// How long a stage took, with its evaluation.
#[derive(Debug, Serialize)]
struct StageTime<'a> {
    stage: &'a str,
    seconds: f64,
}

impl<'a> Record<'a> {
    fn new(
        config: &Config,
        summary: &'a Summary,
        started: Instant,
        stages: &'a [(String, f64)],
    ) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            backend: config.backend,
            gradient: config.gradient,
            seed: config.seed,
            objective_convention: "mean",
            seconds: started.elapsed().as_secs_f64(),
            stages: stages
                .iter()
                .map(|(stage, seconds)| StageTime {
                    stage,
                    seconds: *seconds,
                })
                .collect(),
            summary,
        }
    }
}

fn report(record: &Record<'_>, folder: &RunFolder) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| text.push_str(&format!("{name:<38} {value}\n"));
    for layer in &record.summary.layers {
        let rmse = |details: &Details| match details {
            Details::Autoencoder { rmse, .. } => *rmse,
            Details::Classifier { .. } => f64::NAN,
        };
        line(
            &format!(
                "autoencoder {} ({}-{})",
                layer.layer, layer.inputs, layer.hidden
            ),
            format!(
                "RMSE {:.4} train, {:.4} test; {} epochs, {}",
                rmse(&layer.train),
                rmse(&layer.test),
                layer.epochs,
                layer.stopped
            ),
        );
    }
    let classifier = record.summary.classifier.as_ref();
    let accuracies = [
        (
            "before fine-tuning",
            classifier.map(|c| &c.before_finetuning),
        ),
        ("after fine-tuning", classifier.map(|c| &c.after_finetuning)),
        (
            "fine-tuned from random initialisation",
            classifier.and_then(|c| c.from_random.as_ref()),
        ),
    ];
    for (name, evaluation) in accuracies {
        if let Some(evaluation) = evaluation {
            line(
                name,
                format!(
                    "test accuracy {:.2}%, cross-entropy {:.4} nats",
                    100.0 * evaluation.accuracy,
                    evaluation.cross_entropy
                ),
            );
        }
    }
    line("time", format!("{:.1} s", record.seconds));
    line("run folder", folder.path().display().to_string());
    line(
        "pictures",
        "features.png, reconstructions.png, loss.svg".to_owned(),
    );
    text.trim_end().to_owned()
}

impl CliError {
    /// Errors of the recorder are the command's own.
    fn from_train(error: sae_train::TrainError) -> Self {
        match error {
            sae_train::TrainError::Hook(inner) => match inner.downcast::<CliError>() {
                Ok(own) => *own,
                Err(other) => Self::Train(sae_train::TrainError::Hook(other)),
            },
            other => Self::Train(other),
        }
    }
}
