//! A run folder, written while an experiment runs.

use sae_model::SparseAutoencoder;
use sae_report::{Picture, TileScale};
use sae_stack::{EpochMetrics, Finished, Observer, Stage, WeightsNow, weights_of};
use sae_train::{TrainError, Training};
use serde::Serialize;

use crate::folder::RunFolder;
use crate::live::{LIVE, Snapshots};
use crate::run::{CONFIG, DATA, METRICS, MODEL, SCALING, SUMMARY, weights_name};
use crate::tensorboard::{self, EVENTS};
use crate::{DataFacts, Error, Evidence, Experiment, FeatureOptions, Model, Outcome, Prepared};

fn write_json(folder: &RunFolder, name: &str, value: &impl Serialize) -> Result<(), Error> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Error::Input(format!("{name} cannot be written: {error}")))?;
    Ok(folder.write(name, format!("{text}\n").as_bytes())?)
}

impl Prepared {
    /// Runs the pipeline and writes everything that a run leaves behind into `folder`; `observer`
    /// is told as by [`Prepared::run`]. Weights and metrics are written as soon as their stage or
    /// epoch has ended.
    ///
    /// # Errors
    ///
    /// As [`Prepared::run`]; fails where a file cannot be written.
    pub fn run_into(
        &self,
        folder: RunFolder,
        observer: &mut dyn Observer,
    ) -> Result<(Outcome, RunFolder), Error> {
        let config = self.experiment.resolved()?.to_toml()?;
        folder.write(CONFIG, config.as_bytes())?;
        write_json(&folder, DATA, &self.facts)?;
        let is_logged = self.experiment.tensorboard;
        if is_logged {
            folder.write(EVENTS, &tensorboard::start(tensorboard::now(), &config)?)?;
        }
        if let Some(scaling) = &self.scaling {
            folder.write(&weights_name(SCALING), &scaling.to_tensors().to_bytes())?;
        }
        let mut recording = Recording::new(&folder, observer, is_logged);
        let outcome = self.run(&mut recording)?;
        let Recording { metrics, .. } = recording;
        folder.remove(LIVE)?;
        let tiles =
            outcome
                .model
                .features(&FeatureOptions::default(), None, self.experiment.seed)?;
        let tiles = tiles.draw(&self.facts, TileScale::Each)?;
        folder.write(&format!("features.{}", tiles.extension()), tiles.bytes())?;
        if let (true, Picture::Png(tiles)) = (is_logged, &tiles) {
            let epochs = outcome.summary.results.layers[0].epochs;
            let event = tensorboard::of_tiles(tensorboard::now(), epochs, tiles)?;
            folder.append(EVENTS, &event)?;
        }
        folder.write(MODEL, &outcome.model.to_bytes()?)?;
        write_json(&folder, SUMMARY, &outcome.summary)?;
        if self.experiment.report {
            let evidence = Evidence {
                name: folder.name(),
                experiment: self.experiment.clone(),
                config,
                model: outcome.model.clone(),
                summary: Some(outcome.summary.clone()),
                metrics,
                specimens: Ok(self.specimens.clone()),
            };
            folder.write_report(&evidence.report()?, false)?;
        }
        Ok((outcome, folder.complete()?))
    }
}

/// Writes metrics and weights while a stack is trained, and tells somebody else.
struct Recording<'a> {
    folder: &'a RunFolder,
    observer: &'a mut dyn Observer,
    /// Whether TensorBoard is told, too.
    is_logged: bool,
    metrics: Vec<EpochMetrics>,
    snapshots: Snapshots,
}

impl<'a> Recording<'a> {
    fn new(folder: &'a RunFolder, observer: &'a mut dyn Observer, is_logged: bool) -> Self {
        Self {
            is_logged,
            folder,
            observer,
            metrics: Vec::new(),
            snapshots: Snapshots::new(),
        }
    }
}

impl Observer for Recording<'_> {
    fn started(&mut self, stage: Stage, training: &Training, epochs: usize) {
        self.observer.started(stage, training, epochs);
    }

    fn epoch(&mut self, stage: Stage, metrics: &EpochMetrics) -> Result<(), TrainError> {
        let line = serde_json::to_string(metrics)
            .map_err(|error| Error::Input(format!("metrics cannot be written: {error}")))?;
        let line = format!("{line}\n");
        let appended = self.folder.append(METRICS, line.as_bytes());
        appended.map_err(Error::from)?;
        if self.is_logged {
            let event = tensorboard::of_epoch(tensorboard::now(), metrics)?;
            self.folder.append(EVENTS, &event).map_err(Error::from)?;
        }
        self.metrics.push(metrics.clone());
        self.observer.epoch(stage, metrics)
    }

    fn in_training(&mut self, stage: Stage, weights: WeightsNow<'_>) -> Result<(), TrainError> {
        self.snapshots.offer(self.folder, stage, weights)?;
        self.observer.in_training(stage, weights)
    }

    fn finished(&mut self, stage: Stage, finished: Finished<'_>) -> Result<(), TrainError> {
        let weights = match finished {
            Finished::Autoencoder(model, _) => weights_of(model),
            Finished::Network(network, _) => weights_of(network),
        };
        self.folder
            .write(&weights_name(&stage.to_string()), &weights.to_bytes())
            .map_err(Error::from)?;
        self.observer.finished(stage, finished)
    }
}

/// Makes a run folder of one autoencoder that was trained elsewhere.
///
/// # Errors
///
/// Refuses parts that do not fit together; fails where a file cannot be written.
pub fn import(
    folder: RunFolder,
    experiment: &Experiment,
    facts: &DataFacts,
    autoencoder: &SparseAutoencoder,
) -> Result<RunFolder, Error> {
    folder.write(CONFIG, experiment.to_toml()?.as_bytes())?;
    write_json(&folder, DATA, facts)?;
    let stage = Stage::Autoencoder(1).to_string();
    let weights = weights_of(autoencoder);
    folder.write(&weights_name(&stage), &weights.to_bytes())?;
    let model = Model::new(facts.clone(), None, vec![autoencoder.clone()], None)?;
    folder.write(MODEL, &model.to_bytes()?)?;
    Ok(folder.complete()?)
}
