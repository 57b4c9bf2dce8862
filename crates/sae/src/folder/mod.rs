//! The folder that a run leaves behind.
//!
//! A run folder is known by its marker, `.sae-run.json`, which lists what the run wrote. Nothing
//! else in the folder is ever removed or replaced. Every file is written whole: to a temporary file
//! beside it, then renamed.

mod claim;
mod follow;
mod marker;
mod replacement;
mod seals;
#[cfg(test)]
mod tests;
mod write;
mod writer;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use self::claim::Claim;
pub use self::claim::Destination;
pub use self::follow::Activity;
pub(crate) use self::marker::CHECKPOINTS;
use self::marker::{Marker, State, is_absence, lies_inside};
pub(crate) use self::seals::read_bounded;
use self::seals::{Seal, plain_file};
pub use self::write::write_file;
use self::write::{unwritable, write_as, write_durably_as};
use self::writer::Lock;
use crate::FolderError;

/// A run folder.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    /// While the run is written.
    claim: Option<Claim>,
    /// Whether files must be as they were when the run was whole.
    verifies: bool,
}

/// No file of a run is larger: what is, is no file of a run.
const MOST_BYTES: u64 = 64 << 30;
/// Nor are settings, facts and summaries, of thousands of columns too.
const MOST_BYTES_OF_SETTINGS: u64 = 256 << 20;

impl RunFolder {
    /// Creates the folder and claims it, so that of several processes exactly one gets it. Where
    /// it replaces an older run, that stays untouched until [`RunFolder::complete`].
    ///
    /// # Errors
    ///
    /// Refuses a folder that another run is writing, or that was filled since it was chosen, and
    /// fails where nothing can be written.
    pub fn create(destination: Destination) -> Result<Self, FolderError> {
        let claim = destination.claim()?;
        Ok(Self {
            path: claim.path().to_owned(),
            claim: Some(claim),
            verifies: true,
        })
    }

    /// The folder of an earlier run, whose files must be as they were when it was whole.
    ///
    /// # Errors
    ///
    /// Refuses a path that holds no run, and a marker of another format.
    pub fn open(path: &Path) -> Result<Self, FolderError> {
        match Marker::read(path, path)? {
            Some(_) => Ok(Self {
                path: path.to_owned(),
                claim: None,
                verifies: true,
            }),
            None if claim::is_older_run(path) => Err(FolderError::OlderVersion(path.to_owned())),
            None => Err(FolderError::NoRun(path.to_owned())),
        }
    }

    /// As [`RunFolder::open`]; its files may have been changed.
    ///
    /// # Errors
    ///
    /// As [`RunFolder::open`].
    pub fn unverified(path: &Path) -> Result<Self, FolderError> {
        Ok(Self {
            verifies: false,
            ..Self::open(path)?
        })
    }

    /// Whether its files must be as they were when the run was whole.
    pub fn verifies(&self) -> bool {
        self.verifies
    }

    /// Whether there is a run at `path`, whole or not.
    ///
    /// # Errors
    ///
    /// Refuses a marker of another format.
    pub fn is_there(path: &Path) -> Result<bool, FolderError> {
        Ok(Marker::read(path, path)?.is_some())
    }

    /// Claims the run at `path`, to go on with it: a run that was cut off, one that was to replace the run
    /// there when its process ended, or a whole one. Writes nothing, but that a replacement that was whole
    /// takes its place.
    ///
    /// # Errors
    ///
    /// Refuses a path that holds no run, and a run that another process writes.
    pub fn resume(path: &Path) -> Result<Self, FolderError> {
        Ok(Self {
            path: path.to_owned(),
            claim: Some(claim::claim_again(path)?),
            verifies: true,
        })
    }

    /// Marks a run that may be whole as one that is being written, and forgets files that are gone.
    ///
    /// # Errors
    ///
    /// Fails where the marker cannot be written; refuses one that names what does not lie in the folder.
    pub fn begin_again(&self) -> Result<(), FolderError> {
        let mut marker = self.marker()?;
        for name in marker.files.keys() {
            self.check_inside(name)?;
        }
        marker.state = State::Running;
        marker.forget_absent(self.home());
        marker.write(self.home(), &self.path)
    }

