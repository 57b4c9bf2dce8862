//! `sae runs`: the runs of a folder.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::fs;
use std::path::Path;

use sae::{ListedRun, RunState};
use serde_json::Value;
use support::{copy, number, refuse, sae, succeed, summary, text, unseal};
use tempfile::tempdir;

const TINY: &str = "configs/tiny.toml";

fn train(out: &Path, sets: &[&str]) {
    let sets = sets.iter().flat_map(|set| ["--set", set]);
    let args = ["train", TINY, "--quiet", "--out", text(out)];
    succeed(&args.into_iter().chain(sets).collect::<Vec<_>>());
}

fn list(folder: &Path, more: &[&str]) -> Vec<ListedRun> {
    let args = [&["runs", text(folder), "--json"], more].concat();
    serde_json::from_str(&succeed(&args)).unwrap()
}

fn names(folder: &Path, sort: &str) -> Vec<String> {
    let runs = list(folder, &["--sort", sort]);
    runs.into_iter().map(|run| run.name).collect()
}

fn change(file: &Path, change: impl FnOnce(&mut Value)) {
    let mut value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    change(&mut value);
    fs::write(file, value.to_string()).unwrap();
}

#[test]
fn a_list_has_the_figures_of_every_run() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    train(&at("run-10"), &["pretrain.epochs=8"]);
    train(&at("run-9"), &["layers=[{hidden=5}]", "classifier=false"]);
    train(&at("group/fold-1"), &["control=false"]);
    fs::create_dir_all(at("notes/deep/er")).unwrap();
    fs::write(at("file.txt"), "no run").unwrap();

    let runs = list(folder.path(), &[]);
    let found: Vec<&str> = runs.iter().map(|run| run.name.as_str()).collect();
    assert_eq!(found, ["group/fold-1", "run-9", "run-10"]);
    for run in &runs {
        assert_eq!((run.state, &run.problem), (RunState::Complete, &None));
        let summary = summary(&at(&run.name));
        let figures = &run.figures;
        assert_eq!(figures.source.as_deref(), Some("shapes"));
        for (layer, rmse) in figures.rmse.iter().enumerate() {
            assert_eq!(
                *rmse,
                number(&summary, &format!("/layers/{layer}/test/rmse"))
            );
        }
        assert_eq!(figures.seconds, Some(number(&summary, "/seconds")));
        for (accuracy, evaluation) in [
            (figures.before_finetuning, "before_finetuning"),
            (figures.after_finetuning, "after_finetuning"),
            (figures.from_random, "from_random"),
        ] {
            assert_eq!(accuracy, summary[evaluation]["accuracy"].as_f64());
        }
        // "2026-01-31T23:59:59Z", and no earlier than this test was written.
        let written = run.written.as_ref().unwrap();
        assert!(
            written.len() == 20 && written.as_str() > "2025",
            "{written}"
        );
    }
    assert_eq!(runs[0].figures.layers, [144, 16, 8, 4]);
    assert_eq!(runs[1].figures.layers, [144, 5]);
    assert_eq!(
        (runs[1].figures.rmse.len(), runs[2].figures.rmse.len()),
        (1, 2)
    );
    assert!(runs[0].figures.from_random.is_none() && runs[2].figures.from_random.is_some());

    let table = succeed(&["runs", text(folder.path())]);
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 4);
    assert!(
        lines[0].starts_with("name") && lines[3].starts_with("run-10"),
        "{table}"
    );
    let accuracy = 100.0 * runs[2].figures.after_finetuning.unwrap();
    assert!(lines[3].contains(&format!("{accuracy:.2}%")), "{table}");
    assert!(
        lines[3].contains("144-16-8-4") && lines[3].contains("complete"),
        "{table}"
    );
}

