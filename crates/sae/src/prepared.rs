//! An experiment with its data, ready to run, and what it leads to.

use std::time::Instant;

use crate::clock::{Clock, Times};
use crate::facts::check_width;
use crate::reach::Targets;
use crate::summary::{self, Outcome, RunSummary};
use crate::{Backend, DataFacts, Error, Experiment, Model, Reading, Specimens, Stop, self_test};
use sae_data::{Inputs, Samples, Scaling, SplitData, memory};
use sae_model::{DeepNetwork, SparseAutoencoder};
use sae_stack::{
    EpochMetrics, Finished, Moment, Observer, Reached, ReachedNow, StackData, StackSettings, Stage,
    WeightsNow, continue_stack,
};
use sae_train::{
    BatchSize, Choice, Compute, ExecutorKind, Group, Optimizer, Retreat, TrainError, Training,
};

/// An experiment whose data are loaded and scaled and whose device is open.
pub struct Prepared {
    /// The experiment.
    pub experiment: Experiment,
    /// The samples, scaled.
    pub data: SplitData,
    /// What the samples were.
    pub facts: DataFacts,
    /// The scaling, where there is one.
    pub scaling: Option<Scaling>,
    /// Test samples as they are before scaling, on which the models are looked at.
    pub specimens: Specimens,
    /// Some training samples as they are before scaling, whose scores the model learns.
    scored: Samples,
    /// The settings of the pipeline.
    pub settings: StackSettings,
    /// With what it computes.
    pub compute: Compute,
    /// Which executor runs, and why not a faster one.
    pub choice: Choice,
    /// By which others end the run before its time.
    pub stop: Stop,
    started: Instant,
}

impl Experiment {
    /// Loads the data, opens the device and draws up the pipeline.
    ///
    /// # Errors
    ///
    /// As [`Experiment::check`]; refuses data that are missing, damaged or do not fit.
    pub fn prepare(&self) -> Result<Prepared, Error> {
        let started = Instant::now();
        self.check()?;
        let data = self.data.load(self.seed, self.classifier);
        let data = data.map_err(|error| Error::in_table("data", error))?;
        Prepared::since(started, self, data)
    }

    /// Runs the whole experiment; `observer` sees every epoch and every finished stage, and may be
    /// `&mut ()`. Nothing is written.
    ///
    /// # Errors
    ///
    /// As [`Experiment::prepare`]; stops when an objective is no longer finite or the observer
    /// fails.
    pub fn run(&self, observer: &mut dyn Observer) -> Result<Outcome, Error> {
        self.prepare()?.run(observer)
    }
}

/// Most training samples whose scores a model learns.
const SCORED: usize = 4000;

impl Prepared {
    /// An experiment on given data.
    ///
    /// # Errors
    ///
    /// Refuses data that do not fit the settings, and models for which the memory does not suffice.
    pub fn new(experiment: &Experiment, data: SplitData) -> Result<Self, Error> {
        Self::since(Instant::now(), experiment, data)
    }

    /// As [`Prepared::new`], of a run that has begun to load its data at `started`.
    pub(crate) fn since(
        started: Instant,
        experiment: &Experiment,
        data: SplitData,
    ) -> Result<Self, Error> {
        experiment.check()?;
        let scaling = experiment.data.fit_scaling(&data.train);
        let scaling = scaling.map_err(|error| Error::in_table("data", error))?;
        Self::scaled(started, experiment, data, scaling)
    }

    /// An experiment on given data whose models were trained before, so that `scaling` is fitted.
    ///
    /// # Errors
    ///
    /// As [`Prepared::new`]; refuses a scaling of other data.
    pub fn scaled_by(
        experiment: &Experiment,
        data: SplitData,
        scaling: Option<Scaling>,
    ) -> Result<Self, Error> {
        experiment.check()?;
        if let Some(scaling) = &scaling {
            check_width("the samples", data.train.samples.width(), scaling.inputs())?;
        }
        Self::scaled(Instant::now(), experiment, data, scaling)
    }

