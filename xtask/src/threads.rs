//! `cargo xtask threads`: the kernels' team of threads, under tools that watch every access.
//!
//! Valgrind's race detectors (drd, helgrind) know neither atomics nor the locks of Rust's standard
//! library, and report whatever these put in order; races are left to loom. Memcheck watches that no
//! thread leaves its part of a slice.

use std::env;
use std::process::{Command, Stdio};

use crate::command::{cargo, run, stop, target_folder};

/// The test in plain code that valgrind looks at: it knows no AVX-512, and slows everything down.
const VALGRIND_TEST: &str = "plain_steps_on_several_threads";

/// Valgrind as cargo's runner of tests: an access outside what was allocated is a failure.
const VALGRIND_RUNNER: &str =
    "target.'cfg(all())'.runner = ['valgrind', '--tool=memcheck', '--error-exitcode=1']";

pub(crate) fn threads() {
    need_valgrind();
    model();
    watch();
}

/// Every order of events, in `loom`'s model. In a folder of its own, since `--cfg loom` makes
/// everything different.
fn model() {
    let flags = env::var("RUSTFLAGS").unwrap_or_default();
    let mut tests = kernels(&["--release"], "loom");
    tests.env("RUSTFLAGS", format!("{flags} --cfg loom"));
    run(tests.env("CARGO_TARGET_DIR", target_folder().join("loom")));
}

/// Every access, on real threads.
fn watch() {
    run(&mut kernels(&["--config", VALGRIND_RUNNER], VALGRIND_TEST));
}

/// The kernels' own tests whose name contains `filter`.
fn kernels(args: &[&str], filter: &str) -> Command {
    let mut tests = cargo(&["test", "--package", "sae-kernels", "--lib"]);
    tests.args(args).arg(filter);
    tests
}

fn need_valgrind() {
    let mut version = Command::new("valgrind");
    version.arg("--version").stdout(Stdio::null());
    if version.status().is_err() {
        stop("valgrind is missing; on Debian: apt-get install valgrind");
    }
}
