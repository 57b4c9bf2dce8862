//! A model's layers inside the kernels, where rows go through them.

use std::borrow::Cow;

use sae_data::Samples;
use sae_model::DeepNetwork;
use sae_stack::{Forward, Processors};

use crate::passes::ready;
use crate::{Error, Model};

/// Rows that go through at once: enough for all threads, and little memory.
const ROWS_AT_ONCE: usize = 4096;

impl Model {
    /// Scaled rows to codes.
    pub(crate) fn codes(&self, scaled: &Samples) -> Result<Samples, Error> {
        let models = &self.autoencoders;
        let encoders = || Forward::encoders(models, Processors::ALL);
        Ok(ready(&self.passes.encoders, encoders)?.all(scaled)?)
    }

    /// Codes to scaled rows.
    pub(crate) fn decoded(&self, codes: &Samples) -> Result<Samples, Error> {
        let models = &self.autoencoders;
        let decoders = || Forward::decoders(models, Processors::ALL);
        Ok(ready(&self.passes.decoders, decoders)?.all(codes)?)
    }

    /// Scaled rows to the scores of the classes, of which the softmax is still to be taken.
    pub(crate) fn class_scores(
        &self,
        network: &DeepNetwork,
        scaled: &Samples,
    ) -> Result<Samples, Error> {
        let scores = || Forward::scores(network, Processors::ALL);
        Ok(ready(&self.passes.scores, scores)?.all(scaled)?)
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
