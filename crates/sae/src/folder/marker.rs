//! The marker by which a run folder is known, and which says what belongs to the run.

use std::collections::BTreeSet;
use std::io::{Error, ErrorKind};
use std::path::{Component, Path};

use serde::{Deserialize, Serialize};

use super::write::write_as;
use crate::FolderError;
use sae_data::message::escaped;

/// The folder of a run's checkpoints.
pub(crate) const CHECKPOINTS: &str = "checkpoints";
pub(super) const MARKER: &str = ".sae-run.json";
const FORMAT: u32 = 1;

/// `.sae-run.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Marker {
    format: u32,
    version: String,
    pub(super) state: State,
    /// What the run wrote, by paths relative to its folder.
    pub(super) files: BTreeSet<String>,
}

/// How far a run has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// It is being written, or was left unfinished.
    Running,
    /// It is whole.
    Complete,
}

impl Marker {
    /// Of a run that has written nothing yet.
    pub(super) fn new() -> Self {
        Self {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            state: State::Running,
            files: BTreeSet::new(),
        }
    }

    /// The marker in `folder`, which messages call `shown`; nothing where there is none.
    pub(super) fn read(folder: &Path, shown: &Path) -> Result<Option<Self>, FolderError> {
        let damaged = |problem: String| FolderError::Marker {
            path: shown.join(MARKER),
            problem,
        };
        let bytes = match std::fs::read(folder.join(MARKER)) {
            Ok(bytes) => bytes,
            Err(error) if is_absence(&error) => return Ok(None),
            Err(source) => {
                let path = shown.join(MARKER);
                return Err(FolderError::Read { path, source });
            }
        };
        let marker: Self = serde_json::from_slice(&bytes).map_err(|error| {
            damaged(format!(
                "is no marker of a run: {}",
                escaped(&error.to_string())
            ))
        })?;
        if marker.format != FORMAT {
            return Err(damaged(format!(
                "has format {}; this version knows format {FORMAT}",
                marker.format
            )));
        }
        Ok(Some(marker))
    }

    pub(super) fn write(&self, folder: &Path, shown: &Path) -> Result<(), FolderError> {
        write_as(&folder.join(MARKER), &self.to_bytes(), &shown.join(MARKER))
    }

    /// The files that lie in `folder` itself: a marker may have been changed to name others.
    pub(super) fn files_in<'a>(&'a self, folder: &'a Path) -> impl Iterator<Item = &'a str> {
        let inside = |name: &&str| lies_inside(folder, name) && !folder.join(name).is_dir();
        self.files.iter().map(String::as_str).filter(inside)
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).expect("a marker is plain text and numbers")
    }
}

/// Whether `name` leads to a file in `folder`, without links or steps out of it.
pub(super) fn lies_inside(folder: &Path, name: &str) -> bool {
    let name = Path::new(name);
    let plain = name
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    let mut folders = name
        .ancestors()
        .skip(1)
        .filter(|p| !p.as_os_str().is_empty());
    plain && folders.all(|part| !folder.join(part).is_symlink())
}

/// Whether nothing is there, as opposed to something that cannot be read.
pub(super) fn is_absence(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
}
