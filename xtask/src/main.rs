//! Builds, runs and checks the workspace: `cargo xtask --help`.

use std::env;
use std::process::{Command, ExitCode, exit};

use clap::{Args, Parser, Subcommand};

/// Features of `sae-cli` beyond the default backend, all of which the checks cover.
const ALL_FEATURES: [&str; 2] = ["--features", "sae-cli/ndarray,sae-cli/wgpu"];

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
    Train(Train),
    /// Run all tests; those that need an adapter or MNIST are skipped by name where it is missing
    Test {
        /// Arguments of `cargo test`
        #[arg(last = true)]
        rest: Vec<String>,
    },
    /// Formatting, lints, documentation, tests and a smoke run, as continuous integration does
    Ci,
    /// Measure training steps: in the fused kernels, and per gradient rule and backend
    Bench {
        /// Backends to measure
        #[arg(long, value_delimiter = ',', default_value = "flex,ndarray")]
        backends: Vec<String>,
        /// A Python with PyTorch, to measure its steps and ours in turn instead
        #[arg(long, value_name = "PYTHON")]
        peers: Option<String>,
        /// Arguments of the benchmark, for example a filter
        #[arg(last = true)]
        rest: Vec<String>,
    },
}

#[derive(Args)]
struct Train {
    /// flex, ndarray or wgpu
    #[arg(long, default_value = "flex")]
    backend: String,
    /// Configuration file
    #[arg(long, default_value = "configs/shapes.toml")]
    config: String,
    /// Arguments of `sae train`, for example --seed 2 --out runs/mine
    #[arg(last = true)]
    rest: Vec<String>,
}

fn main() -> ExitCode {
    match Xtask::parse().task {
        Task::Train(train) => train.run(),
        Task::Test { rest } => test(&rest),
        Task::Ci => ci(),
        Task::Bench {
            backends,
            peers: None,
            rest,
        } => bench(&backends, &rest),
        Task::Bench {
            peers: Some(python),
            rest,
            ..
        } => compare(&python, &rest),
    }
    ExitCode::SUCCESS
}

impl Train {
    fn run(&self) {
        let mut build = cargo(&["run", "--release", "--package", "sae-cli", "--quiet"]);
        build.args(features(&[&self.backend]));
        build.args(["--", "train", &self.config, "--backend", &self.backend]);
        run(build.args(&self.rest));
    }
}

fn test(rest: &[String]) {
    let mut tests = cargo(&["test", "--workspace"]);
    // Without it graphics drivers complain, once per display system that they look for.
    if env::var_os("XDG_RUNTIME_DIR").is_none() {
        tests.env("XDG_RUNTIME_DIR", env::temp_dir());
    }
    run(tests.args(ALL_FEATURES).args(rest));
}

fn ci() {
    run(&mut cargo(&["fmt", "--all", "--check"]));
    let mut clippy = cargo(&["clippy", "--workspace", "--all-targets"]);
    run(clippy.args(ALL_FEATURES).args(["--", "--deny", "warnings"]));
    let mut doc = cargo(&[
        "doc",
        "--workspace",
        "--no-deps",
        "--document-private-items",
    ]);
    run(doc
        .args(ALL_FEATURES)
        .env("RUSTDOCFLAGS", "--deny warnings"));
    test(&[]);
    let out = env::temp_dir().join(format!("sae-ci-{}", std::process::id()));
    let smoke = Train {
        backend: "flex".to_owned(),
        config: "configs/tiny.toml".to_owned(),
        rest: vec!["--out".to_owned(), out.to_string_lossy().into_owned()],
    };
    smoke.run();
    // A left-over folder in the temporary directory harms nobody.
    let _ = std::fs::remove_dir_all(out);
}

fn bench(backends: &[String], rest: &[String]) {
    if rest.is_empty() {
        run(&mut cargo(&[
            "bench",
            "--package",
            "sae-kernels",
            "--bench",
            "fused_step",
        ]));
    }
    let mut bench = cargo(&["bench", "--package", "sae-cli", "--bench", "step"]);
    let names: Vec<&str> = backends.iter().map(String::as_str).collect();
    bench.args(features(&names)).arg("--").args(rest);
    run(bench.env("SAE_BENCH_BACKENDS", backends.join(",")));
}

/// Steps of ours and of PyTorch in turn.
fn compare(python: &str, rest: &[String]) {
    run(&mut cargo(&[
        "bench",
        "--package",
        "sae-kernels",
        "--no-run",
    ]));
    run(Command::new(python)
        .arg("benches/peers/compare.py")
        .args(rest));
}

/// The arguments that switch on just what `backends` need; flex is always there.
fn features(backends: &[&str]) -> Vec<String> {
    let beyond: Vec<&str> = backends.iter().copied().filter(|&b| b != "flex").collect();
    if let Some(unknown) = beyond.iter().find(|&&b| b != "ndarray" && b != "wgpu") {
        stop(&format!(
            "unknown backend `{unknown}`; expected flex, ndarray or wgpu"
        ));
    }
    if beyond.is_empty() {
        return vec![];
    }
    vec!["--features".to_owned(), beyond.join(",")]
}

fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()));
    command.args(args);
    command
}

/// Runs a command; where it fails, so does the task, with the same exit code.
fn run(command: &mut Command) {
    match command.status() {
        Ok(status) if status.success() => {}
        Ok(status) => exit(status.code().unwrap_or(1)),
        Err(error) => stop(&format!("{command:?} cannot be run: {error}")),
    }
}

#[expect(clippy::print_stderr, reason = "this is a program")]
fn stop(message: &str) -> ! {
    eprintln!("error: {message}");
    exit(2)
}
