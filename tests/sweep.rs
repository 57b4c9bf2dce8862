//! Sweeps: what is planned, what workers do, and what is reported.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use support::undisturbed::{signal, start, wait_for};
use support::{command, limited, number, refuse, sae, succeed, summary, text, weights};
use tempfile::{TempDir, tempdir};

const BASE: &str = "report = false\nclassifier = false\n[checkpoints]\nsteps = 5\n[data]\nvalidation = 0.2\n[data.shapes]\n\
    size = 6\ntrain = 100\ntest = 30\n[[layers]]\nhidden = 5\n[pretrain]\nepochs = 6\nbatch = 20\n";
const GRID: &str = "config = \"base.toml\"\nmetric = \"test_rmse\"\n[keys]\n\"pretrain.learning_rate\" = [0.001, 0.01]\n\
    \"layers.0.hidden\" = [4, 5, 6]\n";

/// A folder with a base configuration and the plan of a sweep.
fn planned(sweep: &str) -> (TempDir, PathBuf) {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("base.toml"), BASE).unwrap();
    let file = folder.path().join("s.toml");
    fs::write(&file, sweep).unwrap();
    let plan = folder.path().join("plan");
    succeed(&["sweep", text(&file), "--out", text(&plan)]);
    (folder, plan)
}

fn report(plan: &Path) -> Vec<Value> {
    serde_json::from_str(&succeed(&["sweep", "report", text(plan), "--json"])).unwrap()
}

/// The weights of every run of a plan.
fn all_weights(plan: &Path) -> BTreeMap<String, Vec<(String, Vec<u8>)>> {
    let entries = fs::read_dir(plan.join("runs")).unwrap();
    let run = |entry: std::io::Result<fs::DirEntry>| {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        // What holds a place of a worker is no run.
        (!name.starts_with('.')).then(|| (name, weights(&path)))
    };
    entries.filter_map(run).collect()
}

#[test]
fn a_grid_is_planned_run_and_reported() {
    let (folder, plan) = planned(GRID);
    let said = sae(&["sweep", "run", text(&plan), "--jobs", "2"]);
    assert_eq!(said.status.code(), Some(0), "{said:?}");
    let rows = report(&plan);
    assert_eq!(rows.len(), 6);
    let metrics: Vec<f64> = rows.iter().map(|row| number(row, "/metric")).collect();
    assert!(metrics.is_sorted(), "{metrics:?}");
    for row in &rows {
        let name = row["name"].as_str().unwrap();
        let run = plan.join("runs").join(name);
        assert_eq!(
            number(&summary(&run), "/layers/0/test/rmse"),
            number(row, "/metric")
        );
        // Each configuration stands by itself.
        let alone = folder.path().join("alone");
        let config = plan.join("configs").join(format!("{name}.toml"));
        succeed(
            &[
                "train",
                text(&config),
                "--quiet",
                "--out",
                text(&alone),
                "--overwrite",
            ]
            .iter()
            .copied()
            .filter(|argument| alone.exists() || *argument != "--overwrite")
            .collect::<Vec<_>>(),
        );
        assert!(weights(&alone) == weights(&run), "{name}");
    }
    // All is done, and nothing is done again.
    let before = all_weights(&plan);
    succeed(&["sweep", "run", text(&plan)]);
    assert!(all_weights(&plan) == before);
    let said = succeed(&["sweep", "report", text(&plan)]);
    assert!(said.contains("6 of 6 runs have ended"), "{said}");
    let page = fs::read_to_string(plan.join("report.html")).unwrap();
    assert!(page.contains("pretrain.learning_rate") && page.contains("image/svg+xml"));
    let message = refuse(&[
        "sweep",
        text(&folder.path().join("s.toml")),
        "--out",
        text(&plan),
    ]);
    assert!(message.contains("is there already"), "{message}");
}

