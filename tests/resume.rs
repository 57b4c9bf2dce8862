//! Runs that are stopped, killed and damaged, and gone on with: what comes out is what an undisturbed run
//! gives.

#![cfg(unix)]

mod support;

use std::fs;
use std::path::Path;
use std::process::Output;
use std::thread::sleep;
use std::time::{Duration, Instant};

use sae_data::{Stream, stream, uniform};
use support::undisturbed::{Undisturbed, args, results, signal, start, wait_for};
use support::{refuse, sae, succeed, text};

/// Every stage takes long enough to be met; a checkpoint every few steps, most of them in mid-epoch.
const MINIBATCHES: &str = "control = true\n[checkpoints]\nsteps = 7\n[data]\nvalidation = 0.1\n[data.shapes]\n\
    size = 10\ntrain = 600\ntest = 100\n[[layers]]\nhidden = 30\ncorruption = \"masking\"\n\
    corruption_amount = 0.2\n[[layers]]\nhidden = 12\n[pretrain]\nepochs = 60\nbatch = 20\n\
    rho_hat = \"running\"\nschedule = \"cosine\"\n[softmax]\noptimizer = \"sgd\"\nepochs = 60\nbatch = 20\n\
    validation_patience = 40\n[finetune]\noptimizer = \"rmsprop\"\nepochs = 60\nbatch = 20\n";
/// Line searches over all samples.
const LINE_SEARCHES: &str = "[checkpoints]\nsteps = 2\n[data.shapes]\nsize = 10\ntrain = 500\ntest = 100\n\
    [[layers]]\nhidden = 25\n[pretrain]\noptimizer = \"lbfgs\"\nlearning_rate = 1\nhistory = 5\n\
    batch = \"full\"\nepochs = 80\n[softmax]\noptimizer = \"cg\"\nlearning_rate = 1\nbatch = \"full\"\n\
    epochs = 50\n[finetune]\noptimizer = \"lbfgs\"\nlearning_rate = 1\nbatch = \"full\"\nepochs = 60\n";
/// In Burn's operations.
const AUTODIFF: &str = "gradient = \"autodiff\"\n[checkpoints]\nsteps = 3\n[data.shapes]\nsize = 8\n\
    train = 200\ntest = 50\n[[layers]]\nhidden = 12\n[pretrain]\noptimizer = \"adamw\"\nepochs = 25\n\
    batch = 40\nrho_hat = \"full\"\n[softmax]\nepochs = 25\nbatch = 40\n[finetune]\nepochs = 25\nbatch = 40\n";

/// With a constant learning rate, so that epochs that are added give what they would have given at once.
const TWO_LAYERS: &str = "[checkpoints]\nsteps = 7\n[data.shapes]\nsize = 8\ntrain = 400\ntest = 50\n[[layers]]\nhidden = 12\n\
    [[layers]]\nhidden = 6\n[pretrain]\nepochs = 20\nbatch = 20\n[softmax]\nepochs = 5\nbatch = 20\n[finetune]\nepochs = 5\nbatch = 20\n";

/// Each run is killed twice, at random moments from its start to its end.
#[test]
fn killed_runs_go_on_to_the_same_bits() {
    for (number, config) in (1..).zip([MINIBATCHES, LINE_SEARCHES, AUTODIFF]) {
        let undisturbed = Undisturbed::of(config);
        let mut rng = stream(number, Stream::Split);
        for k in 0..4 {
            let name = format!("killed-{k}");
            for _ in 0..2 {
                let mut child = start(&args(undisturbed.path(), &name));
                let moment = uniform(&mut rng, 0.0, undisturbed.took.as_secs_f64());
                sleep(Duration::from_secs_f64(moment));
                // It may be over.
                let _ = child.kill();
                child.wait().expect("it ends");
            }
            undisturbed.assert_same(&name, &format!("configuration {number}, run {k}"));
        }
    }
}

