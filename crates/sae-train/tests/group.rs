//! Several ranks train what one trains, to the last bit.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use burn::tensor::{DType, Device};
use sae_data::{
    Corruption, CorruptionKind, Corruptor, Inputs, Samples, Store, Stored, Stream, stream, uniform,
};
use sae_model::{Architecture, CrossEntropy, SoftmaxConfig, SparseObjective, relative_difference};
use sae_train::{
    BatchSize, Communicator, Data, Epoch, ExecutorKind, Failure, FromHost, Group, GroupError,
    Optimizer, RhoHat, Session, Task, Threads, TrainError, Trainable, Training, whole_gradient,
};
use support::{EXECUTORS, autoencoder, bits, numbers, singles, with};

const SHARDS: usize = 8;
const ROWS: usize = 203;
const VALIDATION: usize = 37;
const WIDTH: usize = 20;

/// What training led to: parameters, and all that is told of its epochs but times.
type Result = (Vec<u32>, Vec<String>);

fn told(epoch: &Epoch) -> String {
    let still = Epoch {
        seconds: 0.0,
        waited: 0.0,
        samples_per_second: 0.0,
        ..epoch.clone()
    };
    format!("{still:?}")
}

/// Runs `train` on each of so many ranks; all must give the same.
fn on_ranks(count: usize, train: impl Fn(Group) -> Result + Sync) -> Result {
    let results: Vec<Result> = thread::scope(|scope| {
        let ranks = Threads::ranks(count).into_iter();
        let start = |rank: Threads| {
            let group = Group::new(Arc::new(rank), SHARDS).unwrap();
            let train = &train;
            scope.spawn(move || train(group))
        };
        let running: Vec<_> = ranks.map(start).collect();
        running.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert!(results.iter().all(|result| *result == results[0]));
    results.into_iter().next().unwrap()
}

fn part(samples: &Samples, group: &Group) -> Samples {
    let rows: Vec<usize> = group.own_rows(samples.rows()).collect();
    samples.select(&rows)
}

/// Rows in memory that pass for rows elsewhere.
#[derive(Debug)]
struct Elsewhere(Samples);

impl Store for Elsewhere {
    fn width(&self) -> usize {
        self.0.width()
    }

    fn rows(&self) -> usize {
        self.0.rows()
    }

    fn value_bytes(&self) -> usize {
        4
    }

    fn append(
        &self,
        rows: std::ops::Range<usize>,
        to: &mut Samples,
    ) -> std::result::Result<(), sae_data::DataError> {
        to.extend(&self.0.select(&rows.collect::<Vec<_>>()))
    }
}

fn session<'a, O: Trainable>(
    kind: ExecutorKind,
    (objective, model): (&O, &O::Model),
    training: &Training,
    (train, validation): (Data<'a>, Data<'a>),
    group: Group,
) -> Session<'a>
where
    O::Batch: FromHost,
    O::Model: 'static,
{
    let task = Task {
        stage: "autoencoder-1".to_owned(),
        train: train.part_of(ROWS),
        validation: Some(validation.part_of(VALIDATION)),
        seed: 5,
        order: Stream::AutoencoderOrder(0),
        group,
    };
    Session::new(task, *training, with(kind, objective, model, training)).unwrap()
}

fn finish(mut session: Session<'_>) -> Result {
    let mut epochs = Vec::new();
    let fitted = session.run(|epoch| {
        epochs.push(told(epoch));
        Ok(())
    });
    (bits(&fitted.unwrap().parameters), epochs)
}

/// Every executor and optimizer, minibatches and the exact full batch, every estimate of ρ̂, samples in
/// memory and elsewhere, corrupted or not. 203 rows in shards of 25 and 26: in the last of the steps of 4 rows a
/// shard, most shards have a row fewer or none.
#[test]
fn autoencoders_on_any_number_of_ranks() {
    let (samples, aside) = (singles(ROWS, WIDTH, 1), singles(VALIDATION, WIDTH, 2));
    let objective = SparseObjective::new(1e-3, 0.5, 0.1).unwrap();
    let model = autoencoder((WIDTH, 7), Architecture::default(), DType::F32, 3);
    let rows = |batch| BatchSize::Rows(batch);
    let cases = [
        (Optimizer::Adam, rows(32), RhoHat::Batch, false, false),
        (Optimizer::Adam, rows(32), RhoHat::Running, false, true),
        (Optimizer::AdamW, rows(64), RhoHat::Full, true, false),
        (Optimizer::Sgd, rows(8), RhoHat::Batch, true, true),
        (Optimizer::RmsProp, rows(200), RhoHat::Batch, false, false),
        (Optimizer::Adam, BatchSize::Full, RhoHat::Batch, true, false),
        (
            Optimizer::Lbfgs,
            BatchSize::Full,
            RhoHat::Batch,
            false,
            true,
        ),
        (Optimizer::Cg, BatchSize::Full, RhoHat::Batch, false, false),
    ];
    for (optimizer, batch, rho_hat, corrupted, elsewhere) in cases {
        let training = Training {
            optimizer,
            batch,
            rho_hat,
            learning_rate: 0.01,
            epochs: 3,
            validation_patience: 2,
            ..Training::default()
        };
        for kind in EXECUTORS {
            let run = |group: Group| {
                let (own, validation) = (part(&samples, &group), part(&aside, &group));
                let mut train = match elsewhere {
                    true => Data::unlabelled(Inputs::Stored(Stored {
                        store: Arc::new(Elsewhere(own)),
                        limit: 100_000,
                    })),
                    false => Data::unlabelled(own),
                };
                let corruption = Corruption {
                    kind: CorruptionKind::Masking,
                    amount: 0.3,
                };
                train.corruptor =
                    corrupted.then(|| Corruptor::new(corruption, ROWS, 5, Stream::Corruption(0)));
                let model = (&objective, &model);
                let data = (train, Data::unlabelled(validation));
                finish(session(kind, model, &training, data, group))
            };
            let alone = on_ranks(1, run);
            for ranks in [2, 4, 8] {
                assert_eq!(on_ranks(ranks, run), alone, "{kind} {optimizer} {ranks}");
            }
        }
    }
}

#[test]
fn classifiers_on_any_number_of_ranks() {
    let (samples, aside) = (singles(ROWS, WIDTH, 1), singles(VALIDATION, WIDTH, 2));
    let mut rng = stream(4, Stream::Split);
    let mut labels = |rows| -> Vec<u32> {
        (0..rows)
            .map(|_| uniform(&mut rng, 0.0, 3.0) as u32)
            .collect()
    };
    let (labels, others) = (labels(ROWS), labels(VALIDATION));
    let objective = CrossEntropy::new(1e-3).unwrap();
    let head = SoftmaxConfig::new(WIDTH, 3).unwrap();
    let head = head.init(&mut stream(3, Stream::Head), DType::F32, &Device::flex());
    for batch in [BatchSize::Rows(16), BatchSize::Full] {
        let training = Training {
            batch,
            epochs: 3,
            ..Training::default()
        };
        for kind in EXECUTORS {
            let run = |group: Group| {
                let (own, validation) = (part(&samples, &group), part(&aside, &group));
                let own_labels = &labels[group.own_rows(ROWS)];
                let own_others = &others[group.own_rows(VALIDATION)];
                let data = (
                    Data::labelled(&own, own_labels, 3),
                    Data::labelled(&validation, own_others, 3),
                );
                finish(session(kind, (&objective, &head), &training, data, group))
            };
            let alone = on_ranks(1, run);
            for ranks in [2, 8] {
                assert_eq!(on_ranks(ranks, run), alone, "{kind} {ranks}");
            }
        }
    }
}

/// A state that two ranks left is gone on with by eight, and by one.
#[test]
fn states_move_between_numbers_of_ranks() {
    let (samples, aside) = (singles(ROWS, WIDTH, 1), singles(VALIDATION, WIDTH, 2));
    let objective = SparseObjective::new(1e-3, 0.5, 0.1).unwrap();
    let model = autoencoder((WIDTH, 7), Architecture::default(), DType::F32, 3);
    let training = Training {
        batch: BatchSize::Rows(32),
        rho_hat: RhoHat::Running,
        epochs: 3,
        ..Training::default()
    };
    for kind in EXECUTORS {
        let start = |group: Group| {
            let (own, validation) = (part(&samples, &group), part(&aside, &group));
            let data = (Data::unlabelled(own), Data::unlabelled(validation));
            session(kind, (&objective, &model), &training, data, group)
        };
        let undisturbed = on_ranks(4, |group| finish(start(group)));
        let state = thread::scope(|scope| {
            let ranks = Threads::ranks(2).into_iter();
            let left = ranks.map(|rank| {
                let start = &start;
                scope.spawn(move || {
                    let mut session = start(Group::new(Arc::new(rank), SHARDS).unwrap());
                    session.epoch().unwrap();
                    (0..3).for_each(|_| assert!(!session.step().unwrap()));
                    session.state()
                })
            });
            let left: Vec<_> = left.collect();
            let left = left.into_iter().map(|one| one.join().unwrap());
            left.last().unwrap()
        });
        for ranks in [1, 8] {
            let (parameters, epochs) = on_ranks(ranks, |group| {
                let mut session = start(group);
                session.restore(state.clone()).unwrap();
                finish(session)
            });
            assert_eq!(parameters, undisturbed.0);
            assert_eq!(epochs, undisturbed.1[1..]);
        }
    }
}

/// The sum over shards is J's own gradient, to rounding, with the rho_hat of all.
#[test]
fn shards_add_up_to_the_whole() {
    let samples = singles(ROWS, WIDTH, 1);
    let objective = SparseObjective::new(1e-3, 0.5, 0.1).unwrap();
    let model = autoencoder((WIDTH, 7), Architecture::default(), DType::F32, 3);
    let data = Data::unlabelled(&samples);
    for kind in EXECUTORS {
        let gradient = |group: Group| {
            let mut executor = with(kind, &objective, &model, &Training::default());
            whole_gradient(&mut *executor, &data, &group, 0).unwrap()
        };
        let whole = gradient(Group::default());
        let sharded = gradient(Group::alone(SHARDS).unwrap());
        assert!(relative_difference(&whole.values, &sharded.values) < 1e-6);
        let difference = whole.figures.objective() - sharded.figures.objective();
        assert!(difference.abs() < 1e-6 * whole.figures.objective());
    }
}

/// Each shard with the mean activities of its own samples is another objective: where shards differ, as those
/// of a sorted file do, its gradient is far away.
#[test]
fn shards_with_their_own_rho_hat_are_wrong() {
    let brighter = |(place, value): (usize, f32)| value * (place / WIDTH) as f32 / ROWS as f32;
    let values = numbers(ROWS, WIDTH, 1).into_iter().enumerate();
    let samples = Samples::Floats {
        width: WIDTH,
        values: values.map(brighter).collect(),
    };
    let objective = SparseObjective::new(0.0, 5.0, 0.1).unwrap();
    let model = autoencoder((WIDTH, 7), Architecture::default(), DType::F32, 3);
    let group = Group::alone(SHARDS).unwrap();
    let gradient = |samples: &Samples, group: &Group| {
        let mut executor = with(
            ExecutorKind::Fused,
            &objective,
            &model,
            &Training::default(),
        );
        whole_gradient(&mut *executor, &Data::unlabelled(samples), group, 0).unwrap()
    };
    let right = gradient(&samples, &group);
    let mut averaged = vec![0.0; right.values.len()];
    for shard in group.own() {
        let rows: Vec<usize> = group.rows(shard, ROWS).collect();
        let own = gradient(&samples.select(&rows), &Group::default());
        let share = rows.len() as f64 / ROWS as f64;
        let pairs = averaged.iter_mut().zip(&own.values);
        pairs.for_each(|(sum, own)| *sum += share * own);
    }
    assert!(relative_difference(&right.values, &averaged) > 0.01);
}

/// A rank's failure reaches the others; one that is silent is named.
#[test]
fn failures_are_heard() {
    let both = Threads::ranks(2);
    both[0].be_patient_for(Duration::from_millis(50));
    both[1].fail(&Failure {
        code: 1,
        message: "its disk is gone".to_owned(),
    });
    let mut received = [0; 4];
    let heard = both[0].exchange(1, &[1; 4], &mut received).unwrap_err();
    assert_eq!(heard.to_string(), "rank 1: its disk is gone");
    let silent = both[0].exchange(1, &[], &mut received).unwrap_err();
    assert!(
        matches!(silent, GroupError::Silent { rank: 1, .. }),
        "{silent}"
    );
}

/// Ranks whose models are no longer the same notice it at the end of the epoch.
#[test]
fn other_models_are_noticed() {
    let samples = singles(ROWS, WIDTH, 1);
    let objective = SparseObjective::new(1e-3, 0.5, 0.1).unwrap();
    let errors: Vec<TrainError> = thread::scope(|scope| {
        let ranks = Threads::ranks(2).into_iter();
        let run = |rank: Threads| {
            let (samples, objective) = (&samples, &objective);
            scope.spawn(move || {
                let seed = rank.rank() as u64;
                let model = autoencoder((WIDTH, 7), Architecture::default(), DType::F32, seed);
                let group = Group::new(Arc::new(rank), SHARDS).unwrap();
                let own = part(samples, &group);
                let aside = Data::unlabelled(part(&singles(VALIDATION, WIDTH, 2), &group));
                let data = (Data::unlabelled(own), aside);
                let training = Training {
                    batch: BatchSize::Rows(32),
                    ..Training::default()
                };
                let kind = ExecutorKind::Fused;
                let mut session = session(kind, (objective, &model), &training, data, group);
                session.epoch().unwrap_err()
            })
        };
        let running: Vec<_> = ranks.map(run).collect();
        running.into_iter().map(|one| one.join().unwrap()).collect()
    });
    for error in errors {
        let message = error.to_string();
        assert!(
            message.starts_with("rank 1 has another model than rank 0"),
            "{message}"
        );
    }
}

#[test]
fn shards_and_ranks_are_powers_of_two() {
    for shards in [0, 3, 1 << 17] {
        let message = Group::alone(shards).unwrap_err().to_string();
        assert!(
            message.starts_with(&format!("shards is {shards}")),
            "{message}"
        );
    }
    let three = Threads::ranks(3).into_iter().next().unwrap();
    assert!(Group::new(Arc::new(three), 8).is_err());
    let many = Threads::ranks(4).into_iter().next().unwrap();
    assert!(Group::new(Arc::new(many), 2).is_err());
}
