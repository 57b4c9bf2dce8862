//! `sae features`

use std::process::ExitCode;

use burn::tensor::DType;
use sae::report::check_extension;
use sae::{FEATURES, Run, draw_features, write_file};

use crate::args::FeaturesArgs;
use crate::error::CliError;
use crate::output;

/// Draws the tiles of the first autoencoder.
pub fn run(args: &FeaturesArgs) -> Result<ExitCode, CliError> {
    if let Some(path) = &args.out {
        check_extension(path).map_err(|error| CliError::input(error.to_string()))?;
    }
    let run = Run::open(&args.run)?;
    let tile = run.facts().tile();
    let autoencoder = run.autoencoder(1, DType::F32)?;
    let picture = draw_features(&autoencoder, run.scaling()?.as_ref(), tile)?;
    let path = args.out.clone();
    let path = path.unwrap_or_else(|| run.folder().file(FEATURES));
    write_file(&path, &picture)?;
    output::result(format!(
        "{}: {} tiles of {} x {} pixels\nEach tile is the input of unit norm that activates one \
         hidden unit most; grey is 0, and each tile is scaled by its largest magnitude (white \
         positive, black negative).",
        path.display(),
        autoencoder.hidden(),
        tile.height,
        tile.width
    ))?;
    Ok(ExitCode::SUCCESS)
}
