//! Calls that do not fit are refused, and change nothing.

use super::{autoencoder, config, network, network_config, part, samples, top};
use crate::{
    Activation, Autoencoder, AutoencoderConfig, InstructionSet, KernelError, Network, Part,
    Reconstruction, RhoHat, Rows, Unit, Update, Values,
};

#[test]
fn samples_that_do_not_fit_an_autoencoder() {
    let mut kernel = autoencoder(config(5, 2), 1);
    let x = samples(4, 5);
    let good = Rows::of(&x, 5);
    let order = [0, 4];
    let ordered = Rows {
        order: Some(&order),
        ..good
    };
    let none = Rows {
        order: Some(&[]),
        ..good
    };
    let cases = [
        (Rows::of(&x, 4), None),
        (Rows::of(&x, 0), None),
        (Rows::of(&x[..19], 5), None),
        (Rows::of(&[], 5), None),
        (ordered, None),
        (none, None),
        (good, Some(Rows::of(&x[..15], 5))),
        (good, Some(Rows::of(&x, 4))),
    ];
    let update = Some(Update::new(super::sgd(0.0, false), 0.1));
    for (index, (inputs, targets)) in cases.into_iter().enumerate() {
        let error = kernel.step(inputs, targets, update, RhoHat::Batch);
        assert!(error.is_err(), "case {index}");
        let error = kernel.backward(inputs, targets, 4, &[0.1; 2]);
        assert!(error.is_err(), "case {index}");
    }
    let error = kernel.step(ordered, None, update, RhoHat::Batch);
    let expected = "the order names row 4 of 4 rows, which count from 0";
    assert_eq!(error.expect_err("row 4").to_string(), expected);
    let error = kernel.step(good, None, update, RhoHat::Given);
    assert_eq!(error, Err(KernelError::NoEstimate));
    let error = kernel.step(good, None, update, RhoHat::Running(1.0));
    assert!(matches!(error, Err(KernelError::Setting(_))));
    assert!(
        kernel.forward(good, 3, &mut [0.0; 2]).is_err(),
        "a part above the whole"
    );
    assert!(kernel.forward(good, 4, &mut [0.0; 3]).is_err());
    assert!(kernel.backward(good, None, 4, &[0.1; 1]).is_err());
    assert!(kernel.set_estimate(&[0.1; 3]).is_err());
    assert!(kernel.read(Part::Values, &mut [0.0; 3]).is_err());
    assert!(kernel.write(Part::Values, &[0.0; 3]).is_err());
    assert_eq!(kernel.updates(), 0);
    assert_eq!(part!(kernel, Part::Values), super::start(&config(5, 2)));
    let bytes = Rows {
        values: Values::Bytes(&[0; 11]),
        columns: 5,
        order: None,
    };
    let error = kernel.step(bytes, None, None, RhoHat::Batch);
    let expected = KernelError::Ragged {
        values: 11,
        columns: 5,
    };
    assert_eq!(error, Err(expected));
}

#[test]
fn labels_that_do_not_fit_a_network() {
    let mut kernel = network(network_config(&[5, 3], &[]), 1);
    let x = samples(4, 5);
    let rows = Rows::of(&x, 5);
    assert!(kernel.step(rows, &[0, 1, 2], None).is_err());
    let expected = KernelError::Label {
        label: 3,
        classes: 3,
    };
    assert_eq!(kernel.step(rows, &[0, 1, 2, 3], None), Err(expected));
    assert!(kernel.backward(rows, &[0, 1, 2, 2], 3).is_err());
    assert!(kernel.step(Rows::of(&x, 4), &[0; 5], None).is_err());
    assert!(kernel.step(rows, &[0, 1, 2, 2], None).is_ok());
}

#[test]
fn settings_out_of_range() {
    let good = config(5, 2);
    let bad = [
        AutoencoderConfig { inputs: 0, ..good },
        AutoencoderConfig { hidden: 0, ..good },
        AutoencoderConfig { rho: 1.0, ..good },
        AutoencoderConfig { clamp: 0.5, ..good },
        AutoencoderConfig { beta: -1.0, ..good },
        AutoencoderConfig {
            l1: f64::NAN,
            ..good
        },
        AutoencoderConfig {
            encoder: top(Unit::Relu, 3),
            ..good
        },
        AutoencoderConfig {
            decoder: Unit::Tanh,
            reconstruction: Reconstruction::CrossEntropy,
            ..good
        },
    ];
    for c in bad {
        assert!(Autoencoder::new(c, 1).is_err(), "{c:?}");
    }
    for (sizes, units) in [
        (&[5][..], 0),
        (&[5, 3], 1),
        (&[5, 4, 3], 0),
        (&[5, 0, 3], 1),
    ] {
        let c = network_config(sizes, &vec![Activation::default(); units]);
        assert!(Network::new(c, 1).is_err(), "{sizes:?}");
    }
    let lacking = InstructionSet::ALL.into_iter();
    let lacking = lacking.filter(|set| !InstructionSet::available().contains(set));
    for set in lacking {
        let kernel = Autoencoder::new(good, 1).expect("settings that fit");
        assert_eq!(
            kernel.with_instruction_set(set).err(),
            Some(KernelError::Lacking(set))
        );
    }
}

/// More threads than processors would wait for each other.
#[test]
fn threads_are_cut_to_the_processors() {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let kernel = Autoencoder::new(config(5, 2), 1000).expect("settings that fit");
    assert_eq!(kernel.threads(), processors);
}
