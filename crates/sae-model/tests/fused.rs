//! The fused kernels against Burn's operations, by the delta rules and by autodiff: they must agree
//! as tightly as those two agree with each other.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use burn::tensor::{DType, Device, Distribution, Tensor};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use sae_kernels::Rows;
use sae_model::{
    Architecture, AutoencoderBatch, AutoencoderConfig, CrossEntropy, DeepNetwork, DenseConfig,
    FineTuning, FusedBatch, GradientRule, LabelledBatch, Objective, SoftmaxConfig, SparseObjective,
    Unit, named_gradients, relative_difference,
};

fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(5)
}

fn inputs(rows: usize, columns: usize) -> Tensor<2> {
    let device = Device::flex();
    device.seed(11);
    let uniform = Distribution::Uniform(0.0, 1.0);
    Tensor::random([rows, columns], uniform, (&device, DType::F32))
}

/// Largest relative difference of a parameter's gradient in `f32`; between Burn's own two rules it
/// is tested with the same (`gradients.rs`).
const TOLERANCE: f64 = 1e-4;

fn assert_agrees<O: Objective>(
    case: &str,
    objective: &O,
    model: &O::Model,
    batch: &O::Batch,
    inputs: Tensor<2>,
    labels: &[u8],
) {
    let columns = inputs.dims()[1];
    let values: Vec<f32> = inputs.into_data().iter::<f32>().collect();
    let mut fused = objective.fused(model, 2).expect("the kernels cover this");
    let batch_of_rows = FusedBatch {
        inputs: Rows::of(&values, columns),
        targets: None,
        labels,
    };
    let value = fused.step(batch_of_rows, None).clone();
    let found = named_gradients(model, &fused.gradients(model));
    for rule in GradientRule::ALL {
        let expected = rule.gradient(objective, model, batch);
        let gradients = named_gradients(model, &expected.gradients);
        assert_eq!(found.len(), gradients.len());
        for ((name, found), (_, expected)) in found.iter().zip(&gradients) {
            let difference = relative_difference(found, expected);
            assert!(difference < TOLERANCE, "{case}, {name}: {difference:e}");
        }
        let expected = expected.value.to_host();
        assert!(relative_difference(&value.terms, &expected.terms) < 1e-5);
        assert!(relative_difference(&value.statistic, &expected.statistic) < 1e-5);
    }
    let same = fused.write(model.clone()).unwrap();
    let (before, after) = (format!("{model:?}"), format!("{same:?}"));
    assert_eq!(before.len(), after.len());
}

#[test]
fn sparse_autoencoders_of_all_units() {
    for encoder in Unit::ALL {
        for decoder in Unit::ALL {
            let architecture = Architecture {
                encoder,
                decoder,
                ..Architecture::default()
            };
            let beta = if encoder.is_bounded() { 1.5 } else { 0.0 };
            let objective = SparseObjective::new(0.02, beta, 0.3).unwrap();
            let objective = objective.with_l1(0.2).unwrap();
            let config = AutoencoderConfig::new(50, 17).unwrap();
            let config = config.with_architecture(architecture).unwrap();
            let model = config.init(&mut rng(), DType::F32, &Device::flex());
            let x = inputs(75, 50);
            let batch = AutoencoderBatch::from(x.clone());
            let case = format!("{encoder} {decoder}");
            assert_agrees(&case, &objective, &model, &batch, x, &[]);
        }
    }
}

#[test]
fn classifiers() {
    let device = Device::flex();
    let (rows, features, classes) = (90, 40, 7);
    let x = inputs(rows, features);
    let labels: Vec<u8> = (0..rows).map(|k| (k * 5 % classes) as u8).collect();
    let batch = LabelledBatch::new(x.clone(), &labels, classes).unwrap();

    let head = SoftmaxConfig::new(features, classes).unwrap();
    let head = head.init(&mut rng(), DType::F32, &device);
    let objective = CrossEntropy::new(0.03).unwrap();
    assert_agrees("head", &objective, &head, &batch, x.clone(), &labels);

    let mut rng = rng();
    let encoders = [(features, 33), (33, 12)];
    let encoders =
        encoders.map(|(n, h)| DenseConfig::new(n, h).init(&mut rng, DType::F32, &device));
    let head = SoftmaxConfig::new(12, classes).unwrap();
    let head = head.init(&mut rng, DType::F32, &device);
    let network = DeepNetwork::new(encoders.to_vec(), head).unwrap();
    let objective = FineTuning::new(0.03).unwrap();
    assert_agrees("network", &objective, &network, &batch, x, &labels);
}

/// What the kernels do not cover is left to Burn's operations.
#[test]
fn other_kinds_are_not_covered() {
    let device = Device::flex();
    let objective = SparseObjective::new(0.0, 0.0, 0.1).unwrap();
    let plain = Architecture::default();
    let tied = Architecture {
        tied: true,
        ..plain
    };
    let top_k = Architecture {
        top_k: Some(2),
        ..plain
    };
    for (architecture, dtype, covered) in [
        (plain, DType::F32, true),
        (plain, DType::F64, false),
        (tied, DType::F32, false),
        (top_k, DType::F32, false),
    ] {
        let config = AutoencoderConfig::new(6, 3).unwrap();
        let config = config.with_architecture(architecture).unwrap();
        let model = config.init(&mut rng(), dtype, &device);
        assert_eq!(objective.fused(&model, 1).is_some(), covered);
    }
}
