//! One model, trained by several processes: `[distributed]`.
//!
//! Rank 0 is a run as any other: it loads and looks at all samples, claims the run folder, writes and speaks. When
//! training begins it tells the other ranks the rest by an [`Invitation`]; each of them reads its own samples
//! and goes through the same pipeline, in which all sums are the group's.

mod invitation;
#[cfg(feature = "mpi")]
mod mpi;
mod part;
mod settings;

use std::path::PathBuf;
use std::sync::Arc;

use sae_stack::{Moment, Observer, Reached, ReachedNow, Stage, continue_stack};
use sae_train::{Communicator, Compute, Group, TrainError};

use self::invitation::Invitation;
#[cfg(feature = "mpi")]
pub use self::mpi::World;
pub(crate) use self::part::Part;
pub use self::settings::Distributed;
use crate::{Error, Experiment, Prepared, Stop, self_test};

impl Prepared {
    /// Lets the other ranks begin, and keeps the samples of this one.
    pub(crate) fn share_out(&self, reached: &Reached) -> Result<Part, Error> {
        let group = &self.compute.group;
        let invitation = Invitation::of(self, reached)?;
        group.broadcast(invitation.clone().into_bytes()?)?;
        let part = Part::of(&self.data, group, &invitation)?;
        begin(group, &self.experiment)?;
        Ok(part)
    }
}

/// Waits until all ranks have their samples.
fn begin(group: &Group, experiment: &Experiment) -> Result<(), Error> {
    group.agree(0)?;
    group.be_patient_for(experiment.distributed.timeout());
    Ok(())
}

/// Trains as one of the ranks but the first, until the pipeline ends or rank 0 has nothing to do. Nothing is
/// written. `threads` is told what is going to be trained, and says with how many threads.
///
/// # Errors
///
/// Refuses samples that are not those of rank 0; fails where rank 0 or `threads` does, and where the run is
/// stopped.
pub fn assist(
    communicator: Arc<dyn Communicator>,
    threads: impl FnOnce(&Experiment) -> Result<usize, Error>,
    stop: &Stop,
) -> Result<(), Error> {
    let ranks = communicator.ranks();
    let bytes = Group::new(communicator.clone(), ranks)?.broadcast(vec![])?;
    if bytes.is_empty() {
        return Ok(());
    }
    let mut invitation = Invitation::from_bytes(&bytes)?;
    let experiment = invitation.experiment()?;
    let group = Group::new(communicator, experiment.distributed.shards)?;
    let group = group.stopped_by(stop.wished());
    invitation.check_machine(&experiment)?;
    let threads = threads(&experiment)?;
    let data = invitation.load(&experiment)?;
    invitation.check_samples(&data.train, &group)?;
    let part = Part::of(&data, &group, &invitation)?;
    drop(data);
    let settings = experiment.settings(invitation.facts.train)?;
    let compute = Compute {
        threads,
        ..experiment.compute_among(group.clone())?
    };
    self_test::run(experiment.backend, &settings, &part.data.train, &compute)?;
    begin(&group, &experiment)?;
    let reached = std::mem::take(&mut invitation.reached);
    let mut follower = Follower { group: &group };
    stop.set_training(true);
    continue_stack(&settings, part.samples(), &compute, reached, &mut follower)?;
    stop.set_training(false);
    Ok(())
}

/// Stops when all ranks do.
struct Follower<'a> {
    group: &'a Group,
}

impl Observer for Follower<'_> {
    fn reached(&mut self, stage: Stage, _: Moment, _: ReachedNow<'_>) -> Result<(), TrainError> {
        match self.group.stops() {
            true => Err(Error::Stopped {
                run: PathBuf::new(),
                stage,
                epochs: 0,
            }
            .into()),
            false => Ok(()),
        }
    }
}
