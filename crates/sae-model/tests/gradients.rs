//! Delta against autodiff against finite differences of the objective by plain loops.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use burn::tensor::{DType, Device, Distribution, Tensor, TensorData};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use sae_model::{
    Activation, Architecture, AutoencoderBatch, AutoencoderConfig, CrossEntropy, DeepNetwork,
    DenseConfig, FineTuning, FiniteDifference, GradientRule, LabelledBatch, OnTensors, PlainLoops,
    Reconstruction, SoftmaxConfig, SparseAutoencoder, SparseObjective, Unit, flat_gradient,
    gradient_check, named_gradients, named_parameters, with_parameters,
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
    let labels: Vec<u32> = (0..rows).map(|k| (k * 7 % classes) as u32).collect();
    LabelledBatch::new(inputs(rows, columns, dtype), &labels, classes).unwrap()
}

fn assert_f64<O: PlainLoops>(case: &str, objective: &O, model: &O::Model, batch: &O::Batch) {
    for check in gradient_check(objective, model, batch, FiniteDifference::default()) {
        assert!(check.delta_autodiff < 1e-10, "{case}: {check:?}");
        assert!(check.delta_finite < 1e-7, "{case}: {check:?}");
        assert!(check.autodiff_finite < 1e-7, "{case}: {check:?}");
        // Agreement of zeros shows nothing, and what was left out is said.
        assert!(check.norm > 0.0 && check.entries > 0, "{case}: {check:?}");
        let all: usize = check.shape.iter().product();
        assert_eq!(check.entries + check.kinks, all, "{case}: {check:?}");
    }
}

fn assert_f32<O: PlainLoops>(case: &str, objective: &O, model: &O::Model, batch: &O::Batch) {
    let settings = FiniteDifference { entries: 1 };
    for check in gradient_check(objective, model, batch, settings) {
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
        for (alpha, beta, rho, reconstruction) in [
            (0.003, 3.0, 0.1, Reconstruction::SquaredError),
            (0.5, 0.2, 0.6, Reconstruction::SquaredError),
            (0.003, 3.0, 0.1, Reconstruction::CrossEntropy),
        ] {
            let case = format!(
                "{n}-{h}, {rows} rows, alpha {alpha}, beta {beta}, rho {rho}, {reconstruction}"
            );
            let objective = SparseObjective::new(alpha, beta, rho).unwrap();
            let objective = objective.with_reconstruction(reconstruction);
            let config = AutoencoderConfig::new(n, h).unwrap();
            let model = config.init(&mut rng(), DType::F64, &Device::flex());
            assert_f64(
                &case,
                &objective,
                &model,
                &inputs(rows, n, DType::F64).into(),
            );
            let model = config.init(&mut rng(), DType::F32, &Device::flex());
            assert_f32(
                &case,
                &objective,
                &model,
                &inputs(rows, n, DType::F32).into(),
            );
        }
    }
}

/// Every combination of units, tied or not, plain or top-k, that is allowed, with the sparsity terms
/// that are allowed for it; the inputs are corrupted in every case.
#[test]
fn every_kind_of_autoencoder() {
    let mut cases = 0;
    for (encoder, decoder) in Unit::ALL
        .into_iter()
        .flat_map(|encoder| Unit::ALL.map(|decoder| (encoder, decoder)))
    {
        for (tied, top_k) in [
            (false, None),
            (true, None),
            (false, Some(3)),
            (true, Some(2)),
        ] {
            let architecture = Architecture {
                encoder,
                decoder,
                tied,
                top_k,
            };
            for (beta, l1) in [(0.0, 0.0), (0.0, 0.7), (1.5, 0.0), (1.5, 0.7)] {
                for reconstruction in Reconstruction::ALL {
                    cases += usize::from(check_kind(architecture, reconstruction, beta, l1));
                }
            }
        }
    }
    // 5 decoders, the sigmoid one with two reconstruction terms, tied or not: 3 bounded units with 4 sparsity terms, 2 unbounded with 2, and
    // top-k of the 4 that are not tanh with 2.
    assert_eq!(cases, 6 * 2 * (3 * 4 + 2 * 2 + 4 * 2));
}

