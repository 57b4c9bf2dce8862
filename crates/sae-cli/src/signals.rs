//! What happens at SIGINT and SIGTERM.

use std::io;
use std::process::exit;
use std::thread;
use std::time::Duration;

use sae::Stop;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::error::STOPPED;
use crate::output;

/// How often it is looked whether training still has something to save.
const LOOK: Duration = Duration::from_millis(5);
/// What a shell adds to the number of a signal that ended a program.
const BY_SIGNAL: i32 = 128;

/// From now on the first signal is a wish to stop: training saves its state after the step under way and
/// ends by itself; where nothing is being trained the process ends at once. A second signal ends it at once
/// in any case. `say` is told what a user is to know.
///
/// # Errors
///
/// Fails where signals cannot be waited for.
pub fn watch(stop: &Stop, say: impl Fn(&str) + Send + 'static) -> io::Result<()> {
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let stop = stop.clone();
    thread::spawn(move || {
        if signals.forever().next().is_some() {
            stop.wish();
            if stop.is_met_soon() {
                say("stopping after this step; the same signal once more ends at once");
            }
            wait(&stop, &mut signals);
        }
    });
    Ok(())
}

/// From now on the end of standard input is a SIGTERM: whoever holds its other end has ended.
pub fn end_with_input() {
    thread::spawn(|| {
        // An error is an end, too.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        let _ = signal_hook::low_level::raise(SIGTERM);
    });
}

/// Until the process has ended by itself, need not, or must not be waited for.
fn wait(stop: &Stop, signals: &mut Signals) -> ! {
    loop {
        if let Some(second) = signals.pending().next() {
            exit(BY_SIGNAL + second);
        }
        if !stop.is_met_soon() {
            output::error("stopped; what was saved before stays");
            exit(STOPPED.into());
        }
        thread::sleep(LOOK);
    }
}
