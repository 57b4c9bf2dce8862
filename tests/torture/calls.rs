//! Calls of the system that fail, or are the last before the process is killed, one after the other. By
//! `strace`, which can answer calls in the system's place; without it these trials are left out by name.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use libtest_mimic::{Failed, Trial};
use tempfile::{TempDir, tempdir};

use crate::plan::Plan;
use crate::support::undisturbed::{Undisturbed, args, results};
use crate::support::{command, copy, sae, succeed, text};
use crate::tally::Tally;

/// A run with many checkpoints that does not take long.
const SHORT: &str = "[checkpoints]\nsteps = 4\n[data.shapes]\nsize = 8\ntrain = 120\ntest = 30\n[[layers]]\nhidden = 9\n\
    [pretrain]\nepochs = 3\nbatch = 20\n[softmax]\nepochs = 2\nbatch = 20\n[finetune]\nepochs = 2\nbatch = 20\n";
/// Another, which is to replace it.
const OTHER: &str = "seed = 2\n[checkpoints]\nsteps = 4\n[data.shapes]\nsize = 8\ntrain = 120\ntest = 30\n[[layers]]\n\
    hidden = 9\n[pretrain]\nepochs = 2\nbatch = 20\n[softmax]\nepochs = 2\nbatch = 20\n[finetune]\nepochs = 2\nbatch = 20\n";

/// What is done to a call.
#[derive(Debug, Clone, Copy)]
struct Fault {
    name: &'static str,
    calls: &'static str,
    /// As strace wants it.
    what: &'static str,
    /// Whether all calls from there on fail.
    stays: bool,
}

const FAULTS: [Fault; 8] = [
    Fault {
        name: "write_fails",
        calls: WRITES,
        what: "error=ENOSPC",
        stays: false,
    },
    Fault {
        name: "disk_stays_full",
        calls: WRITES,
        what: "error=ENOSPC",
        stays: true,
    },
    Fault {
        name: "fsync_fails",
        calls: "fsync",
        what: "error=EIO",
        stays: false,
    },
    Fault {
        name: "rename_fails",
        calls: RENAMES,
        what: "error=EACCES",
        stays: false,
    },
    Fault {
        name: "killed_at_write",
        calls: WRITES,
        what: "signal=SIGKILL",
        stays: false,
    },
    Fault {
        name: "killed_at_fsync",
        calls: "fsync",
        what: "signal=SIGKILL",
        stays: false,
    },
    Fault {
        name: "killed_at_rename",
        calls: RENAMES,
        what: "signal=SIGKILL",
        stays: false,
    },
    Fault {
        name: "killed_at_unlink",
        calls: UNLINKS,
        what: "signal=SIGKILL",
        stays: false,
    },
];

const WRITES: &str = "write,pwrite64,writev";
const RENAMES: &str = "rename,renameat,renameat2,link,linkat";
const UNLINKS: &str = "unlink,unlinkat,rmdir";

/// Every such call of a run, and of a run that replaces another.
pub fn trials(plan: Plan) -> Vec<Trial> {
    let is_missing = !has_strace();
    let of = |fault: Fault| {
        let name = fault.name;
        let run = Trial::test(format!("call_{name}"), move || run_with(plan, fault));
        let swap = Trial::test(format!("swap_{name}"), move || replace_with(plan, fault));
        [run, swap].map(|trial| trial.with_ignored_flag(is_missing))
    };
    let synchronised = Trial::test("renamed_when_on_the_disk", renamed_when_on_the_disk);
    let synchronised = synchronised.with_ignored_flag(is_missing);
    let faults = FAULTS.into_iter().flat_map(of);
    faults.chain([synchronised]).collect()
}

/// Checkpoints, and the marker without which none is found, are on the disk before they get their names: else a loss
/// of power could leave them empty.
fn renamed_when_on_the_disk() -> Result<(), Failed> {
    let folder = tempdir()?;
    fs::write(folder.path().join("a.toml"), SHORT)?;
    let log = folder.path().join("calls");
    let options = [
        "-y",
        "-s",
        "4096",
        "-o",
        text(&log),
        "-e",
        "trace=fsync,rename,renameat,renameat2",
    ];
    let output = traced(&options, &args(folder.path(), "run"));
    is_clear(&output)?;
    let calls = fs::read_to_string(&log)?;
    let mut synchronised = BTreeSet::new();
    let mut tally = Tally::default();
    for call in calls.lines() {
        if let Some((_, file)) = call.split_once("fsync(") {
            let path = file.split(['<', '>']).nth(1).unwrap_or_default();
            synchronised.insert(path);
            continue;
        }
        let paths: Vec<&str> = call.split('"').skip(1).step_by(2).collect();
        let &[from, to] = &paths[..] else {
            continue;
        };
        // The first marker is of a run that has nothing yet.
        let is_first = call.contains("RENAME_NOREPLACE");
        if !is_first && (to.ends_with(".sae-run.json") || to.contains("/checkpoints/")) {
            let survived = match synchronised.contains(from) {
                true => Ok(()),
                false => Err("it is not on the disk".to_owned()),
            };
            tally.count(1, to, survived);
        }
    }
    if tally.injected() == 0 {
        return Err("nothing was renamed".into());
    }
    tally.conclude()
}

/// Whether strace is there and may trace.
pub fn has_strace() -> bool {
    let mut probe = Command::new("strace");
    probe.args([
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        "inject=fsync:error=EIO",
        "true",
    ]);
    let ran = probe.stdout(Stdio::null()).stderr(Stdio::null()).status();
    ran.is_ok_and(|status| status.success())
}

