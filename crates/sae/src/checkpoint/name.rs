//! The names of checkpoints in a run's folder.

use std::fmt;
use std::str::FromStr;

use sae_stack::{Moment, Stage};

use super::facts::Facts;
use crate::FolderError;
use crate::folder::{CHECKPOINTS, RunFolder};

const EXTENSION: &str = ".safetensors";
const END: &str = "-end";

/// `checkpoints/000012-finetune.safetensors`, or `checkpoints/000013-finetune-end.safetensors`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Name {
    /// The number of the checkpoint.
    pub number: u64,
    /// The stage under way.
    pub stage: Stage,
    /// Whether the stage had run all its epochs.
    pub is_end: bool,
}

impl Name {
    /// Whether a checkpoint that says this of itself has the name.
    pub(super) fn is_of(self, facts: &Facts) -> bool {
        let is_end = facts.moment == Moment::StageEnd;
        (self.number, self.stage, self.is_end) == (facts.number, facts.stage, is_end)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = if self.is_end { END } else { "" };
        let (number, stage) = (self.number, self.stage);
        write!(f, "{CHECKPOINTS}/{number:06}-{stage}{end}{EXTENSION}")
    }
}

impl FromStr for Name {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let name = text.strip_prefix(CHECKPOINTS).ok_or(())?;
        let name = name.strip_prefix('/').ok_or(())?;
        let name = name.strip_suffix(EXTENSION).ok_or(())?;
        let (number, stage) = name.split_once('-').ok_or(())?;
        let ended = stage.strip_suffix(END);
        Ok(Self {
            number: number.parse().map_err(|_| ())?,
            stage: ended.unwrap_or(stage).parse().map_err(|_| ())?,
            is_end: ended.is_some(),
        })
    }
}

/// The checkpoints among the names of a run's files, the newest first.
pub(super) fn checkpoints(files: &[String]) -> Vec<Name> {
    let mut names: Vec<Name> = files.iter().filter_map(|file| file.parse().ok()).collect();
    names.sort_by_key(|name| std::cmp::Reverse(name.number));
    names
}

/// The checkpoints that are in a run's folder, the newest first: a file is named before it is written, and until after
/// it is removed.
///
/// # Errors
///
/// Refuses a folder of checkpoints that is elsewhere: what it holds cannot be seen.
pub(super) fn checkpoints_in(folder: &RunFolder) -> Result<Vec<Name>, FolderError> {
    let mut there = vec![];
    for name in checkpoints(&folder.names()?) {
        let file = name.to_string();
        folder.check_inside(&file)?;
        if folder.has(&file) {
            there.push(name);
        }
    }
    Ok(there)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        let stages = [Stage::Autoencoder(12), Stage::Softmax, Stage::Control];
        for (number, stage) in (9..).zip(stages) {
            for is_end in [false, true] {
                let name = Name {
                    number,
                    stage,
                    is_end,
                };
                assert_eq!(name.to_string().parse(), Ok(name));
            }
        }
        let files = [
            "1-softmax",
            "000002-autoencoder-1-end",
            "x-softmax",
            "3-nothing",
            "softmax",
        ];
        let files = files.map(|name| format!("{CHECKPOINTS}/{name}{EXTENSION}"));
        let numbers: Vec<u64> = checkpoints(&files).iter().map(|name| name.number).collect();
        assert_eq!(numbers, [2, 1]);
        assert!(checkpoints(&["weights/softmax.safetensors".to_owned()]).is_empty());
    }
}