/// Checks one combination; false where it is refused.
fn check_kind(
    architecture: Architecture,
    reconstruction: Reconstruction,
    beta: f64,
    l1: f64,
) -> bool {
    let (n, h, rows) = (6, 5, 7);
    let case = format!("{architecture:?}, {reconstruction}, beta {beta}, l1 {l1}");
    let objective = SparseObjective::new(0.02, beta, 0.3).unwrap();
    let objective = objective.with_reconstruction(reconstruction);
    let objective = objective.with_l1(l1).unwrap();
    let config = AutoencoderConfig::new(n, h).unwrap();
    let Ok(config) = config.with_architecture(architecture) else {
        return false;
    };
    if objective.check(&architecture).is_err() {
        return false;
    }
    let model = with_biases(config.init(&mut rng(), DType::F64, &Device::flex()));
    let targets = inputs(rows, n, DType::F64);
    let batch = AutoencoderBatch {
        inputs: targets.clone().mul_scalar(0.8).add_scalar(0.05),
        targets,
        rho_hat: None,
    };
    assert_f64(&case, &objective, &model, &batch);
    true
}

/// Biases that are not zero, as they would be after a step.
fn with_biases(model: SparseAutoencoder) -> SparseAutoencoder {
    let mut parameters = named_parameters(&model);
    for parameter in &mut parameters {
        if parameter.name.ends_with("bias") {
            let place = parameter.values.len() as f64;
            let bias = |i: usize| 0.31 * (1.7 * (i as f64 + 1.0) * place).sin() + 0.07;
            parameter.values = (0..parameter.values.len()).map(bias).collect();
        }
    }
    with_parameters(model, &parameters).unwrap()
}

/// Over many seeds some pre-activations lie next to a kink of satlin or ReLU, or two activations
/// next to each other for top-k: no false alarm.
#[test]
fn kinks_are_no_disagreement() {
    let (n, h, rows) = (6, 5, 40);
    for (encoder, decoder, top_k) in [
        (Unit::Satlin, Unit::Satlin, None),
        (Unit::Satlin, Unit::Relu, None),
        (Unit::Relu, Unit::Satlin, None),
        (Unit::Relu, Unit::Relu, None),
        (Unit::Linear, Unit::Linear, Some(2)),
        (Unit::Satlin, Unit::Satlin, Some(2)),
    ] {
        for (seed, tied) in (0..12).flat_map(|seed| [(seed, false), (seed, true)]) {
            let architecture = Architecture {
                encoder,
                decoder,
                tied,
                top_k,
            };
            let case = format!("{architecture:?}, seed {seed}");
            let config = AutoencoderConfig::new(n, h).unwrap();
            let config = config.with_architecture(architecture).unwrap();
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let model = with_biases(config.init(&mut rng, DType::F64, &Device::flex()));
            let objective = SparseObjective::new(0.02, 0.0, 0.3).unwrap();
            let objective = objective.with_l1(0.1).unwrap();
            assert_f64(
                &case,
                &objective,
                &model,
                &inputs(rows, n, DType::F64).into(),
            );
        }
    }
}

/// A sample of zeros and biases of 0 put the pre-activations on the kink: by the biases there is
/// nothing to difference, and that is said. Both rules agree nevertheless.
#[test]
fn entries_at_a_kink_are_left_out_and_counted() {
    let (n, h) = (6, 5);
    for encoder in [Unit::Satlin, Unit::Relu] {
        let architecture = Architecture {
            encoder,
            decoder: Unit::Linear,
            ..Architecture::default()
        };
        let config = AutoencoderConfig::new(n, h).unwrap();
        let config = config.with_architecture(architecture).unwrap();
        let model = config.init(&mut rng(), DType::F64, &Device::flex());
        let zeros = Tensor::zeros([1, n], (&Device::flex(), DType::F64));
        let x = Tensor::cat(vec![inputs(9, n, DType::F64), zeros], 0);
        let objective = SparseObjective::new(0.02, 0.0, 0.3).unwrap();
        let finite = FiniteDifference::default();
        for check in gradient_check(&objective, &model, &x.into(), finite) {
            let all: usize = check.shape.iter().product();
            let expected = if check.name == "encoder.bias" {
                (0, h)
            } else {
                (all, 0)
            };
            assert_eq!(
                (check.entries, check.kinks),
                expected,
                "{encoder}: {check:?}"
            );
            assert!(
                check.norm > 0.0 && check.delta_autodiff < 1e-10,
                "{check:?}"
            );
            assert!(check.delta_finite < 1e-7, "{encoder}: {check:?}");
        }
    }
}

/// Steps and tolerances know the scale of the objective.
#[test]
fn large_weights_and_inputs_are_no_disagreement() {
    for (alpha, beta, scale, decoder) in [
        (1e6, 0.3, 1.0, Unit::Sigmoid),
        (0.02, 1e6, 1.0, Unit::Sigmoid),
        (1e6, 1e6, 1.0, Unit::Sigmoid),
        (0.02, 0.3, 255.0, Unit::Linear),
        (0.02, 0.3, 255.0, Unit::Relu),
    ] {
        for seed in 0..5 {
            let case = format!("alpha {alpha}, beta {beta}, inputs to {scale}, seed {seed}");
            let architecture = Architecture {
                decoder,
                ..Architecture::default()
            };
            let config = AutoencoderConfig::new(6, 4).unwrap();
            let config = config.with_architecture(architecture).unwrap();
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let model = with_biases(config.init(&mut rng, DType::F64, &Device::flex()));
            let objective = SparseObjective::new(alpha, beta, 0.2).unwrap();
            let batch = inputs(9, 6, DType::F64).mul_scalar(scale).into();
            assert_f64(&case, &objective, &model, &batch);
        }
    }
}

