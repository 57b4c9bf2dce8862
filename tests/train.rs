//! Whole runs through the command line.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::fs;
use std::path::Path;

use serde_json::Value;
use support::{metrics, number, sae, succeed, summary, text, weights};
use tempfile::tempdir;

const TINY: &str = "configs/tiny.toml";

fn train(out: &Path, more: &[&str]) -> String {
    let mut args = vec!["train", TINY, "--out", text(out)];
    args.extend(more);
    succeed(&args)
}

#[test]
fn a_run_leaves_what_is_documented() {
    let folder = tempdir().unwrap();
    let run = folder.path().join("run");
    let printed = train(&run, &[]);
    for line in [
        "autoencoder 1 (144-16)",
        "autoencoder 2 (16-8)",
        "before fine-tuning",
        "after fine-tuning",
        "fine-tuned from random initialisation",
        "run folder",
    ] {
        assert!(printed.contains(line), "{line} is missing in {printed}");
    }

    let names: Vec<String> = weights(&run).into_iter().map(|(name, _)| name).collect();
    let expected = [
        "autoencoder-1.safetensors",
        "autoencoder-2.safetensors",
        "control.safetensors",
        "finetune.safetensors",
        "softmax.safetensors",
    ];
    assert_eq!(names, expected);
    for (picture, start) in [
        ("features.png", &b"\x89PNG"[..]),
        ("figures/features-2.png", &b"\x89PNG"[..]),
        ("figures/objective.svg", &b"<svg"[..]),
        ("report.html", &b"<!DOCTYPE html>"[..]),
    ] {
        assert!(fs::read(run.join(picture)).unwrap().starts_with(start));
    }

    let lines = metrics(&run);
    assert_eq!(lines.len(), 5 * 5, "one line per epoch and stage");
    for line in &lines {
        let terms = line["terms"].as_object().unwrap();
        let sum: f64 = terms.values().map(|v| v.as_f64().unwrap()).sum();
        assert!((sum - number(line, "/objective")).abs() < 1e-9 * sum.abs());
        assert!(number(line, "/samples_per_second") > 0.0);
        assert!(line["validation_objective"].is_number());
    }
    assert!(lines[0]["terms"]["sparsity"].is_number());
    assert!(lines[24]["accuracy"].is_number());

    let summary = summary(&run);
    assert_eq!(summary["executor"], "fused");
    assert!(summary["instruction_set"].is_string());
    for stage in ["softmax", "finetune", "control"] {
        assert_eq!(summary[stage]["epochs"], 5);
        assert_eq!(summary[stage]["stopped"], "epochs");
    }
    assert_eq!(
        printed.matches("all 5 epochs run, not converged").count(),
        3
    );
    let opened = sae::Run::open(&run).unwrap();
    assert_eq!(opened.metrics().unwrap().len(), 5 * 5);
    assert_eq!(opened.summary().unwrap().results.layers.len(), 2);
    for evaluation in ["before_finetuning", "after_finetuning", "from_random"] {
        let confusion = summary[evaluation]["confusion"].as_array().unwrap();
        let counts = || confusion.iter().flat_map(|row| row.as_array().unwrap());
        let total: u64 = counts().map(|n| n.as_u64().unwrap()).sum();
        assert_eq!(total, 200);
        let correct: u64 = (0..4).map(|c| confusion[c][c].as_u64().unwrap()).sum();
        let accuracy = number(&summary[evaluation], "/accuracy");
        assert!((accuracy - correct as f64 / 200.0).abs() < 1e-12);
    }
}

