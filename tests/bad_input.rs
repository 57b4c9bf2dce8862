//! Bad input: one clear error, exit code 2, nothing left behind.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::fs;
use std::path::Path;

use sae_data::{NamedTensor, Tensors};
use support::{command, refuse, succeed, text, unseal};
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
        found.starts_with("1: seed is \"one\"; expected a whole number >= 0"),
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
        message.contains("data.idx.dir is") && message.contains("there is no such folder"),
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
    let set = ["--set", "data.idx.dir=${SAE_MNIST_DIR}"];
    let output = command(&[&["train", "configs/mnist.toml"], &set[..]].concat())
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

    fs::write(out.join("notes.txt"), "my own").unwrap();
    let kept = fs::read(out.join("summary.json")).unwrap();
    let wrong = [&replace[..], &["--set", "layers.0.rho=2"]].concat();
    refuse(&wrong);
    let diverges = [
        "--set",
        "pretrain.optimizer=sgd",
        "--set",
        "pretrain.learning_rate=1e38",
    ];
    let failed = support::sae(&[&replace[..], &diverges].concat());
    assert_eq!(failed.status.code(), Some(1));
    assert_eq!(
        fs::read(out.join("summary.json")).unwrap(),
        kept,
        "the old run is kept"
    );
    succeed(&replace);
    assert_eq!(fs::read(out.join("notes.txt")).unwrap(), b"my own");
    let siblings = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(siblings, 1, "nothing is left beside the run");
}

#[test]
fn a_folder_with_something_else_is_never_replaced() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("thesis.txt"), "precious").unwrap();
    fs::write(folder.path().join("config.toml"), "seed = 1").unwrap();
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
    let message = refuse(&["objective", text(&run)]);
    let expected = "safetensors: damaged: it is not what the run wrote (it has ";
    assert!(message.contains(expected), "{message}");
    let message = refuse(&["objective", text(&run), "--no-verify"]);
    assert!(
        message.contains("not a readable safetensors file"),
        "{message}"
    );
    let file = run.join("model.safetensors");
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    for command in ["features", "report"] {
        let message = refuse(&[command, text(&run)]);
        assert!(message.contains("model.safetensors"), "{message}");
    }
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

/// A run that would replace the folder it is started in, or reads from, is refused.
#[test]
fn a_run_does_not_replace_what_it_reads() {
    let folder = tempdir().unwrap();
    let run = folder.path().join("run");
    succeed(&["train", TINY, "--out", text(&run)]);
    let before = fs::read(run.join("summary.json")).unwrap();
    let config = run.join("config.toml");
    refuse(&["train", text(&config), "--out", text(&run), "--overwrite"]);
    let mut inside = command(&["train", "config.toml", "--out", ".", "--overwrite"]);
    let output = inside.current_dir(&run).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(fs::read(run.join("summary.json")).unwrap(), before);
}

/// Of two runs on one folder exactly one works; without --out each has a folder of its own.
#[test]
fn folders_belong_to_one_run() {
    let folder = tempdir().unwrap();
    let tiny = support::root().join(TINY);
    let start = |more: &[&str]| {
        let mut run = command(&["train", text(&tiny), "--quiet"]);
        run.current_dir(folder.path()).args(more);
        run.stdout(std::process::Stdio::piped()).spawn().unwrap()
    };
    let both = [start(&["--out", "one"]), start(&["--out", "one"])];
    let codes = both.map(|mut run| run.wait().unwrap().code());
    assert!(
        codes.contains(&Some(0)) && codes.contains(&Some(2)),
        "{codes:?}"
    );
    let three = [start(&[]), start(&["--seed", "2"]), start(&["--seed", "3"])];
    for run in three {
        assert!(run.wait_with_output().unwrap().status.success());
    }
    let runs = fs::read_dir(folder.path().join("runs")).unwrap().count();
    assert_eq!(runs, 3);
}

#[test]
fn places_that_cannot_be_written() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let below = file.join("sub");
    let message = refuse(&["train", TINY, "--quiet", "--out", text(&below)]);
    assert!(message.contains(text(&below)), "{message}");
    let run = folder.path().join("run");
    succeed(&["train", TINY, "--out", text(&run)]);
    let picture = folder.path().join("no/f.png");
    let message = refuse(&["features", text(&run), "--out", text(&picture)]);
    assert!(message.contains(text(&picture)), "{message}");
    let message = refuse(&["features", text(&run), "--out", "f.jpg"]);
    assert!(message.contains("PNG"), "{message}");
    #[cfg(target_os = "linux")]
    {
        let full = fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let output = command(&["eval", text(&run)])
            .stdout(full)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1));
    }
}

