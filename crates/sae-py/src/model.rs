//! A trained model.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use numpy::{
    IntoPyArray, PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray2, PyUntypedArrayMethods,
};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use sae::Samples;
use sae::analysis::Ascent;
use sae::stack::weights_of;
use sae::usable_threads;

use crate::error::raised;
use crate::pool::pool;
use crate::rows::{array, borrowed};

/// A trained model: scaling, autoencoders, and the network where a classifier was trained. Rows are float32
/// arrays `[rows, inputs]` as they are before scaling.
#[pyclass(frozen, module = "sae._sae")]
pub(crate) struct Model {
    ready: Mutex<Ready>,
}

/// A model that so many threads work for.
struct Ready {
    model: sae::Model,
    threads: usize,
}

impl From<sae::Model> for Model {
    fn from(model: sae::Model) -> Self {
        Self {
            ready: Mutex::new(Ready {
                model,
                threads: usable_threads(0),
            }),
        }
    }
}

impl Model {
    fn lock(&self) -> MutexGuard<'_, Ready> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The model, as it is.
    pub(crate) fn get(&self) -> sae::Model {
        self.lock().model.clone()
    }

    /// The model with so many threads; 0 for one for each processor.
    fn with(&self, threads: usize) -> sae::Model {
        let threads = usable_threads(threads);
        let mut ready = self.lock();
        if ready.threads != threads {
            *ready = Ready {
                model: ready.model.with_threads(threads),
                threads,
            };
        }
        ready.model.clone()
    }

    /// What `work` makes of rows, while Python does other things.
    fn of_rows<T: Send>(
        &self,
        rows: &PyReadonlyArray2<'_, f32>,
        threads: usize,
        work: impl FnOnce(&sae::Model, &Samples) -> Result<T, sae::Error> + Send,
    ) -> PyResult<T> {
        let py = rows.py();
        let rows = borrowed(rows)?;
        let (model, pool) = (self.with(threads), pool(threads)?);
        let result = py.detach(|| pool.install(|| work(&model, &rows)));
        result.map_err(raised)
    }
}

#[pymethods]
impl Model {
    /// The model of a run's folder, or in a file that `sae train` or `save` wrote.
    #[staticmethod]
    fn load(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let model = py.detach(|| sae::Model::open(path));
        Ok(model.map_err(raised)?.into())
    }

    /// Writes the model to one file, whole or not at all.
    fn save(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        let model = self.get();
        py.detach(|| model.save(path)).map_err(raised)
    }

    /// Reads what `to_bytes` gave.
    #[staticmethod]
    fn from_bytes(bytes: &[u8]) -> PyResult<Self> {
        Ok(sae::Model::from_bytes(bytes).map_err(raised)?.into())
    }

