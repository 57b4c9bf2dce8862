//! Every executor does the same, by one contract: the delta rules in double precision are the
//! witness, which `sae-model` tests against plain loops.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use burn::tensor::{DType, Device};
use sae_data::{Samples, Stream, shuffled, stream, stream_at};
use sae_model::{
    Architecture, CrossEntropy, DeepNetwork, DenseConfig, FineTuning, Reconstruction,
    SoftmaxConfig, SparseAutoencoder, SparseObjective, Unit, flat_parameters, named_parameters,
    relative_difference, with_flat,
};
use sae_train::{
    BatchSize, Data, Executor, ExecutorKind, FromHost, Gradient, Group, OnBurn, Optimizer, RhoHat,
    Selected, Session, TrainError, Trainable, Training, whole_gradient,
};

use support::{
    EXECUTORS, autoencoder, batch, bits, descent, doubles, numbers, singles, task, values, with,
};

/// J and its gradient by every executor, and by the delta rules in double precision.
fn assert_agree<O: Trainable>(
    case: &str,
    objective: &O,
    (model, double): (&O::Model, O::Model),
    (data, doubles): (Data<'_>, Data<'_>),
) where
    O::Batch: FromHost,
    O::Model: 'static,
{
    let training = descent(0.1);
    let double = with_flat(double, &flat_parameters(model)).unwrap();
    let hidden = objective.sparse_units(&double);
    let mut witness = OnBurn::delta(
        objective.clone(),
        double,
        hidden,
        &training,
        &Device::flex(),
    );
    let expected = whole_gradient(&mut witness, &doubles, &Group::default(), 0).unwrap();
    for kind in EXECUTORS {
        let case = format!("{case}, {kind}");
        let mut executor = with(kind, objective, model, &training);
        let found = whole_gradient(&mut *executor, &data, &Group::default(), 0).unwrap();
        assert_same(&case, &found, &expected, model);
        // A batch that is a whole has the same figures.
        let labels = data.classes;
        let samples = data.samples.all().unwrap();
        let all = Selected::Range(0, data.samples.rows());
        let whole = sae_train::Batch {
            classes: labels,
            ..batch(&samples, all)
        };
        let figures = executor.figures(&whole).unwrap();
        let difference =
            relative_difference(&values(&figures.terms), &values(&found.figures.terms));
        assert!(difference < 1e-6, "{case}: {difference:e}");
    }
}

fn assert_same<M: burn::module::Module>(
    case: &str,
    found: &Gradient,
    expected: &Gradient,
    model: &M,
) {
    let terms = found
        .figures
        .terms
        .iter()
        .zip(expected.figures.terms.iter());
    for ((name, found), (expected_name, expected)) in terms {
        assert_eq!(name, expected_name);
        assert!(
            (found - expected).abs() <= 1e-6 * expected.abs(),
            "{case}, {name}: {found} {expected}"
        );
    }
    match (found.figures.squared_error, expected.figures.squared_error) {
        (Some(found), Some(expected)) => {
            assert!((found - expected).abs() <= 1e-6 * expected, "{case}");
        }
        (found, expected) => assert_eq!(found, expected, "{case}"),
    }
    match (&found.figures.rho_hat, &expected.figures.rho_hat) {
        (Some(found), Some(expected)) => {
            assert!(relative_difference(found, expected) < 1e-6, "{case}");
        }
        (found, expected) => assert_eq!(found, expected, "{case}"),
    }
    assert_eq!(found.figures.accuracy, expected.figures.accuracy, "{case}");
    assert_eq!(found.values.len(), expected.values.len());
    let mut first = 0;
    for parameter in named_parameters(model) {
        let own = first..first + parameter.values.len();
        first = own.end;
        let difference = relative_difference(&found.values[own.clone()], &expected.values[own]);
        assert!(
            difference < 1e-5,
            "{case}, {}: {difference:e}",
            parameter.name
        );
    }
}

const ROWS: usize = 75;
const INPUTS: usize = 50;
const HIDDEN: usize = 17;