    /// The names of the files that the run has written, in order.
    ///
    /// # Errors
    ///
    /// As [`RunFolder::is_complete`].
    pub fn names(&self) -> Result<Vec<String>, FolderError> {
        Ok(self.marker()?.files.into_keys().collect())
    }

    /// The folder as the user gave it. A run that replaces another gets there when it is complete.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the folder is called.
    pub fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or(self.path.as_os_str());
        name.to_string_lossy().into_owned()
    }

    /// Where a file of the run is now; in messages, join its name to [`RunFolder::path`].
    pub fn file(&self, name: &str) -> PathBuf {
        self.home().join(name)
    }

    /// Whether the run has written a file.
    pub fn has(&self, name: &str) -> bool {
        self.file(name).is_file()
    }

    /// Whether the run is whole.
    ///
    /// # Errors
    ///
    /// Refuses a marker that is damaged or gone.
    pub fn is_complete(&self) -> Result<bool, FolderError> {
        Ok(self.marker()?.state == State::Complete)
    }

    /// Whether the run says that it wrote a file, wherever that is now.
    ///
    /// # Errors
    ///
    /// As [`RunFolder::is_complete`].
    pub fn wrote(&self, name: &str) -> Result<bool, FolderError> {
        Ok(self.marker()?.files.contains_key(name))
    }

    /// Whether the marker says what a file is.
    ///
    /// # Errors
    ///
    /// As [`RunFolder::is_complete`].
    pub(crate) fn is_sealed(&self, name: &str) -> Result<bool, FolderError> {
        Ok(matches!(self.marker()?.files.get(name), Some(Some(_))))
    }

    /// When a file of the run was written.
    ///
    /// # Errors
    ///
    /// As [`RunFolder::read`].
    pub fn written(&self, name: &str) -> Result<SystemTime, FolderError> {
        let modified = fs::metadata(self.file(name)).and_then(|file| file.modified());
        modified.map_err(|source| FolderError::Read {
            path: self.path.join(name),
            source,
        })
    }

    /// The bytes of a file.
    ///
    /// # Errors
    ///
    /// Refuses a file that is missing or cannot be read, that is reached by a link or by a way out of the
    /// folder, and one that is not what it was when the run was whole.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, FolderError> {
        let path = self.path.join(name);
        self.check_inside(name)?;
        let bytes = match read_bounded(&self.file(name), most_bytes(name)) {
            Ok(bytes) => bytes,
            Err(source) => return Err(FolderError::Read { path, source }),
        };
        if self.verifies
            && let Some(Some(seal)) = self.marker()?.files.get(name)
            && *seal != Seal::of(&bytes)
        {
            return Err(FolderError::Damaged {
                path,
                found: bytes.len() as u64,
                expected: seal.bytes,
            });
        }
        Ok(bytes)
    }

    /// Writes one file whole.
    ///
    /// # Errors
    ///
    /// Fails where it cannot be written, or while another process writes the run; an older file of that name then
    /// stays as it was.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), FolderError> {
        let _lock = self.lock()?;
        let before = self.marker()?;
        let mut marker = self.record(before.clone(), name, Marker::write)?;
        if let Err(error) = write_as(&self.file(name), bytes, &self.path.join(name)) {
            if before.state == State::Complete {
                // Nothing has changed: what could not be added is no part of a whole run.
                before.write(self.home(), &self.path)?;
            }
            return Err(error);
        }
        if marker.state == State::Running {
            return Ok(());
        }
        marker.files.insert(name.to_owned(), Some(Seal::of(bytes)));
        marker.write(self.home(), &self.path)
    }

    /// As [`RunFolder::write`]; when this returns, the file outlasts a loss of power.
    ///
    /// # Errors
    ///
    /// As [`RunFolder::write`].
    pub fn write_durably(&self, name: &str, bytes: &[u8]) -> Result<(), FolderError> {
        let _lock = self.lock()?;
        self.record(self.marker()?, name, Marker::write_durably)?;
        write_durably_as(&self.file(name), bytes, &self.path.join(name))
    }

    /// Removes a file that the run has written, where it is there.
    ///
    /// # Errors
    ///
    /// Fails where it cannot be removed.
    pub fn remove(&self, name: &str) -> Result<(), FolderError> {
        let _lock = self.lock()?;
        let mut marker = self.marker()?;
        if marker.files.remove(name).is_none() {
            return Ok(());
        }
        self.discard(name)?;
        marker.write(self.home(), &self.path)
    }

    /// As [`RunFolder::remove`], of a run that is being written; its name is forgotten with the next one that is new.
    ///
    /// # Errors
    ///
    /// As [`RunFolder::remove`].
    pub(crate) fn discard(&self, name: &str) -> Result<(), FolderError> {
        self.check_inside(name)?;
        match fs::remove_file(self.file(name)) {
            Err(error) if !is_absence(&error) => Err(unwritable(&self.path.join(name), error)),
            _ => Ok(()),
        }
    }

    /// Appends to a file.
    ///
    /// # Errors
    ///
    /// As [`RunFolder::write`].
    pub fn append(&self, name: &str, bytes: &[u8]) -> Result<(), FolderError> {
        let _lock = self.lock()?;
        self.record(self.marker()?, name, Marker::write)?;
        match plain_file(&self.file(name)) {
            Err(source) if !is_absence(&source) => {
                let path = self.path.join(name);
                return Err(FolderError::Read { path, source });
            }
            _ => {}
        }
        let append = || {
            let mut options = fs::OpenOptions::new();
            let mut file = options.create(true).append(true).open(self.file(name))?;
            file.write_all(bytes)
        };
        append().map_err(|error| unwritable(&self.path.join(name), error))
    }

    /// Marks the run as complete, with what each of its files is now; all are on the disk then. Where it
    /// replaces another, it does so now: the files that the
    /// old run wrote are removed, those of the new one take their place, and all else in the
    /// folder stays.
    ///
    /// # Errors
    ///
    /// Fails where a file cannot be written or moved, and refuses to replace a file that the old
    /// run did not write. The new run is then kept, and the error says where.
    pub fn complete(mut self) -> Result<Self, FolderError> {
        let mut marker = self.marker()?;
        marker.seal(self.home(), &self.path)?;
        marker.state = State::Complete;
        match &mut self.claim {
            None => marker.write_durably(&self.path, &self.path)?,
            Some(claim) => claim.finish(&marker)?,
        }
        // Others may look at it, and add to it.
        self.claim = None;
        Ok(self)
    }

    /// The folder in which the run's files are now.
    fn home(&self) -> &Path {
        self.claim.as_ref().map_or(&self.path, Claim::home)
    }

    /// Keeps other processes away while something is written, unless they are kept away already.
    fn lock(&self) -> Result<Option<Lock>, FolderError> {
        match self.claim {
            Some(_) => Ok(None),
            None => Lock::take_for_a_file(&self.path).map(Some),
        }
    }

    fn marker(&self) -> Result<Marker, FolderError> {
        let marker = Marker::read(self.home(), &self.path)?;
        marker.ok_or_else(|| FolderError::NoRun(self.path.clone()))
    }

    /// Refuses to touch what does not lie in the folder itself: a run may come from a stranger.
    pub(crate) fn check_inside(&self, name: &str) -> Result<(), FolderError> {
        match lies_inside(self.home(), name) {
            true => Ok(()),
            false => Err(FolderError::Outside(self.path.join(name))),
        }
    }

    /// Adds a file to the marker, before it is written, so that no file of a run that was cut off
    /// is taken for the user's, and none that was replaced for a damaged one. Forgets those that were discarded.
    /// Returns the marker, which `write` has written.
    fn record(
        &self,
        mut marker: Marker,
        name: &str,
        write: fn(&Marker, &Path, &Path) -> Result<(), FolderError>,
    ) -> Result<Marker, FolderError> {
        self.check_inside(name)?;
        if let Some(None) = marker.files.get(name) {
            return Ok(marker);
        }
        if let Some(folder) = self.file(name).parent() {
            fs::create_dir_all(folder).map_err(|e| unwritable(&self.path.join(name), e))?;
        }
        if marker.state == State::Running {
            marker.forget_absent(self.home());
        }
        marker.files.insert(name.to_owned(), None);
        write(&marker, self.home(), &self.path)?;
        Ok(marker)
    }
}

/// How large a file of a run may be.
fn most_bytes(name: &str) -> u64 {
    match name.ends_with(".json") || name.ends_with(".toml") {
        true => MOST_BYTES_OF_SETTINGS,
        false => MOST_BYTES,
    }
}