/// With the documented exit code and message.
#[test]
fn a_signal_saves_the_state_in_every_stage() {
    let undisturbed = Undisturbed::of(MINIBATCHES);
    let stages = [
        "autoencoder-1",
        "autoencoder-2",
        "softmax",
        "finetune",
        "control",
    ];
    for (stage, by) in stages.into_iter().zip(["TERM", "INT"].into_iter().cycle()) {
        let run = undisturbed.path().join(stage);
        let child = start(&args(undisturbed.path(), stage));
        wait_for(&run, stage);
        signal(&child, by);
        let sent = Instant::now();
        let Output { status, stderr, .. } = child.wait_with_output().expect("it ends");
        assert!(sent.elapsed() < Duration::from_secs(5), "{stage}");
        let message = String::from_utf8_lossy(&stderr).into_owned();
        assert_eq!(status.code(), Some(3), "{stage}: {message}");
        let last = message.lines().last().unwrap_or_default();
        assert!(last.starts_with("error: stopped"), "{message}");
        undisturbed.assert_same(stage, stage);
    }
}

#[test]
fn a_finished_run_changes_nothing_unless_it_is_given_epochs() {
    let undisturbed = Undisturbed::of(AUTODIFF);
    let run = undisturbed.path().join("undisturbed");
    let tiny = undisturbed.path().join("tiny");
    let before = fs::read(run.join("summary.json")).expect("a summary");
    let printed = succeed(&["resume", text(&run)]);
    assert!(
        printed.contains("has finished, and nothing was changed"),
        "{printed}"
    );
    assert_eq!(
        fs::read(run.join("summary.json")).expect("a summary"),
        before
    );
    // By its configuration, too, wherever that lies.
    let here = [
        "train",
        "configs/tiny.toml",
        "--resume",
        "--out",
        text(&tiny),
    ];
    succeed(&here);
    assert!(succeed(&here).contains("has finished, and nothing was changed"));

    let message = refuse(&["resume", text(&run), "--set", "finetune.learning_rate=0.5"]);
    let expected = "has finished: finetune.learning_rate is 0.5 and was 0.001; expected the same";
    assert!(message.contains(expected), "{message}");

    let longer = ["--set", "pretrain.epochs=30"];
    succeed(&[&["resume", text(&run), "--quiet"][..], &longer].concat());
    assert_same_as_at_once(&undisturbed, &run, &longer);
}

#[test]
fn what_has_changed_is_refused_unless_it_is_accepted() {
    let undisturbed = Undisturbed::of(AUTODIFF);
    let run = stopped(&undisturbed, "run", "autoencoder-1");
    let resume = |more: &[&'static str]| [&["resume", text(&run), "--quiet"][..], more].concat();
    let refused = [
        (["--set", "seed=2"], "the fingerprint of the samples is "),
        (["--set", "seed=2"], "; seed is 2 and was 1; expected"),
        (["--set", "seed=2"], "give --accept data,configuration"),
        (
            ["--set", "pretrain.epochs=20"],
            "pretrain.epochs is 20 and was 25",
        ),
        (["--set", "backend=ndarray"], "ndarray"),
    ];
    for (set, expected) in refused {
        let message = refuse(&resume(&set));
        assert!(message.contains(expected), "{message}");
    }
    let message = refuse(&["train", "configs/tiny.toml", "--out", text(&run)]);
    assert!(
        message.contains("holds a run that was cut off; `sae resume "),
        "{message}"
    );
    succeed(&resume(&[
        "--set",
        "finetune.learning_rate=0.01",
        "--accept",
        "configuration",
    ]));
    let config = fs::read_to_string(run.join("config.toml")).expect("a configuration");
    assert!(config.contains("learning_rate = 0.01"));
}

/// Of a run that was killed before its first checkpoint only the settings are known.
#[test]
fn without_a_checkpoint_settings_are_compared() {
    let undisturbed = Undisturbed::of(AUTODIFF);
    let run = undisturbed.path().join("early");
    let none = ["--set", "checkpoints.steps=0"];
    let mut child = start(&[&args(undisturbed.path(), "early")[..], &none].concat());
    wait_for(&run, "autoencoder-1");
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    let other = ["resume", text(&run), "--quiet", "--set", "seed=2"];
    let message = refuse(&other);
    assert!(
        message.contains("seed is 2 and was 1; expected"),
        "{message}"
    );
    undisturbed.assert_same("early", "from the beginning");
}

/// Whether a checkpoint is due after a step that left no numbers changes nothing of what comes of it.
#[test]
fn checkpoints_prevent_no_retreat() {
    let undisturbed = Undisturbed::of(
        "classifier = false\n[checkpoints]\nsteps = 0\nminutes = 0\n[data.shapes]\nsize = 20\ntrain = 3000\n\
         test = 100\n[[layers]]\nhidden = 60\n[pretrain]\noptimizer = \"sgd\"\nlearning_rate = 1e38\n\
         retreats = 200\nepochs = 2\n",
    );
    let steps = ["--set", "checkpoints.steps=1"];
    succeed(&[&args(undisturbed.path(), "steps")[..], &steps].concat());
    let found = results(&undisturbed.path().join("steps"));
    for (file, bytes) in undisturbed
        .files
        .iter()
        .filter(|(file, _)| *file != "config.toml")
    {
        assert!(found.get(file) == Some(bytes), "{file} differs");
    }
}

/// A run that was stopped in a stage.
fn stopped(undisturbed: &Undisturbed, name: &str, stage: &str) -> std::path::PathBuf {
    let run = undisturbed.path().join(name);
    let child = start(&args(undisturbed.path(), name));
    wait_for(&run, stage);
    signal(&child, "TERM");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(3));
    run
}

