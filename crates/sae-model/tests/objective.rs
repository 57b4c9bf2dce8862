//! Values of the objectives against an independent implementation and published numbers.

mod reference;

use burn::tensor::{DType, Device, Tensor, TensorData};
use reference::{Lcg, Matrix, Net};
use sae_model::{
    Activation, CrossEntropy, Dense, DenseConfig, LabelledBatch, Objective, Softmax,
    SparseAutoencoder, SparseObjective, Unit,
};

fn dense(w: &Matrix, b: &[f64]) -> Dense {
    let size = DenseConfig::new(w.len(), b.len());
    Dense::from_values(size, w.concat(), b.to_vec(), DType::F64, &Device::flex())
}

fn tensor(rows: &Matrix) -> Tensor<2> {
    let data = TensorData::new(rows.concat(), [rows.len(), rows[0].len()]);
    Tensor::from_data(data, (&Device::flex(), DType::F64))
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
        let mut lcg = Lcg(seed + 100);
        let data: Matrix = (0..rows)
            .map(|_| lcg.vector(inputs).iter().map(|v| 0.5 + 0.5 * v).collect())
            .collect();
        let (alpha, beta, rho) = (0.03, 2.5, 0.07);

        let model = SparseAutoencoder {
            encoder: dense(&net.w1, &net.b),
            decoder: dense(&net.w2, &net.c).into(),
        };
        let objective = SparseObjective::new(alpha, beta, rho).unwrap();
        let value = objective.value(&model, &tensor(&data).into());

        let expected = reference::terms(&net, &data, alpha, beta, rho);
        for (found, expected) in value.host_terms().into_iter().zip(expected) {
            assert_close(found, expected);
        }
        let rho_hat = reference::rho_hat(&net, &data);
        for (found, expected) in value.host_statistic().into_iter().zip(rho_hat) {
            assert_close(found, expected);
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
        let value = objective.value(&model, &tensor(&vec![vec![0.3, 0.9]]).into());
        let found = value.host_terms()[2];
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
            let (value, _) = objective.delta(&model, &x.into());
            let sparsity = value.host_terms()[2];
            assert!(sparsity.is_finite() && sparsity > 0.5, "{sparsity}");
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
        let value = CrossEntropy::new(0.1).unwrap().value(&head, &batch);
        assert_close(value.host_terms()[0], (classes as f64).ln());
        assert_eq!(value.host_terms()[1], 0.0);
    }
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
    assert!(CrossEntropy::new(-0.1).is_err());
}
