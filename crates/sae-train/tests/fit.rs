//! The training loop against the optimisers' formulas worked out in plain `f64` loops.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use burn::tensor::{DType, Device};
use sae_data::{Samples, Stream, stream};
use sae_model::{
    AutoencoderConfig, CrossEntropy, Dense, DenseConfig, GradientRule, Softmax, SparseObjective,
    named_parameters,
};
use sae_train::{BatchSize, Convergence, Inputs, Labelled, Optimiser, TrainError, Training, fit};

const FEATURES: usize = 2;
const CLASSES: usize = 3;
const INPUTS: [[f64; FEATURES]; 4] = [[0.0, 1.0], [0.5, 0.25], [1.0, 0.75], [0.125, 0.5]];
const LABELS: [u8; 4] = [0, 2, 1, 1];
const WEIGHTS: [f64; 6] = [0.3, -0.2, 0.5, 0.1, 0.4, -0.6];
const DECAY: f64 = 0.05;

/// The gradient of the softmax objective by all weights, then all biases.
fn gradient(theta: &[f64; 9]) -> [f64; 9] {
    let mut slope = [0.0; 9];
    for (x, &label) in INPUTS.iter().zip(&LABELS) {
        let score = |c: usize| theta[6 + c] + x[0] * theta[c] + x[1] * theta[3 + c];
        let sum: f64 = (0..CLASSES).map(|c| score(c).exp()).sum();
        for c in 0..CLASSES {
            let target = if usize::from(label) == c { 1.0 } else { 0.0 };
            let delta = (score(c).exp() / sum - target) / INPUTS.len() as f64;
            slope[c] += delta * x[0];
            slope[3 + c] += delta * x[1];
            slope[6 + c] += delta;
        }
    }
    for i in 0..6 {
        slope[i] += DECAY * theta[i];
    }
    slope
}

fn start() -> [f64; 9] {
    let mut theta = [0.0; 9];
    theta[..6].copy_from_slice(&WEIGHTS);
    theta
}

fn training(optimiser: Optimiser, rule: GradientRule) -> Training {
    Training {
        rule,
        optimiser,
        batch: BatchSize::Full,
        epochs: 5,
        convergence: None,
    }
}

fn fitted(optimiser: Optimiser, rule: GradientRule) -> Vec<f64> {
    let device = Device::flex();
    let size = DenseConfig::new(FEATURES, CLASSES);
    let bias = vec![0.0; CLASSES];
    let head = Softmax {
        output: Dense::from_values(size, WEIGHTS.to_vec(), bias, DType::F32, &device),
    };
    let samples = Samples::Floats {
        width: FEATURES,
        values: INPUTS.concat().iter().map(|&v| v as f32).collect(),
    };
    let source = Labelled {
        inputs: Inputs {
            samples: &samples,
            device: &device,
        },
        labels: &LABELS,
        classes: CLASSES,
    };
    let objective = CrossEntropy::new(DECAY).unwrap();
    let settings = training(optimiser, rule);
    let mut order = stream(1, Stream::HeadOrder);
    let fitted = fit(
        "softmax",
        &objective,
        head,
        &source,
        None,
        &settings,
        &mut order,
        |_| Ok(()),
    )
    .unwrap();
    let parameters = named_parameters(&fitted.model);
    parameters.into_iter().flat_map(|p| p.values).collect()
}

fn assert_close(found: &[f64], expected: &[f64]) {
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 2e-6, "{found} {expected}");
    }
}

#[test]
fn sgd_with_momentum_follows_its_formula() {
    for momentum in [0.0, 0.9] {
        let (mut theta, mut velocity) = (start(), [0.0; 9]);
        for _ in 0..5 {
            let slope = gradient(&theta);
            for i in 0..9 {
                velocity[i] = momentum * velocity[i] + slope[i];
                theta[i] -= 0.5 * velocity[i];
            }
        }
        for rule in GradientRule::ALL {
            let optimiser = Optimiser::Sgd {
                learning_rate: 0.5,
                momentum,
            };
            assert_close(&fitted(optimiser, rule), &theta);
        }
    }
}

