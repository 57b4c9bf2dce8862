//! Pretrain, train the softmax head, fine-tune, evaluate.

use std::borrow::Cow;
use std::fmt;

use burn::tensor::{DType, Device};
use sae_data::{Corruptor, Dataset, Labels, Samples, Stream, stream};
use sae_model::{
    AutoencoderConfig, DeepNetwork, DenseConfig, Objective, Softmax, SoftmaxConfig,
    SparseAutoencoder,
};
use sae_train::{Epoch, Fitted, Inputs, Labelled, TrainError, Training, Unlabelled, fit};
use serde::Serialize;

use crate::codes::{LayerReport, encode, encode_samples};
use crate::metrics::{Details, EpochMetrics};
use crate::{ClassifierSettings, Evaluation, LayerSettings, StackSettings, evaluate};

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
    /// The classifier's, where one was trained.
    #[serde(flatten)]
    pub classifier: Option<ClassifierSummary>,
}

/// The figures of the supervised part of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClassifierSummary {
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
    // Whether there are labels is settled before hours of pretraining.
    let supervised = match &settings.classifier {
        Some(classifier) => Some((classifier, labels_of(data)?)),
        None => None,
    };
    let pretrained = run.pretrain()?;
    let classifier = match supervised {
        Some((classifier, labels)) => Some(run.classifier(classifier, labels, &pretrained)?),
        None => None,
    };
    Ok(Summary {
        layers: pretrained.reports,
        classifier,
    })
}

/// The labels of a run's samples.
#[derive(Clone, Copy)]
struct RunLabels<'a> {
    train: &'a Labels,
    validation: Option<&'a Labels>,
}

fn labels_of(data: StackData<'_>) -> Result<RunLabels<'_>, TrainError> {
    let missing = || TrainError::Setting {
        name: "classifier",
        found: "set for samples without labels".to_owned(),
        expected: "labels, or no classifier",
    };
    let labels = |set: &'_ Dataset| set.labels.is_some().then_some(()).ok_or_else(missing);
    labels(data.test)?;
    Ok(RunLabels {
        train: data.train.labels.as_ref().ok_or_else(missing)?,
        validation: match data.validation {
            Some(set) => Some(set.labels.as_ref().ok_or_else(missing)?),
            None => None,
        },
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
        let mut train = Cow::Borrowed(&self.data.train.samples);
        let mut validation = self.data.validation.map(|set| Cow::Borrowed(&set.samples));
        let mut test = Cow::Borrowed(&self.data.test.samples);
        let mut autoencoders = Vec::new();
        let mut reports = Vec::new();
        for (index, layer) in self.settings.layers.iter().enumerate() {
            let stage = Stage::Autoencoder(index + 1);
            let fitted = self.fit_autoencoder(index, layer, &train, validation.as_deref())?;
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
            train = Cow::Owned(on_train.codes);
            test = Cow::Owned(on_test.codes);
            validation = validation.map(|s| Cow::Owned(encode_samples(&model, &s, self.device)));
            autoencoders.push(model);
            reports.push(report);
        }
        Ok(Pretrained {
            autoencoders,
            reports,
            train: train.into_owned(),
            validation: validation.map(Cow::into_owned),
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

    /// Trains the head, fine-tunes, and does the same from random weights where that is asked for.
    fn classifier(
        &mut self,
        settings: &ClassifierSettings,
        labels: RunLabels<'_>,
        pretrained: &Pretrained,
    ) -> Result<ClassifierSummary, TrainError> {
        let network = self.train_head(settings, labels, pretrained)?;
        let before_finetuning = self.evaluated(Stage::Softmax, &network)?;
        let network = self.fine_tune(Stage::FineTune, settings, labels, network)?;
        let after_finetuning = self.evaluated(Stage::FineTune, &network)?;
        let mut from_random = None;
        if settings.control {
            let network = self.random_network(labels)?;
            let network = self.fine_tune(Stage::Control, settings, labels, network)?;
            from_random = Some(self.evaluated(Stage::Control, &network)?);
        }
        Ok(ClassifierSummary {
            before_finetuning,
            after_finetuning,
            from_random,
        })
    }

    /// Trains the head on the last codes and puts it on the cascaded encoders.
    fn train_head(
        &mut self,
        settings: &ClassifierSettings,
        labels: RunLabels<'_>,
        pretrained: &Pretrained,
    ) -> Result<DeepNetwork, TrainError> {
        let (objective, training) = &settings.softmax;
        let mut rng = stream(self.settings.seed, Stream::Head);
        let head = head(pretrained.train.width(), labels)?;
        let head = head.init(&mut rng, DType::F32, self.device);
        let validation = pretrained.validation.as_ref();
        let samples = labelled(labels, &pretrained.train, validation, self.device);
        let fitted: Fitted<Softmax> = self.fit(
            Stage::Softmax,
            objective,
            head,
            samples,
            training,
            Stream::HeadOrder,
            Details::of_classifier_epoch,
        )?;
        Ok(DeepNetwork::stack(&pretrained.autoencoders, fitted.model)?)
    }

    /// Trains all weights of `network` on the raw samples.
    fn fine_tune(
        &mut self,
        stage: Stage,
        settings: &ClassifierSettings,
        labels: RunLabels<'_>,
        network: DeepNetwork,
    ) -> Result<DeepNetwork, TrainError> {
        let (objective, training) = &settings.finetune;
        let validation = self.data.validation.map(|set| &set.samples);
        let samples = labelled(labels, &self.data.train.samples, validation, self.device);
        let fitted = self.fit(
            stage,
            objective,
            network,
            samples,
            training,
            Stream::FineTuneOrder,
            Details::of_classifier_epoch,
        )?;
        Ok(fitted.model)
    }

    /// A network of the stack's shape with random weights.
    fn random_network(&self, labels: RunLabels<'_>) -> Result<DeepNetwork, TrainError> {
        let mut rng = stream(self.settings.seed, Stream::Control);
        let mut inputs = self.data.train.samples.width();
        let mut encoders = Vec::new();
        for layer in &self.settings.layers {
            let size = DenseConfig::new(inputs, layer.hidden)
                .with_activation(layer.architecture.activation());
            encoders.push(size.init(&mut rng, DType::F32, self.device));
            inputs = layer.hidden;
        }
        let head = head(inputs, labels)?;
        let head = head.init(&mut rng, DType::F32, self.device);
        Ok(DeepNetwork::new(encoders, head)?)
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

fn head(features: usize, labels: RunLabels<'_>) -> Result<SoftmaxConfig, TrainError> {
    Ok(SoftmaxConfig::new(features, labels.train.classes.len())?)
}

/// Samples, raw or codes, with the labels of the sets that they come from.
fn labelled<'a>(
    labels: RunLabels<'a>,
    train: &'a Samples,
    validation: Option<&'a Samples>,
    device: &'a Device,
) -> sae_train::Samples<Labelled<'a>> {
    let classes = labels.train.classes.len();
    let source = |samples, labels: &'a Labels| Labelled {
        inputs: Inputs::new(samples, device),
        labels: &labels.values,
        classes,
    };
    let validation = validation.zip(labels.validation);
    sae_train::Samples {
        train: source(train, labels.train),
        validation: validation.map(|(samples, labels)| source(samples, labels)),
    }
}
