//! Whether the files of a run are what they were when it wrote them.

use std::fmt;
use std::path::Path;

use sae_data::seal::{self, Seal};
use serde::{Deserialize, Serialize};

use crate::error::damage;
use crate::folder::{CHECKPOINTS, RunFolder};
use crate::model_file::model_bytes;
use crate::run::{CONFIG, DATA, METRICS, SUMMARY, metrics_of, read_json, settings_of};
use crate::{Checkpoint, DataFacts, Error, FolderError, Model, Run, RunSummary};

/// What is known of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Its path in the run's folder.
    pub file: String,
    /// How it is.
    pub state: FileState,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub problem: Option<String>,
}

/// How a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileState {
    /// As it was written, and what it should be.
    Whole,
    /// What it should be; nothing tells whether it is as it was written, because the run is not whole or an
    /// older version wrote it.
    Unsealed,
    /// Gone, changed, or not what it should be.
    Damaged,
}

impl fmt::Display for FileState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Whole => "whole",
            Self::Unsealed => "unsealed",
            Self::Damaged => "damaged",
        })
    }
}

/// Looks at every file of the run in a folder, in the order of their names, or at a model file: hashes, seals,
/// and whether the program understands it.
///
/// # Errors
///
/// Refuses a path that holds no run.
pub fn verify(path: impl AsRef<Path>) -> Result<Vec<Verdict>, Error> {
    let path = path.as_ref();
    if path.is_file() {
        return Ok(vec![model_file(path)]);
    }
    let folder = match RunFolder::open(path) {
        Err(FolderError::Marker { path, problem }) => {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            return Ok(vec![verdict(name.into_owned(), Err(problem))]);
        }
        opened => opened?,
    };
    let names = folder.names()?;
    let verdicts = names.into_iter().map(|name| {
        let found = file(&folder, &name).map_err(|error| problem_of(&error, &path.join(&name)));
        verdict(name, found)
    });
    let mut verdicts: Vec<Verdict> = verdicts.collect();
    if verdicts.iter().all(|one| one.state != FileState::Damaged) && folder.has(CONFIG) {
        // Each by itself may be whole, and yet not of one run.
        if let Err(problem) = Run::open(path) {
            verdicts.push(verdict(".".to_owned(), Err(problem.to_string())));
        }
    }
    Ok(verdicts)
}

/// What is wrong with a file, without its name and without advice to do what is being done.
fn problem_of(error: &Error, path: &Path) -> String {
    if let Error::Folder(FolderError::Damaged {
        found, expected, ..
    }) = error
    {
        return damage(*found, *expected);
    }
    let said = error.to_string();
    let name = format!("{}: ", path.display());
    said.strip_prefix(&name).unwrap_or(&said).to_owned()
}

fn verdict(file: String, found: Result<FileState, String>) -> Verdict {
    let (state, problem) = match found {
        Ok(state) => (state, None),
        Err(problem) => (FileState::Damaged, Some(problem)),
    };
    Verdict {
        file,
        state,
        problem,
    }
}

fn model_file(path: &Path) -> Verdict {
    let state = || {
        let bytes = model_bytes(path)?;
        Model::from_bytes(&bytes).map_err(|error| error.in_file(path))?;
        sealed(&bytes)
    };
    let found = state().map_err(|error| problem_of(&error, path));
    verdict(path.display().to_string(), found)
}

/// A file of a run.
fn file(folder: &RunFolder, name: &str) -> Result<FileState, Error> {
    // A file is named before it is written.
    if !folder.has(name) && !folder.is_complete()? {
        return Ok(FileState::Unsealed);
    }
    let bytes = folder.read(name)?;
    let wrong = |problem: &dyn fmt::Display| {
        let path = folder.path().join(name);
        Error::Input(format!("{}: {problem}", path.display()))
    };
    let inner = match Path::new(name).extension().and_then(|e| e.to_str()) {
        Some("safetensors") => sealed(&bytes).map_err(|error| wrong(&error))?,
        _ => FileState::Unsealed,
    };
    match name {
        CONFIG => drop(settings_of(folder, &[])?),
        DATA => drop(read_json::<DataFacts>(folder, DATA)?),
        SUMMARY => drop(read_json::<RunSummary>(folder, SUMMARY)?),
        METRICS if folder.is_complete()? => {
            let path = folder.path().join(name);
            metrics_of(&String::from_utf8_lossy(&bytes), &path.display())?;
        }
        _ if Path::new(name).starts_with(CHECKPOINTS) => {
            Checkpoint::from_bytes(&bytes).map_err(|error| wrong(&error))?;
        }
        _ => {}
    }
    match folder.is_sealed(name)? {
        true => Ok(FileState::Whole),
        false => Ok(inner),
    }
}

fn sealed(bytes: &[u8]) -> Result<FileState, Error> {
    match seal::check(bytes) {
        Ok(Seal::Whole) => Ok(FileState::Whole),
        Ok(Seal::Missing) => Ok(FileState::Unsealed),
        Err(error) => Err(Error::Input(error.to_string())),
    }
}
