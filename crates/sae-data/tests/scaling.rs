//! Scalings against NumPy (tests/reference/scaling.py), undone again, and kept in a file.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on ends by panicking"
)]

use std::path::Path;

use sae_data::{Per, Samples, Scaling, ScalingConfig, ScalingKind, read_npz};

fn array(name: &str) -> Samples {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/reference/scaling.npz");
    let array = read_npz(&path, name).unwrap();
    Samples::Doubles {
        width: array.shape[1],
        values: array.values,
    }
}

fn all(samples: &Samples) -> Vec<f64> {
    let rows: Vec<usize> = (0..samples.rows()).collect();
    samples.gather_doubles(&rows)
}

fn config(kind: ScalingKind) -> ScalingConfig {
    ScalingConfig {
        kind,
        ..ScalingConfig::NONE
    }
}

fn fitted(config: ScalingConfig) -> Scaling {
    config.fit(&array("train")).unwrap().unwrap()
}

const EPSILON: f64 = 0.01;

/// Every scaling with the name of its fixture.
fn cases() -> Vec<(&'static str, ScalingConfig)> {
    let min_max = |per| {
        config(ScalingKind::MinMax {
            low: -1.0,
            high: 1.0,
            per,
        })
    };
    let standardise = |per| config(ScalingKind::Standardise { per });
    let pca = |epsilon, components| {
        config(ScalingKind::Pca {
            epsilon,
            components,
        })
    };
    let zca = config(ScalingKind::Zca { epsilon: EPSILON });
    vec![
        ("min_max_input", min_max(Per::Input)),
        ("min_max_all", min_max(Per::All)),
        ("standardise_input", standardise(Per::Input)),
        ("standardise_all", standardise(Per::All)),
        ("zca", zca),
        ("pca", pca(EPSILON, None)),
        ("pca_3", pca(0.0, Some(3))),
        (
            "zca_dc",
            ScalingConfig {
                remove_dc: true,
                ..zca
            },
        ),
        (
            "ufldl",
            ScalingConfig {
                remove_dc: true,
                truncate: true,
                ..ScalingConfig::NONE
            },
        ),
    ]
}

fn assert_close(what: &str, found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (found, expected) in found.iter().zip(expected) {
        let difference = (found - expected).abs();
        assert!(difference < tolerance, "{what}: {found} {expected}");
    }
}

#[test]
fn scaled_samples_are_those_of_numpy() {
    for (name, config) in cases() {
        let scaling = fitted(config);
        let test = array("test");
        let (found, expected) = (scaling.apply_exactly(&test), array(name));
        assert_eq!(scaling.outputs(), expected.width(), "{name}");
        assert_close(name, &all(&found), &all(&expected), 1e-11);
        let single = scaling.apply(&test);
        assert_close(name, &all(&single), &all(&expected), 1e-5);
    }
}

#[test]
fn undoing_gives_the_samples_back() {
    let test = array("test");
    for (name, config) in cases() {
        let scaling = fitted(config);
        let back = scaling.undo(&scaling.apply_exactly(&test), &test);
        match name {
            // Components that were left out are lost, and so is what was truncated.
            "pca_3" | "ufldl" => assert_eq!(all(&back).len(), all(&test).len()),
            // Training samples do not vary in every direction, test samples do: there, too, the
            // inverse is exact, because epsilon is added to every variance.
            _ => assert_close(name, &all(&back), &all(&test), 1e-9),
        }
    }
}

/// Within ±3σ truncation loses nothing; beyond it everything.
#[test]
fn truncation_can_be_undone_inside_its_range() {
    let config = ScalingConfig {
        truncate: true,
        ..config(ScalingKind::Standardise { per: Per::All })
    };
    let scaling = fitted(config);
    let train = array("train");
    let scaled = all(&scaling.apply_exactly(&train));
    assert!(scaled.iter().all(|v| (0.1..=0.9).contains(v)));
    let back = all(&scaling.undo(&scaling.apply_exactly(&train), &train));
    for ((scaled, back), original) in scaled.iter().zip(&back).zip(all(&train)) {
        let inside = (0.1001..0.8999).contains(scaled);
        assert!(!inside || (back - original).abs() < 1e-9);
    }
}

/// The directions are the gradient of the scaled samples' products with the weights: central
/// differences of an affine map are exact.
#[test]
fn directions_are_gradients_in_the_space_of_the_inputs() {
    for (name, config) in cases() {
        if config.truncate {
            continue;
        }
        let scaling = fitted(config);
        let hidden = 2;
        let weights: Vec<f64> = (0..scaling.outputs() * hidden)
            .map(|i| (i as f64).sin())
            .collect();
        let activations = |values: Vec<f64>| -> Vec<f64> {
            let row = Samples::Doubles { width: 6, values };
            let scaled = all(&scaling.apply_exactly(&row));
            let unit = |unit| {
                let products = scaled.iter().enumerate();
                products.map(|(i, x)| x * weights[i * hidden + unit]).sum()
            };
            (0..hidden).map(unit).collect()
        };
        let directions = scaling.directions(&weights, hidden);
        let base = array("test").gather_doubles(&[3]);
        for input in 0..6 {
            let moved = |by: f64| {
                let mut values = base.clone();
                values[input] += by;
                activations(values)
            };
            let (up, down) = (moved(0.5), moved(-0.5));
            for unit in 0..hidden {
                let slope = up[unit] - down[unit];
                let found = directions[input * hidden + unit];
                assert!((found - slope).abs() < 1e-9, "{name}: {found} {slope}");
            }
        }
    }
}

#[test]
fn a_file_gives_the_same_scaling_back() {
    for (_, config) in cases() {
        let scaling = fitted(config);
        assert_eq!(Scaling::from_bytes(&scaling.to_bytes()).unwrap(), scaling);
    }
    let error = Scaling::from_bytes(b"nonsense").unwrap_err();
    assert!(!error.is_empty());
    let whole = fitted(cases()[4].1).to_bytes();
    assert!(Scaling::from_bytes(&whole[..whole.len() - 8]).is_err());
}

#[test]
fn no_scaling_is_no_scaling() {
    let fitted = ScalingConfig::NONE.fit(&array("train")).unwrap();
    assert!(fitted.is_none());
}

#[test]
fn what_cannot_be_whitened_is_refused() {
    let train = array("train");
    let error = |kind| config(kind).fit(&train).unwrap_err().to_string();
    // One of the six inputs never varies.
    assert_eq!(
        error(ScalingKind::Zca { epsilon: 0.0 }),
        "epsilon is 0 for inputs with variance in 5 directions of 6; expected a number > 0, or \
         kind = \"pca\" with at most 5 components"
    );
    let seven = ScalingKind::Pca {
        epsilon: 0.1,
        components: Some(7),
    };
    assert_eq!(
        error(seven),
        "components is 7; expected 1 to 6, the number of inputs"
    );
}
