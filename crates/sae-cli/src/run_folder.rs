//! The folder that a run leaves behind, and reading it again.
//!
//! Every file is written whole: to a temporary file beside it, then renamed.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use burn::tensor::{DType, Device};
use sae_data::{Dataset, ImageShape, Scaling, ScalingConfig};
use sae_model::{DeepNetwork, SparseAutoencoder};
use sae_report::Tile;
use sae_stack::{EpochMetrics, WeightsError, decode_autoencoder, decode_network};
use serde::{Deserialize, Serialize};

use crate::config::{Config, Loaded, architecture};
use crate::error::CliError;

const CONFIG: &str = "config.toml";
const DATA: &str = "data.json";
const METRICS: &str = "metrics.jsonl";
const WEIGHTS: &str = "weights";
const SCALING: &str = "scaling";

/// `data.json`: what the samples of the run were.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFacts {
    /// Height of an image in pixels.
    pub height: usize,
    /// Width of an image in pixels.
    pub width: usize,
    /// The names of the classes; none without labels.
    pub classes: Vec<String>,
    /// Number of training samples.
    pub train: usize,
    /// Number of validation samples.
    pub validation: usize,
    /// Number of test samples.
    pub test: usize,
}

impl DataFacts {
    /// The size of a tile.
    pub fn tile(&self) -> Tile {
        Tile {
            height: self.height,
            width: self.width,
        }
    }
}

/// The size of a tile that shows an image.
pub fn tile(image: ImageShape) -> Tile {
    Tile {
        height: image.height,
        width: image.width,
    }
}

/// A run folder.
#[derive(Debug, Clone)]
pub struct RunFolder {
    path: PathBuf,
}

/// Where a run will be written.
#[derive(Debug, Clone)]
pub struct Destination {
    path: PathBuf,
    replace: bool,
}

impl Destination {
    /// `out` as the user gave it, or the first free one of `runs/NAME`, `runs/NAME-2`, ….
    /// Writes nothing.
    ///
    /// # Errors
    ///
    /// Refuses a folder that holds a run (unless `overwrite`) or anything else.
    pub fn choose(out: Option<&Path>, name: &str, overwrite: bool) -> Result<Self, CliError> {
        let Some(path) = out else {
            let numbered = (2..).map(|n| format!("{name}-{n}"));
            let free = std::iter::once(name.to_owned())
                .chain(numbered)
                .map(|name| Path::new("runs").join(name))
                .find(|path| !path.exists());
            return Ok(Self {
                path: free.unwrap_or_default(),
                replace: false,
            });
        };
        let holds_run = path.join(CONFIG).is_file();
        if holds_run && !overwrite {
            return Err(CliError::Input(format!(
                "{} already holds a run; give another --out, or --overwrite to replace it",
                path.display()
            )));
        }
        check_empty_unless(holds_run, path)?;
        Ok(Self {
            path: path.to_owned(),
            replace: holds_run,
        })
    }

    /// Creates the folder with its configuration and the facts of its data; an old run in it is
    /// removed first.
    ///
    /// # Errors
    ///
    /// Fails where the folder cannot be written.
    pub fn create(self, config: &Config, facts: &DataFacts) -> Result<RunFolder, CliError> {
        if self.replace {
            fs::remove_dir_all(&self.path).map_err(|e| unwritable(&self.path, e))?;
        }
        let folder = RunFolder { path: self.path };
        let weights = folder.path.join(WEIGHTS);
        fs::create_dir_all(&weights).map_err(|e| unwritable(&weights, e))?;
        let text = toml::to_string_pretty(config).map_err(|error| {
            CliError::Input(format!("the configuration cannot be written: {error}"))
        })?;
        folder.write(CONFIG, text.as_bytes())?;
        folder.write_json(DATA, facts)?;
        Ok(folder)
    }
}

/// Refuses a path that is a file or a folder with something in it, unless `allowed`.
///
/// # Errors
///
/// Names the path.
pub fn check_empty_unless(allowed: bool, path: &Path) -> Result<(), CliError> {
    let occupied =
        path.exists() && !fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none());
    if occupied && !allowed {
        return Err(CliError::Input(format!(
            "{} is there already and is not an empty folder; give another --out",
            path.display()
        )));
    }
    Ok(())
}

impl RunFolder {
    /// The folder of an earlier run.
    ///
    /// # Errors
    ///
    /// Refuses a path that holds no run.
    pub fn open(path: &Path) -> Result<Self, CliError> {
        if !path.join(CONFIG).is_file() {
            return Err(CliError::Input(format!(
                "{} holds no run (there is no {CONFIG} in it); expected a folder that `sae train` \
                 wrote",
                path.display()
            )));
        }
        Ok(Self {
            path: path.to_owned(),
        })
    }

    /// The path of a file in the folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The configuration of the run, checked.
    ///
    /// # Errors
    ///
    /// Refuses a file that was changed into something invalid.
    pub fn config(&self) -> Result<Config, CliError> {
        Ok(Loaded::read(&self.file(CONFIG), &[])?.check()?.config)
    }

    /// What the samples of the run were.
    ///
    /// # Errors
    ///
    /// Refuses a file that is missing or damaged.
    pub fn facts(&self) -> Result<DataFacts, CliError> {
        let path = self.file(DATA);
        let bytes = self.read(DATA)?;
        serde_json::from_slice(&bytes)
            .map_err(|error| CliError::Input(format!("{}: {error}", path.display())))
    }

