//! What happens at SIGINT and SIGTERM.

use std::io;
use std::process::exit;
use std::sync::atomic::{AtomicBool, Ordering};
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
        if let Some(first) = signals.forever().next() {
            if first == SIGTERM {
                INPUT_HAS_ENDED.store(false, Ordering::SeqCst);
            }
            stop.wish();
            if stop.is_met_soon() {
                say("stopping after this step; the same signal once more ends at once");
            }
            wait(&stop, &mut signals);
        }
    });
    Ok(())
}

/// Whether a SIGTERM is under way that stands for the end of standard input.
static INPUT_HAS_ENDED: AtomicBool = AtomicBool::new(false);

/// From now on the end of standard input is a SIGTERM, unless it is the second signal: whoever holds its other end
/// has ended, perhaps by the signal that this process has got itself.
pub fn end_with_input() {
    thread::spawn(|| {
        // An error is an end, too.
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        INPUT_HAS_ENDED.store(true, Ordering::SeqCst);
        let _ = signal_hook::low_level::raise(SIGTERM);
    });
}

/// Until the process has ended by itself, need not, or must not be waited for.
fn wait(stop: &Stop, signals: &mut Signals) -> ! {
    loop {
        let says_no_more =
            |signal: i32| signal == SIGTERM && INPUT_HAS_ENDED.swap(false, Ordering::SeqCst);
        if let Some(second) = signals.pending().find(|&signal| !says_no_more(signal)) {
            exit(BY_SIGNAL + second);
        }
        if !stop.is_met_soon() {
            output::error("stopped; what was saved before stays");
            exit(STOPPED.into());
        }
        thread::sleep(LOOK);
    }
}
