//! A new run that takes the place of an old one once it is whole.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::marker::{CHECKPOINTS, MARKER, Marker, State, is_absence, lies_inside};
use super::write::{unwritable, write_as};
use crate::FolderError;

/// How the names of the folders begin in which runs are written that will replace the one at `target`.
pub(super) fn beside(target: &Path) -> String {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    format!(".{name}.new-")
}

/// The newest of the folders in which a run is, or was, written that is to replace the one at `path`.
pub(super) fn newest_replacement(path: &Path) -> Option<PathBuf> {
    let written = |path: &PathBuf| {
        fs::metadata(path.join(MARKER))
            .and_then(|m| m.modified())
            .ok()
    };
    let target = path.canonicalize().ok()?;
    replacements(&target).into_iter().max_by_key(written)
}

/// All of these folders.
fn replacements(target: &Path) -> Vec<PathBuf> {
    let start = beside(target);
    let entries = target.parent().map(fs::read_dir).into_iter().flatten();
    let paths = entries
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()));
    let new = paths.filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(&start) && matches!(Marker::read(path, path), Ok(Some(_)))
    });
    new.collect()
}

/// A run that is written beside the one whose place it will take; removed unless it does, or can be gone on
/// with.
#[derive(Debug)]
pub(super) struct Replacement {
    /// Where it is written.
    pub(super) home: PathBuf,
    /// Where the old one is.
    pub(super) target: PathBuf,
    /// The old one's marker.
    pub(super) old: Marker,
}

impl Drop for Replacement {
    fn drop(&mut self) {
        if !self.has_checkpoints() {
            // Nothing more can be done for a folder that cannot be removed.
            let _ = fs::remove_dir_all(&self.home);
        }
    }
}

impl Replacement {
    /// Whether the new run has saved its state, and is not whole yet.
    fn has_checkpoints(&self) -> bool {
        let marker = Marker::read(&self.home, &self.home);
        let is_checkpoint = |name: &String| Path::new(name).starts_with(CHECKPOINTS);
        matches!(marker, Ok(Some(new)) if new.state == State::Running && new.files.keys().any(is_checkpoint))
    }

    /// Refuses a file of the new run that would replace one that the old run did not write;
    /// `shown` is the folder for messages.
    pub(super) fn check(&self, name: &str, shown: &Path) -> Result<(), FolderError> {
        let there = self.target.join(name);
        let parents = there.parent().is_none_or(|p| p.is_dir() || !p.exists());
        let free = !there.exists() && !there.is_symlink();
        let ours = self.old.files.contains_key(name) && !there.is_dir();
        if lies_inside(&self.target, name) && parents && (free || ours) {
            return Ok(());
        }
        Err(FolderError::NotOurs(shown.join(name)))
    }

    /// Puts the new run, of which `new` is the marker, in the place of the old one.
    pub(super) fn finish(self, new: &Marker, shown: &Path) -> Result<(), FolderError> {
        if let Err(reason) = self.swap(new, shown) {
            // A whole run is never lost.
            let this = std::mem::ManuallyDrop::new(self);
            return Err(FolderError::NotReplaced {
                reason: Box::new(reason),
                kept: this.home.clone(),
            });
        }
        self.remove_others();
        Ok(())
    }

    /// Removes runs that were to replace the old one and were cut off: nobody can go on with them now.
    fn remove_others(&self) {
        for other in replacements(&self.target) {
            // One that is left takes room and nothing else.
            let _ = fs::remove_dir_all(other);
        }
    }

    fn swap(&self, new: &Marker, shown: &Path) -> Result<(), FolderError> {
        new.write_durably(&self.home, shown)?;
        for name in new.files.keys() {
            self.check(name, shown)?;
        }
        // If the process ends half-way, the folder is still known as a run, with all its files.
        let mut both = self.old.clone();
        both.state = State::Running;
        both.files
            .extend(new.files.keys().map(|name| (name.clone(), None)));
        both.write(&self.target, shown)?;
        self.remove_old(new, shown)?;
        for name in new.files.keys() {
            self.move_in(name, shown)?;
        }
        new.write_durably(&self.target, shown)
    }

    /// Removes what only the old run wrote, and folders that are empty then.
    fn remove_old(&self, new: &Marker, shown: &Path) -> Result<(), FolderError> {
        let old = self.old.files_in(&self.target);
        for name in old.filter(|name| !new.files.contains_key(*name)) {
            let path = self.target.join(name);
            match fs::remove_file(&path) {
                Err(error) if !is_absence(&error) => {
                    return Err(unwritable(&shown.join(name), error));
                }
                _ => {}
            }
            if let Some(folder) = path.parent().filter(|folder| *folder != self.target) {
                // Fails where something is left in it.
                let _ = fs::remove_dir(folder);
            }
        }
        Ok(())
    }

    fn move_in(&self, name: &str, shown: &Path) -> Result<(), FolderError> {
        let (from, to) = (self.home.join(name), self.target.join(name));
        let failed = |error| unwritable(&shown.join(name), error);
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder).map_err(failed)?;
        }
        if !from.exists() && to.exists() {
            // A process moved it and ended before it had moved all.
            return Ok(());
        }
        match fs::rename(&from, &to) {
            // A folder may be the root of a disk of its own.
            Err(error) if error.kind() == ErrorKind::CrossesDevices => {
                let bytes = fs::read(&from).map_err(failed)?;
                write_as(&to, &bytes, &shown.join(name))
            }
            result => result.map_err(failed),
        }
    }
}
