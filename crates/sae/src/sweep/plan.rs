//! The plan of a sweep: every run by name, with all its settings.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::config::{Halving, MOST_RUNS, Metric, SweepConfig};
use super::points::points;
use crate::folder::{read_bounded, write_file};
use crate::{Error, Experiment};

const FORMAT: u32 = 1;
pub(super) const PLAN: &str = "plan.json";
/// No plan is larger.
const MOST_BYTES: u64 = 1 << 30;

/// `plan.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    format: u32,
    /// By what runs are compared.
    pub metric: Metric,
    /// The rounds; nothing where each run is run once.
    pub halving: Option<Halving>,
    /// The keys that differ between points.
    pub keys: Vec<String>,
    /// Every run.
    pub runs: Vec<PlannedRun>,
}

/// One run of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedRun {
    /// The name of its configuration and of its folder: letters, digits and hyphens.
    pub name: String,
    /// The number of its point, from 0: runs of a point differ by their seeds alone.
    pub point: usize,
    /// `key=value` of the keys that differ.
    pub set: Vec<String>,
    /// Its seed.
    pub seed: u64,
}

impl Plan {
    /// The plan of a sweep, and the whole configuration of each of its runs, in their order.
    ///
    /// # Errors
    ///
    /// As [`Experiment::read`], for every run; refuses a metric that the runs will not have.
    pub fn of(sweep: &SweepConfig) -> Result<(Self, Vec<Experiment>), Error> {
        let base = Experiment::read(&sweep.config, &[])?;
        let points = points(sweep);
        let digits = points.len().to_string().len();
        let (mut runs, mut experiments) = (vec![], vec![]);
        for (point, set) in points.iter().enumerate() {
            for seed in 0..sweep.seeds as u64 {
                let seed = base.seed.wrapping_add(seed);
                let mut all = set.clone();
                all.push(format!("seed={seed}"));
                all.extend(
                    sweep
                        .halving
                        .iter()
                        .map(|halving| format!("{}={}", halving.epochs, halving.epochs_of(0))),
                );
                let experiment = Experiment::read(&sweep.config, &all)?;
                sweep.metric.check(&experiment)?;
                if sweep.halving.is_some() && !experiment.checkpoints.ends {
                    return Err(Error::Input(
                        "checkpoints.ends is false; expected true with method = \"halving\", whose runs go on"
                            .to_owned(),
                    ));
                }
                experiments.push(experiment.resolved()?);
                let name = match sweep.seeds {
                    1 => format!("{:0digits$}", point + 1),
                    _ => format!("{:0digits$}-seed-{seed}", point + 1),
                };
                runs.push(PlannedRun {
                    name,
                    point,
                    set: set.clone(),
                    seed,
                });
            }
        }
        let plan = Self {
            format: FORMAT,
            metric: sweep.metric,
            halving: sweep.halving.clone(),
            keys: sweep.keys.keys().cloned().collect(),
            runs,
        };
        Ok((plan, experiments))
    }

    /// Writes a plan and its configurations into a folder that is not there, or is empty; the plan last, so that
    /// it is whole or not there.
    ///
    /// # Errors
    ///
    /// Refuses a folder that holds anything; fails where nothing can be written.
    pub fn write(&self, experiments: &[Experiment], folder: &Path) -> Result<(), Error> {
        let unwritable = |error| Error::from(sae_data::WriteError::new(folder, error));
        if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(Error::Input(format!(
                "{} is there already and is not an empty folder; give another --out",
                sae_data::message::shown_path(folder)
            )));
        }
        let configs = folder.join("configs");
        fs::create_dir_all(&configs).map_err(unwritable)?;
        for (run, experiment) in self.runs.iter().zip(experiments) {
            let path = configs.join(format!("{}.toml", run.name));
            write_file(&path, experiment.to_toml()?.as_bytes())?;
        }
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| Error::Input(format!("the plan cannot be written: {error}")))?;
        Ok(write_file(
            &folder.join(PLAN),
            format!("{text}\n").as_bytes(),
        )?)
    }

    /// The plan in the folder of a sweep.
    ///
    /// # Errors
    ///
    /// Refuses a folder without a plan, and one that cannot be understood.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(PLAN);
        let bytes = read_bounded(&path, MOST_BYTES).map_err(|source| Error::Read {
            path: path.clone(),
            source,
        })?;
        let wrong = |problem: String| {
            Error::Input(format!(
                "{}: {problem}; expected a plan that `sae sweep` wrote",
                path.display()
            ))
        };
        let plan: Self =
            serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))?;
        if plan.format != FORMAT {
            return Err(wrong(format!("is of format {}", plan.format)));
        }
        if let Some(halving) = &plan.halving {
            let sound = halving.check(plan.keys.iter());
            sound.map_err(|problem| wrong(problem.to_string()))?;
        }
        if plan.runs.len() > MOST_RUNS {
            return Err(wrong(format!("holds {} runs", plan.runs.len())));
        }
        let is_plain = |name: &str| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        };
        match plan.runs.iter().find(|run| !is_plain(&run.name)) {
            Some(run) => Err(wrong(format!("a run is called {:?}", run.name))),
            None => Ok(plan),
        }
    }
}

impl Metric {
    /// That runs of an experiment have it.
    fn check(self, experiment: &Experiment) -> Result<(), Error> {
        let validated =
            experiment.data.validation > 0.0 || !experiment.data.files.validation.is_empty();
        let missing = match self {
            Self::ValidationObjective | Self::ValidationAccuracy if !validated => {
                "data.validation above 0, or data.files.validation"
            }
            Self::ValidationAccuracy | Self::TestAccuracy if !experiment.classifier => {
                "classifier = true"
            }
            _ => return Ok(()),
        };
        Err(Error::Input(format!(
            "metric is {self}; expected with it {missing}"
        )))
    }
}
