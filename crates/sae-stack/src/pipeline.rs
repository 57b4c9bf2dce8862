//! Pretrain, train the softmax head, fine-tune, evaluate.

use sae_data::{Corruptor, Inputs, Labels, Stream, stream};
use sae_kernels::Setting;
use sae_model::{DeepNetwork, DenseConfig, Figures, SoftmaxConfig, SparseAutoencoder};
use sae_train::{Compute, Data, Fitted, Task, TrainError};

use burn::tensor::DType;

use crate::codes::{LayerReport, encode, measure};
use crate::evaluation::evaluate_part;
use crate::metrics::Details;
use crate::observer::{Finished, Observer};
use crate::reached::Reached;
use crate::stage::{ClassifierSummary, Ended, Stage, Summary, Trained, TrainedNetwork};
use crate::{ClassifierSettings, LayerSettings, StackData, StackSettings};

/// Runs the whole pipeline.
///
/// # Errors
///
/// Refuses settings outside their ranges and data that do not fit together; stops when an
/// objective is no longer finite or the observer fails.
pub fn train_stack(
    settings: &StackSettings,
    data: StackData<'_>,
    compute: &Compute,
    observer: &mut dyn Observer,
) -> Result<Trained, TrainError> {
    continue_stack(settings, data, compute, Reached::default(), observer)
}

/// Runs the rest of a pipeline that had come as far as `reached`, with the same settings, data and kind of
/// executor; what it gives is the same to the last bit. A stage may have more epochs than it had then.
///
/// # Errors
///
/// As [`train_stack`]; refuses what was reached with other settings.
pub fn continue_stack(
    settings: &StackSettings,
    data: StackData<'_>,
    compute: &Compute,
    reached: Reached,
    observer: &mut dyn Observer,
) -> Result<Trained, TrainError> {
    let mut run = Run {
        settings,
        data,
        compute,
        observer,
        reached,
    };
    // Whether there are labels is settled before hours of pretraining.
    let supervised = match &settings.classifier {
        Some(classifier) => Some((classifier, labels_of(data)?)),
        None => None,
    };
    let pretrained = run.pretrain()?;
    let (network, classifier) = match supervised {
        Some((classifier, labels)) => {
            let (network, summary) = run.classifier(classifier, labels, &pretrained)?;
            (Some(network), Some(summary))
        }
        None => (None, None),
    };
    Ok(Trained {
        autoencoders: pretrained.autoencoders,
        network,
        summary: Summary {
            layers: pretrained.reports,
            classifier,
        },
    })
}

/// The labels of a run's samples.
#[derive(Clone, Copy)]
pub(crate) struct RunLabels<'a> {
    train: &'a Labels,
    validation: Option<&'a Labels>,
}

pub(crate) fn labels_of(data: StackData<'_>) -> Result<RunLabels<'_>, TrainError> {
    let missing = || {
        let found = "set for samples without labels";
        Setting::new("classifier", found, "labels, or no classifier")
    };
    data.test.labels.as_ref().ok_or_else(missing)?;
    Ok(RunLabels {
        train: data.train.labels.as_ref().ok_or_else(missing)?,
        validation: match data.validation {
            Some(set) => Some(set.labels.as_ref().ok_or_else(missing)?),
            None => None,
        },
    })
}

pub(crate) struct Run<'a> {
    pub settings: &'a StackSettings,
    pub data: StackData<'a>,
    pub compute: &'a Compute,
    pub observer: &'a mut dyn Observer,
    /// How far it has come.
    pub reached: Reached,
}

pub(crate) struct Pretrained<'a> {
    pub autoencoders: Vec<SparseAutoencoder>,
    pub reports: Vec<LayerReport>,
    /// The last codes of the training and validation samples, where a head is trained on them.
    pub train: Inputs<'a>,
    pub validation: Option<Inputs<'a>>,
}

