//! The one process that writes a run.
//!
//! Its folder is locked, which the system ends with the process, however that ends. A note in the folder says
//! who it is, and is locked, too: NFS locks files for all machines, and folders for each by itself. Where neither can be
//! locked, as on some network drives, the note alone decides.

use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::seals::{plain_file, read_bounded};
use super::write::{locked_file, unwritable};
use crate::FolderError;

/// How long a folder may be locked by one that only looks at it, or writes a file into a run that is whole.
const MOMENT: Duration = Duration::from_secs(1);
/// How often it is looked whether such a moment is over.
const LOOK: Duration = Duration::from_millis(5);
/// The note.
const NOTE: &str = ".sae-writer.json";
const MOST_BYTES: u64 = 1 << 12;

/// A process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Writer {
    pid: u32,
    host: String,
    /// When it began to write.
    started: String,
}

impl Writer {
    fn this() -> Self {
        Self {
            pid: std::process::id(),
            host: host(),
            started: Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        }
    }

    /// The one that left a note in a folder; nothing where there is none that can be understood.
    fn of(folder: &Path) -> Option<Self> {
        let bytes = read_bounded(&folder.join(NOTE), MOST_BYTES).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// Whether it may be running still: what runs elsewhere cannot be seen.
    fn may_run(&self) -> bool {
        self.host != host() || runs(self.pid)
    }
}

impl fmt::Display for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { pid, host, started } = self;
        let host = sae_data::message::escaped(host);
        let started = sae_data::message::escaped(started);
        write!(f, "process {pid} on {host}, since {started}")
    }
}

/// A folder that no other process writes.
#[derive(Debug)]
pub(super) struct Lock {
    folder: PathBuf,
    /// The note, where it is this process's.
    note: Option<File>,
    /// Nothing where folders cannot be locked.
    file: Option<File>,
}

impl Lock {
    /// Locks a folder, which need not be there yet.
    ///
    /// # Errors
    ///
    /// Refuses one that another process writes.
    pub(super) fn take(folder: &Path) -> Result<Self, FolderError> {
        Self::take_unless(folder, |note| is_held(note) == Some(true))
    }

    /// As [`Lock::take`], for a file that is added to a run: another process, though it has signed, may be about to
    /// say that the run has finished.
    pub(super) fn take_for_a_file(folder: &Path) -> Result<Self, FolderError> {
        Self::take_unless(folder, |_| false)
    }

    /// As [`Lock::take`]; waits for a moment, unless `is_long` says of the note that this is in vain.
    fn take_unless(folder: &Path, is_long: fn(&Path) -> bool) -> Result<Self, FolderError> {
        let writer = || Writer::of(folder);
        let busy = |writer: Option<Writer>| {
            Err(FolderError::Busy {
                path: folder.to_owned(),
                writer: writer.map(|writer| writer.to_string()),
            })
        };
        let lock = |file| Self {
            folder: folder.to_owned(),
            note: None,
            file,
        };
        let Ok(file) = File::open(folder) else {
            return Ok(lock(None));
        };
        let note = folder.join(NOTE);
        match try_lock(&file, || is_long(&note)) {
            Ok(()) if is_held(&note) == Some(true) => busy(writer()),
            Ok(()) => Ok(lock(Some(file))),
            Err(TryLockError::WouldBlock) => busy(writer()),
            Err(TryLockError::Error(_)) => match writer() {
                Some(writer) if writer.may_run() => busy(Some(writer)),
                _ => Ok(lock(None)),
            },
        }
    }

