//! Values of the objectives against an independent implementation and published numbers.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod reference;

use burn::tensor::{DType, Device, Tensor, TensorData};
use reference::{Lcg, Matrix, Net, kl, kl_slope};
use sae_model::{
    Activation, AutoencoderBatch, CrossEntropy, Dense, DenseConfig, Figures, FineTuning,
    GradientRule, LabelledBatch, Objective, RHO_HAT_EPSILON, Reconstruction, Softmax,
    SparseAutoencoder, SparseObjective, Terms, Unit, flat_gradient, term,
};

fn dense(w: &Matrix, b: &[f64]) -> Dense {
    let size = DenseConfig::new(w.len(), b.len());
    Dense::from_values(size, w.concat(), b.to_vec(), DType::F64, &Device::flex())
}

fn tensor(rows: &Matrix) -> Tensor<2> {
    let data = TensorData::new(rows.concat(), [rows.len(), rows[0].len()]);
    Tensor::from_data(data, (&Device::flex(), DType::F64))
}

/// J's terms and ρ̂ on the host.
fn figures(objective: &SparseObjective, model: &SparseAutoencoder, batch: Tensor<2>) -> Figures {
    let value = objective.value(model, &batch.into());
    value.to_host(objective.terms())
}

fn autoencoder(net: &Net) -> SparseAutoencoder {
    SparseAutoencoder {
        encoder: dense(&net.w1, &net.b),
        decoder: dense(&net.w2, &net.c).into(),
    }
}

fn uniform_rows(rows: usize, columns: usize, seed: u64) -> Matrix {
    let mut lcg = Lcg(seed);
    let mut row = || lcg.vector(columns).iter().map(|v| 0.5 + 0.5 * v).collect();
    (0..rows).map(|_| row()).collect()
}

fn assert_close(found: f64, expected: f64) {
    let scale = expected.abs().max(1e-3);
    assert!(
        (found - expected).abs() / scale < 1e-12,
        "{found} is not {expected}"
    );
}

#[test]
fn terms_agree_with_plain_loops() {
    for (inputs, hidden, rows, seed) in [(5, 3, 7, 1), (4, 6, 1, 2), (9, 2, 20, 3)] {
        let net = Net::random(inputs, hidden, seed);
        let data = uniform_rows(rows, inputs, seed + 100);
        let (alpha, beta, rho) = (0.03, 2.5, 0.07);
        let objective = SparseObjective::new(alpha, beta, rho).unwrap();
        let found = figures(&objective, &autoencoder(&net), tensor(&data));

        let expected = reference::terms(&net, &data, alpha, beta, rho);
        let names = [term::RECONSTRUCTION, term::WEIGHT_DECAY, term::SPARSITY];
        for (name, expected) in names.into_iter().zip(expected) {
            assert_close(found.terms.get(name).unwrap(), expected);
        }
        assert_close(found.objective(), expected.iter().sum());
        assert_close(found.squared_error.unwrap(), 2.0 * expected[0]);
        let rho_hat = reference::rho_hat(&net, &data);
        assert_eq!(found.rho_hat.as_ref().unwrap().len(), hidden);
        for (found, expected) in found.rho_hat.unwrap().into_iter().zip(rho_hat) {
            assert_close(found, expected);
        }
    }
}

/// −Σ [x log z + (1 − x) log(1 − z)] / R by its definition; decay, sparsity and the squared error are
/// those of the other objective.
#[test]
fn cross_entropy_of_a_reconstruction_agrees_with_plain_loops() {
    for (inputs, hidden, rows, seed) in [(5, 3, 7, 1), (4, 6, 1, 2), (9, 2, 20, 3)] {
        let net = Net::random(inputs, hidden, seed);
        let data = uniform_rows(rows, inputs, seed + 100);
        let (alpha, beta, rho) = (0.03, 2.5, 0.07);
        let objective = SparseObjective::new(alpha, beta, rho).unwrap();
        let objective = objective.with_reconstruction(Reconstruction::CrossEntropy);
        let found = figures(&objective, &autoencoder(&net), tensor(&data));

        let [half_squares, decay, sparsity] = reference::terms(&net, &data, alpha, beta, rho);
        let entropy = reference::cross_entropy(&net, &data);
        assert_close(found.objective(), entropy + decay + sparsity);
        let named = found.terms.get(term::RECONSTRUCTION_CROSS_ENTROPY);
        assert_close(named.unwrap(), entropy);
        assert_eq!(found.terms.get(term::RECONSTRUCTION), None);
        assert_close(found.squared_error.unwrap(), 2.0 * half_squares);
    }
}

