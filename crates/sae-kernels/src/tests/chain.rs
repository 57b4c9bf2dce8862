//! The forward pass of layers against plain loops.

use super::sets;
use crate::unit::{Activation, Unit};
use crate::{Affine, Chain, Rows};

/// Numbers in (−1, 1) that look random.
fn numbers(count: usize, seed: usize) -> Vec<f32> {
    (0..count)
        .map(|i| ((i + seed) * 7919 % 2003) as f32 / 1001.5 - 1.0)
        .collect()
}

/// The layers by plain loops in `f64`.
fn expected(sizes: &[usize], units: &[Unit], parameters: &[f32], row: &[f32]) -> Vec<f64> {
    let mut values: Vec<f64> = row.iter().map(|&x| f64::from(x)).collect();
    let mut rest = parameters;
    for (pair, unit) in sizes.windows(2).zip(units) {
        let (weights, after) = rest.split_at(pair[0] * pair[1]);
        let (bias, after) = after.split_at(pair[1]);
        rest = after;
        let sum = |j: usize| {
            let products = values.iter().enumerate();
            let products = products.map(|(i, x)| x * f64::from(weights[i * pair[1] + j]));
            products.sum::<f64>() + f64::from(bias[j])
        };
        let of = |p: f64| match unit {
            Unit::Sigmoid => 1.0 / (1.0 + (-p).exp()),
            Unit::Tanh => p.tanh(),
            Unit::Linear => p,
            Unit::Satlin => p.clamp(0.0, 1.0),
            Unit::Relu => p.max(0.0),
        };
        values = (0..pair[1]).map(|j| of(sum(j))).collect();
    }
    values
}

#[test]
fn results_are_those_of_plain_loops() {
    for (sizes, units) in [
        (vec![1, 1], vec![Unit::Linear]),
        (vec![33, 5], vec![Unit::Sigmoid]),
        (vec![40, 33, 70], vec![Unit::Tanh, Unit::Satlin]),
        (
            vec![7, 32, 64, 31],
            vec![Unit::Relu, Unit::Sigmoid, Unit::Linear],
        ),
    ] {
        let count: usize = sizes.windows(2).map(|pair| (pair[0] + 1) * pair[1]).sum();
        let parameters: Vec<f32> = numbers(count, 3).iter().map(|p| 0.3 * p).collect();
        let activations: Vec<Activation> = units.iter().map(|&unit| Activation::of(unit)).collect();
        for (rows, set) in [1, 16, 33, 1100]
            .into_iter()
            .zip(sets().into_iter().cycle())
        {
            let chain = Chain::new(&sizes, &activations, &parameters, 2).expect("a chain");
            let mut chain = chain.with_instruction_set(set).expect("it is available");
            let inputs = numbers(rows * sizes[0], 11);
            let found = chain.forward(Rows::of(&inputs, sizes[0])).expect("rows");
            assert_eq!(found.len(), rows * chain.outputs());
            let found = found.chunks(chain.outputs());
            for (row, found) in inputs.chunks(sizes[0]).zip(found) {
                let expected = expected(&sizes, &units, &parameters, row);
                for (found, expected) in found.iter().zip(&expected) {
                    assert!(
                        (f64::from(*found) - expected).abs() < 2e-5,
                        "{found} {expected}"
                    );
                }
            }
        }
    }
}

/// A row's bits do not depend on the rows beside it, nor on the threads.
#[test]
fn rows_do_not_see_each_other() {
    let (sizes, units) = ([50, 20, 50], [Activation::of(Unit::Sigmoid); 2]);
    let parameters = numbers(50 * 20 + 20 + 20 * 50 + 50, 1);
    let mut inputs = numbers(200 * 50, 5);
    // Rows of zeros are left out of products.
    inputs[100..2000].fill(0.0);
    let all = |threads: usize| {
        let mut chain = Chain::new(&sizes, &units, &parameters, threads).expect("a chain");
        chain.forward(Rows::of(&inputs, 50)).expect("rows")
    };
    let expected = all(1);
    assert_eq!(all(2), expected);
    let mut chain = Chain::new(&sizes, &units, &parameters, 1).expect("a chain");
    for (row, expected) in inputs.chunks(50).zip(expected.chunks(50)) {
        assert_eq!(chain.forward(Rows::of(row, 50)).expect("a row"), expected);
    }
}

/// Values that are mapped as they are read have the bits of those that were mapped before, on every
/// instruction set.
#[test]
fn mapped_values_are_those_mapped_before() {
    let columns = 50;
    let doubles = |seed| {
        let singles = numbers(columns, seed);
        singles.into_iter().map(|v| 3.0 * f64::from(v) + 0.1)
    };
    let (offsets, factors): (Vec<f64>, Vec<f64>) = (doubles(3).collect(), doubles(11).collect());
    let by = Affine {
        offsets: &offsets,
        factors: &factors,
        shift: 0.3,
    };
    let inputs = numbers(100 * columns, 5);
    let map = |(at, &v): (usize, &f32)| {
        let column = at % columns;
        ((f64::from(v) - offsets[column]) * factors[column] + 0.3) as f32
    };
    let before: Vec<f32> = inputs.iter().enumerate().map(map).collect();
    let parameters = numbers(columns * 20 + 20, 1);
    for set in sets() {
        let chain = Chain::new(
            &[columns, 20],
            &[Activation::of(Unit::Sigmoid)],
            &parameters,
            2,
        );
        let mut chain = chain
            .expect("a chain")
            .with_instruction_set(set)
            .expect("a set");
        let mapped = Rows::of(&inputs, columns).mapped(by).expect("numbers");
        let found = chain.forward(mapped).expect("rows");
        assert_eq!(
            found,
            chain.forward(Rows::of(&before, columns)).expect("rows")
        );
        assert!(mapped.mapped(by).is_none());
        let short = Affine {
            offsets: &offsets[1..],
            ..by
        };
        let wrong = Rows::of(&inputs, columns).mapped(short).expect("numbers");
        assert!(chain.forward(wrong).is_err());
        let mut room = vec![0.0; 100 * 20 - 1];
        assert!(chain.forward_into(mapped, &mut room).is_err());
    }
}

#[test]
fn parts_that_do_not_fit_are_refused() {
    let linear = Activation::of(Unit::Linear);
    assert!(Chain::new(&[3], &[], &[], 1).is_err());
    assert!(Chain::new(&[3, 2], &[], &[0.0; 8], 1).is_err());
    assert!(Chain::new(&[3, 2], &[linear], &[0.0; 7], 1).is_err());
    assert!(Chain::new(&[3, 0], &[linear], &[], 1).is_err());
    let mut chain = Chain::new(&[3, 2], &[linear], &[0.0; 8], 1).expect("a chain");
    assert!(chain.forward(Rows::of(&[0.0; 4], 2)).is_err());
}
