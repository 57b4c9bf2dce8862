//! `sae labels`: what it compares, and against scikit-learn.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::fs;
use std::path::Path;

use sae::{ClassifierKind, LabelsReport};
use support::{number, refuse, sae, succeed, summary, text};
use tempfile::tempdir;

const TINY: &str = "configs/tiny.toml";
/// What ends the training of classifiers.
const ENDS: [&str; 2] = [
    "softmax.validation_patience=3",
    "finetune.validation_patience=3",
];

fn with<'a>(args: &[&'a str], sets: &[&'a str]) -> Vec<&'a str> {
    let sets = sets.iter().flat_map(|set| ["--set", set]);
    args.iter().copied().chain(sets).collect()
}

/// `sae labels` on tiny.toml, which must succeed; what it prints as JSON.
fn labels(args: &[&str], sets: &[&str]) -> LabelsReport {
    let args = [&["labels", TINY, "--json", "--quiet"], args].concat();
    let printed = succeed(&with(&args, &[&ENDS, sets].concat()));
    serde_json::from_str(&printed).unwrap()
}

/// Of 540 training and 60 validation samples in four classes, to the nearest sample of each class and
/// at least one.
#[test]
fn few_labels_are_as_few_as_they_are_called() {
    let report = labels(&["--seeds", "1"], &[]);
    assert_eq!(
        (report.seeds.clone(), report.pretrained_on, report.test),
        (vec![1], 540, 200)
    );
    for (share, train, validation) in [(0.01, 4, 4), (0.05, 28, 4), (0.1, 56, 8), (1.0, 540, 60)] {
        for kind in ClassifierKind::ALL {
            let fits: Vec<_> = report.fits_of(share, kind).collect();
            let [fit] = fits[..] else { panic!("{fits:?}") };
            assert_eq!((fit.labels, fit.validation_labels), (train, validation));
        }
    }
}

/// A step takes as many rows of each shard, of which there are more than labels, or one left over.
#[test]
fn shards_are_of_labels_too() {
    let sharded = [
        "distributed.shards=8",
        "pretrain.batch=64",
        "softmax.batch=64",
        "finetune.batch=64",
    ];
    let report = labels(&["--seeds", "1", "--shares", "0.05"], &sharded);
    // 28 labels are one step an epoch, of which there are as many as there are steps over all.
    let whole = labels(&["--seeds", "1", "--shares", "0.05"], &sharded[1..]);
    let epochs = |report: &LabelsReport| {
        report
            .fits
            .iter()
            .map(|fit| fit.ended.epochs)
            .collect::<Vec<_>>()
    };
    assert_eq!(epochs(&report).len(), 3);
    for (own, other) in epochs(&report).into_iter().zip(epochs(&whole)) {
        assert!(own.abs_diff(other) <= other / 2, "{own} and {other} epochs");
    }
    let few = with(
        &["labels", TINY, "--seeds", "1", "--shares", "0.01"],
        &[&ENDS[..], &sharded].concat(),
    );
    let message = refuse(&few);
    let expected = "distributed.shards is 8; expected at most 4, the number of training samples";
    assert!(message.contains(expected), "{message}");
}

/// With all labels the networks are those of `sae train`, to the last bit.
#[test]
fn all_labels_are_what_train_gives() {
    let report = labels(&["--seeds", "2", "--shares", "1"], &[]);
    let folder = tempdir().unwrap();
    for seed in ["1", "2"] {
        let run = folder.path().join(seed);
        let args = [
            "train",
            TINY,
            "--quiet",
            "--seed",
            seed,
            "--out",
            text(&run),
        ];
        succeed(&with(&args, &ENDS));
        let summary = summary(&run);
        for (kind, stage, evaluation) in [
            (ClassifierKind::Pretrained, "finetune", "after_finetuning"),
            (ClassifierKind::Random, "control", "from_random"),
        ] {
            let mut fits = report.fits_of(1.0, kind);
            let fit = fits.find(|fit| fit.seed.to_string() == seed).unwrap();
            assert_eq!(fit.accuracy, number(&summary[evaluation], "/accuracy"));
            let cross_entropy = number(&summary[evaluation], "/cross_entropy");
            assert_eq!(fit.cross_entropy, cross_entropy);
            assert_eq!(fit.ended.epochs as f64, number(&summary[stage], "/epochs"));
        }
    }
}

#[test]
fn means_and_spreads_are_those_of_the_fits() {
    let folder = tempdir().unwrap();
    let out = folder.path().join("new/labels");
    let report = labels(
        &["--seeds", "3", "--shares", "0.5,0.1", "--out", text(&out)],
        &[],
    );
    assert_eq!(report.seeds, [1, 2, 3]);
    let shares: Vec<f64> = report.figures.iter().map(|figure| figure.share).collect();
    assert_eq!(shares, [0.1, 0.1, 0.1, 0.5, 0.5, 0.5]);
    for figure in &report.figures {
        let own = report.fits_of(figure.share, figure.classifier);
        let values: Vec<f64> = own.map(|fit| fit.accuracy).collect();
        let [a, b, c] = values[..] else {
            panic!("{values:?}")
        };
        let mean = (a + b + c) / 3.0;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        assert!((figure.accuracy.mean - mean).abs() < 1e-12);
        assert!((figure.accuracy.deviation - (squares / 2.0).sqrt()).abs() < 1e-12);
        assert_eq!(figure.accuracy.least, a.min(b).min(c));
        assert_eq!(figure.accuracy.largest, a.max(b).max(c));
    }
    let read = |name| fs::read_to_string(out.join(name)).unwrap();
    let json: LabelsReport = serde_json::from_str(&read("labels.json")).unwrap();
    assert_eq!(json, report);
    let csv = read("labels.csv");
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines.len(), 1 + report.fits.len());
    for (line, fit) in lines[1..].iter().zip(&report.fits) {
        let fields: Vec<&str> = line.split(',').collect();
        assert_eq!(fields[1], fit.classifier.to_string());
        assert_eq!(fields[5].parse::<f64>().unwrap(), fit.accuracy);
        assert_eq!(fields[8], fit.converged().to_string());
    }
    let plot = read("labels.svg");
    assert!(plot.starts_with("<svg") && plot.contains("from random initialisation"));
    let refused = refuse(&with(&["labels", TINY, "--out", text(&out)], &ENDS));
    assert!(
        refused.contains("labels.json is there already"),
        "{refused}"
    );
}

