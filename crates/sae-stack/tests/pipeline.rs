//! The whole pipeline: its stages, what they report, and that reports are read as they are written.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;

use burn::tensor::Device;
use sae_data::{
    Corruption, CorruptionKind, Corruptor, Dataset, ImageShape, Labels, Samples, Stream, Tensors,
    stream, uniform,
};
use sae_model::{
    Architecture, CrossEntropy, DeepNetwork, FineTuning, SparseAutoencoder, SparseObjective, Unit,
    term,
};
use sae_stack::{
    ClassifierSettings, Details, EpochMetrics, Evaluation, Finished, LayerReport, LayerSettings,
    Moment, Observer, Parts, Reached, ReachedNow, StackData, StackSettings, Stage, Summary,
    Trained, WeightsNow, continue_stack, evaluate, train_stack, weights_of,
};
use sae_train::{BatchSize, Compute, Fused, Optimizer, Stopped, TrainError, Training, VectorMut};

const WIDTH: usize = 6;

/// Two classes: bright on the left, bright on the right.
fn dataset(rows: usize, seed: u64) -> Dataset {
    let mut rng = stream(seed, Stream::Split);
    let labels: Vec<u32> = (0..rows).map(|row| (row % 2) as u32).collect();
    let mut pixel = |row: usize, column: usize| {
        let bright = (column < WIDTH / 2) == (labels[row] == 0);
        let middle = if bright { 0.7 } else { 0.3 };
        (middle + uniform(&mut rng, -0.2, 0.2)) as f32
    };
    let values = (0..rows * WIDTH)
        .map(|i| pixel(i / WIDTH, i % WIDTH))
        .collect();
    Dataset {
        samples: Samples::Floats {
            width: WIDTH,
            values,
        }
        .into(),
        labels: Some(Labels {
            values: labels,
            classes: vec!["left".to_owned(), "right".to_owned()],
        }),
        image: ImageShape::grey(1, WIDTH),
        names: vec![],
    }
}

fn training(epochs: usize) -> Training {
    Training {
        epochs,
        learning_rate: 0.05,
        batch: BatchSize::Rows(16),
        ..Training::default()
    }
}

fn settings(classifier: bool) -> StackSettings {
    let layer = |hidden, architecture| LayerSettings {
        hidden,
        architecture,
        corruption: None,
        objective: SparseObjective::new(1e-4, 0.1, 0.2).unwrap(),
        training: training(3),
    };
    let tied = Architecture {
        encoder: Unit::Tanh,
        tied: true,
        ..Architecture::default()
    };
    StackSettings {
        seed: 1,
        layers: vec![layer(5, Architecture::default()), layer(4, tied)],
        classifier: classifier.then(|| ClassifierSettings {
            corruption: None,
            head: CrossEntropy::new(1e-4).unwrap(),
            network: FineTuning::new(1e-4).unwrap(),
            softmax: training(20),
            finetune: training(10),
            control: true,
        }),
    }
}

/// Everything that it is told.
#[derive(Default)]
struct Recorder {
    said: Vec<String>,
    metrics: Vec<EpochMetrics>,
    reports: Vec<LayerReport>,
    evaluations: Vec<Evaluation>,
    /// The weights after the last epoch of a stage, and after how many it was told of them.
    weights: (Option<Tensors>, usize),
}

impl Observer for Recorder {
    fn started(&mut self, stage: Stage, _: &Training, _: usize) {
        self.said.push(format!("{stage} begins"));
    }

    fn epoch(&mut self, stage: Stage, metrics: &EpochMetrics) -> Result<(), TrainError> {
        assert_eq!(metrics.stage, stage.to_string());
        self.metrics.push(metrics.clone());
        Ok(())
    }

    fn in_training(&mut self, _: Stage, weights: WeightsNow<'_>) -> Result<(), TrainError> {
        self.weights = (Some(weights()?), self.weights.1 + 1);
        Ok(())
    }

    fn finished(&mut self, stage: Stage, finished: Finished<'_>) -> Result<(), TrainError> {
        self.said.push(format!("{stage} ends"));
        // What was seen last is what the stage leaves; the head was trained by itself.
        let left = match finished {
            Finished::Autoencoder { model, .. } => weights_of(model),
            Finished::Network(network, _) => weights_of(network),
        };
        let (seen, epochs) = std::mem::take(&mut self.weights);
        let own = self.metrics.iter().filter(|m| m.stage == stage.to_string());
        assert_eq!(epochs, own.count(), "{stage}");
        let seen = seen.expect("a stage has epochs");
        match stage {
            Stage::Softmax => assert_eq!(seen, left.below("head.")),
            _ => assert_eq!(seen, left),
        }
        match finished {
            Finished::Autoencoder { report, .. } => self.reports.push(report.clone()),
            Finished::Network(_, evaluation) => self.evaluations.push(evaluation.clone()),
        }
        Ok(())
    }
}

