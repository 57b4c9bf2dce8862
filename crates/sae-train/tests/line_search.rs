//! Line searches go as far with every executor as with the kernels.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use burn::tensor::DType;
use sae_data::{Samples, Stream, gaussian, stream};
use sae_model::{Architecture, SparseObjective};
use sae_train::{
    Data, ExecutorKind, Group, Optimizer, Session, Stopped, Task, TrainError, Training,
};

use support::{EXECUTORS, autoencoder, bits, descent, task, with};

/// Like patches of natural pictures: a smooth wave of random direction, phase and contrast, and a
/// little noise, in [0.1, 0.9].
fn patches(count: usize) -> Samples {
    let mut rng = stream(3, Stream::PatchesTrain);
    let mut values = Vec::with_capacity(count * 64);
    for _ in 0..count {
        let [u, v, phase, contrast] = [0.6, 0.6, 3.0, 0.25].map(|size| size * gaussian(&mut rng));
        for place in 0..64 {
            let (x, y) = ((place % 8) as f64, (place / 8) as f64);
            let wave = contrast * (u * x + v * y + phase).sin() + 0.02 * gaussian(&mut rng);
            values.push((0.5 + wave).clamp(0.1, 0.9) as f32);
        }
    }
    Samples::Floats { width: 64, values }
}

/// Iterations that were made, and the last J.
fn searched(
    kind: ExecutorKind,
    (optimizer, most): (Optimizer, usize),
    tied: bool,
    samples: &Samples,
) -> (usize, f64) {
    let architecture = Architecture {
        tied,
        ..Architecture::default()
    };
    let model = autoencoder((64, 25), architecture, DType::F32, 1);
    let objective = SparseObjective::new(1e-4, 3.0, 0.01).unwrap();
    let training = Training {
        optimizer,
        epochs: most,
        ..descent(1.0)
    };
    let executor = with(kind, &objective, &model, &training);
    let task = task(Data::unlabelled(samples), None);
    let mut session = Session::new(task, training, executor).unwrap();
    let mut last = f64::INFINITY;
    let fitted = session.run(|epoch| {
        let objective = epoch.figures.objective();
        assert!(objective <= last, "J never rises");
        last = objective;
        Ok(())
    });
    let fitted = fitted.unwrap();
    assert!(matches!(
        fitted.stopped,
        Stopped::Epochs | Stopped::NoProgress
    ));
    (fitted.epochs, last)
}

/// With sums in single precision, L-BFGS on tied weights ends here after some 460 iterations.
#[test]
fn every_executor_goes_as_far_as_the_kernels() {
    let samples = patches(2000);
    for (optimizer, tied, most) in [
        (Optimizer::Lbfgs, false, 150),
        (Optimizer::Lbfgs, true, 500),
        (Optimizer::Cg, false, 150),
        (Optimizer::Cg, true, 500),
    ] {
        let found = EXECUTORS.map(|kind| searched(kind, (optimizer, most), tied, &samples));
        let fused = found[2];
        for (epochs, objective) in found {
            let case = format!("{optimizer}, tied {tied}: {found:?}");
            assert!(epochs + 3 >= fused.0, "{case}");
            // Rounding sends them different ways down the same valley.
            assert!(objective < 1.02 * fused.1, "{case}");
        }
    }
}

/// A wish to stop is met between two looks at all samples; the iteration is then made again, to the same bits.
#[test]
fn interrupted_iterations_leave_nothing() {
    let samples = patches(500);
    let objective = SparseObjective::new(1e-4, 3.0, 0.01).unwrap();
    let model = autoencoder((64, 25), Architecture::default(), DType::F32, 1);
    for optimizer in [Optimizer::Lbfgs, Optimizer::Cg] {
        let training = Training {
            optimizer,
            epochs: 40,
            ..descent(1.0)
        };
        let run = |wish: &Arc<AtomicBool>| {
            let executor = with(EXECUTORS[2], &objective, &model, &training);
            let task = Task {
                group: Group::default().stopped_by(wish.clone()),
                ..task(Data::unlabelled(&samples), None)
            };
            let mut session = Session::new(task, training, executor).unwrap();
            let mut interrupted = 0;
            while !session.is_over() {
                let before = bits(&session.parameters());
                match session.advance() {
                    Ok(_) => {}
                    Err(TrainError::Interrupted) => {
                        assert_eq!(bits(&session.parameters()), before);
                        interrupted += 1;
                    }
                    Err(error) => panic!("{error}"),
                }
            }
            (bits(&session.fitted().unwrap().parameters), interrupted)
        };
        let (expected, _) = run(&Arc::default());
        let (wish, done) = (Arc::default(), AtomicBool::new(false));
        let (found, interrupted) = thread::scope(|scope| {
            let wish: &Arc<AtomicBool> = &wish;
            scope.spawn(|| {
                for turn in 0.. {
                    if done.load(Ordering::SeqCst) {
                        break;
                    }
                    wish.store(turn % 2 == 1, Ordering::SeqCst);
                    // Of all lengths up to some looks at the samples.
                    thread::sleep(Duration::from_micros(turn * 317 % 3000));
                }
            });
            let result = run(wish);
            done.store(true, Ordering::SeqCst);
            result
        });
        assert!(interrupted > 0, "{optimizer}");
        assert_eq!(found, expected, "{optimizer}");
    }
}