impl<'a> Run<'a> {
    /// Trains each autoencoder on the codes of the one before.
    pub(crate) fn pretrain(&mut self) -> Result<Pretrained<'a>, TrainError> {
        let mut train = self.data.train.samples.borrowed();
        let mut validation = self.data.validation.map(|set| set.samples.borrowed());
        let mut test = self.data.test.samples.borrowed();
        let mut autoencoders = Vec::new();
        let mut reports = Vec::new();
        for (index, layer) in self.settings.layers.iter().enumerate() {
            let stage = Stage::Autoencoder(index + 1);
            let (model, fitted) =
                self.fit_autoencoder(index, layer, &train, validation.as_ref())?;
            // Codes of the last layer are for a head.
            let is_last = index + 1 == self.settings.layers.len();
            let are_wanted = !is_last || self.settings.classifier.is_some();
            let look = |samples: &mut Inputs<'_>, whole| {
                if !are_wanted {
                    return measure(&model, samples, whole, self.compute);
                }
                let (codes, measured) = encode(&model, samples, whole, self.compute)?;
                *samples = codes;
                Ok::<_, TrainError>(measured)
            };
            let (whole, width) = (self.data.whole, train.width());
            let on_train = look(&mut train, whole.train)?;
            let on_test = look(&mut test, whole.test)?;
            if let (true, Some(validation)) = (are_wanted, &mut validation) {
                look(validation, whole.validation)?;
            }
            let (rho, unit) = (layer.objective.rho(), layer.architecture.encoder);
            let details = |rmse, rho_hat: &[f64]| Details::autoencoder(rmse, rho_hat, rho, unit);
            let report = LayerReport {
                layer: index + 1,
                inputs: width,
                hidden: layer.hidden,
                epochs: fitted.epochs,
                stopped: fitted.stopped,
                validation_objective: fitted.validation_objective,
                train: details(on_train.rmse, &on_train.rho_hat),
                test: details(on_test.rmse, &on_test.rho_hat),
            };
            let finished = Finished::Autoencoder {
                model: &model,
                report: &report,
                rho_hat: &on_train.rho_hat,
            };
            self.observer.finished(stage, finished)?;
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
        train: &Inputs<'_>,
        validation: Option<&Inputs<'_>>,
    ) -> Result<(SparseAutoencoder, Fitted), TrainError> {
        let number = index as u16;
        let seed = self.settings.seed;
        let (settings, device) = (self.settings, &self.compute.device);
        let model = settings.initial_autoencoder(index, train.width(), DType::F32, device)?;
        let corruptor = layer.corruption.map(|corruption| {
            let rows = self.data.whole.train;
            Corruptor::new(corruption, rows, seed, Stream::Corruption(number))
        });
        let whole = self.data.whole;
        let task = Task {
            stage: Stage::Autoencoder(index + 1).to_string(),
            train: Data {
                corruptor,
                ..Data::unlabelled(train).part_of(whole.train)
            },
            validation: validation.map(|v| Data::unlabelled(v).part_of(whole.validation)),
            seed,
            order: Stream::AutoencoderOrder(number),
            group: self.compute.group.clone(),
        };
        let (rho, unit, width) = (
            layer.objective.rho(),
            layer.architecture.encoder,
            train.width(),
        );
        let details = |figures: &Figures| Details::of_autoencoder(figures, width, rho, unit);
        let stage = Stage::Autoencoder(index + 1);
        self.fit(
            stage,
            &layer.objective,
            model,
            task,
            &layer.training,
            &details,
        )
    }

    /// Trains the head, fine-tunes, and does the same from random weights where that is asked for.
    fn classifier(
        &mut self,
        settings: &ClassifierSettings,
        labels: RunLabels<'_>,
        pretrained: &Pretrained<'_>,
    ) -> Result<(DeepNetwork, ClassifierSummary), TrainError> {
        let head = self.head(settings, labels, pretrained)?;
        let tuned = self.fine_tune(Stage::FineTune, settings, labels, head.network)?;
        let control = match settings.control {
            true => Some(self.fine_tune_random(settings, labels)?),
            false => None,
        };
        let summary = ClassifierSummary {
            before_finetuning: head.evaluation,
            after_finetuning: tuned.evaluation,
            softmax: Some(head.ended),
            finetune: Some(tuned.ended),
            control: control.as_ref().map(|control| control.ended),
            from_random: control.map(|control| control.evaluation),
        };
        Ok((tuned.network, summary))
    }

    /// Trains the head on the last codes and puts it on the cascaded encoders.
    pub(crate) fn head(
        &mut self,
        settings: &ClassifierSettings,
        labels: RunLabels<'_>,
        pretrained: &Pretrained<'_>,
    ) -> Result<TrainedNetwork, TrainError> {
        let (width, classes) = (pretrained.train.width(), labels.train.classes.len());
        let device = &self.compute.device;
        let head = self
            .settings
            .initial_head(width, classes, DType::F32, device)?;
        let validation = pretrained.validation.as_ref();
        let task = self.labelled_task(Stage::Softmax, labels, &pretrained.train, validation);
        let (head, fitted) = self.fit(
            Stage::Softmax,
            &settings.head,
            head,
            task,
            &settings.softmax,
            &Details::of_classifier,
        )?;
        let network = DeepNetwork::stack(&pretrained.autoencoders, head)?;
        self.evaluated(Stage::Softmax, network, &fitted)
    }

    /// Trains all weights of `network` on the raw samples.
    pub(crate) fn fine_tune(
        &mut self,
        stage: Stage,
        settings: &ClassifierSettings,
        labels: RunLabels<'_>,
        network: DeepNetwork,
    ) -> Result<TrainedNetwork, TrainError> {
        let validation = self.data.validation.map(|set| &set.samples);
        let train = &self.data.train.samples;
        let mut task = self.labelled_task(stage, labels, train, validation);
        let (seed, purpose) = (self.settings.seed, Stream::FineTuneCorruption);
        let whole = self.data.whole.train;
        task.train.corruptor = settings
            .corruption
            .map(|corruption| Corruptor::new(corruption, whole, seed, purpose));
        let (network, fitted) = self.fit(
            stage,
            &settings.network,
            network,
            task,
            &settings.finetune,
            &Details::of_classifier,
        )?;
        self.evaluated(stage, network, &fitted)
    }

    /// The same with random weights.
    pub(crate) fn fine_tune_random(
        &mut self,
        settings: &ClassifierSettings,
        labels: RunLabels<'_>,
    ) -> Result<TrainedNetwork, TrainError> {
        let network = self.random_network(labels)?;
        self.fine_tune(Stage::Control, settings, labels, network)
    }

    /// A network of the stack's shape with random weights.
    fn random_network(&self, labels: RunLabels<'_>) -> Result<DeepNetwork, TrainError> {
        let mut rng = stream(self.settings.seed, Stream::Control);
        let device = &self.compute.device;
        let mut inputs = self.data.train.samples.width();
        let mut encoders = Vec::new();
        for layer in &self.settings.layers {
            let size = DenseConfig::new(inputs, layer.hidden)
                .with_activation(layer.architecture.activation());
            encoders.push(size.init(&mut rng, DType::F32, device));
            inputs = layer.hidden;
        }
        let head = SoftmaxConfig::new(inputs, labels.train.classes.len())?;
        let head = head.init(&mut rng, DType::F32, device);
        Ok(DeepNetwork::new(encoders, head)?)
    }

    fn evaluated(
        &mut self,
        stage: Stage,
        network: DeepNetwork,
        fitted: &Fitted,
    ) -> Result<TrainedNetwork, TrainError> {
        let StackData { test, whole, .. } = self.data;
        let evaluation = evaluate_part(&network, test, whole.test, self.compute)?;
        self.observer
            .finished(stage, Finished::Network(&network, &evaluation))?;
        Ok(TrainedNetwork {
            network,
            evaluation,
            ended: Ended::of(fitted),
        })
    }

    /// Samples, raw or codes, with the labels of the sets that they come from.
    fn labelled_task<'s>(
        &self,
        stage: Stage,
        labels: RunLabels<'s>,
        train: &'s Inputs<'_>,
        validation: Option<&'s Inputs<'_>>,
    ) -> Task<'s> {
        let classes = labels.train.classes.len();
        let data = |samples: &'s Inputs<'_>, labels: &'s Labels, whole: usize| {
            Data::labelled(samples, &labels.values, classes).part_of(whole)
        };
        let whole = self.data.whole;
        let validation = validation.zip(labels.validation);
        Task {
            stage: stage.to_string(),
            train: data(train, labels.train, whole.train),
            validation: validation.map(|(samples, labels)| data(samples, labels, whole.validation)),
            seed: self.settings.seed,
            order: match stage {
                Stage::Softmax => Stream::HeadOrder,
                _ => Stream::FineTuneOrder,
            },
            group: self.compute.group.clone(),
        }
    }
}
