//! Faults, through the real program: runs that are killed, whose calls of the system fail, whose files are
//! changed, and what becomes of them. A few of each by default; `cargo xtask torture` makes many.

#![cfg_attr(
    not(unix),
    allow(dead_code, unused_imports, reason = "signals are Unix's")
)]

mod calls;
mod configurations;
mod flips;
mod forged;
mod kills;
mod pairs;
mod plan;
mod resources;
#[path = "../support/mod.rs"]
mod support;
mod sweeps;
mod tally;

use std::process::ExitCode;

use libtest_mimic::Arguments;

use plan::Plan;

#[cfg(unix)]
fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let plan = Plan::of_environment();
    let mut trials = kills::trials(plan);
    trials.extend(kills::signals(plan));
    trials.extend(calls::trials(plan));
    trials.extend(flips::trials(plan));
    trials.extend(forged::trials(plan));
    trials.extend(pairs::trials(plan));
    trials.extend(resources::trials(plan));
    trials.extend(sweeps::trials(plan));
    let is_listed = arguments.list;
    let conclusion = libtest_mimic::run(&arguments, trials);
    if !is_listed {
        tally::print(plan);
    }
    conclusion.exit_code()
}

#[cfg(not(unix))]
fn main() -> ExitCode {
    ExitCode::SUCCESS
}
