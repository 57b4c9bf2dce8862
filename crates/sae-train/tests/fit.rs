//! The training loop against the optimisers' formulas worked out in plain `f64` loops.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use burn::tensor::{DType, Device};
use sae_data::{Samples, Stream, stream};
use sae_model::{
    Activation, AutoencoderConfig, CrossEntropy, Dense, DenseConfig, GradientRule, Softmax,
    SparseObjective, Unit, named_parameters,
};
use sae_train::{
    BatchSize, Convergence, Epoch, Inputs, Labelled, Moments, Optimiser, RhoHat, Schedule,
    StopRules, Stopped, TrainError, Training, Unlabelled, fit,
};

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

fn training(optimiser: Optimiser, learning_rate: f64, rule: GradientRule) -> Training {
    Training {
        rule,
        optimiser,
        learning_rate,
        schedule: Schedule::Constant,
        batch: BatchSize::Full,
        rho_hat: RhoHat::Batch,
        epochs: 5,
        stop: StopRules::default(),
        fused: None,
    }
}

/// Trains the softmax from `WEIGHTS` on, by Burn's operations and in the fused kernels, which must
/// do the same; returns its parameters, the epochs, and why it stopped.
fn trained(settings: Training) -> (Vec<f64>, Vec<Epoch>, Stopped) {
    let composed = trained_once(settings);
    let fused = trained_once(Training {
        fused: Some(2),
        ..settings
    });
    let (of_composed, of_fused) = (&composed.1[0], &fused.1[0]);
    assert!((of_composed.objective - of_fused.objective).abs() < 1e-6);
    assert_eq!(of_composed.statistic, of_fused.statistic);
    match (of_composed.gradient_norm, of_fused.gradient_norm) {
        (Some(a), Some(b)) => assert!((a - b).abs() < 1e-6, "{a} {b}"),
        (a, b) => assert_eq!(a, b),
    }
    let searches = matches!(
        settings.optimiser,
        Optimiser::Lbfgs { .. } | Optimiser::ConjugateGradient
    );
    if !searches {
        // Rounding sends line searches different ways to the same minimum.
        assert_eq!(composed.1.len(), fused.1.len());
        assert_close(&composed.0, &fused.0);
    }
    fused
}

fn trained_once(settings: Training) -> (Vec<f64>, Vec<Epoch>, Stopped) {
    let device = Device::flex();
    let size = DenseConfig::new(FEATURES, CLASSES).with_activation(Activation::of(Unit::Linear));
    let bias = vec![0.0; CLASSES];
    let head = Softmax {
        output: Dense::from_values(size, WEIGHTS.to_vec(), bias, DType::F32, &device),
    };
    let samples = Samples::Floats {
        width: FEATURES,
        values: INPUTS.concat().iter().map(|&v| v as f32).collect(),
    };
    let source = Labelled {
        inputs: Inputs::new(&samples, &device),
        labels: &LABELS,
        classes: CLASSES,
    };
    let objective = CrossEntropy::new(DECAY).unwrap();
    let mut order = stream(1, Stream::HeadOrder);
    let mut epochs = Vec::new();
    let data = sae_train::Samples {
        train: source,
        validation: None,
    };
    let fitted = fit(
        "softmax",
        &objective,
        head,
        data,
        &settings,
        &mut order,
        |epoch| {
            epochs.push(epoch.clone());
            Ok(())
        },
    )
    .unwrap();
    let parameters = named_parameters(&fitted.model);
    let parameters = parameters.into_iter().flat_map(|p| p.values).collect();
    (parameters, epochs, fitted.stopped)
}

fn fitted(optimiser: Optimiser, learning_rate: f64, rule: GradientRule) -> Vec<f64> {
    trained(training(optimiser, learning_rate, rule)).0
}

fn assert_close(found: &[f64], expected: &[f64]) {
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 2e-6, "{found} {expected}");
    }
}

#[test]
fn sgd_with_momentum_follows_its_formula() {
    for (momentum, nesterov) in [(0.0, false), (0.9, false), (0.9, true)] {
        let (mut theta, mut velocity) = (start(), [0.0; 9]);
        for _ in 0..5 {
            let slope = gradient(&theta);
            for i in 0..9 {
                velocity[i] = momentum * velocity[i] + slope[i];
                let step = if nesterov {
                    momentum * velocity[i] + slope[i]
                } else {
                    velocity[i]
                };
                theta[i] -= 0.5 * step;
            }
        }
        for rule in GradientRule::ALL {
            let optimiser = Optimiser::Sgd { momentum, nesterov };
            assert_close(&fitted(optimiser, 0.5, rule), &theta);
        }
    }
}

