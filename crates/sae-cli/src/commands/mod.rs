//! One file per command.

mod apply;
mod backends;
mod compress;
mod config;
mod crossval;
mod data;
mod eval;
mod features;
mod fetch;
mod gradcheck;
mod help;
mod import;
mod init;
mod labels;
mod objective;
mod report;
mod resume;
mod runs;
mod shapes;
mod sweep;
mod sweep_run;
mod tensorboard;
mod train;
mod training;
mod verify;
mod watch;

use std::process::ExitCode;

use sae::Work;

use crate::args::{Args, Command, ConfigCommand, DataCommand};
use crate::error::CliError;
use crate::ranks::{expect_one, together};

/// Runs the command that `args` names.
///
/// # Errors
///
/// Whatever ends the command; [`CliError::exit_code`] tells wrong input from failed work.
pub fn run(args: Args) -> Result<ExitCode, CliError> {
    let by_several = matches!(
        args.command,
        Command::Train(_) | Command::Resume(_) | Command::Sweep(_)
    );
    if !by_several {
        expect_one()?;
    }
    match args.command {
        Command::Train(args) => together(|ranks| train::run(&args, ranks)),
        Command::Resume(args) => together(|ranks| resume::run(&args, ranks)),
        Command::Crossval(args) => crossval::run(&args),
        Command::Sweep(args) => sweep::run(&args),
        Command::Labels(args) => labels::run(&args),
        Command::Runs(args) => runs::run(&args),
        Command::Verify(args) => verify::run(&args),
        Command::Eval(args) => eval::run(&args),
        Command::Encode(args) => apply::run(&args, Work::Encode),
        Command::Decode(args) => apply::run(&args, Work::Decode),
        Command::Reconstruct(args) => apply::run(&args, Work::Reconstruct),
        Command::Predict(args) => apply::run(&args, Work::Predict),
        Command::Score(args) => apply::score(&args),
        Command::Compress(args) => compress::run(&args),
        Command::Decompress(args) => compress::back(&args),
        Command::Report(args) => report::run(&args),
        Command::Features(args) => features::run(&args),
        Command::Watch(args) => watch::run(&args),
        Command::Tensorboard(args) => tensorboard::run(&args),
        Command::Objective(args) => objective::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Data(DataCommand::Fetch(args)) => fetch::run(&args),
        Command::Data(DataCommand::Shapes(args)) => shapes::run(&args),
        Command::Data(DataCommand::Inspect(args)) => data::inspect(&args),
        Command::Data(DataCommand::Convert(args)) => data::convert(&args),
        Command::Init(args) => init::run(&args),
        Command::Completions { shell } => help::completions(shell),
        Command::Man { folder } => help::man(&folder),
        Command::Gradcheck(args) => gradcheck::run(&args),
        Command::Config(ConfigCommand::Check(args)) => config::check(&args),
        Command::Backends => backends::run(),
    }
}
