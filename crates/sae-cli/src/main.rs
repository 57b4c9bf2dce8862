//! `sae`: sparse and stacked autoencoders from the command line.

mod args;
mod backend;
mod commands;
mod config;
mod data;
mod error;
mod output;
mod progress;
mod run_folder;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match commands::run(args::Args::parse()) {
        Ok(code) => code,
        Err(error) => {
            output::error(&error);
            error.exit_code()
        }
    }
}
