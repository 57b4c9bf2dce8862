//! Pretrain, train the softmax head, fine-tune, evaluate.

use std::fmt;

use burn::tensor::{DType, Device};
use sae_data::{Corruptor, Dataset, Samples, Stream, stream};
use sae_model::{
    AutoencoderConfig, DeepNetwork, DenseConfig, Objective, Softmax, SoftmaxConfig,
    SparseAutoencoder,
};
use sae_train::{Epoch, Fitted, Inputs, Labelled, TrainError, Training, Unlabelled, fit};
use serde::Serialize;

use crate::codes::{LayerReport, encode, encode_samples};
use crate::metrics::{Details, EpochMetrics};
use crate::{Evaluation, LayerSettings, StackSettings, evaluate};

/// A part of the pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Pretraining of autoencoder k, from 1.
    Autoencoder(usize),
    /// Training of the head on the last codes.
    Softmax,
    /// Fine-tuning of the pretrained network.
    FineTune,
    /// Fine-tuning of the same network from random initialisation.
    Control,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Autoencoder(k) => f.pad(&format!("autoencoder-{k}")),
            Self::Softmax => f.pad("softmax"),
            Self::FineTune => f.pad("finetune"),
            Self::Control => f.pad("control"),
        }
    }
}

/// The samples of a run.
#[derive(Debug, Clone, Copy)]
pub struct StackData<'a> {
    /// Trained on.
    pub train: &'a Dataset,
    /// Watched during training, never trained on.
    pub validation: Option<&'a Dataset>,
    /// Evaluated on.
    pub test: &'a Dataset,
}

/// What a finished stage produced.
#[derive(Debug, Clone, Copy)]
pub enum Outcome<'a> {
    /// A pretrained autoencoder.
    Autoencoder(&'a SparseAutoencoder, &'a LayerReport),
    /// A network and its figures on the test samples.
    Network(&'a DeepNetwork, &'a Evaluation),
}

/// Told about progress; may stop the run by an error.
pub trait Observer {
    /// A stage begins.
    fn started(&mut self, stage: Stage, training: &Training);

    /// An epoch has ended.
    ///
    /// # Errors
    ///
    /// Any error stops the run.
    fn epoch(&mut self, stage: Stage, metrics: &EpochMetrics) -> Result<(), TrainError>;

    /// A stage has ended.
    ///
    /// # Errors
    ///
    /// Any error stops the run.
    fn finished(&mut self, stage: Stage, outcome: Outcome<'_>) -> Result<(), TrainError>;
}

/// The figures of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// One report per autoencoder.
    pub layers: Vec<LayerReport>,
    /// The pretrained encoders with the softmax head, before fine-tuning.
    pub before_finetuning: Evaluation,
    /// After fine-tuning.
    pub after_finetuning: Evaluation,
    /// The same network fine-tuned from random initialisation, where that was asked for.
    pub from_random: Option<Evaluation>,
}

/// Runs the whole pipeline on `device` (without autodiff; training adds it).
///
/// # Errors
///
/// Refuses settings outside their ranges and data that do not fit together; stops when an
/// objective is no longer finite or the observer fails.
pub fn train_stack(
    settings: &StackSettings,
    data: StackData<'_>,
    device: &Device,
    observer: &mut dyn Observer,
) -> Result<Summary, TrainError> {
    let mut run = Run {
        settings,
        data,
        device,
        observer,
    };
    let pretrained = run.pretrain()?;
    let network = run.train_head(&pretrained)?;
    let before = run.evaluated(Stage::Softmax, &network)?;
    let network = run.fine_tune(Stage::FineTune, network)?;
    let after = run.evaluated(Stage::FineTune, &network)?;
    let from_random = if settings.control {
        let network = run.random_network()?;
        let network = run.fine_tune(Stage::Control, network)?;
        Some(run.evaluated(Stage::Control, &network)?)
    } else {
        None
    };
    Ok(Summary {
        layers: pretrained.reports,
        before_finetuning: before,
        after_finetuning: after,
        from_random,
    })
}

struct Run<'a> {
    settings: &'a StackSettings,
    data: StackData<'a>,
    device: &'a Device,
    observer: &'a mut dyn Observer,
}

struct Pretrained {
    autoencoders: Vec<SparseAutoencoder>,
    reports: Vec<LayerReport>,
    /// The last codes of the training and validation samples.
    train: Samples,
    validation: Option<Samples>,
}

