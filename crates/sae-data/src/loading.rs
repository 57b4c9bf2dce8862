//! The samples of a configuration, from files or drawn.

use std::path::Path;

use sae_kernels::Setting;

use crate::config::{DataConfig, SplitData, in_table};
use crate::files::given;
use crate::{
    DataError, Dataset, Format, ImageShape, Options, Part, Purpose, Reader, Room, Source, Stream,
    stream,
};

impl DataConfig {
    /// Loads or draws everything that training needs, as it is before scaling. Labels of files are
    /// only read where `labels` asks for them.
    ///
    /// # Errors
    ///
    /// As [`DataConfig::check`]; refuses files that are missing, damaged or do not fit together.
    pub fn load(&self, seed: u64, labels: bool) -> Result<SplitData, DataError> {
        self.load_as(Loading {
            seed,
            labels,
            in_place: false,
        })
    }

    /// As [`DataConfig::load`], for whoever needs but a part: samples of files that can be read from any
    /// place stay there, even where there is room for them.
    ///
    /// # Errors
    ///
    /// As [`DataConfig::load`].
    pub fn load_in_place(&self, seed: u64, labels: bool) -> Result<SplitData, DataError> {
        self.load_as(Loading {
            seed,
            labels,
            in_place: true,
        })
    }

    fn load_as(&self, loading: Loading) -> Result<SplitData, DataError> {
        self.check()?;
        let Loading { seed, .. } = loading;
        let (train, test) = self.load_both(loading)?;
        let (train, validation) = match (self.source.format(), given(&self.files.validation)) {
            (Some(format), Some(path)) => {
                let own = given(&self.files.validation_labels);
                let validation = self.load_file(format, &path, own.as_deref(), loading)?;
                let validation = alike(&train, "validation", validation);
                (train, Some(validation.map_err(in_file(&path))?))
            }
            _ => return self.with_validation(seed, train, test),
        };
        check_classes(&train)?;
        Ok(SplitData {
            train,
            validation,
            test,
        })
    }

    /// Sets validation samples aside of some to train on, as loading does.
    ///
    /// # Errors
    ///
    /// Refuses labels of a single class, and too few rows.
    pub fn with_validation(
        &self,
        seed: u64,
        train: Dataset,
        test: Dataset,
    ) -> Result<SplitData, DataError> {
        check_classes(&train)?;
        let mut data = SplitData::new(train, test);
        if self.validation > 0.0 {
            let mut rng = stream(seed, Stream::Split);
            let (train, aside) = data.train.split("validation", self.validation, &mut rng)?;
            (data.train, data.validation) = (train, Some(aside));
        }
        Ok(data)
    }

    /// Loads or draws the test samples only; where they are a share of the training samples, all.
    ///
    /// # Errors
    ///
    /// As [`DataConfig::load`].
    pub fn load_test(&self, seed: u64, labels: bool) -> Result<Dataset, DataError> {
        let loading = Loading {
            seed,
            labels,
            in_place: false,
        };
        match (self.source.format(), self.folds) {
            (None, 0) => self.draw_part(Part::Test, loading),
            _ => Ok(self.load_both(loading)?.1),
        }
    }

    /// Opens a file, or a folder, whose format its name tells, to be read as these settings say.
    ///
    /// # Errors
    ///
    /// Refuses what is missing, damaged or of no known format.
    pub fn open(&self, path: &Path, purpose: Purpose<'_>) -> Result<Box<dyn Reader>, DataError> {
        Format::of(path)?.open(path, None, self.options(purpose))
    }

    fn options<'a>(&'a self, purpose: Purpose<'a>) -> Options<'a> {
        Options {
            table: &self.table,
            images: &self.images,
            arrays: &self.arrays,
            purpose,
        }
    }

    /// The samples to train on, validation samples included, and those to test on.
    fn load_both(&self, loading: Loading) -> Result<(Dataset, Dataset), DataError> {
        let Loading { seed, .. } = loading;
        let train = self.load_train(loading)?;
        if self.folds > 0 {
            return train.fold(self.folds, self.fold, &mut stream(seed, Stream::Folds));
        }
        let test = match (self.source.format(), given(&self.files.test)) {
            (None, _) => alike(&train, "test", self.draw_part(Part::Test, loading)?)?,
            (Some(_), None) => {
                return train.split("test", self.test, &mut stream(seed, Stream::TestSplit));
            }
            (Some(format), Some(path)) => {
                let own = given(&self.files.test_labels);
                let test = self.load_file(format, &path, own.as_deref(), loading)?;
                alike(&train, "test", test).map_err(in_file(&path))?
            }
        };
        Ok((train, test))
    }

    /// All samples that are not for testing only.
    fn load_train(&self, loading: Loading) -> Result<Dataset, DataError> {
        let Some(format) = self.source.format() else {
            return self.draw_part(Part::Train, loading);
        };
        let path = given(&self.files.train).ok_or_else(|| {
            let setting = Setting::new("train", "missing", "the file of the rows to train on");
            setting.within("files")
        })?;
        let own = given(&self.files.train_labels);
        self.load_file(format, &path, own.as_deref(), loading)
    }

