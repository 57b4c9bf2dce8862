//! The marker by which a run folder is known, and which says what belongs to the run.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Error, ErrorKind};
use std::path::{Component, Path};

use serde::{Deserialize, Serialize};

use super::seals::{Seal, read_bounded};
use super::write::{sweep, write_durably_as, write_synchronised_as};
use crate::FolderError;
use sae_data::message::escaped;

/// The folder of a run's checkpoints.
pub(crate) const CHECKPOINTS: &str = "checkpoints";
pub(super) const MARKER: &str = ".sae-run.json";
/// The version of the format that is written, and the newest that is read.
const FORMAT: u32 = 2;
/// No marker is larger.
const MOST_BYTES: u64 = 16 << 20;

/// `.sae-run.json`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(from = "Written")]
pub(super) struct Marker {
    format: u32,
    version: String,
    pub(super) state: State,
    /// What the run wrote, by paths relative to its folder, and what each file was when the run was whole;
    /// nothing while it is being written.
    pub(super) files: BTreeMap<String, Option<Seal>>,
}

/// A marker of any format.
#[derive(Deserialize)]
struct Written {
    format: u32,
    version: String,
    state: State,
    files: Files,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Files {
    /// Of format 1.
    Named(BTreeSet<String>),
    Sealed(BTreeMap<String, Option<Seal>>),
}

impl From<Written> for Marker {
    fn from(written: Written) -> Self {
        Self {
            format: written.format,
            version: written.version,
            state: written.state,
            files: match written.files {
                Files::Named(names) => names.into_iter().map(|name| (name, None)).collect(),
                Files::Sealed(files) => files,
            },
        }
    }
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
            files: BTreeMap::new(),
        }
    }

    /// The marker in `folder`, which messages call `shown`; nothing where there is none.
    pub(super) fn read(folder: &Path, shown: &Path) -> Result<Option<Self>, FolderError> {
        let damaged = |problem: String| FolderError::Marker {
            path: shown.join(MARKER),
            problem,
        };
        let bytes = match read_bounded(&folder.join(MARKER), MOST_BYTES) {
            Ok(bytes) => bytes,
            Err(error) if is_absence(&error) => return Ok(None),
            Err(source) => {
                let path = shown.join(MARKER);
                return Err(FolderError::Read { path, source });
            }
        };
        let mut marker: Self = serde_json::from_slice(&bytes).map_err(|error| {
            damaged(format!(
                "is no marker of a run: {}",
                escaped(&error.to_string())
            ))
        })?;
        if !(1..=FORMAT).contains(&marker.format) {
            return Err(damaged(format!(
                "has format {}; this version knows formats 1 to {FORMAT}",
                marker.format
            )));
        }
        marker.format = FORMAT;
        Ok(Some(marker))
    }

    /// Without a whole marker nothing of a run is found again: a loss of power leaves the older one or this one.
    pub(super) fn write(&self, folder: &Path, shown: &Path) -> Result<(), FolderError> {
        write_synchronised_as(&folder.join(MARKER), &self.to_bytes(), &shown.join(MARKER))
    }

    /// The files that lie in `folder` itself: a marker may have been changed to name others.
    pub(super) fn files_in<'a>(&'a self, folder: &'a Path) -> impl Iterator<Item = &'a str> {
        let inside = |name: &&str| lies_inside(folder, name) && !folder.join(name).is_dir();
        self.files.keys().map(String::as_str).filter(inside)
    }

    /// As [`Marker::write`]; when this returns, it outlasts a loss of power.
    pub(super) fn write_durably(&self, folder: &Path, shown: &Path) -> Result<(), FolderError> {
        write_durably_as(&folder.join(MARKER), &self.to_bytes(), &shown.join(MARKER))
    }

    /// Forgets files of `folder` that are not there.
    pub(super) fn forget_absent(&mut self, folder: &Path) {
        let is_absent = |name: &str| match folder.join(name).symlink_metadata() {
            Err(error) => is_absence(&error),
            Ok(_) => false,
        };
        self.files.retain(|name, _| !is_absent(name));
    }

    /// Notes of every file in `folder` what it is now, and puts it on the disk.
    pub(super) fn seal(&mut self, folder: &Path, shown: &Path) -> Result<(), FolderError> {
        for (name, seal) in &mut self.files {
            let found = Seal::synchronised(&folder.join(name));
            *seal = Some(found.map_err(|source| FolderError::Read {
                path: shown.join(name),
                source,
            })?);
        }
        Ok(())
    }

    /// Removes what a process that was killed had not written whole, where the run's files lie in `folder`.
    pub(super) fn sweep(&self, folder: &Path) {
        let parents = self.files_in(folder).map(|name| folder.join(name));
        let parents = parents.filter_map(|path| Some(path.parent()?.to_owned()));
        let parents: BTreeSet<_> = parents.chain([folder.to_owned()]).collect();
        parents.iter().for_each(|folder| sweep(folder));
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
