//! Training by several processes, which the launcher of an MPI starts: SAE_MPIRUN, or `mpirun`.

#![cfg(unix)]

mod support;

use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use sae_data::{Stream, stream, uniform};
use support::ranks::{LONG, Runs, ended, mpirun, ranks_of, said, signal, wait};
use support::{npy, text};

/// Two autoencoders, head, fine-tuning, control; a scaling, corruption, validation samples; the shards differ in
/// size, and some have no validation samples.
const MINIBATCHES: &str = "control = true\n[distributed]\nshards = 8\n[data]\nvalidation = 0.01\n\
    [data.scaling]\nkind = \"standardise\"\n[data.shapes]\nsize = 10\ntrain = 603\ntest = 101\n[[layers]]\n\
    hidden = 30\ndecoder = \"linear\"\ncorruption = \"masking\"\ncorruption_amount = 0.2\n[[layers]]\nhidden = 12\n\
    [pretrain]\nepochs = 3\nbatch = 40\nrho_hat = \"running\"\n[softmax]\nepochs = 3\nbatch = 40\n\
    validation_patience = 2\n[finetune]\noptimizer = \"rmsprop\"\nepochs = 3\nbatch = 40\n";
/// Line searches over all samples.
const LINE_SEARCHES: &str = "[distributed]\nshards = 8\n[data.shapes]\nsize = 10\ntrain = 500\ntest = 100\n\
    [[layers]]\nhidden = 25\n[pretrain]\noptimizer = \"lbfgs\"\nlearning_rate = 1\nhistory = 5\n\
    batch = \"full\"\nepochs = 8\n[softmax]\noptimizer = \"cg\"\nlearning_rate = 1\nbatch = \"full\"\n\
    epochs = 5\n[finetune]\noptimizer = \"lbfgs\"\nlearning_rate = 1\nbatch = \"full\"\nepochs = 6\n";
/// In Burn's operations, with a full batch that is no line search.
const AUTODIFF: &str = "gradient = \"autodiff\"\n[distributed]\nshards = 4\n[data.shapes]\nsize = 8\n\
    train = 200\ntest = 50\n[[layers]]\nhidden = 12\n[pretrain]\nepochs = 3\nbatch = 40\n\
    rho_hat = \"full\"\n[softmax]\nepochs = 3\nbatch = \"full\"\n[finetune]\nepochs = 3\nbatch = 40\n";
#[test]
fn any_number_of_ranks_gives_the_same_bits() {
    for (config, counts) in [
        (MINIBATCHES, [1, 2, 4, 8]),
        (LINE_SEARCHES, [1, 2, 4, 8]),
        (AUTODIFF, [1, 2, 4, 4]),
    ] {
        let runs = Runs::of(config);
        let alone = runs.alone();
        for (k, ranks) in counts.into_iter().enumerate() {
            runs.assert_same(ranks, &format!("run-{k}"), &alone);
        }
    }
}

/// Writes rows of 100 random numbers, in NumPy's format.
fn write_rows(path: &Path, rows: usize) {
    const WIDTH: usize = 100;
    let mut rng = stream(rows as u64, Stream::Split);
    let numbers = (0..rows * WIDTH).map(|_| uniform(&mut rng, 0.0, 1.0) as f32);
    let bytes: Vec<u8> = numbers.flat_map(f32::to_le_bytes).collect();
    let array = npy("<f4", &format!("({rows}, {WIDTH})"), &bytes);
    fs::write(path, array).expect("an array");
}

