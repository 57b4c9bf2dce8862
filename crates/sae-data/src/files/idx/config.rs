//! Which IDX files are read.

use std::path::{Path, PathBuf};

use sae_kernels::Setting;
use serde::{Deserialize, Serialize};

use crate::files::entry::may_be_file;
use crate::{DataError, Part};

/// The four files of a data set. Each may also lie there with `.gz` at the end of its name. Keys
/// and defaults are listed in `docs/config.md`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IdxConfig {
    /// The folder; `${NAME}` stands for an environment variable, `${NAME:-FOLDER}` for another folder
    /// where there is no such variable.
    pub dir: String,
    /// Images to train on.
    pub train_images: String,
    /// Their labels.
    pub train_labels: String,
    /// Images to evaluate on.
    pub test_images: String,
    /// Their labels.
    pub test_labels: String,
}

impl Default for IdxConfig {
    fn default() -> Self {
        Self {
            dir: ".".to_owned(),
            train_images: "train-images-idx3-ubyte".to_owned(),
            train_labels: "train-labels-idx1-ubyte".to_owned(),
            test_images: "t10k-images-idx3-ubyte".to_owned(),
            test_labels: "t10k-labels-idx1-ubyte".to_owned(),
        }
    }
}

impl IdxConfig {
    /// Takes a relative folder as one in `folder`. What begins with an environment variable stays, since
    /// the variable says where that is; the folder that stands in for it is one in `folder`, too.
    pub fn relative_to(&mut self, folder: &Path) {
        let joined = |path: &str| folder.join(path).to_string_lossy().into_owned();
        self.dir = match self.dir.strip_prefix("${") {
            None => joined(&self.dir),
            Some(rest) => match rest.split_once('}') {
                Some((variable, after)) if let Some((name, other)) = variable.split_once(":-") => {
                    format!("${{{name}:-{}}}{after}", joined(other))
                }
                _ => return,
            },
        };
    }

    /// The files of images and of labels of a part, the latter if `labels` asks for them.
    ///
    /// # Errors
    ///
    /// As [`IdxConfig::folder`]; refuses files that are not there.
    pub(crate) fn files(
        &self,
        part: Part,
        labels: bool,
    ) -> Result<(PathBuf, Option<PathBuf>), DataError> {
        let (images, names) = match part {
            Part::Train => (&self.train_images, &self.train_labels),
            Part::Test => (&self.test_images, &self.test_labels),
        };
        let folder = self.folder()?;
        let images = find(&folder, images)?;
        let labels = labels.then(|| find(&folder, names)).transpose()?;
        Ok((images, labels))
    }

    /// The folder, with its environment variables filled in.
    ///
    /// # Errors
    ///
    /// Refuses a variable that is not set, and a folder that is not there.
    pub fn folder(&self) -> Result<PathBuf, DataError> {
        let folder = PathBuf::from(fill_in(&self.dir, |name| {
            // Empty is as good as not set.
            std::env::var(name).ok().filter(|value| !value.is_empty())
        })?);
        if folder.is_dir() {
            return Ok(folder);
        }
        let found = format!("{}, and there is no such folder", folder.display());
        let expected = format!(
            "the folder of the IDX files {}, {}, {} and {} (or the same with .gz); `sae data fetch \
             mnist` puts those of MNIST into data/mnist",
            self.train_images, self.train_labels, self.test_images, self.test_labels
        );
        Err(Setting::new("dir", found, expected).into())
    }
}

/// `dir` with the values of the variables that it names as `${NAME}` or, as shells do,
/// `${NAME:-OTHER}` with what stands in for a variable that is not set.
fn fill_in(dir: &str, value: impl Fn(&str) -> Option<String>) -> Result<String, Setting> {
    let mut filled = String::new();
    let mut rest = dir;
    while let Some((before, after)) = rest.split_once("${") {
        let (variable, after) = after
            .split_once('}')
            .ok_or_else(|| Setting::new("dir", format!("{dir:?}"), "a `}` after each `${`"))?;
        let (name, other) = match variable.split_once(":-") {
            Some((name, other)) => (name, Some(other.to_owned())),
            None => (variable, None),
        };
        let value = value(name).or(other).ok_or_else(|| {
            let found = format!("{dir:?} but the environment variable {name} is not set");
            let expected = format!(
                "the folder of the IDX files: set it with {name}=FOLDER before the command, or \
                 give --set data.idx.dir=FOLDER"
            );
            Setting::new("dir", found, expected)
        })?;
        filled.push_str(before);
        filled.push_str(&value);
        rest = after;
    }
    Ok(filled + rest)
}

/// A file of the folder, plain or compressed.
fn find(folder: &Path, name: &str) -> Result<PathBuf, DataError> {
    let plain = folder.join(name);
    let compressed = folder.join(format!("{name}.gz"));
    let found = [plain, compressed].into_iter().find(|path| path.is_file());
    found.ok_or_else(|| {
        let found = format!("there is no file {name} or {name}.gz");
        DataError::format(folder, found, "an IDX file of that name")
    })
}

