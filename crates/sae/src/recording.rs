//! A run folder, written while an experiment runs.

use sae_data::Scaling;
use sae_model::SparseAutoencoder;
use sae_report::{Curve, Tile, TileScale, feature_tiles, loss_curves, reconstructions};
use sae_stack::{EpochMetrics, Finished, Observer, Stage, WeightsNow, weights_of};
use sae_train::{TrainError, Training};
use serde::Serialize;

use crate::folder::RunFolder;
use crate::live::{LIVE, Snapshots};
use crate::run::{CONFIG, DATA, METRICS, MODEL, SCALING, SUMMARY, weights_name};
use crate::tensorboard::{self, EVENTS};
use crate::{DataFacts, Error, Experiment, Model, Outcome, Prepared};

/// The picture of the tiles.
pub const FEATURES: &str = "features.png";
const RECONSTRUCTIONS: &str = "reconstructions.png";
const CURVES: &str = "loss.svg";

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
        let Recording { curves, .. } = recording;
        folder.remove(LIVE)?;
        folder.write(CURVES, loss_curves(&curves)?.as_bytes())?;
        self.draw(&folder, &outcome.model)?;
        if let (true, Some(first)) = (is_logged, outcome.summary.results.layers.first()) {
            let tiles = folder.read(FEATURES)?;
            let event = tensorboard::of_tiles(tensorboard::now(), first.epochs, &tiles)?;
            folder.append(EVENTS, &event)?;
        }
        folder.write(MODEL, &outcome.model.to_bytes()?)?;
        write_json(&folder, SUMMARY, &outcome.summary)?;
        Ok((outcome, folder.complete()?))
    }

    /// The tiles, and the first test samples with their reconstructions by the first autoencoder.
    fn draw(&self, folder: &RunFolder, model: &Model) -> Result<(), Error> {
        let tile = self.facts.tile();
        let first = &model.autoencoders()[0];
        let scaling = self.scaling.as_ref();
        folder.write(FEATURES, &draw_features(first, scaling, tile)?)?;
        let shallow = Model::new(
            self.facts.clone(),
            self.scaling.clone(),
            vec![first.clone()],
            None,
        )?;
        let rows: Vec<usize> = (0..self.originals.rows()).collect();
        let reconstructed = shallow.reconstruct(&self.originals)?;
        let picture = reconstructions(
            tile,
            &self.originals.gather(&rows),
            &reconstructed.gather(&rows),
        )?;
        Ok(folder.write(RECONSTRUCTIONS, &picture)?)
    }
}

/// The tile picture of an autoencoder on images, as they are before scaling.
///
/// # Errors
///
/// Refuses weights that do not make tiles.
pub fn draw_features(
    autoencoder: &SparseAutoencoder,
    scaling: Option<&Scaling>,
    tile: Tile,
) -> Result<Vec<u8>, Error> {
    let hidden = autoencoder.hidden();
    let weight = autoencoder.encoder.weight.val().into_data();
    let weight: Vec<f64> = weight.iter::<f64>().collect();
    let columns = match scaling {
        Some(scaling) => scaling.directions(&weight, hidden),
        None => weight,
    };
    let unit = |j: usize| columns.iter().skip(j).step_by(hidden).copied();
    let directions: Vec<f64> = (0..hidden).flat_map(unit).collect();
    Ok(feature_tiles(tile, &directions, TileScale::Each)?)
}

/// Writes metrics and weights while a stack is trained, and tells somebody else.
struct Recording<'a> {
    folder: &'a RunFolder,
    observer: &'a mut dyn Observer,
    /// Whether TensorBoard is told, too.
    is_logged: bool,
    curves: Vec<Curve>,
    snapshots: Snapshots,
}

impl<'a> Recording<'a> {
    fn new(folder: &'a RunFolder, observer: &'a mut dyn Observer, is_logged: bool) -> Self {
        Self {
            is_logged,
            folder,
            observer,
            curves: Vec::new(),
            snapshots: Snapshots::new(),
        }
    }
}

impl Observer for Recording<'_> {
    fn started(&mut self, stage: Stage, training: &Training) {
        self.curves.push(Curve {
            title: stage.to_string(),
            training: Vec::new(),
            validation: Vec::new(),
        });
        self.observer.started(stage, training);
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
        if let Some(curve) = self.curves.last_mut() {
            curve.training.push(metrics.objective);
            curve.validation.extend(metrics.validation_objective);
        }
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
