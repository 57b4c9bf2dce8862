//! Files from strangers: run folders, models and checkpoints that are not what they seem.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use support::{refuse, sae, succeed, text, unseal};
use tempfile::{TempDir, tempdir};

const TINY: &str = "configs/tiny.toml";

fn finished() -> (TempDir, PathBuf) {
    let folder = tempdir().unwrap();
    let run = folder.path().join("run");
    succeed(&["train", TINY, "--quiet", "--out", text(&run)]);
    (folder, run)
}

/// What `sae verify` says of a file that is damaged.
fn damaged(path: &Path) -> String {
    let output = sae(&["verify", text(path)]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    let line = said.lines().find(|line| line.starts_with("damaged"));
    line.unwrap_or_else(|| panic!("{said}")).to_owned()
}

#[test]
fn a_whole_run_is_whole_and_a_changed_one_is_not() {
    let (folder, run) = finished();
    let said = succeed(&["verify", text(&run)]);
    assert!(said.trim_end().ends_with("files, none damaged"), "{said}");
    let verdicts: Vec<Value> =
        serde_json::from_str(&succeed(&["verify", text(&run), "--json"])).unwrap();
    assert!(verdicts.len() > 15);
    assert!(verdicts.iter().all(|one| one["state"] == "whole"), "{said}");

    let config = run.join("config.toml");
    let whole = fs::read(&config).unwrap();
    fs::write(&config, [&whole[..], b" "].concat()).unwrap();
    let line = damaged(&run);
    assert!(
        line.contains("config.toml") && line.contains("and had"),
        "{line}"
    );
    for command in ["eval", "features", "objective", "report", "tensorboard"] {
        let message = refuse(&[command, text(&run)]);
        assert!(
            message.contains("config.toml: damaged: "),
            "{command}: {message}"
        );
    }
    // What is left can be looked at.
    succeed(&["eval", text(&run), "--no-verify"]);
    succeed(&["objective", text(&run), "--no-verify"]);
    fs::write(&config, whole).unwrap();

    // What is added to a finished run belongs to it.
    succeed(&["tensorboard", text(&run)]);
    succeed(&["report", text(&run)]);
    succeed(&["verify", text(&run)]);

    fs::remove_file(run.join("weights/softmax.safetensors")).unwrap();
    let line = damaged(&run);
    assert!(line.contains("weights/softmax.safetensors"), "{line}");
    drop(folder);
}

/// A model file by itself, also one of the format before seals.
#[test]
fn model_files_are_verified() {
    let (folder, run) = finished();
    let model = folder.path().join("m.safetensors");
    fs::copy(run.join("model.safetensors"), &model).unwrap();
    assert!(succeed(&["verify", text(&model)]).starts_with("whole"));
    let whole = fs::read(&model).unwrap();
    let mut changed = whole.clone();
    let end = changed.len() - 40;
    changed[end] ^= 0x10;
    fs::write(&model, &changed).unwrap();
    assert!(damaged(&model).contains("m.safetensors: damaged: its bytes are not"));
    let rows = folder.path().join("rows.csv");
    fs::write(&rows, format!("{}\n", ["0.5"; 144].join(","))).unwrap();
    let message = refuse(&["encode", text(&model), text(&rows)]);
    assert!(message.contains("its seal"), "{message}");
    succeed(&["encode", text(&model), text(&rows), "--no-verify"]);
    fs::write(&model, b"nothing of the kind").unwrap();
    assert!(damaged(&model).contains("not a readable safetensors file"));
}

/// No file of a run lies outside its folder, whatever its marker says.
#[test]
fn nothing_outside_a_run_is_read() {
    let (folder, run) = finished();
    let outside = folder.path().join("outside.safetensors");
    fs::copy(run.join("weights/finetune.safetensors"), &outside).unwrap();
    unseal(&run);
    let weights = run.join("weights/finetune.safetensors");
    fs::remove_file(&weights).unwrap();
    symlink(&outside, &weights).unwrap();
    let message = refuse(&["eval", text(&run)]);
    assert!(
        message.contains("it is a link; expected a file"),
        "{message}"
    );
    fs::remove_file(&weights).unwrap();
    fs::copy(&outside, &weights).unwrap();

    fs::rename(run.join("weights"), folder.path().join("elsewhere")).unwrap();
    symlink(folder.path().join("elsewhere"), run.join("weights")).unwrap();
    let message = refuse(&["eval", text(&run)]);
    assert!(
        message.contains("does not lie in the run's folder"),
        "{message}"
    );

    for name in ["../outside.safetensors", text(&outside)] {
        let marker = run.join(".sae-run.json");
        let mut changed: Value = serde_json::from_slice(&fs::read(&marker).unwrap()).unwrap();
        changed["files"][name] = json!(null);
        fs::write(&marker, changed.to_string()).unwrap();
        let line = damaged(&run);
        assert!(line.contains("does not lie in the run's folder"), "{line}");
    }
    assert!(outside.is_file());
}

/// Nor is anything written there, or removed.
#[test]
fn nothing_outside_a_run_is_written() {
    let (folder, run) = finished();
    let outside = folder.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("report.css"), "mine").unwrap();
    for (name, command) in [
        ("weights", &["resume", "--set", "finetune.epochs=9"][..]),
        ("checkpoints", &["resume", "--set", "finetune.epochs=9"]),
        ("figures", &["report"]),
        ("tensorboard", &["tensorboard"]),
    ] {
        let _ = fs::rename(run.join(name), folder.path().join(format!("old-{name}")));
        symlink(&outside, run.join(name)).unwrap();
        let args = [&command[..1], &[text(&run)], &command[1..]].concat();
        let output = sae(&args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_ne!(output.status.code(), Some(0), "{name}: {said}");
        assert!(
            said.contains("does not lie in the run's folder"),
            "{name}: {said}"
        );
        let left: Vec<_> = fs::read_dir(&outside).unwrap().collect();
        assert_eq!(left.len(), 1, "{name}: {left:?}");
        fs::remove_file(run.join(name)).unwrap();
        let _ = fs::rename(folder.path().join(format!("old-{name}")), run.join(name));
    }
    // The lists of the files that it may have begun to write hold nothing that is not there.
    succeed(&["resume", text(&run), "--set", "finetune.epochs=9"]);
}

/// A marker that cannot be read is damage like any other.
#[test]
fn damaged_markers_are_damage() {
    let (folder, run) = finished();
    fs::write(run.join(".sae-run.json"), "{").unwrap();
    let line = damaged(&run);
    assert!(
        line.contains(".sae-run.json: is no marker of a run"),
        "{line}"
    );
    drop(folder);
}

/// Nor is anything written into a pipe or a device: it is replaced, or refused.
#[test]
fn what_is_no_file_is_not_written_to() {
    let (folder, run) = finished();
    let pipe = folder.path().join("pipe");
    let fifo = |path: &Path| {
        let _ = fs::remove_file(path);
        assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    };
    fifo(&pipe);
    fifo(&run.join("report.html"));
    fs::remove_file(run.join("features.png")).unwrap();
    symlink(&pipe, run.join("features.png")).unwrap();
    succeed(&["report", text(&run)]);
    succeed(&["features", text(&run)]);
    for name in ["report.html", "features.png"] {
        let about = fs::symlink_metadata(run.join(name)).unwrap();
        assert!(about.is_file(), "{name}: {about:?}");
    }
    fifo(&run.join("tensorboard"));
    let message = refuse(&["tensorboard", text(&run)]);
    assert!(message.contains("cannot be written"), "{message}");
}

/// Weights that are shown while a run is trained are looked at like all others.
#[test]
fn a_scaling_of_other_inputs_is_damage_to_who_watches() {
    let folder = tempdir().unwrap();
    let [run, other] = ["run", "other"].map(|name| folder.path().join(name));
    for (run, size) in [
        (&run, "data.shapes.size=12"),
        (&other, "data.shapes.size=8"),
    ] {
        // The stage that is shown has tiles, then.
        let scaled = ["data.scaling.kind=min_max", "control=false", size];
        let scaled: Vec<&str> = scaled.into_iter().flat_map(|set| ["--set", set]).collect();
        succeed(&[&["train", TINY, "--quiet", "--out", text(run)][..], &scaled].concat());
    }
    unseal(&run);
    let shown = succeed(&["watch", "--once", text(&run)]);
    assert!(shown.contains("units of layer 1"), "{shown}");
    let scaling = "weights/scaling.safetensors";
    fs::copy(other.join(scaling), run.join(scaling)).unwrap();
    let shown = succeed(&["watch", "--once", text(&run)]);
    assert!(
        shown.contains("beside a scaling of 64 inputs to 64"),
        "{shown}"
    );
}

/// Pipes that never end, devices, and files larger than any of a run.
#[test]
fn what_is_no_file_is_not_waited_for() {
    let (_folder, run) = finished();
    unseal(&run);
    let model = run.join("model.safetensors");
    fs::remove_file(&model).unwrap();
    let made = Command::new("mkfifo").arg(&model).status().unwrap();
    assert!(made.success());
    // A pipe is no file that the run has.
    let message = refuse(&["features", text(&run)]);
    assert!(message.contains("run that has not finished"), "{message}");
    let message = refuse(&["encode", text(&model), text(&model)]);
    assert!(
        message.contains("it is a device or a pipe; expected a file"),
        "{message}"
    );
    fs::remove_file(&model).unwrap();
    File::create(&model).unwrap().set_len(1 << 40).unwrap();
    let message = refuse(&["features", text(&run)]);
    assert!(
        message.contains("has 1099511627776 bytes; expected at most"),
        "{message}"
    );
    fs::remove_file(&model).unwrap();
    symlink("/dev/zero", &model).unwrap();
    let message = refuse(&["encode", text(&model), text(&run)]);
    assert!(message.contains("it is a device or a pipe"), "{message}");
    let marker = run.join(".sae-run.json");
    File::create(&marker).unwrap().set_len(1 << 40).unwrap();
    let message = refuse(&["eval", text(&run)]);
    assert!(message.contains("expected at most"), "{message}");
}
