//! Reports of runs in a browser, by tests/browser/report.py: where SAE_PYTHON names a Python that can drive
//! it, and `chromium` is on the path; skipped by name elsewhere.

mod support;

use std::path::Path;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use support::{has_python, python, succeed, text};

/// The sections of the report of a run with classes, by their ids.
const SECTIONS: [&str; 9] = [
    "overview",
    "training",
    "features",
    "selectivity",
    "units",
    "reconstructions",
    "classifier",
    "codes",
    "reproduce",
];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let browser = has_python() && is_on_path("chromium");
    let mnist = std::env::var_os("SAE_MNIST_DIR").is_some();
    let trials = vec![
        Trial::test("report_of_shapes_in_chromium", of_shapes).with_ignored_flag(!browser),
        Trial::test("report_of_mnist_in_chromium", of_mnist).with_ignored_flag(!browser || !mnist),
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn is_on_path(program: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).any(|folder| folder.join(program).is_file())
}

fn of_shapes() -> Result<(), Failed> {
    look_at("configs/tiny.toml", &[])
}

fn of_mnist() -> Result<(), Failed> {
    let short = [
        "layers.0.hidden=24",
        "layers.1.hidden=16",
        "pretrain.epochs=1",
        "softmax.epochs=2",
        "finetune.epochs=2",
    ];
    look_at("configs/mnist.toml", &short)
}

/// Trains, writes the report, and has it looked at.
fn look_at(config: &str, changes: &[&str]) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let run = folder.path().join("run");
    let mut args = vec!["train", config, "--quiet", "--out", text(&run)];
    args.extend(changes.iter().flat_map(|change| ["--set", change]));
    succeed(&args);
    succeed(&["report", text(&run)]);
    check(&run.join("report.html"))
}

/// The page's sections must be there, and it must be as tests/browser/report.py asks.
fn check(report: &Path) -> Result<(), Failed> {
    let sections = SECTIONS.join(",");
    let printed = python(
        "tests/browser/report.py",
        &[text(report), "--sections", &sections],
    )?;
    let start = format!("{} sections, ", SECTIONS.len());
    assert!(printed.starts_with(&start), "{printed}");
    Ok(())
}