    fn scaled(
        started: Instant,
        experiment: &Experiment,
        data: SplitData,
        scaling: Option<Scaling>,
    ) -> Result<Self, Error> {
        let specimens = Specimens::of(&data.test, experiment)?;
        let step = data.train.rows().div_ceil(SCORED).max(1);
        let some: Vec<usize> = (0..data.train.rows()).step_by(step).collect();
        let scored = data.train.samples.gather(&some)?;
        let facts = DataFacts {
            reading: Reading::from(&experiment.data),
            ..DataFacts::of(&data)
        };
        let data = match &scaling {
            Some(scaling) => data.scaled(scaling),
            None => data,
        };
        check_memory(experiment, data.train.samples.width())?;
        experiment.distributed.check_rows(data.train.rows())?;
        let settings = experiment.settings(data.train.rows())?;
        check_room(&settings, &data.train.samples)?;
        check_values(experiment, &data)?;
        let compute = experiment.compute()?;
        self_test::run(experiment.backend, &settings, &data.train, &compute)?;
        Ok(Self {
            choice: compute.choose()?,
            experiment: experiment.clone(),
            data,
            facts,
            scaling,
            specimens,
            scored,
            settings,
            compute,
            stop: Stop::default(),
            started,
        })
    }

    /// Runs the pipeline.
    ///
    /// # Errors
    ///
    /// Stops when an objective is no longer finite or the observer fails.
    pub fn run(&self, observer: &mut dyn Observer) -> Result<Outcome, Error> {
        self.run_on(Reached::default(), observer)
    }

    /// Runs the rest of a pipeline that had come as far as `reached`.
    ///
    /// # Errors
    ///
    /// As [`Prepared::run`]; refuses what was reached with other settings.
    pub fn run_on(&self, reached: Reached, observer: &mut dyn Observer) -> Result<Outcome, Error> {
        self.run_from(reached, &self.clock(Times::default()), 0, observer)
    }

    /// The models of a pipeline that has come as far as `reached`; nothing before the first step.
    ///
    /// # Errors
    ///
    /// Refuses what was reached with other settings.
    pub fn model_so_far(&self, reached: &Reached) -> Result<Option<Model>, Error> {
        let sizes = (self.data.train.samples.width(), self.facts.classes.len());
        let device = &self.compute.device;
        let so_far = self.settings.so_far(reached, sizes, device)?;
        match so_far.autoencoders.is_empty() {
            true => Ok(None),
            false => self.model(so_far.autoencoders, so_far.network).map(Some),
        }
    }

    /// A model of trained parts.
    fn model(
        &self,
        autoencoders: Vec<SparseAutoencoder>,
        network: Option<DeepNetwork>,
    ) -> Result<Model, Error> {
        let (facts, scaling) = (self.facts.clone(), self.scaling.clone());
        let model = Model::new(facts, scaling, autoencoders, network)?;
        // A model works on the CPU, wherever it was trained.
        let mut model = match self.experiment.backend {
            Backend::Flex => model,
            Backend::Ndarray | Backend::Wgpu | Backend::Cuda => {
                Model::from_bytes(&model.to_bytes()?)?
            }
        };
        model.learn_scores(&self.scored)?;
        Ok(model)
    }

    /// The clock of a run that had taken some time before.
    pub(crate) fn clock(&self, before: Times) -> Clock {
        Clock::since(self.started, before)
    }

    /// Who computes together, with the wish of this process to stop.
    pub(crate) fn group(&self) -> Group {
        let group = self.compute.group.clone();
        group.stopped_by(self.stop.wished())
    }

    /// Runs what is left of a pipeline that had come as far as `reached`; `resumed` says how often the run
    /// was gone on with.
    pub(crate) fn run_from(
        &self,
        reached: Reached,
        clock: &Clock,
        resumed: usize,
        observer: &mut dyn Observer,
    ) -> Result<Outcome, Error> {
        let part = match self.compute.group.ranks() {
            1 => None,
            _ => Some(self.share_out(&reached)?),
        };
        let samples = match &part {
            Some(part) => part.samples(),
            None => {
                let validation = self.data.validation.as_ref();
                StackData::new(&self.data.train, validation, &self.data.test)
            }
        };
        let mut timed = Timed { observer, clock };
        let compute = Compute {
            group: self.group(),
            ..self.compute.clone()
        };
        let trained = continue_stack(&self.settings, samples, &compute, reached, &mut timed)?;
        let times = clock.times();
        let summary = RunSummary {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            backend: self.experiment.backend,
            gradient: self.experiment.gradient,
            choice: self.choice.clone(),
            instruction_set: (self.choice.executor == ExecutorKind::Fused)
                .then(|| self.experiment.computes_with()),
            threads: self.compute.threads,
            ranks: self.compute.group.ranks(),
            machine: summary::machine(),
            seed: self.experiment.seed,
            objective_convention: "mean".to_owned(),
            seconds: times.seconds,
            stages: times.stages,
            resumed,
            results: trained.summary,
        };
        let model = self.model(trained.autoencoders, trained.network)?;
        Ok(Outcome { model, summary })
    }
}

