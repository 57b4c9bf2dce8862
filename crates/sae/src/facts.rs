//! What the samples of a run were.

use sae_data::{Dataset, ImageShape, SplitData};
use sae_report::Tile;
use serde::{Deserialize, Serialize};

/// `data.json`, and a part of a model file's description.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFacts {
    /// Height of an image in pixels.
    pub height: usize,
    /// Width of an image in pixels.
    pub width: usize,
    /// Values per pixel: 1 for its brightness, 3 for red, green and blue.
    #[serde(default = "one")]
    pub channels: usize,
    /// The names of the inputs; none where they have none.
    #[serde(default)]
    pub names: Vec<String>,
    /// The names of the classes; none without labels.
    pub classes: Vec<String>,
    /// Number of training samples.
    pub train: usize,
    /// Number of validation samples.
    pub validation: usize,
    /// Number of test samples.
    pub test: usize,
}

/// What files that do not say hold.
fn one() -> usize {
    1
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
            channels: train.image.channels,
            names: train.names.clone(),
            classes: match &train.labels {
                Some(labels) => labels.classes.clone(),
                None => vec![],
            },
            train: train.rows(),
            validation: validation.as_ref().map_or(0, Dataset::rows),
            test: test.rows(),
        }
    }

    /// The image that a sample is; nothing for tables.
    pub fn image(&self) -> Option<ImageShape> {
        let shape = ImageShape {
            height: self.height,
            width: self.width,
            channels: self.channels,
        };
        (shape != ImageShape::line(shape.values())).then_some(shape)
    }

    /// The size of a tile that shows a sample.
    pub fn tile(&self) -> Tile {
        Tile {
            height: self.height,
            width: self.width,
            channels: self.channels,
        }
    }
}
