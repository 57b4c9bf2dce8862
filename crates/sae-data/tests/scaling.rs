//! Scalings against NumPy (tests/reference/scaling.py), undone again, and kept in a file.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on ends by panicking"
)]

use std::path::Path;

use sae_data::{Lent, Per, Samples, Scaling, ScalingConfig, ScalingKind, Tensors, read_npz};

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
        ..ScalingConfig::default()
    }
}

fn fitted(config: ScalingConfig) -> Scaling {
    config.fit(array("train")).unwrap().unwrap()
}

/// Every scaling with the name of its fixture.
fn cases() -> Vec<(&'static str, ScalingConfig)> {
    let per = |per, kind| ScalingConfig {
        per,
        low: -1.0,
        ..config(kind)
    };
    let zca = config(ScalingKind::Zca);
    vec![
        ("min_max_input", per(Per::Input, ScalingKind::MinMax)),
        ("min_max_all", per(Per::All, ScalingKind::MinMax)),
        (
            "standardise_input",
            per(Per::Input, ScalingKind::Standardise),
        ),
        ("standardise_all", per(Per::All, ScalingKind::Standardise)),
        ("zca", zca),
        ("pca", config(ScalingKind::Pca)),
        (
            "pca_3",
            ScalingConfig {
                epsilon: 0.0,
                components: 3,
                ..config(ScalingKind::Pca)
            },
        ),
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
                ..ScalingConfig::default()
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

/// In single precision, numbers are those in double precision to the last bit, however they are scaled and
/// wherever they lie, in parts as at once.
#[test]
fn single_precision_is_double_precision_rounded() {
    let test = array("test").in_single();
    let width = test.width();
    let numbers = test.singles().unwrap().to_vec();
    let bytes = numbers.iter().map(|v| (50.0 * v) as u8).collect();
    let lent = Samples::Lent {
        width,
        values: Lent::by(numbers),
    };
    let bytes = Samples::Bytes {
        width,
        values: bytes,
    };
    for (name, config) in cases() {
        let scaling = fitted(config);
        for samples in [&test, &lent, &bytes] {
            let expected = scaling.apply_exactly(samples).in_single();
            assert_eq!(scaling.apply(samples), expected, "{name}");
            let rows: Vec<usize> = (1..samples.rows()).collect();
            let some = scaling.apply_rows(samples, 1..samples.rows());
            // Products of matrices round as their sizes have it.
            if name.contains('_') && !name.starts_with(['p', 'z']) {
                assert_eq!(some, expected.select(&rows), "{name}");
            }
        }
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
        per: Per::All,
        ..config(ScalingKind::Standardise)
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
fn tensors_give_the_same_scaling_back() {
    for (_, config) in cases() {
        let scaling = fitted(config);
        assert_eq!(
            Scaling::from_tensors(&scaling.to_tensors()).unwrap(),
            scaling
        );
    }
    assert!(Scaling::from_tensors(&Tensors::default()).is_err());
}

#[test]
fn no_scaling_is_no_scaling() {
    let fitted = ScalingConfig::default().fit(array("train")).unwrap();
    assert!(fitted.is_none());
}

#[test]
fn what_cannot_be_whitened_is_refused() {
    let error = |config: ScalingConfig| config.fit(array("train")).unwrap_err().to_string();
    // One of the six inputs never varies.
    let exact = ScalingConfig {
        epsilon: 0.0,
        ..config(ScalingKind::Zca)
    };
    assert_eq!(
        error(exact),
        "epsilon is 0 for inputs with variance in 5 directions of 6; expected a number > 0, or \
         kind = \"pca\" with at most 5 components"
    );
    let seven = ScalingConfig {
        components: 7,
        ..config(ScalingKind::Pca)
    };
    assert_eq!(
        error(seven),
        "components is 7; expected 1 to 6, the number of inputs"
    );
    for (remove_dc, levels) in [(false, vec![77]), (true, vec![77, 200])] {
        let constant = ScalingConfig { remove_dc, ..exact };
        let message = constant.fit(grey(&levels)).unwrap_err().to_string();
        assert_eq!(
            message,
            "epsilon is 0 for inputs that never vary; expected a number > 0"
        );
    }
}

/// 600 rows of three pixels, all of the same grey, which differs from row to row where there are
/// several: without its mean, no row varies.
fn grey(levels: &[u8]) -> Samples {
    let level = |row: usize| levels[row % levels.len()];
    Samples::Bytes {
        width: 3,
        values: (0..1800).map(|place| level(place / 3)).collect(),
    }
}

/// An input that is always 77 has a mean that is 77/255 but for rounding. What is left is no
/// deviation.
#[test]
fn constant_inputs_are_found_exactly() {
    let one_off = Samples::Bytes {
        width: 3,
        values: vec![77, 78, 77],
    };
    for per in [Per::Input, Per::All] {
        for (kind, low) in [(ScalingKind::Standardise, 0.0), (ScalingKind::MinMax, -1.0)] {
            let config = ScalingConfig {
                per,
                low,
                ..config(kind)
            };
            let scaling = config.fit(grey(&[77])).unwrap().unwrap();
            let scaled = all(&scaling.apply_exactly(&one_off));
            assert_eq!([scaled[0], scaled[2]], [low, low]);
            assert_close("one off", &scaled[1..2], &[low + 1.0 / 255.0], 1e-15);
        }
    }
}

/// The same of samples whose means are taken from them, where what is left is rounding in each.
#[test]
fn flat_samples_do_not_vary() {
    for kind in [
        ScalingKind::Standardise,
        ScalingKind::MinMax,
        ScalingKind::None,
    ] {
        for truncate in [false, kind != ScalingKind::MinMax] {
            let config = ScalingConfig {
                remove_dc: true,
                truncate,
                ..config(kind)
            };
            let levels: Vec<u8> = (0..=255).collect();
            let scaling = config.fit(grey(&levels)).unwrap().unwrap();
            let edge = Samples::Bytes {
                width: 3,
                values: vec![77, 80, 77],
            };
            let middle = if truncate { 0.5 } else { 0.0 };
            let scaled = all(&scaling.apply_exactly(&grey(&levels)));
            assert_close("flat", &scaled, &vec![middle; 1800], 1e-12);
            let scaled = all(&scaling.apply_exactly(&edge));
            assert_close("edge", &scaled, &[middle; 3], 0.01);
        }
    }
}

#[test]
fn samples_that_are_not_finite_are_refused() {
    let samples = Samples::Floats {
        width: 2,
        values: vec![0.0, 1.0, 2.0, f32::NAN],
    };
    let error = config(ScalingKind::Standardise).fit(&samples).unwrap_err();
    assert_eq!(
        error.to_string(),
        "input 1 of sample 1 (counted from 0) is NaN or infinite; expected finite numbers"
    );
}