/// Outputs as sure as can be, right and wrong: with W2 = 0 the output is φ(c), and −log φ(±p) is
/// log(1 + e^∓p), in both precisions, where φ itself is 0 or 1. At p = 0 the derivative by c is ½ − x
/// under both rules.
#[test]
fn cross_entropy_of_sure_outputs() {
    for dtype in [DType::F64, DType::F32] {
        for (p, x, expected) in [
            (40.0, 1.0, (-40.0_f64).exp()),
            (40.0, 0.0, 40.0),
            (-1000.0, 1.0, 1000.0),
            (-1000.0, 0.0, 0.0),
            (800.0, 0.25, 600.0),
            (0.0, 1.0, std::f64::consts::LN_2),
        ] {
            let device = Device::flex();
            let layer = |bias| {
                let size = DenseConfig::new(1, 1);
                Dense::from_values(size, vec![0.0], vec![bias], dtype, &device)
            };
            let model = SparseAutoencoder {
                encoder: layer(0.3),
                decoder: layer(p).into(),
            };
            let objective = SparseObjective::new(0.0, 0.0, 0.5).unwrap();
            let objective = objective.with_reconstruction(Reconstruction::CrossEntropy);
            let batch = Tensor::<2>::full([3, 1], x, (&device, dtype)).into();
            for rule in GradientRule::ALL {
                let gradient = rule.gradient(&objective, &model, &batch);
                let found = gradient.value.total();
                let error = (found - expected).abs();
                let case = format!("{dtype:?}, {rule}, {p}, {x}");
                assert!(error <= 1e-6 * expected, "{case}: {found:e}");
                let slope = flat_gradient(&model, &gradient.gradients)[3];
                let expected = 1.0 / (1.0 + (-p).exp()) - x;
                assert!((slope - expected).abs() < 1e-7, "{case}: {slope}");
            }
        }
    }
}

/// A ρ̂ that is given takes the place of the batch's own in the value and in the slope of the
/// sparsity term: the gradient is that of `reconstruction + decay + β Σ_j g(given_j)·ρ̂_j`.
#[test]
fn a_given_rho_hat_is_a_constant_of_the_slope() {
    let (inputs, hidden, rows) = (4, 3, 6);
    let (alpha, beta, rho) = (0.05, 1.7, 0.2);
    let given = [0.11, 0.5, 0.83];
    let net = Net::random(inputs, hidden, 17);
    let data = uniform_rows(rows, inputs, 18);
    let linear = |net: &Net| {
        let [reconstruction, decay, _] = reference::terms(net, &data, alpha, 0.0, rho);
        let means = reference::rho_hat(net, &data);
        let tied_to = means
            .iter()
            .zip(given)
            .map(|(mean, g)| kl_slope(rho, g) * mean);
        reconstruction + decay + beta * tied_to.sum::<f64>()
    };
    let mut expected = Vec::new();
    for i in 0..inputs {
        for j in 0..hidden {
            expected.push(reference::finite_difference(
                &net,
                |n| &mut n.w1[i][j],
                linear,
            ));
        }
    }
    for j in 0..hidden {
        expected.push(reference::finite_difference(&net, |n| &mut n.b[j], linear));
    }
    let batch = AutoencoderBatch {
        rho_hat: Some(tensor(&vec![given.to_vec()])),
        ..tensor(&data).into()
    };
    let objective = SparseObjective::new(alpha, beta, rho).unwrap();
    let model = autoencoder(&net);
    for rule in GradientRule::ALL {
        let gradient = rule.gradient(&objective, &model, &batch);
        let found = gradient.value.to_host(objective.terms());
        let divergence: f64 = given.iter().map(|&g| kl(rho, g)).sum();
        assert_close(found.terms.get(term::SPARSITY).unwrap(), beta * divergence);
        for (found, given) in found.rho_hat.unwrap().into_iter().zip(given) {
            assert_close(found, given);
        }
        let slopes = flat_gradient(&model, &gradient.gradients);
        for (found, expected) in slopes.iter().zip(&expected) {
            assert!(
                (found - expected).abs() < 1e-8,
                "{rule}: {found} {expected}"
            );
        }
    }
}

