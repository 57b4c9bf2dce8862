//! The data sets that a configuration names.

use std::path::{Path, PathBuf};

use sae_data::patches::PatchSet;
use sae_data::{Dataset, Scaling, ScalingConfig, Stream, stream};

use crate::config::{Config, IdxConfig, SourceKind};
use crate::error::CliError;

/// The samples of a run.
pub struct RunData {
    /// Trained on.
    pub train: Dataset,
    /// Watched during training.
    pub validation: Option<Dataset>,
    /// Evaluated on.
    pub test: Dataset,
}

impl RunData {
    /// The same samples, scaled.
    pub fn scaled(mut self, scaling: &Scaling) -> Self {
        let sets = [Some(&mut self.train), self.validation.as_mut()];
        for set in sets.into_iter().flatten().chain([&mut self.test]) {
            set.samples = scaling.apply(&set.samples);
        }
        self
    }
}

/// Loads or draws everything that training needs, as it is before scaling.
///
/// # Errors
///
/// Refuses files that are missing, damaged or do not fit together.
pub fn load(config: &Config) -> Result<RunData, CliError> {
    let train = load_part(config, Part::Train)?;
    let test = load_test(config)?;
    check_alike(&train, &test)?;
    if config.data.validation == 0.0 {
        return Ok(RunData {
            train,
            validation: None,
            test,
        });
    }
    let mut rng = stream(config.seed, Stream::Split);
    let (train, validation) = train.split(config.data.validation, &mut rng)?;
    Ok(RunData {
        train,
        validation: Some(validation),
        test,
    })
}

/// The scaling of a configuration, fitted on the training samples; nothing where they stay as they
/// are.
///
/// # Errors
///
/// Refuses settings that do not fit the samples.
pub fn fit_scaling(config: &Config, train: &Dataset) -> Result<Option<Scaling>, CliError> {
    let fitted = ScalingConfig::from(&config.data.scaling).fit(&train.samples);
    fitted.map_err(|error| CliError::Input(format!("data.scaling.{error}")))
}

/// Loads or draws the test samples only.
///
/// # Errors
///
/// As [`load`].
pub fn load_test(config: &Config) -> Result<Dataset, CliError> {
    load_part(config, Part::Test)
}

#[derive(Clone, Copy)]
enum Part {
    Train,
    Test,
}

fn load_part(config: &Config, part: Part) -> Result<Dataset, CliError> {
    match config.data.source {
        SourceKind::Shapes => {
            let shapes = &config.data.shapes;
            let (count, purpose) = match part {
                Part::Train => (shapes.train, Stream::ShapesTrain),
                Part::Test => (shapes.test, Stream::ShapesTest),
            };
            Ok(shapes.generate(count, &stream(config.seed, purpose))?.0)
        }
        SourceKind::Patches => {
            let set = match part {
                Part::Train => PatchSet::Train,
                Part::Test => PatchSet::Test,
            };
            Ok(config.data.patches.cut(set, config.seed)?)
        }
        SourceKind::Idx => {
            let idx = &config.data.idx;
            let (images, labels) = match part {
                Part::Train => (&idx.train_images, &idx.train_labels),
                Part::Test => (&idx.test_images, &idx.test_labels),
            };
            let folder = folder(idx)?;
            let images = find(&folder, images)?;
            match config.classifier {
                true => Ok(Dataset::read_idx(&images, &find(&folder, labels)?)?),
                false => Ok(Dataset::read_idx_images(&images)?),
            }
        }
    }
}

/// Reads the one pair of images and labels in a folder: the files whose names contain `images` and
/// `labels`, those of the test set where there are two of each.
///
/// # Errors
///
/// Refuses a folder in which the pair is missing or not unique.
pub fn load_folder(folder: &Path) -> Result<Dataset, CliError> {
    let unreadable = |error| {
        let folder = folder.display();
        CliError::Input(format!("{folder}: cannot be read as a folder: {error}"))
    };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let name = entry.map_err(unreadable)?.file_name();
        names.push(name.to_string_lossy().into_owned());
    }
    let find = |kind: &str| {
        let holds = |n: &&String| n.contains(kind) && n.contains("idx");
        let mut found: Vec<&String> = names.iter().filter(holds).collect();
        if found.len() > 1 {
            found.retain(|n| n.starts_with("test") || n.starts_with("t10k"));
        }
        match found[..] {
            [name] => Ok(folder.join(name)),
            _ => Err(CliError::Input(format!(
                "{}: expected one IDX file of test {kind} (a name with `{kind}` and `idx`), \
                 found {} of them",
                folder.display(),
                found.len()
            ))),
        }
    };
    Ok(Dataset::read_idx(&find("images")?, &find("labels")?)?)
}

/// `data.idx.dir` with its environment variables filled in.
///
/// # Errors
///
/// Refuses a variable that is not set, and a folder that is not there.
pub fn folder(idx: &IdxConfig) -> Result<PathBuf, CliError> {
    let mut path = String::new();
    let mut rest = idx.dir.as_str();
    while let Some((before, after)) = rest.split_once("${") {
        let (name, after) = after.split_once('}').ok_or_else(|| {
            CliError::Input(format!("data.idx.dir is {:?}; `${{` has no `}}`", idx.dir))
        })?;
        let value = std::env::var(name).map_err(|_| {
            CliError::Input(format!(
                "data.idx.dir is {:?} but the environment variable {name} is not set; expected \
                 the folder of the IDX files: set it with {name}=FOLDER before the command, or \
                 give --set data.idx.dir=FOLDER",
                idx.dir
            ))
        })?;
        path.push_str(before);
        path.push_str(&value);
        rest = after;
    }
    path.push_str(rest);
    let path = PathBuf::from(path);
    if !path.is_dir() {
        return Err(CliError::Input(format!(
            "data.idx.dir: there is no folder {}; expected the folder of the IDX files {}, {}, \
             {} and {} (or the same with .gz)",
            path.display(),
            idx.train_images,
            idx.train_labels,
            idx.test_images,
            idx.test_labels
        )));
    }
    Ok(path)
}

/// A file of the folder, plain or compressed.
fn find(folder: &Path, name: &str) -> Result<PathBuf, CliError> {
    let plain = folder.join(name);
    let compressed = folder.join(format!("{name}.gz"));
    [plain, compressed]
        .into_iter()
        .find(|path| path.is_file())
        .ok_or_else(|| {
            CliError::Input(format!(
                "{}: there is no file {name} or {name}.gz",
                folder.display()
            ))
        })
}

fn check_alike(train: &Dataset, test: &Dataset) -> Result<(), CliError> {
    if train.image != test.image {
        return Err(CliError::Input(format!(
            "the training images have {} x {} pixels but the test images {} x {}; expected the \
             same size",
            train.image.height, train.image.width, test.image.height, test.image.width
        )));
    }
    let (Some(train), Some(test)) = (&train.labels, &test.labels) else {
        return Ok(());
    };
    if test.classes.len() > train.classes.len() {
        return Err(CliError::Input(format!(
            "the test labels go up to {} but the training labels only to {}; expected the same \
             classes",
            test.classes.len() - 1,
            train.classes.len() - 1
        )));
    }
    if train.classes.len() < 2 {
        return Err(CliError::Input(
            "all training labels are 0; expected at least two classes".to_owned(),
        ));
    }
    Ok(())
}
