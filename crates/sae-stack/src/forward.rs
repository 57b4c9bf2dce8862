//! Trained layers inside the kernels, through which rows go forward. They run on the CPU, wherever the
//! layers were trained; a row's result has the same bits whatever rows are beside it.

use std::fmt;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use burn::tensor::Tensor;
use sae_data::Samples;
use sae_kernels::{Activation, Affine, Chain, InstructionSet, Setting, Unit};
use sae_model::{DeepNetwork, Dense, SparseAutoencoder};
use sae_train::{Compute, Selected, Table, TrainError};

/// On what forward passes run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Processors {
    /// Threads, at most as many as there are processors.
    pub threads: usize,
    /// The instruction set; nothing for the best that there is.
    pub instruction_set: Option<InstructionSet>,
}

impl Processors {
    /// All of the machine.
    pub const ALL: Self = Self {
        threads: usize::MAX,
        instruction_set: None,
    };
}

impl From<&Compute> for Processors {
    fn from(compute: &Compute) -> Self {
        Self {
            threads: compute.threads,
            instruction_set: compute.instruction_set,
        }
    }
}

/// Layers that are not trained any more.
pub struct Forward {
    chain: Mutex<Chain>,
    outputs: usize,
}

impl Forward {
    /// The encoders of stacked autoencoders, the first one nearest the input.
    ///
    /// # Errors
    ///
    /// Refuses layers that do not chain; fails where no threads can be started.
    pub fn encoders(
        autoencoders: &[SparseAutoencoder],
        processors: Processors,
    ) -> Result<Self, TrainError> {
        let mut layers = Layers::default();
        for model in autoencoders {
            layers.push_dense(&model.encoder, model.encoder.activation);
        }
        layers.forward(processors)
    }

    /// Their decoders, from codes back to inputs.
    ///
    /// # Errors
    ///
    /// As [`Forward::encoders`].
    pub fn decoders(
        autoencoders: &[SparseAutoencoder],
        processors: Processors,
    ) -> Result<Self, TrainError> {
        let mut layers = Layers::default();
        for model in autoencoders.iter().rev() {
            let (weight, bias) = (model.decoder_weight(), model.decoder.bias.val());
            layers.push(weight, bias, Activation::of(model.decoder.unit));
        }
        layers.forward(processors)
    }

    /// A network, up to the scores of which the softmax is still to be taken.
    ///
    /// # Errors
    ///
    /// As [`Forward::encoders`].
    pub fn scores(network: &DeepNetwork, processors: Processors) -> Result<Self, TrainError> {
        let mut layers = Layers::default();
        for encoder in &network.encoders {
            layers.push_dense(encoder, encoder.activation);
        }
        layers.push_dense(&network.head.output, Activation::of(Unit::Linear));
        layers.forward(processors)
    }

    /// Number of values of a result.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// The results of rows of a table, `[rows, outputs]`.
    ///
    /// # Errors
    ///
    /// Refuses rows of another width.
    pub fn rows(&self, samples: &Samples, rows: Range<usize>) -> Result<Samples, TrainError> {
        let width = self.outputs;
        let mut values = vec![0.0; rows.len() * width];
        self.rows_into(samples, rows, &mut values)?;
        Ok(Samples::Floats { width, values })
    }

    /// As [`Forward::rows`], into `values`: `[rows, outputs]`.
    ///
    /// # Errors
    ///
    /// As [`Forward::rows`]; refuses room for another number of results.
    pub fn rows_into(
        &self,
        samples: &Samples,
        rows: Range<usize>,
        values: &mut [f32],
    ) -> Result<(), TrainError> {
        self.rows_mapped_into(samples, rows, None, values)
    }

    /// As [`Forward::rows_into`], of rows in single precision whose values are mapped as they are read.
    ///
    /// # Errors
    ///
    /// As [`Forward::rows_into`]; refuses to map rows of bytes.
    pub fn rows_mapped_into(
        &self,
        samples: &Samples,
        rows: Range<usize>,
        by: Option<Affine<'_>>,
        values: &mut [f32],
    ) -> Result<(), TrainError> {
        if rows.is_empty() {
            return Ok(());
        }
        let single;
        let (samples, rows) = match samples {
            Samples::Doubles { .. } => {
                single = samples.select(&rows.collect::<Vec<_>>()).in_single();
                (&single, 0..single.rows())
            }
            samples => (samples, rows),
        };
        let selected = Selected::Range(rows.start, rows.end);
        let mut inputs = Table { samples, selected }.rows()?;
        if let Some(by) = by {
            inputs = inputs.mapped(by).ok_or_else(|| {
                let expected = "numbers in single precision";
                Setting::new("values", "bytes, which are to be mapped", expected)
            })?;
        }
        let mut chain = self.chain.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(chain.forward_into(inputs, values)?)
    }

    /// The results of all rows of a table.
    ///
    /// # Errors
    ///
    /// As [`Forward::rows`].
    pub fn all(&self, samples: &Samples) -> Result<Samples, TrainError> {
        self.rows(samples, 0..samples.rows())
    }
}

impl fmt::Debug for Forward {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outputs = &self.outputs;
        f.debug_struct("Forward").field("outputs", outputs).finish()
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

    fn forward(self, processors: Processors) -> Result<Forward, TrainError> {
        let (sizes, units) = (&self.sizes, &self.units);
        let mut chain = Chain::new(sizes, units, &self.parameters, processors.threads)?;
        if let Some(set) = processors.instruction_set {
            chain = chain.with_instruction_set(set)?;
        }
        Ok(Forward {
            outputs: chain.outputs(),
            chain: Mutex::new(chain),
        })
    }
}
