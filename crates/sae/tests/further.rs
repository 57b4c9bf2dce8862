//! Models that are trained further, or stopped, in memory, on rows that others keep.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use sae::data::{Lent, Scaling, Source, SplitData};
use sae::stack::{EpochMetrics, Moment, Reached, ReachedNow, weights_of};
use sae::train::{Fused, TrainError};
use sae::{
    BatchSize, Dataset, Error, Experiment, Layer, Model, Observer, Optimizer, Prepared, Samples,
    Stage, Stop, reached_from_bytes, reached_to_bytes,
};

const WIDTH: usize = 6;

fn rows() -> Vec<f32> {
    let wave = |k: usize, i: usize| 3.0 + (0.7 * i as f32 + 0.2 * k as f32).sin();
    (0..100 * WIDTH)
        .map(|at| wave(at / WIDTH, at % WIDTH))
        .collect()
}

fn experiment(optimizer: Optimizer, epochs: usize, fused: Fused) -> Experiment {
    let mut experiment = Experiment {
        classifier: false,
        fused,
        layers: vec![Layer {
            hidden: 4,
            beta: 0.1,
            ..Layer::default()
        }],
        ..Experiment::default()
    };
    experiment.data.source = Source::Npy;
    experiment.data.scaling.kind = sae::data::ScalingKind::MinMax;
    experiment.pretrain.optimizer = optimizer;
    experiment.pretrain.epochs = epochs;
    (experiment.pretrain.batch, experiment.pretrain.learning_rate) = match optimizer {
        Optimizer::Lbfgs => (BatchSize::Full, 1.0),
        _ => (BatchSize::Rows(16), 0.01),
    };
    experiment
}

/// What is told, and a wish to stop after an epoch.
#[derive(Default)]
struct Told {
    reached: Reached,
    objectives: Vec<f64>,
    stop: Stop,
    stop_after: usize,
}

impl Observer for Told {
    fn epoch(&mut self, _: Stage, metrics: &EpochMetrics) -> Result<(), TrainError> {
        self.objectives.push(metrics.objective);
        if metrics.epoch == self.stop_after {
            self.stop.wish();
        }
        Ok(())
    }

    fn reached(&mut self, _: Stage, moment: Moment, now: ReachedNow<'_>) -> Result<(), TrainError> {
        if self.stop.is_wished() || moment == Moment::StageEnd {
            self.reached = now()?;
        }
        match self.stop.is_wished() {
            true => Err(TrainError::Interrupted),
            false => Ok(()),
        }
    }
}

fn split(samples: Samples) -> SplitData {
    let mut train = Dataset::from_rows(WIDTH, vec![]);
    train.samples = samples.into();
    let test = train.select(&[]);
    SplitData::new(train, test)
}

fn own() -> SplitData {
    let (width, values) = (WIDTH, rows());
    split(Samples::Floats { width, values })
}

fn first(experiment: &Experiment) -> (Model, Told) {
    let mut told = Told::default();
    let prepared = Prepared::new(experiment, own()).unwrap();
    let model = prepared.run(&mut told).unwrap().model;
    (model, told)
}

fn further(experiment: &Experiment, model: &Model, reached: Reached) -> (Model, Told) {
    let scaling = model.scaling().cloned();
    let prepared = Prepared::scaled_by(experiment, own(), scaling).unwrap();
    let reached = prepared.settings.with_more_to_come(reached);
    let mut told = Told::default();
    let model = prepared.run_on(reached, &mut told).unwrap().model;
    (model, told)
}

fn weights(model: &Model) -> Vec<u8> {
    weights_of(&model.autoencoders()[0]).to_bytes()
}

#[test]
fn epochs_in_parts_are_epochs_at_once() {
    for fused in [Fused::Auto, Fused::Never] {
        let at = |epochs| experiment(Optimizer::Adam, epochs, fused);
        let (once, _) = first(&at(6));
        let (half, told) = first(&at(2));
        let bytes = reached_to_bytes(told.reached.clone()).unwrap();
        let read = reached_from_bytes(&bytes).unwrap();
        assert_eq!(read, told.reached);
        let (whole, _) = further(&at(6), &half, read);
        assert_eq!(whole.to_bytes().unwrap(), once.to_bytes().unwrap());
        let mut damaged = bytes;
        let middle = damaged.len() / 2;
        damaged[middle] ^= 1;
        assert!(reached_from_bytes(&damaged).is_err());
    }
}

