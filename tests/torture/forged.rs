//! Files that somebody made to do harm: whole by their seals, and absurd. They are refused, or do what they can
//! do; nothing panics, hangs, or takes memory without end.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};
use serde_json::{Value, json};

use crate::flips::small;
use crate::plan::Plan;
use crate::support::undisturbed::{Undisturbed, args, start};
use crate::support::{copy, limited, sae, text, unseal};
use crate::tally::Tally;

/// Values that stand where others were.
fn absurd() -> Vec<Value> {
    vec![
        json!(null),
        json!(0),
        json!(-1),
        json!(1),
        json!(u64::MAX),
        json!(1e308),
        json!(""),
        json!("../../../etc/passwd"),
        json!([]),
        json!({}),
        json!([[[[]]]]),
        json!(true),
    ]
}

/// The text with one value after the other replaced by each that is absurd.
fn forged(text: &str) -> Vec<(String, String)> {
    let value: Value = serde_json::from_str(text).expect("JSON");
    let mut places = vec![];
    collect(&value, String::new(), &mut places);
    let mut all = vec![];
    for place in places {
        for other in absurd() {
            let mut changed = value.clone();
            let Some(old) = changed.pointer_mut(&place) else {
                continue;
            };
            if *old == other {
                continue;
            }
            let what = format!("{place} = {other}");
            *old = other;
            all.push((what, changed.to_string()));
        }
    }
    all
}

/// The places of all values.
fn collect(value: &Value, place: String, places: &mut Vec<String>) {
    places.push(place.clone());
    let below = |name: &str| format!("{place}/{}", name.replace('~', "~0").replace('/', "~1"));
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                collect(value, below(name), places);
            }
        }
        Value::Array(values) => {
            for (index, value) in values.iter().enumerate().take(3) {
                collect(value, below(&index.to_string()), places);
            }
        }
        _ => {}
    }
}

/// A sealed safetensors file, with another text under a key of its metadata.
fn described(bytes: &[u8], key: &str, text: &str) -> Vec<u8> {
    let (mut header, data) = parts(bytes);
    header["__metadata__"][key] = text.into();
    joined(&header, data)
}

fn description(bytes: &[u8], key: &str) -> String {
    let (header, _) = parts(bytes);
    header["__metadata__"][key]
        .as_str()
        .expect("a description")
        .to_owned()
}

fn parts(bytes: &[u8]) -> (Value, &[u8]) {
    let (length, rest) = bytes.split_first_chunk().expect("a length");
    let (header, data) = rest.split_at(u64::from_le_bytes(*length) as usize);
    (serde_json::from_slice(header).expect("a header"), data)
}

fn joined(header: &Value, data: &[u8]) -> Vec<u8> {
    let mut header = header.to_string();
    while !header.len().is_multiple_of(8) {
        header.push(' ');
    }
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    let end = bytes.len() - 32;
    let hash = blake3::hash(&bytes[..end]);
    bytes[end..].copy_from_slice(hash.as_bytes());
    bytes
}

/// One array after the other, without its last number: it keeps its bytes, which then belong to nobody.
fn shortened(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let (header, data) = parts(bytes);
    let names: Vec<String> = header.as_object().expect("names").keys().cloned().collect();
    let arrays = names
        .iter()
        .filter(|name| !matches!(&***name, "__metadata__" | "seal.blake3"));
    let short = |name: &String| {
        let mut header = header.clone();
        let array = &mut header[name];
        let (shape, [first, end]) = (
            array["shape"][0].as_u64()?,
            [0, 1].map(|k| array["data_offsets"][k].as_u64()),
        );
        let (first, end) = (first?, end?);
        let size = (end - first).checked_div(shape)?;
        if array["shape"].as_array()?.len() != 1 || shape == 0 {
            return None;
        }
        array["shape"][0] = (shape - 1).into();
        array["data_offsets"][1] = (end - size).into();
        // What lies behind it moves up.
        let mut data = data.to_vec();
        data.drain((end - size) as usize..end as usize);
        for (other, array) in header.as_object_mut()? {
            let after = array["data_offsets"][0]
                .as_u64()
                .is_some_and(|start| start >= end);
            if after && other != name {
                for k in [0, 1] {
                    array["data_offsets"][k] = (array["data_offsets"][k].as_u64()? - size).into();
                }
            }
        }
        Some((
            format!("{name} without its last number"),
            joined(&header, &data),
        ))
    };
    arrays.filter_map(short).collect()
}

