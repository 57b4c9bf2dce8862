//! How far a sweep has come: what each run led to, and what there is left to do.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use sae_stack::EpochMetrics;
use serde::{Deserialize, Serialize};

use super::config::Metric;
use super::plan::{Plan, PlannedRun};
use crate::folder::{read_bounded, write_file};
use crate::{Error, Run, RunSummary};

/// No result is larger.
const MOST_BYTES: u64 = 1 << 20;

/// A sweep in its folder.
#[derive(Debug)]
pub struct Sweep {
    folder: PathBuf,
    plan: Plan,
}

/// What a run led to in a round.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunEnd {
    /// It finished.
    Finished {
        /// Its metric.
        value: f64,
        /// Seconds that it took, over all processes.
        seconds: f64,
    },
    /// It cannot be finished, for example because it diverges.
    Failed {
        /// Why.
        problem: String,
    },
}

/// Which of the runs a worker takes: those whose place in the plan leaves `index` when it is divided by `count`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// From 0, below `count`.
    pub index: usize,
    /// At least 1.
    pub count: usize,
}

impl Shard {
    /// Whether it takes the run at a place in the plan.
    fn has(self, place: usize) -> bool {
        place % self.count == self.index
    }
}

/// A run that is to be run in a round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Which.
    pub run: PlannedRun,
    /// From 0.
    pub round: usize,
}

/// What there is left to do.
#[derive(Debug, Clone, PartialEq)]
pub struct Todo {
    /// The round under way, from 0.
    pub round: usize,
    /// Its runs of this shard that have not ended, in the order of the plan.
    pub jobs: Vec<Job>,
    /// Number of its runs of other shards that have not ended.
    pub elsewhere: usize,
    /// Number of runs of this shard that have failed, in it or in the rounds before.
    pub failed: usize,
    /// Whether it is the last round.
    pub is_last: bool,
}

impl Sweep {
    /// The sweep in a folder.
    ///
    /// # Errors
    ///
    /// As [`Plan::read`].
    pub fn open(folder: &Path) -> Result<Self, Error> {
        Ok(Self {
            folder: folder.to_owned(),
            plan: Plan::read(folder)?,
        })
    }

    /// Its plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Where the run folder of a run is, or will be.
    pub fn run_folder(&self, run: &PlannedRun) -> PathBuf {
        self.folder.join("runs").join(&run.name)
    }

    /// Where what a run says is kept.
    pub fn log(&self, run: &PlannedRun) -> PathBuf {
        self.folder.join("logs").join(format!("{}.log", run.name))
    }

    /// The same while it runs, of this worker alone: that of another may still be ending.
    pub fn log_under_way(&self, run: &PlannedRun) -> PathBuf {
        let worker = std::process::id();
        self.folder
            .join("logs")
            .join(format!("{}.{worker}.log", run.name))
    }

    /// The arguments of `sae` that do a job, or what is left of it.
    pub fn arguments(&self, job: &Job) -> Vec<String> {
        let shown = |path: PathBuf| path.to_string_lossy().into_owned();
        let config = self
            .folder
            .join("configs")
            .join(format!("{}.toml", job.run.name));
        let out = self.run_folder(&job.run);
        let mut all = vec!["train".to_owned(), shown(config), "--resume".to_owned()];
        all.extend(["--quiet".to_owned(), "--out".to_owned(), shown(out)]);
        if let Some(halving) = &self.plan.halving {
            let epochs = halving.epochs_of(job.round);
            all.extend(["--set".to_owned(), format!("{}={epochs}", halving.epochs)]);
        }
        all
    }

