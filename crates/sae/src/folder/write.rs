//! Writing a file whole.

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

/// Removes what a process that was killed had not written whole, in a folder of a run.
pub(super) fn sweep(folder: &Path) {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with(UNFINISHED) {
            // One that is left takes room and nothing else.
            let _ = fs::remove_file(&path);
        }
    }
}

/// The error of `path`.
pub(super) fn unwritable(path: &Path, error: io::Error) -> FolderError {
    WriteError::new(path, error).into()
}
