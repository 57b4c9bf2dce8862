//! Autoencoders against plain loops, and whole steps against parts.

use super::{
    assert_close, autoencoder, config, difference, doubles, part, reference, samples, sets, start,
};
use crate::{
    Activation, AutoencoderConfig, AutoencoderValue, InstructionSet, Part, Reconstruction, RhoHat,
    Rows, Unit, Update, Values,
};

fn terms(value: &AutoencoderValue) -> [f64; 4] {
    [
        value.reconstruction,
        value.weight_decay,
        value.sparsity,
        value.l1,
    ]
}

fn assert_agrees(c: &AutoencoderConfig, rows: usize, denoise: bool, set: InstructionSet) {
    let what = format!("{c:?}, {rows} rows, {set}");
    let inputs = samples(rows, c.inputs);
    let targets: Vec<f32> = match denoise {
        true => inputs.iter().map(|x| 1.0 - x * x).collect(),
        false => inputs.clone(),
    };
    let expected = reference::autoencoder(c, &start(c), &inputs, &targets);
    let mut kernel = autoencoder(*c, 2);
    kernel = kernel.with_instruction_set(set).expect("it is available");
    let target_rows = denoise.then(|| Rows::of(&targets, c.inputs));
    let value = kernel.step(
        Rows::of(&inputs, c.inputs),
        target_rows,
        None,
        RhoHat::Batch,
    );
    let value = value.expect("samples that fit");
    for (found, expected) in terms(value).into_iter().zip(expected.terms) {
        assert_close(&what, found, expected, 5e-6);
    }
    assert_close(&what, value.squared_error, expected.squared_error, 5e-6);
    for (&found, &expected) in value.rho_hat.iter().zip(&expected.rho_hat) {
        assert!(
            (found - expected).abs() <= 5e-6,
            "{what}: {found} {expected}"
        );
    }
    let found = difference(&part!(kernel, Part::Gradients), &expected.gradient);
    assert!(found < 2e-5, "{what}: {found:e}");
    let norm = expected.gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
    assert_close(&what, kernel.gradient_norm(), norm, 1e-4);
    assert_eq!(part!(kernel, Part::Values), start(c), "nothing was updated");
}

/// Sizes around every boundary: of registers, tiles, blocks, groups of panels and chunks.
#[test]
fn gradients_of_any_size() {
    for (inputs, hidden, rows) in [
        (1, 1, 1),
        (3, 2, 5),
        (31, 5, 32),
        (32, 14, 33),
        (33, 15, 64),
        (40, 8, 17),
        (40, 8, 128),
        (70, 29, 45),
        (300, 40, 90),
        (20, 3, 1025),
    ] {
        for set in sets() {
            for tied in [false, true] {
                for reconstruction in Reconstruction::ALL {
                    let c = AutoencoderConfig {
                        tied,
                        reconstruction,
                        ..config(inputs, hidden)
                    };
                    assert_agrees(&c, rows, false, set);
                    assert_agrees(&c, rows, true, set);
                }
            }
        }
    }
}

/// Weights that are larger than the cache go through groups of blocks and panels.
#[test]
fn gradients_of_a_large_autoencoder() {
    for tied in [false, true] {
        for reconstruction in Reconstruction::ALL {
            let c = AutoencoderConfig {
                tied,
                reconstruction,
                ..config(2100, 130)
            };
            assert_agrees(&c, 260, false, InstructionSet::detected());
        }
    }
}

#[test]
fn gradients_of_all_units() {
    let outputs = Unit::ALL.map(|unit| (unit, Reconstruction::SquaredError));
    for encoder in Unit::ALL {
        for (decoder, reconstruction) in outputs
            .into_iter()
            .chain([(Unit::Sigmoid, Reconstruction::CrossEntropy)])
        {
            for (tied, top_k) in [
                (false, None),
                (true, None),
                (false, Some(4)),
                (true, Some(4)),
            ] {
                let sparse = matches!(encoder, Unit::Sigmoid | Unit::Tanh) && top_k.is_none();
                let c = AutoencoderConfig {
                    encoder: Activation {
                        unit: encoder,
                        top_k,
                    },
                    decoder,
                    reconstruction,
                    tied,
                    beta: if sparse { 2.0 } else { 0.0 },
                    l1: if sparse { 0.0 } else { 0.3 },
                    ..config(37, 11)
                };
                for set in sets() {
                    assert_agrees(&c, 50, false, set);
                }
            }
        }
    }
}

