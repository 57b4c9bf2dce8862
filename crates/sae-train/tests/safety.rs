//! Numbers that are not finite: nothing moves by them, they are named, and training may go back.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::collections::BTreeMap;

use burn::tensor::DType;
use sae_data::Samples;
use sae_model::{Architecture, SparseAutoencoder, SparseObjective, Unit};
use sae_train::{
    Advance, BatchSize, Data, Epoch, ExecutorKind, Fitted, Optimizer, RhoHat, Session, State,
    TrainError, Training,
};

use support::{EXECUTORS, autoencoder, bits, descent, numbers, singles, task, with};

const WIDTH: usize = 4;

fn model() -> SparseAutoencoder {
    let architecture = Architecture {
        decoder: Unit::Linear,
        ..Architecture::default()
    };
    autoencoder((WIDTH, 3), architecture, DType::F32, 1)
}

fn session(kind: ExecutorKind, training: Training, samples: &Samples) -> Session<'_> {
    let objective = SparseObjective::new(0.01, 0.5, 0.2).unwrap();
    let executor = with(kind, &objective, &model(), &training);
    let task = task(Data::unlabelled(samples), None);
    Session::new(task, training, executor).unwrap()
}

/// One number of one sample among 23, in batches of 4.
#[test]
fn nothing_moves_by_what_is_not_finite() {
    let mut steps = BTreeMap::new();
    for kind in EXECUTORS {
        for hole in [f32::NAN, f32::INFINITY] {
            for optimizer in [
                Optimizer::Sgd,
                Optimizer::Adam,
                Optimizer::AdamW,
                Optimizer::RmsProp,
            ] {
                for rho_hat in [RhoHat::Batch, RhoHat::Running] {
                    let training = Training {
                        optimizer,
                        rho_hat,
                        batch: BatchSize::Rows(4),
                        ..descent(0.01)
                    };
                    let mut values = numbers(23, WIDTH, 3);
                    // The running estimate begins with a pass over all samples.
                    let spoilt = if rho_hat == RhoHat::Batch { 61 } else { 0 };
                    values[spoilt] = hole;
                    let samples = Samples::Floats {
                        width: WIDTH,
                        values,
                    };
                    let start = || session(kind, training, &samples);
                    let mut session = start();
                    // Where steps are not waited for, the end of the epoch tells.
                    let error = loop {
                        match session.advance() {
                            Err(error) => break error,
                            Ok(Advance::Step) => {}
                            Ok(other) => panic!("{kind}: not seen: {other:?}"),
                        }
                    };
                    let after = session.state();
                    let case = format!("{hole}, {optimizer}, {rho_hat:?}");
                    let what = format!("{kind}, {case}: {error}");
                    let TrainError::NonFinite {
                        step: Some(step), ..
                    } = error
                    else {
                        panic!("{what}");
                    };
                    assert_eq!(*steps.entry(case).or_insert(step), step, "{what}");
                    let mut before = start();
                    (1..step).for_each(|_| assert!(!before.step().unwrap()));
                    let before = before.state();
                    assert_eq!(after.progress.steps, before.progress.steps, "{what}");
                    let memory = |state: &State| {
                        let executor = &state.executor;
                        let vectors: Vec<_> = executor.optimizer.vectors.values().collect();
                        let vectors: Vec<_> = vectors.into_iter().map(|v| bits(v)).collect();
                        let counts = executor.optimizer.counts.clone();
                        (bits(&executor.parameters), vectors, counts)
                    };
                    assert_eq!(memory(&after), memory(&before), "{what}");
                    if rho_hat == RhoHat::Batch {
                        assert!(error.to_string().contains("the gradient of "), "{what}");
                    }
                    assert!(session.check().is_ok(), "{what}");
                }
            }
        }
    }
}

/// The tensor of each place is named by the model's own name.
#[test]
fn a_parameter_is_named() {
    let samples = singles(9, WIDTH, 3);
    let training = Training {
        batch: BatchSize::Rows(4),
        ..descent(0.1)
    };
    for kind in EXECUTORS {
        for (place, name) in [
            (0, "encoder.weight"),
            (13, "encoder.bias"),
            (15, "decoder.weight"),
            (30, "decoder.bias"),
        ] {
            let mut session = session(kind, training, &samples);
            let mut state = session.state();
            state.executor.parameters[place] = f32::NEG_INFINITY;
            session.restore(state).unwrap();
            let expected = format!(
                "autoencoder-1, epoch 1, step 1: a parameter of {name} is -inf; training diverged"
            );
            let error = session.epoch().unwrap_err().to_string();
            assert!(error.starts_with(&expected), "{kind}: {error}");
        }
    }
}