/// At a kink both rules take slope 0: a satlin decoder whose pre-activations are 0 or 1 exactly, as
/// those of samples with no active unit, teaches nothing, although every output is wrong.
#[test]
fn slopes_are_zero_at_kinks() {
    for (unit, decoder_bias) in [(Unit::Satlin, 0.0), (Unit::Satlin, 1.0), (Unit::Relu, 0.0)] {
        let architecture = Architecture {
            encoder: unit,
            decoder: unit,
            ..Architecture::default()
        };
        let config = AutoencoderConfig::new(3, 2).unwrap();
        let config = config.with_architecture(architecture).unwrap();
        let model = config.init(&mut rng(), DType::F64, &Device::flex());
        let mut parameters = named_parameters(&model);
        parameters[0].values.fill(0.0);
        parameters[3].values.fill(decoder_bias);
        let model = with_parameters(model, &parameters).unwrap();
        let objective = SparseObjective::new(0.0, 0.0, 0.1).unwrap();
        let batch = inputs(4, 3, DType::F64)
            .mul_scalar(0.5)
            .add_scalar(0.2)
            .into();
        for rule in GradientRule::ALL {
            let gradient = rule.gradient(&objective, &model, &batch);
            assert!(gradient.value.total() > 0.01);
            let slopes = flat_gradient(&model, &gradient.gradients);
            assert!(
                slopes.iter().all(|&g| g == 0.0),
                "{unit} {rule}: {slopes:?}"
            );
        }
    }
}

/// With tied weights the gradient is that of the untied network at W2 = W1ᵀ, summed:
/// ∂J/∂W1 + (∂J/∂W2)ᵀ.
#[test]
fn tied_gradients_are_summed() {
    let objective = SparseObjective::new(0.1, 2.0, 0.2).unwrap();
    let architecture = Architecture {
        tied: true,
        ..Architecture::default()
    };
    let config = AutoencoderConfig::new(4, 3).unwrap();
    let tied = config.with_architecture(architecture).unwrap();
    let tied = tied.init(&mut rng(), DType::F64, &Device::flex());
    let free = config.init(&mut rng(), DType::F64, &Device::flex());
    let mut parameters = named_parameters(&free);
    let w1 = named_parameters(&tied)[0].values.clone();
    parameters[0].values = w1.clone();
    parameters[2].values = (0..12).map(|i| w1[(i % 4) * 3 + i / 4]).collect();
    let free = with_parameters(free, &parameters).unwrap();

    let batch = inputs(5, 4, DType::F64).into();
    let gradients = |model: &SparseAutoencoder| {
        let gradient = GradientRule::Delta.gradient(&objective, model, &batch);
        named_gradients(model, &gradient.gradients)
    };
    let (tied, free) = (gradients(&tied), gradients(&free));
    for i in 0..4 {
        for j in 0..3 {
            let sum = free[0].1[i * 3 + j] + free[2].1[j * 4 + i];
            assert!((tied[0].1[i * 3 + j] - sum).abs() < 1e-14);
        }
    }
}

/// Of each sample exactly the k largest activations are kept.
#[test]
fn top_k_keeps_the_largest() {
    let data = TensorData::new(vec![0.1, 0.9, 0.5, 0.3, 0.8, 0.2, 0.7, 0.6], [2, 4]);
    let x = Tensor::<2>::from_data(data, (&Device::flex(), DType::F64));
    let activation = Activation {
        unit: Unit::Linear,
        top_k: Some(2),
    };
    let kept: Vec<f64> = activation.apply(x).into_data().iter::<f64>().collect();
    assert_eq!(kept, [0.0, 0.9, 0.5, 0.0, 0.8, 0.0, 0.7, 0.0]);
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
    let x = inputs(4, 3, DType::F64).into();
    for rule in GradientRule::ALL {
        let gradients = rule.gradient(&objective, &model, &x).gradients;
        let bias = gradients.get::<1>(model.encoder.bias.id).unwrap();
        for slope in bias.into_data().iter::<f64>() {
            assert!(slope.abs() < 1e-6, "{rule}: {slope}");
        }
    }
}