/// Samples that are mostly zero, as images are: rows and columns of zeros are left out of products.
#[test]
fn gradients_on_sparse_samples() {
    let c = config(100, 20);
    let keep = |i: usize, v: f32| match (i % 100, i / 100) {
        (40..70, _) | (_, 3..40) => 0.0,
        (column, _) if column % 3 == 0 => 0.0,
        _ => v,
    };
    let dense = samples(300, 100).into_iter().enumerate();
    let x: Vec<f32> = dense.map(|(i, v)| keep(i, v)).collect();
    for rows in [70, 300] {
        let x = &x[..rows * 100];
        let expected = reference::autoencoder(&c, &start(&c), x, x);
        let mut kernel = autoencoder(c, 2);
        let value = kernel.step(Rows::of(x, 100), None, None, RhoHat::Batch);
        value.expect("samples that fit");
        assert!(difference(&part!(kernel, Part::Gradients), &expected.gradient) < 2e-5);
    }
}

/// The same batch in unequal parts, on the models of two machines.
#[test]
fn parts_add_up_to_the_whole() {
    let (inputs, rows) = (45, 2400);
    let x = samples(rows, inputs);
    let y: Vec<f32> = x.iter().map(|x| 1.0 - x * x).collect();
    for (tied, reconstruction) in [false, true].into_iter().zip(Reconstruction::ALL) {
        let c = AutoencoderConfig {
            tied,
            reconstruction,
            l1: 0.2,
            ..config(inputs, 9)
        };
        let at = |values: &'_ [f32], rows: std::ops::Range<usize>| {
            values[rows.start * inputs..rows.end * inputs].to_vec()
        };
        let mut whole = autoencoder(c, 2);
        let expected = whole
            .step(
                Rows::of(&x, inputs),
                Some(Rows::of(&y, inputs)),
                None,
                RhoHat::Batch,
            )
            .expect("samples that fit")
            .clone();
        // Each machine has two parts.
        let machines = [&[0..7, 7..1300][..], &[1300..2000, 2000..2400]];
        let mut kernels = [autoencoder(c, 1), autoencoder(c, 2)];
        let mut rho_hat = vec![0.0; 9];
        for (kernel, parts) in kernels.iter_mut().zip(machines) {
            for part in parts {
                let x = at(&x, part.clone());
                kernel
                    .forward(Rows::of(&x, inputs), rows, &mut rho_hat)
                    .expect("a part");
            }
        }
        let mut gradient = vec![0.0; whole.parameters()];
        let mut value = [0.0; 4];
        let mut mean = [0.0; 9];
        for (kernel, parts) in kernels.iter_mut().zip(machines) {
            for part in parts {
                let (x, y) = (at(&x, part.clone()), at(&y, part.clone()));
                let targets = Some(Rows::of(&y, inputs));
                kernel
                    .backward(Rows::of(&x, inputs), targets, rows, &rho_hat)
                    .expect("a part");
            }
            let share = kernel.finish();
            let sums = value.iter_mut().zip(terms(&share));
            sums.for_each(|(sum, share)| *sum += share);
            mean.iter_mut()
                .zip(&share.rho_hat)
                .for_each(|(sum, m)| *sum += m);
            let own = part!(kernel, Part::Gradients);
            gradient.iter_mut().zip(&own).for_each(|(sum, g)| *sum += g);
        }
        for (found, expected) in value.into_iter().zip(terms(&expected)) {
            assert_close("a term", found, expected, 1e-6);
        }
        for (&found, &expected) in mean.iter().zip(&expected.rho_hat) {
            assert_close("rho_hat", found, expected, 1e-6);
        }
        let expected = doubles(&part!(whole, Part::Gradients));
        let found = difference(&gradient, &expected);
        assert!(found < 2e-6, "{found:e}");
    }
}

/// A part that is the whole is the step, to the last bit; and a machine without samples has a
/// gradient of zero.
#[test]
fn one_part_is_the_step() {
    let c = config(45, 9);
    let x = samples(300, 45);
    let rows = Rows::of(&x, 45);
    let optimizer = super::adam(0.0);
    let mut whole = autoencoder(c, 2);
    let expected = whole.step(
        rows,
        None,
        Some(Update::new(optimizer, 0.01)),
        RhoHat::Batch,
    );
    let expected = expected.expect("samples that fit").clone();
    let mut kernel = autoencoder(c, 2);
    let mut rho_hat = vec![0.0; 9];
    kernel.forward(rows, 300, &mut rho_hat).expect("a part");
    kernel.backward(rows, None, 300, &rho_hat).expect("a part");
    assert_eq!(kernel.finish(), expected);
    kernel
        .update(Update::new(optimizer, 0.01))
        .expect("finite numbers");
    for which in Part::ALL {
        assert_eq!(part!(kernel, which), part!(whole, which), "{which:?}");
    }
    assert_eq!(kernel.updates(), 1);
    let nothing = kernel.finish();
    assert_eq!(terms(&nothing), [0.0; 4]);
    assert!(part!(kernel, Part::Gradients).iter().all(|&g| g == 0.0));
}