/// Shares are disjoint and make the whole, however they are given.
#[test]
fn shares_make_the_whole() {
    let (_folder, plan) = planned(GRID);
    succeed(&["sweep", "run", text(&plan), "--shard", "2/3", "--quiet"]);
    assert_eq!(all_weights(&plan).len(), 2);
    for (name, value, more) in [
        ("JOB_COMPLETION_INDEX", "0", &["--shards", "3"][..]),
        ("SLURM_ARRAY_TASK_ID", "2", &["--shards", "3"]),
    ] {
        let mut command = support::command(&["sweep", "run", text(&plan), "--quiet"]);
        let output = command.args(more).env(name, value).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
    }
    assert_eq!(all_weights(&plan).len(), 6);
    assert!(report(&plan).iter().all(|row| row["metric"].is_number()));
    let mut command = support::command(&["sweep", "run", text(&plan)]);
    let output = command.env("JOB_COMPLETION_INDEX", "1").output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let output = sae(&["sweep", "run", text(&plan), "--shard", "4/3"]);
    assert_eq!(output.status.code(), Some(2));
}

/// The better points of a round go on, with more epochs; what comes out is what as many epochs give at once.
#[test]
fn halving_keeps_the_better_points() {
    let (folder, plan) = planned(
        "config = \"base.toml\"\nmethod = \"halving\"\nmetric = \"validation_objective\"\npoints = 5\nseeds = 2\nseed = 4\n\
         [keys]\n\"pretrain.learning_rate\" = { from = 1e-4, to = 3e-2, scale = \"log\" }\n\
         \"layers.0.hidden\" = { from = 3, to = 9, whole = true }\n[halving]\nepochs = \"pretrain.epochs\"\nfirst = 2\n\
         factor = 2\nrounds = 3\n",
    );
    // The second share ends its round, and waits for the first.
    let output = sae(&["sweep", "run", text(&plan), "--shard", "2/2", "--quiet"]);
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    succeed(&["sweep", "run", text(&plan), "--jobs", "2", "--quiet"]);
    let rows = report(&plan);
    let rounds: Vec<u64> = rows
        .iter()
        .map(|row| row["round"].as_u64().unwrap())
        .collect();
    // Of five points three, then two, each with two seeds.
    assert_eq!(rounds, [3, 3, 3, 3, 2, 2, 1, 1, 1, 1]);
    // By hand, from what each round wrote.
    let value = |name: &str, round: usize| -> f64 {
        let path = plan.join(format!("results/{name}-r{round}.json"));
        let end: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        number(&end, "/finished/value")
    };
    let mut points: Vec<(f64, String)> = (1..=5)
        .map(|point| {
            let mean = (1..=2)
                .map(|seed| value(&format!("{point}-seed-{seed}"), 0))
                .sum::<f64>()
                / 2.0;
            (mean, point.to_string())
        })
        .collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (place, (_, point)) in points.iter().enumerate() {
        let goes_on = plan
            .join(format!("results/{point}-seed-1-r1.json"))
            .exists();
        assert_eq!(goes_on, place < 3, "point {point}");
    }
    let best = rows[0]["name"].as_str().unwrap();
    let config = plan.join(format!("configs/{best}.toml"));
    let at_once = folder.path().join("at-once");
    let longer = [
        "--set",
        "pretrain.epochs=8",
        "--quiet",
        "--out",
        text(&at_once),
    ];
    succeed(&[&["train", text(&config)][..], &longer].concat());
    assert!(weights(&at_once) == weights(&plan.join("runs").join(best)));
}

