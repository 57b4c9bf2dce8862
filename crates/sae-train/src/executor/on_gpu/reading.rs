//! What lines say of the steps that wrote them.

use sae_gpu::{Line, Lines, Status};
use sae_kernels::{AutoencoderValue, NetworkValue};
use sae_model::Figures;

use super::OnGpu;
use crate::executor::trainable::KernelConfig;
use crate::executor::{Mean, Settled};

impl OnGpu {
    pub(super) fn figures_of(&self, line: &Line, rho_hat: Option<Vec<f64>>) -> Figures {
        match &self.setup.config {
            KernelConfig::Autoencoder(_) => {
                let value = AutoencoderValue {
                    reconstruction: line.term,
                    squared_error: line.measure,
                    weight_decay: line.weight_decay,
                    sparsity: line.sparsity,
                    l1: line.l1,
                    rho_hat: vec![],
                };
                Figures {
                    rho_hat,
                    ..self.setup.autoencoder_figures(&value)
                }
            }
            KernelConfig::Network(_) => self.setup.network_figures(&NetworkValue {
                cross_entropy: line.term,
                weight_decay: line.weight_decay,
                accuracy: line.measure,
            }),
        }
    }

    /// The mean of the steps so far, but for their ρ̂.
    pub(super) fn mean_with(&self, lines: &Lines) -> Mean {
        let mut mean = self.mean.clone();
        let taken = |line: &&Line| line.status != Status::Refused;
        for line in lines.steps.iter().filter(taken) {
            mean.add(&self.figures_of(line, None), line.rows);
        }
        mean
    }

    /// The same with the steps' ρ̂, whose sum is that of all of them.
    pub(super) fn whole_mean(&self, lines: &Lines) -> Mean {
        let mut mean = self.mean_with(lines);
        if mean.rows > 0 && !lines.rho_hat.is_empty() {
            mean.sum.rho_hat = Some(lines.rho_hat.clone());
        }
        mean
    }

    pub(super) fn settled_with(&self, lines: &Lines) -> Settled {
        let of = |status| lines.steps.iter().filter(move |line| line.status == status);
        let first = lines
            .steps
            .iter()
            .position(|line| line.status == Status::Refused);
        Settled {
            clipped: self.settled.clipped + of(Status::Clipped).count(),
            refused: self
                .settled
                .refused
                .or(first.map(|place| self.read + place)),
            finite: lines.finite,
        }
    }
}