#[test]
fn the_estimate_takes_the_place_of_rho_hat() {
    let (c, own) = (config(30, 4), 0.5);
    let x = samples(50, 30);
    let mut kernel = autoencoder(c, 1);
    let step = |kernel: &mut crate::Autoencoder, rho_hat| {
        let value = kernel.step(Rows::of(&x, 30), None, None, rho_hat);
        value.expect("samples that fit").clone()
    };
    let batch = step(&mut kernel, RhoHat::Batch);
    assert_eq!(kernel.estimate(), None);
    let first = step(&mut kernel, RhoHat::Running(own));
    assert_eq!(first, batch, "the first estimate is the step's own");
    kernel
        .set_estimate(&[0.1, 0.2, 0.3, 0.4])
        .expect("all four");
    let given = step(&mut kernel, RhoHat::Given);
    assert_eq!(given.rho_hat, [0.1, 0.2, 0.3, 0.4]);
    let divergence = |&rho_hat: &f64| 2.0 * crate::kl_divergence(0.1, rho_hat);
    let expected = given.rho_hat.iter().map(divergence).sum();
    assert_close("sparsity", given.sparsity, expected, 1e-12);
    let given_gradient = part!(kernel, Part::Gradients);
    let mut parts = autoencoder(c, 1);
    let rows = Rows::of(&x, 30);
    parts
        .backward(rows, None, 50, &given.rho_hat)
        .expect("a part");
    parts.finish();
    assert_eq!(part!(parts, Part::Gradients), given_gradient);
    let running = step(&mut kernel, RhoHat::Running(own));
    for j in 0..4 {
        let expected = own * given.rho_hat[j] + (1.0 - own) * batch.rho_hat[j];
        assert_close("running", running.rho_hat[j], expected, 1e-14);
    }
    assert_eq!(kernel.estimate(), Some(&running.rho_hat[..]));
}

/// Rows in any order, as bytes or as floats, are the same rows.
#[test]
fn rows_are_gathered_and_converted() {
    let (inputs, hidden, all) = (40, 6, 90);
    let bytes: Vec<u8> = (0..inputs * all).map(|i| (i * 31 % 256) as u8).collect();
    let order: Vec<usize> = (0..50).map(|i| i * 37 % all).collect();
    let gathered: Vec<f32> = order
        .iter()
        .flat_map(|&row| &bytes[row * inputs..][..inputs])
        .map(|&v| f32::from(v) / 255.0)
        .collect();
    let floats: Vec<f32> = bytes.iter().map(|&v| f32::from(v) / 255.0).collect();
    let step = |rows: Rows<'_>| {
        let mut kernel = autoencoder(config(inputs, hidden), 1);
        let value = kernel.step(rows, None, None, RhoHat::Batch);
        value.expect("samples that fit");
        part!(kernel, Part::Gradients)
    };
    let expected = step(Rows::of(&gathered, inputs));
    for values in [Values::Bytes(&bytes), Values::Floats(&floats)] {
        let rows = Rows {
            values,
            columns: inputs,
            order: Some(&order),
        };
        assert_eq!(rows.count(), 50);
        assert!(step(rows) == expected);
    }
}

/// What is not a number stays so, whatever the unit: training must be able to notice.
#[test]
fn what_is_not_finite_is_not_hidden() {
    let finite = |value: &AutoencoderValue| terms(value).iter().sum::<f64>().is_finite();
    for set in sets() {
        for (unit, reconstruction) in Unit::ALL
            .map(|unit| (unit, Reconstruction::SquaredError))
            .into_iter()
            .chain([(Unit::Sigmoid, Reconstruction::CrossEntropy)])
        {
            let c = AutoencoderConfig {
                encoder: Activation::of(unit),
                decoder: unit,
                reconstruction,
                weight_decay: 0.0,
                beta: 0.0,
                ..config(10, 3)
            };
            let fresh = || {
                autoencoder(c, 1)
                    .with_instruction_set(set)
                    .expect("available")
            };
            let step = |kernel: &mut crate::Autoencoder, x: &[f32]| {
                let value = kernel.step(Rows::of(x, 10), None, None, RhoHat::Batch);
                finite(value.expect("samples that fit"))
            };
            // A column of zeros hides a weight from the products.
            let mut x = samples(40, 10);
            x.chunks_mut(10).for_each(|row| row[0] = 0.0);
            assert!(step(&mut fresh(), &x));
            for (place, hole) in [(0, f32::NAN), (2, f32::INFINITY), (30, f32::INFINITY)] {
                let mut kernel = fresh();
                let mut values = start(&c);
                values[place] = hole;
                kernel.write(Part::Values, &values).expect("all of them");
                assert!(!kernel.parameters_are_finite());
                assert!(!step(&mut kernel, &x), "{set}, {unit}, {place}");
            }
            x[57] = f32::NAN;
            assert!(!step(&mut fresh(), &x), "{set}, {unit}");
        }
    }
}