/// Every combination of units, tied or not, plain or top-k, with the sparsity terms that it may have.
#[test]
fn gradients_of_every_kind_of_autoencoder() {
    let (data, exact) = (singles(ROWS, INPUTS, 11), doubles(ROWS, INPUTS, 11));
    let mut cases = 0;
    for encoder in Unit::ALL {
        for decoder in Unit::ALL {
            for (tied, top_k) in [
                (false, None),
                (true, None),
                (false, Some(4)),
                (true, Some(1)),
            ] {
                for ((beta, l1), reconstruction) in [(0.0, 0.0), (0.0, 0.7), (1.5, 0.0), (1.5, 0.7)]
                    .into_iter()
                    .flat_map(|terms| Reconstruction::ALL.map(|of| (terms, of)))
                {
                    let architecture = Architecture {
                        encoder,
                        decoder,
                        tied,
                        top_k,
                    };
                    let objective = SparseObjective::new(0.02, beta, 0.3).unwrap();
                    let objective = objective.with_l1(l1).unwrap();
                    let objective = objective.with_reconstruction(reconstruction);
                    let refused = architecture.check(HIDDEN).is_err();
                    if refused || objective.check(&architecture).is_err() {
                        continue;
                    }
                    cases += 1;
                    let of = |dtype| autoencoder((INPUTS, HIDDEN), architecture, dtype, 5);
                    let case = format!("{architecture:?}, {reconstruction}, {beta}, {l1}");
                    assert_agree(
                        &case,
                        &objective,
                        (&of(DType::F32), of(DType::F64)),
                        (Data::unlabelled(&data), Data::unlabelled(&exact)),
                    );
                }
            }
        }
    }
    // As in the check of `sae-model`'s gradients.
    assert_eq!(cases, 6 * 2 * (3 * 4 + 2 * 2 + 4 * 2));
}

#[test]
fn gradients_of_classifiers() {
    let (data, exact) = (singles(ROWS, INPUTS, 11), doubles(ROWS, INPUTS, 11));
    let labels: Vec<u32> = (0..ROWS).map(|k| (k * 5 % 7) as u32).collect();
    let both = || {
        (
            Data::labelled(&data, &labels, 7),
            Data::labelled(&exact, &labels, 7),
        )
    };
    let head = |features, dtype| {
        let mut rng = stream(5, Stream::Head);
        let config = SoftmaxConfig::new(features, 7).unwrap();
        config.init(&mut rng, dtype, &Device::flex())
    };
    let objective = CrossEntropy::new(0.03).unwrap();
    let models = (&head(INPUTS, DType::F32), head(INPUTS, DType::F64));
    assert_agree("head", &objective, models, both());

    let network = |unit: Unit, top_k, dtype| {
        let mut rng = stream(5, Stream::Control);
        let activation = sae_model::Activation { unit, top_k };
        let encoders = [(INPUTS, 33), (33, 12)].map(|(inputs, outputs)| {
            let size = DenseConfig::new(inputs, outputs).with_activation(activation);
            size.init(&mut rng, dtype, &Device::flex())
        });
        DeepNetwork::new(encoders.to_vec(), head(12, dtype)).unwrap()
    };
    let objective = FineTuning::new(0.03).unwrap();
    for unit in Unit::ALL {
        for top_k in [None, Some(5)] {
            let of = |dtype| network(unit, top_k, dtype);
            let models = (&of(DType::F32), of(DType::F64));
            assert_agree(&format!("{unit}, {top_k:?}"), &objective, models, both());
        }
    }
}

/// A sparse model of the cross-entropy, a tied one with tanh units, and one whose codes are top-k.
fn kinds() -> [(Architecture, f64, Reconstruction); 3] {
    let plain = Architecture::default();
    let tied = Architecture {
        encoder: Unit::Tanh,
        tied: true,
        ..plain
    };
    let top_k = Architecture {
        encoder: Unit::Relu,
        top_k: Some(3),
        ..plain
    };
    [
        (plain, 1.5, Reconstruction::CrossEntropy),
        (tied, 1.5, Reconstruction::SquaredError),
        (top_k, 0.0, Reconstruction::SquaredError),
    ]
}

/// Minibatches, with every estimate of ρ̂: after two epochs the same parameters and figures.
#[test]
fn minibatches_with_every_estimate_of_rho_hat() {
    let data = singles(ROWS, INPUTS, 11);
    let exact = doubles(ROWS, INPUTS, 11);
    for (architecture, beta, reconstruction) in kinds() {
        for rho_hat in [RhoHat::Batch, RhoHat::Running, RhoHat::Full] {
            let objective = SparseObjective::new(0.02, beta, 0.3).unwrap();
            let objective = objective.with_reconstruction(reconstruction);
            let training = Training {
                batch: BatchSize::Rows(20),
                rho_hat,
                ..descent(0.1)
            };
            let model = autoencoder((INPUTS, HIDDEN), architecture, DType::F32, 5);
            let double = autoencoder((INPUTS, HIDDEN), architecture, DType::F64, 5);
            let double = with_flat(double, &flat_parameters(&model)).unwrap();
            let hidden = objective.sparse_units(&double);
            let witness = OnBurn::delta(objective, double, hidden, &training, &Device::flex());
            let run = |executor: Box<dyn Executor>, samples: &Samples| {
                let task = task(Data::unlabelled(samples), None);
                let mut session = Session::new(task, training, executor).unwrap();
                session.epoch().unwrap();
                let epoch = session.epoch().unwrap();
                let parameters = session.state().executor.parameters;
                (parameters, epoch.figures)
            };
            let (expected, expected_figures) = run(Box::new(witness), &exact);
            let double = |values: &[f32]| values.iter().map(|&v| f64::from(v)).collect::<Vec<_>>();
            for kind in EXECUTORS {
                let case = format!("{architecture:?}, {rho_hat:?}, {kind}");
                let (found, figures) = run(with(kind, &objective, &model, &training), &data);
                // Exponentials and logarithms of GPUs are less exact.
                let most = if kind == ExecutorKind::Gpu {
                    1e-5
                } else {
                    1e-6
                };
                let difference = relative_difference(&double(&found), &double(&expected));
                assert!(difference < most, "{case}: {difference:e}");
                let terms = [&figures, &expected_figures].map(|f| values(&f.terms));
                assert!(
                    relative_difference(&terms[0], &terms[1]) < most,
                    "{case}: {terms:?}"
                );
                let means = [&figures, &expected_figures].map(|f| f.rho_hat.clone().unwrap());
                assert!(
                    relative_difference(&means[0], &means[1]) < most,
                    "{case}: {means:?}"
                );
            }
        }
    }
}

