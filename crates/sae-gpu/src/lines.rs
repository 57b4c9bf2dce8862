//! What became of steps: a line of each, which the device writes and the host reads.

use crate::error::GpuError;
use crate::finishing::Gradient;
use crate::kernels::ledger::{
    ACTIVITY, CLIPPED, FIRST, LINE, LOOK, MEASURE, MOST_LINES, NORM, OF_DECAY, REFUSED, SPARSITY,
    STATUS, SUMS, TERM, lines,
};
use crate::kernels::update::{Method, Rates};
use crate::model::{Model, Written};
use crate::shape::Purpose;

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line {
    /// Samples of the step.
    pub rows: usize,
    /// The reconstruction term, or the cross-entropy.
    pub term: f64,
    /// (1/R) Σ ‖x − z‖², or the share of samples whose most probable class is theirs.
    pub measure: f64,
    /// β Σ KL(ρ ‖ ρ̂).
    pub sparsity: f64,
    /// (γ/R) Σ |a|.
    pub l1: f64,
    /// The decay term.
    pub weight_decay: f64,
    /// ‖∇J‖.
    pub norm: f64,
    /// What became of it.
    pub status: Status,
}

/// What became of an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// The parameters moved by the gradient as it was.
    Taken,
    /// By the gradient, shortened.
    Clipped,
    /// They did not move, since something is not finite, or was in a step before.
    Refused,
}

/// What the steps that were written down have led to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Lines {
    /// Each step's.
    pub steps: Vec<Line>,
    /// Σ over all steps since [`Model::set_sums`] of their samples times ρ̂, `[hidden]`, of an autoencoder.
    pub rho_hat: Vec<f64>,
    /// Whether all parameters are finite numbers after them.
    pub finite: bool,
}

impl Model {
    /// Whether another step can be written down before [`Model::clear`] is called.
    pub fn has_room(&self) -> bool {
        self.written.len() < MOST_LINES
    }

    /// Steps that are written down and were not read.
    pub fn written(&self) -> usize {
        self.written.len()
    }

    /// What became of the steps since [`Model::clear`]. Waits for the device, once.
    ///
    /// # Errors
    ///
    /// Fails where the device does.
    pub fn lines(&self) -> Result<Lines, GpuError> {
        self.complete(Gradient::Nobodys, 0);
        self.move_by(Method::Rest, Rates::default(), false, LOOK);
        let count = lines(self.hidden()) + (FIRST + self.written.len()) * LINE;
        Ok(self.lines_of(&self.gpu.read_first(&self.ledger, count)?))
    }

    /// Takes leave of the steps that were written down, which are `seen`. Where one was refused, others may move
    /// the parameters again.
    pub fn clear(&mut self, seen: &Lines) {
        let refused = |line: &Line| line.status == Status::Refused;
        if let Some(first) = seen.steps.iter().position(refused) {
            // Updates that were not made do not count, and made no estimate.
            self.has_estimate = self.written[first].had_estimate;
            let wanted = self.written.iter().skip(first).filter(|step| step.updates);
            self.updates -= wanted.count() as u64;
        }
        self.written.clear();
        self.set_sums(&seen.rho_hat);
    }

    /// Begins the sum of the steps' ρ̂ at `sums`, `[hidden]`, as [`Lines::rho_hat`] gives it; at zeros where that is
    /// empty.
    pub fn set_sums(&mut self, sums: &[f64]) {
        // As the device has them: a sum in single precision, and what rounding took from it.
        let mut head = vec![0.0; SUMS];
        head.extend(sums.iter().map(|&sum| sum as f32));
        head.extend(sums.iter().map(|&sum| (f64::from(sum as f32) - sum) as f32));
        head.resize(lines(self.hidden()), 0.0);
        self.gpu.write(&self.ledger, &head);
    }

    pub(crate) fn only_line(&mut self) -> Result<Line, GpuError> {
        let lines = self.lines()?;
        self.clear(&lines);
        Ok(lines.steps[0])
    }

    fn lines_of(&self, ledger: &[f32]) -> Lines {
        let hidden = self.hidden();
        let (sums, lost) = ledger[SUMS..SUMS + 2 * hidden].split_at(hidden);
        let l1 = match &self.shape.purpose {
            Purpose::Reconstruction(config) => config.l1,
            Purpose::Classes => 0.0,
        };
        let of_line = |(numbers, &Written { rows, .. }): (&[f32], &Written)| {
            let number = |index: usize| f64::from(numbers[index]);
            Line {
                rows,
                term: number(TERM),
                measure: match self.shape.purpose {
                    Purpose::Reconstruction(_) => number(MEASURE),
                    Purpose::Classes => number(MEASURE) / rows.max(1) as f64,
                },
                sparsity: number(SPARSITY),
                l1: l1 * number(ACTIVITY),
                weight_decay: number(OF_DECAY),
                norm: number(NORM),
                status: match numbers[STATUS] {
                    REFUSED => Status::Refused,
                    CLIPPED => Status::Clipped,
                    _ => Status::Taken,
                },
            }
        };
        let pairs = sums.iter().zip(lost);
        let numbers = || ledger[lines(hidden)..].chunks(LINE);
        let look = numbers().nth(LOOK);
        let steps = numbers().skip(FIRST);
        Lines {
            finite: look.is_none_or(|look| look[STATUS] != REFUSED),
            steps: steps.zip(&self.written).map(of_line).collect(),
            rho_hat: pairs
                .map(|(&sum, &lost)| f64::from(sum) - f64::from(lost))
                .collect(),
        }
    }
}
