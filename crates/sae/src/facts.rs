//! What the samples of a run were.

use sae_data::{Dataset, SplitData};
use sae_report::Tile;
use serde::{Deserialize, Serialize};

/// `data.json`, and a part of a model file's description.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFacts {
    /// Height of an image in pixels.
    pub height: usize,
    /// Width of an image in pixels.
    pub width: usize,
    /// The names of the classes; none without labels.
    pub classes: Vec<String>,
    /// Number of training samples.
    pub train: usize,
    /// Number of validation samples.
    pub validation: usize,
    /// Number of test samples.
    pub test: usize,
}

impl DataFacts {
    /// The facts of a run's samples.
    pub fn of(data: &SplitData) -> Self {
        let SplitData {
            train,
            validation,
            test,
        } = data;
        Self {
            height: train.image.height,
            width: train.image.width,
            classes: match &train.labels {
                Some(labels) => labels.classes.clone(),
                None => vec![],
            },
            train: train.rows(),
            validation: validation.as_ref().map_or(0, Dataset::rows),
            test: test.rows(),
        }
    }

    /// The size of a tile that shows a sample.
    pub fn tile(&self) -> Tile {
        Tile {
            height: self.height,
            width: self.width,
        }
    }
}
