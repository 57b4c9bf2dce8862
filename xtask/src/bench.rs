//! `cargo xtask bench`

use std::process::Command;

use clap::Args;

use crate::backend::{Backend, features, names};
use crate::command::{cargo, run};

#[derive(Args)]
pub(crate) struct Bench {
    /// Backends to measure
    #[arg(long, value_delimiter = ',', default_value = "flex,ndarray")]
    backends: Vec<Backend>,
    /// A Python with PyTorch, to measure its steps and ours in turn instead
    #[arg(long, value_name = "PYTHON")]
    peers: Option<String>,
    /// Arguments of the benchmark, for example a filter
    #[arg(last = true)]
    rest: Vec<String>,
}

impl Bench {
    pub(crate) fn run(&self) {
        match &self.peers {
            Some(python) => self.compare(python),
            None => self.measure(),
        }
    }

    fn measure(&self) {
        if self.rest.is_empty() {
            run(kernels().args(["--bench", "fused_step"]));
        }
        let mut bench = cargo(&["bench", "--package", "sae-cli", "--bench", "step"]);
        bench
            .args(features(&self.backends, false))
            .arg("--")
            .args(&self.rest);
        run(bench.env("SAE_BENCH_BACKENDS", names(&self.backends)));
    }

    /// Steps of ours and of PyTorch in turn.
    fn compare(&self, python: &str) {
        run(kernels().arg("--no-run"));
        run(Command::new(python)
            .arg("benches/peers/compare.py")
            .args(&self.rest));
    }
}

fn kernels() -> Command {
    cargo(&["bench", "--package", "sae-kernels"])
}
