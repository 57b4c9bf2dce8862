//! Who works on one model together, and the sums that they make: results are those of one process, to the
//! last bit, whatever the number of ranks.
//!
//! The samples are cut into [`Group::shards`] shards of neighbours, a number that the configuration decides.
//! Every rank, a process with messages to the others, has a run of them. Each shard is summed by itself, and the
//! shards' sums are added up in a binary tree whose shape the number of shards fixes; ranks own aligned runs, so
//! that one sum per rank travels.

mod communicator;
mod error;
mod sums;
mod threads;

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sae_kernels::Setting;

pub use communicator::{Alone, Communicator};
pub use error::{Failure, GroupError};
pub(crate) use sums::Tree;
pub use threads::Threads;

/// The most shards: far more than ranks that help.
pub const MOST_SHARDS: usize = 1 << 16;

/// Who works on one model together. Clones are of one group.
#[derive(Debug, Clone)]
pub struct Group {
    communicator: Arc<dyn Communicator>,
    shards: usize,
    /// Whether this rank wants to stop.
    wish: Arc<AtomicBool>,
    /// Whether all ranks know that one of them does.
    agreed: Arc<AtomicBool>,
}

impl Default for Group {
    /// One process, one shard.
    fn default() -> Self {
        Self::with(Arc::new(Alone), 1)
    }
}

impl Group {
    /// The ranks of `communicator`, on `shards` shards.
    ///
    /// # Errors
    ///
    /// Refuses what [`check_shards`] refuses, and a number of ranks that is no power of two or above that of
    /// the shards.
    pub fn new(communicator: Arc<dyn Communicator>, shards: usize) -> Result<Self, Setting> {
        check_shards(shards)?;
        let ranks = communicator.ranks();
        match ranks.is_power_of_two() && ranks <= shards {
            true => Ok(Self::with(communicator, shards)),
            false => {
                let expected =
                    format!("a power of two up to {shards}, which is distributed.shards");
                Err(Setting::new("the number of ranks", ranks, expected))
            }
        }
    }

    /// One process on `shards` shards.
    ///
    /// # Errors
    ///
    /// As [`check_shards`].
    pub fn alone(shards: usize) -> Result<Self, Setting> {
        Self::new(Arc::new(Alone), shards)
    }

    fn with(communicator: Arc<dyn Communicator>, shards: usize) -> Self {
        Self {
            communicator,
            shards,
            wish: Arc::default(),
            agreed: Arc::default(),
        }
    }

    /// Into how many shards samples are cut, a power of two; with 1, sums are not cut at all.
    pub fn shards(&self) -> usize {
        self.shards
    }

    /// How many processes there are.
    pub fn ranks(&self) -> usize {
        self.communicator.ranks()
    }

    /// The own number among them, from 0.
    pub fn rank(&self) -> usize {
        self.communicator.rank()
    }

    /// Whether this is rank 0, which reads, writes and speaks for all.
    pub fn is_first(&self) -> bool {
        self.rank() == 0
    }

    /// The shards of this rank.
    pub fn own(&self) -> Range<usize> {
        let each = self.shards() / self.ranks();
        self.rank() * each..(self.rank() + 1) * each
    }

    /// The rows of a shard of `whole` rows.
    pub fn rows(&self, shard: usize, whole: usize) -> Range<usize> {
        let place = |shard: usize| {
            let place = whole as u128 * shard as u128 / self.shards() as u128;
            place as usize
        };
        place(shard)..place(shard + 1)
    }

    /// The rows of this rank, of `whole` rows.
    pub fn own_rows(&self, whole: usize) -> Range<usize> {
        let own = self.own();
        self.rows(own.start, whole).start..self.rows(own.end - 1, whole).end
    }

    /// The rows of one of the own shards, among those of this rank.
    pub fn own_rows_of(&self, shard: usize, whole: usize) -> Range<usize> {
        let (first, rows) = (self.own_rows(whole).start, self.rows(shard, whole));
        rows.start - first..rows.end - first
    }

    /// Minibatches of an epoch of `whole` rows, of which each shard gives `batch`: as many as the largest
    /// shard has.
    pub fn steps(&self, whole: usize, batch: usize) -> usize {
        whole.div_ceil(self.shards()).div_ceil(batch)
    }

    /// The rows of a step, from 0, of such an epoch, of all shards together.
    pub fn rows_of_step(&self, whole: usize, batch: usize, step: usize) -> usize {
        let of = |rows: usize| rows.saturating_sub(step.saturating_mul(batch)).min(batch);
        let (fewest, longer) = (whole / self.shards(), whole % self.shards());
        longer * of(fewest + 1) + (self.shards() - longer) * of(fewest)
    }

