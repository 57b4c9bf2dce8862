//! The fused steps against plain loops in double precision, against themselves in parts, and on
//! other numbers of threads.

mod autoencoder;
mod chain;
mod errors;
mod network;
mod reference;
mod safety;
mod state;
mod threads;
mod updates;

use crate::team::Team;
use crate::{
    Activation, Autoencoder, AutoencoderConfig, InstructionSet, Network, NetworkConfig, Optimizer,
    Part, Reconstruction, Unit,
};

/// Numbers in [−1, 1) without a generator's state (a multiplicative hash).
fn number(index: usize, salt: usize) -> f32 {
    let mixed = (index * 2_654_435_761 + salt * 40_503 + 12_345) % 1_000_003;
    mixed as f32 / 500_001.5 - 1.0
}

fn numbers(count: usize, salt: usize, scale: f32) -> Vec<f32> {
    (0..count).map(|i| scale * number(i, salt)).collect()
}

fn samples(rows: usize, columns: usize) -> Vec<f32> {
    let to_unit = |v: f32| 0.5 * v + 0.5;
    let all = numbers(rows * columns, 9, 1.0);
    all.into_iter().map(to_unit).collect()
}

fn labels(rows: usize, classes: usize) -> Vec<u32> {
    (0..rows).map(|row| (row * 7 % classes) as u32).collect()
}

fn config(inputs: usize, hidden: usize) -> AutoencoderConfig {
    AutoencoderConfig {
        inputs,
        hidden,
        encoder: Activation::of(Unit::Sigmoid),
        decoder: Unit::Sigmoid,
        reconstruction: Reconstruction::SquaredError,
        tied: false,
        weight_decay: 3e-3,
        beta: 2.0,
        rho: 0.1,
        l1: 0.0,
        clamp: 1e-7,
    }
}

/// Parameters of an autoencoder, flat.
fn start(c: &AutoencoderConfig) -> Vec<f32> {
    let scale = 1.0 / (c.inputs.max(c.hidden) as f32).sqrt();
    let decoder = if c.tied { 0 } else { c.inputs * c.hidden };
    [
        numbers(c.inputs * c.hidden, 1, scale),
        numbers(c.hidden, 2, 0.5),
        numbers(decoder, 3, scale),
        numbers(c.inputs, 4, 0.5),
    ]
    .concat()
}

/// With so many threads, however few processors there are.
fn autoencoder(c: AutoencoderConfig, threads: usize) -> Autoencoder {
    let team = Team::exactly(threads).expect("threads can be started");
    let mut kernel = Autoencoder::with_team(c, team).expect("settings that fit");
    kernel.write(Part::Values, &start(&c)).expect("all of them");
    kernel
}

fn network_config(sizes: &[usize], units: &[Activation]) -> NetworkConfig {
    NetworkConfig {
        sizes: sizes.to_vec(),
        units: units.to_vec(),
        weight_decay: 1e-2,
    }
}

/// Parameters of a network, flat.
fn network_start(sizes: &[usize]) -> Vec<f32> {
    let layer = |(index, pair): (usize, &[usize])| {
        let scale = 1.5 / (pair[0] as f32).sqrt();
        let weights = numbers(pair[0] * pair[1], 20 + index, scale);
        [weights, numbers(pair[1], 40 + index, 0.3)].concat()
    };
    sizes.windows(2).enumerate().flat_map(layer).collect()
}

fn network(c: NetworkConfig, threads: usize) -> Network {
    let start = network_start(&c.sizes);
    let team = Team::exactly(threads).expect("threads can be started");
    let mut kernel = Network::with_team(c, team).expect("settings that fit");
    kernel.write(Part::Values, &start).expect("all of them");
    kernel
}

/// A part of a model, whichever its type.
macro_rules! part {
    ($kernel:expr, $part:expr) => {{
        let mut values = vec![0.0; $kernel.parameters()];
        $kernel.read($part, &mut values).expect("all of them");
        values
    }};
}
use part;

/// ‖a − b‖ / ‖b‖.
fn difference(found: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let pairs = found.iter().zip(expected);
    let square: f64 = pairs.map(|(a, b)| (f64::from(*a) - b).powi(2)).sum();
    let whole: f64 = expected.iter().map(|b| b * b).sum();
    (square / whole.max(1e-30)).sqrt()
}

fn doubles(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&v| f64::from(v)).collect()
}

/// |a − b| ≤ tolerance·|b|.
#[track_caller]
fn assert_close(what: &str, found: f64, expected: f64, tolerance: f64) {
    let error = (found - expected).abs();
    assert!(
        error <= tolerance * expected.abs(),
        "{what}: {found:e} instead of {expected:e}"
    );
}

const fn sgd(momentum: f32, nesterov: bool) -> Optimizer {
    Optimizer::Sgd { momentum, nesterov }
}

const fn adam(weight_decay: f32) -> Optimizer {
    Optimizer::Adam {
        beta1: 0.8,
        beta2: 0.9,
        epsilon: 1e-3,
        weight_decay,
    }
}

const fn rms_prop(momentum: f32) -> Optimizer {
    Optimizer::RmsProp {
        decay: 0.9,
        momentum,
        epsilon: 1e-3,
    }
}

const OPTIMIZERS: [Optimizer; 7] = [
    sgd(0.0, false),
    sgd(0.7, false),
    sgd(0.7, true),
    adam(0.0),
    adam(0.5),
    rms_prop(0.0),
    rms_prop(0.8),
];

fn top(unit: Unit, k: usize) -> Activation {
    Activation {
        unit,
        top_k: Some(k),
    }
}

fn sets() -> Vec<InstructionSet> {
    InstructionSet::available()
}