    /// What a run led to in a round; nothing while it has not ended.
    ///
    /// # Errors
    ///
    /// Refuses a file of results that cannot be understood.
    pub fn end(&self, run: &PlannedRun, round: usize) -> Result<Option<RunEnd>, Error> {
        let path = self.result(run, round);
        let bytes = match read_bounded(&path, MOST_BYTES) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(Error::Read { path, source }),
        };
        let end = serde_json::from_slice(&bytes);
        end.map(Some)
            .map_err(|error| Error::Input(format!("{}: {error}", path.display())))
    }

    /// Notes what a job led to: its run has finished, or failed with a problem.
    ///
    /// # Errors
    ///
    /// Refuses a run that has finished and lacks the metric; fails where nothing can be written.
    pub fn conclude(&self, job: &Job, failed: Option<String>) -> Result<RunEnd, Error> {
        let end = match failed {
            Some(problem) => RunEnd::Failed { problem },
            None => {
                let run = Run::open(self.run_folder(&job.run))?;
                let summary = run.summary()?;
                RunEnd::Finished {
                    value: self.plan.metric.of(&run, &summary)?,
                    seconds: summary.seconds,
                }
            }
        };
        let path = self.result(&job.run, job.round);
        let folder = path.parent().unwrap_or(Path::new(""));
        fs::create_dir_all(folder).map_err(|e| sae_data::WriteError::new(folder, e))?;
        let text = serde_json::to_string(&end)
            .map_err(|error| Error::Input(format!("the result cannot be written: {error}")))?;
        write_file(&path, format!("{text}\n").as_bytes())?;
        Ok(end)
    }

    /// Forgets which runs of a shard failed, so that they are tried again.
    ///
    /// # Errors
    ///
    /// Fails where a file cannot be removed.
    pub fn forget_failures(&self, shard: Shard) -> Result<(), Error> {
        let runs = self.plan.runs.iter().enumerate();
        for (_, run) in runs.filter(|(place, _)| shard.has(*place)) {
            for round in 0..self.rounds() {
                if let Some(RunEnd::Failed { .. }) = self.end(run, round)? {
                    self.forget(&self.result(run, round))?;
                }
            }
        }
        Ok(())
    }

    /// Removes a result, which another worker may have removed.
    fn forget(&self, path: &Path) -> Result<(), Error> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(sae_data::WriteError::new(path, error).into())
            }
            _ => Ok(()),
        }
    }

    fn result(&self, run: &PlannedRun, round: usize) -> PathBuf {
        self.folder
            .join("results")
            .join(format!("{}-r{round}.json", run.name))
    }

    fn rounds(&self) -> usize {
        self.plan
            .halving
            .as_ref()
            .map_or(1, |halving| halving.rounds)
    }

    /// What is left to do for a worker.
    ///
    /// # Errors
    ///
    /// As [`Sweep::end`].
    pub fn todo(&self, shard: Shard) -> Result<Todo, Error> {
        let mut runs: Vec<usize> = (0..self.plan.runs.len()).collect();
        let mut failed = BTreeSet::new();
        for round in 0..self.rounds() {
            let is_last = round + 1 == self.rounds();
            let (mut jobs, mut elsewhere) = (vec![], 0);
            for &place in &runs {
                let run = &self.plan.runs[place];
                let is_own = shard.has(place);
                match self.end(run, round)? {
                    Some(RunEnd::Failed { .. }) if is_own => drop(failed.insert(place)),
                    Some(_) => {}
                    None if is_own => jobs.push(Job {
                        run: run.clone(),
                        round,
                    }),
                    None => elsewhere += 1,
                }
            }
            if is_last || !jobs.is_empty() || elsewhere > 0 {
                return Ok(Todo {
                    round,
                    jobs,
                    elsewhere,
                    failed: failed.len(),
                    is_last,
                });
            }
            runs = self.kept(&runs, round)?;
        }
        Ok(Todo {
            round: 0,
            jobs: vec![],
            elsewhere: 0,
            failed: failed.len(),
            is_last: true,
        })
    }

    /// The runs that go on after a round: those of the best points by the mean over their seeds, one point in
    /// [`factor`](super::Halving::factor), at least one. Of equal ones the first.
    fn kept(&self, runs: &[usize], round: usize) -> Result<Vec<usize>, Error> {
        let mut points: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
        for &place in runs {
            let run = &self.plan.runs[place];
            let values = points.entry(run.point).or_default();
            values.push(match self.end(run, round)? {
                Some(RunEnd::Finished { value, .. }) => value,
                _ => f64::NAN,
            });
        }
        let factor = self
            .plan
            .halving
            .as_ref()
            .map_or(1, |halving| halving.factor);
        let keep = points.len().div_ceil(factor);
        let worst = |values: &[f64]| -> f64 {
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            match (mean.is_nan(), self.plan.metric.rises()) {
                (true, _) => f64::INFINITY,
                (false, true) => -mean,
                (false, false) => mean,
            }
        };
        let mut order: Vec<(f64, usize)> = points
            .iter()
            .map(|(&point, values)| (worst(values), point))
            .collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let best: Vec<usize> = order
            .into_iter()
            .take(keep)
            .map(|(_, point)| point)
            .collect();
        let is_kept = |place: &usize| best.contains(&self.plan.runs[*place].point);
        Ok(runs.iter().copied().filter(is_kept).collect())
    }

    /// The last round in which a run has ended, and how; nothing where it has in none.
    ///
    /// # Errors
    ///
    /// As [`Sweep::end`].
    pub fn last_end(&self, run: &PlannedRun) -> Result<Option<(usize, RunEnd)>, Error> {
        for round in (0..self.rounds()).rev() {
            if let Some(end) = self.end(run, round)? {
                return Ok(Some((round, end)));
            }
        }
        Ok(None)
    }
}

impl Metric {
    /// That of a finished run.
    fn of(self, run: &Run, summary: &RunSummary) -> Result<f64, Error> {
        let lacking = || {
            let path = run.folder().path().display();
            Error::Input(format!("{path} has no {self}; expected a run of the plan"))
        };
        let value = match self {
            Self::TestAccuracy => {
                let classifier = summary.results.classifier.as_ref();
                classifier.map(|classifier| classifier.after_finetuning.accuracy)
            }
            Self::TestRmse => summary
                .results
                .layers
                .first()
                .and_then(|layer| match layer.test {
                    sae_stack::Details::Autoencoder { rmse, .. } => Some(rmse),
                    sae_stack::Details::Classifier { .. } => None,
                }),
            Self::ValidationObjective | Self::ValidationAccuracy => {
                let metrics = run.metrics()?;
                let kept = summary.results.validation_objective();
                // The epoch whose parameters are the model's: the last, unless validation has chosen one.
                let is_kept = |epoch: &&EpochMetrics| {
                    epoch.stage != "control"
                        && (kept.is_none() || epoch.validation_objective == kept)
                };
                metrics
                    .iter()
                    .rev()
                    .find(is_kept)
                    .and_then(|epoch| match self {
                        Self::ValidationAccuracy => epoch.validation_accuracy,
                        _ => epoch.validation_objective,
                    })
            }
        };
        value.ok_or_else(lacking)
    }
}