/// The figures and times are put in by hand, so that the order is known.
#[test]
fn lists_are_sorted() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    train(&at("a"), &["control=false"]);
    for (name, accuracy, rmse, seconds) in [("b", 0.9, 0.2, 3.0), ("c", 0.8, 0.3, 1.0)] {
        copy(&at("a"), &at(name));
        change(&at(name).join("summary.json"), |summary| {
            summary["after_finetuning"]["accuracy"] = accuracy.into();
            summary["layers"][0]["test"]["rmse"] = rmse.into();
            summary["seconds"] = seconds.into();
        });
    }
    change(&at("a").join("summary.json"), |summary| {
        summary["after_finetuning"]["accuracy"] = 0.85.into();
        summary["layers"][0]["test"]["rmse"] = 0.1.into();
        summary["seconds"] = 2.0.into();
    });
    train(&at("d"), &["classifier=false"]);
    change(&at("d").join("summary.json"), |summary| {
        summary["layers"][0]["test"]["rmse"] = 0.4.into();
        summary["seconds"] = 4.0.into();
    });
    for name in ["a", "b", "c", "d"] {
        unseal(&at(name));
    }
    let now = std::time::SystemTime::now();
    for (age, name) in (0..).zip(["c", "a", "d", "b"]) {
        let config = fs::File::options()
            .write(true)
            .open(at(name).join("config.toml"))
            .unwrap();
        let time = now - std::time::Duration::from_secs(3600 * age);
        config.set_modified(time).unwrap();
    }
    assert_eq!(names(folder.path(), "name"), ["a", "b", "c", "d"]);
    assert_eq!(names(folder.path(), "accuracy"), ["b", "a", "c", "d"]);
    assert_eq!(names(folder.path(), "rmse"), ["a", "b", "c", "d"]);
    assert_eq!(names(folder.path(), "time"), ["c", "a", "b", "d"]);
    assert_eq!(names(folder.path(), "date"), ["c", "a", "d", "b"]);
}

#[test]
fn damaged_and_unfinished_runs_are_lines_of_the_list() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    train(&at("whole"), &[]);
    for name in ["cut", "marker", "model", "older", ".whole.new-42"] {
        copy(&at("whole"), &at(name));
    }
    let cut = fs::read(at("cut/summary.json")).unwrap();
    fs::write(at("cut/summary.json"), &cut[..cut.len() / 2]).unwrap();
    fs::write(at("marker/.sae-run.json"), "{\n\u{1b}").unwrap();
    fs::remove_file(at("model/model.safetensors")).unwrap();
    // Before stages said how they ended.
    change(&at("older/summary.json"), |summary| {
        let summary = summary.as_object_mut().unwrap();
        for stage in ["softmax", "finetune", "control"] {
            summary.remove(stage).unwrap();
        }
    });
    unseal(&at("older"));
    change(&at(".whole.new-42/.sae-run.json"), |marker| {
        marker["state"] = "running".into();
    });
    // A run that diverges leaves its folder behind.
    let diverged = at("diverged");
    let mut args = vec!["train", TINY, "--quiet", "--out", text(&diverged)];
    let sets = ["pretrain.optimizer=sgd", "pretrain.learning_rate=1e38"];
    args.extend(sets.iter().flat_map(|set| ["--set", set]));
    let output = sae(&args);
    assert_eq!(output.status.code(), Some(1));

    let runs = list(folder.path(), &[]);
    let of = |name: &str| runs.iter().find(|run| run.name == name).unwrap();
    assert_eq!(runs.len(), 7);
    for (name, problem) in [
        ("cut", "summary.json: damaged: it is not what the run wrote"),
        ("marker", ".sae-run.json: is no marker of a run"),
        ("model", "model.safetensors: cannot be read"),
    ] {
        let run = of(name);
        assert_eq!(run.state, RunState::Damaged, "{run:?}");
        assert!(run.problem.as_ref().unwrap().contains(problem), "{run:?}");
    }
    assert_eq!(of("older").state, RunState::Complete);
    assert_eq!(of("older").figures, of("whole").figures);
    for name in [".whole.new-42", "diverged"] {
        let run = of(name);
        assert_eq!(run.state, RunState::Unfinished);
        assert_eq!(run.figures.layers, [144, 16, 8, 4]);
        assert!(run.figures.rmse.is_empty() && run.figures.seconds.is_none());
    }
    let table = succeed(&["runs", text(folder.path())]);
    assert_eq!(table.lines().count(), 8);
    assert!(
        table.lines().all(|line| !line.contains('\u{1b}')),
        "{table}"
    );
    assert!(
        table.contains("damaged") && table.contains("is not what the run wrote"),
        "{table}"
    );
}

#[test]
fn a_folder_without_runs_and_one_that_is_not_there() {
    let folder = tempdir().unwrap();
    assert!(succeed(&["runs", text(folder.path())]).starts_with("no runs in "));
    assert_eq!(
        succeed(&["runs", text(folder.path()), "--json"]).trim(),
        "[]"
    );
    let message = refuse(&["runs", text(&folder.path().join("none"))]);
    assert!(message.contains("none: cannot be read"), "{message}");
}
