//! `sae features`

use std::process::ExitCode;

use burn::tensor::{DType, Device};
use sae_data::Scaling;
use sae_model::{SparseAutoencoder, named_parameters};
use sae_report::{Tile, feature_tiles};

use crate::args::FeaturesArgs;
use crate::error::CliError;
use crate::output;
use crate::run_folder::{RunFolder, write_file};

/// Name of the tile picture in a run folder.
pub const FEATURES: &str = "features.png";

/// Draws the tiles of the first autoencoder.
pub fn run(args: &FeaturesArgs) -> Result<ExitCode, CliError> {
    let folder = RunFolder::open(&args.run)?;
    let tile = folder.facts()?.tile();
    let config = folder.config()?;
    let autoencoder = folder.autoencoder(1, &config, DType::F32, &Device::flex())?;
    let scaling = folder.scaling(&config)?;
    let path = args.out.clone().unwrap_or_else(|| folder.file(FEATURES));
    write_file(&path, &draw(&autoencoder, scaling.as_ref(), tile)?)?;
    output::result(format!(
        "{}: {} tiles of {} x {} pixels\nEach tile is the input of unit norm that activates one \
         hidden unit most; grey is 0, and each tile is scaled by its largest magnitude (white \
         positive, black negative).",
        path.display(),
        autoencoder.encoder.outputs(),
        tile.height,
        tile.width
    ));
    Ok(ExitCode::SUCCESS)
}

/// The tile picture of an autoencoder on images, as they are before scaling.
pub fn draw(
    autoencoder: &SparseAutoencoder,
    scaling: Option<&Scaling>,
    tile: Tile,
) -> Result<Vec<u8>, CliError> {
    let parameters = named_parameters(&autoencoder.encoder);
    let (weight, hidden) = (&parameters[0].values, parameters[0].shape[1]);
    Ok(match scaling {
        Some(scaling) => feature_tiles(tile, &scaling.directions(weight, hidden), hidden)?,
        None => feature_tiles(tile, weight, hidden)?,
    })
}
