//! `cargo xtask train`

use std::env::consts::EXE_SUFFIX;

use clap::Args;

use crate::backend::{Backend, features};
use crate::command::{cargo, run, say, target_folder};

#[derive(Args)]
pub(crate) struct Train {
    /// Where the run computes
    #[arg(long, default_value = "flex")]
    pub(crate) backend: Backend,
    /// Configuration file
    #[arg(long, default_value = "configs/shapes.toml")]
    pub(crate) config: String,
    /// Arguments of `sae train`, for example --seed 2 --out runs/mine
    #[arg(last = true)]
    pub(crate) rest: Vec<String>,
}

impl Train {
    pub(crate) fn run(&self) {
        self.announce();
        let mut build = cargo(&["run", "--release", "--package", "sae-cli"]);
        build.args(features(&[self.backend], false));
        build.args(["--", "train", &self.config]);
        run(build
            .args(["--backend", self.backend.name()])
            .args(&self.rest));
    }

    /// Says how long the first build takes; cargo shows the rest.
    fn announce(&self) {
        let program = target_folder().join(format!("release/sae{EXE_SUFFIX}"));
        if program.exists() {
            return;
        }
        let minutes = match self.backend {
            Backend::Flex | Backend::Ndarray => MINUTES,
            Backend::Wgpu | Backend::Cuda => MINUTES_OF_GPU,
        };
        say(&format!(
            "Building sae in release: about {minutes} minutes on 2 cores, the first time only"
        ));
    }
}

const MINUTES: u32 = 6;
const MINUTES_OF_GPU: u32 = 11;
