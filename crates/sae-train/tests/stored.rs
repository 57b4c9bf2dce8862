//! Samples that are not in memory.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use burn::tensor::DType;
use sae_data::{
    Corruption, CorruptionKind, Corruptor, DataError, Inputs, Samples, Store, Stored, Stream,
};
use sae_model::{Architecture, Figures, SparseObjective};
use sae_train::{
    Batch, BatchSize, Data, Executor, ExecutorState, Gradient, Optimizer, RhoHat, Session, Step,
    Task, TensorName, TrainError, Training,
};
use support::{EXECUTORS, autoencoder, singles, with};

const ROWS: usize = 203;
const WIDTH: usize = 6;

#[derive(Debug)]
struct Kept(Samples);

impl Store for Kept {
    fn width(&self) -> usize {
        self.0.width()
    }

    fn rows(&self) -> usize {
        self.0.rows()
    }

    fn value_bytes(&self) -> usize {
        self.0.value_bytes()
    }

    fn append(&self, rows: Range<usize>, to: &mut Samples) -> Result<(), DataError> {
        to.extend(&self.0.select(&rows.collect::<Vec<_>>()))
    }
}

/// Samples of which a few rows may be in memory at once.
fn stored(samples: &Samples, rows: usize) -> Inputs<'static> {
    Inputs::Stored(Stored {
        store: Arc::new(Kept(samples.clone())),
        limit: 8 * rows * samples.width() * samples.value_bytes(),
    })
}

fn training(optimizer: Optimizer, batch: BatchSize) -> Training {
    Training {
        optimizer,
        batch,
        learning_rate: match optimizer {
            Optimizer::Lbfgs => 1.0,
            _ => 0.02,
        },
        epochs: 4,
        ..Training::default()
    }
}

fn objective() -> SparseObjective {
    SparseObjective::new(1e-3, 0.3, 0.2).unwrap()
}

/// The full batch needs no order: what is trained is the same to rounding, as parts are added up in
/// other sizes.
#[test]
fn the_full_batch_is_that_of_memory() {
    let samples = singles(ROWS, WIDTH, 3);
    for kind in EXECUTORS {
        for optimizer in [Optimizer::Sgd, Optimizer::Lbfgs] {
            let training = training(optimizer, BatchSize::Full);
            let fitted = |data: Inputs<'_>| {
                let model = autoencoder((WIDTH, 4), Architecture::default(), DType::F32, 1);
                let executor = with(kind, &objective(), &model, &training);
                let mut task = Task::new("test", Data::unlabelled(data));
                task.validation = Some(Data::unlabelled(&samples));
                let mut session = Session::new(task, training, executor).unwrap();
                let mut seen = Vec::new();
                session
                    .run(|epoch| {
                        let validation = epoch.validation.as_ref().unwrap();
                        seen.extend([epoch.figures.objective(), validation.objective()]);
                        Ok(())
                    })
                    .unwrap();
                seen
            };
            let here = fitted((&samples).into());
            let there = fitted(stored(&samples, 20));
            for (here, there) in here.iter().zip(&there) {
                assert!((here - there).abs() < 1e-5 * here.abs(), "{here} {there}");
            }
        }
    }
}

/// The same bits from any place of an epoch on, with every estimate of ρ̂ and with corruption.
#[test]
fn a_state_goes_on_within_an_epoch() {
    let samples = singles(ROWS, WIDTH, 3);
    let corruption = Corruption {
        kind: CorruptionKind::Masking,
        amount: 0.3,
    };
    for rho_hat in [RhoHat::Batch, RhoHat::Running, RhoHat::Full] {
        let training = Training {
            rho_hat,
            ..training(Optimizer::Adam, BatchSize::Rows(16))
        };
        let session = || {
            let model = autoencoder((WIDTH, 4), Architecture::default(), DType::F32, 1);
            let executor = with(EXECUTORS[2], &objective(), &model, &training);
            let data = Data {
                corruptor: Some(Corruptor::new(corruption, ROWS, 1, Stream::Corruption(0))),
                ..Data::unlabelled(stored(&samples, 50))
            };
            Session::new(Task::new("test", data), training, executor).unwrap()
        };
        let undisturbed = session().run(|_| Ok(())).unwrap();
        // 13 steps an epoch: before the first, within windows, between them, after the last.
        for steps in [0, 1, 3, 12, 13, 20] {
            let mut first = session();
            for _ in 0..steps {
                if first.step().unwrap() {
                    first.epoch().unwrap();
                }
            }
            let state = first.state();
            let mut second = session();
            second.restore(state).unwrap();
            assert_eq!(second.run(|_| Ok(())).unwrap(), undisturbed, "{steps}");
        }
    }
}

/// What a batch held: the first input of each row, that of its target, and its label.
type Seen = Rc<RefCell<Vec<(f32, f32, u32)>>>;

/// An executor that only looks.
struct Witness(Seen);