/// Only classifiers that validation has stopped are said to be compared at convergence.
#[test]
fn a_run_says_whether_its_classifiers_have_converged() {
    let folder = tempdir().unwrap();
    let warning = "the comparison with random initialisation is not one at convergence";
    for (name, epochs, warns) in [("short", "5", true), ("long", "100", false)] {
        let run = folder.path().join(name);
        let epochs = format!("finetune.epochs={epochs}");
        let patience = "finetune.validation_patience=4";
        let sets = ["--set", &epochs, "--set", patience];
        let output = sae(&[&["train", TINY, "--out", text(&run)], &sets[..]].concat());
        assert!(output.status.success());
        let progress = String::from_utf8(output.stderr).unwrap();
        assert_eq!(progress.contains(warning), warns, "{progress}");
        let summary = summary(&run);
        for stage in ["finetune", "control"] {
            let stopped = if warns { "epochs" } else { "validation" };
            assert_eq!(summary[stage]["stopped"], stopped);
            let lines = metrics(&run);
            let lines = lines.iter().filter(|line| line["stage"] == stage);
            assert_eq!(summary[stage]["epochs"], lines.count());
        }
    }
}

/// J falls while each part is trained.
#[test]
fn training_lowers_every_objective() {
    let folder = tempdir().unwrap();
    let run = folder.path().join("run");
    train(&run, &[]);
    let lines = metrics(&run);
    for stage in lines.chunks(5) {
        let (first, last) = (&stage[0], &stage[4]);
        assert_eq!(first["stage"], last["stage"]);
        let (first, last) = (number(first, "/objective"), number(last, "/objective"));
        assert!(last < first, "{stage:?}");
    }
}

#[test]
fn the_same_run_twice_gives_the_same_bytes() {
    let folder = tempdir().unwrap();
    let [a, b, c] = ["a", "b", "c"].map(|name| folder.path().join(name));
    train(&a, &[]);
    train(&b, &[]);
    assert_eq!(weights(&a), weights(&b));
    assert_eq!(
        fs::read(a.join("features.png")).unwrap(),
        fs::read(b.join("features.png")).unwrap()
    );
    train(&c, &["--seed", "2"]);
    assert_ne!(weights(&a), weights(&c));
}

/// The loss curves of the first 20 epochs on shapes agree to 1e-3 relative, in `f32`.
#[test]
fn delta_and_autodiff_walk_the_same_way() {
    let folder = tempdir().unwrap();
    let curve = |rule: &str| -> Vec<f64> {
        let run = folder.path().join(rule);
        let sets = [
            "data.shapes.train=1000",
            "data.shapes.test=50",
            "pretrain.epochs=20",
            "softmax.epochs=20",
            "finetune.epochs=20",
        ];
        let mut args = vec!["train", "configs/shapes.toml", "--out", text(&run)];
        args.extend(["--gradient", rule]);
        args.extend(sets.iter().flat_map(|set| ["--set", set]));
        succeed(&args);
        let lines = metrics(&run);
        lines
            .iter()
            .map(|line| number(line, "/objective"))
            .collect()
    };
    let (delta, autodiff) = (curve("delta"), curve("autodiff"));
    assert_eq!(delta.len(), 5 * 20);
    for (delta, autodiff) in delta.iter().zip(&autodiff) {
        assert!(
            (delta - autodiff).abs() < 1e-3 * autodiff.abs(),
            "{delta} {autodiff}"
        );
    }
}

/// What `sae eval` finds from the folder alone is what the run wrote down.
#[test]
fn a_run_can_be_evaluated_and_drawn_again() {
    let folder = tempdir().unwrap();
    let run = folder.path().join("run");
    train(&run, &[]);
    let printed = succeed(&["eval", text(&run)]);
    let accuracy = 100.0 * number(&summary(&run), "/after_finetuning/accuracy");
    let expected = format!("after fine-tuning: accuracy {accuracy:.2}%");
    assert!(printed.contains(&expected), "{printed}");

    let first = fs::read(run.join("features.png")).unwrap();
    let again = folder.path().join("tiles.png");
    let printed = succeed(&["features", text(&run), "--out", text(&again)]);
    assert!(
        printed.contains("16 units of layer 1, as they are"),
        "{printed}"
    );
    assert!(printed.contains("unit norm"), "{printed}");
    assert_eq!(fs::read(again).unwrap(), first);
}