    fn load_file(
        &self,
        format: Format,
        path: &Path,
        own_labels: Option<&Path>,
        loading: Loading,
    ) -> Result<Dataset, DataError> {
        let mut reader = format.open(path, own_labels, self.options(Purpose::Training))?;
        if loading.labels && !reader.layout().labelled {
            let found = "has no labels";
            let where_from = match format {
                Format::Csv | Format::Parquet => "data.table.label",
                Format::Images => "data.images.labels",
                Format::Npz | Format::Safetensors => {
                    "data.arrays.labels or data.files.train_labels"
                }
                Format::Npy | Format::Idx => "data.files.train_labels",
            };
            let expected = format!("labels for a classifier ({where_from}), or classifier = false");
            return Err(DataError::format(path, found, expected));
        }
        let room = Room {
            in_place: loading.in_place,
            ..self.room()
        };
        Dataset::read(&mut *reader, &path.display().to_string(), room)
    }

    /// How much memory the samples of a file may take.
    pub fn room(&self) -> Room {
        Room {
            limit: self.memory_limit.saturating_mul(1 << 20),
            as_floats: !self.scaling.is_identity(),
            in_place: false,
        }
    }

    fn draw_part(&self, part: Part, loading: Loading) -> Result<Dataset, DataError> {
        let Loading { seed, .. } = loading;
        let (table, loaded) = match self.source {
            Source::Idx => ("idx", self.read_idx(part, loading)),
            Source::Patches => ("patches", self.patches.cut(part, seed)),
            _ => ("shapes", self.shapes.draw(part, seed)),
        };
        loaded.map_err(in_table(table))
    }

    fn read_idx(&self, part: Part, loading: Loading) -> Result<Dataset, DataError> {
        let (images, names) = self.idx.files(part, loading.labels)?;
        self.load_file(Format::Idx, &images, names.as_deref(), loading)
    }
}

/// What is loaded, and how.
#[derive(Debug, Clone, Copy)]
struct Loading {
    seed: u64,
    /// Whether labels of files are read.
    labels: bool,
    /// Whether samples stay in their files where they can.
    in_place: bool,
}

/// Says in which file rows are that do not suit.
fn in_file(path: &Path) -> impl Fn(DataError) -> DataError {
    move |error| match error {
        DataError::Unsuitable { found, expected } => DataError::format(path, found, expected),
        other => other,
    }
}

/// `other`, the `what` samples, with the classes of `train`; refuses other inputs and labels.
fn alike(train: &Dataset, what: &str, mut other: Dataset) -> Result<Dataset, DataError> {
    let refuse = |found: String, expected: &str| {
        let expected = expected.to_owned();
        Err(DataError::Unsuitable { found, expected })
    };
    let inputs = [train, &other].map(|set| set.samples.width());
    let are_tables = [train, &other].map(|set| set.image == ImageShape::line(set.samples.width()));
    if are_tables == [true; 2] && inputs[0] != inputs[1] {
        let found = format!("the {what} rows have {} inputs", inputs[1]);
        let expected = format!("{}, as the training rows", inputs[0]);
        return Err(DataError::Unsuitable { found, expected });
    }
    if train.image != other.image {
        let found = format!(
            "the training images have {} x {} pixels but the {what} images {} x {}",
            train.image.height, train.image.width, other.image.height, other.image.width
        );
        return refuse(found, "the same size");
    }
    if train.names != other.names {
        let place = train
            .names
            .iter()
            .zip(&other.names)
            .position(|(a, b)| a != b);
        let found = match place {
            Some(place) => format!(
                "input {} is `{}` in the training rows and `{}` in others",
                place + 1,
                train.names[place],
                other.names[place]
            ),
            None => format!(
                "the training rows have {} named inputs and others {}",
                train.names.len(),
                other.names.len()
            ),
        };
        return refuse(found, "the same columns in the same order");
    }
    if let (Some(labels), Some(own)) = (&train.labels, &other.labels) {
        other.labels = Some(own.within(&labels.classes)?);
    }
    Ok(other)
}

/// Refuses labels that are all the same.
fn check_classes(train: &Dataset) -> Result<(), DataError> {
    match &train.labels {
        Some(labels) if labels.classes.len() < 2 => Err(DataError::Unsuitable {
            found: format!("all training labels are {}", labels.classes.join(", ")),
            expected: "at least two classes".to_owned(),
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::small;

    #[test]
    fn sets_that_do_not_belong_together_are_refused() {
        let data = small().load(1, true).unwrap();
        let mut other = data.test.clone();
        other.image.width += 1;
        let message = alike(&data.train, "test", other).unwrap_err().to_string();
        assert!(message.ends_with("the test images 8 x 9; expected the same size"));
        let mut more = data.test.clone();
        more.labels.as_mut().unwrap().classes[0] = "6".to_owned();
        let message = alike(&data.train, "test", more).unwrap_err().to_string();
        assert!(message.starts_with("a label is `6`; expected one of the classes circle, "));
        let mut one = data.train.clone();
        one.labels.as_mut().unwrap().classes.truncate(1);
        assert!(check_classes(&one).is_err());
    }
}