    /// The sum over the shards of all ranks: `of` makes `count` numbers of each of the own.
    ///
    /// # Errors
    ///
    /// As `of`, and as [`Group::add`].
    pub fn sum<E: From<GroupError>>(
        &self,
        count: usize,
        mut of: impl FnMut(usize, &mut [f64]) -> Result<(), E>,
    ) -> Result<Vec<f64>, E> {
        let mut tree = Tree::new(|sum: &mut Vec<f64>, more: &Vec<f64>| sums::add_to(sum, more));
        for shard in self.own() {
            let mut numbers = vec![0.0; count];
            of(shard, &mut numbers)?;
            tree.push(numbers);
        }
        let mut sum = tree.sum().unwrap_or_default();
        self.add(&mut sum)?;
        Ok(sum)
    }

    /// The sum over all ranks, the same on each, in the place of `values`; every rank gives as many.
    ///
    /// # Errors
    ///
    /// As [`Communicator::exchange`].
    pub fn add(&self, values: &mut [f64]) -> Result<(), GroupError> {
        sums::add(&*self.communicator, values)
    }

    /// As [`Group::add`], in single precision, as gradients are inside the kernels.
    ///
    /// # Errors
    ///
    /// As [`Group::add`].
    pub fn add_single(&self, values: &mut [f32]) -> Result<(), GroupError> {
        sums::add(&*self.communicator, values)
    }

    /// As [`Group::add`]; besides, all ranks learn whether any of them wants to stop.
    ///
    /// # Errors
    ///
    /// As [`Group::add`].
    pub fn add_and_agree(&self, values: &mut Vec<f64>) -> Result<(), GroupError> {
        let wishes = self.wish.load(Ordering::SeqCst);
        values.push(f64::from(u8::from(wishes)));
        self.add(values)?;
        if values.pop().is_some_and(|wishes| wishes > 0.0) {
            self.agreed.store(true, Ordering::SeqCst);
        }
        Ok(())
    }

    /// The same group, in which this rank wants to stop once `wish` is true; it does so when all know.
    #[must_use]
    pub fn stopped_by(self, wish: Arc<AtomicBool>) -> Self {
        Self { wish, ..self }
    }

    /// Whether all ranks know that they stop now, at the same step.
    pub fn stops(&self) -> bool {
        let known = match self.ranks() {
            1 => &self.wish,
            _ => &self.agreed,
        };
        known.load(Ordering::SeqCst)
    }

    /// Bytes of rank 0, of whatever number, on every rank.
    ///
    /// # Errors
    ///
    /// As [`Communicator::exchange`].
    pub fn broadcast(&self, bytes: Vec<u8>) -> Result<Vec<u8>, GroupError> {
        let mut count = (bytes.len() as u64).to_le_bytes();
        self.spread(&mut count)?;
        let mut bytes = bytes;
        bytes.resize(u64::from_le_bytes(count) as usize, 0);
        self.spread(&mut bytes)?;
        Ok(bytes)
    }

    /// From rank 0 to as many again at each level.
    fn spread(&self, bytes: &mut [u8]) -> Result<(), GroupError> {
        let (communicator, rank) = (&*self.communicator, self.rank());
        for distance in sums::distances(self.ranks()) {
            if rank < distance {
                communicator.exchange(rank + distance, bytes, &mut [])?;
            } else if rank < 2 * distance {
                communicator.exchange(rank - distance, &[], bytes)?;
            }
        }
        Ok(())
    }

    /// Refuses ranks that have come to different values of `mark`.
    ///
    /// # Errors
    ///
    /// Names two ranks that differ; otherwise as [`Communicator::exchange`].
    pub fn agree(&self, mark: u32) -> Result<(), GroupError> {
        let (communicator, rank) = (&*self.communicator, self.rank());
        for distance in sums::distances(self.ranks()) {
            let other = rank ^ distance;
            let mut theirs = [0; size_of::<u32>()];
            communicator.exchange(other, &mark.to_le_bytes(), &mut theirs)?;
            if theirs != mark.to_le_bytes() {
                let (rank, other) = (rank.max(other), rank.min(other));
                return Err(GroupError::Differs { rank, other });
            }
        }
        Ok(())
    }

    /// From now on no rank waits for another for longer.
    pub fn be_patient_for(&self, longest: Duration) {
        self.communicator.be_patient_for(longest);
    }
}

/// Refuses a number of shards that is no power of two up to [`MOST_SHARDS`].
///
/// # Errors
///
/// Says so.
pub fn check_shards(shards: usize) -> Result<(), Setting> {
    match shards.is_power_of_two() && shards <= MOST_SHARDS {
        true => Ok(()),
        false => {
            let expected = format!("a power of two up to {MOST_SHARDS}");
            Err(Setting::new("shards", shards, expected))
        }
    }
}