/// Epochs that run out are said, in the table and in the figures.
#[test]
fn what_has_not_converged_is_said() {
    let args = ["labels", TINY, "--seeds", "1", "--shares", "1", "--quiet"];
    let sets = ["finetune.epochs=2", "softmax.epochs=200"];
    let printed = succeed(&with(&args, &[&ENDS[..], &sets].concat()));
    let expected =
        "* not converged: 1 of 1 (100% of labels, pretrained) ended with their last epoch";
    assert!(printed.contains(expected), "{printed}");
    let report = labels(&["--seeds", "1", "--shares", "1"], &sets);
    let of = |kind| {
        report
            .figures
            .iter()
            .find(|f| f.classifier == kind)
            .unwrap()
    };
    assert_eq!(of(ClassifierKind::Pretrained).not_converged, 1);
    assert_eq!(of(ClassifierKind::Random).not_converged, 1);
    assert_eq!(of(ClassifierKind::Softmax).not_converged, 0);
}

#[test]
fn what_makes_no_sense_is_refused_before_the_work() {
    let refused = |args: &[&str], sets: &[&str]| {
        let args = [&["labels", TINY], args].concat();
        refuse(&with(&args, &[&ENDS, sets].concat()))
    };
    for (shares, found) in [
        (
            "0",
            "shares is 0; expected at least one number in (0, 1], each once",
        ),
        ("1.5", "shares is 1.5;"),
        ("0.1,nan", "shares is NaN;"),
        ("0.1,0.2,0.1", "shares is 0.1 twice;"),
    ] {
        let message = refused(&["--shares", shares], &[]);
        assert!(message.starts_with(found), "{message}");
    }
    let message = refused(&[], &["classifier=false"]);
    assert!(
        message.starts_with("classifier is false; expected true"),
        "{message}"
    );
    let message = refused(&[], &["finetune.validation_patience=0"]);
    assert!(
        message.contains("finetune.validation_patience is 0; expected at least 1"),
        "{message}"
    );
    let message = refused(&["--out", "Cargo.toml/labels"], &[]);
    assert!(message.contains("Cargo.toml is a file"), "{message}");
    let message = refused(&["--seed", "9223372036854775806"], &[]);
    assert!(
        message.starts_with("seed is 9223372036854775808;"),
        "{message}"
    );
    for args in [&["--seeds", "0"], &["--shares", "few"]] {
        let output = sae(&[&["labels", TINY], &args[..]].concat());
        assert_eq!(output.status.code(), Some(2));
    }
}

