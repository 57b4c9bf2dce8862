//! `sae`: sparse and stacked autoencoders from the command line.

mod args;
mod commands;
mod error;
mod output;
mod progress;
#[cfg(all(unix, feature = "wgpu"))]
mod quiet_drivers;
mod ranks;
#[cfg(unix)]
mod signals;
mod watch;
mod wish;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    #[cfg(all(unix, feature = "wgpu"))]
    quiet_drivers::start_again();
    keep_freed_memory();
    match commands::run(args::Args::parse()) {
        Ok(code) => code,
        Err(error) if error.is_broken_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            output::error(&error);
            error.exit_code()
        }
    }
}

/// Training frees and asks for the same few megabytes at every step. The allocator of glibc gives such
/// blocks back to the system each time, whose fresh pages then cost a quarter of a step in Burn's
/// operations, unless it has seen a larger block being freed: from then on it keeps them. This one is
/// never touched and so takes no memory.
fn keep_freed_memory() {
    const LARGEST_THAT_COUNTS: usize = (32 << 20) - (64 << 10);
    drop(std::hint::black_box(Vec::<u8>::with_capacity(
        LARGEST_THAT_COUNTS,
    )));
}
