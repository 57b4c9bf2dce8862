//! `cargo xtask fuzz`: the readers of files from strangers, by libFuzzer.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Args;

use crate::command::{cargo, run, say, stop, target_folder};
use crate::test::WITH_PARQUET;

/// Every target: a file of `fuzz/targets`.
const TARGETS: [&str; 14] = [
    "arrays",
    "checkpoint",
    "codes",
    "config",
    "csv",
    "idx",
    "metrics",
    "model",
    "npy",
    "npz",
    "parquet",
    "picture",
    "run",
    "safetensors",
];

#[derive(Args)]
pub(crate) struct Fuzz {
    /// Which readers; without it all, one after the other
    #[arg(value_parser = clap::builder::PossibleValuesParser::new(TARGETS))]
    targets: Vec<String>,
    /// Seconds for each
    #[arg(long, default_value_t = 3600)]
    seconds: u64,
}

impl Fuzz {
    pub(crate) fn run(&self) {
        let all: Vec<String> = TARGETS.map(str::to_owned).to_vec();
        let targets = if self.targets.is_empty() {
            &all
        } else {
            &self.targets
        };
        corpus();
        let mut findings = 0;
        for target in targets {
            let (executions, is_fine) = fuzz(target, self.seconds);
            let verdict = if is_fine {
                "nothing found"
            } else {
                "a finding in fuzz/artifacts"
            };
            say(&format!("{target}: {executions} executions, {verdict}"));
            findings += usize::from(!is_fine);
        }
        if findings > 0 {
            stop(&format!(
                "{findings} of {} targets have findings",
                targets.len()
            ));
        }
    }
}

/// Fuzzes one target; how many executions there were, and whether all went well.
fn fuzz(target: &str, seconds: u64) -> (String, bool) {
    let mut fuzzer = Command::new("cargo");
    // There is hardly any unsafe code for a sanitizer to watch, and it makes everything slower.
    fuzzer.args([
        "+nightly",
        "fuzz",
        "run",
        "--sanitizer",
        "none",
        target,
        "--",
    ]);
    fuzzer.arg(format!("-max_total_time={seconds}"));
    fuzzer.args([
        "-print_final_stats=1",
        "-rss_limit_mb=4096",
        "-timeout=20",
        "-max_len=65536",
    ]);
    let started = fuzzer.stderr(Stdio::piped()).spawn();
    let mut child = match started {
        Ok(child) => child,
        Err(error) => stop(&format!(
            "cargo fuzz cannot be run: {error}; cargo install cargo-fuzz"
        )),
    };
    let mut executions = "no".to_owned();
    for line in child
        .stderr
        .take()
        .into_iter()
        .flat_map(|e| BufReader::new(e).lines())
    {
        let line = line.unwrap_or_default();
        if let Some(count) = line.strip_prefix("stat::number_of_executed_units:") {
            executions = count.trim().to_owned();
        }
        let is_progress = line.starts_with('#');
        if !is_progress {
            say(&line);
        }
    }
    (
        executions,
        child.wait().is_ok_and(|status| status.success()),
    )
}

/// Files as this program writes them, from which the fuzzer starts.
fn corpus() {
    run(cargo(&["build", "--workspace", "--bin", "sae"]).args(WITH_PARQUET));
    let folder = PathBuf::from("fuzz/corpus");
    let made = folder.join("made");
    // Of an earlier time.
    let _ = fs::remove_dir_all(&made);
    sae(&[
        "data",
        "shapes",
        "--out",
        &shown(&made.join("idx")),
        "--set",
        "size=6",
        // Longer files than `-max_len` would be cut off, and Parquet has its schema at the end.
        "--set",
        "test=200",
    ]);
    let images = made.join("idx/test-images-idx3-ubyte");
    let written = ["csv", "npy", "parquet", "safetensors"];
    for format in written {
        let out = made.join(format!("rows.{format}"));
        sae(&["data", "convert", &shown(&images), "--out", &shown(&out)]);
    }
    let run = made.join("run");
    let config = "fuzz/codes.toml";
    sae(&["train", config, "--quiet", "--out", &shown(&run)]);
    let rows = made.join("rows.npy");
    let codes = made.join("codes.sae");
    sae(&[
        "compress",
        &shown(&run),
        &shown(&rows),
        "--out",
        &shown(&codes),
    ]);
    place(&folder, "idx", &images);
    place(&folder, "csv", &made.join("rows.csv"));
    for target in ["npy", "arrays"] {
        place(&folder, target, &rows);
    }
    place(&folder, "parquet", &made.join("rows.parquet"));
    place(&folder, "safetensors", &made.join("rows.safetensors"));
    place(&folder, "picture", &run.join("features.png"));
    place(&folder, "codes", &codes);
    place(&folder, "metrics", &run.join("metrics.jsonl"));
    place(&folder, "run", &run.join(".sae-run.json"));
    place(&folder, "config", &run.join("config.toml"));
    for target in ["model", "arrays"] {
        place(&folder, target, &run.join("model.safetensors"));
    }
    for checkpoint in fs::read_dir(run.join("checkpoints"))
        .into_iter()
        .flatten()
        .flatten()
    {
        place(&folder, "checkpoint", &checkpoint.path());
    }
}

fn place(corpus: &Path, target: &str, file: &Path) {
    let folder = corpus.join(target);
    let name = file.file_name().unwrap_or_default();
    let copied = fs::create_dir_all(&folder).and_then(|()| fs::copy(file, folder.join(name)));
    if let Err(error) = copied {
        stop(&format!("{}: {error}", file.display()));
    }
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn sae(args: &[&str]) {
    run(Command::new(target_folder().join("debug/sae")).args(args));
}
