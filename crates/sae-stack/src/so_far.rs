//! The models of a pipeline that is not over.

use burn::tensor::{DType, Device};
use sae_model::{DeepNetwork, SparseAutoencoder, with_flat};
use sae_train::TrainError;

use crate::{Reached, RunningStage, StackSettings, Stage};

/// What a pipeline has led to so far.
#[derive(Debug, Clone)]
pub struct SoFar {
    /// The autoencoders that have begun to be trained, the first one nearest the input.
    pub autoencoders: Vec<SparseAutoencoder>,
    /// The network, once its head has begun to be trained.
    pub network: Option<DeepNetwork>,
}

impl Reached {
    /// The parameters of a stage: what it led to, or has come to by now; nothing where it has not begun.
    /// Where validation decides, those of the best epoch.
    fn parameters(&self, stage: Stage) -> Option<&[f32]> {
        if let Some(fitted) = self.fitted(stage) {
            return Some(&fitted.parameters);
        }
        let running = self.running.as_ref().filter(|one| one.stage == stage)?;
        let best = running.state.watch.best.as_ref();
        let last = &running.state.executor.parameters;
        Some(best.map_or(last, |best| &best.parameters))
    }
}

impl StackSettings {
    /// The same, with the stage under way as one to which more epochs are given, perhaps on other samples (see
    /// [`State::with_more_to_come`](sae_train::State::with_more_to_come)).
    pub fn with_more_to_come(&self, mut reached: Reached) -> Reached {
        reached.running = reached.running.map(|RunningStage { stage, state }| {
            let training = match (stage, &self.classifier) {
                (Stage::Autoencoder(layer), _) => self.layers.get(layer - 1).map(|l| &l.training),
                (Stage::Softmax, Some(classifier)) => Some(&classifier.softmax),
                (_, classifier) => classifier.as_ref().map(|classifier| &classifier.finetune),
            };
            let state = match training {
                Some(training) => state.with_more_to_come(training),
                None => state,
            };
            RunningStage { stage, state }
        });
        reached
    }

    /// The models of a pipeline that has come as far as `reached`, on samples of `inputs` values and so many
    /// `classes`.
    ///
    /// # Errors
    ///
    /// Refuses what was reached with models of other sizes.
    pub fn so_far(
        &self,
        reached: &Reached,
        (inputs, classes): (usize, usize),
        device: &Device,
    ) -> Result<SoFar, TrainError> {
        let mut width = inputs;
        let mut autoencoders = Vec::new();
        for (index, layer) in self.layers.iter().enumerate() {
            let Some(parameters) = reached.parameters(Stage::Autoencoder(index + 1)) else {
                break;
            };
            let model = self.initial_autoencoder(index, width, DType::F32, device)?;
            autoencoders.push(with_flat(model, parameters)?);
            width = layer.hidden;
        }
        let network = match reached.parameters(Stage::Softmax) {
            None => None,
            Some(parameters) => {
                let head = self.initial_head(width, classes, DType::F32, device)?;
                let network = DeepNetwork::stack(&autoencoders, with_flat(head, parameters)?)?;
                Some(match reached.parameters(Stage::FineTune) {
                    Some(parameters) => with_flat(network, parameters)?,
                    None => network,
                })
            }
        };
        Ok(SoFar {
            autoencoders,
            network,
        })
    }
}
