//! Runs of several processes, which the launcher of an MPI starts: SAE_MPIRUN, or `mpirun`.

#![allow(dead_code, reason = "each test program uses a part of it")]

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::{TempDir, tempdir};

use super::undisturbed::{results, wait_for};
use super::{root, succeed, text};

/// Seconds of work, on any number of ranks, in which to be disturbed.
pub const LONG: &str = "[checkpoints]\nsteps = 20\n[distributed]\nshards = 4\ntimeout = 20\n[data.shapes]\n\
    size = 28\ntrain = 6000\ntest = 100\n[[layers]]\nhidden = 100\n[pretrain]\nepochs = 60\nbatch = 400\n\
    [softmax]\nepochs = 2\nbatch = 400\n[finetune]\nepochs = 2\nbatch = 400\n";

/// A folder with a configuration.
pub struct Runs {
    folder: TempDir,
}

impl Runs {
    /// Of a configuration.
    pub fn of(config: &str) -> Self {
        let folder = tempdir().expect("a folder");
        fs::write(folder.path().join("a.toml"), config).expect("a configuration");
        Self { folder }
    }

    /// Where something of it lies.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The run of one process that no launcher has started.
    pub fn alone(&self) -> BTreeMap<String, Vec<u8>> {
        let (config, out) = (self.path("a.toml"), self.path("alone"));
        succeed(&["train", text(&config), "--quiet", "--out", text(&out)]);
        results(&out)
    }

    /// A launcher with so many ranks.
    pub fn launch(&self, ranks: usize, name: &str) -> Command {
        mpirun(ranks, &self.args(name))
    }

    /// Arguments that begin a run or go on with it.
    pub fn args(&self, name: &str) -> Vec<String> {
        let (config, out) = (self.path("a.toml"), self.path(name));
        let args = [
            "train",
            text(&config),
            "--resume",
            "--quiet",
            "--out",
            text(&out),
        ];
        args.map(str::to_owned).to_vec()
    }

    /// The run that a launcher starts, in the middle of its first stage.
    pub fn begin(&self, mut launcher: Command, name: &str) -> Child {
        launcher.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = launcher.spawn().expect("SAE_MPIRUN, or mpirun");
        wait_for(&self.path(name), "autoencoder-1");
        sleep(Duration::from_millis(300));
        child
    }

    /// So many ranks give these results.
    pub fn assert_same(&self, ranks: usize, name: &str, expected: &BTreeMap<String, Vec<u8>>) {
        self.assert_leads_to(self.launch(ranks, name), name, expected);
    }

    /// What a launcher starts gives these results.
    pub fn assert_leads_to(
        &self,
        launcher: Command,
        name: &str,
        expected: &BTreeMap<String, Vec<u8>>,
    ) {
        let output = ended(launcher);
        assert!(output.status.success(), "{name}: {}", said(&output));
        let found = results(&self.path(name));
        for (file, bytes) in expected {
            assert!(found.get(file) == Some(bytes), "{name}: {file}");
        }
    }
}

/// The launcher.
pub fn launcher() -> OsString {
    std::env::var_os("SAE_MPIRUN").unwrap_or("mpirun".into())
}

/// So many ranks of the program on this machine.
pub fn mpirun(ranks: usize, args: &[impl AsRef<OsStr>]) -> Command {
    let mut command = Command::new(launcher());
    command.args(["-n", &ranks.to_string(), env!("CARGO_BIN_EXE_sae")]);
    command.args(args);
    prepare(&mut command);
    command
}

/// Where the launcher runs, and what Open MPI wants to be told before it starts more ranks than processors, for
/// the superuser.
pub fn prepare(command: &mut Command) {
    command
        .current_dir(root())
        .env("OMPI_ALLOW_RUN_AS_ROOT", "1")
        .env("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1")
        .env("OMPI_MCA_rmaps_base_oversubscribe", "1")
        .stdin(Stdio::null());
}

/// It ends within minutes, or is stuck.
pub fn ended(mut command: Command) -> Output {
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    wait(child.expect("SAE_MPIRUN, or mpirun, can be started"))
}

/// As [`ended`], of one that was started.
pub fn wait(mut child: Child) -> Output {
    let start = Instant::now();
    while child.try_wait().expect("it can be waited for").is_none() {
        if start.elapsed() > Duration::from_secs(300) {
            let _ = child.kill();
            panic!("stuck");
        }
        sleep(Duration::from_millis(20));
    }
    child.wait_with_output().expect("it has ended")
}

/// What it said of errors.
pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The processes of the ranks of a run, that of rank 0 first.
pub fn ranks_of(run: &Path) -> Vec<u32> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").expect("processes").flatten() {
        let read = |name: &str| fs::read(entry.path().join(name)).unwrap_or_default();
        let args = read("cmdline");
        let args: Vec<&[u8]> = args.split(|&b| b == 0).collect();
        let is_rank = args[0] == env!("CARGO_BIN_EXE_sae").as_bytes();
        if is_rank && args.contains(&text(run).as_bytes()) {
            let environment = String::from_utf8_lossy(&read("environ")).into_owned();
            let number = |name: &str| {
                let mut all = environment.split('\0');
                all.find_map(|one| one.strip_prefix(name)?.strip_prefix('='))
            };
            let rank = number("OMPI_COMM_WORLD_RANK").or_else(|| number("PMI_RANK"));
            let rank: usize = rank.and_then(|rank| rank.parse().ok()).expect("a rank");
            let process = entry.file_name().to_string_lossy().parse();
            found.push((rank, process.expect("a number")));
        }
    }
    found.sort_unstable();
    found.into_iter().map(|(_, process)| process).collect()
}

/// Sends a signal.
pub fn signal(process: u32, name: &str) {
    let sent = Command::new("kill")
        .args([&format!("-{name}"), &process.to_string()])
        .status();
    assert!(sent.expect("kill").success());
}
