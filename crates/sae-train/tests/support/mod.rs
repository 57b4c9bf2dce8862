//! What the tests of several files need: every executor, on models small and large.

#![allow(dead_code, reason = "each test needs a part of it")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use burn::tensor::{DType, Device};
use sae_data::{Samples, Stream, stream, uniform};
use sae_model::{Architecture, AutoencoderConfig, GradientRule, SparseAutoencoder, Terms};
use sae_train::{
    Batch, BatchSize, Compute, Data, Executor, ExecutorKind, FromHost, Fused, Group, Optimizer,
    Selected, Table, Task, Trainable, Training, executor,
};

/// Every executor of the CPU.
#[cfg(not(feature = "gpu"))]
pub const EXECUTORS: [ExecutorKind; 3] = [
    ExecutorKind::Autodiff,
    ExecutorKind::Delta,
    ExecutorKind::Fused,
];

/// Every executor; these tests then need a device.
#[cfg(feature = "gpu")]
pub const EXECUTORS: [ExecutorKind; 4] = [
    ExecutorKind::Autodiff,
    ExecutorKind::Delta,
    ExecutorKind::Fused,
    ExecutorKind::Gpu,
];

#[cfg(feature = "gpu")]
fn gpu() -> Option<sae_gpu::Gpu> {
    static GPU: std::sync::LazyLock<sae_gpu::Gpu> = std::sync::LazyLock::new(sae_gpu::Gpu::open);
    Some(GPU.clone())
}

#[cfg(not(feature = "gpu"))]
fn gpu() -> Option<sae_gpu::Gpu> {
    None
}

/// The settings with which a run has this executor.
pub fn compute(kind: ExecutorKind) -> Compute {
    let auto = Compute::on_cpu(Device::flex(), 2);
    let compute = match kind {
        ExecutorKind::Fused => auto,
        ExecutorKind::Gpu => Compute { gpu: gpu(), ..auto },
        ExecutorKind::Delta => Compute {
            fused: Fused::Never,
            ..auto
        },
        ExecutorKind::Autodiff => Compute {
            gradient: GradientRule::Autodiff,
            ..auto
        },
    };
    assert_eq!(compute.choose().unwrap().executor, kind);
    compute
}

/// An executor with a model in it.
pub fn with<O: Trainable>(
    kind: ExecutorKind,
    objective: &O,
    model: &O::Model,
    training: &Training,
) -> Box<dyn Executor>
where
    O::Batch: FromHost,
    O::Model: 'static,
{
    executor(objective, model.clone(), training, &compute(kind)).unwrap()
}

/// Plain gradient descent with the full batch, for five epochs.
pub fn descent(learning_rate: f64) -> Training {
    Training {
        optimizer: Optimizer::Sgd,
        momentum: 0.0,
        learning_rate,
        batch: BatchSize::Full,
        epochs: 5,
        ..Training::default()
    }
}

pub fn autoencoder(
    (inputs, hidden): (usize, usize),
    architecture: Architecture,
    dtype: DType,
    seed: u64,
) -> SparseAutoencoder {
    let config = AutoencoderConfig::new(inputs, hidden).unwrap();
    let config = config.with_architecture(architecture).unwrap();
    let mut rng = stream(seed, Stream::Autoencoder(0));
    config.init(&mut rng, dtype, &Device::flex())
}

/// Uniform numbers in [0, 1) that `f32` holds, so that every type sees the same.
pub fn numbers(rows: usize, width: usize, seed: u64) -> Vec<f32> {
    let mut rng = stream(seed, Stream::Split);
    (0..rows * width)
        .map(|_| uniform(&mut rng, 0.0, 1.0) as f32)
        .collect()
}

pub fn singles(rows: usize, width: usize, seed: u64) -> Samples {
    Samples::Floats {
        width,
        values: numbers(rows, width, seed),
    }
}

pub fn doubles(rows: usize, width: usize, seed: u64) -> Samples {
    Samples::Doubles {
        width,
        values: numbers(rows, width, seed)
            .into_iter()
            .map(f64::from)
            .collect(),
    }
}

/// Some rows of unlabelled samples.
pub fn batch<'a>(samples: &'a Samples, selected: Selected<'a>) -> Batch<'a> {
    Batch {
        inputs: Table { samples, selected },
        targets: None,
        classes: None,
    }
}

pub fn task<'a>(train: Data<'a>, validation: Option<Data<'a>>) -> Task<'a> {
    Task {
        stage: "autoencoder-1".to_owned(),
        train,
        validation,
        seed: 1,
        order: Stream::AutoencoderOrder(0),
        group: Group::default(),
    }
}

/// The values of the terms, in their order.
pub fn values(terms: &Terms) -> Vec<f64> {
    terms.iter().map(|(_, value)| value).collect()
}

pub fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}