/// Notes how long each stage takes, and tells somebody else.
struct Timed<'a> {
    observer: &'a mut dyn Observer,
    clock: &'a Clock,
}

impl Observer for Timed<'_> {
    fn started(&mut self, stage: Stage, training: &Training, epochs: usize) {
        self.clock.begin();
        self.observer.started(stage, training, epochs);
    }

    fn restored(&mut self, stage: Stage) {
        self.observer.restored(stage);
    }

    fn epoch(&mut self, stage: Stage, metrics: &EpochMetrics) -> Result<(), TrainError> {
        self.observer.epoch(stage, metrics)
    }

    fn retreated(&mut self, stage: Stage, retreat: &Retreat) -> Result<(), TrainError> {
        self.observer.retreated(stage, retreat)
    }

    fn reached(
        &mut self,
        stage: Stage,
        moment: Moment,
        reached: ReachedNow<'_>,
    ) -> Result<(), TrainError> {
        self.observer.reached(stage, moment, reached)
    }

    fn in_training(&mut self, stage: Stage, weights: WeightsNow<'_>) -> Result<(), TrainError> {
        self.observer.in_training(stage, weights)
    }

    fn finished(&mut self, stage: Stage, finished: Finished<'_>) -> Result<(), TrainError> {
        self.clock.end(stage);
        self.observer.finished(stage, finished)
    }
}

/// What training keeps of each parameter: it, its gradient and an optimizer's two moments in `f32`; of
/// L-BFGS two vectors of `f32` per step that it remembers, and of either line search the points that it
/// has looked at, in `f64`. What may retreat keeps it all once more.
fn bytes_per_parameter(training: &Training) -> u128 {
    const MOMENTS: u128 = 4 * 4;
    const POINTS: u128 = 25 * 2 * 8;
    if training.retreats > 0 {
        return 2 * MOMENTS;
    }
    match training.optimizer {
        Optimizer::Lbfgs => MOMENTS + POINTS + 2 * 4 * training.history as u128,
        Optimizer::Cg => MOMENTS + POINTS,
        _ => MOMENTS,
    }
}

fn check_memory(experiment: &Experiment, inputs: usize) -> Result<(), Error> {
    let mut below = inputs;
    for (index, layer) in experiment.layers.iter().enumerate() {
        let parameters = 2 * below as u128 * layer.hidden as u128;
        let what = format!("autoencoders of {below} inputs and {} units", layer.hidden);
        let training = layer.pretrain.as_ref().unwrap_or(&experiment.pretrain);
        let bytes = parameters * bytes_per_parameter(training);
        memory::check("hidden", layer.hidden, what, bytes)
            .map_err(|setting| setting.within(&format!("layers[{index}]")))?;
        below = layer.hidden;
    }
    Ok(())
}

/// Refuses batches for which `data.memory_limit` leaves no room, before hours of training on the others.
fn check_room(settings: &StackSettings, train: &Inputs<'_>) -> Result<(), Error> {
    let Inputs::Stored(stored) = train else {
        return Ok(());
    };
    let of_classifier = settings.classifier.iter().map(|c| &c.finetune);
    let first = settings.layers.iter().map(|layer| &layer.training).take(1);
    for training in first.chain(of_classifier) {
        if let BatchSize::Rows(rows) = training.batch {
            let checked = stored.check_batch(rows);
            checked.map_err(|setting| setting.within("data"))?;
        }
    }
    Ok(())
}

/// Refuses samples that the first decoder cannot give. Those that are not in memory are all read once,
/// so that a damaged one is met before training.
fn check_values(experiment: &Experiment, data: &SplitData) -> Result<(), Error> {
    let others = [data.validation.as_ref(), Some(&data.test)];
    for set in others.into_iter().flatten() {
        if let Inputs::Stored(_) = set.samples {
            set.samples.range()?;
        }
    }
    // Bytes are never damaged, and a scaling that bounds inputs has read them all to be fitted.
    if experiment.data.source.format().is_none() || experiment.data.scaling.bounds() {
        return Ok(());
    }
    let targets = Targets::samples(&data.train.samples)?;
    let checked = targets.check(&experiment.layers[0]);
    Ok(checked.map_err(|setting| setting.within("layers[0]"))?)
}
