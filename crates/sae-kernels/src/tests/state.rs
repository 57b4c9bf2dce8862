//! What a model remembers can be taken out and put back.

use super::{OPTIMIZERS, autoencoder, config, labels, network, network_config, part, samples};
use crate::{
    Activation, Autoencoder, AutoencoderConfig, Optimizer, Part, RhoHat, Rows, Unit, Update,
};

fn train(kernel: &mut Autoencoder, x: &[f32], optimizer: Optimizer, rho_hat: RhoHat, steps: usize) {
    for _ in 0..steps {
        let rows = Rows::of(x, 30);
        let value = kernel.step(rows, None, Some(Update::new(optimizer, 0.02)), rho_hat);
        value.expect("samples that fit");
    }
}

/// n steps are k steps, a new model, and the other n − k steps: every bit.
#[test]
fn training_goes_on_where_it_was() {
    let x = samples(70, 30);
    for optimizer in OPTIMIZERS {
        for rho_hat in [RhoHat::Batch, RhoHat::Given, RhoHat::Running(0.9)] {
            for tied in [false, true] {
                let c = AutoencoderConfig {
                    tied,
                    ..config(30, 7)
                };
                let mut whole = autoencoder(c, 2);
                whole.set_estimate(&[0.2; 7]).expect("all seven");
                train(&mut whole, &x, optimizer, rho_hat, 3);
                let mut rest = Autoencoder::new(c, 1).expect("settings that fit");
                for which in Part::ALL {
                    rest.write(which, &part!(whole, which))
                        .expect("all of them");
                }
                rest.set_updates(whole.updates());
                let estimate = whole.estimate().expect("it was set");
                rest.set_estimate(estimate).expect("all seven");
                for kernel in [&mut whole, &mut rest] {
                    train(kernel, &x, optimizer, rho_hat, 4);
                }
                for which in Part::ALL {
                    assert!(
                        part!(whole, which) == part!(rest, which),
                        "{optimizer:?}, {rho_hat:?}"
                    );
                }
                assert_eq!(rest.estimate(), whole.estimate());
                assert_eq!((rest.updates(), whole.updates()), (7, 7));
            }
        }
    }
}

#[test]
fn training_of_a_network_goes_on_where_it_was() {
    let c = network_config(&[30, 12, 4], &[Activation::of(Unit::Tanh)]);
    let (x, labels) = (samples(70, 30), labels(70, 4));
    for optimizer in OPTIMIZERS {
        let train = |kernel: &mut crate::Network, steps| {
            for _ in 0..steps {
                let value = kernel.step(
                    Rows::of(&x, 30),
                    &labels,
                    Some(Update::new(optimizer, 0.02)),
                );
                value.expect("samples that fit");
            }
        };
        let mut whole = network(c.clone(), 2);
        train(&mut whole, 3);
        let mut rest = network(c.clone(), 1);
        for which in Part::ALL {
            rest.write(which, &part!(whole, which))
                .expect("all of them");
        }
        rest.set_updates(whole.updates());
        train(&mut whole, 4);
        train(&mut rest, 4);
        for which in Part::ALL {
            assert!(part!(whole, which) == part!(rest, which), "{optimizer:?}");
        }
    }
}

/// Every parameter has its place in flat order, and keeps it.
#[test]
fn what_is_written_is_read() {
    for tied in [false, true] {
        for (inputs, hidden) in [(1, 1), (33, 5), (64, 40)] {
            let c = AutoencoderConfig {
                tied,
                ..config(inputs, hidden)
            };
            let mut kernel = autoencoder(c, 1);
            let matrices = if tied { 1 } else { 2 };
            let expected = matrices * inputs * hidden + inputs + hidden;
            assert_eq!(kernel.parameters(), expected);
            for (salt, which) in Part::ALL.into_iter().enumerate() {
                let values = super::numbers(expected, salt, 1.0);
                kernel.write(which, &values).expect("all of them");
                assert_eq!(part!(kernel, which), values);
            }
        }
    }
}