/// The one pair of images and labels in a folder: the files whose names contain `idx` and `images` or
/// `labels`, those of the test set where there are two of each.
///
/// # Errors
///
/// Refuses a folder in which the pair is missing or not unique.
pub(crate) fn pair_in(folder: &Path) -> Result<(PathBuf, PathBuf), DataError> {
    let unreadable = |source| DataError::unreadable(folder, source);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        if may_be_file(&entry.path()) {
            names.push(entry.file_name());
        }
    }
    let names: Vec<_> = names.iter().map(|name| name.to_string_lossy()).collect();
    let find = |kind: &str| {
        let mut found: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
        found.retain(|name| name.contains(kind) && name.contains("idx"));
        if found.len() > 1 {
            found.retain(|name| name.starts_with("test") || name.starts_with("t10k"));
        }
        match found[..] {
            [name] => Ok(folder.join(name)),
            _ => {
                let found = format!("holds {} IDX files of test {kind}", found.len());
                let expected = format!("one (a name with `{kind}` and `idx`)");
                Err(DataError::format(folder, found, expected))
            }
        }
    };
    Ok((find("images")?, find("labels")?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dataset, ImageShape, encode_images, encode_labels};

    fn write(folder: &Path, prefix: &str, labels: &[u8]) {
        let image = ImageShape::grey(1, 1);
        let path = |kind: &str| folder.join(format!("{prefix}-{kind}-ubyte"));
        std::fs::write(path("images-idx3"), encode_images(image, labels)).unwrap();
        std::fs::write(path("labels-idx1"), encode_labels(labels)).unwrap();
    }

    #[test]
    fn files_are_found_by_their_names() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = IdxConfig::default();
        config.relative_to(folder.path());
        write(folder.path(), "train", &[0, 1, 2]);
        let (images, labels) = config.files(Part::Train, true).unwrap();
        let train = Dataset::read_idx(&images, &labels.unwrap()).unwrap();
        assert_eq!(train.labels.unwrap().values, [0, 1, 2]);
        assert!(config.files(Part::Train, false).unwrap().1.is_none());
        let message = config.files(Part::Test, true).unwrap_err().to_string();
        assert!(
            message
                .contains("there is no file t10k-images-idx3-ubyte or t10k-images-idx3-ubyte.gz"),
            "{message}"
        );
    }

    #[test]
    fn a_folder_has_one_pair_to_test_on() {
        let folder = tempfile::tempdir().unwrap();
        let read = || {
            let (images, labels) = pair_in(folder.path())?;
            Dataset::read_idx(&images, &labels)
        };
        let message = read().unwrap_err().to_string();
        assert!(
            message.ends_with(
                "holds 0 IDX files of test images; expected one (a name with `images` and `idx`)"
            ),
            "{message}"
        );
        write(folder.path(), "train", &[0, 1, 2]);
        assert_eq!(read().unwrap().rows(), 3);
        write(folder.path(), "t10k", &[0, 1]);
        assert_eq!(read().unwrap().rows(), 2);
        write(folder.path(), "test", &[0, 1]);
        assert!(read().is_err());
    }

    #[test]
    fn variables_are_filled_in() {
        let fill = |dir| fill_in(dir, |name| (name == "A").then(|| "/data".to_owned()));
        assert_eq!(fill("${A}/mnist").unwrap(), "/data/mnist");
        assert_eq!(fill("x/${A}/${A}").unwrap(), "x//data//data");
        assert_eq!(fill("plain").unwrap(), "plain");
        assert_eq!(fill("${A:-x}/y").unwrap(), "/data/y");
        assert_eq!(fill("${B:-../x}/y").unwrap(), "../x/y");
        let unset = fill("${B}").unwrap_err().to_string();
        assert!(
            unset.starts_with("dir is \"${B}\" but the environment variable B is not set"),
            "{unset}"
        );
        assert!(fill("${A").is_err());
    }

    #[test]
    fn relative_folders_are_those_of_the_file() {
        let relative = |dir: &str| {
            let mut config = IdxConfig {
                dir: dir.to_owned(),
                ..IdxConfig::default()
            };
            config.relative_to(Path::new("/a"));
            config.dir
        };
        assert_eq!(relative("b/c"), "/a/b/c");
        assert_eq!(relative("/b"), "/b");
        assert_eq!(relative("${MNIST}"), "${MNIST}");
        assert_eq!(relative("${MNIST:-../b}/c"), "${MNIST:-/a/../b}/c");
        assert_eq!(relative("${MNIST:-/b}"), "${MNIST:-/b}");
        assert_eq!(relative("${MNIST"), "${MNIST");
        assert_eq!(relative("."), "/a/.");
    }
}