/// Files of which each rank reads its own part, also where they are more than is to be in memory.
#[test]
fn ranks_read_their_own_parts_of_files() {
    let runs = Runs::of("");
    let folder = runs.path("");
    write_rows(&folder.join("train.npy"), 5003);
    write_rows(&folder.join("test.npy"), 301);
    let config = |limit: usize| {
        format!(
            "[distributed]\nshards = 4\n[data]\nsource = \"npy\"\nmemory_limit = {limit}\nvalidation = 0.1\n\
             [data.files]\ntrain = \"{0}/train.npy\"\ntest = \"{0}/test.npy\"\n[[layers]]\nhidden = 40\n[[layers]]\nhidden = 20\n\
             [pretrain]\nepochs = 2\nbatch = 64\n",
            text(&folder)
        )
    };
    for limit in [2048, 1] {
        let config = format!("classifier = false\n{}", config(limit));
        fs::write(runs.path("a.toml"), config).expect("a configuration");
        let _ = fs::remove_dir_all(runs.path("alone"));
        let alone = runs.alone();
        for ranks in [2, 4] {
            runs.assert_same(ranks, &format!("run-{limit}-{ranks}"), &alone);
        }
    }
}

/// A killed rank ends the job; it goes on, on another number of ranks, to the same bits.
#[test]
fn a_killed_rank_ends_the_job_and_loses_nothing() {
    let runs = Runs::of(LONG);
    let alone = runs.alone();
    for (victim, then) in [(1, 1), (3, 2), (0, 4)] {
        let name = format!("killed-{victim}");
        let run = runs.path(&name);
        let child = runs.begin(runs.launch(4, &name), &name);
        let ranks = ranks_of(&run);
        assert_eq!(ranks.len(), 4);
        let killed = Instant::now();
        signal(ranks[victim], "KILL");
        let output = wait(child);
        assert!(killed.elapsed() < Duration::from_secs(30), "{victim}");
        assert!(!output.status.success());
        assert!(!said(&output).is_empty() || !output.stdout.is_empty());
        assert!(ranks_of(&run).is_empty());
        runs.assert_same(then, &name, &alone);
    }
}

/// A signal to one rank, whichever it is, stops all of them after the same step, with the state saved.
#[test]
fn a_signal_to_any_rank_stops_all() {
    let runs = Runs::of(LONG);
    let alone = runs.alone();
    for (asked, then) in [(0, 2), (3, 1)] {
        let name = format!("stopped-{asked}");
        let run = runs.path(&name);
        let child = runs.begin(runs.launch(4, &name), &name);
        signal(ranks_of(&run)[asked], "TERM");
        let output = wait(child);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(
            said.contains("error: stopped in autoencoder-1 after epoch"),
            "{said}"
        );
        runs.assert_same(then, &name, &alone);
    }
}

/// A rank that is stopped for longer than others wait is named.
#[test]
fn a_silent_rank_is_named() {
    let runs = Runs::of(&LONG.replace("timeout = 20", "timeout = 2"));
    let run = runs.path("silent");
    let child = runs.begin(runs.launch(2, "silent"), "silent");
    let ranks = ranks_of(&run);
    signal(ranks[1], "STOP");
    let stopped = Instant::now();
    while !ranks_of(&run).is_empty() && stopped.elapsed() < Duration::from_secs(20) {
        sleep(Duration::from_millis(50));
        if stopped.elapsed() > Duration::from_secs(12) {
            // The launcher may wait for it.
            ranks_of(&run)
                .into_iter()
                .for_each(|rank| signal(rank, "KILL"));
        }
    }
    let output = wait(child);
    let said = said(&output);
    assert!(!output.status.success());
    assert!(said.contains("rank 1 has not answered for 2 s"), "{said}");
    assert!(said.contains("sae resume"), "{said}");
}

/// Whoever notices it first, the exit code is that of a run that can be gone on with.
#[test]
fn a_silent_rank_among_many_ends_with_its_code() {
    let runs = Runs::of(&LONG.replace("timeout = 20", "timeout = 2"));
    let alone = runs.alone();
    let run = runs.path("silent");
    let child = runs.begin(runs.launch(4, "silent"), "silent");
    let ranks = ranks_of(&run);
    signal(ranks[3], "STOP");
    while ranks_of(&run).len() > 1 {
        sleep(Duration::from_millis(50));
    }
    // The launcher may wait for it.
    signal(ranks[3], "KILL");
    let output = wait(child);
    let said = said(&output);
    assert!(said.contains("has not answered for 2 s"), "{said}");
    assert!(said.contains("sae resume"), "{said}");
    assert_eq!(output.status.code(), Some(3), "{said}");
    runs.assert_same(1, "silent", &alone);
}

