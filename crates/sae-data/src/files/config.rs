//! Which files a run reads: the table `[data.files]`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Files, or folders, of rows. Keys and defaults are listed in `docs/config.md`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FilesConfig {
    /// Trained on.
    pub train: String,
    /// Their labels, where these are in a file of their own.
    pub train_labels: String,
    /// Watched during training; nothing to set a share of the training rows aside.
    pub validation: String,
    /// Their labels.
    pub validation_labels: String,
    /// Evaluated on; nothing to set a share of the training rows aside.
    pub test: String,
    /// Their labels.
    pub test_labels: String,
}

impl FilesConfig {
    /// All paths, in the order of their keys; those that are not given are empty.
    pub fn paths_mut(&mut self) -> [&mut String; 6] {
        [
            &mut self.train,
            &mut self.train_labels,
            &mut self.validation,
            &mut self.validation_labels,
            &mut self.test,
            &mut self.test_labels,
        ]
    }

    /// Takes relative paths as relative to `folder`.
    pub(crate) fn relative_to(&mut self, folder: &Path) {
        for path in self.paths_mut() {
            if !path.is_empty() {
                *path = folder.join(&*path).to_string_lossy().into_owned();
            }
        }
    }
}

/// A path, unless it is empty.
pub(crate) fn given(path: &str) -> Option<PathBuf> {
    (!path.is_empty()).then(|| PathBuf::from(path))
}
