//! Optimizers against their formulas.

use super::{OPTIMIZERS, autoencoder, config, difference, doubles, part, samples};
use crate::{Optimizer, Part, RhoHat, Rows, Update};

/// θ after an update, with the optimizer's memory.
fn updated(
    optimizer: Optimizer,
    number: i32,
    rate: f64,
    weight: bool,
    [value, a, b]: [f64; 3],
    g: f64,
) -> [f64; 3] {
    match optimizer {
        Optimizer::Sgd { momentum, nesterov } => {
            let momentum = f64::from(momentum);
            let velocity = momentum * a + g;
            let step = if nesterov {
                g + momentum * velocity
            } else {
                velocity
            };
            [value - rate * step, velocity, b]
        }
        Optimizer::Adam {
            beta1,
            beta2,
            epsilon,
            weight_decay,
        } => {
            let (beta1, beta2) = (f64::from(beta1), f64::from(beta2));
            let a = beta1 * a + (1.0 - beta1) * g;
            let b = beta2 * b + (1.0 - beta2) * g * g;
            let mean = a / (1.0 - beta1.powi(number));
            let square = b / (1.0 - beta2.powi(number));
            let decay = if weight { f64::from(weight_decay) } else { 0.0 };
            let kept = value - rate * decay * value;
            [
                kept - rate * mean / (square.sqrt() + f64::from(epsilon)),
                a,
                b,
            ]
        }
        Optimizer::RmsProp {
            decay,
            momentum,
            epsilon,
        } => {
            let decay = f64::from(decay);
            let b = decay * b + (1.0 - decay) * g * g;
            let a = f64::from(momentum) * a + g / (b.sqrt() + f64::from(epsilon));
            [value - rate * a, a, b]
        }
    }
}

/// Over several steps in double precision, on the kernels' own gradients.
#[test]
fn updates_follow_their_formulas() {
    let (inputs, hidden, rate) = (35, 4, 0.05);
    let x = samples(60, inputs);
    let is_weight = |place: usize| {
        let weights = inputs * hidden;
        place < weights || (weights + hidden..2 * weights + hidden).contains(&place)
    };
    for optimizer in OPTIMIZERS {
        let mut kernel = autoencoder(config(inputs, hidden), 2);
        let values = doubles(&part!(kernel, Part::Values));
        let mut state: Vec<[f64; 3]> = values.into_iter().map(|v| [v, 0.0, 0.0]).collect();
        for number in 1..=6 {
            let rows = Rows::of(&x, inputs);
            let value = kernel.step(
                rows,
                None,
                Some(Update::new(optimizer, rate)),
                RhoHat::Batch,
            );
            value.expect("samples that fit");
            let gradients = doubles(&part!(kernel, Part::Gradients));
            for (place, (state, g)) in state.iter_mut().zip(gradients).enumerate() {
                let rate = f64::from(rate);
                *state = updated(optimizer, number, rate, is_weight(place), *state, g);
            }
        }
        for (index, which) in [Part::Values, Part::First, Part::Second]
            .into_iter()
            .enumerate()
        {
            let expected: Vec<f64> = state.iter().map(|state| state[index]).collect();
            let difference = difference(&part!(kernel, which), &expected);
            assert!(
                difference < 1e-5,
                "{optimizer:?}, {which:?}: {difference:e}"
            );
        }
    }
}
