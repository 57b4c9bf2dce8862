//! `sae import` and `sae objective` against an independent NumPy evaluation
//! (`tests/reference/objective.py`).

mod support;

use std::path::{Path, PathBuf};

use serde_json::Value;
use support::{number, refuse, succeed, text};
use tempfile::tempdir;

fn fixture(name: &str) -> PathBuf {
    support::root().join("tests/reference").join(name)
}

fn expected() -> Value {
    let bytes = std::fs::read(fixture("objective.json")).expect("the fixture is there");
    serde_json::from_slice(&bytes).expect("the fixture is JSON")
}

/// `sae import` of a fixture into `out`, with the fixture's objective.
fn import(file: &str, out: &Path, more: &[&str]) -> String {
    let file = fixture(file);
    let mut args = vec!["import", text(&file), "--out", text(out)];
    args.extend(["--weight-decay", "0.003", "--beta", "2.5", "--rho", "0.08"]);
    args.extend(more);
    succeed(&args)
}

const NAMES: [&str; 8] = [
    "--encoder-weight",
    "W1",
    "--encoder-bias",
    "b",
    "--decoder-weight",
    "W2",
    "--decoder-bias",
    "c",
];

fn import_in_out(out: &Path) -> String {
    let orientation = ["--orientation", "input-output"];
    import("weights.npz", out, &[&NAMES[..], &orientation].concat())
}

fn assert_12_digits(what: &str, found: f64, expected: f64) {
    let difference = (found - expected).abs() / expected.abs();
    assert!(difference < 1e-12, "{what}: {found} is not {expected}");
}

#[test]
fn every_convention_agrees_with_numpy_to_12_digits() {
    let folder = tempdir().expect("a folder for the test");
    let data = fixture("data.npy");
    let expected = expected();
    for (kind, arguments) in [
        (
            "weights.npz",
            [&NAMES[..], &["--orientation", "input-output"]].concat(),
        ),
        (
            "weights_out_in.npz",
            [&NAMES[..], &["--orientation", "output-input"]].concat(),
        ),
        ("theta.npy", vec!["--theta", "12x7"]),
    ] {
        let run = folder.path().join(kind);
        import(kind, &run, &arguments);
        for convention in ["mean", "note", "ufldl", "matlab", "r"] {
            let args = ["objective", text(&run), text(&data), "--json"];
            let printed = succeed(&[&args[..], &["--convention", convention]].concat());
            let found: Value = serde_json::from_str(&printed).expect("it is JSON");
            let wanted = &expected["conventions"][convention];
            let figures = wanted.as_object().expect("a table").keys();
            let figures = figures.filter(|key| *key != "settings").cloned();
            let settings = ["weight_decay", "beta", "rho"].map(|key| format!("settings/{key}"));
            for key in figures.chain(settings) {
                let pointer = format!("/{key}");
                let what = format!("{kind}, {convention}, {key}");
                assert_12_digits(&what, number(&found, &pointer), number(wanted, &pointer));
            }
            for unit in 0..7 {
                let pointer = format!("/rho_hat/{unit}");
                assert_12_digits(
                    &pointer,
                    number(&found, &pointer),
                    number(&expected, &pointer),
                );
            }
        }
    }
}

#[test]
fn the_cross_entropy_agrees_with_numpy_to_12_digits() {
    let folder = tempdir().expect("a folder for the test");
    let run = folder.path().join("run");
    let entropy = ["--theta", "12x7", "--reconstruction", "cross_entropy"];
    import("theta.npy", &run, &entropy);
    let data = fixture("data.npy");
    let args = ["objective", text(&run), text(&data)];
    let printed = succeed(&[&args[..], &["--json"]].concat());
    let found: Value = serde_json::from_str(&printed).expect("it is JSON");
    let wanted = &expected()["cross_entropy"];
    for key in wanted.as_object().expect("a table").keys() {
        let pointer = format!("/{key}");
        assert_12_digits(key, number(&found, &pointer), number(wanted, &pointer));
    }
    assert!(found.get("reconstruction").is_none(), "{printed}");
    let printed = succeed(&args);
    assert!(
        printed.contains("\n  reconstruction cross entropy "),
        "{printed}"
    );
}

/// The plain table has 15 digits.
#[test]
fn the_table_has_15_digits() {
    let folder = tempdir().expect("a folder for the test");
    let run = folder.path().join("run");
    import_in_out(&run);
    let printed = succeed(&["objective", text(&run), text(&fixture("data.npy"))]);
    let value = number(&expected(), "/conventions/mean/objective");
    let line = format!("J                      {value:.14e}");
    assert!(printed.contains(&line[..line.len() - 6]), "{printed}");
}

