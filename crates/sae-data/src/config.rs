//! Which data a run uses: the `[data]` table of a configuration.

use std::path::Path;

use sae_kernels::Setting;
use sae_kernels::setting::at_least_one;
use serde::{Deserialize, Serialize};

use crate::files::given;
use crate::patches::PatchesConfig;
use crate::shapes::ShapesConfig;
use crate::{
    ArraysConfig, DataError, Dataset, FilesConfig, Format, IdxConfig, ImageShape, ImagesConfig,
    Options, Part, Purpose, Reader, Room, Scaling, ScalingConfig, Stream, TableConfig, stream,
};

/// Where samples come from and how they are scaled. Keys and defaults are listed in
/// `docs/config.md`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataConfig {
    /// Which of the tables below is used.
    pub source: Source,
    /// Share of the training samples that is set aside; 0 for none.
    pub validation: f64,
    /// Share of the training samples that is set aside to test on, where files have no others.
    pub test: f64,
    /// Mebibytes that the samples of a file may take in memory; more are read while they are trained on.
    pub memory_limit: usize,
    /// Number of parts of the training samples, of which one is tested on instead of all others; 0 for
    /// none. `sae crossval` sets it.
    pub folds: usize,
    /// Which part that is, from 1.
    pub fold: usize,
    /// The generator of shapes.
    pub shapes: ShapesConfig,
    /// IDX files.
    pub idx: IdxConfig,
    /// Patches of pictures.
    pub patches: PatchesConfig,
    /// Files of rows.
    pub files: FilesConfig,
    /// How tables are read.
    pub table: TableConfig,
    /// How pictures become rows.
    pub images: ImagesConfig,
    /// Which tensors of a file are meant.
    pub arrays: ArraysConfig,
    /// How samples are scaled.
    pub scaling: ScalingConfig,
}

/// Where samples come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The shapes generator.
    #[default]
    Shapes,
    /// IDX files.
    Idx,
    /// Patches of pictures.
    Patches,
    /// A folder of pictures.
    Images,
    /// Tables as text: CSV, TSV and the like.
    Csv,
    /// Arrays of NumPy.
    Npy,
    /// Archives with arrays of NumPy.
    Npz,
    /// Tables in Parquet.
    Parquet,
    /// Tensors.
    Safetensors,
}

impl Source {
    /// The format of the files that `[data.files]` names; nothing for other sources.
    pub fn format(self) -> Option<Format> {
        match self {
            Self::Shapes | Self::Idx | Self::Patches => None,
            Self::Images => Some(Format::Images),
            Self::Csv => Some(Format::Csv),
            Self::Npy => Some(Format::Npy),
            Self::Npz => Some(Format::Npz),
            Self::Parquet => Some(Format::Parquet),
            Self::Safetensors => Some(Format::Safetensors),
        }
    }
}

/// The samples of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct SplitData {
    /// Trained on.
    pub train: Dataset,
    /// Watched during training.
    pub validation: Option<Dataset>,
    /// Evaluated on.
    pub test: Dataset,
}

impl SplitData {
    /// Samples to train on and others to evaluate on, none set aside.
    pub fn new(train: Dataset, test: Dataset) -> Self {
        Self {
            train,
            validation: None,
            test,
        }
    }

    /// The same samples, scaled.
    pub fn scaled(self, scaling: &Scaling) -> Self {
        Self {
            train: self.train.scaled(scaling),
            validation: self.validation.map(|set| set.scaled(scaling)),
            test: self.test.scaled(scaling),
        }
    }
}

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            source: Source::default(),
            validation: 0.0,
            test: 0.2,
            memory_limit: 2048,
            folds: 0,
            fold: 1,
            shapes: ShapesConfig::default(),
            idx: IdxConfig::default(),
            patches: PatchesConfig::default(),
            files: FilesConfig::default(),
            table: TableConfig::default(),
            images: ImagesConfig::default(),
            arrays: ArraysConfig::default(),
            scaling: ScalingConfig::default(),
        }
    }
}

impl DataConfig {
    /// Takes relative paths as relative to `folder`, that of the configuration's file.
    pub fn relative_to(&mut self, folder: &Path) {
        self.idx.relative_to(folder);
        self.patches.relative_to(folder);
        self.files.relative_to(folder);
    }

