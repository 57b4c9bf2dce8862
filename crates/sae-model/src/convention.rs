//! The same objective as other tools write it.
//!
//! All of them are multiples of each other: a tool's objective is `factor · J`, and its α and β are
//! `factor` times those of the mean convention.

use std::fmt;
use std::str::FromStr;

use sae_kernels::Setting;
use sae_kernels::setting::named;

use crate::{ModelError, SparseObjective};

/// How a tool scales the sparse autoencoder's objective.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Convention {
    /// This project's: `(1/R) Σ_k ½‖x_k − z_k‖² + (α/2)‖W‖² + β Σ_j KL`.
    #[default]
    Mean,
    /// The lecture note's sum over samples: `Σ_k ½‖x_k − z_k‖² + (α/2)‖W‖² + β Σ_j KL`.
    Note,
    /// UFLDL's sparse autoencoder exercise, with λ for α; the same as the mean convention.
    Ufldl,
    /// MATLAB's `trainAutoencoder`: `mse + λ·½‖W‖² + β Σ_j KL`, the mean of the squared error over
    /// samples and outputs; λ is `L2WeightRegularization`, β `SparsityRegularization` and ρ
    /// `SparsityProportion`.
    Matlab,
    /// R's package `autoencoder`, with `lambda`, `beta` and `rho`; the same as the mean convention.
    R,
}

impl Convention {
    /// Every convention.
    pub const ALL: [Self; 5] = [Self::Mean, Self::Note, Self::Ufldl, Self::Matlab, Self::R];

    /// What J, α, β and γ of the mean convention are multiplied by, for `rows` samples of `inputs`
    /// values: 1, R (note) or 2/N (MATLAB), whatever the reconstruction term is, though these tools
    /// have the squared error alone. ρ is the same everywhere.
    pub fn factor(self, rows: usize, inputs: usize) -> f64 {
        match self {
            Self::Mean | Self::Ufldl | Self::R => 1.0,
            Self::Note => rows as f64,
            Self::Matlab => 2.0 / inputs as f64,
        }
    }
}

impl fmt::Display for Convention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Mean => "mean",
            Self::Note => "note",
            Self::Ufldl => "ufldl",
            Self::Matlab => "matlab",
            Self::R => "r",
        })
    }
}

impl FromStr for Convention {
    type Err = Setting;

    fn from_str(text: &str) -> Result<Self, Setting> {
        named("convention", text, &Self::ALL)
    }
}

impl SparseObjective {
    /// This objective, whose weights are meant in `convention`, in the mean convention.
    ///
    /// # Errors
    ///
    /// None for at least one row and input.
    pub fn from_convention(
        self,
        convention: Convention,
        rows: usize,
        inputs: usize,
    ) -> Result<Self, ModelError> {
        let factor = convention.factor(rows, inputs);
        Self::new(
            self.weight_decay() / factor,
            self.beta() / factor,
            self.rho(),
        )?
        .with_reconstruction(self.reconstruction())
        .with_l1(self.l1() / factor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reconstruction;

    /// For 10,000 samples of 64 values: UFLDL's λ 1e-4, β 3 is α 1 and β 30,000 in the note's sum,
    /// and λ 3.125e-6, β 0.09375 in MATLAB's mean over samples and outputs.
    #[test]
    fn ufldls_weights_elsewhere() {
        let (rows, inputs) = (10_000, 64);
        for (convention, alpha, beta) in [
            (Convention::Mean, 1e-4, 3.0),
            (Convention::Note, 1.0, 30_000.0),
            (Convention::Ufldl, 1e-4, 3.0),
            (Convention::Matlab, 3.125e-6, 0.093_75),
            (Convention::R, 1e-4, 3.0),
        ] {
            let there = SparseObjective::new(alpha, beta, 0.01).unwrap();
            let there = there.with_reconstruction(Reconstruction::CrossEntropy);
            let here = there.from_convention(convention, rows, inputs).unwrap();
            assert!(
                (here.weight_decay() / 1e-4 - 1.0).abs() < 1e-15,
                "{convention}"
            );
            assert!((here.beta() / 3.0 - 1.0).abs() < 1e-15, "{convention}");
            assert_eq!(here.rho(), 0.01);
            assert_eq!(here.reconstruction(), Reconstruction::CrossEntropy);
        }
    }
}
