//! Threads change no bit, share one pool, and instruction sets differ in rounding only.

use super::{autoencoder, config, labels, network, network_config, part, samples, sets, top};
use crate::{
    Activation, AutoencoderConfig, InstructionSet, Part, Reconstruction, RhoHat, Rows, Unit, Update,
};

const ADAM: crate::Optimizer = super::adam(0.0);

/// Steps from the same start: every bit of every parameter and value.
#[test]
fn the_number_of_threads_changes_no_bit() {
    for set in sets() {
        for (inputs, hidden, rows, steps) in
            [(70, 29, 32, 5), (70, 29, 300, 5), (2100, 130, 260, 1)]
        {
            let x = samples(rows, inputs);
            for (tied, reconstruction) in [false, true].into_iter().zip(Reconstruction::ALL) {
                let c = AutoencoderConfig {
                    tied,
                    reconstruction,
                    ..config(inputs, hidden)
                };
                let trained = |threads: usize| {
                    let kernel = autoencoder(c, threads).with_instruction_set(set);
                    let mut kernel = kernel.expect("it is available");
                    let mut values = Vec::new();
                    for _ in 0..steps {
                        let rows = Rows::of(&x, inputs);
                        let value =
                            kernel.step(rows, None, Some(Update::new(ADAM, 1e-2)), RhoHat::Batch);
                        values.push(value.expect("samples that fit").clone());
                    }
                    (part!(kernel, Part::Values), values)
                };
                let one = trained(1);
                for threads in 2..=8 {
                    assert!(
                        trained(threads) == one,
                        "{set}, {rows} rows, {threads} threads"
                    );
                }
            }
        }
    }
}

#[test]
fn the_number_of_threads_changes_no_bit_of_a_network() {
    let c = network_config(&[50, 30, 10], &[top(Unit::Sigmoid, 9)]);
    for set in sets() {
        for rows in [32, 200] {
            let (x, labels) = (samples(rows, 50), labels(rows, 10));
            let trained = |threads: usize| {
                let kernel = network(c.clone(), threads).with_instruction_set(set);
                let mut kernel = kernel.expect("it is available");
                for _ in 0..5 {
                    let value =
                        kernel.step(Rows::of(&x, 50), &labels, Some(Update::new(ADAM, 1e-2)));
                    value.expect("samples that fit");
                }
                part!(kernel, Part::Values)
            };
            let one = trained(1);
            for threads in 2..=8 {
                assert!(trained(threads) == one, "{set}, {threads} threads");
            }
        }
    }
}

/// Models that train at the same time in several threads do not disturb each other.
#[test]
fn models_share_their_threads() {
    let x = samples(100, 40);
    let train = || {
        let mut kernel = autoencoder(config(40, 6), 3);
        for _ in 0..30 {
            let value = kernel.step(
                Rows::of(&x, 40),
                None,
                Some(Update::new(ADAM, 1e-2)),
                RhoHat::Batch,
            );
            value.expect("samples that fit");
        }
        part!(kernel, Part::Values)
    };
    let alone = train();
    std::thread::scope(|scope| {
        let others: Vec<_> = (0..4).map(|_| scope.spawn(train)).collect();
        for other in others {
            assert!(other.join().expect("no panic") == alone);
        }
    });
}

/// A few small steps in plain code on several threads: what `valgrind`, which knows no AVX-512, can
/// look at.
#[test]
fn plain_steps_on_several_threads() {
    let c = AutoencoderConfig {
        encoder: Activation::of(Unit::Tanh),
        ..config(40, 6)
    };
    let kernel = autoencoder(c, 3).with_instruction_set(InstructionSet::Scalar);
    let mut kernel = kernel.expect("every machine has it");
    let x = samples(100, 40);
    for _ in 0..5 {
        let value = kernel.step(
            Rows::of(&x, 40),
            None,
            Some(Update::new(ADAM, 1e-2)),
            RhoHat::Batch,
        );
        assert!(value.expect("samples that fit").reconstruction > 0.0);
    }
}
