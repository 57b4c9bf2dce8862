//! What tells one model from another.

use sae_data::Tensors;
use sae_stack::weights_of;
use sha2::{Digest, Sha256};

use super::frame::FINGERPRINT;
use crate::Model;

/// SHA-256 of all that codes depend on: units, ties and top-k of the autoencoders, their parameters, and the
/// scaling. A classifier, names and the version of the program are no part of it.
pub(super) fn fingerprint(model: &Model) -> [u8; FINGERPRINT] {
    let mut hasher = Sha256::new();
    hasher.update(b"sae codes 1");
    if let Some(scaling) = model.scaling() {
        hasher.update(b"scaling");
        update(&mut hasher, &scaling.to_tensors());
    }
    for autoencoder in model.autoencoders() {
        let kind = autoencoder.architecture();
        let top_k = kind.top_k.unwrap_or(0);
        let text = format!("{} {} {} {top_k}", kind.encoder, kind.decoder, kind.tied);
        hasher.update(text);
        update(&mut hasher, &weights_of(autoencoder));
    }
    hasher.finalize().into()
}

/// Adds arrays: names, shapes, and values as `f64`, in which those of `f32` are exact.
fn update(hasher: &mut Sha256, tensors: &Tensors) {
    for (name, tensor) in tensors.iter() {
        hasher.update((name.len() as u64).to_le_bytes());
        hasher.update(name);
        hasher.update((tensor.shape.len() as u64).to_le_bytes());
        for &size in &tensor.shape {
            hasher.update((size as u64).to_le_bytes());
        }
        for value in &tensor.values {
            hasher.update(value.to_le_bytes());
        }
    }
}

/// As much of a fingerprint as a message needs.
pub(super) fn shown(fingerprint: &[u8; FINGERPRINT]) -> String {
    let bytes = fingerprint.iter().take(6);
    bytes.map(|byte| format!("{byte:02x}")).collect()
}
