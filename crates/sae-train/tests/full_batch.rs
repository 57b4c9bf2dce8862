//! The exact full batch: independent of the size of its parts, and what the estimators of ρ̂ do.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use burn::tensor::{DType, Device};
use sae_data::{Samples, Stream, stream};
use sae_model::{
    Architecture, CrossEntropy, DeltaRule, Reconstruction, SoftmaxConfig, SparseObjective, Unit,
    relative_difference, term,
};
use sae_train::{
    Batch, BatchSize, Classes, Data, Executor, FromHost, Gradient, Group, OnBurn, Optimizer,
    RhoHat, Selected, Session, TrainError, Training, mean_activity, whole_gradient,
};

use support::{EXECUTORS, autoencoder, batch, descent, doubles, singles, task, values, with};

const ROWS: usize = 37;
const INPUTS: usize = 8;
const HIDDEN: usize = 5;

fn labels() -> Vec<u32> {
    (0..ROWS).map(|k| (k * 7 % 3) as u32).collect()
}

/// J and its gradient over all samples, by the executor's three passes over parts of some size.
fn in_parts(
    executor: &mut dyn Executor,
    samples: &Samples,
    labels: &[u32],
    size: usize,
) -> Gradient {
    let parts: Vec<Batch<'_>> = (0..ROWS)
        .step_by(size)
        .map(|first| {
            let end = ROWS.min(first + size);
            let classes = Some(Classes {
                labels: &labels[first..end],
                count: 3,
            });
            Batch {
                classes,
                ..batch(samples, Selected::Range(first, end))
            }
        })
        .collect();
    let mut activity = vec![0.0; executor.hidden()];
    for part in &parts {
        executor.forward(part, ROWS, &mut activity).unwrap();
    }
    for part in &parts {
        executor.backward(part, ROWS, &activity).unwrap();
    }
    executor.finish().unwrap()
}

fn assert_same(case: &str, found: &Gradient, expected: &Gradient, tolerance: f64) {
    let close = |what: &str, found: &[f64], expected: &[f64]| {
        assert_eq!(found.len(), expected.len());
        let difference = relative_difference(found, expected);
        assert!(difference < tolerance, "{case}, {what}: {difference:e}");
    };
    close("gradient", &found.values, &expected.values);
    let terms = [found, expected].map(|g| values(&g.figures.terms));
    close("terms", &terms[0], &terms[1]);
    let means = [found, expected].map(|g| g.figures.rho_hat.clone().unwrap_or_default());
    close("rho_hat", &means[0], &means[1]);
    let hits = [found, expected].map(|g| g.figures.accuracy.map_or(vec![], |a| vec![a]));
    close("accuracy", &hits[0], &hits[1]);
}

const SIZES: [usize; 6] = [1, 2, 5, 36, 37, 1000];

/// In double precision to 1e-12, by both rules.
fn assert_independent<O: DeltaRule + Clone>(objective: &O, model: &O::Model, hidden: usize)
where
    O::Batch: FromHost,
{
    let (samples, labels) = (doubles(ROWS, INPUTS, 2), labels());
    let (training, device) = (descent(0.1), Device::flex());
    let executors = || {
        let (objective, model) = (|| objective.clone(), || model.clone());
        [
            OnBurn::autodiff(objective(), model(), hidden, &training, &device),
            OnBurn::delta(objective(), model(), hidden, &training, &device),
        ]
    };
    for mut executor in executors() {
        let at_once = in_parts(&mut executor, &samples, &labels, ROWS);
        let data = Data::labelled(&samples, &labels, 3);
        let whole = whole_gradient(&mut executor, &data, &Group::default(), 0).unwrap();
        assert_same("whole", &whole, &at_once, 1e-12);
        for size in SIZES {
            let found = in_parts(&mut executor, &samples, &labels, size);
            assert_same(&format!("parts of {size}"), &found, &at_once, 1e-12);
        }
    }
}

fn encoder(encoder: Unit) -> Architecture {
    Architecture {
        encoder,
        ..Architecture::default()
    }
}

