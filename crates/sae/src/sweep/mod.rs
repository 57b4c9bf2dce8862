//! Many runs of one experiment, each with other settings: a plan, which workers carry out in any order and as
//! often as they are started, and what came of it.
//!
//! A sweep is a folder. `plan.json` says which runs there are; `configs/NAME.toml` is the whole configuration of
//! each; `runs/NAME` is its run folder; `results/NAME-rROUND.json` is there once it has ended.

mod config;
mod plan;
mod points;
mod report;
mod results;

pub use self::config::{Halving, Method, Metric, Range, RangeScale, SweepConfig, Values};
pub use self::plan::{Plan, PlannedRun};
pub use self::report::{SweepRow, sweep_document, sweep_rows};
pub use self::results::{Job, RunEnd, Shard, Sweep, Todo};
