//! What rank 0 tells the others before they begin.

use sae_data::{Dataset, Inputs, Scaling, SplitData, Tensors};
use sae_kernels::InstructionSet;
use sae_stack::Reached;
use safetensors::tensor::SafeTensors;
use serde::{Deserialize, Serialize};

use crate::checkpoint::{Vectors, description, put_back};
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
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Invitation {
    version: String,
    instruction_set: InstructionSet,
    /// As TOML.
    experiment: String,
    /// What all samples are, and how many.
    pub facts: DataFacts,
    /// Which samples are too many for the memory.
    pub stored: Sets<bool>,
    /// From where the pipeline goes on.
    pub reached: Reached,
    /// As safetensors; without bytes, samples are not scaled.
    #[serde(skip)]
    scaling: Vec<u8>,
}

/// The key of all that is neither a vector nor the scaling.
const KEY: &str = "sae.invitation";
/// The array of the scaling's bytes.
const SCALING: &str = "scaling";

impl Invitation {
    pub(super) fn of(prepared: &Prepared, reached: &Reached) -> Result<Self, Error> {
        let scaling = prepared.scaling.as_ref();
        Ok(Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            instruction_set: prepared.experiment.computes_with(),
            experiment: prepared.experiment.resolved()?.to_toml()?,
            facts: prepared.facts.clone(),
            stored: Sets::of(&prepared.data, |set| {
                matches!(set.samples, Inputs::Stored(_))
            }),
            reached: reached.clone(),
            scaling: scaling.map_or_else(Vec::new, |scaling| scaling.to_tensors().to_bytes()),
        })
    }

    pub(super) fn into_bytes(mut self) -> Result<Vec<u8>, Error> {
        let vectors = Vectors::out_of(&mut self.reached);
        let bytes = vectors.sealed(KEY, &self, &[(SCALING, &self.scaling)]);
        bytes.map_err(|problem| {
            Error::Input(format!(
                "the other ranks cannot be told of the run: {problem}"
            ))
        })
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let text = description(bytes, KEY).map_err(misunderstood)?;
        let mut invitation: Self = serde_json::from_str(&text).map_err(misunderstood)?;
        let file = SafeTensors::deserialize(bytes).map_err(misunderstood)?;
        put_back(&file, &mut invitation.reached).map_err(misunderstood)?;
        let scaling = file.tensor(SCALING).map_err(misunderstood)?;
        invitation.scaling = scaling.data().to_vec();
        Ok(invitation)
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
        if self.scaling.is_empty() {
            return Ok(data);
        }
        let tensors = Tensors::from_bytes(&self.scaling).map_err(misunderstood)?;
        let scaling = Scaling::from_tensors(&tensors).map_err(misunderstood)?;
        Ok(data.scaled(&scaling))
    }
}

fn misunderstood(error: impl std::fmt::Display) -> Error {
    Error::Input(format!(
        "what rank 0 said is not understood ({error}); expected the same program on all ranks"
    ))
}
