//! A model's layers inside the kernels, where rows go through them.

use std::borrow::Cow;

use sae_data::Samples;
use sae_kernels::{Activation, Unit};

use crate::chains::{Layers, through};
use crate::{Error, Model};

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
