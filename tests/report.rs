//! Reports and pictures of what was learned, through the command line and the library.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::fs;
use std::path::Path;

use sae::analysis::Ascent;
use sae::{Experiment, Model, Prepared};
use support::{refuse, sae, succeed, text};
use tempfile::tempdir;

const TINY: &str = "configs/tiny.toml";

fn train(out: &Path, more: &[&str]) {
    let mut args = vec!["train", TINY, "--quiet", "--out", text(out)];
    args.extend(more);
    succeed(&args);
}

fn read(path: &Path) -> String {
    String::from_utf8(fs::read(path).unwrap()).unwrap()
}

#[test]
fn a_report_can_be_written_again() {
    let folder = tempdir().unwrap();
    let run = folder.path().join("run");
    train(&run, &[]);
    let first = read(&run.join("report.html"));
    assert!(first.len() < 5 << 20);
    fs::remove_file(run.join("report.html")).unwrap();
    succeed(&["report", text(&run)]);
    assert_eq!(
        first,
        read(&run.join("report.html")),
        "the same run, the same report"
    );

    let elsewhere = folder.path().join("own.html");
    let figures = folder.path().join("own-figures");
    let args = [
        "report",
        text(&run),
        "--out",
        text(&elsewhere),
        "--figures",
        text(&figures),
        "--png",
    ];
    succeed(&args);
    assert_eq!(first, read(&elsewhere));
    for file in [
        "objective.svg",
        "objective.png",
        "map-tsne.svg",
        "features-2.png",
        "mistakes.png",
    ] {
        assert!(figures.join(file).is_file(), "{file}");
    }
}

/// Every accuracy of the summary is in the report, to the digits that it has.
#[test]
fn a_report_says_what_the_summary_says() {
    let folder = tempdir().unwrap();
    let run = folder.path().join("run");
    train(&run, &[]);
    let report = read(&run.join("report.html"));
    let summary = support::summary(&run);
    for network in ["before_finetuning", "after_finetuning", "from_random"] {
        let accuracy = support::number(&summary, &format!("/{network}/accuracy"));
        assert!(
            report.contains(&format!("data-value=\"{accuracy}\"")),
            "{network}"
        );
    }
    assert!(report.contains("finetune.epochs") || report.contains("[finetune]"));
}

#[test]
fn runs_stand_side_by_side() {
    let folder = tempdir().unwrap();
    let (a, b) = (folder.path().join("a"), folder.path().join("b"));
    train(&a, &[]);
    train(&b, &["--set", "layers.0.hidden=9", "--seed", "2"]);
    let out = folder.path().join("both.html");
    succeed(&["report", text(&a), text(&b), "--out", text(&out)]);
    let page = read(&out);
    for words in [
        "2 runs side by side",
        "layers.0.hidden",
        "144-16-8-4",
        "144-9-8-4",
        ">seed<",
    ] {
        assert!(page.contains(words), "{words}");
    }
    assert!(
        !page.contains("finetune.epochs"),
        "what is the same is left out"
    );
}

#[test]
fn tables_without_labels_have_a_report() {
    let folder = tempdir().unwrap();
    let run = folder.path().join("pump");
    let args = [
        "train",
        "configs/table.toml",
        "--quiet",
        "--out",
        text(&run),
    ];
    succeed(&[&args[..], &["--set", "pretrain.epochs=20"]].concat());
    let page = read(&run.join("report.html"));
    for section in [
        "overview",
        "features",
        "units",
        "training",
        "reconstructions",
        "codes",
    ] {
        assert!(
            page.contains(&format!("<section id=\"{section}\"")),
            "{section}"
        );
    }
    for section in ["selectivity", "classifier"] {
        assert!(
            !page.contains(&format!("<section id=\"{section}\"")),
            "{section}"
        );
    }
    let bars = read(&run.join("features.svg"));
    let column = read(Path::new(&support::root().join("configs/table/pump.csv")));
    let column = column
        .lines()
        .next()
        .unwrap()
        .split(',')
        .next()
        .unwrap()
        .to_owned();
    assert!(bars.contains(&column), "{column}");
}

/// Data that are gone leave a report without what needs them, which says so.
#[test]
fn a_report_does_without_its_samples() {
    let folder = tempdir().unwrap();
    let table = folder.path().join("rows.csv");
    let rows: String = (0..60).map(|k| format!("{},{}\n", k % 7, k % 5)).collect();
    fs::write(&table, format!("a,b\n{rows}")).unwrap();
    let config = folder.path().join("rows.toml");
    let text_of = "classifier = false\n[data]\nsource = \"csv\"\n[data.files]\ntrain = \"rows.csv\"\n\
                   [data.scaling]\nkind = \"min_max\"\n[[layers]]\nhidden = 2\n[pretrain]\nepochs = 3\n";
    fs::write(&config, text_of).unwrap();
    let run = folder.path().join("run");
    succeed(&["train", text(&config), "--quiet", "--out", text(&run)]);
    fs::remove_file(&table).unwrap();
    succeed(&["report", text(&run)]);
    let page = read(&run.join("report.html"));
    assert!(page.contains("could not be read") && page.contains("rows.csv"));
    assert!(page.contains("<section id=\"features\"") && page.contains("<section id=\"training\""));
    assert!(!page.contains("<section id=\"codes\""));
}

