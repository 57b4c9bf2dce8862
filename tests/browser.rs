//! Reports of runs in a browser, by tests/browser/report.py: where SAE_PYTHON names a Python that can drive
//! it, and `chromium` is on the path; skipped by name elsewhere.

mod support;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use support::{has_python, python, succeed, text};

const TINY: &str = "configs/tiny.toml";
/// The sections of the report of a run with classes, by their ids.
const OF_A_RUN: [&str; 9] = [
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
/// Those of several runs side by side.
const OF_SEVERAL: [&str; 4] = ["figures", "settings", "training", "features"];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let browser = has_python() && is_on_path("chromium");
    let mnist = std::env::var_os("SAE_MNIST_DIR").is_some();
    type Test = fn() -> Result<(), Failed>;
    let tests: [(&str, Test, bool); 3] = [
        ("report_of_shapes_in_chromium", of_shapes, browser),
        ("report_of_mnist_in_chromium", of_mnist, browser && mnist),
        ("report_of_two_runs_in_chromium", of_two_runs, browser),
    ];
    let trials = tests.map(|(name, test, can)| Trial::test(name, test).with_ignored_flag(!can));
    libtest_mimic::run(&arguments, trials.into()).exit_code()
}

fn is_on_path(program: &str) -> bool {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&folders).any(|folder| folder.join(program).is_file())
}

fn of_shapes() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let run = train(folder.path(), "run", TINY, &[]);
    succeed(&["report", text(&run)]);
    look_at(&run.join("report.html"), &OF_A_RUN)
}

fn of_mnist() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let short = [
        "layers.0.hidden=24",
        "layers.1.hidden=16",
        "pretrain.epochs=1",
        "softmax.epochs=2",
        "finetune.epochs=2",
    ];
    let run = train(folder.path(), "run", "configs/mnist.toml", &short);
    succeed(&["report", text(&run)]);
    look_at(&run.join("report.html"), &OF_A_RUN)
}

fn of_two_runs() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let first = train(folder.path(), "first", TINY, &[]);
    let second = train(folder.path(), "second", TINY, &["layers.0.rho=0.2"]);
    let page = folder.path().join("comparison.html");
    succeed(&["report", text(&first), text(&second), "--out", text(&page)]);
    look_at(&page, &OF_SEVERAL)
}

fn train(folder: &Path, name: &str, config: &str, changes: &[&str]) -> PathBuf {
    let run = folder.join(name);
    let mut args = vec!["train", config, "--quiet", "--out", text(&run)];
    args.extend(changes.iter().flat_map(|change| ["--set", change]));
    succeed(&args);
    run
}

/// The page has these sections, and is as tests/browser/report.py asks.
fn look_at(page: &Path, sections: &[&str]) -> Result<(), Failed> {
    let names = sections.join(",");
    let printed = python(
        "tests/browser/report.py",
        &[text(page), "--sections", &names],
    )?;
    let start = format!("{} sections, ", sections.len());
    assert!(printed.starts_with(&start), "{printed}");
    Ok(())
}