/// What asks for more memory than there is, is refused before it is tried.
#[test]
fn sizes_beyond_the_memory() {
    for set in [
        "layers.0.hidden=100000000000",
        "data.shapes.train=100000000000",
        "data.shapes.size=1000000000",
    ] {
        let message = refuse(&["train", TINY, "--quiet", "--set", set]);
        assert!(message.contains("expected"), "{message}");
    }
    let folder = tempdir().unwrap();
    let run = folder.path().join("run");
    let set = "pretrain.batch=9223372036854775807";
    succeed(&["train", TINY, "--out", text(&run), "--set", set]);
}

#[test]
fn arguments_that_are_no_setting() {
    let message = refuse(&["train", TINY, "--seed", "9223372036854775808"]);
    assert!(
        message.contains("expected 0 to 9223372036854775807"),
        "{message}"
    );
    let message = refuse(&[
        "config",
        "check",
        TINY,
        "--set",
        "seed=3\ngradient=autodiff",
    ]);
    assert!(message.contains("--set"), "{message}");
    let long = format!("{}=1", "x".repeat(100_000));
    assert!(refuse(&["config", "check", TINY, "--set", &long]).len() < 2_000);
    let escape = refuse(&["config", "check", TINY, "--set", "se\u{1b}[31med=1"]);
    assert!(!escape.contains('\u{1b}'), "{escape:?}");
    let message = refuse(&[
        "config",
        "check",
        TINY,
        "--set",
        "data.shapes.radius=[0.4, 0.5, 0.9]",
    ]);
    assert!(message.contains("radius"), "{message}");
}

/// Weights that are not numbers, and a configuration that is not the run's any more.
#[test]
fn runs_that_were_tampered_with() {
    let folder = tempdir().unwrap();
    let run = folder.path().join("run");
    succeed(&["train", TINY, "--out", text(&run)]);
    let config = run.join("config.toml");
    let whole = fs::read_to_string(&config).unwrap();
    fs::write(&config, whole.replacen("hidden = 16", "hidden = 20", 1)).unwrap();
    let message = refuse(&["eval", text(&run)]);
    assert!(message.contains("config.toml: damaged: "), "{message}");
    unseal(&run);
    let message = refuse(&["eval", text(&run)]);
    assert!(message.contains("hidden units"), "{message}");
    fs::write(&config, whole).unwrap();

    let file = run.join("weights/finetune.safetensors");
    let whole = fs::read(&file).unwrap();
    let mut damaged = whole.clone();
    damaged[whole.len() / 2] ^= 1;
    fs::write(&file, &damaged).unwrap();
    let message = refuse(&["eval", text(&run)]);
    assert!(message.contains("safetensors: damaged: "), "{message}");

    // Sealed again by whoever changed it.
    let mut tensors = Tensors::from_bytes(&whole).unwrap();
    let bias = NamedTensor::double(vec![4], vec![0.0, f64::NAN, 0.0, 0.0]);
    tensors.insert("head.output.bias", bias);
    let bytes = tensors.to_bytes();
    fs::write(&file, &bytes).unwrap();
    let message = refuse(&["eval", text(&run)]);
    assert!(
        message.contains("tensor `head.output.bias` is NaN at place 1"),
        "{message}"
    );
    fs::write(run.join("model.safetensors"), &bytes).unwrap();
    let error = sae::Model::load(run.join("model.safetensors")).unwrap_err();
    assert!(error.to_string().contains("has no description"), "{error}");
}

/// Copies that cannot speak with each other would all train the same model.
#[cfg(not(feature = "mpi"))]
#[test]
fn several_copies_need_mpi() {
    for (name, count) in [("PMI_SIZE", "2"), ("OMPI_COMM_WORLD_SIZE", "4")] {
        let mut copy = support::command(&["train", "configs/tiny.toml", "--out", "no/such/run"]);
        let output = copy.env(name, count).output().expect("sae can be started");
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(
            message.contains("is built without MPI; expected one"),
            "{message}"
        );
    }
}