/// ρ̂ ← μρ̂ + (1 − μ)ρ̂_batch, from the mean over all samples on, by plain loops, while the weights
/// stand still.
#[test]
fn the_running_estimate_follows_its_formula() {
    let (rows, inputs, hidden, size, decay) = (14, 5, 3, 4, 0.8);
    let data = singles(rows, inputs, 6);
    let model = autoencoder((inputs, hidden), Architecture::default(), DType::F32, 5);
    let parameters = named_parameters(&model);
    let (w, b) = (&parameters[0].values, &parameters[1].values);
    let x = numbers(rows, inputs, 6);
    let mean = |rows: &[usize]| -> Vec<f64> {
        let activity = |row: usize, j: usize| {
            let product = |i: usize| f64::from(x[row * inputs + i]) * w[i * hidden + j];
            1.0 / (1.0 + (-b[j] - (0..inputs).map(product).sum::<f64>()).exp())
        };
        let mean = |j| rows.iter().map(|&row| activity(row, j)).sum::<f64>() / rows.len() as f64;
        (0..hidden).map(mean).collect()
    };
    let mut expected = mean(&(0..rows).collect::<Vec<_>>());
    for epoch in 0..2 {
        let order = shuffled(&mut stream_at(1, Stream::AutoencoderOrder(0), epoch), rows);
        for batch in order.chunks(size) {
            for (estimate, own) in expected.iter_mut().zip(mean(batch)) {
                *estimate = decay * *estimate + (1.0 - decay) * own;
            }
        }
    }
    let objective = SparseObjective::new(0.0, 1.0, 0.2).unwrap();
    for kind in EXECUTORS {
        let training = Training {
            batch: BatchSize::Rows(size),
            rho_hat: RhoHat::Running,
            rho_hat_decay: decay,
            ..descent(1e-12)
        };
        let executor = with(kind, &objective, &model, &training);
        let task = task(Data::unlabelled(&data), None);
        let mut session = Session::new(task, training, executor).unwrap();
        session.epoch().unwrap();
        session.epoch().unwrap();
        let found = session.state().executor.rho_hat.unwrap();
        let difference = relative_difference(&found, &expected);
        assert!(difference < 1e-6, "{kind}: {difference:e}");
    }
}

/// At a kink every executor takes slope 0: outputs whose pre-activations are 0 or 1 exactly teach
/// nothing, although every one is wrong.
#[test]
fn slopes_are_zero_at_kinks() {
    let samples = Samples::Floats {
        width: 3,
        values: vec![0.3; 12],
    };
    let objective = SparseObjective::new(0.0, 0.0, 0.1).unwrap();
    for (unit, bias) in [(Unit::Satlin, 0.0), (Unit::Satlin, 1.0), (Unit::Relu, 0.0)] {
        let architecture = Architecture {
            encoder: unit,
            decoder: unit,
            ..Architecture::default()
        };
        let model = autoencoder((3, 2), architecture, DType::F32, 1);
        let mut parameters = flat_parameters(&model);
        parameters[..6].fill(0.0);
        parameters[14..].fill(bias);
        for kind in EXECUTORS {
            let mut executor = with(kind, &objective, &model, &descent(0.1));
            executor.set_parameters(&parameters).unwrap();
            let found = whole_gradient(
                &mut *executor,
                &Data::unlabelled(&samples),
                &Group::default(),
                0,
            )
            .unwrap();
            assert!(found.figures.objective() > 0.1);
            assert!(
                found.values.iter().all(|&g| g == 0.0),
                "{kind}, {unit}: {found:?}"
            );
        }
    }
}

