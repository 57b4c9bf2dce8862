//! Which data a run uses: the `[data]` table of a configuration.

use std::path::Path;

use sae_kernels::Setting;
use sae_kernels::setting::at_least_one;
use serde::{Deserialize, Serialize};

use crate::patches::PatchesConfig;
use crate::shapes::ShapesConfig;
use crate::{
    ArraysConfig, DataError, Dataset, FilesConfig, Format, IdxConfig, ImagesConfig, Scaling,
    ScalingConfig, TableConfig,
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
        self.table.check().map_err(|s| s.within("table"))?;
        self.images.check().map_err(|s| s.within("images"))?;
        self.shapes.check().map_err(|s| s.within("shapes"))?;
        self.patches.check().map_err(|s| s.within("patches"))?;
        self.scaling.check().map_err(|s| s.within("scaling"))
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

/// Puts the name of its table before a setting's, where the error is about one.
pub(crate) fn in_table(table: &'static str) -> impl Fn(DataError) -> DataError {
    move |error| match error {
        DataError::Setting(setting) => setting.within(table).into(),
        other => other,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn small() -> DataConfig {
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
}