fn trained(classifier: bool, fused: Fused) -> (Trained, Recorder, [Dataset; 2]) {
    let sets = [dataset(50, 1), dataset(20, 2)];
    let data = StackData::new(&sets[0], Some(&sets[1]), &sets[1]);
    let compute = Compute {
        fused,
        ..Compute::on_cpu(Device::flex(), 2)
    };
    let mut recorder = Recorder::default();
    let trained = train_stack(&settings(classifier), data, &compute, &mut recorder).unwrap();
    (trained, recorder, sets)
}

/// Each line has what belongs to its kind of model, and quantiles that fit the mean.
fn assert_says_all(metrics: &EpochMetrics) {
    assert!(metrics.gradient_norm.unwrap() > 0.0, "{metrics:?}");
    assert!(metrics.validation_objective.is_some());
    let quantiles = &metrics.rho_hat_quantiles;
    match metrics.details {
        Details::Autoencoder { mean_rho_hat, .. } => {
            assert_eq!(quantiles.len(), 21);
            assert!(quantiles.is_sorted());
            assert!((quantiles[0]..=quantiles[20]).contains(&mean_rho_hat));
            assert!(metrics.validation_rmse.is_some() && metrics.validation_accuracy.is_none());
        }
        Details::Classifier { .. } => {
            assert!(quantiles.is_empty() && metrics.validation_rmse.is_none());
            assert!(metrics.validation_accuracy.is_some());
        }
    }
}

#[test]
fn stages_follow_each_other_and_are_told() {
    for fused in [Fused::Auto, Fused::Never] {
        let (trained, told, sets) = trained(true, fused);
        let stages = [
            "autoencoder-1",
            "autoencoder-2",
            "softmax",
            "finetune",
            "control",
        ];
        let expected: Vec<String> = stages
            .iter()
            .flat_map(|stage| [format!("{stage} begins"), format!("{stage} ends")])
            .collect();
        assert_eq!(told.said, expected);
        for (stage, epochs) in stages.into_iter().zip([3, 3, 20, 10, 10]) {
            let own = told.metrics.iter().filter(|m| m.stage == stage);
            let numbers: Vec<usize> = own.map(|m| m.epoch).collect();
            assert_eq!(numbers, (1..=epochs).collect::<Vec<_>>(), "{stage}");
        }
        told.metrics.iter().for_each(assert_says_all);
        // The last epoch's validation figures are those of the trained network.
        let last = told
            .metrics
            .iter()
            .rfind(|m| m.stage == "finetune")
            .unwrap();
        let accuracy = last.validation_accuracy.unwrap();
        assert_eq!(trained.summary.layers, told.reports);
        let [first, second] = &trained.summary.layers[..] else {
            panic!("two layers");
        };
        assert_eq!(
            [(first.inputs, first.hidden), (second.inputs, second.hidden)],
            [(6, 5), (5, 4)]
        );
        let summary = trained.summary.classifier.unwrap();
        let ends = [summary.softmax, summary.finetune, summary.control];
        let ends = ends.map(|end| end.map(|end| (end.epochs, end.stopped)));
        assert_eq!(
            ends,
            [20, 10, 10].map(|epochs| Some((epochs, Stopped::Epochs)))
        );
        let of = [
            summary.before_finetuning,
            summary.after_finetuning.clone(),
            summary.from_random.unwrap(),
        ];
        assert_eq!(told.evaluations, of);
        // The classes are far apart.
        assert!(
            summary.after_finetuning.accuracy > 0.9,
            "{:?}",
            summary.after_finetuning
        );
        assert!((accuracy - summary.after_finetuning.accuracy).abs() < 1e-12);
        let network = trained.network.unwrap();
        let again = evaluate(&network, &sets[1], &Device::flex()).unwrap();
        assert_eq!(again, summary.after_finetuning);
    }
}

