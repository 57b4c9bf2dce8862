//! The exact full batch: independent of the chunk size, and what the estimators of ρ̂ do.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use burn::optim::GradientsParams;
use burn::tensor::{DType, Device, Tensor, TensorData};
use sae_data::{Samples, Stream, stream, uniform};
use sae_model::{
    Architecture, AutoencoderBatch, AutoencoderConfig, GradientRule, LabelledBatch, Objective,
    SoftmaxConfig, SparseAutoencoder, SparseObjective, Unit, named_gradients, relative_difference,
};
use sae_train::{
    BatchSize, Inputs, Optimiser, RhoHat, Schedule, Source, StopRules, TrainError, Training,
    Unlabelled, fit, full_gradient, full_rho_hat, full_value,
};

const ROWS: usize = 37;
const INPUTS: usize = 8;

/// The same numbers in `f64`, which the library's own sources do not have.
struct Doubles {
    values: Vec<f64>,
    labels: Vec<u8>,
}

impl Doubles {
    fn new() -> Self {
        let mut rng = stream(2, Stream::Split);
        Self {
            values: (0..ROWS * INPUTS)
                .map(|_| uniform(&mut rng, 0.0, 1.0))
                .collect(),
            labels: (0..ROWS).map(|k| (k * 7 % 3) as u8).collect(),
        }
    }

    fn tensor(&self, rows: &[usize]) -> Tensor<2> {
        let row = |&r: &usize| self.values[r * INPUTS..(r + 1) * INPUTS].to_vec();
        let values: Vec<f64> = rows.iter().flat_map(row).collect();
        let data = TensorData::new(values, [rows.len(), INPUTS]);
        Tensor::from_data(data, (&Device::flex(), DType::F64))
    }
}

impl Source for Doubles {
    type Batch = AutoencoderBatch;

    fn rows(&self) -> usize {
        ROWS
    }

    fn batch(&self, rows: &[usize]) -> Result<AutoencoderBatch, TrainError> {
        Ok(self.tensor(rows).into())
    }
}

struct LabelledDoubles(Doubles);

impl Source for LabelledDoubles {
    type Batch = LabelledBatch;

    fn rows(&self) -> usize {
        ROWS
    }

    fn batch(&self, rows: &[usize]) -> Result<LabelledBatch, TrainError> {
        let labels: Vec<u8> = rows.iter().map(|&row| self.0.labels[row]).collect();
        Ok(LabelledBatch::new(self.0.tensor(rows), &labels, 3)?)
    }
}

fn autoencoder(encoder: Unit) -> SparseAutoencoder {
    let architecture = Architecture {
        encoder,
        ..Architecture::default()
    };
    let config = AutoencoderConfig::new(INPUTS, 5).unwrap();
    let config = config.with_architecture(architecture).unwrap();
    let mut rng = stream(1, Stream::Autoencoder(0));
    config.init(&mut rng, DType::F64, &Device::flex())
}

fn all_rows() -> Vec<usize> {
    (0..ROWS).collect()
}

fn assert_independent<O: Objective, S: Source<Batch = O::Batch>>(
    objective: &O,
    model: &O::Model,
    source: &S,
) {
    let at_once = source.batch(&all_rows()).unwrap();
    for rule in GradientRule::ALL {
        let whole = rule.gradient(objective, model, &at_once);
        let named = |gradients: &GradientsParams| named_gradients(model, gradients);
        for chunk in [1, 2, 5, 36, 37, 1000] {
            let chunked = full_gradient(objective, rule, model, source, chunk).unwrap();
            let value = full_value(objective, model, source, chunk).unwrap();
            let terms = whole.value.host_terms();
            assert!(relative_difference(&chunked.value.host_terms(), &terms) < 1e-12);
            assert!(relative_difference(&value.host_terms(), &terms) < 1e-12);
            let statistic = whole.value.host_statistic();
            assert!(relative_difference(&chunked.value.host_statistic(), &statistic) < 1e-12);
            let (found, expected) = (named(&chunked.gradients), named(&whole.gradients));
            for ((name, found), (_, expected)) in found.iter().zip(&expected) {
                let difference = relative_difference(found, expected);
                assert!(
                    difference < 1e-12,
                    "{rule}, chunks of {chunk}, {name}: {difference:e}"
                );
            }
        }
    }
}

#[test]
fn gradients_do_not_depend_on_the_chunk_size() {
    for unit in [Unit::Sigmoid, Unit::Tanh, Unit::Satlin] {
        let objective = SparseObjective::new(0.01, 3.0, 0.2).unwrap();
        let objective = objective.with_l1(0.1).unwrap();
        assert_independent(&objective, &autoencoder(unit), &Doubles::new());
    }
    let head = SoftmaxConfig::new(INPUTS, 3).unwrap();
    let head = head.init(&mut stream(1, Stream::Head), DType::F64, &Device::flex());
    let objective = sae_model::CrossEntropy::new(0.1).unwrap();
    assert_independent(&objective, &head, &LabelledDoubles(Doubles::new()));
}

