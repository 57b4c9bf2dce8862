//! Training on arrays.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pythonize::pythonize;
use sae::data::{Dataset, ImageShape, Scaling};
use sae::stack::{EpochMetrics, Moment, Reached, ReachedNow};
use sae::train::TrainError;
use sae::{Error, Experiment, Finished, Observer, Prepared, Stage, Stop};

use crate::error::raised;
use crate::labels::labels;
use crate::model::Model;
use crate::pool::own_pool;
use crate::rows::borrowed;
use crate::state::State;

/// How long nobody looks whether Ctrl-C was pressed.
const PAUSE: Duration = Duration::from_millis(50);

/// What training has led to.
#[pyclass(frozen, get_all, module = "sae._sae")]
pub(crate) struct Trained {
    /// The model; None where training was stopped before its first step.
    model: Option<Py<Model>>,
    /// From where it can be trained further.
    state: Py<State>,
    /// The figures of every epoch of this training, as dicts.
    epochs: Py<PyAny>,
    /// ρ̂ of the hidden units of each autoencoder that is finished, over all training rows.
    rho_hat: Vec<Py<PyArray1<f64>>>,
    /// The exception that stopped training: KeyboardInterrupt, or what the callback raised.
    stopped_by: Option<Py<PyAny>>,
}

/// Trains on rows `[rows, inputs]`: `settings` are assignments `key=value` as of `--set`; `classes` the class
/// of each row and the names of all. Training goes on from `before`, a model and its state, where there is
/// one: with `more`, stages that were over get the epochs that they lack. `callback` is given the figures of
/// each epoch.
#[pyfunction]
#[pyo3(signature = (settings, rows, names, classes = None, callback = None, before = None, more = false))]
#[expect(
    clippy::too_many_arguments,
    reason = "Python gives most of them by their names"
)]
pub(crate) fn train(
    py: Python<'_>,
    settings: Vec<String>,
    rows: PyReadonlyArray2<'_, f32>,
    names: Vec<String>,
    classes: Option<(PyReadonlyArray1<'_, u32>, Vec<String>)>,
    callback: Option<Py<PyAny>>,
    before: Option<(Py<Model>, Py<State>)>,
    more: bool,
) -> PyResult<Trained> {
    let experiment = Experiment::parse("the parameters", "", &settings);
    let experiment = experiment.map_err(|error| raised(error.into()))?;
    let samples = borrowed(&rows)?;
    let data = Dataset {
        image: ImageShape::line(samples.width()),
        samples: samples.into(),
        labels: classes
            .map(|(values, names)| labels(&values, names))
            .transpose()?,
        names,
    };
    let start = before.map(|(model, state)| {
        let scaling = model.get().get().scaling().cloned();
        (scaling, state.get().reached.clone())
    });
    let pool = own_pool(experiment.threads())?;
    let job = Job {
        more,
        stop: Stop::default(),
        experiment,
        data,
        start,
    };
    let (ended, stopped_by) = py.detach(move || {
        let (stop, (tell, heard)) = (job.stop.clone(), channel());
        let tell = Tell {
            sender: tell,
            is_asked: callback.is_some(),
        };
        thread::scope(|scope| {
            let working = scope.spawn(|| pool.install(|| job.run(tell)));
            let stopped_by = listen(&heard, callback.as_ref(), &stop);
            (working.join(), stopped_by)
        })
    });
    let done = match ended {
        Ok(done) => done.map_err(raised)?,
        Err(_) => return Err(PyRuntimeError::new_err("training panicked: this is a bug")),
    };
    let rho_hat = done.rho_hat.into_iter();
    Ok(Trained {
        model: done
            .model
            .map(|model| Py::new(py, Model::from(model)))
            .transpose()?,
        state: Py::new(
            py,
            State {
                reached: done.reached,
            },
        )?,
        epochs: pythonize(py, &done.epochs)?.unbind(),
        rho_hat: rho_hat
            .map(|values| values.into_pyarray(py).unbind())
            .collect(),
        stopped_by: stopped_by.map(|error| error.into_value(py).into_any()),
    })
}

/// Hears of epochs until training has ended; tells the callback, and looks for Ctrl-C. What either raises
/// stops training after the step under way.
fn listen(heard: &Receiver<Epoch>, callback: Option<&Py<PyAny>>, stop: &Stop) -> Option<PyErr> {
    let mut stopped_by = None;
    loop {
        let received = heard.recv_timeout(PAUSE);
        let said = match &received {
            Err(RecvTimeoutError::Disconnected) => return stopped_by,
            Err(RecvTimeoutError::Timeout) => Python::attach(|py| py.check_signals()),
            Ok(epoch) => Python::attach(|py| {
                py.check_signals()?;
                if let (Some(callback), None) = (callback, &stopped_by) {
                    callback.call1(py, (pythonize(py, &epoch.metrics)?,))?;
                }
                Ok(())
            }),
        };
        if let Err(error) = said {
            stop.wish();
            stopped_by.get_or_insert(error);
        }
        // Training goes on, once it knows whether it may.
        drop(received);
    }
}

/// An epoch that has ended; training goes on once `answered` is dropped.
struct Epoch {
    metrics: EpochMetrics,
    _answered: Sender<()>,
}

/// Who is told of epochs. While it is there, training has not ended.
struct Tell {
    sender: Sender<Epoch>,
    /// Whether anybody wants to know.
    is_asked: bool,
}

/// A training that another thread does.
struct Job {
    experiment: Experiment,
    data: Dataset,
    start: Option<(Option<Scaling>, Reached)>,
    /// Whether the stage that was under way then gets more epochs.
    more: bool,
    stop: Stop,
}

/// What a training has led to.
struct Done {
    /// What there is of it where training was stopped.
    model: Option<sae::Model>,
    reached: Reached,
    epochs: Vec<EpochMetrics>,
    rho_hat: Vec<Vec<f64>>,
}

impl Job {
    fn run(self, tell: Tell) -> Result<Done, Error> {
        let Self {
            experiment,
            data,
            start,
            more,
            stop,
        } = self;
        let nothing = data.select(&[]);
        let (config, seed) = (&experiment.data, experiment.seed);
        let data = config.with_validation(seed, data, nothing)?;
        let (mut prepared, reached) = match start {
            Some((scaling, reached)) => (Prepared::scaled_by(&experiment, data, scaling)?, reached),
            None => (Prepared::new(&experiment, data)?, Reached::default()),
        };
        let reached = match more {
            true => prepared.settings.with_more_to_come(reached),
            false => reached,
        };
        prepared.stop = stop.clone();
        let mut told = Told {
            tell,
            stop,
            epochs: vec![],
            rho_hat: vec![],
            reached: Reached::default(),
        };
        let model = match prepared.run_on(reached, &mut told) {
            Ok(outcome) => Some(outcome.model),
            Err(Error::Train(TrainError::Interrupted)) => prepared.model_so_far(&told.reached)?,
            Err(error) => return Err(error),
        };
        Ok(Done {
            model,
            reached: told.reached,
            epochs: told.epochs,
            rho_hat: told.rho_hat,
        })
    }
}

/// Tells of epochs, and remembers what a training leads to.
struct Told {
    tell: Tell,
    stop: Stop,
    epochs: Vec<EpochMetrics>,
    rho_hat: Vec<Vec<f64>>,
    reached: Reached,
}

impl Observer for Told {
    fn epoch(&mut self, _stage: Stage, metrics: &EpochMetrics) -> Result<(), TrainError> {
        self.epochs.push(metrics.clone());
        if !self.tell.is_asked {
            return Ok(());
        }
        let (answered, answer) = channel();
        let epoch = Epoch {
            metrics: metrics.clone(),
            _answered: answered,
        };
        // Nobody answers; that the other end is gone is the answer.
        if self.tell.sender.send(epoch).is_ok() {
            let _ = answer.recv();
        }
        Ok(())
    }

    fn reached(
        &mut self,
        _stage: Stage,
        moment: Moment,
        reached: ReachedNow<'_>,
    ) -> Result<(), TrainError> {
        let is_stopped = self.stop.is_wished();
        if is_stopped || moment == Moment::StageEnd {
            self.reached = reached()?;
        }
        match is_stopped {
            true => Err(TrainError::Interrupted),
            false => Ok(()),
        }
    }

    fn finished(&mut self, _stage: Stage, finished: Finished<'_>) -> Result<(), TrainError> {
        if let Finished::Autoencoder { rho_hat, .. } = finished {
            self.rho_hat.push(rho_hat.to_vec());
        }
        Ok(())
    }
}