/// One after the other, the parts are the whole; a head without autoencoders is on the samples.
#[test]
fn parts_make_the_whole() {
    for fused in [Fused::Auto, Fused::Never] {
        let (trained, _, sets) = trained(true, fused);
        let settings = settings(true);
        let compute = Compute {
            fused,
            ..Compute::on_cpu(Device::flex(), 2)
        };
        let parts = Parts {
            settings: &settings,
            data: StackData::new(&sets[0], Some(&sets[1]), &sets[1]),
            compute: &compute,
        };
        let summary = trained.summary.classifier.unwrap();
        let autoencoders = parts.pretrain(&mut ()).unwrap();
        let head = parts.head(&autoencoders, &mut ()).unwrap();
        assert_eq!(head.evaluation, summary.before_finetuning);
        assert_eq!(Some(head.ended), summary.softmax);
        let tuned = parts.fine_tune(head.network, &mut ()).unwrap();
        assert_eq!(tuned.evaluation, summary.after_finetuning);
        assert_eq!(Some(tuned.ended), summary.finetune);
        assert_eq!(
            weights_of(&tuned.network).to_bytes(),
            weights_of(&trained.network.unwrap()).to_bytes()
        );
        let random = parts.fine_tune_random(&mut ()).unwrap();
        assert_eq!(Some(random.evaluation), summary.from_random);
        assert_eq!(Some(random.ended), summary.control);
        let alone = parts.head(&[], &mut ()).unwrap();
        assert_eq!(
            (alone.network.inputs(), alone.network.encoders.len()),
            (WIDTH, 0)
        );
        assert!(alone.evaluation.accuracy > 0.9, "{:?}", alone.evaluation);
    }
}

/// Fine-tuning sees corrupted inputs: what its first step minimised is the cross-entropy of the network
/// that it began with, on the training samples as the first epoch corrupts them.
#[test]
fn fine_tuning_sees_corrupted_inputs() {
    let (rows, seed) = (50, 1);
    let data = dataset(rows, 1);
    let corruption = Corruption {
        kind: CorruptionKind::Masking,
        amount: 0.4,
    };
    let mut settings = settings(true);
    let classifier = settings.classifier.as_mut().unwrap();
    classifier.corruption = Some(corruption);
    classifier.finetune.batch = BatchSize::Full;
    for fused in [Fused::Auto, Fused::Never] {
        let compute = Compute {
            fused,
            ..Compute::on_cpu(Device::flex(), 2)
        };
        let sets = StackData::new(&data, None, &data);
        let mut told = FirstNetwork::default();
        train_stack(&settings, sets, &compute, &mut told).unwrap();
        let all: Vec<usize> = (0..rows).collect();
        let mut values = data.samples.all().unwrap().gather(&all);
        Corruptor::new(corruption, rows, seed, Stream::FineTuneCorruption).apply(&all, &mut values);
        let corrupted = Dataset {
            samples: Samples::Floats {
                width: WIDTH,
                values,
            }
            .into(),
            ..data.clone()
        };
        let [clean, noisy] = [&data, &corrupted].map(|data| {
            let network = told.network.as_ref().unwrap();
            evaluate(network, data, &Device::flex())
                .unwrap()
                .cross_entropy
        });
        let found = told.cross_entropy.unwrap();
        assert!((found - noisy).abs() < 1e-5 * noisy, "{found} {noisy}");
        assert!((found - clean).abs() > 0.01 * clean, "{found} {clean}");
    }
}

/// Copies how far the pipeline has come, at every moment; or stops it at one of them.
#[derive(Default)]
struct Copies {
    moments: Vec<(Stage, Moment, Reached)>,
    restored: Vec<Stage>,
    epochs: Vec<(String, usize)>,
}

impl Observer for Copies {
    fn restored(&mut self, stage: Stage) {
        self.restored.push(stage);
    }

    fn epoch(&mut self, _: Stage, metrics: &EpochMetrics) -> Result<(), TrainError> {
        self.epochs.push((metrics.stage.clone(), metrics.epoch));
        Ok(())
    }

    fn reached(
        &mut self,
        stage: Stage,
        moment: Moment,
        reached: ReachedNow<'_>,
    ) -> Result<(), TrainError> {
        self.moments.push((stage, moment, reached()?));
        Ok(())
    }
}

