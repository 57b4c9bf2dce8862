//! Workers of a sweep that are killed again and again.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use libtest_mimic::{Failed, Trial};
use sae_data::{Stream, stream, uniform};
use tempfile::tempdir;

use crate::plan::Plan;
use crate::support::undisturbed::{results, start};
use crate::support::{sae, succeed, text};
use crate::tally::Tally;

const BASE: &str = "report = false\n[checkpoints]\nsteps = 5\n[data.shapes]\nsize = 6\ntrain = 100\ntest = 30\n[[layers]]\n\
    hidden = 5\n[pretrain]\nepochs = 8\nbatch = 20\n[softmax]\nepochs = 8\nbatch = 20\n[finetune]\nepochs = 8\nbatch = 20\n";

/// Every run is finished once, and is what it is in a sweep that nobody disturbed.
pub fn trials(plan: Plan) -> Vec<Trial> {
    vec![Trial::test("sweep_with_killed_workers", move || {
        killed(plan)
    })]
}

fn killed(plan: Plan) -> Result<(), Failed> {
    let (rates, workers, kills) = if plan.is_long { (16, 4, 20) } else { (4, 2, 2) };
    let folder = tempdir()?;
    fs::write(folder.path().join("base.toml"), BASE)?;
    let rates: Vec<String> = (1..=rates)
        .map(|k| format!("{:.4}", 0.001 * f64::from(k)))
        .collect();
    let sweep = format!(
        "config = \"base.toml\"\nmetric = \"test_accuracy\"\nseeds = 4\n[keys]\n\"pretrain.learning_rate\" = [{}]\n",
        rates.join(", ")
    );
    let file = folder.path().join("s.toml");
    fs::write(&file, sweep)?;
    let [disturbed, undisturbed] =
        ["disturbed", "undisturbed"].map(|name| folder.path().join(name));
    for plan in [&disturbed, &undisturbed] {
        succeed(&["sweep", text(&file), "--out", text(plan)]);
    }
    let begun = Instant::now();
    succeed(&["sweep", "run", text(&undisturbed), "--jobs", "2", "--quiet"]);
    // So that there is work left for the last worker that is killed.
    let longest = 1.3 * begun.elapsed().as_secs_f64() / f64::from(kills);
    let expected = all(&undisturbed);
    let injected: usize = thread::scope(|scope| {
        let killers: Vec<_> = (0..workers)
            .map(|worker| {
                let disturbed = &disturbed;
                scope.spawn(move || {
                    let shard = (worker, workers);
                    kill_worker(plan, disturbed, shard, (kills, longest))
                })
            })
            .collect();
        killers
            .into_iter()
            .map(|killer| killer.join().expect("a killer ends"))
            .sum()
    });
    let ended = sae(&["sweep", "run", text(&disturbed), "--quiet"]);
    let survived = match ended.status.success() {
        true if all(&disturbed) == expected => Ok(()),
        true => Err("other results than those of an undisturbed sweep".to_owned()),
        false => Err(String::from_utf8_lossy(&ended.stderr).into_owned()),
    };
    let mut tally = Tally::default();
    tally.count(injected, "workers", survived);
    tally.conclude()
}

/// How often it was killed before it had done its share; each time after `longest` seconds at most.
fn kill_worker(
    plan: Plan,
    sweep: &Path,
    (worker, workers): (u16, u16),
    (kills, longest): (u16, f64),
) -> usize {
    let mut rng = stream(plan.seed, Stream::Corruption(worker));
    let shard = format!("{}/{workers}", worker + 1);
    let mut killed = 0;
    for _ in 0..kills {
        let mut child = start(&["sweep", "run", text(sweep), "--shard", &shard, "--quiet"]);
        sleep(Duration::from_secs_f64(uniform(&mut rng, 0.0, longest)));
        killed += usize::from(matches!(child.try_wait(), Ok(None)));
        let _ = child.kill();
        child.wait().expect("it ends");
    }
    killed
}

/// What every run of a sweep led to.
fn all(sweep: &Path) -> BTreeMap<String, BTreeMap<String, Vec<u8>>> {
    let entries = fs::read_dir(sweep.join("runs")).expect("runs");
    let run = |path: std::path::PathBuf| {
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let mut files = results(&path);
        // It names the sweep's own folder.
        files.remove("config.toml");
        (name, files)
    };
    entries
        .map(|entry| run(entry.expect("an entry").path()))
        .collect()
}
