//! J and its gradient over all samples, at whatever point an optimiser asks for.

use std::cell::RefCell;

use burn::optim::GradientsParams;
use sae_model::{Fused, FusedBatch, Gradient, GradientRule, HostValue, Objective};

use crate::full_batch::{CHUNK, full_gradient};
use crate::{Source, TrainError};

/// The exact objective over all samples of a source, by the fused kernels or by Burn's operations.
pub(crate) struct Whole<'a, O, S> {
    pub objective: &'a O,
    pub rule: GradientRule,
    pub source: &'a S,
    pub fused: RefCell<Option<&'a mut Fused>>,
}

impl<O: Objective, S: Source<Batch = O::Batch>> Whole<'_, O, S> {
    pub(crate) fn gradient(
        &self,
        model: &O::Model,
    ) -> Result<(HostValue, GradientsParams), TrainError> {
        let mut fused = self.fused.borrow_mut();
        let (Some(fused), Some(host)) = (fused.as_deref_mut(), self.source.host()) else {
            let found = full_gradient(self.objective, self.rule, model, self.source, CHUNK)?;
            let Gradient { value, gradients } = found;
            return Ok((value.to_host(), gradients));
        };
        fused.set(model);
        let batch = FusedBatch {
            inputs: host.rows(None),
            targets: None,
            labels: host.labels,
        };
        let value = fused.step(batch, None).clone();
        Ok((value, fused.gradients(model)))
    }
}
