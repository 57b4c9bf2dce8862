//! `cargo xtask torture`: faults without end, through the real program.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;

use crate::command::{cargo, run, stop};
use crate::test::WITH_PARQUET;

#[derive(Args)]
pub(crate) struct Torture {
    /// Seed of the random moments and places; without it another every time
    #[arg(long)]
    seed: Option<u64>,
    /// How many processes are killed at random moments, over all configurations
    #[arg(long, default_value_t = 200)]
    kills: u64,
    /// The program to torture, for example target/release/sae; without it the one of the tests
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// Arguments of the test program, for example part of a trial's name
    #[arg(last = true)]
    rest: Vec<String>,
}

impl Torture {
    pub(crate) fn run(&self) {
        need_strace();
        let mut tests = cargo(&["test", "--workspace", "--test", "torture"]);
        tests.args(WITH_PARQUET).arg("--").args(&self.rest);
        tests.env("SAE_TORTURE_KILLS", self.kills.to_string());
        tests.env(
            "SAE_TORTURE_SEED",
            self.seed.unwrap_or_else(any).to_string(),
        );
        if let Some(program) = &self.program {
            match program.canonicalize() {
                Ok(program) => tests.env("SAE_PROGRAM", program),
                Err(error) => stop(&format!("{}: {error}", program.display())),
            };
        }
        run(&mut tests);
    }
}

/// A seed that the trials print, so that it can be given again.
fn any() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(1, |now| now.as_secs())
}

fn need_strace() {
    let mut version = Command::new("strace");
    version.arg("--version").stdout(Stdio::null());
    if version.status().is_err() {
        stop("strace is missing; on Debian: apt-get install strace");
    }
}
