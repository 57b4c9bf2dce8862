//! What one step more leads to.

use crate::Epoch;

/// What became of a session that was taken a step further.
#[derive(Debug, Clone, PartialEq)]
pub enum Advance {
    /// A step in the middle of an epoch.
    Step,
    /// The last step of an epoch.
    Epoch(Box<Epoch>),
    /// A number was not finite, and training went back to the start of the epoch.
    Retreat(Retreat),
}

/// Training went back to the start of an epoch, and halved its learning rate (see
/// [`Training::retreats`](crate::Training::retreats)).
#[derive(Debug, Clone, PartialEq)]
pub struct Retreat {
    /// How often that was done in the stage, this time included.
    pub retreats: usize,
    /// How often it may be done.
    pub most: usize,
    /// The epoch that begins again, from 1.
    pub epoch: usize,
    /// The learning rate that it begins with.
    pub learning_rate: f64,
    /// What was not finite.
    pub cause: String,
}
