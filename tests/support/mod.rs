//! Runs the program as a user would.

#![allow(dead_code, reason = "each test program uses a part of it")]

#[cfg(unix)]
pub mod ranks;
pub mod undisturbed;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use libtest_mimic::Failed;
use serde_json::Value;

/// The root of the workspace, from which paths such as `configs/tiny.toml` are meant.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// `sae` in the root of the workspace, without the caller's settings; another program where SAE_PROGRAM names
/// one.
pub fn command(args: &[&str]) -> Command {
    let program = std::env::var_os("SAE_PROGRAM");
    let mut command = Command::new(program.unwrap_or(env!("CARGO_BIN_EXE_sae").into()));
    command.current_dir(root()).args(args);
    command
}

/// `sae` as [`command`], under a limit of the shell, for example `-n 20`.
pub fn limited(limit: &str, args: &[&str]) -> Command {
    let sae = command(args);
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("ulimit {limit}; exec \"$0\" \"$@\"")]);
    shell.arg(sae.get_program()).args(sae.get_args());
    shell.current_dir(root()).stdin(std::process::Stdio::null());
    shell
}

/// Runs `sae`.
pub fn sae(args: &[&str]) -> Output {
    command(args).output().expect("sae can be started")
}

/// Runs `sae`, which must succeed, and returns what it printed to standard output.
pub fn succeed(args: &[&str]) -> String {
    let output = sae(args);
    assert!(
        output.status.success(),
        "sae {args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("output is UTF-8")
}

/// Runs `sae`, which must refuse its input with exit code 2 and one line; returns the line.
pub fn refuse(args: &[&str]) -> String {
    let output = sae(args);
    let message = String::from_utf8(output.stderr).expect("output is UTF-8");
    assert_eq!(output.status.code(), Some(2), "sae {args:?}: {message}");
    assert!(output.stdout.is_empty());
    assert_eq!(message.trim_end().lines().count(), 1, "{message}");
    message
        .strip_prefix("error: ")
        .expect("errors are marked")
        .trim_end()
        .to_owned()
}

/// A path as an argument.
pub fn text(path: &Path) -> &str {
    path.to_str().expect("paths of tests are UTF-8")
}

/// The files of a run's weights, by name.
pub fn weights(run: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(run.join("weights")).expect("the run has weights");
    let mut files: Vec<_> = entries
        .map(|entry| {
            let entry = entry.expect("an entry");
            let bytes = std::fs::read(entry.path()).expect("a file");
            (entry.file_name().to_string_lossy().into_owned(), bytes)
        })
        .collect();
    files.sort();
    files
}

/// An NPY file of any shape with these bytes.
pub fn npy(kind: &str, shape: &str, bytes: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}");
    let mut file = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    file.extend(format!("{header:<117}\n").as_bytes());
    file.extend(bytes);
    file
}

/// Copies a folder with all that is in it.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let (path, there) = (entry.path(), to.join(entry.file_name()));
        match path.is_dir() {
            true => copy(&path, &there),
            false => {
                std::fs::copy(&path, &there).expect("a file");
            }
        }
    }
}

/// Forgets what the files of a run were, as of one whose marker an older version wrote.
pub fn unseal(run: &Path) {
    let path = run.join(".sae-run.json");
    let bytes = std::fs::read(&path).expect("a marker");
    let mut marker: Value = serde_json::from_slice(&bytes).expect("JSON");
    let files = marker["files"].as_object_mut().expect("files");
    files.values_mut().for_each(|seal| *seal = Value::Null);
    std::fs::write(&path, marker.to_string()).expect("a marker");
}

/// The `summary.json` of a run.
pub fn summary(run: &Path) -> Value {
    let bytes = std::fs::read(run.join("summary.json")).expect("the run has a summary");
    serde_json::from_slice(&bytes).expect("the summary is JSON")
}

/// The lines of a run's `metrics.jsonl`.
pub fn metrics(run: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(run.join("metrics.jsonl")).expect("the run has metrics");
    let parse = |line| serde_json::from_str(line).expect("every line is JSON");
    text.lines().map(parse).collect()
}

/// A number at a JSON pointer.
pub fn number(value: &Value, pointer: &str) -> f64 {
    let found = value.pointer(pointer).and_then(Value::as_f64);
    found.unwrap_or_else(|| panic!("there is a number at {pointer}"))
}

/// Whether SAE_PYTHON names a Python with the packages that `.ci/run` installs; what needs it is skipped by
/// name elsewhere.
pub fn has_python() -> bool {
    std::env::var_os("SAE_PYTHON").is_some()
}

/// Runs a script by that Python, in the root of the workspace; returns what it printed, or fails with what it
/// complained of.
pub fn python(script: &str, args: &[&str]) -> Result<String, Failed> {
    let python = std::env::var_os("SAE_PYTHON").ok_or("SAE_PYTHON is not set")?;
    let mut command = Command::new(python);
    command.current_dir(root()).arg(script).args(args);
    let output = command.output()?;
    if !output.status.success() {
        return Err(String::from_utf8(output.stderr)?.into());
    }
    Ok(String::from_utf8(output.stdout)?)
}
