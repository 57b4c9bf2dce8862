//! Writing a file whole.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use sae_data::{Target, UNFINISHED, WriteError};

use crate::FolderError;

/// Writes one file whole: to a temporary file beside it, then renamed.
///
/// # Errors
///
/// Fails where it cannot be written; an older file of that name then stays as it was.
pub fn write_file(path: &Path, bytes: &[u8]) -> Result<(), FolderError> {
    filled(Target::file(path), bytes, Target::finish)
}

/// Writes one file of a run whole, which messages call `shown`. Whatever is in its place is replaced, and nothing
/// written into it: a run may come from a stranger.
pub(super) fn write_as(path: &Path, bytes: &[u8], shown: &Path) -> Result<(), FolderError> {
    filled(Target::replacing(path, shown), bytes, Target::finish)
}

/// As [`write_as`]; a loss of power leaves the older file or this one.
pub(super) fn write_synchronised_as(
    path: &Path,
    bytes: &[u8],
    shown: &Path,
) -> Result<(), FolderError> {
    let target = Target::replacing(path, shown);
    filled(target, bytes, Target::finish_synchronised)
}

/// As [`write_as`]; when this returns, the file outlasts a loss of power.
pub(super) fn write_durably_as(path: &Path, bytes: &[u8], shown: &Path) -> Result<(), FolderError> {
    let target = Target::replacing(path, shown);
    filled(target, bytes, Target::finish_durably)
}

fn filled(
    target: Result<Target, WriteError>,
    bytes: &[u8],
    finish: fn(Target) -> Result<(), WriteError>,
) -> Result<(), FolderError> {
    let write = || {
        let mut target = target?;
        target.write(bytes)?;
        finish(target)
    };
    write().map_err(FolderError::Write)
}

/// Writes one file whole where there is none of that name.
pub(super) fn create_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut target = Target::replacing(path, path).map_err(|error| error.source)?;
    target.write(bytes).map_err(|error| error.source)?;
    target.finish_new().map_err(|error| error.source)
}

/// Writes one file where there is none of that name, and locks it before it gets its name, where files can be locked.
pub(super) fn locked_file(path: &Path, bytes: &[u8]) -> io::Result<File> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(UNFINISHED);
    // Temporary files are private; another user is to see who writes.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(bytes)?;
    // On Windows nobody else could read what is locked.
    if cfg!(unix) {
        let _ = file.as_file().try_lock();
    }
    file.persist_noclobber(path).map_err(|error| error.error)
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