/// Averaging chunks that each use their own ρ̂ is another objective: the check above can fail.
#[test]
fn chunks_with_their_own_rho_hat_are_wrong() {
    let objective = SparseObjective::new(0.01, 3.0, 0.2).unwrap();
    let (model, source) = (autoencoder(Unit::Sigmoid), Doubles::new());
    let mut sparsity = 0.0;
    for row in 0..ROWS {
        let value = objective.value(&model, &source.batch(&[row]).unwrap());
        sparsity += value.host_terms()[2] / ROWS as f64;
    }
    let exact = full_value(&objective, &model, &source, 1)
        .unwrap()
        .host_terms()[2];
    assert!(sparsity > 1.01 * exact, "{sparsity} {exact}");
}

fn sparse_training(rho_hat: RhoHat, rule: GradientRule) -> Training {
    Training {
        rule,
        optimiser: Optimiser::Sgd {
            momentum: 0.0,
            nesterov: false,
        },
        // So small that the weights, and with them ρ̂, hardly move.
        learning_rate: 1e-9,
        schedule: Schedule::Constant,
        batch: BatchSize::Rows(4),
        rho_hat,
        epochs: 200,
        stop: StopRules::default(),
        fused: None,
    }
}

/// The mean sparsity term of minibatches, in `f32`, and the exact one.
fn sparsity(rho_hat: RhoHat, rule: GradientRule) -> (f64, f64) {
    let device = Device::flex();
    let doubles = Doubles::new();
    let samples = Samples::Floats {
        width: INPUTS,
        values: doubles.values.iter().map(|&v| v as f32).collect(),
    };
    let train = Unlabelled {
        inputs: Inputs::new(&samples, &device),
        corruptor: None,
    };
    let config = AutoencoderConfig::new(INPUTS, 5).unwrap();
    let model = config.init(&mut stream(1, Stream::Autoencoder(0)), DType::F32, &device);
    let objective = SparseObjective::new(0.0, 3.0, 0.2).unwrap();
    let exact = full_value(&objective, &model, &train, 100)
        .unwrap()
        .host_terms()[2];
    let data = sae_train::Samples {
        train,
        validation: None,
    };
    let settings = sparse_training(rho_hat, rule);
    let mut order = stream(1, Stream::AutoencoderOrder(0));
    let fitted = fit(
        "autoencoder-1",
        &objective,
        model,
        data,
        &settings,
        &mut order,
        |_| Ok(()),
    );
    (fitted.unwrap().last.terms[2].1, exact)
}

/// At weights that stand still, `full` has the exact sparsity term, `batch` exceeds it (KL is
/// convex), and `running` lies close to it, its average over minibatches being shorter.
#[test]
fn estimators_have_the_stated_bias() {
    for rule in GradientRule::ALL {
        let (full, exact) = sparsity(RhoHat::Full, rule);
        assert!((full / exact - 1.0).abs() < 1e-5, "{full} {exact}");
        let (batch, _) = sparsity(RhoHat::Batch, rule);
        assert!(batch > 1.001 * exact, "{batch} {exact}");
        let (running, _) = sparsity(RhoHat::Running(0.9), rule);
        assert!((running / exact - 1.0).abs() < (batch / exact - 1.0) / 4.0);
    }
}

/// Samples that cannot be read.
struct Broken;

impl Source for Broken {
    type Batch = AutoencoderBatch;

    fn rows(&self) -> usize {
        ROWS
    }

    fn batch(&self, _rows: &[usize]) -> Result<AutoencoderBatch, TrainError> {
        Err(TrainError::Hook("the disk is gone".into()))
    }
}

#[test]
fn errors_of_the_source_come_through_line_searches() {
    for optimiser in [
        Optimiser::Lbfgs { history: 5 },
        Optimiser::ConjugateGradient,
    ] {
        errors_come_through(optimiser);
    }
}

fn errors_come_through(optimiser: Optimiser) {
    let objective = SparseObjective::new(0.0, 1.0, 0.1).unwrap();
    let settings = Training {
        optimiser,
        batch: BatchSize::Full,
        ..sparse_training(RhoHat::Batch, GradientRule::Delta)
    };
    let data = sae_train::Samples {
        train: Broken,
        validation: None,
    };
    let mut order = stream(1, Stream::AutoencoderOrder(0));
    let model = autoencoder(Unit::Sigmoid);
    let error = fit("a", &objective, model, data, &settings, &mut order, |_| {
        Ok(())
    });
    assert_eq!(error.unwrap_err().to_string(), "the disk is gone");
}

#[test]
fn the_rho_hat_of_all_samples_is_their_mean() {
    let objective = SparseObjective::new(0.0, 1.0, 0.1).unwrap();
    let (model, source) = (autoencoder(Unit::Sigmoid), Doubles::new());
    let found = full_rho_hat(&objective, &model, &source, 5)
        .unwrap()
        .unwrap();
    let expected = model.encode(source.tensor(&all_rows())).inner().mean_dim(0);
    let host = |t: Tensor<2>| t.into_data().iter::<f64>().collect::<Vec<_>>();
    assert!(relative_difference(&host(found), &host(expected)) < 1e-14);
    let without = SparseObjective::new(0.0, 0.0, 0.1).unwrap();
    assert!(
        full_rho_hat(&without, &model, &source, 5)
            .unwrap()
            .is_none()
    );
}