    /// Checks every setting, also those of sources that are not used.
    ///
    /// # Errors
    ///
    /// Names the first one outside its range, below this table: `validation`, `shapes.radius`.
    pub fn check(&self) -> Result<(), Setting> {
        if !(0.0..1.0).contains(&self.validation) {
            let expected = "a share in [0, 1)";
            return Err(Setting::new("validation", self.validation, expected));
        }
        if !(self.test > 0.0 && self.test < 1.0) {
            return Err(Setting::new("test", self.test, "a share in (0, 1)"));
        }
        at_least_one("memory_limit", self.memory_limit)?;
        if self.folds == 1 {
            return Err(Setting::new("folds", 1, "0, or at least 2"));
        }
        if self.fold == 0 || self.fold > self.folds.max(1) {
            let expected = format!("1 to {}, the number of folds", self.folds.max(1));
            return Err(Setting::new("fold", self.fold, expected));
        }
        self.images.check().map_err(|s| s.within("images"))?;
        self.shapes.check().map_err(|s| s.within("shapes"))?;
        self.patches.check().map_err(|s| s.within("patches"))?;
        self.scaling.check().map_err(|s| s.within("scaling"))
    }

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
        check_classes(&train)?;
        let (train, validation) = match (self.source.format(), given(&self.files.validation)) {
            (Some(format), Some(path)) => {
                let own = given(&self.files.validation_labels);
                let validation = self.load_file(format, &path, own.as_deref(), loading)?;
                let validation = alike(&train, "validation", validation);
                (train, Some(validation.map_err(in_file(&path))?))
            }
            _ if self.validation == 0.0 => (train, None),
            _ => {
                let mut rng = stream(seed, Stream::Split);
                let (train, aside) = train.split("validation", self.validation, &mut rng)?;
                (train, Some(aside))
            }
        };
        Ok(SplitData {
            train,
            validation,
            test,
        })
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
            let expected = "labels for a classifier (data.table.label, data.images.labels, \
                            data.arrays.labels or data.files.train_labels), or classifier = false";
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

    /// The scaling, fitted on training samples; nothing where they stay as they are.
    ///
    /// # Errors
    ///
    /// Refuses settings that do not fit the samples.
    pub fn fit_scaling(&self, train: &Dataset) -> Result<Option<Scaling>, DataError> {
        let fitted = self.scaling.fit(&train.samples);
        fitted.map_err(in_table("scaling"))
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

/// Puts the name of its table before a setting's, where the error is about one.
fn in_table(table: &'static str) -> impl Fn(DataError) -> DataError {
    move |error| match error {
        DataError::Setting(setting) => setting.within(table).into(),
        other => other,
    }
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

    fn small() -> DataConfig {
        let mut config = DataConfig::default();
        config.shapes.size = 8;
        config.shapes.train = 20;
        config.shapes.test = 10;
        config.patches.train = 20;
        config.patches.test = 10;
        config.patches.drawn = 1;
        config.patches.drawn_size = 16;
        config
    }

    #[test]
    fn every_source_is_split_and_repeatable() {
        for source in [Source::Shapes, Source::Patches] {
            let mut config = DataConfig { source, ..small() };
            let whole = config.load(1, true).unwrap();
            assert_eq!((whole.train.rows(), whole.test.rows()), (20, 10));
            assert!(whole.validation.is_none());
            config.validation = 0.25;
            let split = config.load(1, true).unwrap();
            let aside = split.validation.clone().unwrap();
            assert_eq!((split.train.rows(), aside.rows()), (15, 5));
            assert_eq!(split.test, whole.test);
            assert_eq!(config.load_test(1, true).unwrap(), whole.test);
            assert_ne!(config.load(2, true).unwrap(), split);
        }
    }

    #[test]
    fn all_tables_are_checked_by_name() {
        type Change = fn(&mut DataConfig);
        let message = |change: Change| {
            let mut config = DataConfig {
                source: Source::Idx,
                ..DataConfig::default()
            };
            config.check().unwrap();
            change(&mut config);
            config.check().unwrap_err().to_string()
        };
        let cases: [(Change, &str); 5] = [
            (|c| c.validation = 1.0, "validation is 1; expected a share"),
            (|c| c.shapes.radius.high = 2.0, "shapes.radius is [0.42, 2]"),
            (|c| c.patches.size = 0, "patches.size is 0"),
            (|c| c.scaling.epsilon = -1.0, "scaling.epsilon is -1"),
            (|c| c.scaling.low = 1.0, "scaling.high is 1 with low = 1"),
        ];
        for (change, expected) in cases {
            let found = message(change);
            assert!(found.starts_with(expected), "{found}");
        }
    }

    #[test]
    fn settings_that_do_not_fit_the_samples_name_their_table() {
        let mut config = small();
        config.scaling.kind = crate::ScalingKind::Pca;
        config.scaling.components = 65;
        let data = config.load(1, true).unwrap();
        let message = config.fit_scaling(&data.train).unwrap_err().to_string();
        assert_eq!(
            message,
            "scaling.components is 65; expected 1 to 64, the number of inputs"
        );
        config.source = Source::Idx;
        config.idx.dir = "no/such".to_owned();
        let message = config.load(1, true).unwrap_err().to_string();
        assert!(
            message.starts_with("idx.dir is no/such, and there is no such folder; expected"),
            "{message}"
        );
    }

    #[test]
    fn an_empty_table_is_the_default() {
        let read = serde_json::from_str::<DataConfig>;
        assert_eq!(read("{}").unwrap(), DataConfig::default());
        let text = serde_json::to_string(&DataConfig::default()).unwrap();
        assert_eq!(read(&text).unwrap(), DataConfig::default());
        let scaling = "{\"scaling\": {\"kind\": \"min_max\", \"per\": \"all\"}}";
        assert_eq!(
            read(scaling).unwrap().scaling.kind,
            crate::ScalingKind::MinMax
        );
        for wrong in [
            "{\"shapes\": {\"radius\": [0.4, 0.5, 0.9]}}",
            "{\"scaling\": {\"kinds\": \"pca\"}}",
            "{\"source\": \"mnist\"}",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

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
