//! The vector instructions that a program finds when it runs.

use std::fmt;
use std::str::FromStr;

use pulp::Arch;
use serde::{Deserialize, Serialize};

use crate::setting::{Setting, named};

/// What the kernels are compiled for. They differ in rounding, so a run repeats to the last bit only
/// on the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InstructionSet {
    /// 16 numbers at once, on x86-64.
    Avx512,
    /// 8 numbers at once, on x86-64.
    Avx2,
    /// 4 numbers at once, on ARM.
    Neon,
    /// One number at a time, anywhere.
    Scalar,
}

impl InstructionSet {
    /// Every one, the fastest first.
    pub const ALL: [Self; 4] = [Self::Avx512, Self::Avx2, Self::Neon, Self::Scalar];

    /// The fastest of this machine.
    pub fn detected() -> Self {
        Self::available()[0]
    }

    /// All of this machine, the fastest first.
    pub fn available() -> Vec<Self> {
        let found = Self::ALL.into_iter().filter(|set| set.arch().is_some());
        found.collect()
    }

    pub(crate) fn arch(self) -> Option<Arch> {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => pulp::x86::V4::try_new().map(Arch::V4),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => pulp::x86::V3::try_new().map(Arch::V3),
            #[cfg(target_arch = "aarch64")]
            Self::Neon => pulp::aarch64::Neon::try_new().map(Arch::Neon),
            Self::Scalar => Some(Arch::Scalar),
            _ => None,
        }
    }
}

impl fmt::Display for InstructionSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Avx512 => "avx512",
            Self::Avx2 => "avx2",
            Self::Neon => "neon",
            Self::Scalar => "scalar",
        })
    }
}

impl FromStr for InstructionSet {
    type Err = Setting;

    fn from_str(text: &str) -> Result<Self, Setting> {
        named("instruction_set", text, &Self::ALL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for set in InstructionSet::ALL {
            assert_eq!(set.to_string().parse(), Ok(set));
            let json = serde_json::to_string(&set).expect("a string");
            assert_eq!(json, format!("\"{set}\""));
        }
        let error = "sse2".parse::<InstructionSet>().expect_err("no such set");
        assert!(error.to_string().contains("avx512, avx2, neon, scalar"));
        assert!(InstructionSet::available().contains(&InstructionSet::Scalar));
    }
}
