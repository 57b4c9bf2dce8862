//! A model's layers inside the kernels, where rows go through them.

use sae_data::Samples;
use sae_kernels::Affine;
use sae_model::DeepNetwork;
use sae_stack::Forward;

use crate::part::Part;
use crate::passes::ready;
use crate::{Error, Model};

/// Rows that go through at once: enough for all threads, and little memory.
const ROWS_AT_ONCE: usize = 4096;

impl Model {
    /// Scaled rows to codes.
    pub(crate) fn codes(&self, scaled: &Part<'_>) -> Result<Samples, Error> {
        Ok(self.encoders()?.rows(scaled.samples, scaled.rows.clone())?)
    }

    /// Scaled rows to codes, into their place: `[rows, hidden]`.
    pub(crate) fn codes_into(&self, scaled: &Part<'_>, codes: &mut [f32]) -> Result<(), Error> {
        let (samples, rows) = (scaled.samples, scaled.rows.clone());
        Ok(self.encoders()?.rows_into(samples, rows, codes)?)
    }

    /// All rows to codes, each value scaled by itself as it is read.
    pub(crate) fn mapped_codes_into(
        &self,
        samples: &Samples,
        by: Affine<'_>,
        codes: &mut [f32],
    ) -> Result<(), Error> {
        let (encoders, rows) = (self.encoders()?, 0..samples.rows());
        Ok(encoders.rows_mapped_into(samples, rows, Some(by), codes)?)
    }

    fn encoders(&self) -> Result<&Forward, Error> {
        let models = &self.autoencoders;
        let encoders = || Forward::encoders(models, self.processors);
        Ok(ready(&self.passes.encoders, encoders)?)
    }

    /// Codes to scaled rows.
    pub(crate) fn decoded(&self, codes: &Samples) -> Result<Samples, Error> {
        let models = &self.autoencoders;
        let decoders = || Forward::decoders(models, self.processors);
        Ok(ready(&self.passes.decoders, decoders)?.all(codes)?)
    }

    /// Scaled rows to the scores of the classes, of which the softmax is still to be taken.
    pub(crate) fn class_scores(
        &self,
        network: &DeepNetwork,
        scaled: &Part<'_>,
    ) -> Result<Samples, Error> {
        let scores = || Forward::scores(network, self.processors);
        let pass = ready(&self.passes.scores, scores)?;
        Ok(pass.rows(scaled.samples, scaled.rows.clone())?)
    }

    /// Calls `work` with some rows at a time, as they are before scaling and after it.
    pub(crate) fn for_parts(
        &self,
        samples: &Samples,
        mut work: impl FnMut(&Part<'_>, &Part<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        for first in (0..samples.rows()).step_by(ROWS_AT_ONCE) {
            let rows = first..samples.rows().min(first + ROWS_AT_ONCE);
            let part = Part { samples, rows };
            match self.scaling() {
                Some(scaling) => {
                    let scaled = scaling.apply_rows(samples, part.rows.clone());
                    work(&part, &Part::all(&scaled))?;
                }
                None => work(&part, &part)?,
            }
        }
        Ok(())
    }
}
