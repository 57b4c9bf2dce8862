//! What the samples of a run were.

use sae_data::message::escaped;
use sae_data::{
    ArraysConfig, DataConfig, Dataset, ImageShape, ImagesConfig, Layout, SplitData, TableConfig,
};
use sae_report::Tile;
use serde::{Deserialize, Serialize};

use crate::{Error, Experiment};

/// `data.json`, and a part of a model file's description.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// How rows are read.
    #[serde(default)]
    pub reading: Reading,
}

/// How the rows of a run were read, as those of its models are to be.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reading {
    /// Tables.
    pub table: TableConfig,
    /// Pictures.
    pub images: ImagesConfig,
    /// Arrays by name.
    pub arrays: ArraysConfig,
}

impl From<&DataConfig> for Reading {
    fn from(config: &DataConfig) -> Self {
        Self {
            table: config.table.clone(),
            images: config.images.clone(),
            arrays: config.arrays.clone(),
        }
    }
}

impl Reading {
    /// An experiment with nothing of its own but how rows are read, with changes, `key=value`, in order.
    ///
    /// # Errors
    ///
    /// As [`Experiment::read`].
    pub fn experiment_with(&self, set: &[String]) -> Result<Experiment, Error> {
        let mut experiment = Experiment::default();
        let data = &mut experiment.data;
        (data.table, data.images) = (self.table.clone(), self.images.clone());
        data.arrays = self.arrays.clone();
        let text = experiment.to_toml()?;
        Ok(Experiment::parse("the model's settings", &text, set)?)
    }
}

/// What files that do not say hold.
pub(crate) fn one() -> usize {
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
            reading: Reading::default(),
        }
    }

    /// The image that a sample is; nothing for tables.
    pub fn image(&self) -> Option<ImageShape> {
        let shape = self.shape();
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

    fn shape(&self) -> ImageShape {
        ImageShape {
            height: self.height,
            width: self.width,
            channels: self.channels,
        }
    }

    /// Number of values of a sample, before scaling.
    pub fn inputs(&self) -> usize {
        self.shape().values()
    }

    /// The names of the inputs, or their numbers where they have none.
    pub fn input_names(&self) -> Vec<String> {
        match self.names.is_empty() {
            true => (0..self.inputs())
                .map(|input| format!("x{input}"))
                .collect(),
            false => self.names.clone(),
        }
    }

    /// Checks that rows of a source are those that the models were trained on: the number of columns, and
    /// their names and order where both have names.
    ///
    /// # Errors
    ///
    /// Says which column differs.
    pub fn check_layout(&self, layout: &Layout) -> Result<(), Error> {
        if let (Some(own), Some(other)) = (self.image(), layout.image)
            && own != other
        {
            let size = |image: ImageShape| format!("{} x {}", image.height, image.width);
            let values = |image: ImageShape| match image.channels {
                1 => "grey",
                _ => "colour",
            };
            let (found, expected) = match (own.height, own.width) == (other.height, other.width) {
                true => (values(other).to_owned(), values(own).to_owned()),
                false => (format!("{} pixels", size(other)), size(own)),
            };
            return Err(Error::Input(format!(
                "the data are images of {found}; expected {expected}, as the run was trained on"
            )));
        }
        let (known, found) = (&self.names, &layout.names);
        if known.is_empty() || found.is_empty() || known == found {
            return check_width("the data", layout.inputs, self.inputs());
        }
        let missing = known.iter().find(|name| !found.contains(name));
        let extra = found.iter().find(|name| !known.contains(name));
        Err(Error::Input(match (missing, extra) {
            (Some(name), _) => format!(
                "the data have no column `{}`; expected the columns that the model was trained on: \
                 {}",
                escaped(name),
                escaped(&known.join(", "))
            ),
            (None, Some(name)) => format!(
                "the data have a column `{}`, on which the model was not trained; leave it out with \
                 --set data.table.ignore='[\"{}\"]', or name the column of labels in data.table.label",
                escaped(name),
                escaped(name)
            ),
            (None, None) => {
                let place = known
                    .iter()
                    .zip(found)
                    .position(|(a, b)| a != b)
                    .unwrap_or(0);
                format!(
                    "column {} of the data is `{}`; expected `{}`: the order is that of the training \
                     data",
                    place + 1,
                    escaped(&found[place]),
                    escaped(&known[place])
                )
            }
        }))
    }
}

/// Refuses rows of another width than the models were trained on.
pub(crate) fn check_width(what: &'static str, found: usize, expected: usize) -> Result<(), Error> {
    match found == expected {
        true => Ok(()),
        false => Err(Error::Input(format!(
            "{what} have {found} values per row; expected {expected}, as the model was trained on"
        ))),
    }
}