#[test]
fn gradients_do_not_depend_on_the_size_of_parts() {
    for unit in [Unit::Sigmoid, Unit::Tanh, Unit::Satlin] {
        let objective = SparseObjective::new(0.01, 3.0, 0.2).unwrap();
        let objective = objective.with_l1(0.1).unwrap();
        let model = autoencoder((INPUTS, HIDDEN), encoder(unit), DType::F64, 1);
        assert_independent(&objective, &model, HIDDEN);
    }
    let head = SoftmaxConfig::new(INPUTS, 3).unwrap();
    let head = head.init(&mut stream(1, Stream::Head), DType::F64, &Device::flex());
    assert_independent(&CrossEntropy::new(0.1).unwrap(), &head, 0);
}

/// The same of every executor in single precision, the kernels among them.
#[test]
fn parts_add_up_with_every_executor() {
    let (samples, labels) = (singles(ROWS, INPUTS, 2), labels());
    let objective = SparseObjective::new(0.01, 3.0, 0.2).unwrap();
    let entropy = objective.with_reconstruction(Reconstruction::CrossEntropy);
    let model = autoencoder((INPUTS, HIDDEN), encoder(Unit::Tanh), DType::F32, 1);
    for (objective, kind) in EXECUTORS
        .into_iter()
        .flat_map(|kind| [(objective, kind), (entropy, kind)])
    {
        let mut executor = with(kind, &objective, &model, &descent(0.1));
        let at_once = in_parts(&mut *executor, &samples, &labels, ROWS);
        for size in SIZES {
            let found = in_parts(&mut *executor, &samples, &labels, size);
            assert_same(&format!("{kind}, parts of {size}"), &found, &at_once, 1e-6);
        }
    }
}

/// Averaging parts that each use their own ρ̂ is another objective: the checks above can fail.
#[test]
fn parts_with_their_own_rho_hat_are_wrong() {
    let objective = SparseObjective::new(0.01, 3.0, 0.2).unwrap();
    let model = autoencoder((INPUTS, HIDDEN), encoder(Unit::Sigmoid), DType::F64, 1);
    let samples = doubles(ROWS, INPUTS, 2);
    let mut executor = OnBurn::delta(objective, model, HIDDEN, &descent(0.1), &Device::flex());
    let sparsity = |figures: sae_model::Figures| figures.terms.get(term::SPARSITY).unwrap();
    let mut apart = 0.0;
    for row in 0..ROWS {
        let own = executor.figures(&batch(&samples, Selected::Range(row, row + 1)));
        apart += sparsity(own.unwrap()) / ROWS as f64;
    }
    let exact = in_parts(&mut executor, &samples, &labels(), 1);
    let exact = sparsity(exact.figures);
    assert!(apart > 1.01 * exact, "{apart} {exact}");
}

/// At weights that stand still, `full` has the exact sparsity term, `batch` exceeds it (KL is
/// convex), and `running` lies close to it, its average over minibatches being shorter.
#[test]
fn estimators_have_the_stated_bias() {
    let samples = singles(ROWS, INPUTS, 2);
    let data = Data::unlabelled(&samples);
    let objective = SparseObjective::new(0.0, 3.0, 0.2).unwrap();
    let model = autoencoder((INPUTS, HIDDEN), encoder(Unit::Sigmoid), DType::F32, 1);
    for kind in EXECUTORS {
        let mut executor = with(kind, &objective, &model, &descent(0.1));
        let exact = whole_gradient(&mut *executor, &data, &Group::default(), 0).unwrap();
        let exact = exact.figures.terms.get(term::SPARSITY).unwrap();
        // The mean over the minibatches of many epochs.
        let sparsity = |rho_hat: RhoHat| {
            let training = Training {
                batch: BatchSize::Rows(4),
                rho_hat,
                epochs: 200,
                // So small that the weights, and with them ρ̂, hardly move.
                ..descent(1e-9)
            };
            let executor = with(kind, &objective, &model, &training);
            let task = task(data.clone(), None);
            let mut session = Session::new(task, training, executor).unwrap();
            let mut mean = 0.0;
            let fitted = session.run(|epoch| {
                mean += epoch.figures.terms.get(term::SPARSITY).unwrap() / 200.0;
                Ok(())
            });
            assert_eq!(fitted.unwrap().epochs, 200);
            mean
        };
        let [full, batch, running] = [RhoHat::Full, RhoHat::Batch, RhoHat::Running].map(sparsity);
        assert!((full / exact - 1.0).abs() < 1e-5, "{kind}: {full} {exact}");
        assert!(batch > 1.001 * exact, "{kind}: {batch} {exact}");
        let share = (running / exact - 1.0).abs() / (batch / exact - 1.0);
        assert!(share < 0.25, "{kind}: {running} {batch} {exact}");
    }
}