#[test]
fn another_optimizer_goes_on_from_the_parameters() {
    for fused in [Fused::Auto, Fused::Never] {
        let (model, told) = first(&experiment(Optimizer::Lbfgs, 30, fused));
        let before = *told.objectives.last().unwrap();
        for (optimizer, more) in [(Optimizer::Adam, 31), (Optimizer::Lbfgs, 40)] {
            let experiment = experiment(optimizer, more, fused);
            let (_, told) = further(&experiment, &model, told.reached.clone());
            assert_eq!(told.objectives.len(), more - 30);
            let after = *told.objectives.last().unwrap();
            assert!(after < 1.05 * before, "{optimizer:?}: {before} {after}");
        }
        // And from nothing at all it is far away.
        let (_, anew) = first(&experiment(Optimizer::Adam, 1, fused));
        assert!(anew.objectives[0] > 1.5 * before);
    }
}

#[test]
fn what_is_stopped_has_a_model_so_far() {
    let (three, _) = first(&experiment(Optimizer::Adam, 3, Fused::Auto));
    let mut prepared = Prepared::new(&experiment(Optimizer::Adam, 50, Fused::Auto), own()).unwrap();
    let mut told = Told {
        stop_after: 3,
        ..Told::default()
    };
    prepared.stop = told.stop.clone();
    let ended = prepared.run(&mut told);
    assert!(matches!(ended, Err(Error::Train(TrainError::Interrupted))));
    let model = prepared.model_so_far(&told.reached).unwrap().unwrap();
    assert_eq!(weights(&model), weights(&three));
    assert!(
        prepared
            .model_so_far(&Reached::default())
            .unwrap()
            .is_none()
    );
}

#[test]
fn lent_rows_lead_to_the_same_model() {
    for kind in [sae::data::ScalingKind::MinMax, sae::data::ScalingKind::None] {
        let mut experiment = experiment(Optimizer::Adam, 3, Fused::Auto);
        experiment.data.scaling.kind = kind;
        experiment.layers[0].decoder = sae_model::Unit::Linear;
        let lent = Samples::Lent {
            width: WIDTH,
            values: Lent::by(rows()),
        };
        let [own, lent] = [own(), split(lent.clone())].map(|data| {
            let prepared = Prepared::new(&experiment, data).unwrap();
            prepared.run(&mut ()).unwrap().model
        });
        assert_eq!(own.to_bytes().unwrap(), lent.to_bytes().unwrap());
        let samples = Samples::Lent {
            width: WIDTH,
            values: Lent::by(rows()),
        };
        let mut codes = vec![0.0; 100 * 4];
        lent.encode_into(&samples, &mut codes).unwrap();
        assert_eq!(lent.encode(&samples).unwrap().singles().unwrap(), codes);
        assert!(lent.encode_into(&samples, &mut codes[1..]).is_err());
        // Numbers that are scaled as they are read, and others that were before.
        let doubles = rows().into_iter().map(f64::from).collect();
        let doubles = Samples::Doubles {
            width: WIDTH,
            values: doubles,
        };
        assert_eq!(lent.encode(&doubles).unwrap().singles().unwrap(), codes);
        let alone = lent.with_threads(1);
        assert_eq!(alone.encode(&samples).unwrap().singles().unwrap(), codes);
    }
}

#[test]
fn a_scaling_of_other_rows_is_refused() {
    let other = |width: usize| -> Option<Scaling> {
        let config = experiment(Optimizer::Adam, 1, Fused::Auto).data;
        let values = (0..4 * width).map(|v| v as f32).collect();
        config
            .fit_scaling(&Dataset::from_rows(width, values))
            .unwrap()
    };
    let experiment = experiment(Optimizer::Adam, 1, Fused::Auto);
    assert!(Prepared::scaled_by(&experiment, own(), other(WIDTH)).is_ok());
    let refused = Prepared::scaled_by(&experiment, own(), other(5));
    let message = refused.err().unwrap().to_string();
    assert!(
        message.contains("6 values per row; expected 5"),
        "{message}"
    );
}
