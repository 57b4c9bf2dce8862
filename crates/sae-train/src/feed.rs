//! The batches of an epoch, in its random order.

use sae_data::{Inputs, OrderOf, Stored, Window, Windows, order};

use crate::data::{Held, Numbers, Selected, Table};
use crate::{Task, TrainError};

/// Which step of which epoch, from 0, in batches of how many samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub epoch: u64,
    pub step: usize,
    pub batch: usize,
}

/// Gives any batch of any epoch, those that follow one another at no cost. Nothing of it belongs to the
/// state of a training.
#[derive(Debug, Default)]
pub(crate) struct Feed {
    /// Of samples in memory, the order of the epoch for which it was drawn.
    order: Option<(u64, Vec<usize>)>,
    /// Of samples that are not, those in memory at present and from where they come.
    windows: Option<Windows>,
    window: Option<Window>,
    waited: f64,
}

impl Feed {
    /// The samples of a step.
    ///
    /// # Errors
    ///
    /// Fails where they cannot be read; refuses batches for which the memory limit leaves no room.
    pub(crate) fn batch<'f>(
        &'f mut self,
        task: &'f Task<'_>,
        place: Place,
    ) -> Result<Held<'f>, TrainError> {
        match &task.train.samples {
            Inputs::Memory(samples) => {
                let order = self.order(task, place.epoch, samples.rows());
                let first = place.step * place.batch;
                Ok(Held {
                    table: Table {
                        samples,
                        selected: Selected::Order(from(order, first, place.batch)),
                    },
                    numbers: Numbers::Own,
                })
            }
            Inputs::Stored(stored) => self.stored(task, stored, place),
        }
    }

    fn order(&mut self, task: &Task<'_>, epoch: u64, rows: usize) -> &[usize] {
        let drawn = self.order.take().filter(|(of, _)| *of == epoch);
        let draw = || (epoch, order(task.seed, task.order, epoch, rows));
        &self.order.insert(drawn.unwrap_or_else(draw)).1
    }

    fn stored<'f>(
        &'f mut self,
        task: &Task<'_>,
        stored: &Stored,
        place: Place,
    ) -> Result<Held<'f>, TrainError> {
        let Place { epoch, step, batch } = place;
        let mut windows = match self.windows.take() {
            Some(windows) if windows.leads_to(epoch, step, batch) => windows,
            _ => {
                self.window = None;
                let (seed, purpose) = (task.seed, task.order);
                let order = OrderOf { seed, purpose };
                Windows::start(stored, batch, order, (epoch, step))?
            }
        };
        let window = match self.window.take() {
            Some(window) if windows.is_current(epoch, step, batch) => window,
            before => windows.take(before)?,
        };
        self.waited += windows.waited().as_secs_f64();
        let first = windows.place(step, batch);
        self.windows = Some(windows);
        let window = self.window.insert(window);
        Ok(Held {
            table: Table {
                samples: &window.samples,
                selected: Selected::Order(from(&window.order, first, batch)),
            },
            numbers: Numbers::Each(&window.numbers),
        })
    }

    /// Seconds for which samples were waited for since this was last asked.
    pub(crate) fn waited(&mut self) -> f64 {
        std::mem::take(&mut self.waited)
    }
}

/// Up to `most` of `rows` from a place on.
fn from(rows: &[usize], first: usize, most: usize) -> &[usize] {
    let end = first.saturating_add(most).min(rows.len());
    &rows[first.min(end)..end]
}