/// With zero encoder weights and bias log(ρ̂/(1−ρ̂)), every unit's mean activation is ρ̂, so the
/// sparsity term is KL(ρ ‖ ρ̂) itself. Values worked out by hand from the definition, in natural
/// logarithms: KL(0.1‖0.5) = 0.1·ln 0.2 + 0.9·ln 1.8, KL(0.5‖0.25) = ½·ln(4/3), KL(ρ‖ρ) = 0.
#[test]
fn sparsity_term_is_the_divergence() {
    let cases = [
        (0.1, 0.5, 0.368_064_207_168_50),
        (0.5, 0.25, 0.143_841_036_225_89),
        (0.05, 0.2, 0.093_943_026_024_33),
        (0.3, 0.3, 0.0),
    ];
    for (rho, rho_hat, expected) in cases {
        let bias = f64::ln(rho_hat / (1.0 - rho_hat));
        let model = SparseAutoencoder {
            encoder: dense(&vec![vec![0.0]; 2], &[bias]),
            decoder: dense(&vec![vec![0.0; 2]], &[0.0, 0.0]).into(),
        };
        let objective = SparseObjective::new(0.0, 1.0, rho).unwrap();
        let found = figures(&objective, &model, tensor(&vec![vec![0.3, 0.9]]));
        let found = found.terms.get(term::SPARSITY).unwrap();
        assert!((found - expected).abs() < 1e-13, "{found} {expected}");
    }
}

/// A dead or saturated unit's divergence is large but finite, in both precisions.
#[test]
fn divergence_is_finite_at_the_ends() {
    for dtype in [DType::F64, DType::F32] {
        for bias in [-200.0, 200.0] {
            let device = Device::flex();
            let model = SparseAutoencoder {
                encoder: Dense::from_values(
                    DenseConfig::new(1, 1),
                    vec![0.0],
                    vec![bias],
                    dtype,
                    &device,
                ),
                decoder: Dense::from_values(
                    DenseConfig::new(1, 1),
                    vec![0.0],
                    vec![0.0],
                    dtype,
                    &device,
                )
                .into(),
            };
            let x = Tensor::<2>::ones([3, 1], (&device, dtype));
            let objective = SparseObjective::new(0.0, 1.0, 0.05).unwrap();
            let value = GradientRule::Delta
                .gradient(&objective, &model, &x.into())
                .value;
            let sparsity = value.to_host(objective.terms()).terms.get(term::SPARSITY);
            // The clamp's own divergence; 1 − ε is not exact in `f32`.
            let end = if bias < 0.0 {
                RHO_HAT_EPSILON
            } else {
                1.0 - RHO_HAT_EPSILON
            };
            let (found, expected) = (sparsity.unwrap(), kl(0.05, end));
            assert!(
                (found / expected - 1.0).abs() < 2e-2,
                "{dtype:?}: {found} {expected}"
            );
        }
    }
}

/// KL(ρ ‖ ρ + d) by its series in d, which cancels nowhere; for |d| ≤ min(ρ, 1 − ρ)/2.
fn kl_series(rho: f64, d: f64) -> f64 {
    let term = |k: i32| {
        let (near_0, near_1) = (-d / rho, d / (1.0 - rho));
        (rho * near_0.powi(k) + (1.0 - rho) * near_1.powi(k)) / f64::from(k)
    };
    (2..60).rev().map(term).sum()
}