/// One step of plain descent moves the parameters by η·c; all executors agree to rounding after two epochs.
#[test]
fn gradients_are_shortened_by_their_norm() {
    let samples = singles(20, WIDTH, 3);
    for batch in [BatchSize::Full, BatchSize::Rows(5)] {
        let training = Training {
            batch,
            epochs: 2,
            gradient_clip: 0.05,
            ..descent(0.5)
        };
        let steps = if batch == BatchSize::Full { 1 } else { 4 };
        let run = |kind| {
            let mut session = session(kind, training, &samples);
            let before = session.parameters();
            session.step().unwrap();
            let moved = before.iter().zip(session.parameters());
            let squares = moved.map(|(b, a)| f64::from(b - a).powi(2));
            let length = squares.sum::<f64>().sqrt();
            assert!(
                (length / (0.5 * 0.05) - 1.0).abs() < 1e-4,
                "{kind}: {length}"
            );
            let epoch = session.epoch().unwrap();
            assert_eq!(epoch.clipped, steps, "{kind}");
            assert!(
                epoch.gradient_norm.unwrap() > 0.05,
                "the norm is the gradient's own"
            );
            session.epoch().unwrap();
            session.parameters()
        };
        let [first, others @ ..] = EXECUTORS.map(run);
        for other in others {
            let pairs = first.iter().zip(&other);
            let worst = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst < 1e-5, "{batch:?}: {worst}");
        }
        let unlimited = Training {
            gradient_clip: 1e6,
            ..training
        };
        for kind in EXECUTORS {
            let free = Training {
                gradient_clip: 0.0,
                ..training
            };
            let [a, b] = [unlimited, free].map(|training| {
                let mut session = session(kind, training, &samples);
                assert_eq!(session.epoch().unwrap().clipped, 0);
                bits(&session.parameters())
            });
            assert_eq!(a, b, "{kind}: a limit that is never met changes no bit");
        }
    }
}

/// A rate at which the first epoch diverges.
fn wild() -> Training {
    Training {
        learning_rate: 2000.0,
        batch: BatchSize::Rows(2),
        epochs: 3,
        retreats: 30,
        ..descent(1.0)
    }
}

fn finish(session: &mut Session<'_>) -> (Vec<Epoch>, Fitted, Vec<State>) {
    let (mut epochs, mut states) = (vec![], vec![session.state()]);
    while !session.is_over() {
        if let Advance::Epoch(epoch) = session.advance().unwrap() {
            epochs.push(*epoch);
        }
        states.push(session.state());
    }
    (epochs, session.fitted().unwrap(), states)
}

/// Where the first epoch alone diverges, what comes out is what the halved rate gives from the start.
#[test]
fn retreats_halve_the_rate_until_training_is_sound() {
    let samples = singles(200, WIDTH, 3);
    for kind in EXECUTORS {
        let mut session = session(kind, wild(), &samples);
        let (epochs, fitted, states) = finish(&mut session);
        let retreats = epochs.last().unwrap().retreats;
        assert!(retreats > 0, "{kind}: nothing diverged");
        assert_eq!(
            epochs[0].retreats, retreats,
            "{kind}: all in the first epoch"
        );
        let halved = Training {
            learning_rate: 2000.0 / 2.0_f64.powi(retreats as i32),
            retreats: 0,
            ..wild()
        };
        let mut plain = self::session(kind, halved, &samples);
        let (expected, undisturbed, _) = finish(&mut plain);
        assert_eq!(bits(&fitted.parameters), bits(&undisturbed.parameters));
        for (found, expected) in epochs.iter().zip(&expected) {
            assert_eq!(found.learning_rate, expected.learning_rate);
            assert_eq!(found.figures, expected.figures);
        }
        // From any moment, before a retreat and after it, training goes on to the same bits.
        let every = if kind == EXECUTORS[2] { 7 } else { 23 };
        for state in states.into_iter().step_by(every) {
            let mut bytes = vec![];
            ciborium::into_writer(&state, &mut bytes).unwrap();
            let state: State = ciborium::from_reader(&bytes[..]).unwrap();
            let mut again = self::session(kind, wild(), &samples);
            again.restore(state).unwrap();
            let (_, found, _) = finish(&mut again);
            assert_eq!(bits(&found.parameters), bits(&fitted.parameters), "{kind}");
        }
    }
}

#[test]
fn retreats_come_to_an_end() {
    let samples = singles(200, WIDTH, 3);
    for kind in EXECUTORS {
        let training = Training {
            retreats: 1,
            ..wild()
        };
        let mut session = session(kind, training, &samples);
        let mut retreats = 0;
        let error = loop {
            match session.advance() {
                Ok(Advance::Retreat(retreat)) => {
                    retreats += 1;
                    assert_eq!((retreat.retreats, retreat.most), (retreats, 1));
                    assert_eq!((retreat.epoch, retreat.learning_rate), (1, 1000.0));
                }
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert_eq!(retreats, 1);
        let rate = "the learning rate (it was 1000)";
        assert!(error.to_string().contains(rate), "{kind}: {error}");
    }
}

#[test]
fn line_searches_need_neither() {
    for (clip, retreats, key) in [(1.0, 0, "gradient_clip"), (0.0, 1, "retreats")] {
        let training = Training {
            optimizer: Optimizer::Lbfgs,
            gradient_clip: clip,
            retreats,
            ..descent(1.0)
        };
        let error = training.check().unwrap_err().to_string();
        assert!(
            error.contains(key) && error.contains("line search"),
            "{error}"
        );
    }
}

/// A first point whose gradient is not finite is no standstill.
#[test]
fn a_line_search_names_where_it_cannot_start() {
    let mut values = numbers(9, WIDTH, 3);
    values[5] = f32::INFINITY;
    let samples = Samples::Floats {
        width: WIDTH,
        values,
    };
    for kind in EXECUTORS {
        for optimizer in [Optimizer::Lbfgs, Optimizer::Cg] {
            let training = Training {
                optimizer,
                ..descent(1.0)
            };
            let mut session = session(kind, training, &samples);
            let before = session.parameters();
            let error = session.epoch().unwrap_err();
            assert!(
                matches!(error, TrainError::NonFinite { step: Some(1), .. }),
                "{error}"
            );
            assert_eq!(bits(&session.parameters()), bits(&before));
        }
    }
}
