//! A file on its way, until it is whole.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::error::FetchError;
use super::file::RemoteFile;
use crate::WriteError;

/// What there is of a file, beside its place: `NAME.part`. It outlives the process, so that the next one
/// goes on where this one stopped.
pub(super) struct Part {
    path: PathBuf,
    file: File,
    length: u64,
}

impl Part {
    /// What there is of a file in a folder, which may be nothing. No other process gets hold of it in the
    /// meantime.
    ///
    /// # Errors
    ///
    /// Fails where nothing can be written, or another process is at it.
    pub(super) fn open(folder: &Path, name: &str) -> Result<Self, FetchError> {
        let path = folder.join(format!("{name}.part"));
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let opened = options.open(&path).and_then(|mut file| {
            let length = file.seek(SeekFrom::End(0))?;
            Ok((file, length))
        });
        let (file, length) = opened.map_err(|error| WriteError::new(&path, error))?;
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => Err(FetchError::Busy(path)),
            // Some network drives know no locks.
            Ok(()) | Err(TryLockError::Error(_)) => Ok(Self { path, file, length }),
        }
    }

    /// How many bytes there are.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Adds bytes.
    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        let written = self.file.write_all(bytes);
        written.map_err(|error| WriteError::new(&self.path, error))?;
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Forgets all bytes.
    pub(super) fn clear(&mut self) -> Result<(), WriteError> {
        let cleared = self.file.set_len(0).and_then(|()| self.file.rewind());
        self.length = 0;
        cleared.map_err(|error| WriteError::new(&self.path, error))
    }

    /// Why these bytes are not the file, if they are not.
    pub(super) fn fault(&mut self, file: &RemoteFile) -> Result<Option<String>, FetchError> {
        let mut find = || -> io::Result<Option<String>> {
            self.file.rewind()?;
            let fault = file.checksum.fault(&self.file)?;
            self.file.seek(SeekFrom::End(0))?;
            Ok(fault)
        };
        find().map_err(|error| FetchError::unreadable(&self.path, error))
    }

    /// Puts the file at its place, once it is on the disk for good.
    pub(super) fn finish(self, place: &Path) -> Result<(), WriteError> {
        let moved = self
            .file
            .sync_all()
            .and_then(|()| fs::rename(&self.path, place));
        moved.map_err(|error| WriteError::new(place, error))
    }

    /// Leaves the bytes for later, and no file where there are none.
    pub(super) fn leave(self) {
        if self.length == 0 {
            // Nobody is harmed by an empty file that stays.
            let _ = fs::remove_file(&self.path);
        }
    }
}
