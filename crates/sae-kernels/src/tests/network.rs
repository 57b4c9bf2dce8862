//! Networks against plain loops, and whole steps against parts.

use super::{
    assert_close, difference, doubles, labels, network, network_config, network_start, part,
    reference, samples, sets, top,
};
use crate::{Activation, NetworkValue, Part, Rows, Unit};

fn terms(value: &NetworkValue) -> [f64; 3] {
    [value.cross_entropy, value.weight_decay, value.accuracy]
}

#[test]
fn gradients_of_networks() {
    let of = Activation::of;
    let cases: [(&[usize], &[Activation], usize); 8] = [
        (&[5, 3], &[], 9),
        (&[40, 10], &[], 1100),
        (&[70, 33, 4], &[of(Unit::Sigmoid)], 45),
        (&[33, 40, 15, 10], &[of(Unit::Tanh), of(Unit::Sigmoid)], 300),
        (&[31, 32, 30, 2], &[of(Unit::Relu), of(Unit::Satlin)], 64),
        (&[20, 12, 3], &[of(Unit::Linear)], 17),
        (&[9, 20, 700], &[of(Unit::Sigmoid)], 300),
        (
            &[33, 40, 15, 10],
            &[top(Unit::Relu, 5), top(Unit::Sigmoid, 6)],
            150,
        ),
    ];
    for (sizes, units, rows) in cases {
        for set in sets() {
            let c = network_config(sizes, units);
            let inputs = samples(rows, sizes[0]);
            let labels = labels(rows, sizes[sizes.len() - 1]);
            let start = network_start(sizes);
            let (expected, gradient) = reference::network(&c, &start, &inputs, &labels);
            let kernel = network(c, 2).with_instruction_set(set);
            let mut kernel = kernel.expect("it is available");
            let value = kernel.step(Rows::of(&inputs, sizes[0]), &labels, None);
            let value = value.expect("samples that fit");
            for (found, expected) in terms(value).into_iter().zip(expected) {
                assert_close(&format!("{sizes:?}"), found, expected, 5e-6);
            }
            let found = difference(&part!(kernel, Part::Gradients), &gradient);
            assert!(found < 2e-5, "{sizes:?}, {set}: {found:e}");
        }
    }
}

#[test]
fn parts_add_up_to_the_whole() {
    let (sizes, rows) = ([50, 30, 10], 1500);
    let (x, labels) = (samples(rows, 50), labels(rows, 10));
    let c = network_config(&sizes, &[Activation::of(Unit::Sigmoid)]);
    let mut whole = network(c.clone(), 2);
    let expected = *whole
        .step(Rows::of(&x, 50), &labels, None)
        .expect("samples that fit");
    let mut gradient = vec![0.0; whole.parameters()];
    let mut value = [0.0; 3];
    for parts in [[0..1100, 1100..1111], [1111..1200, 1200..1500]] {
        let mut kernel = network(c.clone(), 1);
        for part in parts {
            let x = &x[part.start * 50..part.end * 50];
            kernel
                .backward(Rows::of(x, 50), &labels[part], rows)
                .expect("a part");
        }
        let share = terms(&kernel.finish());
        value.iter_mut().zip(share).for_each(|(sum, v)| *sum += v);
        let own = part!(kernel, Part::Gradients);
        gradient.iter_mut().zip(&own).for_each(|(sum, g)| *sum += g);
    }
    for (found, expected) in value.into_iter().zip(terms(&expected)) {
        assert_close("a term", found, expected, 1e-6);
    }
    let expected = doubles(&part!(whole, Part::Gradients));
    assert!(difference(&gradient, &expected) < 2e-6);
}

#[test]
fn what_is_not_finite_is_not_hidden() {
    let sizes = [10, 4, 3];
    for set in sets() {
        for unit in Unit::ALL {
            let c = network_config(&sizes, &[Activation::of(unit)]);
            let fresh = || network(c.clone(), 1).with_instruction_set(set);
            let finite = |x: &[f32], values: &[f32]| {
                let mut kernel = fresh().expect("it is available");
                kernel.write(Part::Values, values).expect("all of them");
                let value = kernel.step(Rows::of(x, 10), &labels(20, 3), None);
                let value = value.expect("samples that fit");
                (value.cross_entropy + value.weight_decay).is_finite()
            };
            let start = network_start(&sizes);
            let mut x = samples(20, 10);
            x.chunks_mut(10).for_each(|row| row[0] = 0.0);
            assert!(finite(&x, &start));
            // A weight that zeros hide, a bias of the hidden layer, a weight of the head.
            for place in [0, 41, 50] {
                let mut values = start.clone();
                values[place] = f32::NAN;
                assert!(!finite(&x, &values), "{set}, {unit}, {place}");
            }
            x[57] = f32::NAN;
            assert!(!finite(&x, &start), "{set}, {unit}");
        }
    }
}
