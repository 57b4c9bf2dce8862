//! Claiming a run folder for one process, and replacing an older run by a new one.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::marker::{MARKER, Marker, State, is_absence};
use super::replacement::{Replacement, beside, newest_replacement};
use super::write::{create_file, is_unfinished, sweep, unwritable};
use super::writer::Lock;
use crate::FolderError;

/// Where a run will be written.
#[derive(Debug, Clone)]
pub struct Destination {
    path: PathBuf,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The path, or the first free one of it with a number.
    Numbered,
    /// The path, at which there is nothing yet.
    New,
    /// The path, at which there is an older run.
    Replace,
}

impl Destination {
    /// `out` as the user gave it, or the first free one of `runs/NAME`, `runs/NAME-2`, …. `reads`
    /// are the files and folders that the run needs. Writes nothing.
    ///
    /// # Errors
    ///
    /// Refuses a path below a file, a folder that holds a run (unless `overwrite`) or anything
    /// else, and to replace a folder in which the process or one of `reads` is.
    pub fn choose(
        out: Option<&Path>,
        name: &str,
        overwrite: bool,
        reads: &[PathBuf],
    ) -> Result<Self, FolderError> {
        let Some(path) = out.map(Path::to_owned) else {
            return Self::numbered(Path::new("runs").join(file_name(name)));
        };
        check_parents(&path)?;
        let kind = match content(&path)? {
            Content::Nothing => Kind::New,
            Content::Run(_) if overwrite => Kind::Replace,
            held => {
                Lock::take(&path)?;
                return Err(held.refused(path));
            }
        };
        if kind == Kind::Replace {
            check_not_needed(&path, reads)?;
        }
        Ok(Self { path, kind })
    }

    /// The first free one of `path`, `path-2`, ….
    pub(super) fn numbered(path: PathBuf) -> Result<Self, FolderError> {
        check_parents(&path)?;
        let kind = Kind::Numbered;
        Ok(Self { path, kind })
    }

    /// Creates the folder and claims it, so that of several processes exactly one gets it. Where
    /// it replaces an older run, that stays untouched until [`Claim::finish`].
    ///
    /// # Errors
    ///
    /// Refuses a folder that another run is writing, or that was filled since it was chosen, and
    /// fails where nothing can be written.
    pub(super) fn claim(self) -> Result<Claim, FolderError> {
        match self.kind {
            Kind::Numbered => claim_numbered(&self.path),
            Kind::New => claim_new(self.path),
            Kind::Replace => claim_old(self.path),
        }
    }
}

/// A folder that this process alone writes to.
#[derive(Debug)]
pub(super) struct Claim {
    path: PathBuf,
    /// The run whose place the new one takes when it is complete.
    replaces: Option<Replacement>,
    /// While the run is written.
    _lock: Lock,
}

impl Claim {
    /// The folder as the user gave it.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the run is written.
    pub(super) fn home(&self) -> &Path {
        match &self.replaces {
            Some(replacement) => &replacement.home,
            None => &self.path,
        }
    }

    /// Writes the marker of the run, which is complete, and puts it in the place of the old one.
    pub(super) fn finish(&mut self, marker: &Marker) -> Result<(), FolderError> {
        match self.replaces.take() {
            None => marker.write_durably(&self.path, &self.path),
            Some(replacement) => replacement.finish(marker, &self.path),
        }
    }
}

fn claim_numbered(path: &Path) -> Result<Claim, FolderError> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|error| unwritable(path, error))?;
    }
    let path = create_free(path).map_err(|error| unwritable(path, error))?;
    claim_new(path)
}

/// Creates the first of `path`, `path-2`, … that is not there.
fn create_free(path: &Path) -> io::Result<PathBuf> {
    let mut number = 1;
    loop {
        let mut candidate = path.as_os_str().to_owned();
        if number > 1 {
            candidate.push(format!("-{number}"));
        }
        match fs::create_dir(&candidate) {
            Ok(()) => return Ok(candidate.into()),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(error),
        }
    }
}

/// Claims a folder that is absent or empty.
fn claim_new(path: PathBuf) -> Result<Claim, FolderError> {
    fs::create_dir_all(&path).map_err(|error| unwritable(&path, error))?;
    let lock = Lock::take(&path)?;
    let busy = |path: &Path| FolderError::Busy {
        path: path.to_owned(),
        writer: None,
    };
    match content(&path)? {
        Content::Nothing => {}
        Content::Foreign => return Err(FolderError::Foreign(path)),
        Content::Run(_) | Content::OlderRun => return Err(busy(&path)),
    }
    // Where folders cannot be locked, the one who creates the marker gets the folder.
    create_marker(&path).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => busy(&path),
        _ => unwritable(&path, error),
    })?;
    Ok(Claim {
        path,
        replaces: None,
        _lock: lock.sign()?,
    })
}

/// What runs write: refused before the work begins where it would replace a file of the user.
const EXPECTED: [&str; 8] = [
    "config.toml",
    "data.json",
    "metrics.jsonl",
    "summary.json",
    "model.safetensors",
    "features.png",
    "reconstructions.png",
    "loss.svg",
];

