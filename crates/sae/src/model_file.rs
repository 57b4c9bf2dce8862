//! A model in one file: safetensors whose metadata say all that the numbers do not.

use std::path::Path;

use burn::tensor::{DType, Device};
use sae_data::{Scaling, Tensors};
use sae_model::{Architecture, Unit};
use sae_stack::{WeightsError, autoencoder_of, network_of, weights_of};
use serde::{Deserialize, Serialize};

use crate::folder::{read_bounded, write_file};
use crate::{DataFacts, Error, Model, Run};

/// The version of the format that is written, and the newest that is read.
const FORMAT: u32 = 2;
/// From this one on every file has a seal.
const SEALED: u32 = 2;
/// No model file is larger: what is, is none.
const MOST_BYTES: u64 = 64 << 30;

/// The metadata of a model file, as JSON under the key `sae`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Description {
    /// Version of the format.
    format: u32,
    /// Version of the program that wrote it.
    version: String,
    /// Values per sample, before scaling.
    inputs: usize,
    /// The shape of an input, the classes, the numbers of samples.
    data: DataFacts,
    /// The autoencoders, the first one nearest the input.
    layers: Vec<LayerDescription>,
    /// Whether inputs are scaled.
    scaling: bool,
    /// Whether there is a fine-tuned network.
    network: bool,
    /// Quantiles of the scores of training samples.
    #[serde(default)]
    score_quantiles: Vec<f64>,
}

/// One autoencoder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct LayerDescription {
    inputs: usize,
    hidden: usize,
    encoder: Unit,
    decoder: Unit,
    tied: bool,
    top_k: Option<usize>,
}

impl LayerDescription {
    fn architecture(&self) -> Architecture {
        Architecture {
            encoder: self.encoder,
            decoder: self.decoder,
            tied: self.tied,
            top_k: self.top_k,
        }
    }
}