/// Images written by `sae data shapes` are the ones that training draws, and `sae eval` reads them.
#[test]
fn written_shapes_are_those_of_the_run() {
    let folder = tempdir().unwrap();
    let (run, data) = (folder.path().join("run"), folder.path().join("data"));
    train(&run, &[]);
    let out = text(&data);
    succeed(&["data", "shapes", "--config", TINY, "--out", out]);
    // After the line that says what was evaluated.
    let figures = |args: &[&str]| {
        let printed = succeed(args);
        let (_, figures) = printed.split_once('\n').unwrap();
        figures.to_owned()
    };
    assert_eq!(
        figures(&["eval", text(&run), out]),
        figures(&["eval", text(&run)])
    );
    let factors = fs::read_to_string(data.join("test-factors.jsonl")).unwrap();
    assert_eq!(factors.lines().count(), 200);
    let first: Value = serde_json::from_str(factors.lines().next().unwrap()).unwrap();
    assert_eq!(first["kind"], "circle");
    assert!(data.join("contact-sheet.png").is_file());

    let sets = [
        "data.source=idx".to_owned(),
        format!("data.idx.dir={out}"),
        "data.idx.train_images=train-images-idx3-ubyte".to_owned(),
        "data.idx.test_images=test-images-idx3-ubyte".to_owned(),
        "data.idx.test_labels=test-labels-idx1-ubyte".to_owned(),
    ];
    let from_files = folder.path().join("from-files");
    let mut more = vec![];
    for set in &sets {
        more.extend(["--set", set.as_str()]);
    }
    train(&from_files, &more);
    assert_eq!(weights(&run), weights(&from_files));
}

#[test]
fn divergence_is_an_error_that_names_the_place() {
    let folder = tempdir().unwrap();
    let run = folder.path().join("run");
    let sets = ["pretrain.optimizer=sgd", "pretrain.learning_rate=1e38"];
    let mut args = vec!["train", TINY, "--out", text(&run)];
    args.extend(sets.iter().flat_map(|set| ["--set", set]));
    let output = sae(&args);
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(
        message.contains("error: autoencoder-1, epoch 1, step "),
        "{message}"
    );
    assert!(message.contains("training diverged"), "{message}");
}

#[test]
fn gradients_of_a_configuration_are_checked() {
    let printed = succeed(&["gradcheck", TINY, "--entries", "10"]);
    assert!(printed.contains("all agree"), "{printed}");
    for tensor in ["encoder.weight", "decoder.bias", "head.output.weight"] {
        assert!(printed.contains(tensor), "{printed}");
    }
}

/// The models that a configuration can describe, through the command line: whole runs, and their
/// gradients against finite differences.
#[test]
fn other_kinds_of_autoencoder_are_trained_and_checked() {
    let kinds: [&[&str]; 5] = [
        &["layers.0.tied=true", "layers.0.corruption=masking"],
        &[
            "layers.0.encoder=tanh",
            "layers.0.l1=0.01",
            "layers.1.decoder=tanh",
            "pretrain.optimizer=rmsprop",
        ],
        &[
            "layers.0.encoder=relu",
            "layers.0.beta=0",
            "layers.0.top_k=6",
            "layers.1.decoder=linear",
        ],
        &[
            "layers.0.corruption=gaussian",
            "pretrain.rho_hat=running",
            "pretrain.optimizer=adamw",
            "pretrain.schedule=cosine",
            "finetune.validation_patience=2",
        ],
        &[
            "layers.1.encoder=satlin",
            "pretrain.batch=full",
            "pretrain.optimizer=lbfgs",
            "pretrain.learning_rate=1",
            "pretrain.gradient_tolerance=1e-3",
        ],
    ];
    let folder = tempdir().unwrap();
    for (index, sets) in kinds.iter().enumerate() {
        let run = folder.path().join(index.to_string());
        let more: Vec<&str> = sets.iter().flat_map(|set| ["--set", *set]).collect();
        train(&run, &more);
        let lines = metrics(&run);
        let first = number(&lines[0], "/objective");
        let mut of_first = lines.iter().filter(|line| line["stage"] == "autoencoder-1");
        let last = of_first.next_back().unwrap();
        assert!(number(last, "/objective") < first, "{sets:?}");
        assert!(succeed(&["eval", text(&run)]).contains("after fine-tuning"));
        assert!(succeed(&["features", text(&run)]).contains("16 units of layer 1"));

        let check = [&["gradcheck", TINY, "--entries", "12"], &more[..]].concat();
        let printed = succeed(&check);
        assert!(printed.contains("all agree"), "{sets:?}: {printed}");
    }
}

