//! The passes over parts of a batch, for those who add up themselves.

use sae_kernels::{Part, Update};

use crate::error::{GpuError, count};
use crate::finishing::Gradient;
use crate::kernels::back::GIVEN;
use crate::launches::Pass;
use crate::lines::Line;
use crate::model::Model;
use crate::samples::Batch;
use crate::shape::Purpose;

impl Model {
    /// The first pass over a part of a batch of `rows` samples: adds the part's share of the mean activities to
    /// `activity`, `[hidden]`.
    ///
    /// # Errors
    ///
    /// Refuses samples that do not fit the model, fewer `rows` than samples, and a slice of another length.
    pub fn forward(
        &mut self,
        inputs: Batch<'_>,
        rows: usize,
        activity: &mut [f64],
    ) -> Result<(), GpuError> {
        let Purpose::Reconstruction(config) = self.shape.purpose.clone() else {
            return Ok(());
        };
        let own = self.check_inputs(inputs)?;
        count("activities", activity.len(), config.hidden)?;
        self.whole(own, rows)?;
        self.ensure_work(own);
        self.encode(inputs);
        let tiles = self.plan.hidden[0].tiles(own);
        let sums = self
            .gpu
            .read_first(&self.work.activity, tiles * config.hidden)?;
        let mut totals = vec![0.0; config.hidden];
        for tile in sums.chunks(config.hidden) {
            let pairs = totals.iter_mut().zip(tile);
            pairs.for_each(|(total, &sum)| *total += f64::from(sum));
        }
        for (activity, total) in activity.iter_mut().zip(totals) {
            let mean = config.encoder.unit.mean_activity(total / own as f64);
            *activity += mean * (own as f64 / rows as f64);
        }
        Ok(())
    }

    /// The second pass over a part of a batch of `rows` samples: its share of J and of the gradient, with as much
    /// of the decay as the part is of the whole. `rho_hat`, `[hidden]`, is the whole's. The line that it writes is
    /// the only one there may be.
    ///
    /// # Errors
    ///
    /// As [`Model::forward`].
    pub fn backward(
        &mut self,
        inputs: Batch<'_>,
        targets: Option<Batch<'_>>,
        labels: &[u32],
        rows: usize,
        rho_hat: &[f64],
    ) -> Result<(Line, Vec<f32>), GpuError> {
        count("lines that were not read", self.written(), 0)?;
        let own = self.check(inputs, targets, labels)?;
        self.whole(own, rows)?;
        count("activities", rho_hat.len(), self.hidden())?;
        let before = self.estimate()?;
        self.set_estimate(rho_hat)?;
        self.ensure_work(own);
        self.run(&Pass {
            inputs,
            targets,
            labels,
            whole: rows,
            which: GIVEN,
            keep: 0.0,
        });
        let share = own as f64 / rows as f64;
        self.complete(Gradient::Whole(share as f32), own);
        self.conclude(own, None, false);
        let mut line = self.only_line()?;
        line.sparsity *= share;
        line.weight_decay *= share;
        if let Purpose::Classes = self.shape.purpose {
            line.measure *= share;
        }
        match before {
            Some(before) => self.set_estimate(&before)?,
            None => self.has_estimate = false,
        }
        Ok((line, self.read(Part::Gradients)?))
    }

    /// An update by a gradient that is given; the line that it writes is the only one there may be.
    ///
    /// # Errors
    ///
    /// Refuses another number of values.
    pub fn update(&mut self, gradient: &[f32], update: Update) -> Result<Line, GpuError> {
        count("lines that were not read", self.written(), 0)?;
        self.write(Part::Gradients, gradient)?;
        self.complete(Gradient::Given, 0);
        self.conclude(0, Some(update), false);
        self.only_line()
    }

    fn whole(&self, own: usize, rows: usize) -> Result<(), GpuError> {
        match own <= rows {
            true => Ok(()),
            false => count("rows of the whole", rows, own),
        }
    }
}
