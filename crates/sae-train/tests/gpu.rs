//! What training on a GPU promises: the CPU's curve, few launches, one look an epoch, a start without waiting.

#![cfg(feature = "gpu")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::time::{Duration, Instant};

use burn::tensor::DType;
use sae_data::Samples;
use sae_gpu::Gpu;
use sae_model::{Architecture, SparseAutoencoder, SparseObjective};
use sae_train::{
    BatchSize, Compute, Data, Epoch, ExecutorKind, Optimizer, RhoHat, Session, Training, executor,
};
use support::{autoencoder, compute, numbers, task};

/// So far may two curves be apart, relatively.
const TOLERANCE: f64 = 1e-4;
/// Samples, and those of a batch: the last batch of an epoch has fewer.
const ROWS: usize = 500;
const BATCH: usize = 64;

fn samples() -> Samples {
    let values = numbers(ROWS, 60, 4).into_iter();
    Samples::Bytes {
        width: 60,
        values: values.map(|v| (v * 255.0) as u8).collect(),
    }
}

fn model() -> SparseAutoencoder {
    autoencoder((60, 25), Architecture::default(), DType::F32, 1)
}

fn training(optimizer: Optimizer, batch: BatchSize, rho_hat: RhoHat) -> Training {
    Training {
        optimizer,
        batch,
        rho_hat,
        // On a path along which differences do not grow.
        learning_rate: match optimizer {
            Optimizer::Sgd => 0.1,
            Optimizer::RmsProp => 1e-4,
            _ => 1e-3,
        },
        epochs: 20,
        ..Training::default()
    }
}

fn epochs(kind: ExecutorKind, training: Training) -> Vec<Epoch> {
    let samples = samples();
    let objective = SparseObjective::new(1e-3, 0.5, 0.1).unwrap();
    let executor = executor(&objective, model(), &training, &compute(kind)).unwrap();
    let data = Data::unlabelled(&samples);
    // Validation is between the last step and the epoch's figures.
    let task = task(data.clone(), Some(data));
    let mut session = Session::new(task, training, executor).unwrap();
    let mut epochs = vec![];
    session
        .run(|epoch| {
            epochs.push(epoch.clone());
            Ok(())
        })
        .unwrap();
    epochs
}

fn close(what: &str, a: f64, b: f64) {
    let apart = (a - b).abs() / (a.abs() + b.abs()).max(f64::MIN_POSITIVE);
    assert!(apart < TOLERANCE, "{what}: {a} {b}");
}

#[test]
fn twenty_epochs_have_the_curve_of_the_cpu() {
    let rows = BatchSize::Rows(BATCH);
    for (optimizer, batch, rho_hat) in [
        (Optimizer::Sgd, rows, RhoHat::Batch),
        (Optimizer::Adam, rows, RhoHat::Running),
        (Optimizer::RmsProp, rows, RhoHat::Full),
        (Optimizer::AdamW, BatchSize::Full, RhoHat::Batch),
    ] {
        let training = training(optimizer, batch, rho_hat);
        let gpu = epochs(ExecutorKind::Gpu, training);
        let cpu = epochs(ExecutorKind::Fused, training);
        assert_eq!((gpu.len(), cpu.len()), (20, 20));
        for (gpu, cpu) in gpu.iter().zip(&cpu) {
            let what = format!("{optimizer}, epoch {}", gpu.epoch);
            let pairs = gpu.figures.terms.iter().zip(cpu.figures.terms.iter());
            for ((name, gpu), (_, cpu)) in pairs {
                close(&format!("{what}, {name}"), gpu, cpu);
            }
            let means = [&gpu.figures, &cpu.figures].map(|f| f.rho_hat.clone().unwrap());
            for (gpu, cpu) in means[0].iter().zip(&means[1]) {
                close(&format!("{what}, rho_hat"), *gpu, *cpu);
            }
            let validation = [gpu, cpu].map(|epoch| epoch.validation.as_ref().unwrap().objective());
            close(&format!("{what}, validation"), validation[0], validation[1]);
            let [gpu, cpu] = [gpu, cpu].map(|epoch| epoch.gradient_norm.unwrap());
            close(&format!("{what}, norm"), gpu, cpu);
        }
    }
}

#[test]
fn steps_take_few_launches_and_epochs_one_look() {
    let samples = samples();
    let objective = SparseObjective::new(1e-3, 0.5, 0.1).unwrap();
    let training = training(Optimizer::Adam, BatchSize::Rows(BATCH), RhoHat::Batch);
    // With counts of its own.
    let gpu = Gpu::open();
    let compute = Compute {
        gpu: Some(gpu.clone()),
        ..compute(ExecutorKind::Gpu)
    };
    let start = Instant::now();
    let executor = executor(&objective, model(), &training, &compute).unwrap();
    let mut session =
        Session::new(task(Data::unlabelled(&samples), None), training, executor).unwrap();
    session.step().unwrap();
    gpu.wait().unwrap();
    assert!(start.elapsed() < Duration::from_secs(10));
    session.epoch().unwrap();
    for _ in 1..4 {
        let before = (gpu.launches(), gpu.reads());
        session.epoch().unwrap();
        let steps = ROWS.div_ceil(BATCH) as u64;
        // Two more look at the parameters.
        assert_eq!(gpu.launches() - before.0, 6 * steps + 2);
        assert_eq!(gpu.reads() - before.1, 1);
    }
}
