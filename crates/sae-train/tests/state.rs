//! All that training remembers is a value: taken out after any step, written to a file and put back
//! in another process, it leads to the same bits.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::collections::BTreeMap;
use std::fs::File;
use std::hash::{DefaultHasher, Hasher};
use std::io::{BufReader, BufWriter};
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use burn::tensor::{DType, Device};
use sae_data::{Corruption, CorruptionKind, Corruptor, Samples, Stream, stream};
use sae_model::{
    Architecture, CrossEntropy, DeepNetwork, DenseConfig, FineTuning, SoftmaxConfig,
    SparseObjective, Unit,
};
use sae_train::{
    BatchSize, Data, Executor, ExecutorKind, Optimizer, RhoHat, Schedule, Session, State, Stopped,
    Task, TrainError, Training, VectorMut,
};
use serde::Serialize;

use support::{EXECUTORS, autoencoder, singles, task, with};

/// What is trained.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Model {
    Plain,
    TiedTanh,
    TopK,
    Denoising,
    Softmax,
    Network,
}

const MODELS: [Model; 6] = [
    Model::Plain,
    Model::TiedTanh,
    Model::TopK,
    Model::Denoising,
    Model::Softmax,
    Model::Network,
];

#[derive(Debug, Clone, Copy)]
struct Case {
    model: Model,
    executor: ExecutorKind,
    training: Training,
}

const ROWS: usize = 11;
const WIDTH: usize = 6;
const CLASSES: usize = 3;
/// Three steps an epoch, the last of two samples.
const BATCH: usize = 4;
const EPOCHS: usize = 3;

/// Every combination, but for those that are refused.
fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for model in MODELS {
        for executor in EXECUTORS {
            for optimizer in Optimizer::ALL {
                for rho_hat in [RhoHat::Batch, RhoHat::Running, RhoHat::Full] {
                    for batch in [BatchSize::Full, BatchSize::Rows(BATCH)] {
                        let training = Training {
                            optimizer,
                            learning_rate: if optimizer.searches_lines() {
                                1.0
                            } else {
                                0.02
                            },
                            schedule: match optimizer.searches_lines() {
                                true => Schedule::Constant,
                                false => Schedule::Cosine,
                            },
                            history: 2,
                            batch,
                            rho_hat,
                            epochs: EPOCHS,
                            tolerance: 1e-12,
                            validation_patience: 2,
                            ..Training::default()
                        };
                        if training.check().is_ok() {
                            cases.push(Case {
                                model,
                                executor,
                                training,
                            });
                        }
                    }
                }
            }
        }
    }
    // Six optimizers have the full batch, whose ρ̂ is exact; four have minibatches, with three
    // estimates of ρ̂.
    assert_eq!(cases.len(), MODELS.len() * EXECUTORS.len() * (6 + 4 * 3));
    cases
}

static TRAIN: LazyLock<Samples> = LazyLock::new(|| singles(ROWS, WIDTH, 3));
static VALIDATION: LazyLock<Samples> = LazyLock::new(|| singles(5, WIDTH, 4));
const LABELS: [u32; ROWS] = [0, 1, 2, 2, 1, 0, 1, 1, 0, 2, 2];