/// What one process does by itself is not done by several.
#[test]
fn other_commands_are_refused() {
    let output = ended(mpirun(2, &["backends"]));
    let said = said(&output);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("only sae train and sae resume are done by several"),
        "{said}"
    );
}

/// One line of rank 0, and the exit code of wrong input.
#[test]
fn wrong_input_is_said_once() {
    let runs = Runs::of(MINIBATCHES);
    let config = runs.path("a.toml");
    let out = runs.path("none");
    let cases: [(usize, &str, &str); 5] = [
        (
            3,
            "seed=1",
            "the number of ranks is 3; expected a power of two up to distributed.shards",
        ),
        (
            4,
            "distributed.shards=2",
            "the number of ranks is 4; expected a power of two up to 2",
        ),
        (
            2,
            "pretrain.batch=20",
            "pretrain.batch is 20; expected a multiple of distributed.shards",
        ),
        (
            2,
            "distributed.shards=3",
            "distributed.shards is 3; expected a power of two",
        ),
        (
            2,
            "data.shapes.train=4",
            "distributed.shards is 8; expected at most 4",
        ),
    ];
    for (ranks, set, expected) in cases {
        let args = [
            "train",
            text(&config),
            "--out",
            text(&out),
            "--quiet",
            "--set",
            set,
        ];
        let set_validation = [
            "--set",
            "data.validation=0",
            "--set",
            "softmax.validation_patience=0",
        ];
        let output = ended(mpirun(ranks, &[&args[..], &set_validation].concat()));
        let said = said(&output);
        assert_eq!(output.status.code(), Some(2), "{set}: {said}");
        let errors = said.lines().filter(|line| line.contains("error: "));
        let errors: Vec<&str> = errors.collect();
        assert_eq!(errors.len(), 1, "{said}");
        assert!(errors[0].contains(expected), "{said}");
        assert!(!out.exists());
    }
}

/// Fewer validation samples than ranks, of the exact full batch.
#[test]
fn ranks_may_have_no_validation_samples() {
    let config = AUTODIFF.replace("[data.shapes]", "[data]\nvalidation = 0.01\n[data.shapes]");
    let full = config
        .replace("batch = 40", "batch = \"full\"")
        .replace("rho_hat = \"full\"", "");
    let fused = full.replace("gradient = \"autodiff\"", "");
    for config in [config, full, fused] {
        let runs = Runs::of(&config);
        let alone = runs.alone();
        runs.assert_same(4, "four", &alone);
    }
}

/// A run that has finished has nothing to do for others.
#[test]
fn a_finished_run_lets_all_ranks_go() {
    let runs = Runs::of(AUTODIFF);
    let alone = runs.alone();
    runs.assert_same(2, "alone", &alone);
}

/// MNIST, where SAE_MNIST_DIR names it: minibatches and fine-tuning, and the exact full batch.
#[test]
fn mnist_on_two_ranks() {
    let Some(folder) = std::env::var_os("SAE_MNIST_DIR") else {
        return;
    };
    let folder = folder.to_string_lossy().into_owned();
    let minibatches = format!(
        "[distributed]\nshards = 4\n[data]\nsource = \"idx\"\nvalidation = 0.1\n[data.idx]\ndir = \"{folder}\"\n\
         [[layers]]\nhidden = 40\n[pretrain]\nepochs = 1\n[softmax]\nepochs = 1\n[finetune]\nepochs = 1\n"
    );
    let full = format!(
        "classifier = false\n[distributed]\nshards = 4\n[data]\nsource = \"idx\"\n[data.idx]\ndir = \"{folder}\"\n\
         [[layers]]\nhidden = 20\n[pretrain]\noptimizer = \"lbfgs\"\nlearning_rate = 1\nbatch = \"full\"\n\
         epochs = 3\n"
    );
    for config in [minibatches, full] {
        let runs = Runs::of(&config);
        let alone = runs.alone();
        runs.assert_same(2, "two", &alone);
    }
}