/// An update that overflows shows in the parameters; squares that only `f32` cannot hold do not.
#[test]
fn overflow_is_told_from_large_numbers() {
    let c = config(10, 3);
    let x = samples(40, 10);
    let step = |kernel: &mut crate::Autoencoder, update| {
        let value = kernel.step(Rows::of(&x, 10), None, update, RhoHat::Batch);
        value.expect("samples that fit").weight_decay
    };
    let mut kernel = autoencoder(c, 1);
    assert!(step(&mut kernel, None).is_finite() && kernel.parameters_are_finite());
    let overflowing = Some(Update::new(super::sgd(0.0, false), f32::INFINITY));
    assert!(step(&mut kernel, overflowing).is_finite());
    assert!(!kernel.parameters_are_finite());
    let large: Vec<f32> = start(&c).iter().map(|v| v * 1e25).collect();
    kernel.write(Part::Values, &large).expect("all of them");
    assert!(kernel.parameters_are_finite() && step(&mut kernel, None).is_finite());
}

/// Sums over many samples are right to 1e-6. `cargo test --release -- --ignored` looks at 60,000 of
/// 784 columns.
#[test]
fn sums_over_samples_are_precise() {
    sums_are_precise(4000, 60, 12);
}

#[test]
#[ignore = "plain loops over 60,000 samples take a minute"]
fn sums_over_a_whole_data_set_are_precise() {
    sums_are_precise(60_000, 784, 16);
}

fn sums_are_precise(rows: usize, inputs: usize, hidden: usize) {
    for reconstruction in Reconstruction::ALL {
        let c = AutoencoderConfig {
            l1: 0.1,
            reconstruction,
            ..config(inputs, hidden)
        };
        let x = samples(rows, inputs);
        let expected = reference::autoencoder(&c, &start(&c), &x, &x);
        let mut kernel = autoencoder(c, 2);
        let value = kernel.step(Rows::of(&x, inputs), None, None, RhoHat::Batch);
        let value = value.expect("samples that fit");
        for (found, expected) in terms(value).into_iter().zip(expected.terms) {
            assert_close("a term", found, expected, 1e-6);
        }
        assert_close("squares", value.squared_error, expected.squared_error, 1e-6);
        for (&found, &expected) in value.rho_hat.iter().zip(&expected.rho_hat) {
            assert_close("rho_hat", found, expected, 1e-6);
        }
    }
}

/// Outputs at the ends of φ, right and wrong ones, in closed form: with W2 = 0 the output is φ(c), and
/// −log φ(±20) = log(1 + e^∓20). Beyond |p| = 17 φ itself is 0 or 1 to `f32`.
#[test]
fn cross_entropy_of_sure_outputs() {
    for set in sets() {
        for (p, x, expected) in [
            (20.0, 1.0, 0.0),
            (20.0, 0.0, 20.0),
            (-20.0, 1.0, 20.0),
            (-20.0, 0.0, 0.0),
            (200.0, 0.25, 150.0),
            (-200.0, 0.25, 50.0),
            (0.0, 1.0, std::f64::consts::LN_2),
        ] {
            let c = AutoencoderConfig {
                reconstruction: Reconstruction::CrossEntropy,
                weight_decay: 0.0,
                beta: 0.0,
                ..config(40, 2)
            };
            let mut kernel = autoencoder(c, 1);
            kernel = kernel.with_instruction_set(set).expect("it is available");
            let mut values = start(&c);
            let decoder = values.len() - 40;
            values[82..decoder].fill(0.0);
            values[decoder..].fill(p);
            kernel.write(Part::Values, &values).expect("all of them");
            let value = kernel.step(Rows::of(&[x; 120], 40), None, None, RhoHat::Batch);
            let found = value.expect("samples that fit").reconstruction / 40.0;
            let error = (found - expected).abs();
            assert!(error < 1e-6 * (1.0 + expected), "{set}: {p}, {x}: {found}");
        }
    }
}
