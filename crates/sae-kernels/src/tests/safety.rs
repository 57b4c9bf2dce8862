//! What is not finite moves nothing, and gradients are shortened by their formula.

use super::{
    OPTIMIZERS, autoencoder, config, difference, doubles, network, network_config, part, samples,
};
use crate::{Activation, Autoencoder, KernelError, Part, RhoHat, Rows, Unit, Update};

/// Everything that a step may change.
fn memory(kernel: &Autoencoder) -> (Vec<Vec<u32>>, u64, Option<Vec<f64>>) {
    let parts = [Part::Values, Part::First, Part::Second];
    let bits = |which| part!(kernel, which).iter().map(|v| v.to_bits()).collect();
    let estimate = kernel.estimate().map(<[f64]>::to_vec);
    (parts.map(bits).to_vec(), kernel.updates(), estimate)
}

/// Samples, a parameter, a gradient too long for `f32`, and a sum of it that only `f64` holds.
#[test]
fn what_is_not_finite_moves_nothing() {
    let x = samples(40, 10);
    let mut spoilt = x.clone();
    spoilt[57] = f32::NAN;
    for optimizer in OPTIMIZERS {
        let update = Some(Update::new(optimizer, 0.01));
        let running = RhoHat::Running(0.9);
        let mut kernel = autoencoder(config(10, 3), 2);
        for _ in 0..2 {
            let value = kernel.step(Rows::of(&x, 10), None, update, running);
            assert!(value.is_ok());
        }
        let before = memory(&kernel);
        let refused = kernel.step(Rows::of(&spoilt, 10), None, update, running);
        assert_eq!(refused, Err(KernelError::NotFinite), "{optimizer:?}");
        assert!(memory(&kernel) == before, "{optimizer:?}");
        assert!(!kernel.value().reconstruction.is_finite());
        for hole in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut values = part!(kernel, Part::Values);
            let sound = values[31];
            values[31] = hole;
            kernel.write(Part::Values, &values).expect("all of them");
            let holed = memory(&kernel);
            let refused = kernel.step(Rows::of(&x, 10), None, update, running);
            assert_eq!(refused, Err(KernelError::NotFinite), "{optimizer:?}");
            assert!(memory(&kernel) == holed, "{optimizer:?}, {hole}");
            values[31] = sound;
            kernel.write(Part::Values, &values).expect("all of them");
            let mut gradient = vec![0.5; values.len()];
            gradient[70] = hole;
            kernel.write(Part::Gradients, &gradient).expect("all");
            let refused = kernel.update(Update::new(optimizer, 0.01));
            assert_eq!(refused, Err(KernelError::NotFinite), "{optimizer:?}");
            assert!(memory(&kernel) == before, "{optimizer:?}, {hole}");
        }
        // Squares above what `f32` holds are no reason to stop.
        kernel.write(Part::Gradients, &[3e19; 73]).expect("all");
        assert_eq!(kernel.update(Update::new(optimizer, 0.01)), Ok(()));
    }
}

#[test]
fn a_network_refuses_what_is_not_finite() {
    let units = [Activation::of(Unit::Relu)];
    let mut kernel = network(network_config(&[10, 4, 3], &units), 2);
    let mut x = samples(40, 10);
    let labels: Vec<u32> = (0..40).map(|row| row % 3).collect();
    let update = Some(Update::new(super::adam(0.0), 0.01));
    assert!(kernel.step(Rows::of(&x, 10), &labels, update).is_ok());
    let before = part!(kernel, Part::Values);
    x[57] = f32::INFINITY;
    let refused = kernel.step(Rows::of(&x, 10), &labels, update);
    assert_eq!(refused, Err(KernelError::NotFinite));
    assert_eq!(part!(kernel, Part::Values), before);
    assert_eq!(kernel.updates(), 1);
    assert!(!kernel.value().cross_entropy.is_finite());
}

/// θ ← θ − η·∇J·min(1, c/‖∇J‖), in double precision.
#[test]
fn gradients_are_shortened_to_the_limit() {
    let x = samples(40, 10);
    let sgd = super::sgd(0.0, false);
    for clip in [1e-3, 1e3] {
        let mut kernel = autoencoder(config(10, 3), 2);
        let start = doubles(&part!(kernel, Part::Values));
        let update = Update {
            clip: Some(clip),
            ..Update::new(sgd, 0.5)
        };
        let value = kernel.step(Rows::of(&x, 10), None, Some(update), RhoHat::Batch);
        assert!(value.is_ok());
        let gradient = doubles(&part!(kernel, Part::Gradients));
        let norm = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
        assert_eq!(kernel.clipped(), norm > clip);
        let scale = (clip / norm).min(1.0);
        let pairs = start.iter().zip(&gradient);
        let expected: Vec<f64> = pairs.map(|(v, g)| v - 0.5 * scale * g).collect();
        let found = part!(kernel, Part::Values);
        assert!(difference(&found, &expected) < 1e-6, "{clip}");
        if clip < norm {
            let moved = found.iter().zip(&start);
            let moved = moved.map(|(&v, s)| (f64::from(v) - s).powi(2)).sum::<f64>();
            assert!((moved.sqrt() / (0.5 * clip) - 1.0).abs() < 1e-2);
        }
    }
}
