//! Sums over many samples: J, its terms and the RMSE of every executor against plain `f64` loops.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use burn::tensor::DType;
use sae_data::Samples;
use sae_model::{Architecture, Reconstruction, SparseObjective, named_parameters, term};
use sae_train::{Data, Group, whole_gradient};

use support::{EXECUTORS, autoencoder, descent, singles, with};

const HIDDEN: usize = 25;
const SETTINGS: (f64, f64, f64, f64) = (1e-4, 3.0, 0.05, 0.01);

/// [reconstruction, decay, sparsity, L1] and (1/R) Σ ‖x − z‖² by the formulas, for sigmoid units.
fn plain_loops(
    reconstruction: Reconstruction,
    parameters: &[Vec<f64>],
    x: &[f32],
    inputs: usize,
) -> ([f64; 4], f64) {
    let [w1, b, w2, c] = parameters else {
        panic!("an untied autoencoder");
    };
    let sigmoid = |p: f64| 1.0 / (1.0 + (-p).exp());
    let rows = (x.len() / inputs) as f64;
    let (mut squares, mut entropy) = (0.0, 0.0);
    let mut activity = [0.0; HIDDEN];
    for x in x.chunks_exact(inputs) {
        let mut code = b.clone();
        for (&x, w) in x.iter().zip(w1.chunks_exact(HIDDEN)) {
            code.iter_mut()
                .zip(w)
                .for_each(|(p, w)| *p += f64::from(x) * w);
        }
        code.iter_mut().for_each(|p| *p = sigmoid(*p));
        activity
            .iter_mut()
            .zip(&code)
            .for_each(|(sum, y)| *sum += y);
        let mut output = c.clone();
        for (y, w) in code.iter().zip(w2.chunks_exact(inputs)) {
            output.iter_mut().zip(w).for_each(|(p, w)| *p += y * w);
        }
        for (&p, &x) in output.iter().zip(x) {
            let (z, x) = (sigmoid(p), f64::from(x));
            squares += (z - x).powi(2) / rows;
            entropy -= (x * z.ln() + (1.0 - x) * (1.0 - z).ln()) / rows;
        }
    }
    let (alpha, beta, rho, l1) = SETTINGS;
    let kl = |sum: f64| {
        let mean = sum / rows;
        rho * (rho / mean).ln() + (1.0 - rho) * ((1.0 - rho) / (1.0 - mean)).ln()
    };
    let weights = w1.iter().chain(w2).map(|w| w * w).sum::<f64>();
    let terms = [
        match reconstruction {
            Reconstruction::SquaredError => 0.5 * squares,
            Reconstruction::CrossEntropy => entropy,
        },
        0.5 * alpha * weights,
        beta * activity.map(kl).iter().sum::<f64>(),
        l1 * activity.iter().sum::<f64>() / rows,
    ];
    (terms, squares)
}

/// The largest relative errors of J, its terms and the RMSE, by executor.
fn errors(reconstruction: Reconstruction, rows: usize, inputs: usize) -> Vec<(String, f64)> {
    let model = autoencoder((inputs, HIDDEN), Architecture::default(), DType::F32, 1);
    let samples = singles(rows, inputs, 9);
    let Samples::Floats { values, .. } = &samples else {
        panic!("numbers in single precision");
    };
    let parameters: Vec<_> = named_parameters(&model)
        .into_iter()
        .map(|p| p.values)
        .collect();
    let (expected, squares) = plain_loops(reconstruction, &parameters, values, inputs);
    let (alpha, beta, rho, l1) = SETTINGS;
    let objective = SparseObjective::new(alpha, beta, rho).unwrap();
    let objective = objective.with_l1(l1).unwrap();
    let objective = objective.with_reconstruction(reconstruction);
    let mut errors = Vec::new();
    for kind in EXECUTORS {
        let mut executor = with(kind, &objective, &model, &descent(0.1));
        let found = whole_gradient(
            &mut *executor,
            &Data::unlabelled(&samples),
            &Group::default(),
            0,
        )
        .unwrap();
        let mut add = |what: &str, found: f64, expected: f64| {
            errors.push((format!("{kind}, {what}"), (found / expected - 1.0).abs()));
        };
        let names = [
            term::reconstruction(reconstruction),
            term::WEIGHT_DECAY,
            term::SPARSITY,
            term::L1,
        ];
        for (name, expected) in names.into_iter().zip(expected) {
            add(name, found.figures.terms.get(name).unwrap(), expected);
        }
        add("J", found.figures.objective(), expected.iter().sum());
        let rmse = |squares: f64| (squares / inputs as f64).sqrt();
        let found = found.figures.squared_error.unwrap();
        add("RMSE", rmse(found), rmse(squares));
    }
    errors
}

#[test]
fn figures_are_those_of_double_precision() {
    for reconstruction in Reconstruction::ALL {
        for (what, error) in errors(reconstruction, 5000, 100) {
            assert!(error < 1e-6, "{reconstruction}, {what}: {error:e}");
        }
    }
}

/// As many samples as MNIST has: by hand, with the errors printed.
#[test]
#[ignore = "60,000 × 784 numbers take a while"]
#[expect(clippy::print_stdout, reason = "what it is run for")]
fn figures_of_60_000_samples_are_those_of_double_precision() {
    let errors = Reconstruction::ALL.map(|reconstruction| errors(reconstruction, 60_000, 784));
    let errors = errors.concat();
    errors
        .iter()
        .for_each(|(what, error)| println!("{what}: {error:.1e}"));
    assert!(errors.iter().all(|&(_, error)| error < 1e-6));
}