#[test]
fn a_damaged_checkpoint_is_passed_over() {
    let undisturbed = Undisturbed::of(MINIBATCHES);
    let run = stopped(&undisturbed, "run", "autoencoder-1");
    let entries = fs::read_dir(run.join("checkpoints")).expect("checkpoints");
    let mut paths: Vec<_> = entries.map(|e| e.expect("an entry").path()).collect();
    paths.sort();
    assert!(paths.len() >= 2, "{paths:?}");
    let damage = |path: &Path| {
        let mut bytes = fs::read(path).expect("a checkpoint");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(path, bytes).expect("a checkpoint");
    };
    for path in &paths[1..] {
        damage(path);
    }
    let output = sae(&["resume", text(&run)]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    assert!(
        said.contains("safetensors: damaged: its bytes are not those"),
        "{said}"
    );
    undisturbed.assert_same("run", "after damage");

    let run = stopped(&undisturbed, "all", "softmax");
    for entry in fs::read_dir(run.join("checkpoints")).expect("checkpoints") {
        damage(&entry.expect("an entry").path());
    }
    let message = refuse(&["resume", text(&run)]);
    assert!(message.contains("checkpoints is whole"), "{message}");
    assert!(
        message.contains("or remove the folder checkpoints to begin anew"),
        "{message}"
    );
    fs::remove_dir_all(run.join("checkpoints")).expect("a folder");
    undisturbed.assert_same("all", "anew");
}

/// Checkpoints of stages that are trained anew are none from which a run goes on, however high their numbers.
#[test]
fn more_epochs_that_are_stopped_go_on() {
    let undisturbed = Undisturbed::of(TWO_LAYERS);
    let run = undisturbed.path().join("undisturbed");
    let longer = ["--set", "pretrain.epochs=40"];
    for (stage, more) in [("autoencoder-1", &longer[..]), ("autoencoder-2", &[])] {
        let child = start(&[&["resume", text(&run)][..], more].concat());
        let stopped = by_checkpoint(&run, stage);
        signal(&child, "TERM");
        let output = child.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(
            by_checkpoint(&run, stage) > stopped,
            "{stage}: what the signal saved is gone"
        );
    }
    let saved = by_checkpoint(&run, "autoencoder-2");
    let output = sae(&["resume", text(&run)]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let expected = format!("going on from checkpoints/{saved:06}-autoencoder-2.safetensors");
    assert!(said.contains(&expected), "{said}");
    assert_same_as_at_once(&undisturbed, &run, &longer);
}

/// The ends of stages from which each goes on are those of the same course.
#[test]
fn more_epochs_one_stage_after_the_other_go_on() {
    let undisturbed = Undisturbed::of(AUTODIFF);
    let run = undisturbed.path().join("undisturbed");
    for (longer, steps) in [("pretrain", 0), ("finetune", 2), ("softmax", 3)] {
        let epochs = format!("{longer}.epochs=30");
        let steps = format!("checkpoints.steps={steps}");
        let args = [
            "resume",
            text(&run),
            "--quiet",
            "--set",
            &epochs,
            "--set",
            &steps,
        ];
        succeed(&args);
    }
    let all = [
        "pretrain.epochs=30",
        "softmax.epochs=30",
        "finetune.epochs=30",
    ];
    let longer: Vec<&str> = all.into_iter().flat_map(|set| ["--set", set]).collect();
    assert_same_as_at_once(&undisturbed, &run, &longer);
}

/// The number of the newest checkpoint in the middle of a stage, once there is one.
fn by_checkpoint(run: &Path, stage: &str) -> u64 {
    let end = format!("-{stage}.safetensors");
    let newest = || {
        let entries = fs::read_dir(run.join("checkpoints")).expect("checkpoints");
        let names = entries.map(|entry| entry.expect("an entry").file_name());
        let names = names.map(|name| name.to_string_lossy().into_owned());
        let numbers = names.filter_map(|name| name.strip_suffix(&end)?.parse().ok());
        numbers.max()
    };
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        match newest() {
            Some(number) => return number,
            None => assert!(Instant::now() < deadline, "{stage} was never reached"),
        }
        sleep(Duration::from_millis(1));
    }
}

/// A run that was given epochs is what it would have been with them from the start.
fn assert_same_as_at_once(undisturbed: &Undisturbed, run: &Path, longer: &[&str]) {
    let config = undisturbed.path().join("a.toml");
    let at_once = undisturbed.path().join("at-once");
    let args = ["train", text(&config), "--quiet", "--out", text(&at_once)];
    succeed(&[&args[..], longer].concat());
    let (found, expected) = (results(run), results(&at_once));
    for (file, bytes) in &expected {
        assert!(found.get(file) == Some(bytes), "{file} differs");
    }
}

/// The old run stays until the new one is whole, also when that is stopped on its way.
#[test]
fn a_replacement_goes_on_beside_the_old_run() {
    let undisturbed = Undisturbed::of(MINIBATCHES);
    let run = undisturbed.path().join("run");
    succeed(&["train", "configs/tiny.toml", "--quiet", "--out", text(&run)]);
    let old = results(&run);
    let config = undisturbed.path().join("a.toml");
    let replace = [
        "train",
        text(&config),
        "--quiet",
        "--overwrite",
        "--out",
        text(&run),
    ];
    for by in ["TERM", "KILL"] {
        let child = start(&replace);
        let new = undisturbed.path().join(format!(".run.new-{}", child.id()));
        wait_for(&new, "softmax");
        signal(&child, by);
        child.wait_with_output().expect("it ends");
        assert!(results(&run) == old, "{by}: the old run was changed");
    }
    succeed(&["resume", text(&run), "--quiet"]);
    let found = results(&run);
    for (file, bytes) in &undisturbed.files {
        assert!(found.get(file) == Some(bytes), "{file} differs");
    }
}

#[test]
fn of_two_processes_exactly_one_runs() {
    let undisturbed = Undisturbed::of(MINIBATCHES);
    let run = stopped(&undisturbed, "run", "autoencoder-1");
    let resume = ["resume", text(&run), "--quiet"];
    let [first, second] = [start(&resume), start(&resume)];
    let ends = [first, second].map(|child| child.wait_with_output().expect("it ends"));
    let mut codes = ends.each_ref().map(|output| output.status.code());
    codes.sort_unstable();
    assert_eq!(codes, [Some(0), Some(2)]);
    let said = ends.map(|output| String::from_utf8_lossy(&output.stderr).into_owned());
    assert!(
        said.iter()
            .any(|said| said.contains("is being written by another run")),
        "{said:?}"
    );
    undisturbed.assert_same("run", "after two");
}
