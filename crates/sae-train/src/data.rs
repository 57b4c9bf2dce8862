//! What is trained on, and the parts of it that an executor is given.

use std::ops::Range;

use burn::tensor::{DType, Device, Tensor, TensorData};
use sae_data::{Corruptor, Inputs, Samples};
use sae_kernels::{Rows, Values};
use sae_model::{AutoencoderBatch, LabelledBatch, ModelError};

use crate::{Group, TrainError};

/// Samples with what belongs to them.
#[derive(Debug, Clone)]
pub struct Data<'a> {
    /// The samples that are here; of an autoencoder also the targets.
    pub samples: Inputs<'a>,
    /// The class of each, of a classifier.
    pub classes: Option<Classes<'a>>,
    /// What is done to the inputs, where an autoencoder is to denoise.
    pub corruptor: Option<Corruptor>,
    /// Number of all samples, where others of a [`Group`] have the rest.
    pub whole: usize,
}

/// The classes of some samples.
#[derive(Debug, Clone, Copy)]
pub struct Classes<'a> {
    /// The class of each sample.
    pub labels: &'a [u32],
    /// Number of classes.
    pub count: usize,
}

impl<'a> Data<'a> {
    /// Samples for an autoencoder.
    pub fn unlabelled(samples: impl Into<Inputs<'a>>) -> Self {
        let samples = samples.into();
        Self {
            whole: samples.rows(),
            samples,
            classes: None,
            corruptor: None,
        }
    }

    /// Samples for a classifier.
    pub fn labelled(samples: impl Into<Inputs<'a>>, labels: &'a [u32], count: usize) -> Self {
        Self {
            classes: Some(Classes { labels, count }),
            ..Self::unlabelled(samples)
        }
    }

    /// The same samples, as those of one rank of a group that has `whole` of them.
    #[must_use]
    pub fn part_of(self, whole: usize) -> Self {
        Self { whole, ..self }
    }

    /// The rows of one of the own shards of `group`, among those that are here.
    pub(crate) fn rows_of(&self, group: &Group, shard: usize) -> Range<usize> {
        group.own_rows_of(shard, self.whole)
    }

    /// Calls `work` with a batch of the samples in `held`; the corruption is that of `epoch`, from 0.
    pub(crate) fn with_batch<R>(
        &self,
        group: &Group,
        held: Held<'_>,
        epoch: usize,
        work: impl FnOnce(&Batch<'_>) -> R,
    ) -> R {
        let labels: Vec<u32> = match &self.classes {
            Some(classes) => held.numbers().map(|row| classes.labels[row]).collect(),
            None => vec![],
        };
        let classes = self.classes.map(|classes| Classes {
            labels: &labels,
            count: classes.count,
        });
        let Some(corruptor) = &self.corruptor else {
            return work(&Batch {
                inputs: held.table,
                targets: None,
                classes,
            });
        };
        let mut corruptor = corruptor.clone();
        corruptor.set_epoch(epoch);
        let first = group.own_rows(self.whole).start;
        let rows: Vec<usize> = held.numbers().map(|row| first + row).collect();
        let mut values = held.table.samples.gather(&held.table.selected.indices());
        corruptor.apply(&rows, &mut values);
        let corrupted = Samples::Floats {
            width: self.samples.width(),
            values,
        };
        work(&Batch {
            inputs: Table {
                samples: &corrupted,
                selected: Selected::Range(0, rows.len()),
            },
            targets: Some(held.table),
            classes,
        })
    }

    /// Calls `work` with some samples in their order, in batches of up to `size`; the corruption is that
    /// of `epoch`, from 0.
    pub(crate) fn for_batches(
        &self,
        group: &Group,
        rows: Range<usize>,
        (size, epoch): (usize, usize),
        mut work: impl FnMut(&Batch<'_>) -> Result<(), TrainError>,
    ) -> Result<(), TrainError> {
        self.samples
            .for_parts_of(rows, size, |first, samples, rows| {
                let held = Held {
                    table: Table {
                        samples,
                        selected: Selected::Range(rows.start, rows.end),
                    },
                    numbers: Numbers::From(first),
                };
                self.with_batch(group, held, epoch, &mut work)
            })
    }
}

/// Samples in memory, with their numbers among those that are here.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Held<'a> {
    /// They.
    pub table: Table<'a>,
    /// Their numbers.
    pub numbers: Numbers<'a>,
}

/// The numbers of the rows of a table among the samples that are here.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Numbers<'a> {
    /// Those of its rows that are meant, from here on.
    From(usize),
    /// The table holds all of these.
    Own,
    /// Of each row of the table.
    Each(&'a [usize]),
}

impl<'a> Held<'a> {
    fn numbers(self) -> impl Iterator<Item = usize> {
        let rows = self.table.selected.indices().into_iter().enumerate();
        rows.map(move |(place, row)| match self.numbers {
            Numbers::From(first) => first + place,
            Numbers::Own => row,
            Numbers::Each(numbers) => numbers[row],
        })
    }
}

/// Which rows of a table are meant.
#[derive(Debug, Clone, Copy)]
pub enum Selected<'a> {
    /// From the first number up to, not including, the second.
    Range(usize, usize),
    /// These, in this order.
    Order(&'a [usize]),
}

impl Selected<'_> {
    /// Number of rows.
    pub fn count(&self) -> usize {
        match self {
            Self::Range(first, end) => end - first,
            Self::Order(rows) => rows.len(),
        }
    }