impl Executor for Witness {
    fn tensors(&self) -> &[TensorName] {
        &[]
    }

    fn parameters(&self) -> Vec<f32> {
        vec![0.0]
    }

    fn set_parameters(&mut self, _: &[f32]) -> Result<(), TrainError> {
        Ok(())
    }

    fn hidden(&self) -> usize {
        0
    }

    fn part_size(&self) -> usize {
        7
    }

    fn forward(&mut self, _: &Batch<'_>, _: usize, _: &mut [f64]) -> Result<(), TrainError> {
        Ok(())
    }

    fn backward(&mut self, part: &Batch<'_>, _: usize, _: &[f64]) -> Result<(), TrainError> {
        self.step(part, 0.0).map(drop)
    }

    fn finish(&mut self) -> Result<Gradient, TrainError> {
        Ok(Gradient::default())
    }

    fn update(&mut self, _: &[f64], _: f64) -> Result<Step, TrainError> {
        Ok(Step::Taken)
    }

    fn step(&mut self, batch: &Batch<'_>, _: f64) -> Result<Step, TrainError> {
        let first = |table: &sae_train::Table<'_>| {
            let tensor = table.tensor(&burn::tensor::Device::flex(), DType::F32);
            let values: Vec<f32> = tensor.into_data().iter::<f32>().collect();
            values.chunks(WIDTH).map(|row| row[0]).collect::<Vec<_>>()
        };
        let inputs = first(&batch.inputs);
        let targets = batch.targets.as_ref().map_or(inputs.clone(), first);
        let labels = batch.classes.unwrap().labels.iter().copied();
        let rows = inputs.into_iter().zip(targets).zip(labels);
        let rows = rows.map(|((x, t), label)| (x, t, label));
        self.0.borrow_mut().extend(rows);
        Ok(Step::Taken)
    }

    fn last_gradient(&self) -> Vec<f64> {
        vec![0.0]
    }

    fn take_mean(&mut self) -> Figures {
        Figures::default()
    }

    fn figures(&mut self, _: &Batch<'_>) -> Result<Figures, TrainError> {
        Ok(Figures::default())
    }

    fn set_rho_hat(&mut self, _: &[f64]) -> Result<(), TrainError> {
        Ok(())
    }

    fn state(&self) -> ExecutorState {
        unimplemented!("nobody asks")
    }

    fn restore(&mut self, _: &ExecutorState) -> Result<(), TrainError> {
        Ok(())
    }
}

/// Rows come with their own labels and their own corruption, from memory and from a store, in
/// minibatches and in parts of the full batch.
#[test]
fn rows_come_with_what_belongs_to_them() {
    let samples = Samples::Floats {
        width: WIDTH,
        values: (0..ROWS).flat_map(|row| [row as f32; WIDTH]).collect(),
    };
    let labels: Vec<u32> = (0..ROWS as u32).collect();
    let corruption = Corruption {
        kind: CorruptionKind::Gaussian,
        amount: 0.5,
    };
    let corruptor = Corruptor::new(corruption, ROWS, 1, Stream::Corruption(0));
    let mut noisy = vec![0.0; ROWS * WIDTH];
    corruptor.apply(&(0..ROWS).collect::<Vec<_>>(), &mut noisy);
    for batch in [BatchSize::Rows(16), BatchSize::Full] {
        for inputs in [Inputs::from(&samples), stored(&samples, 50)] {
            let seen = Seen::default();
            let data = Data {
                corruptor: Some(corruptor.clone()),
                ..Data::labelled(inputs, &labels, ROWS)
            };
            let training = training(Optimizer::Sgd, batch);
            let witness = Box::new(Witness(seen.clone()));
            let mut session = Session::new(Task::new("test", data), training, witness).unwrap();
            session.epoch().unwrap();
            let mut rows = seen.take();
            let in_order = rows.is_sorted_by_key(|&(.., label)| label);
            assert_eq!(in_order, batch == BatchSize::Full);
            rows.sort_by_key(|&(.., label)| label);
            assert_eq!(rows.len(), ROWS);
            for (row, (input, target, label)) in rows.into_iter().enumerate() {
                assert_eq!((target, label), (row as f32, row as u32));
                let expected = row as f32 + noisy[row * WIDTH];
                assert!((input - expected).abs() < 1e-4, "{row}: {input} {expected}");
            }
        }
    }
}

#[test]
fn batches_that_have_no_room_are_refused() {
    let samples = singles(ROWS, WIDTH, 3);
    let training = training(Optimizer::Sgd, BatchSize::Rows(64));
    let model = autoencoder((WIDTH, 4), Architecture::default(), DType::F32, 1);
    let executor = with(EXECUTORS[2], &objective(), &model, &training);
    let task = Task::new("test", Data::unlabelled(stored(&samples, 50)));
    let mut session = Session::new(task, training, executor).unwrap();
    let message = session.epoch().unwrap_err().to_string();
    assert!(message.starts_with("memory_limit is"), "{message}");
}