#[test]
fn every_shipped_configuration_is_valid() {
    for entry in fs::read_dir(support::root().join("configs")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            continue;
        }
        let printed = succeed(&["config", "check", text(&path)]);
        assert!(printed.contains("[pretrain]"), "{printed}");
    }
}

/// What `config check` prints is a configuration that says the same.
#[test]
fn the_resolved_configuration_is_a_configuration() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("resolved.toml");
    let printed = succeed(&["config", "check", TINY]);
    fs::write(&file, &printed).unwrap();
    assert_eq!(succeed(&["config", "check", text(&file)]), printed);
}

#[test]
fn the_default_backend_is_ready() {
    let printed = succeed(&["backends"]);
    assert!(printed.starts_with("flex (default)    ready"), "{printed}");
}

/// UFLDL's exercise, made small: patches have no labels, so the run ends with pretraining; the fitted
/// scaling is kept, and J of the kept model on the unscaled patches is the J that training ended at.
#[test]
fn patches_are_learned_without_labels() {
    let folder = tempdir().unwrap();
    let run = folder.path().join("run");
    let mut args = vec!["train", "configs/patches.toml", "--out", text(&run)];
    for set in [
        "data.patches.train=500",
        "data.patches.test=50",
        "data.patches.drawn=2",
        "data.patches.drawn_size=64",
        "layers.0.hidden=9",
        "pretrain.epochs=15",
    ] {
        args.extend(["--set", set]);
    }
    let printed = succeed(&args);
    assert!(printed.contains("autoencoder 1 (64-9)"), "{printed}");
    assert!(!printed.contains("fine-tuning"), "{printed}");
    let names: Vec<String> = weights(&run).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["autoencoder-1.safetensors", "scaling.safetensors"]);
    assert!(summary(&run).get("after_finetuning").is_none());

    let last = number(metrics(&run).last().unwrap(), "/objective");
    let found = succeed(&["objective", text(&run), "--json"]);
    let found: Value = serde_json::from_str(&found).unwrap();
    let exact = number(&found, "/objective");
    assert!((exact - last).abs() < 1e-5 * exact, "{exact} {last}");

    let refused = support::refuse(&["eval", text(&run)]);
    assert!(refused.contains("classifier = false"), "{refused}");
}

/// Scaled inputs go through all of the pipeline: what `train` reports is what `eval` finds in the
/// run folder afterwards.
#[test]
fn scaled_inputs_are_scaled_again_by_eval() {
    let folder = tempdir().unwrap();
    let run = folder.path().join("run");
    let sets = [
        "data.scaling.kind=pca",
        "data.scaling.components=30",
        "layers.0.decoder=linear",
        "control=false",
    ];
    let mut more = Vec::new();
    for set in sets {
        more.extend(["--set", set]);
    }
    let printed = train(&run, &more);
    assert!(printed.contains("autoencoder 1 (30-16)"), "{printed}");
    let accuracy = number(&summary(&run), "/after_finetuning/accuracy");
    let evaluated = succeed(&["eval", text(&run)]);
    let expected = format!("after fine-tuning: accuracy {:.2}%", 100.0 * accuracy);
    assert!(evaluated.contains(&expected), "{expected} in {evaluated}");
    let mut check = vec!["gradcheck", TINY];
    check.extend(&more);
    assert!(succeed(&check).contains("all agree"));
}

