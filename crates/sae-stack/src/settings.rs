//! What a stack is made of and how each part is trained.

use sae_data::Corruption;
use sae_model::{Architecture, CrossEntropy, FineTuning, SparseObjective};
use sae_train::Training;

/// One sparse autoencoder of the stack.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LayerSettings {
    /// Number of hidden units.
    pub hidden: usize,
    /// Units, tied weights, top-k codes.
    pub architecture: Architecture,
    /// What is done to the inputs, where the autoencoder is to denoise.
    pub corruption: Option<Corruption>,
    /// What is minimised.
    pub objective: SparseObjective,
    /// How.
    pub training: Training,
}

/// The whole pipeline.
#[derive(Debug, Clone, PartialEq)]
pub struct StackSettings {
    /// Seed of every random number of the run.
    pub seed: u64,
    /// The autoencoders, the first one nearest the input.
    pub layers: Vec<LayerSettings>,
    /// Training of the softmax head on the last code.
    pub softmax: (CrossEntropy, Training),
    /// Fine-tuning of the whole network.
    pub finetune: (FineTuning, Training),
    /// Whether the same network is also fine-tuned from random initialisation, which shows what
    /// pretraining was worth.
    pub control: bool,
}
