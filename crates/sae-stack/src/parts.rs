//! The parts of the pipeline one by one, for who trains several classifiers on one pretraining.

use sae_data::Inputs;
use sae_kernels::Setting;
use sae_model::{DeepNetwork, SparseAutoencoder};
use sae_train::{Compute, TrainError};

use crate::codes::encode;
use crate::observer::Observer;
use crate::pipeline::{Pretrained, Run, labels_of};
use crate::stage::{Stage, TrainedNetwork};
use crate::{ClassifierSettings, Reached, StackData, StackSettings};

/// What [`train_stack`](crate::train_stack) is given, to do a part of it. Head first, then
/// fine-tuning, on the same samples as pretraining, is the whole to the last bit.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a> {
    /// The settings; what concerns other parts has no effect.
    pub settings: &'a StackSettings,
    /// The samples; all but pretraining needs their labels.
    pub data: StackData<'a>,
    /// With what is computed.
    pub compute: &'a Compute,
}

impl<'a> Parts<'a> {
    /// Trains each autoencoder on the codes of the one before, without labels.
    ///
    /// # Errors
    ///
    /// As [`train_stack`](crate::train_stack).
    pub fn pretrain(
        &self,
        observer: &mut dyn Observer,
    ) -> Result<Vec<SparseAutoencoder>, TrainError> {
        Ok(self.run(observer).pretrain()?.autoencoders)
    }

    /// Trains the softmax head on the last codes of `autoencoders`, or on the samples themselves
    /// where there are none.
    ///
    /// # Errors
    ///
    /// As [`train_stack`](crate::train_stack); refuses settings without a classifier.
    pub fn head(
        &self,
        autoencoders: &[SparseAutoencoder],
        observer: &mut dyn Observer,
    ) -> Result<TrainedNetwork, TrainError> {
        let (classifier, labels) = (self.classifier()?, labels_of(self.data)?);
        let mut pretrained = Pretrained {
            autoencoders: autoencoders.to_vec(),
            reports: vec![],
            train: self.data.train.samples.borrowed(),
            validation: self.data.validation.map(|set| set.samples.borrowed()),
        };
        for autoencoder in autoencoders {
            let encode =
                |samples: &Inputs<'_>, whole| encode(autoencoder, samples, whole, self.compute);
            let whole = self.data.whole;
            pretrained.train = encode(&pretrained.train, whole.train)?.0;
            if let Some(validation) = &mut pretrained.validation {
                *validation = encode(validation, whole.validation)?.0;
            }
        }
        self.run(observer).head(classifier, labels, &pretrained)
    }

    /// Trains all weights of `network`, which begins as it is.
    ///
    /// # Errors
    ///
    /// As [`Parts::head`].
    pub fn fine_tune(
        &self,
        network: DeepNetwork,
        observer: &mut dyn Observer,
    ) -> Result<TrainedNetwork, TrainError> {
        let (classifier, labels) = (self.classifier()?, labels_of(self.data)?);
        let mut run = self.run(observer);
        run.fine_tune(Stage::FineTune, classifier, labels, network)
    }

    /// Trains the same network from random initialisation.
    ///
    /// # Errors
    ///
    /// As [`Parts::head`].
    pub fn fine_tune_random(
        &self,
        observer: &mut dyn Observer,
    ) -> Result<TrainedNetwork, TrainError> {
        let (classifier, labels) = (self.classifier()?, labels_of(self.data)?);
        self.run(observer).fine_tune_random(classifier, labels)
    }

    fn run<'r>(&'r self, observer: &'r mut dyn Observer) -> Run<'r> {
        Run {
            settings: self.settings,
            data: self.data,
            compute: self.compute,
            observer,
            reached: Reached::default(),
        }
    }

    fn classifier(&self) -> Result<&'a ClassifierSettings, TrainError> {
        let missing = || Setting::new("classifier", "missing", "settings of a classifier");
        Ok(self.settings.classifier.as_ref().ok_or_else(missing)?)
    }
}