const MOMENTS: Moments = Moments {
    beta1: 0.9,
    beta2: 0.99,
    epsilon: 1e-8,
};

/// Five steps of Adam; the first six parameters are weights, which AdamW shrinks.
fn adam(rate: f64, decoupled: f64) -> [f64; 9] {
    let Moments {
        beta1,
        beta2,
        epsilon,
    } = MOMENTS;
    let (mut theta, mut mean, mut square) = (start(), [0f64; 9], [0f64; 9]);
    for t in 1..=5 {
        let slope = gradient(&theta);
        for i in 0..9 {
            mean[i] = beta1 * mean[i] + (1.0 - beta1) * slope[i];
            square[i] = beta2 * square[i] + (1.0 - beta2) * slope[i] * slope[i];
            let corrected = mean[i] / (1.0 - beta1.powi(t));
            let root = (square[i] / (1.0 - beta2.powi(t))).sqrt();
            if i < 6 {
                theta[i] *= 1.0 - rate * decoupled;
            }
            theta[i] -= rate * corrected / (root + epsilon);
        }
    }
    theta
}

#[test]
fn adam_follows_its_formula() {
    for rule in GradientRule::ALL {
        assert_close(
            &fitted(Optimiser::Adam(MOMENTS), 0.05, rule),
            &adam(0.05, 0.0),
        );
    }
}

#[test]
fn adamw_shrinks_weights_but_not_biases() {
    let optimiser = Optimiser::AdamW {
        moments: MOMENTS,
        weight_decay: 0.1,
    };
    let found = fitted(optimiser, 0.05, GradientRule::Delta);
    assert_close(&found, &adam(0.05, 0.1));
}

#[test]
fn rmsprop_follows_its_formula() {
    let (alpha, momentum, epsilon, rate) = (0.95, 0.5, 1e-6, 0.01);
    let (mut theta, mut square, mut velocity) = (start(), [0f64; 9], [0f64; 9]);
    for _ in 0..5 {
        let slope = gradient(&theta);
        for i in 0..9 {
            square[i] = alpha * square[i] + (1.0 - alpha) * slope[i] * slope[i];
            velocity[i] = momentum * velocity[i] + slope[i] / (square[i].sqrt() + epsilon);
            theta[i] -= rate * velocity[i];
        }
    }
    let optimiser = Optimiser::RmsProp {
        alpha,
        momentum,
        epsilon,
    };
    assert_close(&fitted(optimiser, rate, GradientRule::Delta), &theta);
}

/// The softmax objective with decay is convex: line searches must end where a great many plain steps end,
/// with a gradient that vanishes.
#[test]
fn line_searches_find_the_minimum() {
    let mut theta = start();
    for _ in 0..200_000 {
        let slope = gradient(&theta);
        for i in 0..9 {
            theta[i] -= 0.5 * slope[i];
        }
    }
    // Without decay on the biases only their differences matter.
    assert!(gradient(&theta).iter().all(|slope| slope.abs() < 1e-9));
    for optimiser in [
        Optimiser::Lbfgs { history: 10 },
        Optimiser::ConjugateGradient,
    ] {
        let settings = Training {
            epochs: 100,
            stop: StopRules {
                gradient_norm: Some(2e-6),
                ..StopRules::default()
            },
            ..training(optimiser, 1.0, GradientRule::Delta)
        };
        let (found, epochs, stopped) = trained(settings);
        assert_ne!(stopped, Stopped::Epochs, "{optimiser:?}");
        assert!(epochs.len() < 60, "{optimiser:?}: {}", epochs.len());
        for pair in epochs.windows(2) {
            assert!(pair[1].objective <= pair[0].objective, "J never rises");
        }
        for (found, expected) in found.iter().zip(&theta) {
            assert!((found - expected).abs() < 1e-3, "{found} {expected}");
        }
    }
}

