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
        let mut tests = tests(&["test", "--package", "sae-cli"]);
        if !self.backend.is_empty() {
            tests.args(["--test", "backends"]);
        }
        if self.mpi {
            tests.args(["--test", "cluster"]);
        }
        if self.hosts {
            tests.args(["--test", "hosts"]);
        }
        if self.backend.contains(&Backend::Wgpu) {
            // The kernels, and the tests of executors, to which theirs is added.
            tests.args(["--package", "sae-gpu", "--test", "against_cpu"]);
            tests.args(["--package", "sae-train"]);
            for test in OF_EXECUTORS {
                tests.args(["--test", test]);
            }
        }
        tests.args(features(&self.backend, self.mpi));
        let end = self.rest.iter().position(|argument| argument == "--");
        let (of_cargo, of_tests) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        tests.args(of_cargo).arg("--").args(of_tests.iter().skip(1));
        if self.hosts {
            tests.arg("--include-ignored");
        }
        for other in Backend::value_variants() {
            if !self.backend.contains(other) {
                tests.args(["--skip", &format!("{}_", other.name())]);
            }
        }
        run(&mut tests);
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