/// In the kernels and in Burn's operations, in minibatches and over the full batch.
#[test]
fn the_number_of_threads_changes_no_bit() {
    let folder = tempdir().unwrap();
    let kinds: [&[&str]; 3] = [
        &["fused=always"],
        &["fused=never"],
        &[
            "pretrain.batch=full",
            "pretrain.optimizer=lbfgs",
            "pretrain.learning_rate=1.0",
        ],
    ];
    for (kind, sets) in kinds.iter().enumerate() {
        let trained = |threads: &str| {
            let run = folder.path().join(format!("{kind}-{threads}"));
            let mut more = vec!["--threads", threads];
            more.extend(sets.iter().flat_map(|set| ["--set", set]));
            train(&run, &more);
            weights(&run)
        };
        let one = trained("1");
        assert!(trained("2") == one, "{sets:?}");
        assert!(trained("5") == one, "{sets:?}");
    }
}

/// The model file stands without its run folder, and gives what the run has reported.
#[test]
fn a_model_leaves_its_run_folder() {
    let folder = tempdir().unwrap();
    let run = folder.path().join("run");
    let more = [
        "--set",
        "data.scaling.kind=min_max",
        "--set",
        "layers.0.tied=true",
    ];
    train(&run, &more);
    let file = folder.path().join("mine.safetensors");
    fs::rename(run.join("model.safetensors"), &file).unwrap();
    let model = sae::Model::load(&file).unwrap();
    let experiment = sae::Run::open(&run).unwrap().experiment().clone();
    let test = experiment.data.load_test(experiment.seed, true).unwrap();
    fs::remove_dir_all(&run).unwrap();

    let rows: Vec<usize> = (0..test.rows()).collect();
    let samples = test.samples.all().unwrap().into_owned();
    let scores = model.score(&samples).unwrap();
    let reconstructed = model.reconstruct(&samples).unwrap();
    // Scores are taken after scaling.
    let scaling = model.scaling().unwrap();
    let scaled = [&samples, &reconstructed].map(|table| scaling.apply(table));
    let squares = |row: usize| -> f64 {
        let pair = scaled.each_ref().map(|table| table.gather_doubles(&[row]));
        pair[0]
            .iter()
            .zip(&pair[1])
            .map(|(x, z)| (x - z).powi(2))
            .sum()
    };
    for &row in &rows {
        assert!((scores[row] - (squares(row) / 144.0).sqrt()).abs() < 1e-6);
    }
    assert_eq!(model.encode(&samples).unwrap().width(), 8);

    let probabilities = model.predict_proba(&samples).unwrap();
    let predicted = model.predict(&samples).unwrap();
    for &row in &rows {
        let own = probabilities.gather(&[row]);
        assert!((own.iter().sum::<f32>() - 1.0).abs() < 1e-5);
        assert!(own.iter().all(|&p| p <= own[predicted[row]]));
    }
    let again = sae::Model::from_bytes(&model.to_bytes().unwrap()).unwrap();
    assert_eq!(again.to_bytes().unwrap(), model.to_bytes().unwrap());
}

/// What `eval` reports of the fine-tuned network is what the model file predicts.
#[test]
fn the_model_file_predicts_what_eval_reports() {
    let folder = tempdir().unwrap();
    let run = folder.path().join("run");
    train(&run, &[]);
    let opened = sae::Run::open(&run).unwrap();
    let experiment = opened.experiment();
    let test = experiment.data.load_test(experiment.seed, true).unwrap();
    let samples = test.samples.all().unwrap();
    let predicted = opened.model().unwrap().predict(&samples).unwrap();
    let labels = test.labels.unwrap().values;
    let hits = predicted
        .iter()
        .zip(&labels)
        .filter(|(p, l)| **p == **l as usize);
    let accuracy = number(&summary(&run), "/after_finetuning/accuracy");
    assert_eq!(hits.count() as f64 / 200.0, accuracy);
}