    /// The bytes of a model file; the same model gives the same.
    fn to_bytes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        Ok(PyBytes::new(py, &self.get().to_bytes().map_err(raised)?))
    }

    fn __reduce__<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(Bound<'py, PyAny>, (Bound<'py, PyBytes>,))> {
        let read = py.get_type::<Self>().getattr("from_bytes")?;
        Ok((read, (self.to_bytes(py)?,)))
    }

    fn __repr__(&self) -> String {
        let model = self.get();
        let mut sizes = vec![model.inputs().to_string()];
        sizes.extend(
            model
                .autoencoders()
                .iter()
                .map(|layer| layer.hidden().to_string()),
        );
        if let Some(network) = model.network() {
            sizes.push(network.classes().to_string());
        }
        format!("<sae.Model {}>", sizes.join("-"))
    }

    /// Number of values of a row.
    #[getter]
    fn inputs(&self) -> usize {
        self.get().inputs()
    }

    /// Number of hidden units of each autoencoder, the first one nearest the input.
    #[getter]
    fn hidden(&self) -> Vec<usize> {
        let model = self.get();
        model
            .autoencoders()
            .iter()
            .map(|layer| layer.hidden())
            .collect()
    }

    /// The names of the classes; none without a classifier.
    #[getter]
    fn classes(&self) -> Vec<String> {
        let model = self.get();
        match model.network() {
            Some(_) => model.classes().to_vec(),
            None => vec![],
        }
    }

    /// The names of the inputs; none where they have none.
    #[getter]
    fn names(&self) -> Vec<String> {
        self.get().facts().names.clone()
    }

    /// Codes, `[rows, hidden]`.
    #[pyo3(signature = (rows, threads = 0))]
    fn encode<'py>(
        &self,
        py: Python<'py>,
        rows: PyReadonlyArray2<'py, f32>,
        threads: usize,
    ) -> PyResult<Bound<'py, PyArray2<f32>>> {
        // NumPy asks for large pages, which are faster to get.
        let shape = [rows.shape()[0], self.get().hidden()];
        let codes = PyArray2::zeros(py, shape, false);
        {
            let mut codes = codes.readwrite();
            let room = codes.as_slice_mut()?;
            self.of_rows(&rows, threads, |model, rows| model.encode_into(rows, room))?;
        }
        Ok(codes)
    }

    /// The rows, `[rows, inputs]`, that codes stand for.
    #[pyo3(signature = (codes, threads = 0))]
    fn decode<'py>(
        &self,
        py: Python<'py>,
        codes: PyReadonlyArray2<'py, f32>,
        threads: usize,
    ) -> PyResult<Bound<'py, PyArray2<f32>>> {
        array(py, self.of_rows(&codes, threads, sae::Model::decode)?)
    }

    /// What is left of rows once they were encoded and decoded, `[rows, inputs]`.
    #[pyo3(signature = (rows, threads = 0))]
    fn reconstruct<'py>(
        &self,
        py: Python<'py>,
        rows: PyReadonlyArray2<'py, f32>,
        threads: usize,
    ) -> PyResult<Bound<'py, PyArray2<f32>>> {
        array(py, self.of_rows(&rows, threads, sae::Model::reconstruct)?)
    }

    /// The probability of each class, `[rows, classes]`.
    #[pyo3(signature = (rows, threads = 0))]
    fn predict_proba<'py>(
        &self,
        py: Python<'py>,
        rows: PyReadonlyArray2<'py, f32>,
        threads: usize,
    ) -> PyResult<Bound<'py, PyArray2<f32>>> {
        array(py, self.of_rows(&rows, threads, sae::Model::predict_proba)?)
    }

    /// The root of the mean squared error of each row's reconstruction over its scaled inputs, `[rows]`.
    #[pyo3(signature = (rows, threads = 0))]
    fn score<'py>(
        &self,
        py: Python<'py>,
        rows: PyReadonlyArray2<'py, f32>,
        threads: usize,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        let scores = self.of_rows(&rows, threads, sae::Model::score)?;
        Ok(scores.into_pyarray(py))
    }

    /// The score that a share of the training rows exceeds.
    fn threshold(&self, contamination: f64) -> PyResult<f64> {
        self.get().threshold(contamination).map_err(raised)
    }

    /// |x − z| of each input in its own units, `[rows, inputs]`.
    #[pyo3(signature = (rows, threads = 0))]
    fn errors<'py>(
        &self,
        py: Python<'py>,
        rows: PyReadonlyArray2<'py, f32>,
        threads: usize,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let (scores, errors) = self.of_rows(&rows, threads, sae::Model::score_and_errors)?;
        errors
            .into_pyarray(py)
            .reshape([scores.len(), self.get().inputs()])
    }

    /// The inputs of unit norm that activate the hidden units of a layer, from 1, most, `[hidden, inputs]`: of
    /// scaled inputs. `seed` draws from where those of deeper layers are searched.
    #[pyo3(signature = (layer = 1, seed = 1, threads = 0))]
    fn components<'py>(
        &self,
        py: Python<'py>,
        layer: usize,
        seed: u64,
        threads: usize,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let (model, pool) = (self.get(), pool(threads)?);
        let found = py.detach(|| {
            pool.install(|| {
                let count = layer
                    .checked_sub(1)
                    .and_then(|at| model.autoencoders().get(at));
                let units: Vec<usize> = (0..count.map_or(0, |layer| layer.hidden())).collect();
                let found = model.preferred(layer, &units, None, &Ascent::default(), seed)?;
                Ok((units.len(), found.inputs))
            })
        });
        let (units, inputs) = found.map_err(raised)?;
        let width = inputs.len() / units.max(1);
        inputs.into_pyarray(py).reshape([units, width])
    }

    /// All weights by their names in the model's file, each `[input, output]` or `[output]`.
    fn weights<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let model = self.get();
        let autoencoders = model.autoencoders().iter().enumerate();
        let mut all: Vec<_> = autoencoders
            .map(|(index, layer)| (format!("autoencoders.{index}"), weights_of(layer)))
            .collect();
        all.extend(
            model
                .network()
                .map(|network| ("network".to_owned(), weights_of(network))),
        );
        let weights = PyDict::new(py);
        for (prefix, tensors) in &all {
            for (name, tensor) in tensors.iter() {
                let values: Vec<f32> = tensor.values.iter().map(|&value| value as f32).collect();
                let array = values.into_pyarray(py).reshape(tensor.shape.clone())?;
                weights.set_item(format!("{prefix}.{name}"), array)?;
            }
        }
        Ok(weights)
    }
}