    /// Says in the folder, which is there now, who writes it.
    ///
    /// # Errors
    ///
    /// Fails where nothing can be written, and refuses where another process was faster.
    pub(super) fn sign(mut self) -> Result<Self, FolderError> {
        let path = self.folder.join(NOTE);
        let note = serde_json::to_vec(&Writer::this()).expect("a note is plain text and numbers");
        let writer = Writer::of(&self.folder);
        let is_left = match is_held(&path) {
            Some(held) => !held,
            None => self.file.is_some() || writer.is_none_or(|writer| !writer.may_run()),
        };
        if is_left {
            // It was left by a process that was killed.
            let _ = fs::remove_file(&path);
        }
        match locked_file(&path, &note) {
            Ok(note) => {
                self.note = Some(note);
                Ok(self)
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let writer = Writer::of(&self.folder).map(|writer| writer.to_string());
                let path = self.folder.clone();
                Err(FolderError::Busy { path, writer })
            }
            Err(error) => Err(unwritable(&path, error)),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if let Some(note) = self.note.take() {
            // One that is left says no more than its lock.
            let _ = fs::remove_file(self.folder.join(NOTE));
            drop(note);
        }
        drop(self.file.take());
    }
}

/// Locks a folder, unless another process has it locked for longer than a moment, or `is_long` says so.
fn try_lock(folder: &File, is_long: impl Fn() -> bool) -> Result<(), TryLockError> {
    let start = Instant::now();
    loop {
        match folder.try_lock() {
            Err(TryLockError::WouldBlock) if start.elapsed() < MOMENT && !is_long() => sleep(LOOK),
            locked => return locked,
        }
    }
}

/// Whether a process holds the lock of a note; nothing where that cannot be known. It is not taken, so that who looks
/// is in nobody's way.
fn is_held(note: &Path) -> Option<bool> {
    if plain_file(note).is_err() {
        return Some(false);
    }
    if !cfg!(unix) {
        return None;
    }
    match File::open(note).ok()?.try_lock_shared() {
        Ok(()) => Some(false),
        Err(TryLockError::WouldBlock) => Some(true),
        Err(TryLockError::Error(_)) => None,
    }
}

/// Whether a process writes the run in a folder.
pub(super) fn is_written(folder: &Path) -> bool {
    let Ok(file) = File::open(folder) else {
        return false;
    };
    match file.try_lock_shared() {
        Ok(()) => is_held(&folder.join(NOTE)) == Some(true),
        Err(TryLockError::WouldBlock) => true,
        Err(TryLockError::Error(_)) => Writer::of(folder).is_some_and(|writer| writer.may_run()),
    }
}

#[cfg(unix)]
fn host() -> String {
    let about = rustix::system::uname();
    about.nodename().to_string_lossy().into_owned()
}

#[cfg(not(unix))]
fn host() -> String {
    std::env::var("COMPUTERNAME").unwrap_or_default()
}

/// Whether a process of this machine runs; where that cannot be known, it may.
#[cfg(unix)]
fn runs(pid: u32) -> bool {
    let pid = i32::try_from(pid)
        .ok()
        .and_then(rustix::process::Pid::from_raw);
    let Some(pid) = pid else {
        return false;
    };
    !matches!(
        rustix::process::test_kill_process(pid),
        Err(rustix::io::Errno::SRCH)
    )
}

#[cfg(not(unix))]
fn runs(_pid: u32) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use tempfile::tempdir;

    use super::*;

    #[test]
    fn a_writer_is_known_to_run_until_it_ends() {
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .unwrap();
        let writer = Writer {
            pid: child.id(),
            ..Writer::this()
        };
        assert!(Writer::this().may_run() && writer.may_run());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!writer.may_run());
        let elsewhere = Writer {
            host: "another".to_owned(),
            ..writer
        };
        assert!(elsewhere.may_run());
    }

    /// As on two machines, of which each locks the folder for itself.
    #[test]
    fn a_note_is_locked_too() {
        let folder = tempdir().unwrap();
        let elsewhere = || {
            let file = File::open(tempdir().unwrap().path()).unwrap();
            Lock {
                folder: folder.path().to_owned(),
                note: None,
                file: Some(file),
            }
        };
        let first = elsewhere().sign().unwrap();
        assert!(is_written(folder.path()));
        let message = elsewhere().sign().unwrap_err().to_string();
        assert!(
            message.contains("is being written by another run"),
            "{message}"
        );
        Lock::take(folder.path()).unwrap_err();
        drop(first);
        assert!(!is_written(folder.path()));
        drop(elsewhere().sign().unwrap());
    }

    #[test]
    fn a_lock_names_its_process_and_leaves_nothing() {
        let folder = tempdir().unwrap();
        let lock = Lock::take(folder.path()).unwrap().sign().unwrap();
        let message = Lock::take(folder.path()).unwrap_err().to_string();
        let expected = format!("process {} on {}, since 20", std::process::id(), host());
        assert!(message.contains(&expected), "{message}");
        drop(lock);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        // Left by a process that was killed; its number may be anything.
        for note in [
            "",
            "{",
            "{\"pid\": 99999999, \"host\": \"a\\u001b\", \"started\": \"\"}",
        ] {
            fs::write(folder.path().join(NOTE), note).unwrap();
            drop(Lock::take(folder.path()).unwrap().sign().unwrap());
        }
    }
}
