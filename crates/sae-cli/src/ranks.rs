//! A command that several processes do together, where a launcher of MPI has started them.

use std::process::{Command, ExitCode};

use sae::train::Group;
use sae::{Error, Experiment, Prepared};

use crate::error::CliError;

/// The other processes, where there are any.
pub struct Ranks {
    #[cfg(feature = "mpi")]
    others: Option<mpi::Others>,
}

impl Ranks {
    /// Nobody else.
    pub fn alone() -> Self {
        Self {
            #[cfg(feature = "mpi")]
            others: None,
        }
    }

    /// The number of threads that is meant for this process: with others on this machine, unless the
    /// configuration says so, no more than its share of the processors.
    pub fn threads(&self, experiment: &Experiment) -> usize {
        #[cfg(feature = "mpi")]
        if let Some(others) = &self.others {
            return others.threads(experiment);
        }
        experiment.threads()
    }

    /// Those with whom such an experiment is run.
    ///
    /// # Errors
    ///
    /// Refuses more processes than there are shards.
    pub fn group(&self, experiment: &Experiment) -> Result<Group, Error> {
        let shards = experiment.distributed.shards;
        #[cfg(feature = "mpi")]
        if let Some(others) = &self.others {
            return Ok(Group::new(others.communicator(), shards)?);
        }
        Ok(Group::alone(shards)?)
    }

    /// From now on the run is one of all of `group`.
    pub fn join(&self, prepared: &mut Prepared, group: Group) {
        prepared.compute.group = group;
        #[cfg(feature = "mpi")]
        if let Some(others) = &self.others {
            others.begun.set(true);
            prepared.compute.threads = others.threads(&prepared.experiment);
        }
    }
}

/// Does a command as rank 0; other ranks assist it, and say nothing.
///
/// # Errors
///
/// As the command; refuses to be started several times by a program, or a launcher, that has no MPI in common.
pub fn together(
    command: impl FnOnce(&Ranks) -> Result<ExitCode, CliError>,
) -> Result<ExitCode, CliError> {
    match started_together() {
        None => command(&Ranks::alone()),
        #[cfg(feature = "mpi")]
        Some(started) => mpi::together(command, started),
        #[cfg(not(feature = "mpi"))]
        Some(_) => Err(CliError::input(
            "several copies of this program were started together, and it is built without MPI; expected one, or \
             a program built with --features mpi (see docs/cluster.md)"
                .to_owned(),
        )),
    }
}

/// Refuses a command that one process does by itself where several were started.
///
/// # Errors
///
/// Says so, and what can be done by several.
pub fn expect_one() -> Result<(), CliError> {
    match started_together() {
        None => Ok(()),
        Some(count) => Err(CliError::input(format!(
            "this command was started {count} times together; expected one process: only sae train and sae resume \
             are done by several (see docs/cluster.md)"
        ))),
    }
}

/// Number of processes, as launchers tell it.
const COUNTS: [&str; 2] = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE"];
/// The own number, where a launcher tells no other, and how many Slurm has started then.
const BY_SLURM: [&str; 2] = ["PMIX_RANK", "SLURM_NTASKS"];

/// How many processes a launcher has started together with this one, as it says in its environment; nothing
/// where there are no others.
fn started_together() -> Option<usize> {
    let number = |name: &str| std::env::var(name).ok()?.parse().ok();
    let by_slurm = || {
        let [rank, count] = BY_SLURM;
        std::env::var_os(rank)?;
        number(count)
    };
    let count = COUNTS.into_iter().find_map(number).or_else(by_slurm);
    count.filter(|&count| count > 1)
}

/// A process of its own, also where a launcher has started the one that starts it.
pub fn by_itself(command: &mut Command) -> &mut Command {
    let variables = COUNTS.into_iter().chain(BY_SLURM);
    variables.fold(command, |command, name| command.env_remove(name))
}

#[cfg(feature = "mpi")]
mod mpi {
    //! With MPI.

    use std::cell::Cell;
    use std::process::{ExitCode, exit};
    use std::sync::Arc;

    use sae::train::{Communicator, Failure, Group};
    use sae::{Error, Experiment, World, assist, use_threads};