/// From wherever it was left, as JSON that another process could read, with its vectors apart.
#[test]
fn a_pipeline_goes_on_from_every_moment() {
    let sets = [dataset(50, 1), dataset(20, 2)];
    let data = StackData::new(&sets[0], Some(&sets[1]), &sets[1]);
    let compute = Compute::on_cpu(Device::flex(), 2);
    let mut settings = settings(true);
    settings.layers[0].training.optimizer = Optimizer::Lbfgs;
    settings.layers[0].training.batch = BatchSize::Full;
    settings.layers[1].training.validation_patience = 2;
    let whole = |trained: &Trained| {
        let network = weights_of(trained.network.as_ref().unwrap());
        (network, format!("{:?}", trained.summary))
    };
    let mut copies = Copies::default();
    let undisturbed = train_stack(&settings, data, &compute, &mut copies).unwrap();
    let steps = |moment| copies.moments.iter().filter(|m| m.1 == moment).count();
    assert_eq!(steps(Moment::StageEnd), 5);
    // Four steps an epoch, of which one ends it; the first stage has one an epoch.
    assert_eq!(steps(Moment::Epoch), copies.epochs.len());
    assert_eq!(steps(Moment::Step), 3 * (copies.epochs.len() - 3));
    for (number, (stage, moment, reached)) in copies.moments.iter().enumerate().step_by(7) {
        let mut hollow = reached.clone();
        let mut apart = BTreeMap::new();
        hollow.visit_vectors(&mut |name, vector| {
            let taken: Vec<f64> = match vector {
                VectorMut::Single(values) => {
                    std::mem::take(values).into_iter().map(f64::from).collect()
                }
                VectorMut::Double(values) => std::mem::take(values),
            };
            assert!(
                apart.insert(name.to_owned(), taken).is_none(),
                "{name} twice"
            );
        });
        let text = serde_json::to_string(&hollow).unwrap();
        let mut read: Reached = serde_json::from_str(&text).unwrap();
        read.visit_vectors(&mut |name, vector| match vector {
            VectorMut::Single(values) => {
                *values = apart[name].iter().map(|&value| value as f32).collect();
            }
            VectorMut::Double(values) => values.clone_from(&apart[name]),
        });
        assert_eq!(&read, reached);
        let mut rest = Copies::default();
        let again = continue_stack(&settings, data, &compute, read, &mut rest).unwrap();
        assert_eq!(
            whole(&again),
            whole(&undisturbed),
            "{stage}, {moment:?}, {number}"
        );
        assert_eq!(rest.restored.len(), reached.finished.len());
        assert!(copies.epochs.ends_with(&rest.epochs));
    }
}

/// A stage that ran all its epochs takes more of them as if it had been given them at once.
#[test]
fn a_finished_stage_can_have_more_epochs() {
    let sets = [dataset(50, 1), dataset(20, 2)];
    let data = StackData::new(&sets[0], None, &sets[1]);
    let compute = Compute::on_cpu(Device::flex(), 2);
    let (short, mut long) = (settings(true), settings(true));
    long.layers[1].training.epochs = 5;
    let mut copies = Copies::default();
    train_stack(&short, data, &compute, &mut copies).unwrap();
    let mut ends = copies.moments.into_iter();
    let end = ends
        .find(|(stage, moment, _)| (*stage, *moment) == (Stage::Autoencoder(2), Moment::StageEnd));
    let (.., end) = end.unwrap();
    let further = continue_stack(&long, data, &compute, end.clone(), &mut ()).unwrap();
    let at_once = train_stack(&long, data, &compute, &mut ()).unwrap();
    let network = |trained: &Trained| weights_of(trained.network.as_ref().unwrap());
    assert_eq!(network(&further), network(&at_once));
    long.layers[1].training.epochs = 2;
    let refused = continue_stack(&long, data, &compute, end, &mut ()).unwrap_err();
    let expected =
        "the number of epochs that were run is 3; expected at most 2, the epochs of the settings";
    assert_eq!(refused.to_string(), expected);
}

/// The network that fine-tuning begins with, and the cross-entropy that its first epoch reports.
#[derive(Default)]
struct FirstNetwork {
    network: Option<DeepNetwork>,
    cross_entropy: Option<f64>,
}

impl Observer for FirstNetwork {
    fn epoch(&mut self, stage: Stage, metrics: &EpochMetrics) -> Result<(), TrainError> {
        if stage == Stage::FineTune && metrics.epoch == 1 {
            self.cross_entropy = metrics.terms.get(term::CROSS_ENTROPY);
        }
        Ok(())
    }

    fn finished(&mut self, stage: Stage, finished: Finished<'_>) -> Result<(), TrainError> {
        if let (Stage::Softmax, Finished::Network(network, _)) = (stage, finished) {
            self.network = Some(network.clone());
        }
        Ok(())
    }
}