impl Model {
    /// Writes the model to one file, whole or not at all.
    ///
    /// # Errors
    ///
    /// Fails where the file cannot be written; an older one then stays as it was.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        Ok(write_file(path.as_ref(), &self.to_bytes()?)?)
    }

    /// The model of a run's folder, or in a file.
    ///
    /// # Errors
    ///
    /// As [`Run::open`] and [`Model::load`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        match path.as_ref().is_dir() {
            true => Run::open(path)?.model(),
            false => Self::load(path),
        }
    }

    /// Reads a model from its file; nothing else of its run is needed.
    ///
    /// # Errors
    ///
    /// Refuses a file that is no model, is damaged, or is of a newer format.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::load_with(path.as_ref(), Self::from_bytes)
    }

    /// As [`Model::load`], whatever its seal says: to look at a damaged file.
    ///
    /// # Errors
    ///
    /// Refuses what cannot be understood.
    pub fn load_unverified(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::load_with(path.as_ref(), Self::from_unverified)
    }

    fn load_with(path: &Path, read: fn(&[u8]) -> Result<Self, Error>) -> Result<Self, Error> {
        read(&model_bytes(path)?).map_err(|error| error.in_file(path))
    }

    /// The bytes of a model file. The same model gives the same bytes.
    ///
    /// # Errors
    ///
    /// None for a model that was trained or read.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let layer = |autoencoder: &sae_model::SparseAutoencoder| {
            let kind = autoencoder.architecture();
            LayerDescription {
                inputs: autoencoder.inputs(),
                hidden: autoencoder.hidden(),
                encoder: kind.encoder,
                decoder: kind.decoder,
                tied: kind.tied,
                top_k: kind.top_k,
            }
        };
        let description = Description {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            inputs: self.inputs(),
            data: self.facts.clone(),
            layers: self.autoencoders.iter().map(layer).collect(),
            scaling: self.scaling.is_some(),
            network: self.network.is_some(),
            score_quantiles: self.score_quantiles.clone(),
        };
        let text = serde_json::to_string(&description)
            .map_err(|error| Error::Input(format!("the model cannot be described: {error}")))?;
        let mut tensors = Tensors::described(text);
        if let Some(scaling) = &self.scaling {
            tensors.extend("scaling.", scaling.to_tensors());
        }
        for (index, autoencoder) in self.autoencoders.iter().enumerate() {
            let prefix = format!("autoencoders.{index}.");
            tensors.extend(&prefix, weights_of(autoencoder));
        }
        if let Some(network) = &self.network {
            tensors.extend("network.", weights_of(network));
        }
        Ok(tensors.to_bytes())
    }

    /// Reads what [`Model::to_bytes`] gave.
    ///
    /// # Errors
    ///
    /// As [`Model::load`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let wrong = |error: sae_data::TensorsError| Error::Input(error.to_string());
        let tensors = Tensors::from_bytes(bytes).map_err(wrong)?;
        let description = description(&tensors)?;
        if description.format >= SEALED {
            sae_data::seal::demand(bytes).map_err(wrong)?;
        }
        Self::described(&tensors, description)
    }

    /// As [`Model::from_bytes`], whatever the seal says.
    ///
    /// # Errors
    ///
    /// Refuses what cannot be understood.
    pub fn from_unverified(bytes: &[u8]) -> Result<Self, Error> {
        let tensors = Tensors::unverified(bytes);
        let tensors = tensors.map_err(|error| Error::Input(error.to_string()))?;
        let description = description(&tensors)?;
        Self::described(&tensors, description)
    }

    fn described(tensors: &Tensors, description: Description) -> Result<Self, Error> {
        let wrong = |error: &dyn std::fmt::Display| Error::Input(error.to_string());
        let device = Device::flex();
        let of = |result: Result<_, WeightsError>| result.map_err(|error| wrong(&error));
        let mut autoencoders = Vec::new();
        for (index, layer) in description.layers.iter().enumerate() {
            let own = tensors.below(&format!("autoencoders.{index}."));
            layer
                .architecture()
                .check(layer.hidden)
                .map_err(|error| wrong(&error))?;
            let model = of(autoencoder_of(
                &own,
                layer.architecture(),
                DType::F32,
                &device,
            ))?;
            if (model.inputs(), model.hidden()) != (layer.inputs, layer.hidden) {
                return Err(Error::Input(format!(
                    "autoencoder {} is {}-{} but described as {}-{}; expected a whole model file",
                    index + 1,
                    model.inputs(),
                    model.hidden(),
                    layer.inputs,
                    layer.hidden
                )));
            }
            autoencoders.push(model);
        }
        let scaling = match description.scaling {
            true => {
                let own = tensors.below("scaling.");
                Some(Scaling::from_tensors(&own).map_err(|error| wrong(&error))?)
            }
            false => None,
        };
        let network = match description.network {
            true => {
                let layers = description.layers.iter();
                let activations: Vec<_> = layers.map(|l| l.architecture().activation()).collect();
                let own = tensors.below("network.");
                let network = network_of(&own, &activations, DType::F32, &device);
                Some(network.map_err(|error| wrong(&error))?)
            }
            false => None,
        };
        if !description.network && !tensors.below("network.").is_empty() {
            return Err(wrong(&"it is described as without a network but holds one"));
        }
        if autoencoders.is_empty() {
            return Err(wrong(
                &"it is described as without layers; expected a whole model file",
            ));
        }
        let mut model = Self::new(description.data, scaling, autoencoders, network)?;
        if model.inputs() != description.inputs {
            return Err(Error::Input(format!(
                "it has {} inputs but is described as having {}; expected a whole model file",
                model.inputs(),
                description.inputs
            )));
        }
        let ordered = description.score_quantiles.is_sorted();
        model.score_quantiles = match ordered {
            true => description.score_quantiles,
            false => return Err(wrong(&"its quantiles of scores are not in order")),
        };
        Ok(model)
    }
}

/// The bytes of a model file, or of what is given as one. A link is the user's own here.
pub(crate) fn model_bytes(path: &Path) -> Result<Vec<u8>, Error> {
    let bytes = path.canonicalize();
    let bytes = bytes.and_then(|path| read_bounded(&path, MOST_BYTES));
    bytes.map_err(|source| Error::Read {
        path: path.to_owned(),
        source,
    })
}

fn description(tensors: &Tensors) -> Result<Description, Error> {
    let text = tensors.description.as_deref().ok_or_else(|| {
        Error::Input(
            "has no description; expected a model file that `sae train` wrote (model.safetensors)"
                .to_owned(),
        )
    })?;
    /// What every version of the format has.
    #[derive(Deserialize)]
    struct Format {
        format: u32,
    }
    let unreadable = |error: serde_json::Error| {
        Error::Input(format!(
            "its description cannot be read: {error}; expected a whole model file"
        ))
    };
    let Format { format } = serde_json::from_str(text).map_err(unreadable)?;
    if format > FORMAT {
        return Err(Error::Input(format!(
            "is of format {format}; expected at most {FORMAT}: it was written by a newer version of \
             this program"
        )));
    }
    serde_json::from_str(text).map_err(unreadable)
}
