//! Parameters as one flat vector and under their names.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use burn::tensor::{DType, Device};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use sae_model::{
    Architecture, AutoencoderConfig, SparseAutoencoder, flat_parameters, named_parameters,
    with_flat, with_parameters,
};

fn model(tied: bool, seed: u64) -> SparseAutoencoder {
    let architecture = Architecture {
        tied,
        ..Architecture::default()
    };
    let config = AutoencoderConfig::new(5, 3).unwrap();
    let config = config.with_architecture(architecture).unwrap();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    config.init(&mut rng, DType::F32, &Device::flex())
}

/// W1 `[5, 3]`, b, W2 `[3, 5]` where there is one, c.
#[test]
fn parameters_go_through_a_flat_vector_bit_by_bit() {
    for (tied, names) in [
        (
            true,
            vec![
                ("encoder.weight", 15),
                ("encoder.bias", 3),
                ("decoder.bias", 5),
            ],
        ),
        (
            false,
            vec![
                ("encoder.weight", 15),
                ("encoder.bias", 3),
                ("decoder.weight", 15),
                ("decoder.bias", 5),
            ],
        ),
    ] {
        let (from, other) = (model(tied, 1), model(tied, 2));
        let named = named_parameters(&from);
        let found: Vec<_> = named
            .iter()
            .map(|p| (p.name.as_str(), p.values.len()))
            .collect();
        assert_eq!(found, names);
        let flat = flat_parameters(&from);
        let singles = named
            .iter()
            .flat_map(|p| p.values.iter().map(|&v| v as f32));
        assert_eq!(flat, singles.collect::<Vec<_>>());
        let bits = |flat: &[f32]| flat.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        assert_ne!(bits(&flat_parameters(&other)), bits(&flat));
        let by_flat = with_flat(other.clone(), &flat).unwrap();
        assert_eq!(bits(&flat_parameters(&by_flat)), bits(&flat));
        let by_name = with_parameters(other, &named).unwrap();
        assert_eq!(bits(&flat_parameters(&by_name)), bits(&flat));
    }
}

#[test]
fn other_parameters_are_refused() {
    let (tied, free) = (model(true, 1), model(false, 1));
    let error = with_flat(tied.clone(), &flat_parameters(&free)).unwrap_err();
    assert!(error.to_string().contains("[23]"), "{error}");
    let error = with_parameters(free.clone(), &named_parameters(&tied)).unwrap_err();
    assert!(
        error.to_string().contains("no tensor `decoder.weight`"),
        "{error}"
    );
    let error = with_parameters(tied, &named_parameters(&free)).unwrap_err();
    assert!(
        error.to_string().contains("number of the model's tensors"),
        "{error}"
    );
    let mut turned = named_parameters(&free);
    turned[2].shape.reverse();
    let error = with_parameters(free, &turned).unwrap_err();
    assert!(error.to_string().contains("[3, 5]"), "{error}");
}
