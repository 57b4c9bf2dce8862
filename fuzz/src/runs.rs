//! What runs leave behind, as somebody may have made it: models, checkpoints, markers, metrics, configurations and
//! compressed codes. Whatever the bytes are, that gives a value that can be used and written again, or an error.

use std::fs;
use std::sync::LazyLock;

use sae::compression::Decompressor;
use sae::stack::EpochMetrics;
use sae::{Checkpoint, Experiment, Model, RunFolder, Samples, verify};

/// The most numbers of a row, beyond which nothing new is shown.
const MOST_INPUTS: usize = 4096;

/// A model file, whatever its seal says: what is understood encodes a row, and is written as it was read.
pub fn model(bytes: &[u8]) {
    let Ok(model) = Model::from_unverified(bytes) else {
        return;
    };
    let written = model.to_bytes().expect("a model that was read");
    let again = Model::from_bytes(&written).expect("a model that was written");
    assert_eq!(again.to_bytes().expect("a model that was read"), written);
    if model.inputs() > MOST_INPUTS {
        return;
    }
    let row = Samples::Floats {
        width: model.inputs(),
        values: vec![0.5; model.inputs()],
    };
    let codes = model.encode(&row).expect("a row of its width");
    let _ = model.decode(&codes);
    let _ = model.reconstruct(&row);
    let _ = model.predict(&row);
}

/// A checkpoint with a good seal, so that what is behind it is reached.
pub fn checkpoint(bytes: &[u8]) {
    let mut sealed = bytes.to_vec();
    if let Some(end) = sealed.len().checked_sub(blake3::OUT_LEN) {
        let hash = blake3::hash(&sealed[..end]);
        sealed[end..].copy_from_slice(hash.as_bytes());
    }
    if let Ok(checkpoint) = Checkpoint::from_bytes(&sealed)
        && let Ok(written) = checkpoint.into_bytes()
    {
        let again = Checkpoint::from_bytes(&written).expect("a checkpoint that was written");
        assert_eq!(again.into_bytes().expect("as before"), written);
    }
}

/// The marker of a run, in a folder with some files.
pub fn run(bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, content) in [
        (".sae-run.json", bytes),
        ("config.toml", b"seed = 1"),
        ("data.json", b"{}"),
        ("metrics.jsonl", b""),
    ] {
        fs::write(folder.path().join(name), content).expect("a file");
    }
    if let Ok(run) = RunFolder::open(folder.path()) {
        for name in run.names().expect("a marker that was read") {
            let _ = run.read(&name);
        }
    }
    let _ = verify(folder.path());
}

/// Lines of `metrics.jsonl`: what is read is written as it was.
pub fn metrics(bytes: &[u8]) {
    for line in bytes.split(|&byte| byte == b'\n') {
        if let Ok(metrics) = serde_json::from_slice::<EpochMetrics>(line) {
            let written = serde_json::to_string(&metrics).expect("metrics that were read");
            let again: EpochMetrics = serde_json::from_str(&written).expect("what was written");
            assert_eq!(serde_json::to_string(&again).expect("as before"), written);
        }
    }
}

/// A configuration: what is accepted is written with every default, and read again as the same.
pub fn config(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(experiment) = Experiment::parse("fuzz.toml", &text, &[]) {
        let written = experiment.to_toml().expect("settings in their ranges");
        let again = Experiment::parse("again.toml", &written, &[]).expect("what was written");
        assert_eq!(again.to_toml().expect("as before"), written);
    }
}

/// The model of which the codes are.
static MODEL: LazyLock<Model> = LazyLock::new(|| {
    let text = include_str!("../codes.toml");
    let experiment = Experiment::parse("codes.toml", text, &[]).expect("a configuration");
    let outcome = experiment.run(&mut ()).expect("a run");
    outcome.model
});

/// Compressed codes of that model.
pub fn codes(bytes: &[u8]) {
    let Ok(mut decompressor) = Decompressor::new(&MODEL, bytes) else {
        return;
    };
    while let Ok(Some(rows)) = decompressor.read() {
        assert!(rows.rows() > 0 && rows.width() == MODEL.inputs());
    }
}
