//! A run folder: written while an experiment runs, opened again later.

use std::path::Path;
use std::time::Instant;

use burn::module::Module;
use burn::tensor::{DType, Device};
use sae_data::{Scaling, Tensors};
use sae_model::{DeepNetwork, SparseAutoencoder, named_parameters};
use sae_report::{Curve, Tile, feature_tiles, loss_curves, reconstructions};
use sae_stack::{
    EpochMetrics, Finished, Observer, Stage, WeightsError, autoencoder_of, network_of, weights_of,
};
use sae_train::{TrainError, Training};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::folder::RunFolder;
use crate::{
    ConfigError, DataFacts, Error, Experiment, Model, Outcome, Prepared, RunSummary, StageTime,
};

const CONFIG: &str = "config.toml";
const DATA: &str = "data.json";
const METRICS: &str = "metrics.jsonl";
const SUMMARY: &str = "summary.json";
const MODEL: &str = "model.safetensors";
/// The picture of the tiles.
pub const FEATURES: &str = "features.png";
const RECONSTRUCTIONS: &str = "reconstructions.png";
const CURVES: &str = "loss.svg";

/// A finished run, or one that was interrupted.
pub struct Run {
    folder: RunFolder,
    experiment: Experiment,
    facts: DataFacts,
}

impl Run {
    /// Opens the folder of a run.
    ///
    /// # Errors
    ///
    /// Refuses a folder that holds no run, or whose configuration was changed into something
    /// invalid.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let folder = RunFolder::open(path.as_ref())?;
        let experiment = Experiment::read(folder.file(CONFIG), &[])?;
        let facts = read_json(&folder, DATA)?;
        let run = Self {
            folder,
            experiment,
            facts,
        };
        if run.folder.has(MODEL) {
            run.check_model(&run.model()?)?;
        }
        Ok(run)
    }

    /// The model file says what the models are; a configuration that says something else was changed.
    fn check_model(&self, model: &Model) -> Result<(), Error> {
        let found = model.autoencoders().iter();
        let found: Vec<_> = found.map(|a| (a.hidden(), a.architecture())).collect();
        let layers = self.experiment.layers.iter();
        let expected: Vec<_> = layers.map(|l| (l.hidden, l.architecture())).collect();
        if found == expected {
            return Ok(());
        }
        let place = (0..found.len().max(expected.len())).find(|&k| found.get(k) != expected.get(k));
        Err(Error::Input(format!(
            "{}: layer {} is not what {} says of its hidden units, units, ties or top_k; expected the \
             configuration that the run was made with",
            self.folder.file(CONFIG).display(),
            place.unwrap_or(0),
            self.folder.file(MODEL).display()
        )))
    }

    /// The folder.
    pub fn folder(&self) -> &RunFolder {
        &self.folder
    }

    /// The resolved configuration.
    pub fn experiment(&self) -> &Experiment {
        &self.experiment
    }

    /// The configuration with changes, `key=value`, in order.
    ///
    /// # Errors
    ///
    /// As [`Experiment::read`].
    pub fn experiment_with(&self, set: &[String]) -> Result<Experiment, ConfigError> {
        Experiment::read(self.folder.file(CONFIG), set)
    }

    /// What its samples were.
    pub fn facts(&self) -> &DataFacts {
        &self.facts
    }

    /// Its models.
    ///
    /// # Errors
    ///
    /// Refuses a run that has not finished, and a file that is damaged.
    pub fn model(&self) -> Result<Model, Error> {
        Model::load(self.folder.file(MODEL))
    }

    /// Its figures.
    ///
    /// # Errors
    ///
    /// As [`Run::model`].
    pub fn summary(&self) -> Result<RunSummary, Error> {
        read_json(&self.folder, SUMMARY)
    }

    /// The metrics of every epoch.
    ///
    /// # Errors
    ///
    /// Refuses a file that is missing or damaged, naming the line.
    pub fn metrics(&self) -> Result<Vec<EpochMetrics>, Error> {
        let bytes = self.folder.read(METRICS)?;
        let text = String::from_utf8_lossy(&bytes);
        let parse = |(number, line): (usize, &str)| {
            serde_json::from_str(line).map_err(|error| {
                let file = self.folder.file(METRICS);
                Error::Input(format!("{}:{}: {error}", file.display(), number + 1))
            })
        };
        text.lines().enumerate().map(parse).collect()
    }

    /// Autoencoder number `layer`, from 1, as it was written when its stage had finished.
    ///
    /// # Errors
    ///
    /// Refuses a file that is missing or damaged, and one that is not what the configuration says.
    pub fn autoencoder(&self, layer: usize, dtype: DType) -> Result<SparseAutoencoder, Error> {
        let settings = layer
            .checked_sub(1)
            .and_then(|k| self.experiment.layers.get(k));
        let settings = settings.ok_or_else(|| {
            let count = self.experiment.layers.len();
            Error::Input(format!(
                "there is no autoencoder {layer}; expected 1 to {count}"
            ))
        })?;
        let stage = Stage::Autoencoder(layer).to_string();
        let model = self.weights(&stage, |tensors| {
            autoencoder_of(tensors, settings.architecture(), dtype, &Device::flex())
        })?;
        self.check_hidden(&stage, &[model.hidden()], &[settings.hidden])?;
        Ok(model)
    }

    /// The network of a stage on `device`; nothing where the run has none.
    ///
    /// # Errors
    ///
    /// As [`Run::autoencoder`].
    pub fn network(
        &self,
        stage: Stage,
        dtype: DType,
        device: &Device,
    ) -> Result<Option<DeepNetwork>, Error> {
        let stage = stage.to_string();
        if !self.folder.has(&weights_name(&stage)) {
            return Ok(None);
        }
        let layers = || self.experiment.layers.iter();
        let activations: Vec<_> = layers().map(|l| l.architecture().activation()).collect();
        let network = self.weights(&stage, |tensors| {
            network_of(tensors, &activations, dtype, device)
        })?;
        let found: Vec<usize> = network.encoders.iter().map(|e| e.outputs()).collect();
        let expected: Vec<usize> = layers().map(|layer| layer.hidden).collect();
        self.check_hidden(&stage, &found, &expected)?;
        Ok(Some(network))
    }

    /// The scaling that all inputs of its models go through; nothing where they are not scaled.
    ///
    /// # Errors
    ///
    /// Refuses a file that is missing or damaged.
    pub fn scaling(&self) -> Result<Option<Scaling>, Error> {
        if self.experiment.data.scaling.is_identity() {
            return Ok(None);
        }
        let read = |tensors: &Tensors| Ok(Scaling::from_tensors(tensors)?);
        self.weights(SCALING, read).map(Some)
    }

    fn weights<M>(
        &self,
        stage: &str,
        read: impl Fn(&Tensors) -> Result<M, WeightsError>,
    ) -> Result<M, Error> {
        let name = weights_name(stage);
        let bytes = self.folder.read(&name)?;
        let tensors = Tensors::from_bytes(&bytes).map_err(WeightsError::from);
        let model = tensors.and_then(|tensors| read(&tensors));
        model.map_err(|source| Error::Weights {
            path: self.folder.file(&name),
            source,
        })
    }

    fn check_hidden(&self, stage: &str, found: &[usize], expected: &[usize]) -> Result<(), Error> {
        if found == expected {
            return Ok(());
        }
        let path = self.folder.file(&weights_name(stage));
        let config = self.folder.file(CONFIG);
        Err(Error::Input(format!(
            "{}: has {found:?} hidden units but {} says {expected:?}; expected the configuration \
             that the run was made with",
            path.display(),
            config.display()
        )))
    }
}