#[test]
fn adam_follows_its_formula() {
    let (beta1, beta2, epsilon, rate) = (0.9f64, 0.99f64, 1e-8, 0.05);
    let (mut theta, mut mean, mut square) = (start(), [0.0; 9], [0.0; 9]);
    for t in 1..=5 {
        let slope = gradient(&theta);
        for i in 0..9 {
            mean[i] = beta1 * mean[i] + (1.0 - beta1) * slope[i];
            square[i] = beta2 * square[i] + (1.0 - beta2) * slope[i] * slope[i];
            let corrected = mean[i] / (1.0 - beta1.powi(t));
            let root = (square[i] / (1.0 - beta2.powi(t))).sqrt();
            theta[i] -= rate * corrected / (root + epsilon);
        }
    }
    let optimiser = Optimiser::Adam {
        learning_rate: rate,
        beta1,
        beta2,
        epsilon,
    };
    for rule in GradientRule::ALL {
        assert_close(&fitted(optimiser, rule), &theta);
    }
}

fn autoencode(settings: Training) -> Result<(usize, bool), TrainError> {
    let device = Device::flex();
    let samples = Samples::Bytes {
        width: 4,
        values: (0..48).map(|i| (i * 37 % 256) as u8).collect(),
    };
    let source = Inputs {
        samples: &samples,
        device: &device,
    };
    let config = AutoencoderConfig::new(4, 2).unwrap();
    let model = config.init(&mut stream(1, Stream::Autoencoder(0)), DType::F32, &device);
    let objective = SparseObjective::new(1e-3, 0.1, 0.2).unwrap();
    let mut order = stream(1, Stream::AutoencoderOrder(0));
    let mut epochs = 0;
    let fitted = fit(
        "autoencoder-1",
        &objective,
        model,
        &source,
        Some(&source),
        &settings,
        &mut order,
        |epoch| {
            epochs += 1;
            assert_eq!(epoch.epoch, epochs);
            assert!(epoch.validation.is_some());
            Ok(())
        },
    )?;
    Ok((epochs, fitted.converged))
}

const SGD: Optimiser = Optimiser::Sgd {
    learning_rate: 0.1,
    momentum: 0.0,
};

#[test]
fn stops_when_the_objective_stands_still() {
    let settings = Training {
        epochs: 1000,
        convergence: Some(Convergence {
            tolerance: 1e-2,
            epochs: 3,
        }),
        ..training(SGD, GradientRule::Delta)
    };
    let (epochs, converged) = autoencode(settings).unwrap();
    assert!(converged && epochs < 1000, "{epochs}");
}

#[test]
fn runs_all_epochs_without_a_convergence_rule() {
    let (epochs, converged) = autoencode(training(SGD, GradientRule::Delta)).unwrap();
    assert_eq!((epochs, converged), (5, false));
}

#[test]
fn divergence_names_stage_epoch_and_term() {
    let optimiser = Optimiser::Sgd {
        learning_rate: 1e38,
        momentum: 0.0,
    };
    let error = autoencode(training(optimiser, GradientRule::Delta)).unwrap_err();
    let TrainError::NonFinite { stage, epoch, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!((stage.as_str(), *epoch), ("autoencoder-1", 2));
    assert!(error.to_string().contains("weight_decay term"), "{error}");
}

#[test]
fn settings_are_checked_by_name() {
    let refused = |change: fn(&mut Training), expected: &str| {
        let mut settings = training(SGD, GradientRule::Delta);
        change(&mut settings);
        let message = settings.check().unwrap_err().to_string();
        assert!(message.starts_with(expected), "{message}");
    };
    refused(|s| s.epochs = 0, "epochs is 0");
    refused(|s| s.batch = BatchSize::Rows(0), "batch is 0");
    let sgd = |learning_rate, momentum| Optimiser::Sgd {
        learning_rate,
        momentum,
    };
    for (optimiser, expected) in [
        (sgd(0.0, 0.0), "learning_rate is 0"),
        (sgd(f64::INFINITY, 0.0), "learning_rate is inf"),
        (sgd(0.1, 1.0), "momentum is 1"),
    ] {
        let message = optimiser.check().unwrap_err().to_string();
        assert!(message.starts_with(expected), "{message}");
    }
}
