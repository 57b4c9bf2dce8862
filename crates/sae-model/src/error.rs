//! The errors of this crate.

use sae_kernels::Setting;
use thiserror::Error;

/// What can be wrong with a model, its settings or the shapes it is given.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ModelError {
    /// A setting lies outside the range in which the formulas are defined.
    #[error(transparent)]
    Setting(#[from] Setting),
    /// Two shapes do not fit together.
    #[error("{operation}: {left_name} is {left:?} but {right_name} is {right:?}")]
    Shape {
        /// The operation that was asked for.
        operation: &'static str,
        /// What the first shape belongs to.
        left_name: &'static str,
        /// The first shape.
        left: Vec<usize>,
        /// What the second shape belongs to.
        right_name: &'static str,
        /// The second shape.
        right: Vec<usize>,
    },
    /// A parameter that the model has is not among the weights that were given.
    #[error("the weights have no tensor `{name}`; they hold {held}")]
    MissingParameter {
        /// The parameter's path in the module.
        name: String,
        /// The names that are there.
        held: String,
    },
}

impl ModelError {
    pub(crate) fn setting(
        name: &'static str,
        found: impl ToString,
        expected: &'static str,
    ) -> Self {
        Self::Setting(Setting::new(name, found, expected))
    }
}
