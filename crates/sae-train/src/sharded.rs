//! The gradient of a group: any executor at the seams of its contract.
//!
//! The note's three passes leave two places at which sums over samples are needed: the mean activities ρ̂
//! between forward and backward, the gradient before the update. Each shard's sums are made by themselves
//! and added up in the group's tree. Averaging the gradients of shards that each used their own ρ̂ would
//! minimise another objective.

use sae_data::Samples;
use sae_model::Figures;

use crate::data::{Selected, Table};
use crate::group::Tree;
use crate::{Batch, Classes, Data, Executor, Gradient, Group, TrainError};

/// What is done with a batch.
pub(crate) type Work<'w> = dyn FnMut(&Batch<'_>) -> Result<(), TrainError> + 'w;

/// Does it with each batch of the own samples of a shard.
pub(crate) type Batches<'b> = &'b mut dyn FnMut(usize, &mut Work<'_>) -> Result<(), TrainError>;

/// An executor among others.
pub(crate) struct Sharded<'e> {
    pub executor: &'e mut dyn Executor,
    pub group: &'e Group,
}

/// J and its gradient, or a shard's share of them.
pub(crate) struct Share {
    pub figures: Figures,
    /// ∂J/∂θ, flat.
    pub values: Vec<f32>,
}

impl Share {
    /// The same in double precision.
    pub(crate) fn to_gradient(&self) -> Gradient {
        Gradient {
            figures: self.figures.clone(),
            values: self.values.iter().map(|&value| value.into()).collect(),
        }
    }

    fn add(&mut self, more: &Self) {
        self.figures.add(&more.figures, 1.0);
        let pairs = self.values.iter_mut().zip(&more.values);
        pairs.for_each(|(sum, more)| *sum += more);
    }
}

impl Sharded<'_> {
    /// The mean activity of each hidden unit over the `rows` samples of all ranks; empty where the objective
    /// does not depend on it.
    pub(crate) fn activity(
        &mut self,
        rows: usize,
        batches: Batches<'_>,
    ) -> Result<Vec<f64>, TrainError> {
        let hidden = self.executor.hidden();
        if hidden == 0 {
            return Ok(vec![]);
        }
        self.group.sum(hidden, |shard, activity| {
            batches(shard, &mut |batch| {
                self.executor.forward(batch, rows, activity)
            })
        })
    }

    /// J and its gradient over the `rows` samples of all ranks, whose mean activities are `activity`; they
    /// are of the kind of `data`.
    pub(crate) fn gradient(
        &mut self,
        rows: usize,
        activity: Vec<f64>,
        batches: Batches<'_>,
        data: &Data<'_>,
    ) -> Result<Share, TrainError> {
        let mut tree = Tree::new(Share::add);
        let mut kind: Option<Figures> = None;
        for shard in self.group.own() {
            let share = match self.share(shard, rows, &activity, &mut *batches)? {
                Some(share) => share,
                None => self.nothing(kind.as_ref(), data)?,
            };
            if kind.is_none() {
                kind = Some(share.figures.clone());
            }
            tree.push(share);
        }
        let Some(Share {
            mut figures,
            mut values,
        }) = tree.sum()
        else {
            return Err(TrainError::NothingAddedUp);
        };
        self.group.add_single(&mut values)?;
        let mut numbers: Vec<f64> = figures.numbers_mut().map(|number| *number).collect();
        self.group.add_and_agree(&mut numbers)?;
        figures
            .numbers_mut()
            .zip(numbers)
            .for_each(|(own, sum)| *own = sum);
        if !activity.is_empty() {
            figures.rho_hat = Some(activity);
        }
        Ok(Share { figures, values })
    }

    /// Of one shard; nothing where it has no samples.
    fn share(
        &mut self,
        shard: usize,
        rows: usize,
        activity: &[f64],
        batches: Batches<'_>,
    ) -> Result<Option<Share>, TrainError> {
        let mut any = false;
        let executor = &mut *self.executor;
        let added = batches(shard, &mut |batch| {
            any = true;
            executor.backward(batch, rows, activity)
        });
        if let Err(error) = added {
            // What was added up before it is no gradient of anything; there may be nothing.
            let _ = self.executor.finish();
            return Err(error);
        }
        if !any {
            return Ok(None);
        }
        let (figures, values) = self.executor.finish_single()?;
        Ok(Some(Share {
            figures: without_rho_hat(figures, activity),
            values,
        }))
    }

    /// The share of a shard without samples, as figures of this `kind`, or those of any sample, tell: zeros.
    fn nothing(&mut self, kind: Option<&Figures>, data: &Data<'_>) -> Result<Share, TrainError> {
        let mut figures = match kind {
            Some(kind) => kind.clone(),
            None => {
                let hidden = self.executor.hidden();
                without_rho_hat(self.any_figures(data)?, &vec![0.0; hidden])
            }
        };
        figures.numbers_mut().for_each(|number| *number = 0.0);
        let count = self.executor.tensors().iter().map(|tensor| tensor.count);
        Ok(Share {
            figures,
            values: vec![0.0; count.sum()],
        })
    }

    /// The figures of a sample that nobody has.
    fn any_figures(&mut self, data: &Data<'_>) -> Result<Figures, TrainError> {
        let width = data.samples.width();
        let samples = Samples::Floats {
            width,
            values: vec![0.0; width],
        };
        let classes = data.classes.map(|classes| Classes {
            labels: &[0],
            ..classes
        });
        self.executor.figures(&Batch {
            inputs: Table {
                samples: &samples,
                selected: Selected::Range(0, 1),
            },
            targets: None,
            classes,
        })
    }
}

/// Where the mean activities are known they need not be added up again.
fn without_rho_hat(figures: Figures, activity: &[f64]) -> Figures {
    match activity.is_empty() {
        true => figures,
        false => Figures {
            rho_hat: None,
            ..figures
        },
    }
}