/// Claims the folder of an old run, and an empty one beside it for the new.
fn claim_old(path: PathBuf) -> Result<Claim, FolderError> {
    let lock = Lock::take(&path)?;
    let Content::Run(old) = content(&path)? else {
        return Err(FolderError::NoRun(path));
    };
    // Behind a link the folder may be on another disk.
    let target = path.canonicalize().map_err(|e| unwritable(&path, e))?;
    let home = target.with_file_name(format!("{}{}", beside(&target), std::process::id()));
    let home = create_free(&home).map_err(|error| unwritable(&path, error))?;
    let replacement = Replacement { home, target, old };
    for name in EXPECTED {
        replacement.check(name, &path)?;
    }
    create_marker(&replacement.home).map_err(|error| unwritable(&path, error))?;
    Ok(Claim {
        path,
        replaces: Some(replacement),
        _lock: lock.sign()?,
    })
}

/// Claims the folder of a run that is there, or of the one that was to replace it when its process ended. A
/// replacement that was whole takes its place now.
pub(super) fn claim_again(path: &Path) -> Result<Claim, FolderError> {
    let lock = Lock::take(path)?;
    let old = match content(path)? {
        Content::Run(old) => old,
        Content::OlderRun => return Err(FolderError::OlderVersion(path.to_owned())),
        Content::Nothing | Content::Foreign => return Err(FolderError::NoRun(path.to_owned())),
    };
    let mut claim = Claim {
        path: path.to_owned(),
        replaces: None,
        _lock: lock.sign()?,
    };
    old.sweep(path);
    let Some(home) = newest_replacement(path) else {
        return Ok(claim);
    };
    let new = Marker::read(&home, &home)?;
    if let Some(new) = &new {
        new.sweep(&home);
    }
    let target = path.canonicalize().map_err(|e| unwritable(path, e))?;
    let replacement = Replacement { home, target, old };
    match new {
        Some(new) if new.state == State::Complete => replacement.finish(&new, path)?,
        _ => claim.replaces = Some(replacement),
    }
    Ok(claim)
}

/// The marker is there whole or not at all, and is nobody else's.
fn create_marker(folder: &Path) -> io::Result<()> {
    sweep(folder);
    create_file(&folder.join(MARKER), &Marker::new().to_bytes())
}

/// What is at a path.
enum Content {
    /// Nothing, or an empty folder.
    Nothing,
    /// A run.
    Run(Marker),
    /// A run of a version that wrote no marker.
    OlderRun,
    /// Anything else.
    Foreign,
}

impl Content {
    /// Why a new run cannot be written there.
    fn refused(self, path: PathBuf) -> FolderError {
        match self {
            Self::Run(run) if run.state == State::Running => FolderError::CutOff(path),
            Self::Run(_) => FolderError::HoldsRun(path),
            Self::OlderRun => FolderError::OlderVersion(path),
            Self::Nothing | Self::Foreign => FolderError::Foreign(path),
        }
    }
}

fn content(path: &Path) -> Result<Content, FolderError> {
    if let Some(marker) = Marker::read(path, path)? {
        return Ok(Content::Run(marker));
    }
    // What a process leaves that is killed before it has written the marker is nothing.
    let is_left = |entry: &io::Result<fs::DirEntry>| {
        let name = entry.as_ref().map(|entry| entry.file_name());
        name.is_ok_and(|name| is_unfinished(&name))
    };
    match fs::read_dir(path).map(|mut entries| entries.all(|entry| is_left(&entry))) {
        Ok(true) => Ok(Content::Nothing),
        Ok(false) if is_older_run(path) => Ok(Content::OlderRun),
        Err(error) if error.kind() == ErrorKind::NotFound && !path.is_symlink() => {
            Ok(Content::Nothing)
        }
        Err(error) if !is_absence(&error) => Err(FolderError::Read {
            path: path.to_owned(),
            source: error,
        }),
        _ => Ok(Content::Foreign),
    }
}

/// Whether a folder without a marker looks like a run.
pub(super) fn is_older_run(path: &Path) -> bool {
    ["config.toml", "data.json", "weights"]
        .iter()
        .all(|name| path.join(name).exists())
}

/// Refuses a path below something that is no folder.
fn check_parents(path: &Path) -> Result<(), FolderError> {
    let mut parents = path.ancestors().skip(1);
    match parents.find(|parent| parent.exists()) {
        Some(parent) if !parent.is_dir() => Err(unwritable(path, ErrorKind::NotADirectory.into())),
        _ => Ok(()),
    }
}

/// Refuses to replace a folder in which the process or one of `reads` is.
pub(super) fn check_not_needed(folder: &Path, reads: &[PathBuf]) -> Result<(), FolderError> {
    let inside = |path: &Path| match (path.canonicalize(), folder.canonicalize()) {
        (Ok(path), Ok(folder)) => path.starts_with(folder),
        _ => false,
    };
    let here = std::env::current_dir().unwrap_or_default();
    match reads.iter().chain([&here]).find(|path| inside(path)) {
        Some(needed) => Err(FolderError::InUse {
            folder: folder.to_owned(),
            needed: needed.clone(),
        }),
        None => Ok(()),
    }
}

/// A name of a folder: characters that mean something to a file system or shell become `-`.
pub(super) fn file_name(name: &str) -> String {
    let safe = |(index, c): (usize, char)| {
        let plain = c.is_alphanumeric() || "-_".contains(c) || c == '.' && index > 0;
        if plain { c } else { '-' }
    };
    match name.is_empty() {
        true => "run".to_owned(),
        false => name.chars().enumerate().map(safe).collect(),
    }
}
