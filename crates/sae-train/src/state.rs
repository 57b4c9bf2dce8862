//! What a session works on, gives, and remembers: values with names.

use sae_data::Stream;
use sae_model::{Figures, Terms};
use serde::{Deserialize, Serialize};

use crate::executor::check_length;
use crate::search::LineSearch;
use crate::stop::{Stopped, Watch};
use crate::vectors::VectorMut;
use crate::{BatchSize, Data, ExecutorState, Group, Mean, OptimizerState, TrainError, Training};

/// No training counts further, and a count that is no larger can be counted on from.
const MOST_COUNT: u64 = 1 << 48;

/// A trained model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fitted {
    /// The parameters after the last epoch, or of the epoch with the lowest validation J where
    /// [`validation_patience`](crate::Training::validation_patience) is set; flat.
    pub parameters: Vec<f32>,
    /// Epochs that were run.
    pub epochs: usize,
    /// Why training ended.
    pub stopped: Stopped,
    /// J of the parameters on the validation samples, where that has chosen them.
    #[serde(default)]
    pub validation_objective: Option<f64>,
}

/// What is trained, on what, and in which order.
#[derive(Debug, Clone)]
pub struct Task<'a> {
    /// The name in errors, for example `autoencoder-1`.
    pub stage: String,
    /// Trained on.
    pub train: Data<'a>,
    /// Watched.
    pub validation: Option<Data<'a>>,
    /// Seed of the order of the samples.
    pub seed: u64,
    /// What the order is drawn for; each epoch has its own.
    pub order: Stream,
    /// Who trains: where there are several, each has its own part of the samples.
    pub group: Group,
}

impl<'a> Task<'a> {
    /// Training on `train` alone, in an order of seed 1.
    pub fn new(stage: &str, train: Data<'a>) -> Self {
        Self {
            stage: stage.to_owned(),
            train,
            validation: None,
            seed: 1,
            order: Stream::AutoencoderOrder(0),
            group: Group::default(),
        }
    }
}

/// All that training remembers. Taken out after any step and put back into a session of the same
/// task, settings and executor, in this process or another, it leads to the same bits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Epochs that have ended.
    pub epochs: usize,
    /// The epoch that has not.
    pub progress: Progress,
    /// Parameters, memory of the optimizer, estimate of ρ̂, running mean of the figures.
    pub executor: ExecutorState,
    /// Memory of L-BFGS or conjugate gradients.
    pub search: Option<LineSearch>,
    /// What the stop rules have seen, and the best model so far.
    pub watch: Watch,
    /// The terms of J when they were last seen, by which a divergence is told.
    pub terms: Option<Terms>,
    /// How often training went back to the start of an epoch and halved its learning rate.
    #[serde(default)]
    pub retreats: usize,
    /// The state at the start of the epoch under way, where training may go back to it.
    #[serde(default)]
    pub start: Option<Box<State>>,
    /// The estimate of ρ̂, where a group uses one; otherwise the executor remembers it.
    #[serde(default)]
    pub rho_hat: Option<Vec<f64>>,
}

impl State {
    /// The same, as of a training to which more epochs are given, perhaps on other samples: what stop rules
    /// have seen is forgotten, and so is what a line search knows of its objective, or another optimizer.
    #[must_use]
    pub fn with_more_to_come(mut self, training: &Training) -> Self {
        self.watch = Watch::default();
        self.search = LineSearch::new(training);
        if self.executor.method != training.optimizer {
            self.executor.method = training.optimizer;
            self.executor.optimizer = OptimizerState::default();
        }
        self
    }

    /// Checks that the state is one of such a session, of a model of so many `parameters` with epochs of up
    /// to `most` minibatches.
    pub(crate) fn check(
        &self,
        training: &Training,
        most: usize,
        parameters: usize,
    ) -> Result<(), TrainError> {
        let refuse = |what, found: String, expected: String| {
            Err(TrainError::State {
                what,
                found,
                expected,
            })
        };
        if let Some(start) = &self.start {
            start.check(training, most, parameters)?;
        }
        if self.search.is_some() != training.optimizer.searches_lines() {
            let found = if self.search.is_some() {
                "there"
            } else {
                "missing"
            };
            let expected = "that of the same optimizer".to_owned();
            return refuse("the line search's memory", found.to_owned(), expected);
        }
        if let Some(count) = self.counts().find(|&count| count > MOST_COUNT) {
            return refuse(
                "a count",
                count.to_string(),
                format!("at most {MOST_COUNT}"),
            );
        }
        let best = self.watch.best.as_ref().map(|best| best.parameters.len());
        let searched = self.search.iter().flat_map(LineSearch::lengths);
        for found in best.into_iter().chain(searched) {
            check_length("the model", found, parameters)?;
        }
        if self.epochs > training.epochs {
            let expected = format!("at most {}, the epochs of the settings", training.epochs);
            let what = "the number of epochs that were run";
            return refuse(what, self.epochs.to_string(), expected);
        }
        if let BatchSize::Rows(_) = training.batch {
            let steps = self.progress.steps;
            if steps > most {
                let expected = format!("at most {most}, of the same samples and batch");
                return refuse(
                    "the place in the epoch",
                    format!("after {steps} steps"),
                    expected,
                );
            }
        }
        Ok(())
    }

    /// All that is counted on from where it was.
    fn counts(&self) -> impl Iterator<Item = u64> {
        let own = [
            self.retreats,
            self.progress.steps,
            self.progress.clipped,
            self.progress.mean.rows,
            self.watch.still,
            self.watch.since_best,
            self.executor.mean.rows,
        ];
        let optimizer = self.executor.optimizer.counts.values().copied();
        own.into_iter().map(|count| count as u64).chain(optimizer)
    }

    /// Shows every vector that may be long to `visit`, with a name of its own. What takes them out and later
    /// puts them back can keep them apart from the rest.
    pub fn visit_vectors(&mut self, visit: &mut dyn FnMut(&str, VectorMut<'_>)) {
        self.executor.visit_vectors(visit);
        if let Some(search) = &mut self.search {
            search.visit_vectors(visit);
        }
        if let Some(best) = &mut self.watch.best {
            visit("best", VectorMut::Single(&mut best.parameters));
        }
        if let Some(start) = &mut self.start {
            let mut inner =
                |name: &str, vector: VectorMut<'_>| visit(&format!("start.{name}"), vector);
            start.visit_vectors(&mut inner);
        }
    }
}

/// What has been done of an epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Steps that were taken.
    pub steps: usize,
    /// Whether these are all.
    pub over: bool,
    /// Steps whose gradient was shortened.
    #[serde(default)]
    pub clipped: usize,
    /// J and its terms, with the full batch.
    pub figures: Option<Figures>,
    /// Their mean over the steps, where a group takes them; otherwise the executor remembers it.
    #[serde(default)]
    pub mean: Mean,
    /// ‖∇J‖ of the epoch's last step (see [`Epoch`](crate::Epoch)), where it was taken.
    pub gradient_norm: Option<f64>,
    /// False where a line search found no better point.
    pub moved: bool,
    /// Seconds of training.
    pub seconds: f64,
}

impl Default for Progress {
    /// Nothing yet.
    fn default() -> Self {
        Self {
            steps: 0,
            over: false,
            clipped: 0,
            figures: None,
            mean: Mean::default(),
            gradient_norm: None,
            moved: true,
            seconds: 0.0,
        }
    }
}
