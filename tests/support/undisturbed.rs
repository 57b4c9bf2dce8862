//! Runs that are disturbed, and the run that nobody disturbed.

#![allow(dead_code, reason = "each test program uses a part of it")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::{TempDir, tempdir};

use super::{command, sae, succeed, text, weights};

/// A folder with a configuration and an undisturbed run of it.
pub struct Undisturbed {
    folder: TempDir,
    /// What it led to.
    pub files: BTreeMap<String, Vec<u8>>,
    /// How long it took.
    pub took: Duration,
}

impl Undisturbed {
    /// Of a configuration.
    pub fn of(config: &str) -> Self {
        Self::prepared(config, |_| {})
    }

    /// Of a configuration that needs something in the folder beside it.
    pub fn prepared(config: &str, prepare: impl FnOnce(&Path)) -> Self {
        let folder = tempdir().expect("a folder for the test");
        prepare(folder.path());
        fs::write(folder.path().join("a.toml"), config).expect("a configuration");
        let start = Instant::now();
        succeed(&args(folder.path(), "undisturbed"));
        let took = start.elapsed();
        let files = results(&folder.path().join("undisturbed"));
        Self {
            folder,
            files,
            took,
        }
    }

    /// Where its runs lie.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Goes on with a run until it is done, and compares it.
    pub fn assert_same(&self, name: &str, what: &str) {
        if let Err(problem) = self.same(name) {
            panic!("{what}: {problem}");
        }
    }

    /// As [`Undisturbed::assert_same`].
    ///
    /// # Errors
    ///
    /// Says what differs.
    pub fn same(&self, name: &str) -> Result<(), String> {
        let output = sae(&args(self.path(), name));
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        let found = results(&self.path().join(name));
        let mut files = self.files.iter();
        match files.find(|(file, bytes)| found.get(*file) != Some(bytes)) {
            Some((file, _)) => Err(format!("{file} differs")),
            None => Ok(()),
        }
    }
}

/// Arguments that begin a run or go on with it.
pub fn args(folder: &Path, name: &str) -> [&'static str; 6] {
    let leak = |path: &Path| -> &'static str { Box::leak(text(path).to_owned().into_boxed_str()) };
    let (config, out) = (folder.join("a.toml"), folder.join(name));
    [
        "train",
        leak(&config),
        "--quiet",
        "--resume",
        "--out",
        leak(&out),
    ]
}

/// What must be the same to the last bit: all weights, the model, pictures, and the metrics without times.
pub fn results(run: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for name in ["model.safetensors", "data.json", "config.toml"] {
        let bytes = fs::read(run.join(name));
        let bytes = bytes.unwrap_or_else(|error| panic!("{}, {name}: {error}", run.display()));
        files.insert(name.to_owned(), bytes);
    }
    // Of images or of tables.
    let pictures = ["features.png", "features.svg"];
    let pictures = pictures.map(|name| Some((name.to_owned(), fs::read(run.join(name)).ok()?)));
    files.extend(pictures.into_iter().flatten());
    files.extend(weights(run));
    let lines = fs::read_to_string(run.join("metrics.jsonl")).expect("metrics");
    let timeless = lines.lines().map(|line| {
        let mut line: Value = serde_json::from_str(line).expect("JSON");
        let fields = line.as_object_mut().expect("an object");
        for name in ["seconds", "samples_per_second", "waited"] {
            fields.remove(name);
        }
        line.to_string()
    });
    let lines: Vec<String> = timeless.collect();
    files.insert("metrics.jsonl".to_owned(), lines.join("\n").into_bytes());
    files
}

/// Starts `sae`; what it says on standard error can be read when it ends.
pub fn start(args: &[&str]) -> Child {
    let mut command = command(args);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn().expect("sae can be started")
}

/// Sends a signal, such as `TERM`.
pub fn signal(child: &Child, name: &str) {
    let id = child.id().to_string();
    let sent = Command::new("kill").args(["-s", name, &id]).status();
    assert!(sent.expect("kill can be run").success());
}

/// Waits until the metrics of a run speak of a stage.
pub fn wait_for(run: &Path, stage: &str) {
    let deadline = Instant::now() + Duration::from_secs(60);
    let sought = format!("\"stage\":\"{stage}\"");
    while Instant::now() < deadline {
        let lines = fs::read_to_string(run.join("metrics.jsonl")).unwrap_or_default();
        if lines.contains(&sought) {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("{stage} was never reached");
}