#[test]
fn errors_come_through_line_searches() {
    let objective = SparseObjective::new(0.0, 1.0, 0.1).unwrap();
    let model = autoencoder((INPUTS, HIDDEN), encoder(Unit::Sigmoid), DType::F32, 1);
    let wide = singles(ROWS, INPUTS + 1, 2);
    for optimizer in [Optimizer::Lbfgs, Optimizer::Cg] {
        for kind in EXECUTORS {
            let training = Training {
                optimizer,
                ..descent(1.0)
            };
            let executor = with(kind, &objective, &model, &training);
            let task = task(Data::unlabelled(&wide), None);
            let mut session = Session::new(task, training, executor).unwrap();
            let error = session.run(|_| Ok(())).unwrap_err();
            let refused = matches!(error, TrainError::Model(_) | TrainError::Kernel(_));
            assert!(refused, "{error}");
            assert!(
                error.to_string().contains(&(INPUTS + 1).to_string()),
                "{error}"
            );
        }
    }
}

#[test]
fn errors_of_the_observer_end_the_run() {
    let objective = SparseObjective::new(0.0, 1.0, 0.1).unwrap();
    let model = autoencoder((INPUTS, HIDDEN), encoder(Unit::Sigmoid), DType::F32, 1);
    let samples = singles(ROWS, INPUTS, 2);
    let executor = with(EXECUTORS[2], &objective, &model, &descent(0.1));
    let task = task(Data::unlabelled(&samples), None);
    let mut session = Session::new(task, descent(0.1), executor).unwrap();
    let error = session.run(|_| Err(TrainError::Hook("the disk is full".into())));
    assert_eq!(error.unwrap_err().to_string(), "the disk is full");
}

/// Plain loops over sigmoid units.
#[test]
fn the_rho_hat_of_all_samples_is_their_mean() {
    let model = autoencoder((INPUTS, HIDDEN), encoder(Unit::Sigmoid), DType::F64, 1);
    let parameters = sae_model::named_parameters(&model);
    let (w, b) = (&parameters[0].values, &parameters[1].values);
    let x = support::numbers(ROWS, INPUTS, 2);
    let mean = |j: usize| {
        let activity = |row: &[f32]| {
            let products = row.iter().enumerate();
            let p: f64 = products
                .map(|(i, &x)| f64::from(x) * w[i * HIDDEN + j])
                .sum();
            1.0 / (1.0 + (-p - b[j]).exp())
        };
        x.chunks(INPUTS).map(activity).sum::<f64>() / ROWS as f64
    };
    let expected: Vec<f64> = (0..HIDDEN).map(mean).collect();
    let samples = doubles(ROWS, INPUTS, 2);
    let (data, training) = (Data::unlabelled(&samples), descent(0.1));
    for (beta, hidden) in [(1.0, HIDDEN), (0.0, 0)] {
        let objective = SparseObjective::new(0.0, beta, 0.1).unwrap();
        let of = model.clone();
        let mut executor = OnBurn::delta(objective, of, hidden, &training, &Device::flex());
        let found = mean_activity(&mut executor, &data, &Group::default(), 0).unwrap();
        assert_eq!(found.len(), hidden);
        assert!(relative_difference(&found, &expected[..hidden]) < 1e-14);
    }
}