const SCALING: &str = "scaling";

fn weights_name(stage: &str) -> String {
    format!("weights/{stage}.safetensors")
}

fn read_json<T: DeserializeOwned>(folder: &RunFolder, name: &str) -> Result<T, Error> {
    let bytes = folder.read(name)?;
    serde_json::from_slice(&bytes)
        .map_err(|error| Error::Input(format!("{}: {error}", folder.file(name).display())))
}

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
        folder.write(CONFIG, self.experiment.resolved()?.to_toml()?.as_bytes())?;
        write_json(&folder, DATA, &self.facts)?;
        if let Some(scaling) = &self.scaling {
            folder.write(&weights_name(SCALING), &scaling.to_tensors().to_bytes())?;
        }
        let mut recording = Recording::new(&folder, observer);
        let mut outcome = self.run(&mut recording)?;
        let Recording { curves, stages, .. } = recording;
        outcome.summary.stages = stages;
        folder.write(CURVES, loss_curves(&curves)?.as_bytes())?;
        self.draw(&folder, &outcome.model)?;
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
    let weight = named_parameters(&autoencoder.encoder.valid());
    let weight = weight.into_iter().find(|p| p.name == "weight");
    let weight = weight.map(|p| p.values).unwrap_or_default();
    Ok(match scaling {
        Some(scaling) => feature_tiles(tile, &scaling.directions(&weight, hidden), hidden)?,
        None => feature_tiles(tile, &weight, hidden)?,
    })
}

/// Writes metrics and weights while a stack is trained, and tells somebody else.
struct Recording<'a> {
    folder: &'a RunFolder,
    observer: &'a mut dyn Observer,
    started: Instant,
    curves: Vec<Curve>,
    stages: Vec<StageTime>,
}

impl<'a> Recording<'a> {
    fn new(folder: &'a RunFolder, observer: &'a mut dyn Observer) -> Self {
        Self {
            folder,
            observer,
            started: Instant::now(),
            curves: Vec::new(),
            stages: Vec::new(),
        }
    }
}

impl Observer for Recording<'_> {
    fn started(&mut self, stage: Stage, training: &Training) {
        self.started = Instant::now();
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
        self.folder.append(METRICS, &line).map_err(Error::from)?;
        if let Some(curve) = self.curves.last_mut() {
            curve.training.push(metrics.objective);
            curve.validation.extend(metrics.validation_objective);
        }
        self.observer.epoch(stage, metrics)
    }

    fn finished(&mut self, stage: Stage, finished: Finished<'_>) -> Result<(), TrainError> {
        let weights = match finished {
            Finished::Autoencoder(model, _) => weights_of(model),
            Finished::Network(network, _) => weights_of(network),
        };
        let stage_name = stage.to_string();
        self.folder
            .write(&weights_name(&stage_name), &weights.to_bytes())
            .map_err(Error::from)?;
        self.stages.push(StageTime {
            stage: stage_name,
            seconds: self.started.elapsed().as_secs_f64(),
        });
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
