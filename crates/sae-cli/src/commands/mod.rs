//! One file per command.

mod backends;
mod config;
mod eval;
mod features;
mod gradcheck;
mod import;
mod objective;
mod shapes;
mod train;

use std::process::ExitCode;

use crate::args::{Args, Command, ConfigCommand, DataCommand};
use crate::error::CliError;

/// Runs the command that `args` names.
///
/// # Errors
///
/// Whatever ends the command; [`CliError::exit_code`] tells wrong input from failed work.
pub fn run(args: Args) -> Result<ExitCode, CliError> {
    match args.command {
        Command::Train(args) => train::run(&args),
        Command::Eval(args) => eval::run(&args),
        Command::Features(args) => features::run(&args),
        Command::Objective(args) => objective::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Data(DataCommand::Shapes(args)) => shapes::run(&args),
        Command::Gradcheck(args) => gradcheck::run(&args),
        Command::Config(ConfigCommand::Check(args)) => config::check(&args),
        Command::Backends => backends::run(),
    }
}