impl Run<'_> {
    /// Trains each autoencoder on the codes of the one before.
    fn pretrain(&mut self) -> Result<Pretrained, TrainError> {
        let mut train = self.data.train.samples.clone();
        let mut validation = self.data.validation.map(|set| set.samples.clone());
        let mut test = self.data.test.samples.clone();
        let mut autoencoders = Vec::new();
        let mut reports = Vec::new();
        for (index, layer) in self.settings.layers.iter().enumerate() {
            let stage = Stage::Autoencoder(index + 1);
            let fitted = self.fit_autoencoder(index, layer, &train, validation.as_ref())?;
            let model = fitted.model;
            let on_train = encode(&model, &train, self.device);
            let on_test = encode(&model, &test, self.device);
            let rho = layer.objective.rho();
            let report = LayerReport {
                layer: index + 1,
                inputs: train.width(),
                hidden: layer.hidden,
                epochs: fitted.last.epoch,
                stopped: fitted.stopped.to_string(),
                train: Details::autoencoder(on_train.rmse, &on_train.rho_hat, rho),
                test: Details::autoencoder(on_test.rmse, &on_test.rho_hat, rho),
            };
            self.observer
                .finished(stage, Outcome::Autoencoder(&model, &report))?;
            train = on_train.codes;
            test = on_test.codes;
            validation = validation.map(|samples| encode_samples(&model, &samples, self.device));
            autoencoders.push(model);
            reports.push(report);
        }
        Ok(Pretrained {
            autoencoders,
            reports,
            train,
            validation,
        })
    }

    fn fit_autoencoder(
        &mut self,
        index: usize,
        layer: &LayerSettings,
        train: &Samples,
        validation: Option<&Samples>,
    ) -> Result<Fitted<SparseAutoencoder>, TrainError> {
        let number = index as u16;
        let seed = self.settings.seed;
        let model = AutoencoderConfig::new(train.width(), layer.hidden)?
            .with_architecture(layer.architecture)?
            .init(
                &mut stream(seed, Stream::Autoencoder(number)),
                DType::F32,
                self.device,
            );
        let (device, rho, width) = (self.device, layer.objective.rho(), train.width());
        let corruptor = layer.corruption.map(|corruption| {
            Corruptor::new(corruption, train.rows(), seed, Stream::Corruption(number))
        });
        let source = |samples, corruptor| Unlabelled {
            inputs: Inputs::new(samples, device),
            corruptor,
        };
        let samples = sae_train::Samples {
            train: source(train, corruptor),
            validation: validation.map(|samples| source(samples, None)),
        };
        self.fit(
            Stage::Autoencoder(index + 1),
            &layer.objective,
            model,
            samples,
            &layer.training,
            Stream::AutoencoderOrder(number),
            |epoch| Details::of_autoencoder_epoch(epoch, width, rho),
        )
    }

    /// Trains the head on the last codes and puts it on the cascaded encoders.
    fn train_head(&mut self, pretrained: &Pretrained) -> Result<DeepNetwork, TrainError> {
        let (objective, training) = &self.settings.softmax;
        let mut rng = stream(self.settings.seed, Stream::Head);
        let head = self.head(pretrained.train.width())?;
        let head = head.init(&mut rng, DType::F32, self.device);
        let (data, device) = (self.data, self.device);
        let train = labelled(data.train, &pretrained.train, device);
        let validation = data
            .validation
            .zip(pretrained.validation.as_ref())
            .map(|(set, codes)| Labelled {
                classes: train.classes,
                ..labelled(set, codes, device)
            });
        let fitted: Fitted<Softmax> = self.fit(
            Stage::Softmax,
            objective,
            head,
            sae_train::Samples { train, validation },
            training,
            Stream::HeadOrder,
            Details::of_classifier_epoch,
        )?;
        Ok(DeepNetwork::stack(&pretrained.autoencoders, fitted.model)?)
    }

    /// Trains all weights of `network` on the raw samples.
    fn fine_tune(&mut self, stage: Stage, network: DeepNetwork) -> Result<DeepNetwork, TrainError> {
        let (objective, training) = &self.settings.finetune;
        let (data, device) = (self.data, self.device);
        let source = |set| {
            let set: &Dataset = set;
            labelled(set, &set.samples, device)
        };
        let train = source(data.train);
        let validation = data.validation.map(|set| Labelled {
            classes: train.classes,
            ..source(set)
        });
        let fitted = self.fit(
            stage,
            objective,
            network,
            sae_train::Samples { train, validation },
            training,
            Stream::FineTuneOrder,
            Details::of_classifier_epoch,
        )?;
        Ok(fitted.model)
    }

    /// A network of the stack's shape with random weights.
    fn random_network(&self) -> Result<DeepNetwork, TrainError> {
        let mut rng = stream(self.settings.seed, Stream::Control);
        let mut inputs = self.data.train.samples.width();
        let mut encoders = Vec::new();
        for layer in &self.settings.layers {
            let size = DenseConfig::new(inputs, layer.hidden)
                .with_activation(layer.architecture.activation());
            encoders.push(size.init(&mut rng, DType::F32, self.device));
            inputs = layer.hidden;
        }
        let head = self.head(inputs)?;
        let head = head.init(&mut rng, DType::F32, self.device);
        Ok(DeepNetwork::new(encoders, head)?)
    }

    fn head(&self, features: usize) -> Result<SoftmaxConfig, TrainError> {
        let classes = self.data.train.classes.len();
        Ok(SoftmaxConfig::new(features, classes)?)
    }

    fn evaluated(&mut self, stage: Stage, network: &DeepNetwork) -> Result<Evaluation, TrainError> {
        let evaluation = evaluate(network, self.data.test, self.device)?;
        self.observer
            .finished(stage, Outcome::Network(network, &evaluation))?;
        Ok(evaluation)
    }

    #[expect(clippy::too_many_arguments, reason = "one per part of a stage")]
    fn fit<O: Objective, S: sae_train::Source<Batch = O::Batch>>(
        &mut self,
        stage: Stage,
        objective: &O,
        model: O::Model,
        samples: sae_train::Samples<S>,
        training: &Training,
        order: Stream,
        details: impl Fn(&Epoch) -> Details,
    ) -> Result<Fitted<O::Model>, TrainError> {
        self.observer.started(stage, training);
        let mut rng = stream(self.settings.seed, order);
        let name = stage.to_string();
        fit(
            &name,
            objective,
            model,
            samples,
            training,
            &mut rng,
            |epoch| {
                let metrics = EpochMetrics::new(name.clone(), epoch, details(epoch));
                self.observer.epoch(stage, &metrics)
            },
        )
    }
}

/// `samples` with the labels of the set that they come from.
fn labelled<'a>(set: &'a Dataset, samples: &'a Samples, device: &'a Device) -> Labelled<'a> {
    Labelled {
        inputs: Inputs::new(samples, device),
        labels: &set.labels,
        classes: set.classes.len(),
    }
}
