//! The batches of an epoch, in its random order.

use std::ops::Range;

use sae_data::{Inputs, OrderOf, Stored, Window, WindowReader, Windows};

use crate::data::{Held, Numbers, Selected, Table};
use crate::{Task, TrainError};

/// Which step of which epoch, from 0, in batches of how many samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub epoch: u64,
    pub step: usize,
    /// Of each shard.
    pub batch: usize,
}

/// Gives any batch of any epoch, those that follow one another at no cost. Nothing of it belongs to the
/// state of a training.
#[derive(Debug, Default)]
pub(crate) struct Feed {
    /// One for each of the own shards, once one of them was asked for.
    shards: Vec<ShardFeed>,
    /// Reads for all of them, where samples are not in memory.
    reader: Option<WindowReader>,
}

/// The same of one shard.
#[derive(Debug, Default)]
struct ShardFeed {
    /// Of samples in memory, the order of the epoch for which it was drawn.
    order: Option<(u64, Vec<usize>)>,
    /// Of samples that are not, those in memory at present and from where they come.
    windows: Option<Windows>,
    window: Option<Window>,
    waited: f64,
}

impl Feed {
    /// The samples of a step, those of one of the own shards; there may be none.
    ///
    /// # Errors
    ///
    /// Fails where they cannot be read; refuses batches for which the memory limit leaves no room.
    pub(crate) fn batch<'f>(
        &'f mut self,
        task: &'f Task<'_>,
        shard: usize,
        place: Place,
    ) -> Result<Held<'f>, TrainError> {
        let own = task.group.own();
        if self.shards.is_empty() {
            self.shards.resize_with(own.len(), ShardFeed::default);
        }
        let order = OrderOf {
            seed: task.seed,
            purpose: task.order,
            shard,
        };
        let rows = task.train.rows_of(&task.group, shard);
        let feed = &mut self.shards[shard - own.start];
        match &task.train.samples {
            Inputs::Memory(samples) => {
                let order = feed.order(order, place.epoch, rows);
                let first = place.step * place.batch;
                Ok(Held {
                    table: Table {
                        samples,
                        selected: Selected::Order(from(order, first, place.batch)),
                    },
                    numbers: Numbers::Own,
                })
            }
            Inputs::Stored(stored) => {
                // All shards together keep the limit, whoever has them.
                let limit = stored.limit / task.group.shards();
                let store = stored.store.clone();
                let reader = self.reader.get_or_insert_with(WindowReader::start);
                feed.stored(reader, order, &Stored { store, limit }, rows, place)
            }
        }
    }

    /// Seconds for which samples were waited for since this was last asked.
    pub(crate) fn waited(&mut self) -> f64 {
        let waited = self.shards.iter_mut().map(|feed| &mut feed.waited);
        waited.map(std::mem::take).sum()
    }
}

impl ShardFeed {
    fn order(&mut self, order: OrderOf, epoch: u64, rows: Range<usize>) -> &[usize] {
        let drawn = self.order.take().filter(|(of, _)| *of == epoch);
        let draw = || {
            let mut places = order.shuffled(epoch, rows.len());
            places.iter_mut().for_each(|place| *place += rows.start);
            (epoch, places)
        };
        &self.order.insert(drawn.unwrap_or_else(draw)).1
    }

    fn stored(
        &mut self,
        reader: &WindowReader,
        order: OrderOf,
        stored: &Stored,
        rows: Range<usize>,
        place: Place,
    ) -> Result<Held<'_>, TrainError> {
        let Place { epoch, step, batch } = place;
        let mut windows = match self.windows.take() {
            Some(windows) if windows.leads_to(epoch, step, batch) => windows,
            _ => {
                self.window = None;
                Windows::start(reader, stored, rows, batch, order, (epoch, step))?
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
}

/// Up to `most` of `rows` from a place on.
fn from(rows: &[usize], first: usize, most: usize) -> &[usize] {
    let end = first.saturating_add(most).min(rows.len());
    &rows[first.min(end)..end]
}
