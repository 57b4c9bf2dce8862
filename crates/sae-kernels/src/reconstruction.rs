//! What the reconstruction term measures.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::setting::{Setting, named};
use crate::unit::Unit;

/// How far a reconstruction z is from its target x.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reconstruction {
    /// (1/R) Σ ½‖x − z‖².
    #[default]
    SquaredError,
    /// −(1/R) Σ [x log z + (1 − x) log(1 − z)] in nats, for sigmoid decoders and targets in [0, 1].
    CrossEntropy,
}

impl Reconstruction {
    /// Every one.
    pub const ALL: [Self; 2] = [Self::SquaredError, Self::CrossEntropy];

    /// Checks that reconstructions by `decoder` units can be measured so.
    ///
    /// # Errors
    ///
    /// Refuses the cross-entropy of units other than sigmoid.
    pub fn check(self, decoder: Unit) -> Result<(), Setting> {
        match (self, decoder) {
            (Self::SquaredError, _) | (_, Unit::Sigmoid) => Ok(()),
            (Self::CrossEntropy, _) => Err(Setting::new(
                "reconstruction",
                format!("{self} with a {decoder} decoder"),
                "squared_error, or a sigmoid decoder, whose outputs are probabilities",
            )),
        }
    }
}

impl fmt::Display for Reconstruction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::SquaredError => "squared_error",
            Self::CrossEntropy => "cross_entropy",
        })
    }
}

impl FromStr for Reconstruction {
    type Err = Setting;

    fn from_str(text: &str) -> Result<Self, Setting> {
        named("reconstruction", text, &Self::ALL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for reconstruction in Reconstruction::ALL {
            assert_eq!(reconstruction.to_string().parse(), Ok(reconstruction));
            let json = serde_json::to_string(&reconstruction).expect("a string");
            assert_eq!(json, format!("\"{reconstruction}\""));
        }
    }
}
