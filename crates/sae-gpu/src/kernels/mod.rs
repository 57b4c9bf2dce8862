//! The kernels. Each compiles for the shapes of its model; only numbers of samples, and what changes from step to
//! step, are given at a launch.

pub(crate) mod back;
pub(crate) mod classify;
pub(crate) mod decode;
pub(crate) mod encode;
pub(crate) mod finish;
pub(crate) mod gradients;
pub(crate) mod ledger;
pub(crate) mod limits;
pub(crate) mod product;
pub(crate) mod samples;
mod sums;
mod units;
pub(crate) mod update;

pub(crate) use sums::ALL;
