//! What rank 0 tells the others before they begin.

use sae_data::{Dataset, Inputs, Scaling, SplitData, Tensors};
use sae_kernels::InstructionSet;
use sae_stack::Reached;
use serde::{Deserialize, Serialize};

use crate::{DataFacts, Error, Experiment, Prepared};

/// Something of each set of samples.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Sets<T> {
    pub train: T,
    pub validation: T,
    pub test: T,
}

impl<T: Default> Sets<T> {
    pub(super) fn of(data: &SplitData, of: impl Fn(&Dataset) -> T) -> Self {
        Self {
            train: of(&data.train),
            validation: data.validation.as_ref().map_or_else(T::default, &of),
            test: of(&data.test),
        }
    }
}

/// All that a rank cannot find out by itself.
#[derive(Serialize, Deserialize)]
pub(super) struct Invitation {
    version: String,
    instruction_set: InstructionSet,
    /// As TOML.
    experiment: String,
    /// What all samples are, and how many.
    pub facts: DataFacts,
    /// As safetensors.
    scaling: Option<Vec<u8>>,
    /// Which samples are too many for the memory.
    pub stored: Sets<bool>,
    /// From where the pipeline goes on.
    pub reached: Reached,
}

impl Invitation {
    pub(super) fn of(prepared: &Prepared, reached: &Reached) -> Result<Self, Error> {
        let scaling = prepared.scaling.as_ref();
        Ok(Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            instruction_set: prepared.experiment.computes_with(),
            experiment: prepared.experiment.resolved()?.to_toml()?,
            facts: prepared.facts.clone(),
            scaling: scaling.map(|scaling| scaling.to_tensors().to_bytes()),
            stored: Sets::of(&prepared.data, |set| {
                matches!(set.samples, Inputs::Stored(_))
            }),
            reached: reached.clone(),
        })
    }

    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        serde_json::to_vec(self).map_err(|error| misunderstood(&error))
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        serde_json::from_slice(bytes).map_err(|error| misunderstood(&error))
    }

    pub(super) fn experiment(&self) -> Result<Experiment, Error> {
        let name = "the configuration of rank 0";
        Ok(Experiment::parse(name, &self.experiment, &[])?)
    }

    /// Refuses another program and another instruction set, whose bits are others.
    pub(super) fn check_machine(&self, experiment: &Experiment) -> Result<(), Error> {
        let own = env!("CARGO_PKG_VERSION");
        if self.version != own {
            return Err(Error::Input(format!(
                "the program is of version {own}; expected {}, as that of rank 0",
                self.version
            )));
        }
        let (own, first) = (experiment.computes_with(), self.instruction_set);
        match own == first {
            true => Ok(()),
            false => Err(Error::Input(format!(
                "the machine computes with {own} and that of rank 0 with {first}; expected the same: set \
                 instruction_set to one that all machines have"
            ))),
        }
    }

    /// The samples, in their files where they can be read from any place.
    pub(super) fn load(&self, experiment: &Experiment) -> Result<SplitData, Error> {
        let (seed, labels) = (experiment.seed, experiment.classifier);
        let data = experiment.data.load_in_place(seed, labels);
        let data = data.map_err(|error| Error::in_table("data", error))?;
        let found = DataFacts::of(&data);
        let facts = &self.facts;
        let counts = |facts: &DataFacts| [facts.train, facts.validation, facts.test];
        if counts(&found) != counts(facts) || found.classes != facts.classes {
            let said = |facts: &DataFacts| {
                let [train, validation, test] = counts(facts);
                let classes = facts.classes.len();
                format!(
                    "{train} training, {validation} validation and {test} test samples of {classes} classes"
                )
            };
            return Err(Error::Input(format!(
                "the data are {}; expected those that rank 0 read, {}",
                said(&found),
                said(facts)
            )));
        }
        Ok(match &self.scaling {
            Some(bytes) => {
                let tensors = Tensors::from_bytes(bytes).map_err(|error| misunderstood(&error))?;
                let scaling = Scaling::from_tensors(&tensors);
                data.scaled(&scaling.map_err(|error| misunderstood(&error))?)
            }
            None => data,
        })
    }
}

fn misunderstood(error: &dyn std::fmt::Display) -> Error {
    Error::Input(format!(
        "what rank 0 said is not understood ({error}); expected the same program on all ranks"
    ))
}