/// In `f32` with a large β, near the divergence's minimum, where the sum of its logarithms cancels:
/// right to 1e-6, and never negative. ρ̂ comes from the value, as it was rounded.
#[test]
fn divergence_is_right_near_its_minimum() {
    let beta = 3000.0;
    for rho in [0.01, 0.05, 0.1, 0.5, 0.9] {
        let room = f64::min(rho, 1.0 - rho) / 2.0;
        for share in [0.0, 1e-6, 1e-4, 0.003, 0.02, 0.1, 0.3, 0.6, 0.9] {
            for d in [share * room, -share * room] {
                let rho_hat: f64 = rho + d;
                let bias = (rho_hat / (1.0 - rho_hat)).ln();
                let layer = |inputs, outputs, bias| {
                    let (size, zeros) = (
                        DenseConfig::new(inputs, outputs),
                        vec![0.0; inputs * outputs],
                    );
                    Dense::from_values(size, zeros, bias, DType::F32, &Device::flex())
                };
                let model = SparseAutoencoder {
                    encoder: layer(2, 40, vec![bias; 40]),
                    decoder: layer(40, 2, vec![0.0; 2]).into(),
                };
                let objective = SparseObjective::new(0.0, beta, rho).unwrap();
                let x = Tensor::<2>::ones([130, 2], (&Device::flex(), DType::F32));
                let found = figures(&objective, &model, x);
                let means = found.rho_hat.unwrap();
                let exact: f64 = means
                    .iter()
                    .map(|mean| beta * kl_series(rho, mean - rho))
                    .sum();
                let sparsity = found.terms.get(term::SPARSITY).unwrap();
                assert!(sparsity >= 0.0, "{rho} {d}: {sparsity}");
                let error = (sparsity - exact).abs();
                assert!(error <= 1e-6 * exact, "{rho} {d}: {sparsity:e} {exact:e}");
            }
        }
    }
}

/// With zero weights every class is equally likely: the cross-entropy is ln(classes).
#[test]
fn cross_entropy_of_the_uniform_classifier() {
    for classes in [2, 3, 10] {
        let mut output = dense(&vec![vec![0.0; classes]; 4], &vec![0.0; classes]);
        output.activation = Activation::of(Unit::Linear);
        let head = Softmax { output };
        let batch =
            LabelledBatch::new(tensor(&vec![vec![0.2; 4]; 6]), &[0, 1, 0, 1, 1, 0], classes)
                .unwrap();
        let objective = CrossEntropy::new(0.1).unwrap();
        let found = objective.value(&head, &batch).to_host(objective.terms());
        assert_close(
            found.terms.get(term::CROSS_ENTROPY).unwrap(),
            (classes as f64).ln(),
        );
        assert_eq!(found.terms.get(term::WEIGHT_DECAY), Some(0.0));
    }
}

/// What reports are made of comes back from JSON as it was, in its order.
#[test]
fn figures_are_read_as_they_are_written() {
    let figures = Figures {
        terms: [("reconstruction", 0.1 + 0.2), ("l1", 5e-324), ("a", 1e300)]
            .into_iter()
            .collect(),
        squared_error: Some(2.0 / 3.0),
        rho_hat: Some(vec![1.0 / 3.0, f64::MIN_POSITIVE]),
        accuracy: None,
    };
    let json = serde_json::to_string(&figures).unwrap();
    assert_eq!(serde_json::from_str::<Figures>(&json).unwrap(), figures);
    let terms: Terms = serde_json::from_str(r#"{"z": 1, "a": 2.5}"#).unwrap();
    assert_eq!(terms.iter().collect::<Vec<_>>(), [("z", 1.0), ("a", 2.5)]);
}

#[test]
fn settings_outside_their_ranges_are_refused() {
    let refused = |result: Result<SparseObjective, sae_model::ModelError>, name: &str| {
        let message = result.unwrap_err().to_string();
        assert!(message.starts_with(name), "{message}");
    };
    refused(SparseObjective::new(-1.0, 3.0, 0.1), "weight_decay is -1");
    refused(
        SparseObjective::new(f64::NAN, 3.0, 0.1),
        "weight_decay is NaN",
    );
    refused(SparseObjective::new(0.0, f64::INFINITY, 0.1), "beta is inf");
    for rho in [0.0, 1.0, -0.1, f64::NAN] {
        refused(SparseObjective::new(0.0, 3.0, rho), "rho is");
    }
    refused(
        SparseObjective::new(0.0, 3.0, 0.1).unwrap().with_l1(-1.0),
        "l1 is -1",
    );
    for decay in [-0.1, f64::NAN] {
        let head = CrossEntropy::new(decay).unwrap_err().to_string();
        let network = FineTuning::new(decay).unwrap_err().to_string();
        assert_eq!(head, network);
        assert!(head.starts_with("weight_decay is "), "{head}");
    }
}
