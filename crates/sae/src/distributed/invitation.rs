//! What rank 0 tells the others before they begin.

use std::ops::Range;

use sae_data::{Dataset, Inputs, Scaling, SplitData, Tensors};
use sae_kernels::InstructionSet;
use sae_stack::Reached;
use sae_train::Group;
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
    /// A mark of the first training sample of each shard.
    marks: Vec<u32>,
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
        let group = &prepared.compute.group;
        Ok(Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            instruction_set: prepared.experiment.computes_with(),
            experiment: prepared.experiment.resolved()?.to_toml()?,
            facts: prepared.facts.clone(),
            stored: Sets::of(&prepared.data, |set| {
                matches!(set.samples, Inputs::Stored(_))
            }),
            marks: marks(&prepared.data.train, group, 0..group.shards())?,
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

    /// Refuses training samples of which the first of each of the own shards is not that of rank 0.
    pub(super) fn check_samples(&self, train: &Dataset, group: &Group) -> Result<(), Error> {
        let own = group.own();
        let found = marks(train, group, own.clone())?;
        let expected = self.marks.get(own.clone()).unwrap_or_default();
        let mut shards = own.zip(found.iter().zip(expected));
        match shards.find(|(_, (found, expected))| found != expected) {
            None => Ok(()),
            Some((shard, _)) => Err(Error::Input(format!(
                "training sample {} (from 0) is not that which rank 0 read; expected the same data on all machines",
                group.rows(shard, train.rows()).start
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

/// CRC-32 of the first sample of some shards.
fn marks(train: &Dataset, group: &Group, shards: Range<usize>) -> Result<Vec<u32>, Error> {
    let firsts = shards.map(|shard| group.rows(shard, train.rows()).start);
    let firsts: Vec<usize> = firsts.collect();
    let samples = train.samples.gather(&firsts)?;
    let rows = (0..firsts.len()).map(|row| samples.gather(&[row]));
    let marks = rows.map(|row| crc32fast::hash(bytemuck::cast_slice(&row)));
    Ok(marks.collect())
}

fn misunderstood(error: impl std::fmt::Display) -> Error {
    Error::Input(format!(
        "what rank 0 said is not understood ({error}); expected the same program on all ranks"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "classifier = false\n[distributed]\nshards = 4\n[data]\nscaling = { kind = \"standardise\" }\n\
        [data.shapes]\nsize = 6\ntrain = 10\ntest = 2\n[[layers]]\nhidden = 3\ndecoder = \"linear\"\n[pretrain]\nbatch = 4\n";

    /// What is said arrives as it was; other samples than those of rank 0 are refused.
    #[test]
    fn other_samples_are_refused() {
        let prepared = Experiment::parse("test", CONFIG, &[]).unwrap().prepare();
        let prepared = prepared.unwrap();
        let said = Invitation::of(&prepared, &Reached::default()).unwrap();
        let heard = Invitation::from_bytes(&said.into_bytes().unwrap()).unwrap();
        let experiment = heard.experiment().unwrap();
        heard.check_machine(&experiment).unwrap();
        let data = heard.load(&experiment).unwrap();
        let group = &prepared.compute.group;
        heard.check_samples(&data.train, group).unwrap();
        // Shards begin at 0, 2, 5 and 7.
        let others: Vec<usize> = (0..10).map(|row| if row == 5 { 6 } else { row }).collect();
        let other = data.train.select(&others);
        let error = heard.check_samples(&other, group).unwrap_err();
        assert!(
            error.to_string().starts_with("training sample 5 "),
            "{error}"
        );
    }
}
