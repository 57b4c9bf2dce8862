//! `cargo xtask ci`

use std::env;
use std::path::Path;
use std::process::{self, Command};

use crate::backend::{Backend, features};
use crate::command::{cargo, run, say};
use crate::python::Python;
use crate::test::{Test, WITH_PARQUET};
use crate::train::Train;

/// The backends beyond the default one.
const BEYOND: [Backend; 2] = [Backend::Ndarray, Backend::Wgpu];

/// Those that compile; nothing here runs CUDA.
const COMPILED: [Backend; 3] = [Backend::Ndarray, Backend::Wgpu, Backend::Cuda];

/// The quick checks first. Lints and documentation share what they compile, since both have all
/// features; so do the tests of all other backends and of several processes.
pub(crate) fn ci() {
    run(&mut cargo(&["fmt", "--all", "--check"]));
    lint();
    document();
    for (backend, mpi) in [(vec![], false), (BEYOND.to_vec(), true)] {
        let hosts = mpi && hosts_can_be_made();
        let rest = vec![];
        Test {
            backend,
            mpi,
            hosts,
            rest,
        }
        .run();
    }
    smoke();
    Python::default().run();
}

/// Whether this process may make hosts of this machine, and links between them.
fn hosts_can_be_made() -> bool {
    let netns = |what: &[&str]| {
        let output = Command::new("ip").arg("netns").args(what).output();
        output.is_ok_and(|output| output.status.success())
    };
    let apart = [
        "exec",
        "sae-probe",
        "unshare",
        "--uts",
        "--ipc",
        "--mount",
        "true",
    ];
    let made = netns(&["add", "sae-probe"]);
    let possible = made && netns(&apart) && Path::new("/dev/net/tun").exists();
    if made {
        netns(&["delete", "sae-probe"]);
    }
    if !possible {
        say("hosts apart are not tested: they take the superuser, ip and /dev/net/tun");
    }
    possible
}

fn lint() {
    let mut clippy = cargo(&["clippy", "--workspace", "--all-targets"]);
    clippy.args(features(&COMPILED, true)).args(WITH_PARQUET);
    run(clippy.args(["--", "--deny", "warnings"]));
}

fn document() {
    let mut doc = cargo(&["doc", "--workspace", "--no-deps"]);
    doc.args(["--document-private-items"])
        .args(features(&COMPILED, true));
    doc.args(WITH_PARQUET);
    run(doc.env("RUSTDOCFLAGS", "--deny warnings"));
}

/// What a newcomer does first, on the smallest configuration.
fn smoke() {
    let out = env::temp_dir().join(format!("sae-ci-{}", process::id()));
    let train = Train {
        backend: Backend::Flex,
        config: "configs/tiny.toml".to_owned(),
        rest: vec!["--out".to_owned(), out.to_string_lossy().into_owned()],
    };
    train.run();
    // A left-over folder in the temporary directory harms nobody.
    let _ = std::fs::remove_dir_all(out);
}
