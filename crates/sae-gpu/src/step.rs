//! A step: one way of a batch through a model and back, and an update.

use sae_kernels::{KernelError, Optimizer, RhoHat, Update};

use crate::error::{GpuError, count};
use crate::finishing::Gradient;
use crate::kernels::back::{GIVEN, OWN, RUNNING};
use crate::kernels::ledger::FIRST;
use crate::kernels::update::{Method, Rates};
use crate::launches::Pass;
use crate::model::{Model, Written};
use crate::samples::Batch;
use crate::shape::Purpose;
use crate::work::Work;

impl Model {
    /// J and its gradient over a batch, whose targets are its inputs or `targets`, and whose classes are `labels`;
    /// with an `update`, one of the parameters. The step is written down, and nothing waited for.
    ///
    /// # Errors
    ///
    /// Refuses samples that do not fit the model or each other, too many of them, an estimate of ρ̂ that is wanted
    /// and was never set, and a step for which no line is left (see [`Model::has_room`]).
    pub fn step(
        &mut self,
        inputs: Batch<'_>,
        targets: Option<Batch<'_>>,
        labels: &[u32],
        update: Option<Update>,
        rho_hat: RhoHat,
    ) -> Result<(), GpuError> {
        rho_hat.check()?;
        if rho_hat == RhoHat::Given && !self.has_estimate {
            return Err(KernelError::NoEstimate.into());
        }
        count("lines that are left", usize::from(self.has_room()), 1)?;
        let rows = self.check(inputs, targets, labels)?;
        let (which, keep) = match rho_hat {
            RhoHat::Running(keep) if self.has_estimate => (RUNNING, keep as f32),
            RhoHat::Given => (GIVEN, 0.0),
            RhoHat::Batch | RhoHat::Running(_) => (OWN, 0.0),
        };
        let pass = Pass {
            inputs,
            targets,
            labels,
            whole: rows,
            which,
            keep,
        };
        self.ensure_work(rows);
        self.run(&pass);
        self.complete(Gradient::Whole(1.0), rows);
        let estimates = matches!(rho_hat, RhoHat::Running(_)) && update.is_some();
        self.conclude(rows, update, estimates);
        self.has_estimate |= estimates;
        Ok(())
    }

    /// The number of rows, where the model takes them.
    pub(crate) fn check_inputs(&self, inputs: Batch<'_>) -> Result<usize, GpuError> {
        let rows = inputs.check(self.shape.layers[0].inputs)?;
        if rows > self.most_rows() {
            count("rows of the batch", rows, self.most_rows())?;
        }
        Ok(rows)
    }

    pub(crate) fn check(
        &self,
        inputs: Batch<'_>,
        targets: Option<Batch<'_>>,
        labels: &[u32],
    ) -> Result<usize, GpuError> {
        let rows = self.check_inputs(inputs)?;
        let last = self.shape.last();
        match self.shape.purpose {
            Purpose::Reconstruction(_) => {
                if let Some(targets) = targets {
                    let found = targets.check(last.outputs)?;
                    count("rows of the targets", found, rows)?;
                }
            }
            Purpose::Classes => {
                count("labels", labels.len(), rows)?;
                let classes = last.outputs;
                let wrong = labels.iter().find(|&&label| label as usize >= classes);
                if let Some(&label) = wrong {
                    return Err(KernelError::Label { label, classes }.into());
                }
            }
        }
        Ok(rows)
    }

    pub(crate) fn ensure_work(&mut self, rows: usize) {
        if self.work.rows < rows {
            self.work = Work::new(&self.gpu, &self.shape, rows);
        }
    }

    /// The last launch of a step of `rows` samples.
    pub(crate) fn conclude(&mut self, rows: usize, update: Option<Update>, estimates: bool) {
        let (method, rates) = match update {
            None => (Method::Rest, Rates::default()),
            Some(update) => {
                self.updates += 1;
                rates(update, self.updates)
            }
        };
        let rates = Rates {
            rows: rows as f32,
            ..rates
        };
        self.move_by(method, rates, estimates, FIRST + self.written.len());
        self.written.push(Written {
            rows,
            updates: update.is_some(),
            had_estimate: self.has_estimate,
        });
    }
}

/// What the kernel needs of the update of that number, from 1.
fn rates(update: Update, number: u64) -> (Method, Rates) {
    let eta = update.learning_rate;
    let plain = Rates {
        rate: eta,
        longest: update.clip.map_or(0.0, |most| most as f32),
        ..Rates::default()
    };
    match update.optimizer {
        Optimizer::Sgd { momentum, nesterov } => {
            let rates = Rates {
                first: momentum,
                ..plain
            };
            let method = if nesterov {
                Method::Nesterov
            } else {
                Method::Sgd
            };
            (method, rates)
        }
        Optimizer::Adam {
            beta1,
            beta2,
            epsilon,
            weight_decay,
        } => {
            let correction = |beta: f32| 1.0 - f64::from(beta).powf(number as f64);
            let rates = Rates {
                rate: (f64::from(eta) / correction(beta1)) as f32,
                first: beta1,
                second: beta2,
                root: (1.0 / correction(beta2)) as f32,
                epsilon,
                keep: 1.0 - eta * weight_decay,
                ..plain
            };
            (Method::Adam, rates)
        }
        Optimizer::RmsProp {
            decay,
            momentum,
            epsilon,
        } => {
            let rates = Rates {
                first: momentum,
                second: decay,
                epsilon,
                ..plain
            };
            (Method::RmsProp, rates)
        }
    }
}
