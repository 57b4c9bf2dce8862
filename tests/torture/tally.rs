//! Faults are counted: how many there were, and how many were survived.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test program says what it did"
)]

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use libtest_mimic::Failed;

use crate::plan::Plan;

static INJECTED: AtomicUsize = AtomicUsize::new(0);
static SURVIVED: AtomicUsize = AtomicUsize::new(0);

/// What became of the faults of one trial.
#[derive(Default)]
pub struct Tally {
    injected: usize,
    problems: Vec<String>,
}

impl Tally {
    /// Counts `faults`, which were survived or not.
    pub fn count(&mut self, faults: usize, what: &str, survived: Result<(), String>) {
        self.injected += faults;
        INJECTED.fetch_add(faults, Relaxed);
        match survived {
            Ok(()) => {
                SURVIVED.fetch_add(faults, Relaxed);
            }
            Err(problem) => {
                let problem = format!("{what}: {problem}");
                // Long trials are not waited for.
                eprintln!("{problem}");
                self.problems.push(problem);
            }
        }
    }

    /// How many there were.
    pub fn injected(&self) -> usize {
        self.injected
    }

    /// The end of the trial.
    pub fn conclude(self) -> Result<(), Failed> {
        if self.injected == 0 {
            return Err("no fault was injected".into());
        }
        match self.problems.is_empty() {
            true => Ok(()),
            false => Err(self.problems.join("\n").into()),
        }
    }
}

/// Says how many there were in all.
pub fn print(plan: Plan) {
    let (injected, survived) = (INJECTED.load(Relaxed), SURVIVED.load(Relaxed));
    println!(
        "seed {}: {injected} faults injected, {survived} survived",
        plan.seed
    );
}
