//! What a run needs and does not get: its samples, file descriptors, a folder that can be written.

use std::fs::{self, File};
use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};

use crate::calls::{has_strace, is_clear, traced};
use crate::configurations::{ALL, Configuration, STREAMING};
use crate::plan::Plan;
use crate::support::limited;
use crate::support::undisturbed::{args, start, wait_for};
use crate::tally::Tally;

/// Each with one clear error, and nothing lost once the cause is gone.
pub fn trials(plan: Plan) -> Vec<Trial> {
    let vanished = STREAMING.map(|configuration| {
        let name = format!("vanished_samples_{}", configuration.name);
        Trial::test(name, move || vanished_samples(plan, configuration))
    });
    let mut trials = Vec::from(vanished);
    trials.push(Trial::test("few_descriptors", move || {
        few_descriptors(plan)
    }));
    trials.push(Trial::test("closed_folder", closed_folder).with_ignored_flag(!has_strace()));
    trials
}

/// The file of a run that reads its samples again and again is cut short in the middle of it.
fn vanished_samples(plan: Plan, configuration: Configuration) -> Result<(), Failed> {
    let undisturbed = configuration.undisturbed();
    let rows = undisturbed.path().join("rows.npy");
    let whole = fs::read(&rows)?;
    let mut tally = Tally::default();
    let wanted = if plan.is_long { 8 } else { 1 };
    // Some have read all their samples before.
    for number in 0..5 * wanted {
        if tally.injected() == wanted {
            break;
        }
        let name = format!("vanished-{number}");
        let child = start(&args(undisturbed.path(), &name));
        wait_for(&undisturbed.path().join(&name), "autoencoder-1");
        let file = File::options().write(true).open(&rows);
        let cut = file.and_then(|file| file.set_len(4096));
        let output = child.wait_with_output()?;
        cut?;
        fs::write(&rows, &whole)?;
        let faults = usize::from(output.status.code() != Some(0));
        let survived = is_clear(&output).and_then(|()| undisturbed.same(&name));
        tally.count(faults, &name, survived);
    }
    tally.conclude()
}

/// A limit of open files that is met sooner or later.
fn few_descriptors(plan: Plan) -> Result<(), Failed> {
    let configuration: Configuration = ALL[1];
    let undisturbed = configuration.undisturbed();
    let mut tally = Tally::default();
    let limits: &[usize] = if plan.is_long {
        &[3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]
    } else {
        &[5, 8]
    };
    for limit in limits {
        let name = format!("descriptors-{limit}");
        let args = args(undisturbed.path(), &name);
        let output = limited(&format!("-n {limit}"), &args).output()?;
        // Below a handful the program itself cannot be loaded.
        let is_loaded = output.status.code() != Some(127);
        let clear = if is_loaded { is_clear(&output) } else { Ok(()) };
        tally.count(1, &name, clear.and_then(|()| undisturbed.same(&name)));
    }
    tally.conclude()
}

/// On a disk that cannot be written, before anything is computed.
fn closed_folder() -> Result<(), Failed> {
    let undisturbed = ALL[1].undisturbed();
    let mut tally = Tally::default();
    for error in ["EROFS", "EACCES"] {
        let name = format!("closed-{error}");
        let inject = format!("inject=mkdir,mkdirat:error={error}");
        let options = [
            "-o",
            "/dev/null",
            "-e",
            "trace=mkdir,mkdirat",
            "-e",
            &inject,
        ];
        let begin = Instant::now();
        let output = traced(&options, &args(undisturbed.path(), &name));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let is_refused = output.status.code() == Some(2) && said.contains("cannot be written");
        let survived = match is_refused && begin.elapsed() < Duration::from_secs(60) {
            true => undisturbed.same(&name),
            false => Err(format!("{:?}: {said}", output.status.code())),
        };
        tally.count(1, &name, survived);
    }
    tally.conclude()
}
