//! When a run's state is saved, and which checkpoints are kept.

use std::time::{Duration, Instant};

use sae_stack::{Moment, Reached, Stage};

use super::facts::{BestCheckpoint, Checkpoint, Facts};
use super::identity::Identity;
use super::name::{Name, checkpoints, checkpoints_in};
use super::settings::Checkpoints;
use crate::clock::Clock;
use crate::{Error, RunFolder};

/// Saving takes one part in so many of the time at most, where time decides when it is done.
const SHARE: u32 = 100;

/// Saves the state of a run into its folder.
pub(crate) struct Keeper<'a> {
    folder: &'a RunFolder,
    settings: Checkpoints,
    identity: Identity,
    clock: &'a Clock,
    resumed: usize,
    /// The number of the last checkpoint.
    number: u64,
    best: Option<BestCheckpoint>,
    /// When time wants the next one.
    due: Option<Instant>,
    /// Since the last one.
    epochs: usize,
    steps: usize,
}

impl<'a> Keeper<'a> {
    /// Of a run of `identity`, which goes on from `before` or has just begun.
    pub(crate) fn new(
        folder: &'a RunFolder,
        settings: Checkpoints,
        identity: Identity,
        clock: &'a Clock,
        before: Option<&Facts>,
    ) -> Self {
        Self {
            folder,
            settings,
            identity,
            clock,
            resumed: before.map_or(0, |facts| facts.resumed.saturating_add(1)),
            number: before.map_or(0, |facts| facts.number),
            best: before.and_then(|facts| facts.best.clone()),
            due: settings.pause().map(|pause| Instant::now() + pause),
            epochs: 0,
            steps: 0,
        }
    }

    /// Removes checkpoints from which the run does not come: those after the one from which it goes on are damaged,
    /// or of stages that are trained anew. Of those that are left each comes from those before it.
    ///
    /// # Errors
    ///
    /// Fails where a file cannot be removed.
    pub(crate) fn remove_later(&self) -> Result<(), Error> {
        let names = checkpoints(&self.folder.names()?);
        for name in names.iter().filter(|name| name.number > self.number) {
            self.folder.remove(&name.to_string())?;
        }
        Ok(())
    }

    /// How often the run was stopped and gone on with.
    pub(crate) fn resumed(&self) -> usize {
        self.resumed
    }

    /// Takes notice of a moment, and whether a checkpoint is due.
    pub(crate) fn is_due(&mut self, moment: Moment) -> bool {
        let (steps, epochs) = match moment {
            Moment::StageEnd | Moment::Failure => return true,
            Moment::Epoch => (1, 1),
            Moment::Step => (1, 0),
        };
        (self.steps, self.epochs) = (self.steps + steps, self.epochs + epochs);
        let every = |count: usize, wanted: usize| wanted > 0 && count >= wanted;
        let by_time = |due: Instant| {
            let now = Instant::now();
            now >= due && (moment == Moment::Epoch || now >= due + self.patience())
        };
        every(self.steps, self.settings.steps)
            || every(self.epochs, self.settings.epochs)
            || self.due.is_some_and(by_time)
    }

    /// For how long a checkpoint waits for the end of the epoch.
    fn patience(&self) -> Duration {
        self.settings.pause().unwrap_or_default() / 10
    }

    /// Saves how far the run has come. `objective` is J of the epoch that has just ended, on the validation
    /// samples where there are any.
    ///
    /// # Errors
    ///
    /// Fails where the file cannot be written; earlier checkpoints then stay as they were.
    pub(crate) fn save(
        &mut self,
        (stage, moment): (Stage, Moment),
        reached: Reached,
        metrics: &[u8],
        objective: Option<f64>,
    ) -> Result<(), Error> {
        let start = Instant::now();
        let name = Name {
            number: self.number.saturating_add(1),
            stage,
            is_end: moment == Moment::StageEnd,
        };
        let whole_epochs = matches!(moment, Moment::Epoch | Moment::StageEnd);
        let best = match objective.filter(|_| whole_epochs) {
            Some(objective) => Some(self.best_with(name, objective)),
            None => self.best.clone(),
        };
        let checkpoint = Checkpoint {
            facts: Facts {
                number: name.number,
                stage,
                moment,
                identity: self.identity.clone(),
                times: self.clock.times(),
                resumed: self.resumed,
                best: best.clone(),
            },
            reached,
            metrics: metrics.to_vec(),
        };
        let bytes = checkpoint.into_bytes()?;
        self.folder.write_durably(&name.to_string(), &bytes)?;
        (self.number, self.best) = (name.number, best);
        (self.steps, self.epochs) = (0, 0);
        self.sweep(name)?;
        let pause = self.settings.pause();
        self.due = pause.map(|pause| Instant::now() + pause.max(SHARE * start.elapsed()));
        Ok(())
    }

    /// The best checkpoint of the stage, if this one has `objective`.
    fn best_with(&self, name: Name, objective: f64) -> BestCheckpoint {
        match &self.best {
            Some(best) if best.stage == name.stage && best.objective <= objective => best.clone(),
            _ => BestCheckpoint {
                name: name.to_string(),
                stage: name.stage,
                objective,
            },
        }
    }

    /// Removes what need not be kept, now that there is a new one.
    fn sweep(&self, new: Name) -> Result<(), Error> {
        let mut ordinary = 0;
        for name in checkpoints_in(self.folder)? {
            let is_best = |best: &BestCheckpoint| best.name == name.to_string();
            let kept = match name.is_end {
                true => name.stage != new.stage || name.number >= new.number || !new.is_end,
                false => {
                    ordinary += 1;
                    ordinary <= self.settings.keep || self.best.as_ref().is_some_and(is_best)
                }
            };
            if !kept {
                self.folder.discard(&name.to_string())?;
            }
        }
        Ok(())
    }

    /// Removes what a finished run need not keep.
    ///
    /// # Errors
    ///
    /// Fails where a file cannot be removed.
    pub(crate) fn finish(&self) -> Result<(), Error> {
        for name in checkpoints(&self.folder.names()?) {
            let file = name.to_string();
            let kept = name.is_end && self.settings.ends && self.folder.has(&file);
            if !kept {
                self.folder.remove(&file)?;
            }
        }
        Ok(())
    }
}
