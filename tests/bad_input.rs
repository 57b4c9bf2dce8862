//! Bad input: one clear error, exit code 2, nothing left behind.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::fs;
use std::path::Path;

use support::{command, refuse, succeed, text};
use tempfile::{TempDir, tempdir};

const TINY: &str = "configs/tiny.toml";

/// `sae train` of a file with the given text; returns the error after checking that nothing was
/// written.
fn refuse_config(lines: &str) -> String {
    let folder = tempdir().unwrap();
    let file = folder.path().join("bad.toml");
    fs::write(&file, lines).unwrap();
    let out = folder.path().join("run");
    let message = refuse(&["train", text(&file), "--out", text(&out)]);
    assert!(!out.exists(), "nothing is left behind");
    let place = format!("{}:", text(&file));
    let found = message.strip_prefix(&place).expect("the file is named");
    found.to_owned()
}

#[test]
fn unknown_keys() {
    let found = refuse_config("seed = 1\n[pretrain]\nepoch = 3\n");
    assert!(
        found.starts_with("3: unknown key `epoch`; did you mean `epochs`?"),
        "{found}"
    );
}

#[test]
fn wrong_types() {
    let found = refuse_config("seed = \"one\"\n");
    assert!(
        found.starts_with("1: invalid type: string \"one\""),
        "{found}"
    );
}

#[test]
fn values_outside_their_range() {
    let found = refuse_config("[[layers]]\nhidden = 10\nrho = 0\n");
    assert_eq!(found, "3: layers[0].rho is 0; expected a number in (0, 1)");
    let message = refuse(&["train", TINY, "--set", "pretrain.learning_rate=-1"]);
    assert!(
        message.starts_with("--set pretrain.learning_rate=-1: "),
        "{message}"
    );
}

#[test]
fn missing_configuration() {
    let message = refuse(&["train", "no/such.toml"]);
    assert!(
        message.starts_with("no/such.toml: cannot be read"),
        "{message}"
    );
}

/// A folder with a small IDX data set, as `sae data shapes` writes it.
fn idx_folder() -> TempDir {
    let folder = tempdir().unwrap();
    let data = folder.path().join("data");
    let mut args = vec!["data", "shapes", "--out", text(&data)];
    for set in ["size=8", "train=20", "test=10"] {
        args.extend(["--set", set]);
    }
    succeed(&args);
    folder
}

/// `sae train` on that folder after `spoil` has changed it.
fn refuse_idx(spoil: impl Fn(&Path)) -> String {
    let folder = idx_folder();
    let data = folder.path().join("data");
    spoil(&data);
    let out = folder.path().join("run");
    let dir = format!("data.idx.dir={}", text(&data));
    let mut args = vec!["train", TINY, "--out", text(&out)];
    for set in [
        "data.source=idx",
        &dir,
        "data.idx.test_images=test-images-idx3-ubyte",
        "data.idx.test_labels=test-labels-idx1-ubyte",
    ] {
        args.extend(["--set", set]);
    }
    let message = refuse(&args);
    assert!(!out.exists(), "nothing is left behind");
    message
}

#[test]
fn missing_data_folder_and_file() {
    let message = refuse_idx(|data| fs::remove_dir_all(data).unwrap());
    assert!(
        message.starts_with("data.idx.dir: there is no folder"),
        "{message}"
    );
    let message = refuse_idx(|data| fs::remove_file(data.join("test-labels-idx1-ubyte")).unwrap());
    assert!(
        message.contains("there is no file test-labels-idx1-ubyte"),
        "{message}"
    );
}

#[test]
fn unset_environment_variable() {
    let output = command(&["train", "configs/mnist.toml"])
        .env_remove("SAE_MNIST_DIR")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(
        message.contains("variable SAE_MNIST_DIR is not set"),
        "{message}"
    );
}

#[test]
fn truncated_idx_file() {
    let message = refuse_idx(|data| {
        let file = data.join("train-images-idx3-ubyte");
        let bytes = fs::read(&file).unwrap();
        fs::write(&file, &bytes[..bytes.len() - 1]).unwrap();
    });
    assert!(
        message.contains("train-images-idx3-ubyte: holds 1279 values"),
        "{message}"
    );
    assert!(message.contains("expected 1280 values"), "{message}");
}

#[test]
fn labels_given_as_images() {
    let message = refuse_idx(|data| {
        let labels = data.join("train-labels-idx1-ubyte");
        fs::copy(labels, data.join("train-images-idx3-ubyte")).unwrap();
    });
    assert!(message.contains("it seems to hold labels"), "{message}");
}

#[test]
fn counts_that_differ() {
    let message = refuse_idx(|data| {
        let labels = data.join("test-labels-idx1-ubyte");
        fs::copy(labels, data.join("train-labels-idx1-ubyte")).unwrap();
    });
    assert!(message.contains("holds 20 images but"), "{message}");
    assert!(message.contains("holds 10 labels"), "{message}");
}

#[test]
fn an_output_folder_that_holds_a_run() {
    let folder = tempdir().unwrap();
    let out = folder.path().join("run");
    let train = ["train", TINY, "--out", text(&out)];
    succeed(&train);
    let before = fs::read(out.join("summary.json")).unwrap();
    let message = refuse(&train);
    assert!(message.contains("already holds a run"), "{message}");
    assert_eq!(fs::read(out.join("summary.json")).unwrap(), before);

    let replace = [&train[..], &["--overwrite"]].concat();
    succeed(&replace);
    assert_ne!(fs::read(out.join("summary.json")).unwrap(), before);

    let wrong = [&replace[..], &["--set", "layers.0.rho=2"]].concat();
    refuse(&wrong);
    assert!(out.join("summary.json").is_file(), "the old run is kept");
}

#[test]
fn a_folder_with_something_else_is_never_replaced() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("thesis.txt"), "precious").unwrap();
    let out = text(folder.path());
    refuse(&["train", TINY, "--out", out]);
    refuse(&["train", TINY, "--out", out, "--overwrite"]);
    refuse(&["data", "shapes", "--out", out, "--overwrite"]);
    assert!(folder.path().join("thesis.txt").is_file());
}

#[test]
fn folders_that_hold_no_run() {
    let folder = tempdir().unwrap();
    for command in ["eval", "features"] {
        let message = refuse(&[command, text(folder.path())]);
        assert!(message.contains("holds no run"), "{message}");
    }
}

#[test]
fn damaged_weights() {
    let folder = tempdir().unwrap();
    let run = folder.path().join("run");
    succeed(&["train", TINY, "--out", text(&run)]);
    let file = run.join("weights/autoencoder-1.safetensors");
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    let message = refuse(&["features", text(&run)]);
    assert!(
        message.contains("not a readable safetensors file"),
        "{message}"
    );
}

#[test]
fn evaluation_on_images_of_another_size() {
    let folder = idx_folder();
    let run = folder.path().join("run");
    succeed(&["train", TINY, "--out", text(&run)]);
    let data = folder.path().join("data");
    let message = refuse(&["eval", text(&run), text(&data)]);
    assert!(
        message.contains("8 x 8 pixels; expected 12 x 12"),
        "{message}"
    );
}
