//! What decides the results of a run.

use sae_kernels::InstructionSet;
use sae_train::ExecutorKind;
use serde::{Deserialize, Serialize};

use super::changes::{self, Change, Difference};
use crate::{Backend, Error, Experiment, Prepared};

/// All that decides the bits of a run's results.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Identity {
    /// Version of the program.
    pub version: String,
    /// Where tensors are computed.
    pub backend: Backend,
    /// The GPU by its name, where tensors are on one: another may round otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gpu: Option<String>,
    /// Who computes.
    pub executor: ExecutorKind,
    /// What the machine computes with.
    pub instruction_set: InstructionSet,
    /// The fingerprint of the samples (see [`SplitData::fingerprint`](sae_data::SplitData::fingerprint)).
    pub data: String,
    /// The resolved settings.
    pub experiment: Experiment,
}

impl Identity {
    /// Of an experiment with its data.
    ///
    /// # Errors
    ///
    /// Fails where samples cannot be read.
    pub fn of(prepared: &Prepared) -> Result<Self, Error> {
        let experiment = prepared.experiment.resolved()?;
        Ok(Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            backend: experiment.backend,
            gpu: experiment.backend.gpu_name(&prepared.compute.device),
            executor: prepared.choice.executor,
            instruction_set: experiment.computes_with(),
            data: prepared.data.fingerprint()?,
            experiment,
        })
    }

    /// In what `now` differs from it so that results would differ: not in threads, in what is reported, or
    /// in epochs that were added.
    ///
    /// # Errors
    ///
    /// None for settings that were checked.
    pub fn differences(&self, now: &Self) -> Result<Vec<Difference>, Error> {
        let short = |hash: &str| hash.chars().take(12).collect::<String>();
        let named = [
            (
                Change::Version,
                "the version",
                self.version.clone(),
                now.version.clone(),
            ),
            (
                Change::Backend,
                "the backend",
                self.backend.to_string(),
                now.backend.to_string(),
            ),
            (
                Change::InstructionSet,
                "the instruction set",
                self.instruction_set.to_string(),
                now.instruction_set.to_string(),
            ),
            (
                Change::Data,
                "the fingerprint of the samples",
                short(&self.data),
                short(&now.data),
            ),
        ];
        let differ = named
            .into_iter()
            .filter(|(.., before, found)| before != found);
        let mut differences: Vec<Difference> = differ
            .map(|(what, name, before, found)| Difference {
                what,
                name: name.to_owned(),
                found,
                before,
            })
            .collect();
        // Another backend has been noticed, and older versions did not name it.
        if let (Some(before), Some(found)) = (&self.gpu, &now.gpu)
            && before != found
        {
            differences.push(Difference {
                what: Change::Backend,
                name: "the GPU".to_owned(),
                found: found.clone(),
                before: before.clone(),
            });
        }
        let configured = changes::differences(&self.experiment, &now.experiment)?;
        differences.extend(configured);
        Ok(differences)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(gpu: Option<&str>) -> Identity {
        let experiment = Experiment::default();
        Identity {
            version: String::new(),
            backend: Backend::Wgpu,
            gpu: gpu.map(str::to_owned),
            executor: ExecutorKind::Gpu,
            instruction_set: experiment.computes_with(),
            data: String::new(),
            experiment,
        }
    }

    #[test]
    fn another_gpu_is_another_backend() {
        let differences = on(Some("a")).differences(&on(Some("b"))).unwrap();
        let said: Vec<String> = differences.iter().map(ToString::to_string).collect();
        assert_eq!(said, ["the GPU is b and was a"]);
        assert_eq!(differences[0].what, Change::Backend);
        // Those of older versions did not say.
        for before in [None, Some("b")] {
            assert_eq!(on(before).differences(&on(Some("b"))).unwrap(), []);
        }
    }
}
