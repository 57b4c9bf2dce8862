//! Samples that take more memory than they may.

mod support;

use std::fs;
use std::path::Path;

use serde_json::Value;
use support::{npy, refuse, succeed, text};
use tempfile::tempdir;

/// 2000 images of 24 x 24 bytes, 1.1 MiB, of which an eighth makes a window; codes of 50 values take
/// more than a quarter, those of 10 do not.
const CONFIG: &str = "[data]\nmemory_limit = 1\n[[layers]]\nhidden = 50\n[[layers]]\nhidden = 10\n\
                      [pretrain]\nepochs = 2\nbatch = 50\nvalidation_patience = 5\n[softmax]\n\
                      epochs = 3\n[finetune]\nepochs = 3\nbatch = 50\n";

struct Run {
    weights: Vec<(String, Vec<u8>)>,
    summary: Value,
    metrics: Vec<Value>,
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

fn train(folder: &Path, name: &str, sets: &[&str]) -> Run {
    let (config, run) = (folder.join(format!("{name}.toml")), folder.join(name));
    fs::write(&config, CONFIG).expect("a configuration");
    let mut args = vec!["train", text(&config), "--out", text(&run)];
    let always = ["data.validation=0.1", "data.test=0.1"];
    (always.iter().chain(sets)).for_each(|set| args.extend(["--set", set]));
    succeed(&args);
    let read = |name: &str| fs::read_to_string(run.join(name)).expect("a file");
    Run {
        weights: support::weights(&run),
        summary: json(&read("summary.json")),
        metrics: read("metrics.jsonl").lines().map(json).collect(),
    }
}

/// Every source gives the same bits, with any number of threads; another order than from memory leads
/// to nearly the same model.
#[test]
fn rows_are_trained_on_while_they_are_read() {
    let folder = tempdir().expect("a folder for the test");
    let path = folder.path();
    let at = |name: &str| text(&path.join(name)).to_owned();
    let mut args = vec!["data", "shapes", "--out"];
    let idx = at("idx");
    args.push(&idx);
    for set in ["size=24", "train=2000", "test=20"] {
        args.extend(["--set", set]);
    }
    succeed(&args);
    let images = at("idx/train-images-idx3-ubyte");
    for name in ["t.npy", "own.csv"] {
        let (out, labels) = (at(name), at("y.csv"));
        let mut args = vec!["data", "convert", &images, "--out", &out];
        if name == "t.npy" {
            args.extend(["--labels", &labels]);
        }
        succeed(&args);
    }
    let npy = [
        "data.source=\"npy\"".to_owned(),
        format!("data.files.train={}", at("t.npy")),
        format!("data.files.train_labels={}", at("y.csv")),
    ];
    let npy: Vec<&str> = npy.iter().map(String::as_str).collect();
    let with = |more: &[&'static str]| [&npy[..], more].concat();
    let expected = train(path, "npy", &npy);

    let csv = [
        "data.source=\"csv\"".to_owned(),
        format!("data.files.train={}", at("own.csv")),
        "data.table.label=label".to_owned(),
        "data.table.pixels=true".to_owned(),
    ];
    let csv: Vec<&str> = csv.iter().map(String::as_str).collect();
    for (name, sets) in [("csv", csv), ("one", with(&["threads=1"]))] {
        let found = train(path, name, &sets);
        assert!(found.weights == expected.weights, "{name} differs");
    }

    let memory = train(path, "memory", &with(&["data.memory_limit=100"]));
    assert!(memory.weights != expected.weights);
    let figure = |run: &Run, place: &str| {
        let found = run.summary.pointer(place).and_then(Value::as_f64);
        found.unwrap_or_else(|| panic!("no {place}"))
    };
    for place in ["/layers/0/test/rmse", "/layers/1/train/rmse"] {
        let (here, there) = (figure(&expected, place), figure(&memory, place));
        assert!((here / there - 1.0).abs() < 0.1, "{place}: {here} {there}");
    }
    let waited = |run: &Run, stage: &str| {
        let of = |metrics: &&Value| metrics["stage"] == stage;
        run.metrics
            .iter()
            .filter(of)
            .any(|metrics| metrics.get("waited").is_some())
    };
    for (stage, stored) in [
        ("autoencoder-1", true),
        ("autoencoder-2", true),
        ("softmax", false),
        ("finetune", true),
    ] {
        assert_eq!(waited(&expected, stage), stored, "{stage}");
        assert!(!waited(&memory, stage));
    }

    // A run that was trained so is used like any other.
    let run = at("npy");
    let evaluated = succeed(&["eval", &run]);
    assert!(evaluated.contains("200 samples"), "{evaluated}");
    succeed(&["gradcheck", "--run", &run, "--rows", "20"]);
}

/// A batch larger than an eighth of the limit, a damaged row that is met while training runs, and no
/// limit at all.
#[test]
fn what_cannot_be_read_is_refused() {
    let folder = tempdir().expect("a folder for the test");
    let path = folder.path();
    let file = path.join("t.npy");
    let (rows, columns) = (600, 512);
    let mut values = vec![0.5f32; rows * columns];
    let write = |values: &[f32]| {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let array = npy("<f4", &format!("({rows}, {columns})"), &bytes);
        fs::write(&file, array).expect("an array");
    };
    let config = path.join("c.toml");
    fs::write(
        &config,
        "classifier = false\n[data]\nsource = \"npy\"\nmemory_limit = 1\n[data.files]\n\
         train = \"t.npy\"\n[[layers]]\nhidden = 5\ndecoder = \"linear\"\n[pretrain]\nepochs = 1\n\
         batch = 32\n",
    )
    .expect("a configuration");
    let run = path.join("run");
    let refused = |sets: &[&str]| {
        let mut args = vec!["train", text(&config), "--out", text(&run)];
        sets.iter().for_each(|set| args.extend(["--set", set]));
        let message = refuse(&args);
        assert!(!run.exists(), "{message}");
        message
    };
    write(&values);
    let message = refused(&["pretrain.batch=100"]);
    assert!(
        message
            .contains("data.memory_limit is 1; expected at least 2 (MiB) for batches of 100 rows"),
        "{message}"
    );
    values[599 * columns + 3] = f32::NAN;
    write(&values);
    let message = refused(&[]);
    assert!(
        message.contains("t.npy: holds NaN in row 599, column 3 (counted from 0)"),
        "{message}"
    );
    let message = refused(&["data.memory_limit=0"]);
    assert!(message.contains("data.memory_limit is 0"), "{message}");
}