/// By plain loops over the parameters: codes of some rows, their RMSE and mean activities.
fn by_loops(model: &SparseAutoencoder, rows: &[f64]) -> (Vec<f64>, f64, f64) {
    let parameters = sae_model::named_parameters(model);
    let (n, h) = (model.inputs(), model.hidden());
    let (w1, b, c) = (
        &parameters[0].values,
        &parameters[1].values,
        &parameters.last().unwrap().values,
    );
    let tied = model.architecture().tied;
    let w2 = |j: usize, i: usize| match tied {
        true => w1[i * h + j],
        false => parameters[2].values[j * n + i],
    };
    let unit = |unit: Unit, p: f64| match unit {
        Unit::Tanh => p.tanh(),
        _ => 1.0 / (1.0 + (-p).exp()),
    };
    let (mut codes, mut squares) = (Vec::new(), 0.0);
    for x in rows.chunks(n) {
        let pre = |j: usize| b[j] + (0..n).map(|i| x[i] * w1[i * h + j]).sum::<f64>();
        let code: Vec<f64> = (0..h)
            .map(|j| unit(model.architecture().encoder, pre(j)))
            .collect();
        for i in 0..n {
            let p = c[i] + (0..h).map(|j| code[j] * w2(j, i)).sum::<f64>();
            squares += (unit(model.architecture().decoder, p) - x[i]).powi(2);
        }
        codes.extend(code);
    }
    let mean = codes.iter().sum::<f64>() / codes.len() as f64;
    let activity = match model.architecture().encoder {
        Unit::Tanh => 0.5 * (1.0 + mean),
        _ => mean,
    };
    (codes, (squares / rows.len() as f64).sqrt(), activity)
}

#[test]
fn reports_of_layers_are_those_of_plain_loops() {
    for fused in [Fused::Auto, Fused::Never] {
        let (trained, _, sets) = trained(false, fused);
        let mut rows = sets.map(|set| {
            let all: Vec<usize> = (0..set.rows()).collect();
            set.samples.all().unwrap().gather_doubles(&all)
        });
        for (model, report) in trained.autoencoders.iter().zip(&trained.summary.layers) {
            for (rows, details) in rows.iter_mut().zip([report.train, report.test]) {
                let (codes, expected, expected_mean) = by_loops(model, rows);
                let Details::Autoencoder {
                    rmse, mean_rho_hat, ..
                } = details
                else {
                    panic!("{details:?}");
                };
                assert!((rmse / expected - 1.0).abs() < 1e-6, "{rmse} {expected}");
                assert!((mean_rho_hat / expected_mean - 1.0).abs() < 1e-6);
                *rows = codes;
            }
        }
        assert!(trained.network.is_none() && trained.summary.classifier.is_none());
    }
}

fn assert_comes_back<T>(value: &T)
where
    T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
{
    let json = serde_json::to_string(value).unwrap();
    assert_eq!(&serde_json::from_str::<T>(&json).unwrap(), value, "{json}");
}

#[test]
fn reports_are_read_as_they_are_written() {
    for classifier in [false, true] {
        let (trained, told, _) = trained(classifier, Fused::Auto);
        told.metrics.iter().for_each(assert_comes_back);
        told.reports.iter().for_each(assert_comes_back);
        told.evaluations.iter().for_each(assert_comes_back);
        assert_comes_back::<Summary>(&trained.summary);
    }
    let full = EpochMetrics {
        stage: "autoencoder-1".to_owned(),
        epoch: 3,
        objective: 0.1 + 0.2,
        terms: [("reconstruction", 1.0 / 3.0), ("l1", 5e-324)]
            .into_iter()
            .collect(),
        details: Details::autoencoder(0.1, &[0.001, 0.95], 0.05, Unit::Sigmoid),
        rho_hat_quantiles: (1..=21).map(|k| 1.0 / f64::from(k)).collect(),
        gradient_norm: Some(1e-300),
        validation_objective: Some(1e300),
        validation_rmse: Some(0.1),
        validation_accuracy: Some(1.0 / 3.0),
        learning_rate: 0.1,
        clipped: 3,
        retreats: 1,
        seconds: 0.5,
        waited: 0.0,
        samples_per_second: 1e6,
    };
    assert_comes_back(&full);
    let stops = [
        Stopped::Epochs,
        Stopped::Converged,
        Stopped::GradientNorm,
        Stopped::Validation,
        Stopped::NoProgress,
    ];
    stops.iter().for_each(assert_comes_back);
}

#[test]
fn a_classifier_needs_labels_before_anything_is_trained() {
    let labelled = dataset(10, 1);
    let without = Dataset {
        labels: None,
        ..dataset(10, 2)
    };
    for (train, test) in [(&without, &labelled), (&labelled, &without)] {
        let data = StackData::new(train, None, test);
        let mut told = Recorder::default();
        let compute = Compute::on_cpu(Device::flex(), 1);
        let error = train_stack(&settings(true), data, &compute, &mut told).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("classifier is set for samples"),
            "{error}"
        );
        assert!(told.said.is_empty());
    }
}
