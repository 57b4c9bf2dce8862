//! Layers inside the kernels, made when they are first needed.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use burn::tensor::Tensor;
use sae_data::Samples;
use sae_kernels::{Activation, Chain};
use sae_model::Dense;
use sae_train::{Selected, Table, TrainError};

use crate::Error;

/// Chains of layers, each made when it is first needed and shared by all copies of a model.
#[derive(Clone, Default)]
pub(crate) struct Chains {
    pub encoders: Arc<OnceLock<Mutex<Chain>>>,
    pub decoders: Arc<OnceLock<Mutex<Chain>>>,
    pub network: Arc<OnceLock<Mutex<Chain>>>,
}

impl fmt::Debug for Chains {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Chains")
    }
}

/// Layers on their way into a chain.
#[derive(Default)]
pub(crate) struct Layers {
    sizes: Vec<usize>,
    units: Vec<Activation>,
    parameters: Vec<f32>,
}

impl Layers {
    pub fn push(&mut self, weight: Tensor<2>, bias: Tensor<1>, unit: Activation) {
        let [inputs, outputs] = weight.dims();
        if self.sizes.is_empty() {
            self.sizes.push(inputs);
        }
        self.sizes.push(outputs);
        self.units.push(unit);
        self.parameters.extend(weight.into_data().iter::<f32>());
        self.parameters.extend(bias.into_data().iter::<f32>());
    }

    pub fn push_dense(&mut self, layer: &Dense, unit: Activation) {
        self.push(layer.weight.val(), layer.bias.val(), unit);
    }

    fn chain(&self) -> Result<Chain, Error> {
        let chain = Chain::new(&self.sizes, &self.units, &self.parameters, usize::MAX);
        Ok(chain.map_err(TrainError::from)?)
    }
}

/// Rows through a chain, which is made of `layers` where it is not there yet.
pub(crate) fn through(
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
