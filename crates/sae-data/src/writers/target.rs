//! Where a file is written, until it is whole.

use std::fs;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::WriteError;

/// A file that gets to its path when it is whole, or standard output.
pub struct Target {
    path: PathBuf,
    /// What messages call it.
    shown: PathBuf,
    to: To,
}

enum To {
    File(BufWriter<NamedTempFile>),
    /// A device or a pipe, which is written to and not replaced.
    Stream(Box<dyn Write + Send>),
}

/// How a file gets to its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Finish {
    Fast,
    /// Nothing is replaced.
    New,
    /// Its bytes are on the disk before it gets its name.
    Synchronised,
    /// It is on the disk, and so is its name.
    Durable,
}

/// How the names of files begin until they are whole.
pub const UNFINISHED: &str = ".sae-tmp-";

/// Bytes that are written at once.
const BUFFER: usize = 1 << 18;

impl Target {
    /// A file. It is written beside its path, which must be in a folder that is there.
    ///
    /// # Errors
    ///
    /// Fails where nothing can be written.
    pub fn file(path: &Path) -> Result<Self, WriteError> {
        match fs::metadata(path) {
            Ok(about) if !about.is_file() && !about.is_dir() => {
                let stream = || -> io::Result<To> {
                    let file = fs::OpenOptions::new().write(true).open(path)?;
                    Ok(To::Stream(Box::new(BufWriter::with_capacity(BUFFER, file))))
                };
                Self::opened(path, path, stream())
            }
            _ => Self::replacing(path, path),
        }
    }

    /// As [`Target::file`], which messages call `shown`; whatever is at the path, be it a link, a device or a pipe, is
    /// replaced and not written to.
    ///
    /// # Errors
    ///
    /// As [`Target::file`].
    pub fn replacing(path: &Path, shown: &Path) -> Result<Self, WriteError> {
        let beside = || -> io::Result<To> {
            if path.is_dir() {
                return Err(io::ErrorKind::IsADirectory.into());
            }
            let file = tempfile::Builder::new()
                .prefix(UNFINISHED)
                .tempfile_in(folder_of(path))?;
            Ok(To::File(BufWriter::with_capacity(BUFFER, file)))
        };
        Self::opened(path, shown, beside())
    }

    fn opened(path: &Path, shown: &Path, to: io::Result<To>) -> Result<Self, WriteError> {
        let (path, shown) = (path.to_owned(), shown.to_owned());
        match to {
            Ok(to) => Ok(Self { path, shown, to }),
            Err(error) => Err(WriteError::new(&shown, error)),
        }
    }

    /// Standard output.
    pub fn output() -> Self {
        Self {
            path: PathBuf::new(),
            shown: PathBuf::from("standard output"),
            to: To::Stream(Box::new(BufWriter::with_capacity(BUFFER, io::stdout()))),
        }
    }

    /// What messages call it.
    pub fn shown(&self) -> &Path {
        &self.shown
    }

    /// Adds bytes.
    ///
    /// # Errors
    ///
    /// Fails where they cannot be written.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        let written = match &mut self.to {
            To::File(file) => file.write_all(bytes),
            To::Stream(stream) => stream.write_all(bytes),
        };
        written.map_err(|error| WriteError::new(&self.shown, error))
    }

    /// Replaces the first bytes, once what they say is known.
    pub(super) fn write_start(&mut self, bytes: &[u8]) -> Result<(), WriteError> {
        let written = match &mut self.to {
            To::File(file) => file
                .seek(SeekFrom::Start(0))
                .and_then(|_| file.write_all(bytes)),
            To::Stream(_) => Err(io::ErrorKind::NotSeekable.into()),
        };
        written.map_err(|error| WriteError::new(&self.shown, error))
    }

    /// Puts the file at its path; an older one stays as it was until then.
    ///
    /// # Errors
    ///
    /// Fails where the file cannot be written.
    pub fn finish(self) -> Result<(), WriteError> {
        self.finish_with(Finish::Fast)
    }

    /// As [`Target::finish`], where there is no file at its path.
    ///
    /// # Errors
    ///
    /// As [`Target::finish`]; refuses a path at which there is a file.
    pub fn finish_new(self) -> Result<(), WriteError> {
        self.finish_with(Finish::New)
    }

    /// As [`Target::finish`]; the file is on the disk before it gets its name: after a loss of power there is the
    /// older file or this one, and not a part of it.
    ///
    /// # Errors
    ///
    /// As [`Target::finish`].
    pub fn finish_synchronised(self) -> Result<(), WriteError> {
        self.finish_with(Finish::Synchronised)
    }

    /// As [`Target::finish_synchronised`]; its name is on the disk, too, before this returns.
    ///
    /// # Errors
    ///
    /// As [`Target::finish`].
    pub fn finish_durably(self) -> Result<(), WriteError> {
        self.finish_with(Finish::Durable)
    }

    fn finish_with(self, how: Finish) -> Result<(), WriteError> {
        let Self { path, shown, to } = self;
        let finish = || -> io::Result<()> {
            match to {
                To::Stream(mut stream) => stream.flush(),
                To::File(file) => {
                    let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
                    readable_by_all(file.path(), 0o644)?;
                    if matches!(how, Finish::Synchronised | Finish::Durable) {
                        file.as_file().sync_all()?;
                    }
                    let placed = match how {
                        Finish::New => file.persist_noclobber(&path),
                        Finish::Fast | Finish::Synchronised | Finish::Durable => {
                            file.persist(&path)
                        }
                    };
                    placed.map_err(|error| error.error)?;
                    match how {
                        Finish::Durable => synchronise_folder(&path),
                        Finish::Fast | Finish::New | Finish::Synchronised => Ok(()),
                    }
                }
            }
        };
        finish().map_err(|error| WriteError::new(&shown, error))
    }
}

/// The folder in which a file is.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Puts the names in the folder of `path` on the disk, where the system opens folders.
#[cfg(unix)]
fn synchronise_folder(path: &Path) -> io::Result<()> {
    fs::File::open(folder_of(path))?.sync_all()
}

#[cfg(not(unix))]
fn synchronise_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// For those who write to any stream. Their errors hold the [`WriteError`] that [`Target::write`] gives.
impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Self::write(self, bytes)
            .map(|()| bytes.len())
            .map_err(|error| io::Error::new(error.source.kind(), error))
    }

    /// What is written gets to its place when all is there: see [`Target::finish`].
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Temporary files and folders are private; results are not, and get `mode`.
#[cfg(unix)]
pub(super) fn readable_by_all(path: &Path, mode: u32) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
pub(super) fn readable_by_all(_path: &Path, _mode: u32) -> io::Result<()> {
    Ok(())
}