impl Case {
    /// A session before its first step, with the weights of some seed.
    fn session(&self, seed: u64) -> Session<'static> {
        Session::new(self.task(), self.training, self.executor(seed)).unwrap()
    }

    fn task(&self) -> Task<'static> {
        let data = |samples: &'static Samples| match self.model {
            Model::Softmax | Model::Network => {
                Data::labelled(samples, &LABELS[..samples.rows()], CLASSES)
            }
            _ => Data::unlabelled(samples),
        };
        let corruption = Corruption {
            kind: CorruptionKind::Masking,
            amount: 0.3,
        };
        let corruptor = Corruptor::new(corruption, ROWS, 1, Stream::Corruption(0));
        let train = Data {
            corruptor: (self.model == Model::Denoising).then_some(corruptor),
            ..data(&TRAIN)
        };
        task(train, Some(data(&VALIDATION)))
    }

    fn executor(&self, seed: u64) -> Box<dyn Executor> {
        let (kind, training) = (self.executor, &self.training);
        let device = Device::flex();
        let mut rng = stream(seed, Stream::Head);
        let of = |architecture: Architecture, beta: f64, l1: f64| {
            let objective = SparseObjective::new(0.01, beta, 0.2).unwrap();
            let objective = objective.with_l1(l1).unwrap();
            let model = autoencoder((WIDTH, 4), architecture, DType::F32, seed);
            with(kind, &objective, &model, training)
        };
        let plain = Architecture::default();
        match self.model {
            Model::Plain | Model::Denoising => of(plain, 0.7, 0.0),
            Model::TiedTanh => {
                let encoder = Unit::Tanh;
                let tied = true;
                of(
                    Architecture {
                        encoder,
                        tied,
                        ..plain
                    },
                    0.7,
                    0.1,
                )
            }
            Model::TopK => {
                let (encoder, top_k) = (Unit::Relu, Some(2));
                of(
                    Architecture {
                        encoder,
                        top_k,
                        ..plain
                    },
                    0.0,
                    0.1,
                )
            }
            Model::Softmax => {
                let head = SoftmaxConfig::new(WIDTH, CLASSES).unwrap();
                let head = head.init(&mut rng, DType::F32, &device);
                with(kind, &CrossEntropy::new(0.01).unwrap(), &head, training)
            }
            Model::Network => {
                let sizes = [(WIDTH, 5), (5, 3)];
                let encoders = sizes.map(|(inputs, outputs)| {
                    DenseConfig::new(inputs, outputs).init(&mut rng, DType::F32, &device)
                });
                let head = SoftmaxConfig::new(3, CLASSES).unwrap();
                let head = head.init(&mut rng, DType::F32, &device);
                let network = DeepNetwork::new(encoders.to_vec(), head).unwrap();
                with(kind, &FineTuning::new(0.01).unwrap(), &network, training)
            }
        }
    }
}

/// What came of a training: a hash of the bits of each epoch's figures, of the parameters that it
/// gave, and of its last state.
#[derive(Debug, Clone, PartialEq, Serialize, serde::Deserialize)]
struct Outcome {
    epochs: BTreeMap<usize, u64>,
    fitted: u64,
    stopped: Stopped,
    state: u64,
}

/// CBOR holds every number to the bit.
fn hash(value: &impl Serialize) -> u64 {
    let mut bytes = Vec::new();
    ciborium::into_writer(value, &mut bytes).unwrap();
    let mut hasher = DefaultHasher::new();
    hasher.write(&bytes);
    hasher.finish()
}

/// Trains to the end.
fn outcome(mut session: Session<'_>) -> Outcome {
    let mut epochs = BTreeMap::new();
    let fitted = session.run(|epoch| {
        let of_epoch = (
            &epoch.figures,
            epoch.gradient_norm,
            &epoch.validation,
            epoch.moved,
            epoch.learning_rate,
        );
        epochs.insert(epoch.epoch, hash(&of_epoch));
        Ok(())
    });
    let fitted = fitted.unwrap();
    Outcome {
        epochs,
        fitted: hash(&fitted.parameters),
        stopped: fitted.stopped,
        state: hash(&session.state()),
    }
}

/// States after every step of the first two epochs, before and after the end of each epoch.
fn states(mut session: Session<'_>) -> Vec<State> {
    let mut states = vec![session.state()];
    for _ in 0..2 {
        while !session.step().unwrap() {
            states.push(session.state());
        }
        states.push(session.state());
        session.epoch().unwrap();
        states.push(session.state());
    }
    states
}

const FILE: &str = "SAE_TEST_STATES";

