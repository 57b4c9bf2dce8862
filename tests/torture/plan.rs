//! How many faults, and from which seed.

use std::env;

/// What is done.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Of every random moment and place.
    pub seed: u64,
    /// Whether everything is done that can be listed, and as much as `kills` says of what cannot.
    pub is_long: bool,
    /// Runs that are killed, over all configurations.
    pub kills: usize,
}

impl Plan {
    /// A few faults, or what `cargo xtask torture` asks for.
    pub fn of_environment() -> Self {
        let number = |name: &str| env::var(name).ok().and_then(|text| text.parse().ok());
        let kills = number("SAE_TORTURE_KILLS");
        Self {
            seed: number("SAE_TORTURE_SEED").unwrap_or(1),
            is_long: kills.is_some(),
            kills: kills.unwrap_or(7) as usize,
        }
    }

    /// Some of `1..=count`: all of them, or `few` that are spread over them.
    pub fn some(self, count: usize, few: usize) -> Vec<usize> {
        match self.is_long || count <= few {
            true => (1..=count).collect(),
            false => (0..few)
                .map(|k| 1 + k * (count - 1) / (few - 1).max(1))
                .collect(),
        }
    }
}
