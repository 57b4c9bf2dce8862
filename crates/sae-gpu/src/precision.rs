//! In how many bits numbers are multiplied.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What becomes of numbers before matrix products multiply them; sums are made in `f32` in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// Nothing.
    #[default]
    F32,
    /// They are rounded to the 11 significant bits of TF32, ties to even: NVIDIA's tensor cores take so many. The kernels
    /// use no such units, so that this takes a little longer than [`Precision::F32`]; it shows what they would lead to.
    Tf32,
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::F32 => "f32",
            Self::Tf32 => "tf32",
        })
    }
}
