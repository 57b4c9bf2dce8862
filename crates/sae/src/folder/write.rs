//! Writing a file whole.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::Path;

use sae_data::{Target, UNFINISHED, WriteError};

use crate::FolderError;

/// Writes one file whole: to a temporary file beside it, then renamed.
///
/// # Errors
///
/// Fails where it cannot be written; an older file of that name then stays as it was.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), FolderError> {
    write_as(path, bytes, path)
}

/// As [`write_file`]; messages call the file `shown`.
pub(super) fn write_as(path: &Path, bytes: &[u8], shown: &Path) -> Result<(), FolderError> {
    write_with(path, bytes, shown, Target::finish)
}

/// As [`write_as`], and synchronised with the disk.
pub(super) fn write_durably_as(path: &Path, bytes: &[u8], shown: &Path) -> Result<(), FolderError> {
    write_with(path, bytes, shown, Target::finish_durably)
}

fn write_with(
    path: &Path,
    bytes: &[u8],
    shown: &Path,
    finish: fn(Target) -> Result<(), WriteError>,
) -> Result<(), FolderError> {
    let write = || {
        let mut target = Target::file_as(path, shown)?;
        target.write(bytes)?;
        finish(target)
    };
    write().map_err(FolderError::Write)
}

/// Writes one file whole where there is none of that name.
pub(super) fn create_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut target = Target::file(path).map_err(|error| error.source)?;
    target.write(bytes).map_err(|error| error.source)?;
    target.finish_new().map_err(|error| error.source)
}

/// Whether a file is one that was not written whole.
pub(super) fn is_unfinished(name: &OsStr) -> bool {
    name.to_string_lossy().starts_with(UNFINISHED)
}

/// Removes what a process that was killed had not written whole, in a folder of a run.
pub(super) fn sweep(folder: &Path) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        if path.file_name().is_some_and(is_unfinished) {
            // One that is left takes room and nothing else.
            let _ = fs::remove_file(&path);
        }
    }
}

/// The error of `path`.
pub(super) fn unwritable(path: &Path, error: io::Error) -> FolderError {
    WriteError::new(path, error).into()
}
