//! Builds, runs and checks the workspace: `cargo xtask --help`.

mod backend;
mod bench;
mod ci;
mod command;
mod fuzz;
mod python;
mod test;
mod threads;
mod torture;
mod train;

use clap::{Parser, Subcommand};

/// Tasks of the workspace
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Xtask {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build `sae` in release with what the backend needs, and train
    Train(train::Train),
    /// Run all tests on the CPU, or with --backend those of further backends; tests that need an
    /// adapter or MNIST are skipped by name where it is missing
    Test(test::Test),
    /// Formatting, lints, documentation, tests, a smoke run and the Python package, as continuous integration does
    Ci,
    /// Measure training steps: in the fused kernels, and per gradient rule and backend
    Bench(bench::Bench),
    /// Build the Python package with the program in it, a wheel, and run its tests
    Python(python::Python),
    /// Check the kernels' threads: every order of events with loom, every access with valgrind
    Threads,
    /// Give the readers of files from strangers bytes that may be anything, an hour each; needs a nightly
    /// compiler and cargo-fuzz
    Fuzz(fuzz::Fuzz),
    /// Kill runs, let calls of the system fail, and change files, by the hundred and one after the other: what
    /// comes out must be what an undisturbed run gives. Takes half an hour
    Torture(torture::Torture),
}

fn main() {
    match Xtask::parse().task {
        Task::Train(train) => train.run(),
        Task::Test(test) => test.run(),
        Task::Ci => ci::ci(),
        Task::Bench(bench) => bench.run(),
        Task::Python(python) => python.run(),
        Task::Threads => threads::threads(),
        Task::Fuzz(fuzz) => fuzz.run(),
        Task::Torture(torture) => torture.run(),
    }
}