    use super::Ranks;
    use crate::error::{CliError, STOPPED};
    use crate::output;

    /// What rank 0 knows of the others.
    pub(super) struct Others {
        world: World,
        /// Processors of this rank.
        processors: usize,
        /// Whether the others have something to do.
        pub(super) begun: Cell<bool>,
    }

    impl Others {
        pub(super) fn communicator(&self) -> Arc<dyn Communicator> {
            self.world.communicator()
        }

        pub(super) fn threads(&self, experiment: &Experiment) -> usize {
            threads(experiment.threads, self.processors)
        }
    }

    fn threads(wanted: usize, processors: usize) -> usize {
        let available = std::thread::available_parallelism().map_or(1, usize::from);
        match wanted {
            0 => processors,
            wanted => wanted.min(available),
        }
    }

    pub(super) fn together(
        command: impl FnOnce(&Ranks) -> Result<ExitCode, CliError>,
        started: usize,
    ) -> Result<ExitCode, CliError> {
        let world = World::begin(|error| {
            output::error(format!(
                "{error}; nothing is lost but what came after the last checkpoint, from which `sae resume` goes on"
            ));
            exit(STOPPED.into());
        })?;
        if world.ranks() != started {
            return Err(CliError::input(format!(
                "{started} processes were started together, and this one finds {}; expected the launcher of \
                 the MPI with which the program was built",
                world.ranks()
            )));
        }
        if !world.ranks().is_power_of_two() {
            return match world.rank() {
                0 => Err(CliError::input(format!(
                    "the number of ranks is {}; expected a power of two up to distributed.shards",
                    world.ranks()
                ))),
                _ => Ok(ExitCode::SUCCESS),
            };
        }
        let processors = world.processors();
        match world.rank() {
            0 => lead(command, world, processors),
            _ => Ok(follow(world, processors)),
        }
    }

    fn lead(
        command: impl FnOnce(&Ranks) -> Result<ExitCode, CliError>,
        world: World,
        processors: usize,
    ) -> Result<ExitCode, CliError> {
        let begun = Cell::new(false);
        let others = Others {
            world,
            processors,
            begun,
        };
        let ranks = Ranks {
            others: Some(others),
        };
        let result = command(&ranks);
        let Some(Others { world, begun, .. }) = ranks.others else {
            return result;
        };
        match result {
            Ok(code) => {
                if !begun.get() {
                    // That there is nothing to do.
                    Group::new(world.communicator(), world.ranks())?.broadcast(vec![])?;
                }
                Ok(code)
            }
            Err(error) if is_agreed(&error) => Err(error),
            Err(error) => {
                output::error(&error);
                if !error.is_of_other_rank() {
                    world.communicator().fail(&failure(&error));
                }
                world.leave(error.code(), || {});
                Ok(error.exit_code())
            }
        }
    }

    /// Everything that is said is said by rank 0.
    fn follow(world: World, processors: usize) -> ExitCode {
        let communicator = world.communicator();
        let assisted = || -> Result<(), CliError> {
            let stop = crate::wish::from_signals(|_| {})?;
            let begin = |experiment: &Experiment| {
                let threads = threads(experiment.threads, processors);
                use_threads(threads).map(|()| threads)
            };
            Ok(assist(communicator.clone(), begin, &stop)?)
        };
        // The exit code is rank 0's: launchers mix those of all ranks, or end the others at the first that is not 0.
        match assisted() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) if is_agreed(&error) => ExitCode::SUCCESS,
            Err(error) => {
                if !error.is_of_other_rank() {
                    communicator.fail(&failure(&error));
                }
                let rank = world.rank();
                world.leave(error.code(), || {
                    output::error(format!("rank {rank}: {error}"));
                });
                ExitCode::SUCCESS
            }
        }
    }

    /// What the other ranks are told.
    fn failure(error: &CliError) -> Failure {
        Failure {
            code: error.code(),
            message: error.to_string(),
        }
    }

    /// Whether all ranks end by it at the same step.
    fn is_agreed(error: &CliError) -> bool {
        matches!(error, CliError::Work(Error::Stopped { .. }))
    }
}
