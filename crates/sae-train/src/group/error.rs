//! What can go wrong between those who work together.

use thiserror::Error;

/// What a rank that has failed tells the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The code with which its process ends.
    pub code: u8,
    /// Why.
    pub message: String,
}

/// Why a group cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum GroupError {
    /// A rank has failed, and said why.
    #[error("rank {rank}: {}", failure.message)]
    Failed {
        /// Which one.
        rank: usize,
        /// What it said.
        failure: Failure,
    },
    /// A rank is not there any more, or the link to it.
    #[error(
        "rank {rank} has not answered for {seconds} s; expected its part of the step. Its process or the \
         link to it is lost, or it is slower than distributed.timeout allows"
    )]
    Silent {
        /// Which one.
        rank: usize,
        /// For how long it was waited for.
        seconds: u64,
    },
    /// Ranks have come to different models.
    #[error(
        "rank {rank} has another model than rank {other} after the same steps; expected the same bits. \
         Their machines compute differently: give all of them the same program and instruction_set"
    )]
    Differs {
        /// One.
        rank: usize,
        /// The other.
        other: usize,
    },
    /// The library of messages failed.
    #[error("messages between ranks fail: {0}")]
    Messages(String),
}
