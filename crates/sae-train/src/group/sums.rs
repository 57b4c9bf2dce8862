//! Sums over ranks in the order of one fixed binary tree, whatever the number of ranks.
//!
//! Ranks 2i and 2i + 1 add up first, then pairs of pairs, and so on: the tree's upper levels, whose lower ones
//! each rank has added up over its own shards. Both of a pair add the same two numbers, and a + b = b + a to
//! the last bit, so that nobody has to be told the result.

use bytemuck::Pod;

use super::{Communicator, GroupError};

/// Numbers that are added up.
pub(super) trait Number: Pod + std::ops::AddAssign {}

impl Number for f32 {}
impl Number for f64 {}

/// Above so many bytes, ranks share out who adds up what, so that less travels.
const SHORT: usize = 16 * 1024;

/// Puts the sum over all ranks in the place of `values`.
pub(super) fn add<T: Number>(
    communicator: &dyn Communicator,
    values: &mut [T],
) -> Result<(), GroupError> {
    match size_of_val(values) <= SHORT {
        true => add_all(communicator, values),
        false => add_shared_out(communicator, values),
    }
}

/// Each pair exchanges everything: as many messages as the tree has levels.
fn add_all<T: Number>(communicator: &dyn Communicator, values: &mut [T]) -> Result<(), GroupError> {
    let mut theirs = vec![T::zeroed(); values.len()];
    for distance in distances(communicator.ranks()) {
        let partner = communicator.rank() ^ distance;
        exchange(communicator, partner, values, &mut theirs)?;
        add_to(values, &theirs);
    }
    Ok(())
}

/// Each pair halves what it has to add up; then the halves travel back (Rabenseifner 2004). Twice the
/// messages, but each rank sends hardly more than twice the values.
fn add_shared_out<T: Number>(
    communicator: &dyn Communicator,
    values: &mut [T],
) -> Result<(), GroupError> {
    let rank = communicator.rank();
    let mut theirs = vec![T::zeroed(); values.len().div_ceil(2)];
    let mut part = 0..values.len();
    let mut halves = Vec::new();
    for distance in distances(communicator.ranks()) {
        let partner = rank ^ distance;
        let middle = part.start + part.len() / 2;
        let (low, high) = (part.start..middle, middle..part.end);
        let (keep, give) = match rank < partner {
            true => (low, high),
            false => (high, low),
        };
        let theirs = &mut theirs[..keep.len()];
        exchange(communicator, partner, &values[give.clone()], theirs)?;
        add_to(&mut values[keep.clone()], theirs);
        halves.push((partner, keep.clone(), give));
        part = keep;
    }
    for (partner, own, other) in halves.into_iter().rev() {
        let (sent, received) = apart(values, own, other);
        exchange(communicator, partner, sent, received)?;
    }
    Ok(())
}

/// Of one part to send and of another, beside it, to receive.
fn apart<T>(
    values: &mut [T],
    sent: std::ops::Range<usize>,
    received: std::ops::Range<usize>,
) -> (&[T], &mut [T]) {
    match sent.start < received.start {
        true => {
            let (low, high) = values.split_at_mut(received.start);
            (&low[sent], &mut high[..received.len()])
        }
        false => {
            let (low, high) = values.split_at_mut(sent.start);
            (&high[..sent.len()], &mut low[received])
        }
    }
}

/// From every rank to its partners, level by level.
pub(super) fn distances(ranks: usize) -> impl Iterator<Item = usize> {
    (0..ranks.trailing_zeros()).map(|level| 1 << level)
}

fn exchange<T: Number>(
    communicator: &dyn Communicator,
    with: usize,
    send: &[T],
    receive: &mut [T],
) -> Result<(), GroupError> {
    let (send, receive) = (
        bytemuck::cast_slice(send),
        bytemuck::cast_slice_mut(receive),
    );
    communicator.exchange(with, send, receive)
}

pub(super) fn add_to<T: Number>(values: &mut [T], more: &[T]) {
    let pairs = values.iter_mut().zip(more);
    pairs.for_each(|(sum, more)| *sum += *more);
}

/// The lower levels of the tree: adds up the shards of a rank, the first one first.
pub(crate) struct Tree<T, A> {
    /// Sums of aligned runs of shards, each with its level; every level occurs once at most.
    runs: Vec<(u32, T)>,
    add: A,
}

impl<T, A: Fn(&mut T, &T)> Tree<T, A> {
    /// Nothing yet; `add` adds the second to the first.
    pub(crate) fn new(add: A) -> Self {
        let runs = Vec::new();
        Self { runs, add }
    }

    /// The next shard's.
    pub(crate) fn push(&mut self, shard: T) {
        let mut run = (0, shard);
        while let Some(before) = self.runs.pop_if(|before| before.0 == run.0) {
            let (level, mut sum) = before;
            (self.add)(&mut sum, &run.1);
            run = (level + 1, sum);
        }
        self.runs.push(run);
    }

    /// The sum of an aligned run of shards, of which all were pushed; nothing where none was.
    pub(crate) fn sum(mut self) -> Option<T> {
        debug_assert!(self.runs.len() <= 1, "runs are powers of two");
        self.runs.pop().map(|(_, sum)| sum)
    }
}
