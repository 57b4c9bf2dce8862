//! `sae`: sparse and stacked autoencoders from the command line.

mod args;
mod backend;
mod commands;
mod config;
mod data;
mod error;
mod initial;
mod output;
mod progress;
mod run_folder;
mod self_test;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    #[cfg(all(unix, feature = "wgpu"))]
    backend::silence_graphics_drivers();
    match commands::run(args::Args::parse()) {
        Ok(code) => code,
        Err(error) => {
            output::error(&error);
            error.exit_code()
        }
    }
}