/// Which executor computes, and what is in the way of the fused kernels, is said and kept.
#[test]
fn the_executor_is_said_and_kept() {
    let folder = tempdir().unwrap();
    for (set, executor, obstacle) in [
        ("fused=auto", "fused", None),
        ("fused=never", "delta", Some("fused = \"never\"")),
        (
            "gradient=autodiff",
            "autodiff",
            Some("gradient = \"autodiff\""),
        ),
    ] {
        let run = folder.path().join(executor);
        let output = sae(&["train", TINY, "--out", text(&run), "--set", set]);
        let shown = String::from_utf8(output.stderr).unwrap();
        assert_eq!(summary(&run)["executor"], executor);
        match obstacle {
            Some(obstacle) => {
                assert_eq!(summary(&run)["obstacle"], obstacle);
                assert!(
                    shown.contains(&format!("(not the fused kernels: {obstacle})")),
                    "{shown}"
                );
            }
            None => assert!(summary(&run).get("obstacle").is_none()),
        }
    }
}

/// A run can be repeated with another machine's instruction set, to the last bit.
#[test]
fn instruction_sets_can_be_chosen() {
    let folder = tempdir().unwrap();
    let with = |name: &str, more: &[&str]| {
        let run = folder.path().join(name);
        train(&run, more);
        (summary(&run)["instruction_set"].clone(), weights(&run))
    };
    let (_, best) = with("best", &[]);
    let scalar = with("scalar", &["--instruction-set", "scalar"]);
    assert_eq!(scalar.0, "scalar");
    assert_eq!(scalar, with("again", &["--set", "instruction_set=scalar"]));
    assert_ne!(scalar.1, best);
}

/// The gradients of a trained run, and of settings with steep slopes and kinks.
#[test]
fn gradchecks_do_not_cry_wolf() {
    let folder = tempdir().unwrap();
    let run = folder.path().join("run");
    train(&run, &[]);
    let printed = succeed(&["gradcheck", "--run", text(&run), "--entries", "6"]);
    assert!(printed.contains("all agree"), "{printed}");
    // Units so saturated that slopes are of the order of 1e-32, which no difference of J shows.
    let saturated = folder.path().join("saturated");
    train(
        &saturated,
        &[
            "--set",
            "pretrain.optimizer=rmsprop",
            "--set",
            "pretrain.learning_rate=0.1",
        ],
    );
    let printed = succeed(&["gradcheck", "--run", text(&saturated), "--entries", "6"]);
    assert!(
        printed.contains("are too small for differences of J"),
        "{printed}"
    );
    let cases: [&[&str]; 5] = [
        &["layers.0.beta=1e6"],
        &["layers.0.weight_decay=1e6"],
        &["layers.0.encoder=satlin", "layers.0.decoder=satlin"],
        &[
            "layers.0.encoder=relu",
            "layers.0.beta=0",
            "layers.1.decoder=relu",
        ],
        &[
            "data.scaling.kind=min_max",
            "data.scaling.high=255",
            "layers.0.decoder=linear",
        ],
    ];
    for sets in cases {
        for seed in ["1", "2", "3", "4"] {
            let mut args = vec!["gradcheck", TINY, "--entries", "6", "--seed", seed];
            args.extend(sets.iter().flat_map(|set| ["--set", set]));
            let printed = succeed(&args);
            assert!(
                printed.contains("all agree"),
                "{sets:?}, seed {seed}: {printed}"
            );
        }
    }
}

#[test]
fn quiet_shows_results_only() {
    let folder = tempdir().unwrap();
    let run = folder.path().join("run");
    let output = sae(&["train", TINY, "--out", text(&run), "--quiet"]);
    assert!(output.status.success());
    assert!(output.stderr.is_empty());
    assert!(!output.stdout.is_empty());
}