/// What may come of a file that means harm: an end, soon, with little memory, and without a panic.
fn is_harmless(args: &[&str]) -> Result<(), String> {
    const MOST_KIB: u64 = 4 << 20;
    let mut limited = limited(&format!("-v {MOST_KIB}"), args);
    limited.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = limited.spawn().expect("sh can be started");
    let start = Instant::now();
    while child.try_wait().expect("a process").is_none() {
        if start.elapsed() > Duration::from_secs(60) {
            let _ = child.kill();
            return Err(format!("sae {args:?} does not end"));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let output = child.wait_with_output().expect("it has ended");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    match output.status.code() {
        Some(0..=2) if !said.contains("panicked") => Ok(()),
        code => Err(format!("sae {args:?} gave {code:?}: {said}")),
    }
}

/// Every value of a model's description, of a checkpoint's, and of the JSON files of a run.
pub fn trials(plan: Plan) -> Vec<Trial> {
    vec![
        Trial::test("forged_models", move || models(plan)),
        Trial::test("forged_checkpoints", move || checkpoints(plan)),
        Trial::test("forged_runs", move || runs(plan)),
        Trial::test("unknown_checkpoints_stay", unknown),
    ]
}

fn some<T>(plan: Plan, all: Vec<T>, few: usize) -> Vec<T> {
    let wanted = plan.some(all.len(), few);
    let numbered = (1..).zip(all);
    numbered
        .filter(|(number, _)| wanted.contains(number))
        .map(|(_, one)| one)
        .collect()
}

fn models(plan: Plan) -> Result<(), Failed> {
    let (folder, run) = small();
    let bytes = fs::read(run.join("model.safetensors"))?;
    let file = folder.path().join("forged.safetensors");
    let (rows, codes) = (
        folder.path().join("rows.csv"),
        folder.path().join("out.csv"),
    );
    fs::write(&rows, format!("{}\n", ["0.5"; 36].join(",")))?;
    let texts = forged(&description(&bytes, "sae")).into_iter();
    let all = texts.map(|(what, text)| (what, described(&bytes, "sae", &text)));
    let mut tally = Tally::default();
    for (what, forged) in some(plan, all.collect(), 12) {
        fs::write(&file, forged)?;
        let encode = ["encode", text(&file), text(&rows), "--out", text(&codes)];
        let survived = is_harmless(&encode).and_then(|()| is_harmless(&["verify", text(&file)]));
        tally.count(1, &what, survived);
    }
    tally.conclude()
}

const CUT_OFF: &str = "[checkpoints]\nsteps = 1\nkeep = 50\n[data.shapes]\nsize = 6\ntrain = 60\ntest = 20\n[[layers]]\nhidden = 4\n\
    [[layers]]\nhidden = 3\n[layers.pretrain]\noptimizer = \"cg\"\nlearning_rate = 1\nbatch = \"full\"\nrho_hat = \"batch\"\nepochs = 3\n\
    [pretrain]\nepochs = 2\nbatch = 20\nrho_hat = \"running\"\n[softmax]\noptimizer = \"lbfgs\"\nlearning_rate = 1\n\
    batch = \"full\"\nepochs = 3\n[finetune]\nepochs = 4\nbatch = 20\nretreats = 1\n";

/// Those of a run that was cut off in its last stage, one per stage.
fn checkpoints(plan: Plan) -> Result<(), Failed> {
    let mut tally = Tally::default();
    for executor in ["fused = \"auto\"", "fused = \"never\""] {
        let undisturbed = Undisturbed::of(&format!("{executor}\n{CUT_OFF}"));
        let run = cut_off(&undisturbed)?;
        for stage in ["autoencoder-1", "autoencoder-2", "softmax", "finetune"] {
            let checkpoint = under_way(&run, stage).ok_or("no checkpoint was kept")?;
            let bytes = fs::read(&checkpoint)?;
            let key = "sae.checkpoint";
            let texts = forged(&description(&bytes, key)).into_iter();
            let mut all: Vec<_> = texts
                .map(|(what, text)| (what, described(&bytes, key, &text)))
                .collect();
            all.extend(shortened(&bytes));
            for (what, forged) in some(plan, all, 4) {
                let copy_of = undisturbed.path().join("copy");
                let _ = fs::remove_dir_all(&copy_of);
                copy(&run, &copy_of);
                let file = copy_of.join(checkpoint.strip_prefix(&run)?);
                fs::write(&file, forged)?;
                for newer in all_of(&copy_of).into_iter().filter(|path| *path > file) {
                    fs::remove_file(newer)?;
                }
                let resume = ["resume", text(&copy_of), "--quiet"];
                tally.count(
                    1,
                    &format!("{executor}, {stage}: {what}"),
                    is_harmless(&resume),
                );
            }
        }
    }
    tally.conclude()
}

/// A checkpoint of another version is not passed over, which would lose what that has done.
fn unknown() -> Result<(), Failed> {
    let undisturbed = Undisturbed::of(CUT_OFF);
    let run = cut_off(&undisturbed)?;
    let newest = all_of(&run).pop().ok_or("no checkpoint was kept")?;
    let (bytes, key) = (fs::read(&newest)?, "sae.checkpoint");
    let mut about: Value = serde_json::from_str(&description(&bytes, key))?;
    about["format"] = 99.into();
    fs::write(&newest, described(&bytes, key, &about.to_string()))?;
    let before = all_of(&run);
    let output = sae(&["resume", text(&run), "--quiet"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let expected = "is as it was written, but it is of format 99";
    let mut tally = Tally::default();
    let survived = match (
        said.contains(expected),
        output.status.code(),
        all_of(&run) == before,
    ) {
        (true, Some(2), true) => {
            fs::write(&newest, bytes)?;
            undisturbed.same("cut-off")
        }
        (_, code, _) => Err(format!("{code:?}: {said}")),
    };
    tally.count(1, "a checkpoint of format 99", survived);
    tally.conclude()
}

/// A run that was killed in its last stage.
fn cut_off(undisturbed: &Undisturbed) -> Result<PathBuf, Failed> {
    let run = undisturbed.path().join("cut-off");
    for _ in 0..50 {
        let _ = fs::remove_dir_all(&run);
        let mut child = start(&args(undisturbed.path(), "cut-off"));
        while under_way(&run, "finetune").is_none() && child.try_wait()?.is_none() {
            std::thread::sleep(Duration::from_micros(200));
        }
        let _ = child.kill();
        child.wait()?;
        if under_way(&run, "finetune").is_some() {
            return Ok(run);
        }
    }
    Err("the run was over every time".into())
}

/// A checkpoint in the middle of a stage: the last but one, with which there is something left to do.
fn under_way(run: &Path, stage: &str) -> Option<PathBuf> {
    let end = format!("-{stage}.safetensors");
    let paths = all_of(run).into_iter().rev();
    let mut own = paths.filter(|path| path.to_string_lossy().ends_with(&end));
    let last = own.next()?;
    Some(own.next().unwrap_or(last))
}

/// All checkpoints, the oldest first.
fn all_of(run: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(run.join("checkpoints")).into_iter().flatten();
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

fn runs(plan: Plan) -> Result<(), Failed> {
    let (folder, run) = small();
    unseal(&run);
    let picture = folder.path().join("features.png");
    let mut tally = Tally::default();
    for name in [".sae-run.json", "data.json", "summary.json"] {
        let path = run.join(name);
        let whole = fs::read_to_string(&path)?;
        for (what, forged) in some(plan, forged(&whole), 8) {
            fs::write(&path, forged)?;
            let commands: [&[&str]; 5] = [
                &["verify", text(&run)],
                &["eval", text(&run)],
                &["features", text(&run), "--out", text(&picture)],
                &["resume", text(&run)],
                &["runs", text(folder.path())],
            ];
            let harmless = commands.into_iter().map(is_harmless);
            let survived = harmless.collect::<Result<Vec<()>, String>>();
            tally.count(1, &format!("{name}: {what}"), survived.map(|_| ()));
        }
        fs::write(&path, whole)?;
    }
    tally.conclude()
}
