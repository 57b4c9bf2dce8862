//! The training loop against the optimizers' formulas worked out in plain `f64` loops, with every
//! executor.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use burn::tensor::{DType, Device};
use sae_data::{Samples, Stream};
use sae_model::{
    Activation, Architecture, CrossEntropy, Dense, DenseConfig, Softmax, SparseObjective, Unit,
    flat_parameters,
};
use sae_train::{
    BatchSize, Data, Epoch, ExecutorKind, Group, Optimizer, RhoHat, Schedule, Session, Stopped,
    Task, TrainError, Training,
};

use support::{EXECUTORS, autoencoder, descent, task, with};

const FEATURES: usize = 2;
const CLASSES: usize = 3;
const INPUTS: [[f64; FEATURES]; 4] = [[0.0, 1.0], [0.5, 0.25], [1.0, 0.75], [0.125, 0.5]];
const LABELS: [u32; 4] = [0, 2, 1, 1];
const WEIGHTS: [f64; 6] = [0.3, -0.2, 0.5, 0.1, 0.4, -0.6];
const DECAY: f64 = 0.05;

/// The gradient of the softmax objective by all weights, then all biases.
fn gradient(theta: &[f64; 9]) -> [f64; 9] {
    let mut slope = [0.0; 9];
    for (x, &label) in INPUTS.iter().zip(&LABELS) {
        let score = |c: usize| theta[6 + c] + x[0] * theta[c] + x[1] * theta[3 + c];
        let sum: f64 = (0..CLASSES).map(|c| score(c).exp()).sum();
        for c in 0..CLASSES {
            let target = if label as usize == c { 1.0 } else { 0.0 };
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

/// Trains the softmax from `WEIGHTS` on; returns its parameters, the epochs, and why it stopped.
fn trained(kind: ExecutorKind, training: Training) -> (Vec<f64>, Vec<Epoch>, Stopped) {
    let size = DenseConfig::new(FEATURES, CLASSES).with_activation(Activation::of(Unit::Linear));
    let (weight, bias) = (WEIGHTS.to_vec(), vec![0.0; CLASSES]);
    let head = Softmax {
        output: Dense::from_values(size, weight, bias, DType::F32, &Device::flex()),
    };
    let samples = Samples::Floats {
        width: FEATURES,
        values: INPUTS.concat().iter().map(|&v| v as f32).collect(),
    };
    let executor = with(kind, &CrossEntropy::new(DECAY).unwrap(), &head, &training);
    let task = Task {
        stage: "softmax".to_owned(),
        train: Data::labelled(&samples, &LABELS, CLASSES),
        validation: None,
        seed: 1,
        order: Stream::HeadOrder,
        group: Group::default(),
    };
    let mut session = Session::new(task, training, executor).unwrap();
    let mut epochs = Vec::new();
    let fitted = session.run(|epoch| {
        epochs.push(epoch.clone());
        Ok(())
    });
    let fitted = fitted.unwrap();
    let parameters = fitted.parameters.into_iter().map(f64::from).collect();
    (parameters, epochs, fitted.stopped)
}

/// The parameters after five epochs of every executor.
fn assert_fits(training: Training, expected: &[f64; 9]) {
    for kind in EXECUTORS {
        let (found, epochs, _) = trained(kind, training);
        assert_eq!(epochs.len(), 5);
        for (found, expected) in found.iter().zip(expected) {
            assert!(
                (found - expected).abs() < 2e-6,
                "{kind}: {found} {expected}"
            );
        }
        let norm = gradient(&start()).iter().map(|g| g * g).sum::<f64>().sqrt();
        let found = epochs[0].gradient_norm.unwrap();
        assert!((found - norm).abs() < 1e-6, "{kind}: {found} {norm}");
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
        let training = Training {
            momentum,
            nesterov,
            ..descent(0.5)
        };
        assert_fits(training, &theta);
    }
}

/// Five steps of Adam; the first six parameters are weights, which AdamW shrinks.
fn adam(training: &Training, decoupled: f64) -> [f64; 9] {
    let Training {
        beta1,
        beta2,
        epsilon,
        learning_rate: rate,
        ..
    } = *training;
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

/// AdamW shrinks weights but not biases.
#[test]
fn adam_and_adamw_follow_their_formulas() {
    for (optimizer, decoupled) in [(Optimizer::Adam, 0.0), (Optimizer::AdamW, 0.1)] {
        let training = Training {
            optimizer,
            beta1: 0.9,
            beta2: 0.99,
            epsilon: 1e-8,
            decoupled_weight_decay: 0.1,
            ..descent(0.05)
        };
        assert_fits(training, &adam(&training, decoupled));
    }
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
    let training = Training {
        optimizer: Optimizer::RmsProp,
        alpha,
        momentum,
        epsilon,
        ..descent(rate)
    };
    assert_fits(training, &theta);
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
    for (optimizer, kind) in [Optimizer::Lbfgs, Optimizer::Cg]
        .into_iter()
        .flat_map(|optimizer| EXECUTORS.map(|kind| (optimizer, kind)))
    {
        let training = Training {
            optimizer,
            epochs: 100,
            history: 10,
            gradient_tolerance: 2e-6,
            ..descent(1.0)
        };
        let (found, epochs, stopped) = trained(kind, training);
        assert_ne!(stopped, Stopped::Epochs, "{optimizer}, {kind}");
        assert!(epochs.len() < 60, "{optimizer}, {kind}: {}", epochs.len());
        for pair in epochs.windows(2) {
            let [before, after] = [0, 1].map(|i| pair[i].figures.objective());
            assert!(after <= before, "J never rises");
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
    let rates = |schedule, last: f64, factor: f64| -> Vec<f64> {
        let training = Training {
            schedule,
            schedule_last: last,
            schedule_factor: factor,
            schedule_every: 2,
            ..descent(0.8)
        };
        let epochs = trained(ExecutorKind::Fused, training).1;
        epochs.iter().map(|epoch| epoch.learning_rate).collect()
    };
    let assert_rates = |found: Vec<f64>, expected: [f64; 5]| {
        for (rate, expected) in found.iter().zip(expected) {
            assert!((rate - expected).abs() < 1e-12, "{found:?} {expected:?}");
        }
    };
    assert_rates(rates(Schedule::Constant, 0.1, 0.5), [0.8; 5]);
    assert_rates(rates(Schedule::Step, 0.1, 0.5), [0.8, 0.8, 0.4, 0.4, 0.2]);
    assert_rates(
        rates(Schedule::Linear, 0.3, 0.5),
        [0.8, 0.675, 0.55, 0.425, 0.3],
    );
    let exponential = [0, 1, 2, 3, 4].map(|t| 0.8 * 0.9f64.powi(t));
    assert_rates(rates(Schedule::Exponential, 0.1, 0.9), exponential);
    // last + ½(first − last)(1 + cos(πt/T))
    let cosine = [0.0, 1.0, 2.0, 3.0, 4.0]
        .map(|t: f64| 0.1 + 0.35 * (1.0 + (std::f64::consts::PI * t / 4.0).cos()));
    assert_rates(rates(Schedule::Cosine, 0.1, 0.5), cosine);
}

fn bytes(scale: usize) -> Samples {
    Samples::Bytes {
        width: 4,
        values: (0..48).map(|i| (i * scale % 256) as u8).collect(),
    }
}

fn autoencode(
    kind: ExecutorKind,
    training: Training,
    objective: &SparseObjective,
    (architecture, samples, validation): (Architecture, &Samples, &Samples),
) -> Result<(usize, Stopped), TrainError> {
    let model = autoencoder((4, 2), architecture, DType::F32, 1);
    let executor = with(kind, objective, &model, &training);
    let task = task(
        Data::unlabelled(samples),
        Some(Data::unlabelled(validation)),
    );
    let mut session = Session::new(task, training, executor)?;
    let mut epochs = 0;
    let fitted = session.run(|epoch| {
        epochs += 1;
        assert_eq!(epoch.epoch, epochs);
        assert!(epoch.validation.is_some());
        Ok(())
    })?;
    assert_eq!(fitted.epochs, epochs);
    Ok((epochs, fitted.stopped))
}

/// The same samples for training and validation, and sigmoid units.
fn plain(kind: ExecutorKind, training: Training) -> Result<(usize, Stopped), TrainError> {
    let (objective, samples) = (SparseObjective::new(1e-3, 0.1, 0.2).unwrap(), bytes(37));
    let data = (Architecture::default(), &samples, &samples);
    autoencode(kind, training, &objective, data)
}

#[test]
fn stops_when_the_objective_stands_still() {
    let training = Training {
        epochs: 1000,
        tolerance: 1e-2,
        patience: 3,
        ..descent(0.1)
    };
    for kind in EXECUTORS {
        let (epochs, stopped) = plain(kind, training).unwrap();
        assert_eq!(stopped, Stopped::Converged);
        assert!(epochs < 1000, "{epochs}");
    }
}

#[test]
fn runs_all_epochs_without_a_convergence_rule() {
    for kind in EXECUTORS {
        assert_eq!(plain(kind, descent(0.1)).unwrap(), (5, Stopped::Epochs));
    }
}

/// In minibatches the norm is that of the epoch's last batch: what plain descent moved by in the last
/// step, divided by the rate. What comes after the step, validation, leaves it alone.
#[test]
fn the_gradient_norm_is_that_of_the_last_batch() {
    let (objective, samples) = (SparseObjective::new(1e-3, 0.1, 0.2).unwrap(), bytes(37));
    for (kind, rho_hat) in EXECUTORS
        .into_iter()
        .flat_map(|kind| [RhoHat::Batch, RhoHat::Running].map(|rho_hat| (kind, rho_hat)))
    {
        let training = Training {
            batch: BatchSize::Rows(5),
            rho_hat,
            ..descent(0.5)
        };
        let model = autoencoder((4, 2), Architecture::default(), DType::F32, 1);
        let executor = with(kind, &objective, &model, &training);
        let data = || Data::unlabelled(&samples);
        let mut session = Session::new(task(data(), Some(data())), training, executor).unwrap();
        for _ in 0..2 {
            let mut before = vec![];
            let mut over = false;
            while !over {
                before = session.state().executor.parameters;
                over = session.step().unwrap();
            }
            let after = session.state().executor.parameters;
            let moved = before.iter().zip(&after).map(|(b, a)| f64::from(b - a));
            let expected = moved.map(|d| (d / 0.5).powi(2)).sum::<f64>().sqrt();
            let found = session.epoch().unwrap().gradient_norm.unwrap();
            assert!(
                (found / expected - 1.0).abs() < 1e-5,
                "{kind}, {rho_hat:?}: {found} {expected}"
            );
        }
    }
}

/// What is not finite, when, and the advice that belongs to it.
fn assert_diverges(found: Result<(usize, Stopped), TrainError>, at: (&str, usize), advice: &str) {
    let error = found.unwrap_err();
    let TrainError::NonFinite {
        stage, what, epoch, ..
    } = &error
    else {
        panic!("{error}");
    };
    assert_eq!(stage, "autoencoder-1");
    assert_eq!((what.as_str(), *epoch), at, "{error}");
    assert!(error.to_string().contains(advice), "{error}");
}

/// Weights of about 1e37 after the first step, whose squares `f32` does not hold; the kernels add up
/// in `f64` and see it a step later.
#[test]
fn divergence_names_stage_epoch_and_term() {
    for kind in EXECUTORS {
        for (batch, what, epoch) in [
            (
                BatchSize::Full,
                if kind == ExecutorKind::Fused {
                    "a parameter of encoder.weight"
                } else {
                    "weight_decay on the validation samples"
                },
                if kind == ExecutorKind::Fused { 2 } else { 1 },
            ),
            (
                BatchSize::Rows(5),
                if kind == ExecutorKind::Fused {
                    "a parameter of encoder.weight"
                } else {
                    "weight_decay"
                },
                1,
            ),
        ] {
            let training = Training {
                batch,
                ..descent(1e38)
            };
            let advice = "the learning rate (it was 1e38)";
            assert_diverges(plain(kind, training), (what, epoch), advice);
        }
    }
}

/// The step after the last value of J is checked too.
#[test]
fn the_last_step_is_checked() {
    let objective = SparseObjective::new(0.0, 0.0, 0.2).unwrap();
    let architecture = Architecture {
        decoder: Unit::Linear,
        ..Architecture::default()
    };
    let model = autoencoder((4, 2), architecture, DType::F32, 1);
    let samples = Samples::Floats {
        width: 4,
        values: (0..48).map(|i| (i * 37 % 256) as f32).collect(),
    };
    for kind in EXECUTORS {
        let training = Training {
            epochs: 1,
            ..descent(3e38)
        };
        let executor = with(kind, &objective, &model, &training);
        let task = task(Data::unlabelled(&samples), None);
        let mut session = Session::new(task, training, executor).unwrap();
        let mut values = vec![];
        let fitted = session.run(|epoch| {
            values.push(epoch.figures.objective());
            Ok(())
        });
        assert!(values.is_empty(), "an epoch that ends is sound");
        let found = fitted.map(|fitted| (fitted.epochs, fitted.stopped));
        let advice = "Lower the learning rate (it was 3e38)";
        assert_diverges(found, ("a parameter of encoder.weight", 1), advice);
    }
}

/// Finite on the training samples, not on the validation samples.
#[test]
fn validation_that_is_not_finite_stops() {
    let objective = SparseObjective::new(0.0, 0.0, 0.2).unwrap();
    let architecture = Architecture {
        decoder: Unit::Linear,
        ..Architecture::default()
    };
    let far = Samples::Floats {
        width: 4,
        values: vec![1e25; 8],
    };
    for kind in EXECUTORS {
        for batch in [BatchSize::Full, BatchSize::Rows(5)] {
            let training = Training {
                batch,
                ..descent(0.1)
            };
            let data = (architecture, &bytes(37), &far);
            let found = autoencode(kind, training, &objective, data);
            let what = "reconstruction on the validation samples";
            assert_diverges(found, (what, 1), "check the inputs");
        }
    }
}

/// A term whose weight is beyond all bounds is named with the setting that is its weight, and not
/// the learning rate alone.
#[test]
fn the_term_that_leads_is_named() {
    let samples = bytes(37);
    for (alpha, beta, l1, (term, advice)) in [
        (0.0, 1e300, 0.0, ("sparsity", "Lower beta")),
        (1e300, 0.0, 0.0, ("weight_decay", "Lower weight_decay")),
        (0.0, 0.0, 1e300, ("l1", "Lower l1")),
    ] {
        let objective = SparseObjective::new(alpha, beta, 0.2).unwrap();
        let objective = objective.with_l1(l1).unwrap();
        for kind in EXECUTORS {
            for batch in [BatchSize::Full, BatchSize::Rows(5)] {
                let training = Training {
                    batch,
                    ..descent(0.1)
                };
                let data = (Architecture::default(), &samples, &samples);
                let found = autoencode(kind, training, &objective, data);
                let error = found.unwrap_err().to_string();
                assert!(
                    error.contains("epoch 1, step 1: ")
                        && error.contains(term)
                        && error.contains(advice),
                    "{kind}: {error}"
                );
            }
        }
    }
}

/// Where validation decides, the model of its best epoch is what training gives.
#[test]
fn the_best_epoch_is_kept() {
    let (objective, samples) = (SparseObjective::new(1e-3, 0.1, 0.2).unwrap(), bytes(37));
    let other = bytes(101);
    for kind in EXECUTORS {
        let model = autoencoder((4, 2), Architecture::default(), DType::F32, 1);
        let training = Training {
            epochs: 400,
            validation_patience: 3,
            ..descent(4.0)
        };
        let run = |epochs: usize, patience: usize| {
            let training = Training {
                epochs,
                validation_patience: patience,
                ..training
            };
            let executor = with(kind, &objective, &model, &training);
            let data = (Data::unlabelled(&samples), Data::unlabelled(&other));
            let task = task(data.0, Some(data.1));
            let mut session = Session::new(task, training, executor).unwrap();
            let mut validation = vec![];
            let fitted = session.run(|epoch| {
                validation.push(epoch.validation.as_ref().unwrap().objective());
                Ok(())
            });
            (fitted.unwrap(), validation)
        };
        let (fitted, validation) = run(400, 3);
        assert_eq!(fitted.stopped, Stopped::Validation, "{kind}");
        let lowest = validation.iter().copied().fold(f64::INFINITY, f64::min);
        let best = validation.iter().position(|&v| v == lowest).unwrap() + 1;
        assert_eq!(validation.len(), best + 3);
        assert_ne!(fitted.parameters, flat_parameters(&model));
        let (until_best, _) = run(best, 0);
        assert_eq!(until_best.parameters, fitted.parameters, "{kind}");
    }
}

#[test]
fn settings_are_checked_by_name() {
    let refused = |change: fn(&mut Training), expected: &str| {
        let mut settings = descent(0.1);
        change(&mut settings);
        let message = settings.check().unwrap_err().to_string();
        assert!(message.starts_with(expected), "{message}");
    };
    refused(|s| s.epochs = 0, "epochs is 0");
    refused(|s| s.batch = BatchSize::Rows(0), "batch is 0");
    refused(|s| s.learning_rate = 0.0, "learning_rate is 0");
    refused(|s| s.learning_rate = f64::INFINITY, "learning_rate is inf");
    refused(|s| s.momentum = 1.0, "momentum is 1");
    refused(|s| s.history = 0, "history is 0");
    refused(|s| s.beta2 = -0.1, "beta2 is -0.1");
    refused(|s| s.epsilon = 0.0, "epsilon is 0");
    refused(|s| s.schedule_factor = 1.0, "schedule_factor is 1");
    refused(|s| s.rho_hat = RhoHat::Full, "rho_hat is an estimate");
    refused(|s| s.rho_hat_decay = 1.0, "rho_hat_decay is 1");
    refused(
        |s| (s.batch, s.optimizer) = (BatchSize::Rows(10), Optimizer::Cg),
        "batch is 10 with a line search",
    );
    refused(
        |s| (s.batch, s.gradient_tolerance) = (BatchSize::Rows(10), 1e-3),
        "gradient_tolerance is set with batch = 10",
    );
    refused(
        |s| (s.schedule, s.optimizer) = (Schedule::Linear, Optimizer::Lbfgs),
        "schedule is a changing learning rate",
    );
}
