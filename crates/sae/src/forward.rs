//! A model's layers inside the kernels, where rows go through them.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use burn::tensor::Tensor;
use sae_data::Samples;
use sae_kernels::{Activation, Chain, Unit};
use sae_model::Dense;
use sae_train::{Selected, Table, TrainError};

use crate::{Error, Model};

/// Chains of layers, each made when it is first needed and shared by all copies of a model.
#[derive(Clone, Default)]
pub(crate) struct Chains {
    encoders: Arc<OnceLock<Mutex<Chain>>>,
    decoders: Arc<OnceLock<Mutex<Chain>>>,
    network: Arc<OnceLock<Mutex<Chain>>>,
}

impl fmt::Debug for Chains {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Chains")
    }
}

/// Layers on their way into a chain.
#[derive(Default)]
struct Layers {
    sizes: Vec<usize>,
    units: Vec<Activation>,
    parameters: Vec<f32>,
}

impl Layers {
    fn push(&mut self, weight: Tensor<2>, bias: Tensor<1>, unit: Activation) {
        let [inputs, outputs] = weight.dims();
        if self.sizes.is_empty() {
            self.sizes.push(inputs);
        }
        self.sizes.push(outputs);
        self.units.push(unit);
        self.parameters.extend(weight.into_data().iter::<f32>());
        self.parameters.extend(bias.into_data().iter::<f32>());
    }

    fn push_dense(&mut self, layer: &Dense, unit: Activation) {
        self.push(layer.weight.val(), layer.bias.val(), unit);
    }

    fn chain(&self) -> Result<Chain, Error> {
        let chain = Chain::new(&self.sizes, &self.units, &self.parameters, usize::MAX);
        Ok(chain.map_err(TrainError::from)?)
    }
}

/// Rows that go through at once: enough for all threads, and little memory.
const ROWS_AT_ONCE: usize = 4096;

impl Model {
    /// Scaled rows to codes.
    pub(crate) fn codes(&self, scaled: &Samples) -> Result<Samples, Error> {
        through(&self.chains.encoders, scaled, || {
            let mut layers = Layers::default();
            for model in &self.autoencoders {
                layers.push_dense(&model.encoder, model.encoder.activation);
            }
            layers
        })
    }

    /// Codes to scaled rows.
    pub(crate) fn decoded(&self, codes: &Samples) -> Result<Samples, Error> {
        through(&self.chains.decoders, codes, || {
            let mut layers = Layers::default();
            for model in self.autoencoders.iter().rev() {
                let (weight, bias) = (model.decoder_weight(), model.decoder.bias.val());
                layers.push(weight, bias, Activation::of(model.decoder.unit));
            }
            layers
        })
    }

    /// Scaled rows to the scores of the classes, of which the softmax is still to be taken.
    pub(crate) fn class_scores(&self, scaled: &Samples) -> Result<Samples, Error> {
        through(&self.chains.network, scaled, || {
            let mut layers = Layers::default();
            if let Some(network) = &self.network {
                for encoder in &network.encoders {
                    layers.push_dense(encoder, encoder.activation);
                }
                layers.push_dense(&network.head.output, Activation::of(Unit::Linear));
            }
            layers
        })
    }

    /// Calls `work` with some rows at a time, as they are before scaling and after it.
    pub(crate) fn for_parts(
        &self,
        samples: &Samples,
        mut work: impl FnMut(&Samples, &Samples) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let rows: Vec<usize> = (0..samples.rows()).collect();
        for part in rows.chunks(ROWS_AT_ONCE) {
            let part = match part.len() == rows.len() {
                true => Cow::Borrowed(samples),
                false => Cow::Owned(samples.select(part)),
            };
            match self.scaling() {
                Some(scaling) => work(&part, &scaling.apply(&part))?,
                None => work(&part, &part)?,
            }
        }
        Ok(())
    }
}

/// Rows through a chain, which is made of `layers` where it is not there yet.
fn through(
    chain: &OnceLock<Mutex<Chain>>,
    rows: &Samples,
    layers: impl FnOnce() -> Layers,
) -> Result<Samples, Error> {
    let made = match chain.get() {
        Some(made) => made,
        None => {
            let new = Mutex::new(layers().chain()?);
            chain.get_or_init(|| new)
        }
    };
    let mut chain = made.lock().unwrap_or_else(PoisonError::into_inner);
    let width = chain.outputs();
    if rows.rows() == 0 {
        let values = vec![];
        return Ok(Samples::Floats { width, values });
    }
    let single;
    let samples = match rows {
        Samples::Doubles { .. } => {
            single = rows.clone().in_single();
            &single
        }
        rows => rows,
    };
    let selected = Selected::Range(0, samples.rows());
    let inputs = Table { samples, selected }.rows()?;
    let values = chain.forward(inputs).map_err(TrainError::from)?;
    Ok(Samples::Floats { width, values })
}
