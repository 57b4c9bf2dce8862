//! What happens at SIGINT, SIGTERM and SIGUSR1.

use std::io;
use std::process::exit;
use std::thread;
use std::time::Duration;

use sae::Stop;
use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1};
use signal_hook::iterator::Signals;

use crate::error::STOPPED;
use crate::output;

/// How often it is looked whether training still has something to save.
const LOOK: Duration = Duration::from_millis(5);
/// What a shell adds to the number of a signal that ended a program.
const BY_SIGNAL: i32 = 128;

/// From now on the first of these signals is a wish to stop: training saves its state after the step under way and
/// ends by itself; where nothing is being trained the process ends at once. A second signal ends it at once
/// in any case, but for SIGUSR1, by which schedulers announce the end of a job. `say` is told what a user is to know.
///
/// # Errors
///
/// Fails where signals cannot be waited for.
pub fn watch(stop: &Stop, say: impl Fn(&str) + Send + 'static) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGUSR1])?;
    let stop = stop.clone();
    thread::spawn(move || {
        if let Some(first) = signals.forever().next() {
            stop.wish();
            if stop.is_met_soon() {
                say("stopping after this step; the same signal once more ends at once");
            }
            wait(&stop, &mut signals, is_urgent(first));
        }
    });
    Ok(())
}

/// From now on the end of standard input is a SIGUSR1: whoever holds its other end has ended, perhaps by a signal that
/// this process has got itself, or is about to.
pub fn end_with_input() {
    thread::spawn(|| {
        // An error is an end, too.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        let _ = signal_hook::low_level::raise(SIGUSR1);
    });
}

/// Whether a signal, as the second of its kind, ends the process at once.
fn is_urgent(signal: i32) -> bool {
    signal != SIGUSR1
}

/// Until the process has ended by itself, need not, or must not be waited for; `urged` says whether an urgent signal
/// came.
fn wait(stop: &Stop, signals: &mut Signals, mut urged: bool) -> ! {
    loop {
        for signal in signals.pending().filter(|&signal| is_urgent(signal)) {
            if urged {
                exit(BY_SIGNAL + signal);
            }
            urged = true;
        }
        if !stop.is_met_soon() {
            output::error("stopped; what was saved before stays");
            exit(STOPPED.into());
        }
        thread::sleep(LOOK);
    }
}
