//! Delta against autodiff against central finite differences.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use burn::tensor::{DType, Device, Distribution, Tensor};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use sae_model::{
    AutoencoderConfig, CrossEntropy, DeepNetwork, DenseConfig, FineTuning, FiniteDifference,
    GradientRule, LabelledBatch, Objective, SoftmaxConfig, SparseObjective, gradient_check,
    named_parameters, with_parameters,
};

/// Step and tolerances of the `f64` checks.
const FINITE: FiniteDifference = FiniteDifference {
    step: 1e-4,
    entries: usize::MAX,
};

fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(5)
}

fn inputs(rows: usize, columns: usize, dtype: DType) -> Tensor<2> {
    let device = Device::flex();
    device.seed(11);
    Tensor::random(
        [rows, columns],
        Distribution::Uniform(0.0, 1.0),
        (&device, dtype),
    )
}

fn labelled(rows: usize, columns: usize, classes: usize, dtype: DType) -> LabelledBatch {
    let labels: Vec<u8> = (0..rows).map(|k| (k * 7 % classes) as u8).collect();
    LabelledBatch::new(inputs(rows, columns, dtype), &labels, classes).unwrap()
}

fn assert_f64<O: Objective>(case: &str, objective: &O, model: &O::Model, batch: &O::Batch) {
    for check in gradient_check(objective, model, batch, FINITE).unwrap() {
        assert!(check.delta_autodiff < 1e-10, "{case}: {check:?}");
        assert!(check.delta_finite < 1e-7, "{case}: {check:?}");
        assert!(check.autodiff_finite < 1e-7, "{case}: {check:?}");
        assert!(check.entries > 0);
    }
}

fn assert_f32<O: Objective>(case: &str, objective: &O, model: &O::Model, batch: &O::Batch) {
    let settings = FiniteDifference {
        entries: 1,
        ..FINITE
    };
    for check in gradient_check(objective, model, batch, settings).unwrap() {
        assert!(check.delta_autodiff < 1e-4, "{case}: {check:?}");
    }
}

/// (inputs, hidden, rows): single sample, single unit, over-complete and larger.
const AUTOENCODERS: [(usize, usize, usize); 6] = [
    (1, 1, 1),
    (3, 2, 1),
    (7, 3, 5),
    (5, 9, 4),
    (12, 5, 16),
    (20, 8, 33),
];

#[test]
fn sparse_autoencoder() {
    for (n, h, rows) in AUTOENCODERS {
        for (alpha, beta, rho) in [(0.003, 3.0, 0.1), (0.5, 0.2, 0.6)] {
            let case = format!("{n}-{h}, {rows} rows, alpha {alpha}, beta {beta}, rho {rho}");
            let objective = SparseObjective::new(alpha, beta, rho).unwrap();
            let config = AutoencoderConfig::new(n, h).unwrap();
            let model = config.init(&mut rng(), DType::F64, &Device::flex());
            assert_f64(&case, &objective, &model, &inputs(rows, n, DType::F64));
            let model = config.init(&mut rng(), DType::F32, &Device::flex());
            assert_f32(&case, &objective, &model, &inputs(rows, n, DType::F32));
        }
    }
}

#[test]
fn softmax_head() {
    for (features, classes, rows) in [(1, 2, 1), (4, 3, 6), (9, 10, 25)] {
        let case = format!("{features}-{classes}, {rows} rows");
        let objective = CrossEntropy::new(0.01).unwrap();
        let config = SoftmaxConfig::new(features, classes).unwrap();
        let head = config.init(&mut rng(), DType::F64, &Device::flex());
        let batch = labelled(rows, features, classes, DType::F64);
        assert_f64(&case, &objective, &head, &batch);
        let head = config.init(&mut rng(), DType::F32, &Device::flex());
        let batch = labelled(rows, features, classes, DType::F32);
        assert_f32(&case, &objective, &head, &batch);
    }
}

#[test]
fn fine_tuning_of_the_deep_network() {
    for (sizes, classes, rows) in [
        (vec![4], 3, 5),
        (vec![3, 2], 2, 1),
        (vec![6, 4], 3, 8),
        (vec![8, 7, 5, 4], 10, 20),
    ] {
        let case = format!("{sizes:?}-{classes}, {rows} rows");
        let objective = FineTuning::new(0.02).unwrap();
        for dtype in [DType::F64, DType::F32] {
            let mut rng = rng();
            let encoders = sizes
                .windows(2)
                .map(|pair| DenseConfig::new(pair[0], pair[1]))
                .map(|config| config.init(&mut rng, dtype, &Device::flex()))
                .collect();
            let top = sizes[sizes.len() - 1];
            let head = SoftmaxConfig::new(top, classes).unwrap();
            let head = head.init(&mut rng, dtype, &Device::flex());
            let network = DeepNetwork::new(encoders, head).unwrap();
            let batch = labelled(rows, sizes[0], classes, dtype);
            if dtype == DType::F64 {
                assert_f64(&case, &objective, &network, &batch);
            } else {
                assert_f32(&case, &objective, &network, &batch);
            }
        }
    }
}

/// Where ρ̂ is clamped, both rules give the sparsity term no slope. At a bias of ∓16.5 the mean
/// activation lies beyond ε = 1e-7 from an end; the unmasked slope would be βρ/ε·φ' ≈ 0.1.
#[test]
fn rules_agree_at_the_clamp() {
    let objective = SparseObjective::new(0.0, 3.0, 0.05).unwrap();
    let config = AutoencoderConfig::new(3, 2).unwrap();
    let model = config.init(&mut rng(), DType::F64, &Device::flex());
    let mut parameters = named_parameters(&model);
    parameters[0].values.fill(0.0);
    parameters[1].values = vec![-16.5, 16.5];
    let model = with_parameters(model, &parameters).unwrap();
    let x = inputs(4, 3, DType::F64);
    for rule in GradientRule::ALL {
        let gradients = rule.gradient(&objective, &model, &x).gradients;
        let bias = gradients.get::<1>(model.encoder.bias.id).unwrap();
        for slope in bias.into_data().iter::<f64>() {
            assert!(slope.abs() < 1e-6, "{rule}: {slope}");
        }
    }
}
