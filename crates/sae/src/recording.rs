//! A run folder, written while an experiment runs.

use sae_model::SparseAutoencoder;
use sae_report::{Picture, TileScale};
use sae_stack::{
    EpochMetrics, Finished, Moment, Observer, Reached, ReachedNow, Stage, WeightsNow, weights_of,
};
use sae_train::{Group, Retreat, TrainError, Training};
use serde::Serialize;

use crate::checkpoint::{Change, Checkpoint, Identity, Keeper, Resumption};
use crate::clock::Times;
use crate::folder::RunFolder;
use crate::live::{LIVE, Snapshots};
use crate::lost::unless_lost;
use crate::run::{CONFIG, DATA, METRICS, MODEL, SCALING, SUMMARY, metrics_of, weights_name};
use crate::tensorboard::{self, EVENTS};
use crate::{
    DataFacts, Error, Evidence, Experiment, FeatureOptions, Model, Outcome, Prepared, Stop,
};

fn write_json(folder: &RunFolder, name: &str, value: &impl Serialize) -> Result<(), Error> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Error::Input(format!("{name} cannot be written: {error}")))?;
    Ok(folder.write(name, format!("{text}\n").as_bytes())?)
}

impl Prepared {
    /// Runs the pipeline and writes everything that a run leaves behind into `folder`; `observer`
    /// is told as by [`Prepared::run`]. Weights and metrics are written as soon as their stage or
    /// epoch has ended.
    ///
    /// # Errors
    ///
    /// As [`Prepared::run`]; fails where a file cannot be written.
    pub fn run_into(
        &self,
        folder: RunFolder,
        observer: &mut dyn Observer,
    ) -> Result<(Outcome, RunFolder), Error> {
        let beginning = Resumption::beginning(Identity::of(self)?);
        self.continue_into(folder, beginning, observer)
    }

    /// From where a run in `folder` goes on: its newest checkpoint, or its beginning where it left none.
    /// `accept` says which differences from the run as it was begun are allowed.
    ///
    /// # Errors
    ///
    /// Refuses a run that is no longer what it was, and one none of whose checkpoints is whole.
    pub fn resumption(&self, folder: &RunFolder, accept: &[Change]) -> Result<Resumption, Error> {
        Resumption::find(folder, Identity::of(self)?, accept)
    }

    /// As [`Prepared::run_into`], from where an earlier process left the run. What comes out is the same to the last bit as for a run that nobody disturbed.
    ///
    /// # Errors
    ///
    /// As [`Prepared::run_into`]; refuses a checkpoint of other settings.
    pub fn continue_into(
        &self,
        folder: RunFolder,
        from: Resumption,
        observer: &mut dyn Observer,
    ) -> Result<(Outcome, RunFolder), Error> {
        let config = self.experiment.resolved()?.to_toml()?;
        folder.begin_again()?;
        folder.write(CONFIG, config.as_bytes())?;
        write_json(&folder, DATA, &self.facts)?;
        let (identity, checkpoint) = from.into_parts();
        let (facts, reached, lines) = match checkpoint {
            Some(Checkpoint {
                facts,
                reached,
                metrics,
            }) => (Some(facts), reached, metrics),
            None => (None, Reached::default(), vec![]),
        };
        let metrics = restored_metrics(&folder, &lines)?;
        let is_logged = self.experiment.tensorboard;
        if is_logged {
            let mut events = tensorboard::start(tensorboard::now(), &config)?;
            for epoch in &metrics {
                events.extend(tensorboard::of_epoch(tensorboard::now(), epoch)?);
            }
            folder.write(EVENTS, &events)?;
        }
        if let Some(scaling) = &self.scaling {
            folder.write(&weights_name(SCALING), &scaling.to_tensors().to_bytes())?;
        }
        let times = facts
            .as_ref()
            .map_or_else(Times::default, |facts| facts.times.clone());
        let clock = self.clock(times);
        let settings = self.experiment.checkpoints;
        let keeper = Keeper::new(&folder, settings, identity, &clock, facts.as_ref());
        keeper.remove_later()?;
        let resumed = keeper.resumed();
        let mut recording = Recording {
            group: self.group(),
            folder: &folder,
            observer,
            is_logged,
            metrics,
            lines,
            snapshots: Snapshots::new(),
            keeper,
            stop: &self.stop,
        };
        let outcome = unless_lost(self.experiment.backend, folder.path(), || {
            let outcome = self.run_from(reached, &clock, resumed, &mut recording);
            outcome.map_err(|error| error.in_run(folder.path()))
        })?;
        let Recording {
            metrics, keeper, ..
        } = recording;
        self.stop.set_training(false);
        folder.remove(LIVE)?;
        let tiles =
            outcome
                .model
                .features(&FeatureOptions::default(), None, self.experiment.seed)?;
        let tiles = tiles.draw(&self.facts, TileScale::Each)?;
        folder.write(&format!("features.{}", tiles.extension()), tiles.bytes())?;
        if let (true, Picture::Png(tiles)) = (is_logged, &tiles) {
            let epochs = outcome.summary.results.layers[0].epochs;
            let event = tensorboard::of_tiles(tensorboard::now(), epochs, tiles)?;
            folder.append(EVENTS, &event)?;
        }
        folder.write(MODEL, &outcome.model.to_bytes()?)?;
        write_json(&folder, SUMMARY, &outcome.summary)?;
        if self.experiment.report {
            let evidence = Evidence {
                name: folder.name(),
                experiment: self.experiment.clone(),
                config,
                model: outcome.model.clone(),
                summary: Some(outcome.summary.clone()),
                metrics,
                specimens: Ok(self.specimens.clone()),
            };
            folder.write_report(&evidence.report()?, false)?;
        }
        keeper.finish()?;
        Ok((outcome, folder.complete()?))
    }
}

