//! The objective over all samples, in parts of bounded memory, over any executor and any group.
//!
//! The whole objective is the mean of the parts' objectives, weighted by their rows, once every part
//! uses the ρ̂ of the whole. That takes the note's three passes: forward over all parts for ρ̂, then
//! forward and backward over each. Parts are added up in their order, so that the result depends on
//! their size only through rounding.

use sae_data::Inputs;

use crate::data::{Held, Numbers};
use crate::sharded::{Sharded, Work};
use crate::{Data, Executor, Gradient, Group, Selected, Table, TrainError};

/// J, its terms and its gradient over all samples of `group`; the corruption is that of `epoch`, from 0.
///
/// # Errors
///
/// Refuses samples that do not fit the model; fails where others of the group do.
pub fn whole_gradient(
    executor: &mut dyn Executor,
    data: &Data<'_>,
    group: &Group,
    epoch: usize,
) -> Result<Gradient, TrainError> {
    let rows = data.whole;
    let size = part_size(executor, data);
    if group.shards() > 1 {
        let activity = mean_activity(executor, data, group, epoch)?;
        let mut sharded = Sharded { executor, group };
        let batches = &mut of_shards(data, group, size, epoch);
        let sum = sharded.gradient(rows, activity, batches, data)?;
        return Ok(sum.to_gradient());
    }
    if let Some(whole) = in_one_piece(executor, data, group) {
        return data.with_batch(group, whole, epoch, |batch| executor.gradient(batch));
    }
    let activity = mean_activity(executor, data, group, epoch)?;
    let added = data.for_batches(group, 0..rows, (size, epoch), |batch| {
        executor.backward(batch, rows, &activity)
    });
    if let Err(error) = added {
        // What was added up before it is no gradient of anything; there may be nothing.
        let _ = executor.finish();
        return Err(error);
    }
    executor.finish()
}

/// All samples, where one batch may have them.
pub(crate) fn in_one_piece<'d>(
    executor: &dyn Executor,
    data: &'d Data<'_>,
    group: &Group,
) -> Option<Held<'d>> {
    match &data.samples {
        Inputs::Memory(samples)
            if group.shards() == 1 && data.whole <= part_size(executor, data) =>
        {
            Some(Held {
                table: Table {
                    samples,
                    selected: Selected::Range(0, data.whole),
                },
                numbers: Numbers::Own,
            })
        }
        _ => None,
    }
}

/// The mean activity of each hidden unit over all samples of `group`; empty where the objective does not
/// depend on it.
///
/// # Errors
///
/// As [`whole_gradient`].
pub fn mean_activity(
    executor: &mut dyn Executor,
    data: &Data<'_>,
    group: &Group,
    epoch: usize,
) -> Result<Vec<f64>, TrainError> {
    let size = part_size(executor, data);
    let mut sharded = Sharded { executor, group };
    sharded.activity(data.whole, &mut of_shards(data, group, size, epoch))
}

/// The samples of each shard in their order.
fn of_shards<'d>(
    data: &'d Data<'_>,
    group: &'d Group,
    size: usize,
    epoch: usize,
) -> impl FnMut(usize, &mut Work<'_>) -> Result<(), TrainError> + use<'d> {
    move |shard, work| {
        let rows = data.rows_of(group, shard);
        data.for_batches(group, rows, (size, epoch), work)
    }
}

/// Corrupted samples are made part by part, and are not to fill the memory either.
fn part_size(executor: &dyn Executor, data: &Data<'_>) -> usize {
    const CORRUPTED: usize = 4096;
    match data.corruptor {
        Some(_) => executor.part_size().min(CORRUPTED),
        None => executor.part_size(),
    }
}