/// Burn's schedulers, once an epoch: the step schedule halves every second epoch, the linear one
/// arrives at its last rate.
#[test]
fn schedules_change_the_rate_every_epoch() {
    let rates = |schedule| -> Vec<f64> {
        let sgd = Optimiser::Sgd {
            momentum: 0.0,
            nesterov: false,
        };
        let settings = Training {
            schedule,
            ..training(sgd, 0.8, GradientRule::Delta)
        };
        let epochs = trained(settings).1;
        epochs.iter().map(|epoch| epoch.learning_rate).collect()
    };
    let step = rates(Schedule::Step {
        factor: 0.5,
        every: 2,
    });
    assert_eq!(step, [0.8, 0.8, 0.4, 0.4, 0.2]);
    let linear = rates(Schedule::Linear { last: 0.3 });
    for pair in linear.windows(2) {
        assert!((pair[0] - pair[1] - 0.125).abs() < 1e-12, "{linear:?}");
    }
    assert!((linear[4] - 0.3).abs() < 1e-12);
    let factor = rates(Schedule::Exponential { factor: 0.9 });
    for pair in factor.windows(2) {
        assert!((pair[1] / pair[0] - 0.9).abs() < 1e-12, "{factor:?}");
    }
    let cosine = rates(Schedule::Cosine { last: 0.0 });
    assert!(
        cosine.windows(2).all(|pair| pair[1] < pair[0]),
        "{cosine:?}"
    );
}

fn autoencode(settings: Training) -> Result<(usize, Stopped), TrainError> {
    let device = Device::flex();
    let samples = Samples::Bytes {
        width: 4,
        values: (0..48).map(|i| (i * 37 % 256) as u8).collect(),
    };
    let source = Unlabelled {
        inputs: Inputs::new(&samples, &device),
        corruptor: None,
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
        sae_train::Samples {
            train: source.clone(),
            validation: Some(source),
        },
        &settings,
        &mut order,
        |epoch| {
            epochs += 1;
            assert_eq!(epoch.epoch, epochs);
            assert!(epoch.validation.is_some());
            Ok(())
        },
    )?;
    Ok((epochs, fitted.stopped))
}

const SGD: Optimiser = Optimiser::Sgd {
    momentum: 0.0,
    nesterov: false,
};

#[test]
fn stops_when_the_objective_stands_still() {
    let settings = Training {
        epochs: 1000,
        stop: StopRules {
            convergence: Some(Convergence {
                tolerance: 1e-2,
                epochs: 3,
            }),
            ..StopRules::default()
        },
        ..training(SGD, 0.1, GradientRule::Delta)
    };
    let (epochs, stopped) = autoencode(settings).unwrap();
    assert_eq!(stopped, Stopped::Converged);
    assert!(epochs < 1000, "{epochs}");
}

#[test]
fn runs_all_epochs_without_a_convergence_rule() {
    let settings = training(SGD, 0.1, GradientRule::Delta);
    assert_eq!(autoencode(settings).unwrap(), (5, Stopped::Epochs));
}

#[test]
fn divergence_names_stage_epoch_and_term() {
    let error = autoencode(training(SGD, 1e38, GradientRule::Delta)).unwrap_err();
    let TrainError::NonFinite { stage, epoch, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!((stage.as_str(), *epoch), ("autoencoder-1", 2));
    assert!(error.to_string().contains("weight_decay term"), "{error}");
}

#[test]
fn settings_are_checked_by_name() {
    let refused = |change: fn(&mut Training), expected: &str| {
        let mut settings = training(SGD, 0.1, GradientRule::Delta);
        change(&mut settings);
        let message = settings.check().unwrap_err().to_string();
        assert!(message.starts_with(expected), "{message}");
    };
    refused(|s| s.epochs = 0, "epochs is 0");
    refused(|s| s.batch = BatchSize::Rows(0), "batch is 0");
    refused(|s| s.learning_rate = 0.0, "learning_rate is 0");
    refused(|s| s.learning_rate = f64::INFINITY, "learning_rate is inf");
    refused(
        |s| {
            s.optimiser = Optimiser::Sgd {
                momentum: 1.0,
                nesterov: false,
            }
        },
        "momentum is 1",
    );
    refused(
        |s| s.optimiser = Optimiser::Lbfgs { history: 0 },
        "history is 0",
    );
    refused(|s| s.rho_hat = RhoHat::Full, "rho_hat is an estimate");
    refused(
        |s| {
            s.batch = BatchSize::Rows(10);
            s.rho_hat = RhoHat::Running(1.0);
        },
        "rho_hat_decay is 1",
    );
}
