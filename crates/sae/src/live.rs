//! The encoder nearest the inputs while it is trained, for those who watch: `live.safetensors`.

use std::time::{Duration, Instant};

use sae_data::Tensors;
use sae_stack::{Stage, WeightsNow};
use sae_train::TrainError;

use crate::Error;
use crate::folder::RunFolder;

/// What is written while a run goes on, and removed when it has finished.
pub(crate) const LIVE: &str = "live.safetensors";

/// At least so much lies between two snapshots.
const PAUSE: Duration = Duration::from_secs(1);
/// And so many times what the last one took.
const SHARE: u32 = 100;

/// How the names of that encoder's arrays begin among those of the model that a stage trains; nothing
/// where the stage leaves it as it is.
pub(crate) fn first_encoder(stage: Stage) -> Option<&'static str> {
    match stage {
        Stage::Autoencoder(1) => Some("encoder."),
        Stage::FineTune | Stage::Control => Some("encoders.0."),
        Stage::Autoencoder(_) | Stage::Softmax => None,
    }
}

/// Writes snapshots now and then, so that they take a hundredth of the time at most.
pub(crate) struct Snapshots {
    due: Instant,
}

impl Snapshots {
    /// None is due yet.
    pub(crate) fn new() -> Self {
        Self {
            due: Instant::now() + PAUSE,
        }
    }

    /// Writes one of the encoder nearest the inputs, with the stage as its description, where one is due.
    pub(crate) fn offer(
        &mut self,
        folder: &RunFolder,
        stage: Stage,
        weights: WeightsNow<'_>,
    ) -> Result<(), TrainError> {
        let start = Instant::now();
        let Some(prefix) = first_encoder(stage).filter(|_| start >= self.due) else {
            return Ok(());
        };
        let mut snapshot = Tensors::described(stage.to_string());
        snapshot.extend("", weights()?.below(prefix));
        let written = folder.write(LIVE, &snapshot.to_bytes());
        written.map_err(Error::from)?;
        self.due = next(start, Instant::now());
        Ok(())
    }
}

fn next(start: Instant, end: Instant) -> Instant {
    end + PAUSE.max(SHARE * (end - start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshots_take_a_hundredth_of_the_time() {
        let start = Instant::now();
        for (took, pause) in [(1, 1000), (10, 1000), (50, 5000)] {
            let took = Duration::from_millis(took);
            let expected = start + took + Duration::from_millis(pause);
            assert_eq!(next(start, start + took), expected);
        }
    }
}
