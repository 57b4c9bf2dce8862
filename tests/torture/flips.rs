//! Bits that change in files.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use libtest_mimic::{Failed, Trial};
use sae::{Checkpoint, Model};
use sae_data::{Stream, stream, uniform};
use tempfile::{TempDir, tempdir};

use crate::plan::Plan;
use crate::support::{sae, succeed, text};
use crate::tally::Tally;

/// A run whose files are small, and which keeps its checkpoints.
const SMALL: &str = "report = false\n[data.shapes]\nsize = 6\ntrain = 60\ntest = 20\n[[layers]]\nhidden = 4\n\
    [pretrain]\nepochs = 2\nbatch = 20\n[softmax]\nepochs = 2\nbatch = 20\n[finetune]\nepochs = 2\nbatch = 20\n";

/// Every byte of a checkpoint and of a model file; bytes in every file of a run.
pub fn trials(plan: Plan) -> Vec<Trial> {
    vec![
        Trial::test("every_byte_of_a_checkpoint", move || {
            let (_folder, run) = small();
            let checkpoints = files(&run.join("checkpoints"));
            let smallest = checkpoints.values().min_by_key(|bytes| bytes.len());
            let smallest = smallest.ok_or("no checkpoint was kept")?;
            Checkpoint::from_bytes(smallest)?;
            every_byte(plan, smallest, |bytes| {
                Checkpoint::from_bytes(bytes).is_err()
            })
        }),
        Trial::test("every_byte_of_a_model_file", move || {
            let (_folder, run) = small();
            let bytes = fs::read(run.join("model.safetensors"))?;
            Model::from_bytes(&bytes)?;
            every_byte(plan, &bytes, |bytes| Model::from_bytes(bytes).is_err())
        }),
        Trial::test("bytes_of_every_file_of_a_run", move || every_file(plan)),
    ]
}

/// A finished run of it.
pub fn small() -> (TempDir, PathBuf) {
    let folder = tempdir().expect("a folder for the test");
    let (config, run) = (folder.path().join("a.toml"), folder.path().join("run"));
    fs::write(&config, SMALL).expect("a configuration");
    succeed(&["train", text(&config), "--quiet", "--out", text(&run)]);
    (folder, run)
}

fn every_byte(plan: Plan, bytes: &[u8], is_noticed: impl Fn(&[u8]) -> bool) -> Result<(), Failed> {
    let changes: &[u8] = if plan.is_long {
        &[1, 2, 4, 8, 16, 32, 64, 128]
    } else {
        &[1, 0x80]
    };
    let mut tally = Tally::default();
    let mut changed = bytes.to_vec();
    for place in 0..bytes.len() {
        for change in changes {
            changed[place] ^= change;
            let noticed = match is_noticed(&changed) {
                true => Ok(()),
                false => Err("not noticed".to_owned()),
            };
            tally.count(1, &format!("byte {place} ^ {change:#x}"), noticed);
            changed[place] ^= change;
        }
    }
    tally.conclude()
}

/// `sae verify` names the file; what reads it refuses it, or does not need it; nothing panics.
fn every_file(plan: Plan) -> Result<(), Failed> {
    let (folder, run) = small();
    let picture = folder.path().join("features.png");
    let mut rng = stream(plan.seed, Stream::Split);
    let mut tally = Tally::default();
    let per_file = if plan.is_long { 12 } else { 1 };
    for (path, bytes) in files(&run) {
        for _ in 0..per_file {
            let place = uniform(&mut rng, 0.0, bytes.len() as f64) as usize;
            let mut changed = bytes.clone();
            changed[place] ^= 1 << (place % 8);
            fs::write(&path, &changed)?;
            let what = format!("{}, byte {place}", path.display());
            let is_marker = path.ends_with(".sae-run.json");
            let commands: [&[&str]; 4] = [
                &["verify", text(&run)],
                &["eval", text(&run)],
                &["features", text(&run), "--out", text(&picture)],
                &["objective", text(&run)],
            ];
            let mut survived = Ok(());
            for (index, args) in commands.into_iter().enumerate() {
                let output = sae(args);
                let code = output.status.code();
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                // The marker says of itself only what can be read.
                let fits = match index {
                    0 if !is_marker => code == Some(1),
                    _ => matches!(code, Some(0..=2)),
                };
                if !fits || said.contains("panicked") {
                    survived = Err(format!("sae {args:?} gave {code:?}: {said}"));
                }
            }
            tally.count(1, &what, survived);
            fs::write(&path, &bytes)?;
        }
    }
    succeed(&["verify", text(&run)]);
    tally.conclude()
}

/// All files below a folder, with their bytes.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => {
                let bytes = fs::read(&path).expect("a file");
                found.insert(path, bytes);
            }
        }
    }
    found
}
