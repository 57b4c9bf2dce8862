//! Where batches come from.

use burn::tensor::{DType, Device, Tensor, TensorData};
use sae_data::{Corruptor, Samples};
use sae_kernels::{Rows, Values};
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

    /// The samples as they lie in memory, where they can be given to the fused kernels.
    fn host(&self) -> Option<HostSamples<'_>> {
        None
    }

    /// A new epoch begins: what is random about the samples is drawn anew.
    fn set_epoch(&mut self, _epoch: usize) {}
}

/// Samples in memory, for the fused kernels.
#[derive(Debug, Clone, Copy)]
pub struct HostSamples<'a> {
    /// Bytes or floats.
    pub samples: &'a Samples,
    /// The class of each row; empty for autoencoders.
    pub labels: &'a [u8],
    /// What is done to the inputs of an autoencoder that is to denoise.
    pub corruptor: Option<&'a Corruptor>,
}

impl<'a> HostSamples<'a> {
    /// The given rows, or all.
    pub(crate) fn rows(&self, order: Option<&'a [usize]>) -> Rows<'a> {
        let values = match self.samples {
            Samples::Bytes { values, .. } => Values::Bytes(values),
            Samples::Floats { values, .. } => Values::Floats(values),
            Samples::Doubles { .. } => unreachable!("the kernels compute in single precision"),
        };
        Rows {
            values,
            columns: self.samples.width(),
            order,
        }
    }
}

/// A table of samples and the device to which batches of it go.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    samples: &'a Samples,
    device: &'a Device,
    dtype: DType,
}

impl<'a> Inputs<'a> {
    /// Batches of `samples` in `f32`, on `device` without autodiff.
    pub fn new(samples: &'a Samples, device: &'a Device) -> Self {
        Self {
            samples,
            device,
            dtype: DType::F32,
        }
    }

    /// The same in `f64`, for exact evaluations.
    pub fn in_doubles(self) -> Self {
        Self {
            dtype: DType::F64,
            ..self
        }
    }

    /// The samples as they lie in memory; nothing where they are wanted in double precision.
    fn host(&self) -> Option<HostSamples<'a>> {
        let double = self.dtype != DType::F32 || matches!(self.samples, Samples::Doubles { .. });
        (!double).then_some(HostSamples {
            samples: self.samples,
            labels: &[],
            corruptor: None,
        })
    }

    /// The given rows, `[rows, input]`.
    pub fn tensor(&self, rows: &[usize]) -> Tensor<2> {
        let shape = [rows.len(), self.samples.width()];
        let data = match self.dtype {
            DType::F64 => TensorData::new(self.samples.gather_doubles(rows), shape),
            _ => TensorData::new(self.samples.gather(rows), shape),
        };
        Tensor::from_data(data, (self.device, self.dtype))
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
        let inputs = &self.inputs;
        let mut values = inputs.samples.gather(rows);
        corruptor.apply(rows, &mut values);
        let data = TensorData::new(values, [rows.len(), inputs.samples.width()]);
        Ok(AutoencoderBatch {
            inputs: Tensor::from_data(data, (inputs.device, inputs.dtype)),
            ..clean
        })
    }

    fn host(&self) -> Option<HostSamples<'_>> {
        Some(HostSamples {
            corruptor: self.corruptor.as_ref(),
            ..self.inputs.host()?
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

    /// Labels beyond the classes are left to [`Source::batch`], which refuses them.
    fn host(&self) -> Option<HostSamples<'_>> {
        let fits = |&label: &u8| usize::from(label) < self.classes;
        let host = self.inputs.host()?;
        self.labels.iter().all(fits).then_some(HostSamples {
            labels: self.labels,
            ..host
        })
    }
}
