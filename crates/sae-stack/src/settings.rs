//! What a stack is made of and how each part is trained.

use sae_data::Corruption;
use sae_model::{Architecture, Convention, CrossEntropy, FineTuning, ModelError, SparseObjective};
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

impl StackSettings {
    /// These settings, whose objectives' weights are meant in `convention` for `rows` training
    /// samples, in the mean convention.
    ///
    /// # Errors
    ///
    /// None for at least one row.
    pub fn in_mean(&self, convention: Convention, rows: usize) -> Result<Self, ModelError> {
        let mut settings = self.clone();
        for layer in &mut settings.layers {
            // Conventions that depend on the number of inputs are no setting of a whole stack.
            layer.objective = layer.objective.from_convention(convention, rows, 1)?;
        }
        let factor = convention.factor(rows, 1);
        if let Some(classifier) = &mut settings.classifier {
            let lambda = |weight_decay: f64| weight_decay / factor;
            let (softmax, finetune) = (&mut classifier.softmax.0, &mut classifier.finetune.0);
            *softmax = CrossEntropy::new(lambda(softmax.weight_decay()))?;
            *finetune = FineTuning::new(lambda(finetune.weight_decay()))?;
        }
        Ok(settings)
    }
}

/// The whole pipeline.
#[derive(Debug, Clone, PartialEq)]
pub struct StackSettings {
    /// Seed of every random number of the run.
    pub seed: u64,
    /// The autoencoders, the first one nearest the input.
    pub layers: Vec<LayerSettings>,
    /// What follows where the samples have labels; without it the run ends with pretraining.
    pub classifier: Option<ClassifierSettings>,
}

/// The supervised part of the pipeline.
#[derive(Debug, Clone, PartialEq)]
pub struct ClassifierSettings {
    /// Training of the softmax head on the last code.
    pub softmax: (CrossEntropy, Training),
    /// Fine-tuning of the whole network.
    pub finetune: (FineTuning, Training),
    /// Whether the same network is also fine-tuned from random initialisation, which shows what
    /// pretraining was worth.
    pub control: bool,
}