    fn range(&self) -> Option<Range<usize>> {
        match *self {
            Self::Range(first, end) => Some(first..end),
            Self::Order(_) => None,
        }
    }

    fn indices(&self) -> Vec<usize> {
        match *self {
            Self::Range(first, end) => (first..end).collect(),
            Self::Order(rows) => rows.to_vec(),
        }
    }
}

/// Some rows of a table.
#[derive(Debug, Clone, Copy)]
pub struct Table<'a> {
    /// The table.
    pub samples: &'a Samples,
    /// Which rows of it.
    pub selected: Selected<'a>,
}

impl<'a> Table<'a> {
    /// The rows as they lie in memory, for the kernels.
    ///
    /// # Errors
    ///
    /// Refuses samples in double precision, in which the kernels do not compute.
    pub fn rows(&self) -> Result<Rows<'a>, TrainError> {
        let columns = self.samples.width();
        let part = self.selected.range();
        let values = |length: usize| match &part {
            Some(rows) => rows.start * columns..rows.end * columns,
            None => 0..length,
        };
        let values = match self.samples {
            Samples::Bytes { values: all, .. } => Values::Bytes(&all[values(all.len())]),
            Samples::Floats { values: all, .. } => Values::Floats(&all[values(all.len())]),
            Samples::Lent { values: all, .. } => Values::Floats(&all[values(all.len())]),
            Samples::Doubles { .. } => return Err(TrainError::DoublePrecision),
        };
        Ok(Rows {
            values,
            columns,
            order: match self.selected {
                Selected::Order(order) => Some(order),
                Selected::Range(..) => None,
            },
        })
    }

    /// The rows on a device, `[rows, columns]`.
    pub fn tensor(&self, device: &Device, dtype: DType) -> Tensor<2> {
        let columns = self.samples.width();
        let shape = [self.selected.count(), columns];
        let data = match (dtype, self.samples.singles(), self.selected.range()) {
            // Neighbours in single precision lie there as they are wanted.
            (DType::F32, Some(values), Some(rows)) => {
                let part = rows.start * columns..rows.end * columns;
                TensorData::new(values[part].to_vec(), shape)
            }
            (DType::F64, ..) => {
                let values = self.samples.gather_doubles(&self.selected.indices());
                TensorData::new(values, shape)
            }
            _ => TensorData::new(self.samples.gather(&self.selected.indices()), shape),
        };
        Tensor::from_data(data, (device, dtype))
    }
}

/// Some samples on the host: what an executor works on at a time.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    /// What the model sees.
    pub inputs: Table<'a>,
    /// What an autoencoder should give, where that is not its input.
    pub targets: Option<Table<'a>>,
    /// The classes of just these samples, of a classifier.
    pub classes: Option<Classes<'a>>,
}

impl Batch<'_> {
    /// Number of samples.
    pub fn rows(&self) -> usize {
        self.inputs.selected.count()
    }
}

/// A batch that can be brought to a device.
pub trait FromHost: sae_model::Batch {
    /// The samples of `batch` on `device`.
    ///
    /// # Errors
    ///
    /// Refuses a classifier's batch without classes, or with labels beyond them.
    fn from_host(batch: &Batch<'_>, device: &Device, dtype: DType) -> Result<Self, TrainError>;
}

impl FromHost for AutoencoderBatch {
    fn from_host(batch: &Batch<'_>, device: &Device, dtype: DType) -> Result<Self, TrainError> {
        let inputs = batch.inputs.tensor(device, dtype);
        let targets = batch.targets.as_ref();
        Ok(match targets.map(|targets| targets.tensor(device, dtype)) {
            Some(targets) => Self {
                inputs,
                targets,
                rho_hat: None,
            },
            None => Self::from(inputs),
        })
    }
}

impl FromHost for LabelledBatch {
    fn from_host(batch: &Batch<'_>, device: &Device, dtype: DType) -> Result<Self, TrainError> {
        let inputs = batch.inputs.tensor(device, dtype);
        let classes = batch.classes.ok_or_else(|| missing_classes(&inputs))?;
        Ok(Self::new(inputs, classes.labels, classes.count)?)
    }
}

fn missing_classes(inputs: &Tensor<2>) -> ModelError {
    ModelError::Shape {
        operation: "training a classifier",
        left_name: "the samples",
        left: inputs.dims().to_vec(),
        right_name: "the labels",
        right: vec![0],
    }
}
