//! `cargo xtask test`

use std::env;
use std::process::Command;

use clap::{Args, ValueEnum};

use crate::backend::{Backend, features};
use crate::command::{cargo, run};

/// What takes little to build and is no part of the default program.
pub(crate) const WITH_PARQUET: [&str; 2] = ["--features", "sae-cli/parquet"];

/// Tests of sae-train that go through every executor, and those of the one on GPUs. On a software device the others
/// take minutes: `cargo test -p sae-train --features wgpu` runs them too.
const OF_EXECUTORS: [&str; 7] = [
    "executors",
    "fit",
    "full_batch",
    "gpu",
    "numbers",
    "safety",
    "state",
];

#[derive(Args)]
pub(crate) struct Test {
    /// Test these backends only, against flex; without it everything that needs none of them
    #[arg(long, value_delimiter = ',', value_name = "BACKEND")]
    pub(crate) backend: Vec<Backend>,
    /// Test training by several processes, and nothing else but backends that are named; needs an MPI, its
    /// mpicc (or what MPICC names) and its mpirun (SAE_MPIRUN)
    #[arg(long)]
    pub(crate) mpi: bool,
    /// With --mpi: also ranks on hosts apart, which are made of this one; for the superuser of a Linux machine
    #[arg(long, requires = "mpi")]
    pub(crate) hosts: bool,
    /// Arguments of `cargo test`, for example part of a test's name; after a further -- those of
    /// the tests
    #[arg(last = true)]
    pub(crate) rest: Vec<String>,
}

impl Test {
    pub(crate) fn run(&self) {
        if self.backend.is_empty() && !self.mpi {
            self.workspace();
        } else {
            self.special();
        }
    }

    /// All tests, with what takes little to build besides. A missing GPU is no failure here.
    fn workspace(&self) {
        let mut tests = tests(&["test", "--workspace"]);
        tests.args(WITH_PARQUET);
        run(tests.env_remove("SAE_REQUIRE_WGPU").args(&self.rest));
    }

    /// The test targets that other backends and MPI add to, and of backends just the tests of those wanted.
    fn special(&self) {
        let mut targets = vec![];
        if !self.backend.is_empty() {
            targets.push("backends");
        }
        if self.mpi {
            targets.push("cluster");
        }
        if self.on_gpu() {
            // The kernels, and the tests of executors, to which theirs is added.
            targets.push("against_cpu");
            targets.extend(OF_EXECUTORS);
        }
        run(&mut self.tests_of(&targets));
        if self.hosts {
            run(self.tests_of(&["hosts"]).arg("--ignored"));
        }
    }

    fn on_gpu(&self) -> bool {
        self.backend.iter().any(|backend| backend.is_gpu())
    }

    /// Always of the same packages, so that nothing is built twice.
    fn tests_of(&self, targets: &[&str]) -> Command {
        let mut tests = tests(&["test", "--package", "sae-cli"]);
        if self.on_gpu() {
            tests.args(["--package", "sae-gpu", "--package", "sae-train"]);
        }
        for target in targets {
            tests.args(["--test", target]);
        }
        tests.args(features(&self.backend, self.mpi));
        let end = self.rest.iter().position(|argument| argument == "--");
        let (of_cargo, of_tests) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        tests.args(of_cargo).arg("--").args(of_tests.iter().skip(1));
        for other in Backend::value_variants() {
            if !self.backend.contains(other) {
                tests.args(["--skip", &format!("{}_", other.name())]);
            }
        }
        tests
    }
}

fn tests(args: &[&str]) -> Command {
    let mut tests = cargo(args);
    // Without it graphics drivers complain, once per display system that they look for.
    if env::var_os("XDG_RUNTIME_DIR").is_none() {
        tests.env("XDG_RUNTIME_DIR", env::temp_dir());
    }
    tests
}
