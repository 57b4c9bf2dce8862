//! The report of a run, and of several side by side: what is said of each of their parts.

mod advice;
mod classifier;
mod compare;
mod curves;
mod evidence;
mod features;
mod map;
mod overview;
mod reproduce;
mod samples;
mod selectivity;
mod units;
mod write;

pub use compare::compare;
pub use evidence::Evidence;
pub use write::{FIGURES, REPORT, figure_files};
