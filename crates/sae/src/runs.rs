//! The runs of a folder with their figures.

use std::cmp::Ordering;
use std::fs;
use std::path::Path;

use jiff::Timestamp;
use sae_data::natural_order;
use sae_stack::Details;
use serde::{Deserialize, Serialize};

use crate::folder::RunFolder;
use crate::run::{CONFIG, DATA, MODEL, SUMMARY, read_json, settings_of};
use crate::{DataFacts, Error, Experiment, FolderError, RunSummary};

/// A run in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ListedRun {
    /// Where it is below the listed folder, for example `shapes` or `shapes-crossval/fold-1`.
    pub name: String,
    /// When it was begun: RFC 3339, UTC, to the second.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub written: Option<String>,
    /// How far it has come.
    pub state: RunState,
    /// What is wrong with it, where it is damaged.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub problem: Option<String>,
    /// What is known of it; nothing where it is damaged.
    #[serde(flatten)]
    pub figures: RunFigures,
}

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunState {
    /// It is whole.
    Complete,
    /// It is being written, or was left unfinished.
    Unfinished,
    /// Its files are missing or cannot be understood.
    Damaged,
}

/// Figures of a run; of one that is unfinished, and of an imported one, those that there are.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunFigures {
    /// The source of its data, as in `data.source`.
    pub source: Option<String>,
    /// Number of inputs, of hidden units of each layer, and of classes of a classifier.
    pub layers: Vec<usize>,
    /// Test RMSE of each autoencoder.
    pub rmse: Vec<f64>,
    /// Test accuracy of the pretrained encoders with the head.
    pub before_finetuning: Option<f64>,
    /// Test accuracy after fine-tuning.
    pub after_finetuning: Option<f64>,
    /// Test accuracy of the control.
    pub from_random: Option<f64>,
    /// Seconds of the whole run.
    pub seconds: Option<f64>,
}

/// What comes first in a list; runs without that figure come last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RunOrder {
    /// The most accurate on the test samples, after fine-tuning.
    Accuracy,
    /// The least test RMSE of the first autoencoder.
    Rmse,
    /// The shortest.
    Time,
    /// By name; numbers in names count as numbers.
    #[default]
    Name,
    /// The newest.
    Date,
}

/// The runs in `folder`, and in the folders in it that are none themselves. A damaged run is in the
/// list, with what is wrong; what is no run is not. Weights are not read.
///
/// # Errors
///
/// Refuses a folder that is not there or cannot be read.
pub fn list_runs(folder: &Path, order: RunOrder) -> Result<Vec<ListedRun>, Error> {
    let mut runs = Vec::new();
    for name in folders_in(folder)? {
        if let Some(run) = listed(folder, &name) {
            runs.push(run);
            continue;
        }
        let hidden = name.starts_with('.');
        // What cannot be looked into holds no run that could be shown.
        let inner = match hidden {
            true => vec![],
            false => folders_in(&folder.join(&name)).unwrap_or_default(),
        };
        runs.extend(
            inner
                .iter()
                .filter_map(|inner| listed(folder, &format!("{name}/{inner}"))),
        );
    }
    runs.sort_by_cached_key(|run| natural_order(&run.name));
    runs.sort_by(|a, b| order.compare(a, b));
    Ok(runs)
}

/// The names of the folders in a folder.
fn folders_in(folder: &Path) -> Result<Vec<String>, FolderError> {
    let wrong = |source| FolderError::Read {
        path: folder.to_owned(),
        source,
    };
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).map_err(wrong)? {
        let path = entry.map_err(wrong)?.path();
        if let (true, Some(name)) = (path.is_dir(), path.file_name()) {
            names.push(name.to_string_lossy().into_owned());
        }
    }
    Ok(names)
}

/// The run of that name; nothing where there is none.
fn listed(folder: &Path, name: &str) -> Option<ListedRun> {
    let path = folder.join(name);
    let found = match RunFolder::open(&path) {
        Err(FolderError::NoRun(_)) => return None,
        found => found,
    };
    let read = found.map_err(Error::from).and_then(|folder| read(&folder));
    let run = |written, state, problem, figures| ListedRun {
        name: name.to_owned(),
        written,
        state,
        problem,
        figures,
    };
    Some(match read {
        Ok((written, state, figures)) => run(Some(written), state, None, figures),
        Err(error) => run(
            None,
            RunState::Damaged,
            Some(error.to_string()),
            RunFigures::default(),
        ),
    })
}

fn read(folder: &RunFolder) -> Result<(String, RunState, RunFigures), Error> {
    let state = match folder.is_complete()? {
        true => RunState::Complete,
        false => RunState::Unfinished,
    };
    let figures = figures(folder, state == RunState::Complete)?;
    Ok((date(folder)?, state, figures))
}

fn date(folder: &RunFolder) -> Result<String, Error> {
    let written = Timestamp::try_from(folder.written(CONFIG)?);
    let written = written.map_err(|error| Error::Input(error.to_string()))?;
    Ok(written.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}

fn figures(folder: &RunFolder, complete: bool) -> Result<RunFigures, Error> {
    if complete && !folder.has(MODEL) {
        folder.read(MODEL)?;
    }
    let mut figures = RunFigures::default();
    if folder.wrote(DATA)? {
        let experiment = settings_of(folder, &[])?;
        let facts: DataFacts = read_json(folder, DATA)?;
        figures.source = source_name(&experiment);
        figures.layers = vec![facts.inputs()];
        figures
            .layers
            .extend(experiment.layers.iter().map(|layer| layer.hidden));
        if experiment.classifier && !facts.classes.is_empty() {
            figures.layers.push(facts.classes.len());
        }
    }
    // An imported run has none.
    if complete && folder.wrote(SUMMARY)? {
        add_results(&mut figures, &read_json(folder, SUMMARY)?);
    }
    Ok(figures)
}

fn source_name(experiment: &Experiment) -> Option<String> {
    let name = serde_json::to_value(experiment.data.source).ok()?;
    name.as_str().map(str::to_owned)
}

fn add_results(figures: &mut RunFigures, summary: &RunSummary) {
    let rmse = |details: &Details| match details {
        Details::Autoencoder { rmse, .. } => Some(*rmse),
        Details::Classifier { .. } => None,
    };
    let layers = summary.results.layers.iter();
    figures.rmse = layers.filter_map(|layer| rmse(&layer.test)).collect();
    if let Some(classifier) = &summary.results.classifier {
        figures.before_finetuning = Some(classifier.before_finetuning.accuracy);
        figures.after_finetuning = Some(classifier.after_finetuning.accuracy);
        figures.from_random = classifier
            .from_random
            .as_ref()
            .map(|control| control.accuracy);
    }
    figures.seconds = Some(summary.seconds);
}

impl RunOrder {
    fn compare(self, a: &ListedRun, b: &ListedRun) -> Ordering {
        let least = |value: fn(&RunFigures) -> Option<f64>| {
            let key = |run: &ListedRun| value(&run.figures).unwrap_or(f64::INFINITY);
            key(a).total_cmp(&key(b))
        };
        match self {
            Self::Accuracy => least(|figures| figures.after_finetuning.map(|accuracy| -accuracy)),
            Self::Rmse => least(|figures| figures.rmse.first().copied()),
            Self::Time => least(|figures| figures.seconds),
            Self::Name => Ordering::Equal,
            Self::Date => b.written.cmp(&a.written),
        }
    }
}
