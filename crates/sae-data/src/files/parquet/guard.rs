//! The library that reads Parquet panics on some damaged files. Here that is an error.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

use parquet::errors::{ParquetError, Result};

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// What `work` gives, or an error where it panics, of which nothing is printed.
///
/// # Errors
///
/// As `work`; says why it panicked.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    silence_guarded_panics();
    GUARDED.set(true);
    // What `work` was doing when it panicked is given up with the file.
    let done = catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(false);
    done.unwrap_or_else(|panic| Err(ParquetError::General(reason(&*panic))))
}

fn reason(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "it makes no sense".to_owned())
}

/// Panics of guarded work print nothing; of all others whatever they did before.
fn silence_guarded_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = take_hook();
        set_hook(Box::new(move |about| {
            if !GUARDED.get() {
                before(about);
            }
        }));
    });
}