#[test]
fn training_goes_on_in_another_process_bit_by_bit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("states");
    let cases = cases();
    let all: Vec<Vec<State>> = cases.iter().map(|case| states(case.session(1))).collect();
    let file = BufWriter::new(File::create(&path).unwrap());
    ciborium::into_writer(&all, file).unwrap();
    let elsewhere = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "the_other_process", "--ignored"])
        .env(FILE, &path)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&elsewhere.stdout);
    assert!(elsewhere.status.success(), "{said}");
    let file = File::open(path.with_extension("outcomes")).unwrap();
    let outcomes: Vec<Vec<Outcome>> = ciborium::from_reader(BufReader::new(file)).unwrap();

    assert_eq!(outcomes.len(), cases.len());
    let mut compared = 0;
    for ((case, states), outcomes) in cases.iter().zip(&all).zip(outcomes) {
        let undisturbed = outcome(case.session(1));
        assert_eq!(undisturbed.epochs.len(), EPOCHS, "{case:?}");
        assert_eq!(outcomes.len(), states.len());
        for (state, found) in states.iter().zip(outcomes) {
            let mut expected = undisturbed.clone();
            expected.epochs.retain(|&epoch, _| epoch > state.epochs);
            let place = (state.epochs, state.progress.steps);
            assert_eq!(found, expected, "{case:?} after {place:?}");
            compared += 1;
        }
    }
    let (full, minibatches) = (6 * (1 + 2 * 2), 4 * 3 * (1 + 2 * 4));
    assert_eq!(
        compared,
        MODELS.len() * EXECUTORS.len() * (full + minibatches)
    );
}

/// Continues every state of a file, from models with other weights, and writes what came of it.
#[test]
#[ignore = "the process that another test starts"]
fn the_other_process() {
    // Asked for by nobody, for example with --include-ignored; who asks misses the outcomes.
    let Some(path) = std::env::var_os(FILE).map(PathBuf::from) else {
        return;
    };
    let file = BufReader::new(File::open(&path).unwrap());
    let all: Vec<Vec<State>> = ciborium::from_reader(file).unwrap();
    let continued = |(case, states): (&Case, Vec<State>)| -> Vec<Outcome> {
        let outcome_of = |state: State| {
            let mut session = case.session(2);
            session.restore(state).unwrap();
            outcome(session)
        };
        states.into_iter().map(outcome_of).collect()
    };
    let outcomes: Vec<_> = cases().iter().zip(all).map(continued).collect();
    let file = BufWriter::new(File::create(path.with_extension("outcomes")).unwrap());
    ciborium::into_writer(&outcomes, file).unwrap();
}

/// The estimate of ρ̂ is gone where the state had none.
#[test]
fn what_a_state_lacks_is_forgotten() {
    for case in cases() {
        if (case.model, case.training.rho_hat) != (Model::Plain, RhoHat::Running) {
            continue;
        }
        let mut session = case.session(1);
        let before = session.state();
        assert_eq!(before.executor.rho_hat, None, "{case:?}");
        session.step().unwrap();
        assert!(session.state().executor.rho_hat.is_some(), "{case:?}");
        session.restore(before).unwrap();
        assert_eq!(session.state().executor.rho_hat, None, "{case:?}");
    }
}

/// A training that a rule has ended stays ended.
#[test]
fn a_stop_is_remembered() {
    let ended = |change: fn(&mut Training)| {
        let mut case = cases()[0];
        change(&mut case.training);
        let mut session = case.session(1);
        let fitted = session.run(|_| Ok(())).unwrap();
        assert!(fitted.epochs < case.training.epochs, "{fitted:?}");
        let mut again = case.session(2);
        again.restore(session.state()).unwrap();
        let observed = again.run(|_| panic!("no further epoch")).unwrap();
        assert_eq!(observed, fitted);
        fitted.stopped
    };
    let rules = [
        ended(|t| (t.epochs, t.tolerance, t.patience) = (50, 1e9, 2)),
        ended(|t| (t.epochs, t.gradient_tolerance) = (50, 1e9)),
        ended(|t| (t.epochs, t.learning_rate, t.schedule) = (50, 30.0, Schedule::Constant)),
    ];
    let expected = [
        Stopped::Converged,
        Stopped::GradientNorm,
        Stopped::Validation,
    ];
    assert_eq!(rules, expected);
}