/// Where validation chooses the epoch whose parameters are kept, it is that epoch by which runs are compared.
#[test]
fn runs_are_compared_by_what_they_keep() {
    let (_folder, plan) = planned(
        "config = \"base.toml\"\nmetric = \"validation_objective\"\n[keys]\n\"pretrain.epochs\" = [2000]\n\
         \"pretrain.learning_rate\" = [0.05, 0.1]\n\"pretrain.validation_patience\" = [3]\n",
    );
    succeed(&["sweep", "run", text(&plan), "--quiet"]);
    for row in report(&plan) {
        let name = row["name"].as_str().unwrap();
        let path = plan.join(format!("results/{name}-r0.json"));
        let end: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        let metrics =
            fs::read_to_string(plan.join("runs").join(name).join("metrics.jsonl")).unwrap();
        let objectives: Vec<f64> = metrics
            .lines()
            .map(|line| {
                number(
                    &serde_json::from_str(line).unwrap(),
                    "/validation_objective",
                )
            })
            .collect();
        let least = objectives.iter().copied().fold(f64::INFINITY, f64::min);
        assert!(objectives.last().unwrap() > &least, "{objectives:?}");
        assert_eq!(number(&end, "/finished/value"), least);
    }
}

/// A run that diverges is one of the report, and does not end the others.
#[test]
fn failures_are_reported() {
    let (_folder, plan) = planned(
        "config = \"base.toml\"\nmetric = \"test_rmse\"\n[keys]\n\"pretrain.optimizer\" = [\"sgd\"]\n\
         \"pretrain.learning_rate\" = [1e38, 0.1]\n",
    );
    // At the second start nothing is left to do; at the third it fails again.
    for (args, code) in [(&[][..], 1), (&[], 0), (&["--retry"], 1)] {
        let output = sae(&[&["sweep", "run", text(&plan), "--quiet"][..], args].concat());
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains("this share has ended; 1 failed"), "{said}");
        let rows = report(&plan);
        let failed: Vec<&str> = rows
            .iter()
            .filter_map(|row| row["problem"].as_str())
            .collect();
        assert_eq!(failed.len(), 1, "{rows:?}");
        assert!(failed[0].contains("training diverged"), "{failed:?}");
    }
}

/// A run that is killed again and again, here by a limit of its processor time, is left.
#[test]
fn a_run_that_is_always_killed_is_left() {
    let (_folder, plan) = planned(
        "config = \"base.toml\"\nmetric = \"test_rmse\"\n[keys]\n\"pretrain.epochs\" = [10000000]\n\
         \"checkpoints.steps\" = [0]\n\"data.shapes.train\" = [5000]\n\"layers.0.hidden\" = [30]\n",
    );
    let output = limited("-t 1", &["sweep", "run", text(&plan)]).output();
    let output = output.expect("a shell");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("was killed (1 of 5 times); it goes on"),
        "{said}"
    );
    assert!(
        said.contains("was killed (5 of 5 times); it is left"),
        "{said}"
    );
}

#[test]
fn bad_sweeps_are_refused_before_anything_is_written() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("base.toml"), BASE).unwrap();
    let (file, plan) = (folder.path().join("s.toml"), folder.path().join("plan"));
    for (change, expected) in [
        (
            "metric = \"accuracy\"",
            "s.toml:2: metric: unknown value `accuracy`; did you mean `test_accuracy`?",
        ),
        (
            "metric = \"test_accuracy\"",
            "expected with it classifier = true",
        ),
        (
            "metrik = \"test_rmse\"",
            "s.toml:2: unknown key `metrik`; did you mean `metric`?",
        ),
        (
            "metric = \"test_rmse\"\nmethod = \"halving\"",
            "halving is missing; expected",
        ),
        ("metric = \"test_rmse\"\nseeds = 0", "seeds is 0; expected"),
    ] {
        let sweep = GRID.replace("metric = \"test_rmse\"", change);
        fs::write(&file, sweep).unwrap();
        let message = refuse(&["sweep", text(&file), "--out", text(&plan)]);
        assert!(message.contains(expected), "{message}");
    }
    for (keys, expected) in [
        ("\"pretrain.learning_rat\" = [1]", "learning_rat"),
        ("\"layers.0.rho\" = [0.1, 2.0]", "rho is 2"),
        ("\"layers.0.rho\" = []", "an empty list"),
        (
            "\"layers.0.rho\" = { from = 0.1, to = 0.2 }",
            "a range with method = \"grid\"",
        ),
    ] {
        let sweep = format!("config = \"base.toml\"\nmetric = \"test_rmse\"\n[keys]\n{keys}\n");
        fs::write(&file, sweep).unwrap();
        let message = refuse(&["sweep", text(&file), "--out", text(&plan)]);
        assert!(message.contains(expected), "{message}");
    }
    assert!(!plan.exists());
    let message = refuse(&["sweep", "run", text(folder.path())]);
    assert!(message.contains("plan.json: cannot be read"), "{message}");
    let (_folder, plan) = planned(GRID);
    let path = plan.join("plan.json");
    let mut changed: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    for (factor, rounds) in [(0, 2), (2, u64::MAX)] {
        changed["halving"] =
            json!({ "epochs": "pretrain.epochs", "first": 1, "factor": factor, "rounds": rounds });
        fs::write(&path, changed.to_string()).unwrap();
        let message = refuse(&["sweep", "run", text(&plan)]);
        assert!(message.contains("plan.json: halving."), "{message}");
    }
}

