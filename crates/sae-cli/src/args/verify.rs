//! Arguments about files that may have been changed.

use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use sae::{Error, Model, Run};

/// Arguments of `sae verify`.
#[derive(Debug, ClapArgs)]
pub struct VerifyArgs {
    /// Run folder, or a model file
    pub run: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Whether what is read must be as it was written.
#[derive(Debug, Clone, Copy, ClapArgs)]
pub struct NoVerifyArgs {
    /// Look at files although they are not as they were written, as far as they can be understood
    #[arg(long)]
    pub no_verify: bool,
}

impl NoVerifyArgs {
    /// The run in a folder.
    ///
    /// # Errors
    ///
    /// As [`Run::open`].
    pub fn run(self, path: &Path) -> Result<Run, Error> {
        match self.no_verify {
            true => Run::unverified(path),
            false => Run::open(path),
        }
    }

    /// The model in a file.
    ///
    /// # Errors
    ///
    /// As [`Model::load`].
    pub fn model(self, path: &Path) -> Result<Model, Error> {
        match self.no_verify {
            true => Model::load_unverified(path),
            false => Model::load(path),
        }
    }
}