    /// Writes one file whole.
    ///
    /// # Errors
    ///
    /// Fails where it cannot be written; an older file of that name then stays as it was.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), CliError> {
        write_file(&self.file(name), bytes)
    }

    /// Writes a value as JSON.
    ///
    /// # Errors
    ///
    /// As [`RunFolder::write`].
    pub fn write_json(&self, name: &str, value: &impl Serialize) -> Result<(), CliError> {
        let text = serde_json::to_string_pretty(value)
            .map_err(|error| unwritable(&self.file(name), error.into()))?;
        self.write(name, format!("{text}\n").as_bytes())
    }

    /// Writes the weights of a stage.
    ///
    /// # Errors
    ///
    /// As [`RunFolder::write`].
    pub fn write_weights(&self, stage: &str, bytes: &[u8]) -> Result<(), CliError> {
        self.write(&weights_name(stage), bytes)
    }

    /// Appends one line to the metrics.
    ///
    /// # Errors
    ///
    /// Fails where the file cannot be written.
    pub fn append_metrics(&self, metrics: &EpochMetrics) -> Result<(), CliError> {
        let path = self.file(METRICS);
        let append = || {
            let line = serde_json::to_string(metrics)?;
            let mut file = fs::OpenOptions::new()
                .create(true)
                .append(true)
                .open(&path)?;
            file.write_all(format!("{line}\n").as_bytes())
        };
        append().map_err(|error| unwritable(&path, error))
    }

    /// The autoencoder number `layer`, from 1, of a run of `config`.
    ///
    /// # Errors
    ///
    /// Refuses a file that is missing or damaged.
    pub fn autoencoder(
        &self,
        layer: usize,
        config: &Config,
        dtype: DType,
        device: &Device,
    ) -> Result<SparseAutoencoder, CliError> {
        let architecture = architecture(&config.layers[layer - 1]);
        self.weights(&format!("autoencoder-{layer}"), |bytes| {
            decode_autoencoder(bytes, architecture, dtype, device)
        })
    }

    /// The network of `stage` of a run of `config`, or nothing where the run has none.
    ///
    /// # Errors
    ///
    /// Refuses a file that is damaged.
    pub fn network(
        &self,
        stage: &str,
        config: &Config,
        device: &Device,
    ) -> Result<Option<DeepNetwork>, CliError> {
        if !self.file(&weights_name(stage)).is_file() {
            return Ok(None);
        }
        let activations: Vec<_> = config
            .layers
            .iter()
            .map(|layer| architecture(layer).activation())
            .collect();
        self.weights(stage, |bytes| {
            decode_network(bytes, &activations, DType::F32, device)
        })
        .map(Some)
    }

    /// Writes the scaling that all inputs of the run's models go through.
    ///
    /// # Errors
    ///
    /// As [`RunFolder::write`].
    pub fn write_scaling(&self, scaling: &Scaling) -> Result<(), CliError> {
        self.write_weights(SCALING, &scaling.to_bytes())
    }

    /// The scaling of a run of `config`; nothing where its inputs are not scaled.
    ///
    /// # Errors
    ///
    /// Refuses a file that is missing or damaged.
    pub fn scaling(&self, config: &Config) -> Result<Option<Scaling>, CliError> {
        if ScalingConfig::from(&config.data.scaling) == ScalingConfig::NONE {
            return Ok(None);
        }
        self.weights(SCALING, |bytes| {
            Scaling::from_bytes(bytes).map_err(WeightsError::Format)
        })
        .map(Some)
    }

    fn weights<M>(
        &self,
        stage: &str,
        decode: impl Fn(&[u8]) -> Result<M, WeightsError>,
    ) -> Result<M, CliError> {
        let name = weights_name(stage);
        let bytes = self.read(&name)?;
        decode(&bytes).map_err(|source| CliError::Weights {
            path: self.file(&name),
            source,
        })
    }

    fn read(&self, name: &str) -> Result<Vec<u8>, CliError> {
        let path = self.file(name);
        fs::read(&path).map_err(|error| {
            CliError::Input(format!("{}: cannot be read: {error}", path.display()))
        })
    }
}

fn weights_name(stage: &str) -> String {
    format!("{WEIGHTS}/{stage}.safetensors")
}

/// The facts of a run's data.
pub fn facts(train: &Dataset, validation: Option<&Dataset>, test: &Dataset) -> DataFacts {
    DataFacts {
        height: train.image.height,
        width: train.image.width,
        classes: match &train.labels {
            Some(labels) => labels.classes.clone(),
            None => vec![],
        },
        train: train.rows(),
        validation: validation.map_or(0, Dataset::rows),
        test: test.rows(),
    }
}

/// Writes one file whole: to a temporary file beside it, then renamed.
///
/// # Errors
///
/// Fails where it cannot be written; an older file of that name then stays as it was.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    let write = || {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(bytes)?;
        readable_by_all(file.as_file())?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    write().map_err(|error| unwritable(path, error))
}

/// Temporary files are private; results are not.
#[cfg(unix)]
fn readable_by_all(file: &fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable_by_all(_file: &fs::File) -> std::io::Result<()> {
    Ok(())
}

fn unwritable(path: &Path, source: std::io::Error) -> CliError {
    CliError::Write {
        path: path.to_owned(),
        source,
    }
}
