//! `sae`: sparse and stacked autoencoders from the command line.

mod args;
mod commands;
mod error;
mod output;
mod progress;
#[cfg(all(unix, feature = "wgpu"))]
mod quiet_drivers;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    #[cfg(all(unix, feature = "wgpu"))]
    quiet_drivers::start_again();
    match commands::run(args::Args::parse()) {
        Ok(code) => code,
        Err(error) => {
            output::error(&error);
            error.exit_code()
        }
    }
}
