//! How the settings of a run that goes on differ from those with which it was begun.

use std::fmt;
use std::str::FromStr;

use sae_data::{IdxConfig, Source};
use sae_kernels::Setting;
use sae_kernels::setting::named;
use sae_stack::Stage;
use sae_train::Training;

use super::settings::Checkpoints;
use crate::keys::keys_of;
use crate::{Backend, Distributed, Error, Experiment};

/// What of a run may be changed where that is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The samples.
    Data,
    /// A setting that decides results.
    Configuration,
    /// Where tensors are computed.
    Backend,
    /// What the machine computes with.
    InstructionSet,
    /// The program.
    Version,
}

impl Change {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Data,
        Self::Configuration,
        Self::Backend,
        Self::InstructionSet,
        Self::Version,
    ];

    /// What it is called where it is accepted.
    pub fn name(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Configuration => "configuration",
            Self::Backend => "backend",
            Self::InstructionSet => "instruction-set",
            Self::Version => "version",
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Change {
    type Err = Setting;

    fn from_str(name: &str) -> Result<Self, Setting> {
        named("accept", name, &Self::ALL)
    }
}

/// One thing in which a run is no longer what it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What it is.
    pub what: Change,
    /// What it is called: for a setting its key.
    pub name: String,
    /// What it is now.
    pub found: String,
    /// What it was.
    pub before: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            found,
            before,
            ..
        } = self;
        write!(f, "{name} is {found} and was {before}")
    }
}

/// The keys in which `now` differs from `before` so that results would differ.
///
/// # Errors
///
/// None for settings that were checked.
pub(crate) fn differences(before: &Experiment, now: &Experiment) -> Result<Vec<Difference>, Error> {
    let keys = |experiment: &Experiment| -> Result<_, Error> {
        let text = experiment.to_toml()?;
        keys_of(&text).map_err(|error| Error::Input(error.to_string()))
    };
    let old = keys(&comparable(before, before))?;
    let new = keys(&comparable(now, before))?;
    let mut differences = Vec::new();
    let mut names: Vec<&String> = old.keys().chain(new.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let shown = |value: Option<&String>| value.map_or_else(|| "unset".to_owned(), String::clone);
    for name in names {
        let (before, found) = (old.get(name), new.get(name));
        if before != found {
            differences.push(Difference {
                what: Change::Configuration,
                name: name.clone(),
                found: shown(found),
                before: shown(before),
            });
        }
    }
    Ok(differences)
}

/// The first stage that has more epochs in `now`; nothing where none has.
pub(crate) fn extended(before: &Experiment, now: &Experiment) -> Option<Stage> {
    let layers = before.layers.len().min(now.layers.len());
    let longer = (0..layers).find(|&k| pretraining(now, k).epochs > pretraining(before, k).epochs);
    if let Some(k) = longer {
        return Some(Stage::Autoencoder(k + 1));
    }
    if now.softmax.epochs > before.softmax.epochs {
        return Some(Stage::Softmax);
    }
    (now.finetune.epochs > before.finetune.epochs).then_some(Stage::FineTune)
}

/// How an autoencoder is trained.
fn pretraining(experiment: &Experiment, layer: usize) -> &Training {
    let own = experiment.layers[layer].pretrain.as_ref();
    own.unwrap_or(&experiment.pretrain)
}

/// The settings without what decides no result, with epochs that are compared elsewhere; epochs that were
/// added to those of `before` count as the same.
fn comparable(experiment: &Experiment, before: &Experiment) -> Experiment {
    let mut same = experiment.clone();
    (same.threads, same.report, same.tensorboard) = (0, true, false);
    same.checkpoints = Checkpoints::default();
    same.distributed.timeout = Distributed::default().timeout;
    (same.backend, same.instruction_set) = (Backend::default(), None);
    if same.data.source != Source::Idx {
        // A folder that is not read may be anywhere.
        same.data.idx = IdxConfig::default();
    }
    let shorter =
        |own: &mut Training, before: &Training| own.epochs = own.epochs.min(before.epochs);
    shorter(&mut same.pretrain, &before.pretrain);
    shorter(&mut same.softmax, &before.softmax);
    shorter(&mut same.finetune, &before.finetune);
    for (own, before) in same.layers.iter_mut().zip(&before.layers) {
        if let (Some(own), Some(before)) = (&mut own.pretrain, &before.pretrain) {
            shorter(own, before);
        }
    }
    same
}
