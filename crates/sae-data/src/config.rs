//! Which data a run uses: the `[data]` table of a configuration.

use std::path::Path;

use sae_kernels::Setting;
use serde::{Deserialize, Serialize};

use crate::patches::PatchesConfig;
use crate::shapes::ShapesConfig;
use crate::{DataError, Dataset, IdxConfig, Part, Scaling, ScalingConfig, Stream, stream};

/// Where samples come from and how they are scaled. Keys and defaults are listed in
/// `docs/config.md`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataConfig {
    /// Which of the tables below is used.
    pub source: Source,
    /// Share of the training samples that is set aside; 0 for none.
    pub validation: f64,
    /// The generator of shapes.
    pub shapes: ShapesConfig,
    /// IDX files.
    pub idx: IdxConfig,
    /// Patches of pictures.
    pub patches: PatchesConfig,
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
    pub fn scaled(mut self, scaling: &Scaling) -> Self {
        let sets = [Some(&mut self.train), self.validation.as_mut()];
        for set in sets.into_iter().flatten().chain([&mut self.test]) {
            set.samples = scaling.apply(&set.samples);
        }
        self
    }
}

impl DataConfig {
    /// Takes relative paths as relative to `folder`, that of the configuration's file.
    pub fn relative_to(&mut self, folder: &Path) {
        self.idx.relative_to(folder);
        self.patches.relative_to(folder);
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
        self.shapes.check().map_err(below("shapes"))?;
        self.patches.check().map_err(below("patches"))?;
        self.scaling.check().map_err(below("scaling"))
    }

    /// Loads or draws everything that training needs, as it is before scaling. Labels of files are
    /// only read where `labels` asks for them.
    ///
    /// # Errors
    ///
    /// As [`DataConfig::check`]; refuses files that are missing, damaged or do not fit together.
    pub fn load(&self, seed: u64, labels: bool) -> Result<SplitData, DataError> {
        self.check()?;
        let train = self.load_part(Part::Train, seed, labels)?;
        let test = self.load_test(seed, labels)?;
        check_alike(&train, &test)?;
        if self.validation == 0.0 {
            return Ok(SplitData {
                train,
                validation: None,
                test,
            });
        }
        let (train, validation) = train.split(self.validation, &mut stream(seed, Stream::Split))?;
        Ok(SplitData {
            train,
            validation: Some(validation),
            test,
        })
    }

    /// Loads or draws the test samples only.
    ///
    /// # Errors
    ///
    /// As [`DataConfig::load`].
    pub fn load_test(&self, seed: u64, labels: bool) -> Result<Dataset, DataError> {
        self.load_part(Part::Test, seed, labels)
    }

    fn load_part(&self, part: Part, seed: u64, labels: bool) -> Result<Dataset, DataError> {
        let (table, loaded) = match self.source {
            Source::Shapes => ("shapes", self.shapes.draw(part, seed)),
            Source::Idx => ("idx", self.idx.read(part, labels)),
            Source::Patches => ("patches", self.patches.cut(part, seed)),
        };
        loaded.map_err(in_table(table))
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

/// Puts the name of its table before a setting's.
fn below(table: &'static str) -> impl Fn(Setting) -> Setting {
    move |mut setting| {
        setting.name = format!("{table}.{}", setting.name).into();
        setting
    }
}

/// As [`below`], where the error is about a setting.
fn in_table(table: &'static str) -> impl Fn(DataError) -> DataError {
    move |error| match error {
        DataError::Setting(setting) => below(table)(setting).into(),
        other => other,
    }
}

fn check_alike(train: &Dataset, test: &Dataset) -> Result<(), DataError> {
    let refuse = |found: String, expected: &str| {
        let expected = expected.to_owned();
        Err(DataError::Unsuitable { found, expected })
    };
    if train.image != test.image {
        let found = format!(
            "the training images have {} x {} pixels but the test images {} x {}",
            train.image.height, train.image.width, test.image.height, test.image.width
        );
        return refuse(found, "the same size");
    }
    let (Some(train), Some(test)) = (&train.labels, &test.labels) else {
        return Ok(());
    };
    if test.classes.len() > train.classes.len() {
        let found = format!(
            "the test labels go up to {} but the training labels only to {}",
            test.classes.len() - 1,
            train.classes.len() - 1
        );
        return refuse(found, "the same classes");
    }
    if train.classes.len() < 2 {
        let found = "all training labels are 0".to_owned();
        return refuse(found, "at least two classes");
    }
    Ok(())
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
        let message = check_alike(&data.train, &other).unwrap_err().to_string();
        assert!(message.ends_with("the test images 8 x 9; expected the same size"));
        let mut more = data.test.clone();
        more.labels.as_mut().unwrap().classes.push("6".to_owned());
        let message = check_alike(&data.train, &more).unwrap_err().to_string();
        assert!(message.contains("go up to 5 but the training labels only to 4"));
        let mut one = data.train.clone();
        one.labels.as_mut().unwrap().classes.truncate(1);
        assert!(check_alike(&one, &one).is_err());
    }
}
