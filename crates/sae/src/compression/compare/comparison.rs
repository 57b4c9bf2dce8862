//! All ways on the same rows.

use sae_data::Samples;

use super::pca::{MOST_INPUTS, pca};
use super::pictures::{Pictures, jpeg, webp};
use super::rival::{Method, Rival};
use crate::compression::compressor::Sample;
use crate::compression::distortion::Peak;
use crate::{Error, Model};

/// All ways on the same rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison {
    /// Number of rows.
    pub rows: usize,
    /// Bytes of their values as the source keeps them.
    pub source_bytes: u64,
    /// Whether these are all the rows.
    pub is_all: bool,
    /// What PSNRs are measured against.
    pub peak: Peak,
    /// The autoencoder first.
    pub rivals: Vec<Rival>,
    /// Who is left out, and why.
    pub left_out: Vec<String>,
}

/// Compresses rows that were kept in other ways: by PCA, and images by JPEG and WebP.
///
/// # Errors
///
/// Fails where the components cannot be computed or a picture cannot be encoded.
pub fn compare(model: &Model, bits: u32, sample: &Sample) -> Result<Comparison, Error> {
    let values = model.compressed_width();
    let image = model.facts().image();
    let rows = &sample.rows;
    let mut rivals = vec![Rival {
        method: Method::Autoencoder { values },
        bytes: sample.bytes,
        distortion: sample.distortion,
    }];
    let mut left_out = Vec::new();
    match rows.width() <= MOST_INPUTS {
        true => rivals.push(pca(rows, (values, bits), model.compressed_rows())?),
        false => left_out.push(format!("PCA: rows have more than {MOST_INPUTS} values")),
    }
    match image.map(|shape| Pictures::of(rows, shape, &sample.distortion)) {
        None => {}
        Some(Err(why)) => left_out.push(format!("JPEG and WebP: {why}")),
        Some(Ok(pictures)) => {
            rivals.push(jpeg(&pictures, sample.bytes)?);
            rivals.push(webp(&pictures)?);
        }
    }
    Ok(Comparison {
        rows: rows.rows(),
        source_bytes: (rows.rows() * rows.width() * Samples::value_bytes(rows)) as u64,
        is_all: sample.is_all,
        peak: sample.distortion.peak(image.is_some()),
        rivals,
        left_out,
    })
}
