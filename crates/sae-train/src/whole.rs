//! The objective over all samples, in parts of bounded memory, over any executor.
//!
//! The whole objective is the mean of the parts' objectives, weighted by their rows, once every part
//! uses the ρ̂ of the whole. That takes the note's three passes: forward over all parts for ρ̂, then
//! forward and backward over each. Parts are added up in their order, so that the result depends on
//! their size only through rounding.

use sae_data::Inputs;

use crate::data::{Held, Numbers};
use crate::{Data, Executor, Gradient, Selected, Table, TrainError};

/// J, its terms and its gradient over all samples; the corruption is that of `epoch`, from 0.
///
/// # Errors
///
/// Refuses samples that do not fit the model.
pub fn whole_gradient(
    executor: &mut dyn Executor,
    data: &Data<'_>,
    epoch: usize,
) -> Result<Gradient, TrainError> {
    let rows = data.rows();
    let size = part_size(executor, data);
    if rows <= size
        && let Inputs::Memory(samples) = &data.samples
    {
        let whole = Held {
            table: Table {
                samples,
                selected: Selected::Range(0, rows),
            },
            numbers: Numbers::Own,
        };
        return data.with_batch(whole, epoch, |batch| executor.gradient(batch));
    }
    let activity = mean_activity(executor, data, epoch)?;
    let added = data.for_batches(size, epoch, |batch| {
        executor.backward(batch, rows, &activity)
    });
    if let Err(error) = added {
        // What was added up before it is no gradient of anything; there may be nothing.
        let _ = executor.finish();
        return Err(error);
    }
    executor.finish()
}

/// The mean activity of each hidden unit over all samples; empty where the objective does not depend
/// on it.
///
/// # Errors
///
/// Refuses samples that do not fit the model.
pub fn mean_activity(
    executor: &mut dyn Executor,
    data: &Data<'_>,
    epoch: usize,
) -> Result<Vec<f64>, TrainError> {
    let mut activity = vec![0.0; executor.hidden()];
    if activity.is_empty() {
        return Ok(activity);
    }
    let size = part_size(executor, data);
    data.for_batches(size, epoch, |batch| {
        executor.forward(batch, data.rows(), &mut activity)
    })?;
    Ok(activity)
}

/// Corrupted samples are made part by part, and are not to fill the memory either.
fn part_size(executor: &dyn Executor, data: &Data<'_>) -> usize {
    const CORRUPTED: usize = 4096;
    match data.corruptor {
        Some(_) => executor.part_size().min(CORRUPTED),
        None => executor.part_size(),
    }
}
