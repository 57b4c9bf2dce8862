//! `cargo xtask bench`

use std::process::Command;

use clap::Args;

use crate::backend::{Backend, features, names};
use crate::command::{cargo, run};

#[derive(Args)]
pub(crate) struct Bench {
    /// Backends to measure
    #[arg(
        long,
        alias = "backends",
        value_delimiter = ',',
        default_value = "flex,ndarray"
    )]
    backend: Vec<Backend>,
    /// A Python with PyTorch, to measure its steps and ours in turn instead; with --backend wgpu or cuda on the GPU, for
    /// which PyTorch needs CUDA
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
            match self.on_gpu() {
                Some(gpu) => run(gpu_steps(gpu).args(["--bench", "gpu_step"])),
                None => run(kernels().args(["--bench", "fused_step"])),
            }
        }
        let mut bench = cargo(&["bench", "--package", "sae-cli", "--bench", "step"]);
        bench
            .args(features(&self.backend, false))
            .arg("--")
            .args(&self.rest);
        run(bench.env("SAE_BENCH_BACKENDS", names(&self.backend)));
    }

    /// Steps of ours and of PyTorch in turn.
    fn compare(&self, python: &str) {
        let mut compare = Command::new(python);
        compare.arg("benches/peers/compare.py");
        match self.on_gpu() {
            Some(gpu) => {
                run(gpu_steps(gpu).arg("--no-run"));
                compare.args(["--gpu", gpu.name()]);
            }
            None => run(kernels().arg("--no-run")),
        }
        run(compare.args(&self.rest));
    }

    /// The GPU's backend, where it is the only one.
    fn on_gpu(&self) -> Option<Backend> {
        match self.backend[..] {
            [backend] => Some(backend).filter(|backend| backend.is_gpu()),
            _ => None,
        }
    }
}

fn kernels() -> Command {
    cargo(&["bench", "--package", "sae-kernels"])
}

fn gpu_steps(gpu: Backend) -> Command {
    cargo(&["bench", "--package", "sae-gpu", "--features", gpu.name()])
}
