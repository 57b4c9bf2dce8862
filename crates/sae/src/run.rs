//! The folder of a run, opened again.

use std::path::Path;

use burn::tensor::{DType, Device};
use sae_data::{Dataset, Purpose, Scaling, Tensors};
use sae_model::{DeepNetwork, SparseAutoencoder};
use sae_stack::{EpochMetrics, Stage, WeightsError, autoencoder_of, network_of};
use serde::de::DeserializeOwned;

use crate::folder::RunFolder;
use crate::{DataFacts, Error, Experiment, Model, RunSummary};

pub(crate) const CONFIG: &str = "config.toml";
pub(crate) const DATA: &str = "data.json";
pub(crate) const METRICS: &str = "metrics.jsonl";
pub(crate) const SUMMARY: &str = "summary.json";
/// The picture of the tiles.
pub const FEATURES: &str = "features.png";
pub(crate) const MODEL: &str = "model.safetensors";

/// A finished run, or one that was interrupted.
pub struct Run {
    folder: RunFolder,
    experiment: Experiment,
    facts: DataFacts,
    /// Of a finished run.
    model: Option<Model>,
}

impl Run {
    /// Opens the folder of a run.
    ///
    /// # Errors
    ///
    /// Refuses a folder that holds no run, or whose configuration was changed into something
    /// invalid.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::in_folder(RunFolder::open(path.as_ref())?)
    }

    /// As [`Run::open`], of a run whose files may have been changed: to look at what is left of it.
    ///
    /// # Errors
    ///
    /// Refuses a folder that holds no run, and what cannot be understood.
    pub fn unverified(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::in_folder(RunFolder::unverified(path.as_ref())?)
    }

    pub(crate) fn in_folder(folder: RunFolder) -> Result<Self, Error> {
        let experiment = settings_of(&folder, &[])?;
        let facts = read_json(&folder, DATA)?;
        let model = match folder.has(MODEL) {
            true => Some(model_of(&folder)?),
            false => None,
        };
        let run = Self {
            folder,
            experiment,
            facts,
            model,
        };
        if let Some(model) = &run.model {
            run.check_model(model)?;
        }
        Ok(run)
    }

    /// The model file says what the models are; a configuration that says something else was changed.
    fn check_model(&self, model: &Model) -> Result<(), Error> {
        let found = model.autoencoders().iter();
        let found: Vec<_> = found.map(|a| (a.hidden(), a.architecture())).collect();
        if self.facts.inputs() != model.inputs() {
            return Err(Error::Input(format!(
                "{}: says that a sample has {} values, but the model has {} inputs; expected the file that the \
                 run wrote",
                self.folder.file(DATA).display(),
                self.facts.inputs(),
                model.inputs()
            )));
        }
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

    /// The settings of a run that may be unfinished, with changes, `key=value`, in order.
    ///
    /// # Errors
    ///
    /// As [`Experiment::read`]; refuses a run that was cut off before it had written them.
    pub fn settings_in(folder: &RunFolder, set: &[String]) -> Result<Experiment, Error> {
        if !folder.has(CONFIG) {
            return Err(Error::Input(format!(
                "{} was cut off before it had written its {CONFIG}; train it with --overwrite",
                folder.path().display()
            )));
        }
        settings_of(folder, set)
    }

    /// The same as it was written, as TOML.
    ///
    /// # Errors
    ///
    /// Fails where it cannot be read.
    pub fn config(&self) -> Result<String, Error> {
        let bytes = self.folder.read(CONFIG)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The configuration with changes, `key=value`, in order.
    ///
    /// # Errors
    ///
    /// As [`Experiment::read`].
    pub fn experiment_with(&self, set: &[String]) -> Result<Experiment, Error> {
        settings_of(&self.folder, set)
    }

    /// What its samples were.
    pub fn facts(&self) -> &DataFacts {
        &self.facts
    }

    /// Rows of a file for the run's models, read as its own data are, with their labels as classes of
    /// the run where there are any.
    ///
    /// # Errors
    ///
    /// Refuses a file that cannot be read, rows that do not fit, and labels that are no class of the
    /// run.
    pub fn read(&self, path: &Path) -> Result<Dataset, Error> {
        let purpose = Purpose::Model(&self.facts.names);
        let reader = self.experiment.data.open(path, purpose);
        let mut reader = reader.map_err(|error| Error::in_table("data", error))?;
        let checked = self.facts.check_layout(reader.layout());
        checked.map_err(|error| error.in_file(path))?;
        let mut data = Dataset::read(
            &mut *reader,
            &path.display().to_string(),
            self.experiment.data.room(),
        )?;
        if let (Some(labels), false) = (&data.labels, self.facts.classes.is_empty()) {
            let labels = labels.within(&self.facts.classes);
            data.labels =
                Some(labels.map_err(|error| Error::Input(format!("{}: {error}", path.display())))?);
        }
        Ok(data)
    }

    /// Its models.
    ///
    /// # Errors
    ///
    /// Refuses a run that has not finished.
    pub fn model(&self) -> Result<Model, Error> {
        self.model.clone().ok_or_else(|| {
            Error::Input(format!(
                "{} is a run that has not finished; expected one with {MODEL}",
                self.folder.path().display()
            ))
        })
    }

    /// Whether it has figures; a run of imported weights has none.
    pub fn has_summary(&self) -> bool {
        self.folder.has(SUMMARY)
    }

    /// Its figures.
    ///
    /// # Errors
    ///
    /// As [`Run::model`].
    pub fn summary(&self) -> Result<RunSummary, Error> {
        read_json(&self.folder, SUMMARY)
    }

    /// Whether it is whole: neither being written nor cut off.
    pub fn is_finished(&self) -> bool {
        self.model.is_some()
    }

    /// The metrics of every epoch; of a run that has not finished those that are there, without a line
    /// that is written at this moment.
    ///
    /// # Errors
    ///
    /// Refuses a file that is damaged, naming the line, and of a finished run one that is missing.
    pub fn metrics(&self) -> Result<Vec<EpochMetrics>, Error> {
        if !self.is_finished() && !self.folder.has(METRICS) {
            return Ok(vec![]);
        }
        let bytes = self.folder.read(METRICS)?;
        let mut text = String::from_utf8_lossy(&bytes).into_owned();
        if !self.is_finished() {
            text.truncate(text.rfind('\n').map_or(0, |end| end + 1));
        }
        metrics_of(&text, &self.folder.file(METRICS).display())
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
        let tensors = match self.folder.verifies() {
            true => Tensors::from_bytes(&bytes),
            false => Tensors::unverified(&bytes),
        };
        let tensors = tensors.map_err(WeightsError::from);
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

/// The configuration in a run's folder, with changes.
pub(crate) fn settings_of(folder: &RunFolder, set: &[String]) -> Result<Experiment, Error> {
    let bytes = folder.read(CONFIG)?;
    let path = folder.file(CONFIG);
    let text = String::from_utf8_lossy(&bytes);
    let mut experiment = Experiment::parse(&path.to_string_lossy(), &text, set)?;
    experiment
        .data
        .relative_to(path.parent().unwrap_or(Path::new("")));
    Ok(experiment)
}

/// The model in a run's folder.
fn model_of(folder: &RunFolder) -> Result<Model, Error> {
    let bytes = folder.read(MODEL)?;
    let model = match folder.verifies() {
        true => Model::from_bytes(&bytes),
        false => Model::from_unverified(&bytes),
    };
    model.map_err(|error| error.in_file(&folder.file(MODEL)))
}

/// The lines of metrics; `file` is what errors call the text.
pub(crate) fn metrics_of(
    text: &str,
    file: &dyn std::fmt::Display,
) -> Result<Vec<EpochMetrics>, Error> {
    let parse = |(number, line): (usize, &str)| {
        serde_json::from_str(line)
            .map_err(|error| Error::Input(format!("{file}:{}: {error}", number + 1)))
    };
    text.lines().enumerate().map(parse).collect()
}

pub(crate) const SCALING: &str = "scaling";

pub(crate) fn weights_name(stage: &str) -> String {
    format!("weights/{stage}.safetensors")
}

pub(crate) fn read_json<T: DeserializeOwned>(folder: &RunFolder, name: &str) -> Result<T, Error> {
    let bytes = folder.read(name)?;
    serde_json::from_slice(&bytes)
        .map_err(|error| Error::Input(format!("{}: {error}", folder.file(name).display())))
}
