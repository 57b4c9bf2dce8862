//! Writing a file whole.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use crate::error::FolderError;

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
    let write = || {
        // Devices and pipes are written to, not replaced.
        if path.metadata().is_ok_and(|m| !m.is_file() && !m.is_dir()) {
            return fs::write(path, bytes);
        }
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(bytes)?;
        readable_by_all(file.as_file())?;
        file.persist(path).map_err(|error| error.error)?;
        Ok(())
    };
    write().map_err(|error| unwritable(shown, error))
}

/// Temporary files are private; results are not.
#[cfg(unix)]
fn readable_by_all(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable_by_all(_file: &File) -> io::Result<()> {
    Ok(())
}

/// The error of `path`, without the temporary file that `error` may name.
pub(super) fn unwritable(path: &Path, error: io::Error) -> FolderError {
    let names_a_path = error.get_ref().is_some();
    FolderError::Write {
        path: path.to_owned(),
        source: if names_a_path {
            error.kind().into()
        } else {
            error
        },
    }
}
