//! The optimisers, as checked settings of Burn's.

use burn::module::ParamGroup;
use burn::optim::momentum::MomentumConfig;
use burn::optim::{AdamConfig, AdamWConfig, ModuleOptimizer, RmsPropConfig, SgdConfig};

use crate::TrainError;
use crate::conjugate::ConjugateGradient;
use crate::lbfgs::Lbfgs;
use crate::line_search::LineSearch;

/// How gradients move the parameters. Weight decay is a term of the objective and no business of
/// the optimiser, but for AdamW, whose point it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Optimiser {
    /// Gradient descent θ ← θ − ηv with v ← μv + ∇J (no dampening). With μ = 0 and the full batch
    /// this is the note's rule.
    Sgd {
        /// Momentum μ.
        momentum: f64,
        /// Nesterov's form: the step is μv + ∇J.
        nesterov: bool,
    },
    /// Adam (Kingma and Ba 2015) with bias correction.
    Adam(Moments),
    /// AdamW (Loshchilov and Hutter 2019): Adam, and weights (not biases) shrink by ηλ per step.
    AdamW {
        /// As Adam's.
        moments: Moments,
        /// Decoupled weight decay λ.
        weight_decay: f64,
    },
    /// RMSprop (Tieleman and Hinton 2012): θ ← θ − ηv with v ← μv + ∇J / (√mean(∇J²) + ε).
    RmsProp {
        /// Decay of the mean of the squares.
        alpha: f64,
        /// Momentum μ.
        momentum: f64,
        /// Added to the root of that mean.
        epsilon: f64,
    },
    /// L-BFGS (Nocedal 1980) with a strong Wolfe line search, on the full batch only; an epoch is
    /// one iteration. Its learning rate is the first step that a line search tries, 1 as a rule.
    Lbfgs {
        /// Number of past steps that stand in for the Hessian.
        history: usize,
    },
    /// Non-linear conjugate gradients (Polak and Ribière 1969) with the line search of Moré and
    /// Thuente (1994), on the full batch only; an epoch is one iteration. Its learning rate is the
    /// length of the first step that the first line search tries, 1 as a rule.
    ConjugateGradient,
}

/// Settings of Adam.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moments {
    /// Decay of the mean of the gradients.
    pub beta1: f64,
    /// Decay of the mean of their squares.
    pub beta2: f64,
    /// Added to the root of that mean.
    pub epsilon: f64,
}

impl Moments {
    fn check(&self) -> Result<(), TrainError> {
        rate("beta1", self.beta1)?;
        rate("beta2", self.beta2)?;
        positive("epsilon", self.epsilon)
    }
}

impl Optimiser {
    /// Checks every setting.
    ///
    /// # Errors
    ///
    /// Refuses ε that is not finite and positive, decay rates outside [0, 1), negative decay and an
    /// empty history.
    pub fn check(&self) -> Result<(), TrainError> {
        match *self {
            Self::Sgd { momentum, .. } => rate("momentum", momentum),
            Self::Adam(moments) => moments.check(),
            Self::AdamW {
                moments,
                weight_decay,
            } => {
                moments.check()?;
                not_negative("decoupled_weight_decay", weight_decay)
            }
            Self::RmsProp {
                alpha,
                momentum,
                epsilon,
            } => {
                rate("alpha", alpha)?;
                rate("momentum", momentum)?;
                positive("epsilon", epsilon)
            }
            Self::Lbfgs { history } => at_least_one("history", history),
            Self::ConjugateGradient => Ok(()),
        }
    }

    pub(crate) fn init(&self) -> Engine {
        Engine::FirstOrder(match *self {
            Self::Sgd { momentum, nesterov } => {
                let momentum = MomentumConfig::new()
                    .with_momentum(momentum)
                    .with_dampening(0.0)
                    .with_nesterov(nesterov);
                SgdConfig::new().with_momentum(Some(momentum)).init()
            }
            Self::Adam(moments) => AdamConfig::new()
                .with_beta_1(moments.beta1 as f32)
                .with_beta_2(moments.beta2 as f32)
                .with_epsilon(moments.epsilon as f32)
                .init(),
            Self::AdamW {
                moments,
                weight_decay,
            } => {
                let config = AdamWConfig::new()
                    .with_beta_1(moments.beta1 as f32)
                    .with_beta_2(moments.beta2 as f32)
                    .with_epsilon(moments.epsilon as f32);
                let biases = config.clone().with_weight_decay(0.0).build();
                ModuleOptimizer::from(config.with_weight_decay(weight_decay as f32).build())
                    .with_group(ParamGroup::from_predicate("bias"), biases, None)
            }
            Self::RmsProp {
                alpha,
                momentum,
                epsilon,
            } => RmsPropConfig::new()
                .with_alpha(alpha as f32)
                .with_momentum(momentum as f32)
                .with_epsilon(epsilon as f32)
                .init(),
            Self::Lbfgs { history } => {
                return Engine::LineSearch(LineSearch::Lbfgs(Lbfgs::new(history)));
            }
            Self::ConjugateGradient => {
                let solver = ConjugateGradient::default();
                return Engine::LineSearch(LineSearch::ConjugateGradient(solver));
            }
        })
    }

    /// The same in the fused kernels; nothing where they do not have it.
    pub(crate) fn fused(&self) -> Option<sae_kernels::Optimiser> {
        let adam = |moments: Moments, weight_decay: f64| sae_kernels::Optimiser::Adam {
            beta1: moments.beta1 as f32,
            beta2: moments.beta2 as f32,
            epsilon: moments.epsilon as f32,
            weight_decay: weight_decay as f32,
        };
        match *self {
            Self::Sgd { momentum, nesterov } => Some(sae_kernels::Optimiser::Sgd {
                momentum: momentum as f32,
                nesterov,
            }),
            Self::Adam(moments) => Some(adam(moments, 0.0)),
            Self::AdamW {
                moments,
                weight_decay,
            } => Some(adam(moments, weight_decay)),
            Self::RmsProp { .. } | Self::Lbfgs { .. } | Self::ConjugateGradient => None,
        }
    }

    /// Whether it searches along lines of one objective, for which only the full batch will do.
    pub(crate) fn searches_lines(&self) -> bool {
        matches!(self, Self::Lbfgs { .. } | Self::ConjugateGradient)
    }
}

/// A running optimiser.
#[expect(clippy::large_enum_variant, reason = "there is one per call of fit()")]
pub(crate) enum Engine {
    FirstOrder(ModuleOptimizer),
    LineSearch(LineSearch),
}

pub(crate) fn positive(name: &'static str, value: f64) -> Result<(), TrainError> {
    checked(
        name,
        value,
        value.is_finite() && value > 0.0,
        "a finite number > 0",
    )
}

pub(crate) fn not_negative(name: &'static str, value: f64) -> Result<(), TrainError> {
    checked(
        name,
        value,
        value.is_finite() && value >= 0.0,
        "a finite number >= 0",
    )
}

pub(crate) fn rate(name: &'static str, value: f64) -> Result<(), TrainError> {
    checked(
        name,
        value,
        (0.0..1.0).contains(&value),
        "a number in [0, 1)",
    )
}

pub(crate) fn at_least_one(name: &'static str, value: usize) -> Result<(), TrainError> {
    checked(name, value, value > 0, "at least 1")
}

fn checked(
    name: &'static str,
    value: impl ToString,
    fine: bool,
    expected: &'static str,
) -> Result<(), TrainError> {
    if fine {
        return Ok(());
    }
    Err(TrainError::Setting {
        name,
        found: value.to_string(),
        expected,
    })
}
