//! Where batches come from.

use burn::tensor::{DType, Device, Tensor, TensorData};
use sae_data::Samples;
use sae_model::LabelledBatch;

use crate::TrainError;

/// Something that yields batches of given rows.
pub trait Source {
    /// What the objective is evaluated on.
    type Batch;

    /// Number of samples.
    fn rows(&self) -> usize;

    /// The batch of the given rows, in their order.
    ///
    /// # Errors
    ///
    /// Passes on what the batch refuses, for example a label beyond the classes.
    fn batch(&self, rows: &[usize]) -> Result<Self::Batch, TrainError>;
}

/// Samples without labels, for autoencoders.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// The table.
    pub samples: &'a Samples,
    /// Where batches go; without autodiff.
    pub device: &'a Device,
}

impl Source for Inputs<'_> {
    /// Inputs, `[batch, input]`, in `f32`.
    type Batch = Tensor<2>;

    fn rows(&self) -> usize {
        self.samples.rows()
    }

    fn batch(&self, rows: &[usize]) -> Result<Tensor<2>, TrainError> {
        let values = self.samples.gather(rows);
        let data = TensorData::new(values, [rows.len(), self.samples.width()]);
        Ok(Tensor::from_data(data, (self.device, DType::F32)))
    }
}

/// Samples with labels, for classifiers.
#[derive(Debug, Clone, Copy)]
pub struct Labelled<'a> {
    /// The table.
    pub inputs: Inputs<'a>,
    /// The class of each row.
    pub labels: &'a [u8],
    /// Number of classes.
    pub classes: usize,
}

impl Source for Labelled<'_> {
    type Batch = LabelledBatch;

    fn rows(&self) -> usize {
        self.inputs.rows()
    }

    fn batch(&self, rows: &[usize]) -> Result<LabelledBatch, TrainError> {
        let labels: Vec<u8> = rows.iter().map(|&row| self.labels[row]).collect();
        let inputs = self.inputs.batch(rows)?;
        Ok(LabelledBatch::new(inputs, &labels, self.classes)?)
    }
}