/// A trained run's own J, in `f64` over all samples, is what its last full-batch epoch said in
/// `f32` within its rounding.
#[test]
fn a_trained_run_says_the_same() {
    let folder = tempdir().expect("a folder for the test");
    let run = folder.path().join("run");
    let mut args = vec!["train", "configs/tiny.toml", "--out", text(&run)];
    for set in [
        "layers.1.reconstruction=cross_entropy",
        "data.validation=0.0",
        "pretrain.batch=full",
        "pretrain.optimizer=lbfgs",
        "pretrain.learning_rate=1",
    ] {
        args.extend(["--set", set]);
    }
    succeed(&args);
    let lines = support::metrics(&run);
    for (layer, line) in [("1", &lines[4]), ("2", &lines[9])] {
        let printed = succeed(&["objective", text(&run), "--layer", layer, "--json"]);
        let found: Value = serde_json::from_str(&printed).expect("it is JSON");
        let (exact, said) = (number(&found, "/objective"), number(line, "/objective"));
        assert!((exact - said).abs() < 1e-5 * exact, "{exact} {said}");
        let (exact, said) = (
            number(&found, "/gradient_norm"),
            number(line, "/gradient_norm"),
        );
        assert!((exact - said).abs() < 1e-3 * exact, "{exact} {said}");
    }
    // The RMSE does not depend on what the objective measures.
    for (index, line) in [&lines[4], &lines[9]].into_iter().enumerate() {
        let exact = number(
            &support::summary(&run),
            &format!("/layers/{index}/train/rmse"),
        );
        let said = number(line, "/rmse");
        assert!((exact - said).abs() < 1e-5 * exact, "{exact} {said}");
    }
}

/// With `objective.scale = "sum"` and the note's weights R times as large, training is the same.
#[test]
fn the_sum_convention_trains_the_same() {
    let folder = tempdir().expect("a folder for the test");
    let curve = |name: &str, sets: &[&str]| -> Vec<f64> {
        let run = folder.path().join(name);
        let mut args = vec!["train", "configs/tiny.toml", "--out", text(&run)];
        args.extend(["--set", "control=false", "--set", "data.validation=0.0"]);
        args.extend(sets.iter().flat_map(|set| ["--set", set]));
        succeed(&args);
        let lines = support::metrics(&run);
        lines
            .iter()
            .map(|line| number(line, "/objective"))
            .collect()
    };
    let mean = curve("mean", &[]);
    // 600 samples: alpha 1e-4, beta 3 and lambda 1e-4, times 600.
    let sum = curve(
        "sum",
        &[
            "objective.scale=sum",
            "layers.0.weight_decay=0.06",
            "layers.1.weight_decay=0.06",
            "layers.0.beta=1800.0",
            "layers.1.beta=1800.0",
            "head.weight_decay=0.06",
        ],
    );
    for (mean, sum) in mean.iter().zip(&sum) {
        assert!((mean - sum).abs() < 1e-5 * mean, "{mean} {sum}");
    }
}

#[test]
fn imports_that_cannot_be_meant_are_refused() {
    let folder = tempdir().expect("a folder for the test");
    let out = folder.path().join("run");
    let refused = |file: &str, more: &[&str]| {
        let file = fixture(file);
        let base = ["import", text(&file), "--out", text(&out)];
        let message = refuse(&[&base[..], more].concat());
        assert!(!out.exists(), "nothing is left behind");
        message
    };
    let message = refused("weights.npz", &NAMES);
    assert!(message.contains("--orientation is missing"), "{message}");
    let message = refused("weights.npz", &["--orientation", "input-output"]);
    assert!(
        message.contains("has no array `encoder.weight`"),
        "{message}"
    );
    let message = refused("theta.npy", &["--theta", "10x7"]);
    assert!(message.contains("expected 157"), "{message}");
    let message = refused("data.npy", &["--theta", "12x7"]);
    assert!(
        message.contains("holds 600 values of shape [50, 12]"),
        "{message}"
    );
    let relu = ["--orientation", "input-output", "--encoder", "relu"];
    let message = refused("weights.npz", &[&NAMES[..], &relu].concat());
    assert!(message.contains("beta is 3 with relu units"), "{message}");
}

#[test]
fn data_of_another_width_are_refused() {
    let folder = tempdir().expect("a folder for the test");
    let run = folder.path().join("run");
    import_in_out(&run);
    let message = refuse(&["objective", text(&run)]);
    assert!(message.contains("expected DATA"), "{message}");
    let message = refuse(&["objective", text(&run), text(&fixture("theta.npy"))]);
    assert!(message.contains("expected a matrix"), "{message}");
}