/// `sae` under strace.
pub fn traced(options: &[&str], args: &[&str]) -> Output {
    let sae = command(args);
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "--seccomp-bpf", "-e", "signal=none"]);
    strace
        .args(options)
        .arg(sae.get_program())
        .args(sae.get_args());
    if let Some(folder) = sae.get_current_dir() {
        strace.current_dir(folder);
    }
    strace.output().expect("strace can be started")
}

/// How many such calls the busiest thread of a command makes.
fn count(calls: &str, args: &[&str]) -> usize {
    let folder = tempdir().expect("a folder for the test");
    let log = folder.path().join("calls");
    let trace = format!("trace={calls}");
    let output = traced(&["-o", text(&log), "-e", &trace], args);
    assert!(output.status.success());
    let mut threads: BTreeMap<String, usize> = BTreeMap::new();
    for line in fs::read_to_string(&log).expect("what strace wrote").lines() {
        let thread = line.split(' ').next().unwrap_or_default().to_owned();
        *threads.entry(thread).or_default() += 1;
    }
    threads.into_values().max().unwrap_or(0)
}

/// Runs a command whose call number `number` meets its fault.
fn faulty(fault: Fault, number: usize, args: &[&str]) -> Output {
    let Fault {
        calls, what, stays, ..
    } = fault;
    let on = if stays { "+" } else { "" };
    let trace = format!("trace={calls}");
    let inject = format!("inject={calls}:{what}:when={number}{on}");
    traced(&["-o", "/dev/null", "-e", &trace, "-e", &inject], args)
}

/// One clear error, or none where the call did not matter; nothing at all of a process that was killed.
pub fn is_clear(output: &Output) -> Result<(), String> {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    match output.status.code() {
        None | Some(0 | 137) => Ok(()),
        Some(1 | 2) if said.lines().count() <= 1 && !said.contains("panicked") => Ok(()),
        Some(code) => Err(format!("exit code {code}: {said}")),
    }
}

fn run_with(plan: Plan, fault: Fault) -> Result<(), Failed> {
    let undisturbed = Undisturbed::of(SHORT);
    let calls = count(fault.calls, &args(undisturbed.path(), "counted"));
    let mut tally = Tally::default();
    for number in plan.some(calls, 3) {
        let name = format!("{}-{number}", fault.name);
        let output = faulty(fault, number, &args(undisturbed.path(), &name));
        let survived = is_clear(&output).and_then(|()| went_on(&undisturbed, &name));
        tally.count(1, &format!("{} {number} of {calls}", fault.name), survived);
    }
    tally.conclude()
}

/// The run goes on from a checkpoint that is whole, to the same bits.
fn went_on(undisturbed: &Undisturbed, name: &str) -> Result<(), String> {
    let output = sae(&args(undisturbed.path(), name));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if said.contains("damaged") {
        return Err(format!("something is torn: {said}"));
    }
    undisturbed.same(name)
}

/// The old run is there and whole until the new one is.
fn replace_with(plan: Plan, fault: Fault) -> Result<(), Failed> {
    let folder = tempdir()?;
    let both = Both::new(&folder);
    both.place_old("counted");
    let calls = count(fault.calls, &both.replace("counted"));
    let mut tally = Tally::default();
    for number in plan.some(calls, 3) {
        let name = format!("{}-{number}", fault.name);
        both.place_old(&name);
        let output = faulty(fault, number, &both.replace(&name));
        let survived = is_clear(&output).and_then(|()| both.is_either(&name));
        tally.count(1, &format!("{} {number} of {calls}", fault.name), survived);
    }
    tally.conclude()
}

/// An old run and the one that replaces it, each in a folder of its own.
struct Both<'a> {
    folder: &'a TempDir,
    old: BTreeMap<String, Vec<u8>>,
    new: BTreeMap<String, Vec<u8>>,
}

impl<'a> Both<'a> {
    fn new(folder: &'a TempDir) -> Self {
        let run = |name: &str, config: &str| {
            let (file, out) = (
                folder.path().join(format!("{name}.toml")),
                folder.path().join(name),
            );
            fs::write(&file, config).expect("a configuration");
            succeed(&["train", text(&file), "--quiet", "--out", text(&out)]);
            results(&out)
        };
        let (old, new) = (run("old", SHORT), run("new", OTHER));
        assert!(old != new);
        Self { folder, old, new }
    }

    /// Puts a copy of the old run at a place.
    fn place_old(&self, name: &str) {
        copy(
            &self.folder.path().join("old"),
            &self.folder.path().join(name),
        );
    }

    /// Arguments that replace it.
    fn replace(&self, name: &str) -> [&'static str; 6] {
        let leak =
            |path: &Path| -> &'static str { Box::leak(text(path).to_owned().into_boxed_str()) };
        let config = self.folder.path().join("new.toml");
        let out = self.folder.path().join(name);
        [
            "train",
            leak(&config),
            "--quiet",
            "--overwrite",
            "--out",
            leak(&out),
        ]
    }

    /// The old run, or the new one once it is gone on with; whole in any case, and replaced in the end.
    fn is_either(&self, name: &str) -> Result<(), String> {
        let run = self.folder.path().join(name);
        let resumed = sae(&["resume", text(&run), "--quiet"]);
        if !resumed.status.success() {
            return Err(String::from_utf8_lossy(&resumed.stderr).into_owned());
        }
        let verified = sae(&["verify", text(&run)]);
        if !verified.status.success() {
            return Err(String::from_utf8_lossy(&verified.stdout).into_owned());
        }
        let found = results(&run);
        if found == self.new {
            return Ok(());
        }
        if found != self.old {
            return Err("neither the old run nor the new one".to_owned());
        }
        let again = sae(&self.replace(name));
        match again.status.success() && results(&run) == self.new {
            true => Ok(()),
            false => Err(String::from_utf8_lossy(&again.stderr).into_owned()),
        }
    }
}