/// What is not a number shows in J, wherever it is and whatever it is multiplied with: the inputs
/// are zero where one of the weights is none.
#[test]
fn what_is_not_a_number_is_seen() {
    let samples = Samples::Floats {
        width: 3,
        values: [0.0, 0.5, 0.25].repeat(9),
    };
    let objective = SparseObjective::new(0.0, 0.0, 0.1).unwrap();
    for unit in Unit::ALL {
        let architecture = Architecture {
            encoder: unit,
            decoder: unit,
            ..Architecture::default()
        };
        let model = autoencoder((3, 2), architecture, DType::F32, 1);
        for kind in EXECUTORS {
            for batch in [BatchSize::Full, BatchSize::Rows(4)] {
                for place in 0..flat_parameters(&model).len() {
                    let training = Training {
                        batch,
                        ..descent(0.1)
                    };
                    let mut executor = with(kind, &objective, &model, &training);
                    let mut parameters = flat_parameters(&model);
                    parameters[place] = f32::NAN;
                    executor.set_parameters(&parameters).unwrap();
                    let task = task(Data::unlabelled(&samples), None);
                    let mut session = Session::new(task, training, executor).unwrap();
                    let error = session.epoch();
                    let seen = matches!(error, Err(TrainError::NonFinite { .. }));
                    assert!(
                        seen,
                        "{unit}, {kind}, {batch:?}, parameter {place}: {error:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn parameters_go_in_and_out_bit_by_bit() {
    let objective = SparseObjective::new(0.0, 1.0, 0.1).unwrap();
    for (architecture, _, _) in kinds() {
        let of = |seed| autoencoder((7, 4), architecture, DType::F32, seed);
        let expected = flat_parameters(&of(2));
        for kind in EXECUTORS {
            let mut executor = with(kind, &objective, &of(1), &descent(0.1));
            assert_eq!(bits(&executor.parameters()), bits(&flat_parameters(&of(1))));
            executor.set_parameters(&expected).unwrap();
            assert_eq!(bits(&executor.parameters()), bits(&expected));
            assert_eq!(bits(&executor.state().parameters), bits(&expected));
        }
    }
}

/// Every executor refuses what does not fit, and stays as it was.
#[test]
fn what_does_not_fit_is_refused() {
    let objective = SparseObjective::new(0.0, 1.0, 0.1).unwrap();
    let model: SparseAutoencoder = autoencoder((7, 4), Architecture::default(), DType::F32, 1);
    let (own, wide) = (singles(6, 7, 1), singles(6, 8, 1));
    let own = batch(&own, Selected::Range(0, 6));
    let wide = batch(&wide, Selected::Range(0, 6));
    for kind in EXECUTORS {
        let search = Training {
            optimizer: Optimizer::Lbfgs,
            ..descent(1.0)
        };
        let mut line = with(kind, &objective, &model, &search);
        let gradient = vec![0.0; line.parameters().len()];
        let refused = [line.update(&gradient, 1.0), line.step(&own, 1.0)];
        for error in refused {
            assert!(
                matches!(error, Err(TrainError::LineSearchUpdate)),
                "{kind}: {error:?}"
            );
        }
        let mut executor = with(kind, &objective, &model, &descent(0.1));
        let before = executor.state();
        assert!(
            matches!(executor.finish(), Err(TrainError::NothingAddedUp)),
            "{kind}"
        );
        let refused = [
            ("parameters", executor.set_parameters(&[0.0; 3])),
            ("gradient", executor.update(&[0.0; 3], 0.1).map(drop)),
            ("estimate", executor.set_rho_hat(&[0.5; 3])),
            ("forward", executor.forward(&wide, 6, &mut [0.0; 4])),
            ("backward", executor.backward(&wide, 6, &[0.5; 4])),
            ("activities", executor.backward(&own, 6, &[0.5; 3])),
            ("step", executor.step(&wide, 0.1).map(drop)),
            ("figures", executor.figures(&wide).map(|_| ())),
        ];
        for (what, found) in refused {
            assert!(found.is_err(), "{kind}: {what}");
        }
        assert_eq!(executor.state(), before, "{kind}");
    }
    let head = SoftmaxConfig::new(7, 3).unwrap();
    let head = head.init(&mut stream(1, Stream::Head), DType::F32, &Device::flex());
    let objective = CrossEntropy::new(0.0).unwrap();
    for kind in EXECUTORS {
        let mut executor = with(kind, &objective, &head, &descent(0.1));
        for labels in [None, Some(&[0, 1, 2, 0, 1, 3]), Some(&[0, 1, 2, 0, 1, 255])] {
            let classes = labels.map(|labels: &[u32; 6]| sae_train::Classes { labels, count: 3 });
            let labelled = sae_train::Batch { classes, ..own };
            assert!(executor.step(&labelled, 0.1).is_err(), "{kind}: {labels:?}");
            assert!(
                executor.backward(&labelled, 6, &[]).is_err(),
                "{kind}: {labels:?}"
            );
        }
    }
}
