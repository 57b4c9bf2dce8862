//! Processes that are killed, or asked to stop, at any moment.

use std::thread::sleep;
use std::time::{Duration, Instant};

use libtest_mimic::Trial;
use rand_chacha::ChaCha8Rng as Random;
use sae_data::{Stream, stream, uniform};

use crate::configurations::{ALL, Configuration};
use crate::plan::Plan;
use crate::support::undisturbed::{Undisturbed, args, signal, start};
use crate::tally::Tally;

/// The most times that one run is disturbed.
const PER_RUN: usize = 3;

/// SIGKILL at random moments from a run's start to its end, then to the end: the same bits.
pub fn trials(plan: Plan) -> Vec<Trial> {
    let share = plan.kills.div_ceil(ALL.len());
    let trial = |(index, configuration): (usize, Configuration)| {
        Trial::test(format!("killed_{}", configuration.name), move || {
            let undisturbed = configuration.undisturbed();
            let mut rng = random(plan, index);
            let mut tally = Tally::default();
            let mut number = 0;
            while tally.injected() < share {
                number += 1;
                let name = format!("killed-{number}");
                let wanted = PER_RUN.min(share - tally.injected());
                let kills = (0..wanted).filter(|_| is_killed(&undisturbed, &name, &mut rng));
                let kills = kills.count();
                let what = format!("run {number} of {}", configuration.name);
                tally.count(kills, &what, undisturbed.same(&name));
            }
            tally.conclude()
        })
    };
    ALL.into_iter().enumerate().map(trial).collect()
}

/// Whether the process was still there.
fn is_killed(undisturbed: &Undisturbed, name: &str, rng: &mut Random) -> bool {
    let mut child = start(&args(undisturbed.path(), name));
    sleep(moment(undisturbed, rng));
    let was_there = matches!(child.try_wait(), Ok(None));
    let _ = child.kill();
    child.wait().expect("it ends");
    was_there
}

fn moment(undisturbed: &Undisturbed, rng: &mut Random) -> Duration {
    Duration::from_secs_f64(uniform(rng, 0.0, undisturbed.took.as_secs_f64()))
}

fn random(plan: Plan, index: usize) -> Random {
    stream(plan.seed, Stream::AutoencoderOrder(index as u16))
}

/// SIGTERM and SIGINT at random moments: soon over, with the exit code for it, then to the same bits.
pub fn signals(plan: Plan) -> Vec<Trial> {
    let few = if plan.is_long { 12 } else { 1 };
    let trial = |(index, configuration): (usize, Configuration)| {
        Trial::test(format!("signalled_{}", configuration.name), move || {
            let undisturbed = configuration.undisturbed();
            let mut rng = random(plan, ALL.len() + index);
            let mut tally = Tally::default();
            for number in 0.. {
                if tally.injected() >= few {
                    break;
                }
                let name = format!("signalled-{number}");
                let by = if number % 2 == 0 { "TERM" } else { "INT" };
                let stopped = is_stopped(&undisturbed, &name, by, &mut rng);
                let faults = usize::from(stopped != Ok(false));
                let what = format!("SIG{by}, run {number} of {}", configuration.name);
                let survived = stopped.and_then(|_| undisturbed.same(&name));
                tally.count(faults, &what, survived);
            }
            tally.conclude()
        })
    };
    ALL.into_iter().enumerate().map(trial).collect()
}

/// Whether the signal found the process there; where it does, it must end soon and properly.
fn is_stopped(
    undisturbed: &Undisturbed,
    name: &str,
    by: &str,
    rng: &mut Random,
) -> Result<bool, String> {
    let mut child = start(&args(undisturbed.path(), name));
    sleep(moment(undisturbed, rng));
    if !matches!(child.try_wait(), Ok(None)) {
        return Ok(false);
    }
    signal(&child, by);
    let sent = Instant::now();
    let output = child.wait_with_output().expect("it ends");
    let took = sent.elapsed();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if took > Duration::from_secs(5) {
        return Err(format!("it took {took:?}: {said}"));
    }
    match output.status.code() {
        // The signal may come before it is listened to, or after the last step.
        Some(0 | 3) => Ok(true),
        None => Ok(true),
        Some(code) => Err(format!("exit code {code}: {said}")),
    }
}
