//! Running other programs.

use std::env;
use std::path::PathBuf;
use std::process::{Command, exit};

/// `cargo` with these arguments: the one that runs this program, if any.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()));
    command.args(args);
    command
}

/// Runs a command; where it fails, so does the task, with the same exit code.
pub(crate) fn run(command: &mut Command) {
    match command.status() {
        Ok(status) if status.success() => {}
        Ok(status) => exit(status.code().unwrap_or(1)),
        Err(error) => stop(&format!("{command:?} cannot be run: {error}")),
    }
}

#[expect(clippy::print_stderr, reason = "this is a program")]
pub(crate) fn stop(message: &str) -> ! {
    eprintln!("error: {message}");
    exit(2)
}

#[expect(clippy::print_stderr, reason = "this is a program")]
pub(crate) fn say(message: &str) {
    eprintln!("{message}");
}

/// The folder of cargo's outputs: this program lies in its folder `debug`.
pub(crate) fn target_folder() -> PathBuf {
    let this = env::current_exe().unwrap_or_default();
    this.ancestors()
        .nth(2)
        .map_or("target".into(), PathBuf::from)
}