/// Ctrl-C is for all processes of a terminal: the runs hear it themselves, and then that their worker ends. They save
/// their state all the same.
#[test]
fn runs_that_hear_a_signal_themselves_save_their_state() {
    use std::os::unix::process::CommandExt;
    let (folder, _) = planned(GRID);
    let long = BASE
        .replace("epochs = 6", "epochs = 100000")
        .replace("steps = 5", "steps = 0\nminutes = 1000");
    fs::write(folder.path().join("base.toml"), &long).unwrap();
    let (file, plan) = (folder.path().join("s.toml"), folder.path().join("long"));
    succeed(&["sweep", text(&file), "--out", text(&plan)]);
    for by in ["INT", "TERM"] {
        let run = plan.join("runs/1");
        let _ = fs::remove_dir_all(run.join("checkpoints"));
        let _ = fs::remove_file(run.join("metrics.jsonl"));
        let mut worker = command(&["sweep", "run", text(&plan), "--quiet"]);
        let worker = worker
            .process_group(0)
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        wait_for(&run, "autoencoder-1");
        let group = format!("-{}", worker.id());
        let sent = std::process::Command::new("kill")
            .args(["-s", by, "--", &group])
            .status();
        assert!(sent.unwrap().success());
        let output = worker.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        let saved = fs::read_dir(run.join("checkpoints")).map_or(0, Iterator::count);
        assert_eq!(saved, 1, "{by}: the state was not saved");
    }
}

/// A worker that is stopped saves what it was doing; one that is killed takes its run with it.
#[test]
fn workers_end_with_their_runs() {
    let long = BASE.replace("epochs = 6", "epochs = 100000");
    for (by, code) in [("TERM", Some(3)), ("KILL", None)] {
        let (folder, _) = planned(GRID);
        fs::write(folder.path().join("base.toml"), &long).unwrap();
        let (file, plan) = (folder.path().join("s.toml"), folder.path().join("long"));
        succeed(&["sweep", text(&file), "--out", text(&plan)]);
        let worker = start(&["sweep", "run", text(&plan), "--quiet"]);
        let metrics = plan.join("runs/1/metrics.jsonl");
        while !metrics.exists() {
            std::thread::sleep(Duration::from_millis(5));
        }
        signal(&worker, by);
        assert_eq!(worker.wait_with_output().unwrap().status.code(), code);
        // The run is let go within a moment: somebody else may have it.
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        let free = || {
            let run = plan.join("runs/1");
            !run.join(".sae-writer.json").exists() || by == "KILL" && !is_busy(&run)
        };
        while !free() {
            assert!(
                std::time::Instant::now() < deadline,
                "{by}: the run is still written"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn is_busy(run: &Path) -> bool {
    let folder = fs::File::open(run).unwrap();
    folder.try_lock_shared().is_err()
}