/// Every vector that a line search remembers is as long as the model's parameters: what adds them up would panic.
#[test]
fn the_memory_of_a_line_search_has_the_models_length() {
    for optimizer in [Optimizer::Lbfgs, Optimizer::Cg] {
        let cases = cases();
        let case = cases
            .iter()
            .find(|case| case.training.optimizer == optimizer);
        let case = case.unwrap();
        let mut state = states(case.session(1)).swap_remove(2);
        let mut names = vec![];
        state.visit_vectors(&mut |name, _| names.push(name.to_owned()));
        names.retain(|name| name.starts_with("search."));
        assert!(names.len() > 2, "{names:?}");
        for name in names {
            let mut short = state.clone();
            short.visit_vectors(&mut |own, vector| {
                if own == name {
                    match vector {
                        VectorMut::Single(values) => drop(values.pop()),
                        VectorMut::Double(values) => drop(values.pop()),
                    }
                }
            });
            let error = case.session(1).restore(short).unwrap_err().to_string();
            assert!(error.starts_with("the model"), "{name}: {error}");
        }
    }
}

/// A count from which nothing can be counted on is refused.
#[test]
fn counts_have_a_limit() {
    let cases = cases();
    let case = cases
        .iter()
        .find(|case| case.training.optimizer == Optimizer::Adam)
        .unwrap();
    let state = states(case.session(1)).swap_remove(2);
    let absurd: [fn(&mut State); 6] = [
        |state| state.retreats = usize::MAX,
        |state| state.progress.clipped = usize::MAX,
        |state| state.progress.mean.rows = usize::MAX,
        |state| state.watch.since_best = usize::MAX,
        |state| state.executor.mean.rows = usize::MAX,
        |state| *state.executor.optimizer.counts.values_mut().next().unwrap() = u64::MAX,
    ];
    for change in absurd {
        let mut state = state.clone();
        change(&mut state);
        let error = case.session(1).restore(state).unwrap_err().to_string();
        assert!(error.starts_with("a count is "), "{error}");
    }
    case.session(1).restore(state).unwrap();
}

/// A state of another optimizer, executor or model, or of another kind of training, is refused by
/// name.
#[test]
fn states_of_others_are_refused() {
    let cases = cases();
    let find = |model, executor, optimizer| {
        let same = |case: &&Case| {
            (case.model, case.executor) == (model, executor) && case.training.optimizer == optimizer
        };
        *cases.iter().find(same).unwrap()
    };
    for executor in EXECUTORS {
        let own = find(Model::Plain, executor, Optimizer::Adam);
        let other = EXECUTORS.into_iter().find(|&e| e != executor).unwrap();
        for (from, what) in [
            (
                find(Model::Plain, executor, Optimizer::Sgd),
                "the optimizer is sgd",
            ),
            (
                find(Model::Plain, executor, Optimizer::AdamW),
                "the optimizer is adamw",
            ),
            (
                find(Model::Plain, executor, Optimizer::Cg),
                "the line search's memory",
            ),
            (
                find(Model::TiedTanh, executor, Optimizer::Adam),
                "the model",
            ),
            (find(Model::Plain, other, Optimizer::Adam), "the executor"),
        ] {
            let state = states(from.session(1)).pop().unwrap();
            let error = own.session(1).restore(state).unwrap_err();
            assert!(matches!(error, TrainError::State { .. }), "{error}");
            assert!(error.to_string().starts_with(what), "{error}");
        }
        let searched = find(Model::Plain, executor, Optimizer::Lbfgs);
        let state = states(searched.session(1)).pop().unwrap();
        let cg = find(Model::Plain, executor, Optimizer::Cg);
        let error = cg.session(1).restore(state).unwrap_err().to_string();
        assert!(error.starts_with("the optimizer is lbfgs"), "{error}");
    }
}
