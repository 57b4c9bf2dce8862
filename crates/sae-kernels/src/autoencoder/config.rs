//! What an autoencoder is and what it minimises.

use crate::reconstruction::Reconstruction;
use crate::setting::{Setting, at_least_one, not_negative};
use crate::sparsity::Sparsity;
use crate::unit::{Activation, Unit};

/// An autoencoder of N inputs and H hidden units, and what is minimised:
///
/// J = (1/R) Σ ½‖x − z‖² + (α/2)(‖W1‖² + ‖W2‖²) + β Σ KL(ρ ‖ ρ̂) + (γ/R) Σ |a|
///
/// with Y = φ(X·W1 + b), Z = φ(Y·W2 + c), a the activities of Y and ρ̂ their means. The first term may
/// be a cross-entropy instead: see [`Reconstruction`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AutoencoderConfig {
    /// Number of inputs N.
    pub inputs: usize,
    /// Number of hidden units H.
    pub hidden: usize,
    /// What the encoder does to its pre-activations.
    pub encoder: Activation,
    /// Units of the decoder.
    pub decoder: Unit,
    /// What the first term measures.
    pub reconstruction: Reconstruction,
    /// Whether W2 is W1ᵀ, which then decays twice.
    pub tied: bool,
    /// Weight decay α.
    pub weight_decay: f64,
    /// Sparsity weight β.
    pub beta: f64,
    /// Sparsity target ρ.
    pub rho: f64,
    /// L1 weight γ.
    pub l1: f64,
    /// ρ̂ is clamped to [ε, 1 − ε]; where that acts the sparsity term has no slope.
    pub clamp: f64,
}

impl AutoencoderConfig {
    /// Checks sizes and settings.
    ///
    /// # Errors
    ///
    /// Refuses sizes of 0, weights of terms that are negative or not finite, more units to keep than
    /// there are, the cross-entropy of a decoder that is not sigmoid, and beside a sparsity term ρ outside (0, 1) and ε outside (0, ½).
    pub fn check(&self) -> Result<(), Setting> {
        at_least_one("inputs", self.inputs)?;
        at_least_one("hidden", self.hidden)?;
        self.encoder.check(self.hidden)?;
        self.reconstruction.check(self.decoder)?;
        not_negative("weight_decay", self.weight_decay)?;
        not_negative("beta", self.beta)?;
        not_negative("l1", self.l1)?;
        let within = |name, value: f64, most: f64| match value > 0.0 && value < most {
            true => Ok(()),
            false => Err(Setting::new(
                name,
                value,
                format!("a number in (0, {most})"),
            )),
        };
        if self.beta > 0.0 {
            within("rho", self.rho, 1.0)?;
            within("clamp", self.clamp, 0.5)?;
        }
        Ok(())
    }

    pub(super) fn sparsity(&self) -> Sparsity {
        Sparsity {
            beta: self.beta,
            rho: self.rho,
            clamp: self.clamp,
        }
    }
}

/// J at the parameters before the update, term by term, and ρ̂; or a part's share of them.
#[derive(Debug, Clone, PartialEq)]
pub struct AutoencoderValue {
    /// The reconstruction term: see [`Reconstruction`].
    pub reconstruction: f64,
    /// (1/R) Σ ‖x − z‖², whatever the reconstruction term is.
    pub squared_error: f64,
    /// (α/2)(‖W1‖² + ‖W2‖²); no finite number where any parameter is none.
    pub weight_decay: f64,
    /// β Σ KL(ρ ‖ ρ̂).
    pub sparsity: f64,
    /// (γ/R) Σ |a|.
    pub l1: f64,
    /// The mean activity of each hidden unit, or the estimate that the sparsity term was taken at.
    pub rho_hat: Vec<f64>,
}

impl AutoencoderValue {
    pub(super) fn zero(hidden: usize) -> Self {
        Self {
            reconstruction: 0.0,
            squared_error: 0.0,
            weight_decay: 0.0,
            sparsity: 0.0,
            l1: 0.0,
            rho_hat: vec![0.0; hidden],
        }
    }
}
