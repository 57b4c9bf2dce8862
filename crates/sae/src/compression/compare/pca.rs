//! Principal components in the place of codes.

use sae_data::{Samples, ScalingConfig, ScalingKind};

use super::rival::{Method, Rival};
use crate::Error;
use crate::compression::block::Block;
use crate::compression::distortion::Distortion;
use crate::compression::frame::{BLOCK_HEADER, END, HEADER};

/// More inputs are left alone: eigenvectors take time with their number to the third power.
pub(super) const MOST_INPUTS: usize = 4096;

/// The `values` largest principal components of `rows` (or all, where there are fewer), of `bits` bits, in
/// blocks of `most` rows as codes lie in them.
pub(super) fn pca(
    rows: &Samples,
    (values, bits): (usize, u32),
    most: usize,
) -> Result<Rival, Error> {
    let components = values.min(rows.width());
    let config = ScalingConfig {
        kind: ScalingKind::Pca,
        components,
        epsilon: epsilon(rows),
        ..ScalingConfig::default()
    };
    let axes = config.fit(rows)?;
    let mut distortion = Distortion::default();
    let mut bytes = HEADER + END;
    let numbers: Vec<usize> = (0..rows.rows()).collect();
    for part in numbers.chunks(most) {
        let part = rows.select(part);
        let scaled = axes
            .as_ref()
            .map_or_else(|| part.clone(), |axes| axes.apply(&part));
        let all: Vec<usize> = (0..part.rows()).collect();
        let block = Block::of(&scaled.gather(&all), components, bits);
        bytes += BLOCK_HEADER + block.to_bytes().len();
        let codes = Samples::Floats {
            width: components,
            values: block.codes(),
        };
        let again = axes
            .as_ref()
            .map_or(codes.clone(), |axes| axes.undo(&codes, &part));
        distortion.add(&part, &again);
    }
    Ok(Rival {
        method: Method::Pca { components },
        bytes: bytes as u64,
        distortion,
    })
}

/// Whitening divides by √(λ + ε) and the way back multiplies by it, so that ε changes no result. It is just
/// so large that directions without variance do no harm.
fn epsilon(rows: &Samples) -> f64 {
    let (low, high) = rows.range();
    (1e-6 * low.abs().max(high.abs()).powi(2)).max(f64::MIN_POSITIVE)
}