/// Writes metrics and weights while a stack is trained, and tells somebody else.
struct Recording<'a> {
    group: Group,
    folder: &'a RunFolder,
    observer: &'a mut dyn Observer,
    /// Whether TensorBoard is told, too.
    is_logged: bool,
    metrics: Vec<EpochMetrics>,
    /// The same as they are in the file.
    lines: Vec<u8>,
    snapshots: Snapshots,
    keeper: Keeper<'a>,
    stop: &'a Stop,
}

impl Recording<'_> {
    /// The last epoch of a stage, where it is the one under way and has ended one.
    fn last_epoch(&self, stage: Stage) -> Option<&EpochMetrics> {
        let last = self.metrics.last();
        last.filter(|last| last.stage == stage.to_string())
    }

    /// J of that epoch, on the validation samples where there are any.
    fn objective(&self, stage: Stage) -> Option<f64> {
        let last = self.last_epoch(stage)?;
        Some(last.validation_objective.unwrap_or(last.objective))
    }

    fn stopped(&self, stage: Stage) -> Error {
        Error::Stopped {
            run: self.folder.path().to_owned(),
            stage,
            epochs: self.last_epoch(stage).map_or(0, |last| last.epoch),
        }
    }
}

impl Observer for Recording<'_> {
    fn started(&mut self, stage: Stage, training: &Training, epochs: usize) {
        self.stop.set_training(true);
        self.observer.started(stage, training, epochs);
    }

    fn restored(&mut self, stage: Stage) {
        self.observer.restored(stage);
    }

    fn epoch(&mut self, stage: Stage, metrics: &EpochMetrics) -> Result<(), TrainError> {
        let line = serde_json::to_string(metrics)
            .map_err(|error| Error::Input(format!("metrics cannot be written: {error}")))?;
        let line = format!("{line}\n");
        let appended = self.folder.append(METRICS, line.as_bytes());
        appended.map_err(Error::from)?;
        if self.is_logged {
            let event = tensorboard::of_epoch(tensorboard::now(), metrics)?;
            self.folder.append(EVENTS, &event).map_err(Error::from)?;
        }
        self.metrics.push(metrics.clone());
        self.lines.extend(line.as_bytes());
        self.observer.epoch(stage, metrics)
    }

    fn retreated(&mut self, stage: Stage, retreat: &Retreat) -> Result<(), TrainError> {
        self.observer.retreated(stage, retreat)
    }

    fn in_training(&mut self, stage: Stage, weights: WeightsNow<'_>) -> Result<(), TrainError> {
        self.snapshots.offer(self.folder, stage, weights)?;
        self.observer.in_training(stage, weights)
    }

    fn reached(
        &mut self,
        stage: Stage,
        moment: Moment,
        reached: ReachedNow<'_>,
    ) -> Result<(), TrainError> {
        let is_stopped = self.group.stops();
        if self.keeper.is_due(moment) || is_stopped {
            let objective = self.objective(stage);
            self.keeper
                .save((stage, moment), reached()?, &self.lines, objective)?;
        }
        // Ranks only stop together: with others, a wish is met at the next stage's first step.
        let is_alone = self.group.ranks() == 1;
        if moment == Moment::StageEnd && is_alone {
            self.stop.set_training(false);
        }
        // A wish that came while the end of a stage was saved is met here: nobody else will.
        let is_wished = moment == Moment::StageEnd && self.group.stops();
        match is_stopped || is_wished {
            true => Err(self.stopped(stage).into()),
            false => self.observer.reached(stage, moment, reached),
        }
    }

    fn finished(&mut self, stage: Stage, finished: Finished<'_>) -> Result<(), TrainError> {
        let weights = match finished {
            Finished::Autoencoder { model, .. } => weights_of(model),
            Finished::Network(network, _) => weights_of(network),
        };
        self.folder
            .write(&weights_name(&stage.to_string()), &weights.to_bytes())
            .map_err(Error::from)?;
        self.observer.finished(stage, finished)
    }
}

/// Puts the metrics of the epochs that need not be run again into the folder, and reads them.
fn restored_metrics(folder: &RunFolder, lines: &[u8]) -> Result<Vec<EpochMetrics>, Error> {
    match lines.is_empty() {
        true => folder.remove(METRICS)?,
        false => folder.write(METRICS, lines)?,
    }
    metrics_of(
        &String::from_utf8_lossy(lines),
        &"the metrics of the checkpoint",
    )
}

/// Makes a run folder of one autoencoder that was trained elsewhere.
///
/// # Errors
///
/// Refuses parts that do not fit together; fails where a file cannot be written.
pub fn import(
    folder: RunFolder,
    experiment: &Experiment,
    facts: &DataFacts,
    autoencoder: &SparseAutoencoder,
) -> Result<RunFolder, Error> {
    folder.write(CONFIG, experiment.to_toml()?.as_bytes())?;
    write_json(&folder, DATA, facts)?;
    let stage = Stage::Autoencoder(1).to_string();
    let weights = weights_of(autoencoder);
    folder.write(&weights_name(&stage), &weights.to_bytes())?;
    let model = Model::new(facts.clone(), None, vec![autoencoder.clone()], None)?;
    folder.write(MODEL, &model.to_bytes()?)?;
    Ok(folder.complete()?)
}
