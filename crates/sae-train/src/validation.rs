//! J over the validation samples.

use sae_model::Figures;

use crate::session::Session;
use crate::sharded::{Sharded, Work};
use crate::whole::whole_gradient;
use crate::{BatchSize, Data, TrainError};

impl Session<'_> {
    /// J over all validation samples: in the minibatches' size, comparable with theirs, or exactly.
    pub(crate) fn validate(&mut self) -> Result<Option<Figures>, TrainError> {
        let Some(data) = &self.task.validation else {
            return Ok(None);
        };
        let (executor, group) = (&mut *self.executor, &self.task.group);
        let figures = match (self.training.batch, group.shards()) {
            (BatchSize::Full, _) => whole_gradient(executor, data, group, 0)?.figures,
            (BatchSize::Rows(size), 1) => {
                let mut mean = Figures::default();
                data.for_batches(group, 0..data.whole, (size, 0), |batch| {
                    let share = batch.rows() as f64 / data.whole as f64;
                    mean.add(&executor.figures(batch)?, share);
                    Ok(())
                })?;
                mean
            }
            (BatchSize::Rows(size), shards) => {
                let sharded = Sharded { executor, group };
                by_batches(sharded, data, size / shards)?
            }
        };
        Ok(Some(figures))
    }
}

/// The mean over batches to which every shard gives up to `size` rows.
fn by_batches(
    mut sharded: Sharded<'_>,
    data: &Data<'_>,
    size: usize,
) -> Result<Figures, TrainError> {
    let group = sharded.group;
    let mut mean = Figures::default();
    for step in 0..group.steps(data.whole, size) {
        let rows = group.rows_of_step(data.whole, size, step);
        let mut batches = |shard: usize, work: &mut Work<'_>| {
            let all = data.rows_of(group, shard);
            let first = all.end.min(all.start + step * size);
            let part = first..all.end.min(first + size);
            data.for_batches(group, part, (size, 0), work)
        };
        let activity = sharded.activity(rows, &mut batches)?;
        let gradient = sharded.gradient(rows, activity, &mut batches, data)?;
        mean.add(&gradient.figures, rows as f64 / data.whole as f64);
    }
    Ok(mean)
}
