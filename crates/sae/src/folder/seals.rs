//! What a file was when its run was whole: its size and its hash.

use std::fs::{self, File, Metadata};
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// The size and the BLAKE3 hash of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seal {
    /// Bytes.
    pub(super) bytes: u64,
    /// In hexadecimal digits.
    pub(super) blake3: String,
}

impl Seal {
    /// Of a file's content.
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self {
            bytes: bytes.len() as u64,
            blake3: blake3::hash(bytes).to_hex().to_string(),
        }
    }

    /// Of a file, which is put on the disk.
    pub(super) fn synchronised(path: &Path) -> io::Result<Self> {
        plain_file(path)?;
        let mut file = File::open(path)?;
        file.sync_all()?;
        let mut hasher = blake3::Hasher::new();
        hasher.update_reader(&mut file)?;
        Ok(Self {
            bytes: hasher.count(),
            blake3: hasher.finalize().to_hex().to_string(),
        })
    }
}

/// The bytes of a file, of `most` at most.
///
/// # Errors
///
/// Fails where it cannot be read, is a link, a device or a pipe, or is larger.
pub(crate) fn read_bounded(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let about = plain_file(path)?;
    if about.len() > most {
        return Err(io::Error::other(format!(
            "it has {} bytes; expected at most {most}",
            about.len()
        )));
    }
    fs::read(path)
}

/// What the system says of a file.
///
/// # Errors
///
/// Fails where there is none, or a link, a device or a pipe.
pub(super) fn plain_file(path: &Path) -> io::Result<Metadata> {
    let about = fs::symlink_metadata(path)?;
    if about.is_file() {
        return Ok(about);
    }
    let found = match about.is_dir() {
        true => "a folder",
        false if about.is_symlink() => "a link",
        false => "a device or a pipe",
    };
    Err(io::Error::other(format!("it is {found}; expected a file")))
}
