//! Where batches come from.

use burn::tensor::{DType, Device, Tensor, TensorData};
use sae_data::{Corruptor, Samples};
use sae_model::{AutoencoderBatch, LabelledBatch};

use crate::TrainError;

/// Something that yields batches of given rows.
pub trait Source {
    /// What the objective is evaluated on.
    type Batch;

    /// Number of samples.
    fn rows(&self) -> usize;

    /// The batch of the given rows, in their order. Within an epoch the same rows give the same
    /// batch.
    ///
    /// # Errors
    ///
    /// Passes on what the batch refuses, for example a label beyond the classes.
    fn batch(&self, rows: &[usize]) -> Result<Self::Batch, TrainError>;

    /// A new epoch begins: what is random about the samples is drawn anew.
    fn set_epoch(&mut self, _epoch: usize) {}
}

/// A table of samples and the device to which batches of it go.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// The table.
    pub samples: &'a Samples,
    /// Where batches go; without autodiff.
    pub device: &'a Device,
}

impl Inputs<'_> {
    /// The given rows, `[rows, input]`, in `f32`.
    pub fn tensor(&self, rows: &[usize]) -> Tensor<2> {
        self.upload(self.samples.gather(rows), rows.len())
    }

    fn upload(&self, values: Vec<f32>, rows: usize) -> Tensor<2> {
        let data = TensorData::new(values, [rows, self.samples.width()]);
        Tensor::from_data(data, (self.device, DType::F32))
    }
}

/// Samples without labels, for autoencoders.
#[derive(Debug, Clone)]
pub struct Unlabelled<'a> {
    /// The samples, which are also the targets.
    pub inputs: Inputs<'a>,
    /// What is done to the inputs, where the autoencoder is to denoise.
    pub corruptor: Option<Corruptor>,
}

impl Source for Unlabelled<'_> {
    type Batch = AutoencoderBatch;

    fn rows(&self) -> usize {
        self.inputs.samples.rows()
    }

    fn batch(&self, rows: &[usize]) -> Result<AutoencoderBatch, TrainError> {
        let clean = AutoencoderBatch::from(self.inputs.tensor(rows));
        let Some(corruptor) = &self.corruptor else {
            return Ok(clean);
        };
        let mut values = self.inputs.samples.gather(rows);
        corruptor.apply(rows, &mut values);
        Ok(AutoencoderBatch {
            inputs: self.inputs.upload(values, rows.len()),
            ..clean
        })
    }

    fn set_epoch(&mut self, epoch: usize) {
        if let Some(corruptor) = &mut self.corruptor {
            corruptor.set_epoch(epoch);
        }
    }
}

/// Samples with labels, for classifiers.
#[derive(Debug, Clone, Copy)]
pub struct Labelled<'a> {
    /// The samples.
    pub inputs: Inputs<'a>,
    /// The class of each row.
    pub labels: &'a [u8],
    /// Number of classes.
    pub classes: usize,
}

impl Source for Labelled<'_> {
    type Batch = LabelledBatch;

    fn rows(&self) -> usize {
        self.inputs.samples.rows()
    }

    fn batch(&self, rows: &[usize]) -> Result<LabelledBatch, TrainError> {
        let labels: Vec<u8> = rows.iter().map(|&row| self.labels[row]).collect();
        let inputs = self.inputs.tensor(rows);
        Ok(LabelledBatch::new(inputs, &labels, self.classes)?)
    }
}