const INPUTS: usize = 6;

/// The rows of `tests/reference/labels.py`, as a table whose last column is the class.
fn write_rows(path: &Path, first: usize, count: usize) {
    let mut table = "a,b,c,d,e,f,class\n".to_owned();
    for row in first..first + count {
        let x: [f64; INPUTS] = std::array::from_fn(|column| {
            let place = 1.0 + (row * INPUTS + column) as f64;
            (50.0 + 50.0 * (0.7 * place.powf(1.7)).sin()).round() / 100.0
        });
        let score = |c: usize| x[c] + 0.5 * x[c + 3] + 0.1 * (2.9 * row as f64 + c as f64).sin();
        let best = (1..3).fold(0, |best, c| if score(c) > score(best) { c } else { best });
        for value in x {
            table.push_str(&format!("{value},"));
        }
        table.push_str(&format!("class {best}\n"));
    }
    fs::write(path, table).unwrap();
}

/// The softmax on inputs is scikit-learn's `LogisticRegression` (`tests/reference/labels.py`). J on the
/// validation samples, which are the training samples here, falls until it is least.
#[test]
fn the_softmax_on_inputs_is_logistic_regression() {
    const ACCURACY: f64 = 0.9375;
    const CROSS_ENTROPY: f64 = 0.273_881_971_746;
    let folder = tempdir().unwrap();
    let config = folder.path().join("rows.toml");
    write_rows(&folder.path().join("train.csv"), 0, 120);
    write_rows(&folder.path().join("test.csv"), 1000, 80);
    let lbfgs = "optimizer = \"lbfgs\"\nlearning_rate = 1\nbatch = \"full\"\nepochs = 1000\n\
                 validation_patience = 20\n";
    let settings = format!(
        "[data]\nsource = \"csv\"\n[data.files]\ntrain = \"train.csv\"\nvalidation = \"train.csv\"\n\
         test = \"test.csv\"\n[data.table]\nlabel = \"class\"\n[[layers]]\nhidden = 3\n\
         [pretrain]\nepochs = 1\n[head]\nweight_decay = 0.001\n[softmax]\n{lbfgs}[finetune]\n{lbfgs}"
    );
    fs::write(&config, settings).unwrap();
    let printed = succeed(&[
        "labels",
        text(&config),
        "--shares",
        "1",
        "--seeds",
        "1",
        "--json",
        "--quiet",
    ]);
    let report: LabelsReport = serde_json::from_str(&printed).unwrap();
    let fit = report.fits_of(1.0, ClassifierKind::Softmax).next().unwrap();
    assert_eq!((fit.labels, fit.validation_labels), (120, 120));
    assert!(fit.converged());
    assert_eq!(fit.accuracy, ACCURACY);
    assert!((fit.cross_entropy - CROSS_ENTROPY).abs() < 1e-4, "{fit:?}");
}
