//! How ranks reach each other: the least that sums in a fixed order need.

use std::fmt::Debug;
use std::time::Duration;

use super::{Failure, GroupError};

/// Messages between the ranks of a group, numbered from 0. Messages of one rank to another arrive in
/// the order in which they were sent.
pub trait Communicator: Debug + Send + Sync {
    /// The own number.
    fn rank(&self) -> usize;

    /// How many there are.
    fn ranks(&self) -> usize;

    /// Sends bytes to a rank while as many as `receive` holds come from it; either may be none.
    ///
    /// # Errors
    ///
    /// Says which rank has failed, and why, or that nothing came in time.
    fn exchange(&self, with: usize, send: &[u8], receive: &mut [u8]) -> Result<(), GroupError>;

    /// From now on nothing is waited for longer than this; before, for any time.
    fn be_patient_for(&self, longest: Duration);

    /// Tells all others that this rank has failed: what they wait for ends with an error that says why.
    fn fail(&self, failure: &Failure);
}

/// Nobody else.
#[derive(Debug, Clone, Copy)]
pub struct Alone;

impl Communicator for Alone {
    fn rank(&self) -> usize {
        0
    }

    fn ranks(&self) -> usize {
        1
    }

    fn exchange(&self, _: usize, _: &[u8], _: &mut [u8]) -> Result<(), GroupError> {
        Ok(())
    }

    fn be_patient_for(&self, _: Duration) {}

    fn fail(&self, _: &Failure) {}
}