#[test]
fn reports_are_refused_in_one_line() {
    let folder = tempdir().unwrap();
    let run = folder.path().join("run");
    train(&run, &["--set", "report=false"]);
    assert!(!run.join("report.html").exists() && run.join("features.png").is_file());
    let refused = refuse(&["report", text(&run), "--out", "x.pdf"]);
    assert!(
        refused.contains("x.pdf: expected a name that ends in .html"),
        "{refused}"
    );
    let refused = refuse(&["report", text(folder.path())]);
    assert!(refused.contains(text(folder.path())), "{refused}");
    let refused = refuse(&["features", text(&run), "--layer", "3"]);
    assert!(refused.contains("layer is 3; expected 1 to 2"), "{refused}");
    let refused = refuse(&["features", text(&run), "--norm", "0"]);
    assert!(refused.contains("--norm is 0"), "{refused}");
    fs::remove_file(run.join("model.safetensors")).unwrap();
    let refused = refuse(&["report", text(&run)]);
    assert!(refused.contains("not finished"), "{refused}");
}

#[test]
fn features_of_any_layer_in_any_order() {
    let folder = tempdir().unwrap();
    let run = folder.path().join("run");
    train(&run, &[]);
    let mut seen = Vec::new();
    for order in ["stored", "selectivity", "rho-hat", "norm"] {
        let out = folder.path().join(format!("{order}.png"));
        let args = [
            "features",
            text(&run),
            "--layer",
            "2",
            "--order",
            order,
            "--out",
            text(&out),
        ];
        let printed = succeed(&args);
        assert!(printed.contains("8 units of layer 2"), "{printed}");
        seen.push(fs::read(&out).unwrap());
    }
    seen.dedup();
    assert!(seen.len() > 1, "orders differ");
    let printed = succeed(&["features", text(&run), "--layer", "2", "--samples", "3"]);
    assert!(printed.contains("features-2.png"), "{printed}");
    let wide = sae(&["features", text(&run), "--scale", "all", "--most", "4"]);
    assert!(wide.status.success());
    // Pictures in the run's folder are the run's, the one that was drawn again, too.
    let verified = succeed(&["verify", text(&run)]);
    assert!(verified.contains("features-2.png"), "{verified}");
}

/// Layers by plain loops in double precision: the pre-activations of the second one's units.
struct Plain {
    weights: Vec<Vec<f64>>,
    biases: Vec<Vec<f64>>,
}

impl Plain {
    fn of(model: &Model) -> Self {
        let encoders = model.autoencoders().iter().map(|model| &model.encoder);
        let (weights, biases) = encoders
            .map(|encoder| {
                let weight = encoder.weight.val().into_data().iter::<f64>().collect();
                let bias = encoder.bias.val().into_data().iter::<f64>().collect();
                (weight, bias)
            })
            .unzip();
        Self { weights, biases }
    }

    fn layer(&self, layer: usize, x: &[f64]) -> Vec<f64> {
        let mut sums = self.biases[layer].clone();
        for (x, row) in x.iter().zip(self.weights[layer].chunks(sums.len())) {
            sums.iter_mut().zip(row).for_each(|(sum, w)| *sum += x * w);
        }
        sums
    }

    fn second(&self, x: &[f64]) -> Vec<f64> {
        let first = self.layer(0, x);
        let first: Vec<f64> = first.iter().map(|p| 1.0 / (1.0 + (-p).exp())).collect();
        self.layer(1, &first)
    }
}

/// The input that is found for a unit of the second layer activates it more than any training sample that is
/// scaled to the same norm, for at least 95% of the units that are alive; and no random input is better.
#[test]
fn deep_units_prefer_what_is_found_to_every_training_sample() {
    let set = [
        "pretrain.epochs=20".to_owned(),
        "classifier=false".to_owned(),
    ];
    let config = support::root().join(TINY);
    let mut experiment = Experiment::read(config, &set).unwrap();
    experiment.control = false;
    let prepared: Prepared = experiment.prepare().unwrap();
    let model = prepared.run(&mut ()).unwrap().model;
    let hidden = model.hidden();
    let units: Vec<usize> = (0..hidden).collect();
    let samples = &prepared.specimens.samples;
    let found = model
        .preferred(2, &units, Some(samples), &Ascent::default(), 1)
        .unwrap();
    let plain = Plain::of(&model);
    let train = prepared.data.train.samples.all().unwrap();
    let mut best = vec![f64::NEG_INFINITY; hidden];
    for row in 0..train.rows() {
        let x = train.gather_doubles(&[row]);
        let norm = x.iter().map(|v| v * v).sum::<f64>().sqrt();
        let unit_norm: Vec<f64> = x.iter().map(|v| v / norm).collect();
        let p = plain.second(&unit_norm);
        best.iter_mut()
            .zip(p)
            .for_each(|(best, p)| *best = best.max(p));
    }
    let width = found.inputs.len() / hidden;
    let mut better = 0;
    for (unit, x) in found.inputs.chunks(width).enumerate() {
        let norm = x.iter().map(|v| v * v).sum::<f64>().sqrt();
        assert!(norm <= 1.0 + 1e-6, "{norm}");
        let p = plain.second(x)[unit];
        assert!(
            (p - found.found[unit]).abs() < 1e-4,
            "{p} {}",
            found.found[unit]
        );
        better += usize::from(p > best[unit]);
    }
    assert!(better * 100 >= 95 * hidden, "{better} of {hidden}");
}
