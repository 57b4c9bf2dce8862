//! Event files for TensorBoard, read by its own reader where SAE_PYTHON names a Python that has it;
//! those tests are skipped by name elsewhere.

mod support;

use std::path::Path;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use support::{has_python, python, refuse, succeed, text};
use tempfile::tempdir;

const TINY: &str = "configs/tiny.toml";
const EVENTS: &str = "tensorboard/events.out.tfevents.sae";

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let with_python = |name: &str, test: fn() -> Result<(), Failed>| {
        Trial::test(name, test).with_ignored_flag(!has_python())
    };
    let trials = vec![
        with_python("tensorboard_reads_what_training_wrote", while_training),
        with_python("tensorboard_reads_what_was_made_later", afterwards),
        Trial::test("event_files_belong_to_their_run", belonging),
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Compares by tests/reference/events.py.
fn compare(folder: &Path, run: &Path) -> Result<(), Failed> {
    let printed = python("tests/reference/events.py", &[text(folder), text(run)])?;
    // Autoencoders 1 and 2 have the terms and ρ̂; softmax, fine-tuning and control do not.
    let ends = printed.trim_end().ends_with("scalars, 2 histograms");
    assert!(ends && !printed.starts_with("0 "), "{printed}");
    Ok(())
}

fn while_training() -> Result<(), Failed> {
    let folder = tempdir()?;
    let run = folder.path().join("run");
    succeed(&[
        "train",
        TINY,
        "--quiet",
        "--tensorboard",
        "--out",
        text(&run),
    ]);
    compare(&run.join("tensorboard"), &run)
}

/// Also of a run whose last line is half written, as a disk that filled up leaves it.
fn afterwards() -> Result<(), Failed> {
    let folder = tempdir()?;
    let run = folder.path().join("run");
    succeed(&["train", TINY, "--quiet", "--out", text(&run)]);
    let printed = succeed(&["tensorboard", text(&run)]);
    assert!(printed.contains("tensorboard --logdir "), "{printed}");
    compare(&run.join("tensorboard"), &run)?;

    std::fs::remove_file(run.join("model.safetensors"))?;
    let metrics = run.join("metrics.jsonl");
    let lines = std::fs::read_to_string(&metrics)?;
    let (whole, _) = lines.trim_end().rsplit_once('\n').ok_or("several lines")?;
    let whole = format!("{whole}\n");
    std::fs::write(&metrics, &lines[..whole.len() + 20])?;
    let out = folder.path().join("some/events");
    let torn = ["tensorboard", text(&run), "--out", text(&out)];
    let message = refuse(&torn);
    assert!(message.contains("metrics.jsonl: damaged"), "{message}");
    succeed(&[&torn[..], &["--no-verify"]].concat());
    std::fs::write(&metrics, whole)?;
    compare(&out, &run)
}

/// A run that is replaced takes its event file with it; one that has not finished is left alone; other
/// folders are no runs.
fn belonging() -> Result<(), Failed> {
    let folder = tempdir()?;
    let run = folder.path().join("run");
    let message = refuse(&["tensorboard", text(&run)]);
    assert!(message.starts_with(text(&run)), "{message}");

    succeed(&[
        "train",
        TINY,
        "--quiet",
        "--tensorboard",
        "--out",
        text(&run),
    ]);
    assert!(run.join(EVENTS).is_file());
    std::fs::write(run.join("tensorboard/own.txt"), "mine")?;
    let again = ["train", TINY, "--quiet", "--overwrite", "--out", text(&run)];
    succeed(&again);
    assert!(!run.join(EVENTS).exists());
    assert!(run.join("tensorboard/own.txt").is_file());
    succeed(&["tensorboard", text(&run)]);
    assert!(run.join(EVENTS).is_file());
    succeed(&again);
    assert!(!run.join(EVENTS).exists());

    std::fs::remove_file(run.join("model.safetensors"))?;
    let message = refuse(&["tensorboard", text(&run)]);
    assert!(message.contains("has not finished"), "{message}");
    assert!(!run.join(EVENTS).exists());
    Ok(())
}
