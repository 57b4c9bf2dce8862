//! The fused steps against plain loops in double precision, and against themselves on other numbers
//! of threads.

use sae_kernels::{
    Autoencoder, AutoencoderConfig, AutoencoderWeights, DenseWeights, Network, NetworkConfig,
    Optimiser, Part, Rows, Unit, Values,
};

const UNITS: [Unit; 5] = [
    Unit::Sigmoid,
    Unit::Tanh,
    Unit::Linear,
    Unit::Satlin,
    Unit::Relu,
];

/// Numbers in [−1, 1) without a generator's state (a multiplicative hash).
fn number(index: usize, salt: usize) -> f32 {
    let mixed = (index * 2_654_435_761 + salt * 40_503 + 12_345) % 1_000_003;
    mixed as f32 / 500_001.5 - 1.0
}

fn numbers(count: usize, salt: usize, scale: f32) -> Vec<f32> {
    (0..count).map(|i| scale * number(i, salt)).collect()
}

fn samples(rows: usize, columns: usize) -> Vec<f32> {
    let to_unit = |v: f32| 0.5 * v + 0.5;
    numbers(rows * columns, 9, 1.0)
        .into_iter()
        .map(to_unit)
        .collect()
}

/// φ and φ' in double precision.
fn unit(unit: Unit, x: f64) -> (f64, f64) {
    let inside = |slope: f64, is: bool| if is { slope } else { 0.0 };
    match unit {
        Unit::Sigmoid => {
            let y = 1.0 / (1.0 + (-x).exp());
            (y, y * (1.0 - y))
        }
        Unit::Tanh => (x.tanh(), 1.0 - x.tanh().powi(2)),
        Unit::Linear => (x, 1.0),
        Unit::Satlin => (x.clamp(0.0, 1.0), inside(1.0, x > 0.0 && x < 1.0)),
        Unit::Relu => (x.max(0.0), inside(1.0, x > 0.0)),
    }
}

/// x·W + b for W `[x, b]`, with φ' beside φ.
fn dense(x: &[f64], weight: &[f32], bias: &[f32], kind: Unit) -> Vec<(f64, f64)> {
    let outputs = bias.len();
    let sum = |j: usize| {
        let products = x.iter().enumerate();
        let sum: f64 = products
            .map(|(i, x)| x * f64::from(weight[i * outputs + j]))
            .sum();
        unit(kind, sum + f64::from(bias[j]))
    };
    (0..outputs).map(sum).collect()
}

/// ‖a − b‖ / ‖b‖.
fn difference(found: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let pairs = found.iter().zip(expected);
    let square: f64 = pairs.map(|(a, b)| (f64::from(*a) - b).powi(2)).sum();
    let whole: f64 = expected.iter().map(|b| b * b).sum();
    (square / whole.max(1e-30)).sqrt()
}

struct Reference {
    terms: [f64; 4],
    rho_hat: Vec<f64>,
    encoder: Vec<f64>,
    encoder_bias: Vec<f64>,
    decoder: Vec<f64>,
    decoder_bias: Vec<f64>,
}

/// The objective and its gradient by the formulas of docs/derivation.md, sample by sample.
fn reference(
    c: &AutoencoderConfig,
    w: &AutoencoderWeights,
    inputs: &[f32],
    targets: &[f32],
) -> Reference {
    let (n, h) = (c.inputs, c.hidden);
    let rows = inputs.len() / n;
    let r = rows as f64;
    let (shift, factor) = match c.encoder {
        Unit::Tanh => (0.5, 0.5),
        _ => (0.0, 1.0),
    };
    let doubles = |row: &[f32]| row.iter().map(|&v| f64::from(v)).collect::<Vec<f64>>();
    let codes: Vec<Vec<(f64, f64)>> = inputs
        .chunks(n)
        .map(|x| dense(&doubles(x), &w.encoder, &w.encoder_bias, c.encoder))
        .collect();
    let activity = |row: usize, j: usize| shift + factor * codes[row][j].0;
    let rho_hat: Vec<f64> = (0..h)
        .map(|j| (0..rows).map(|row| activity(row, j)).sum::<f64>() / r)
        .collect();
    let mut found = Reference {
        terms: [0.0; 4],
        encoder: w.encoder.iter().map(|&v| c.alpha * f64::from(v)).collect(),
        encoder_bias: vec![0.0; h],
        decoder: w.decoder.iter().map(|&v| c.alpha * f64::from(v)).collect(),
        decoder_bias: vec![0.0; n],
        rho_hat,
    };
    let slope = |j: usize| {
        let rho_hat = found.rho_hat[j];
        c.beta * ((1.0 - c.rho) / (1.0 - rho_hat) - c.rho / rho_hat)
    };
    let slopes: Vec<f64> = match c.beta > 0.0 {
        true => (0..h).map(slope).collect(),
        false => vec![0.0; h],
    };
    for (row, code) in codes.iter().enumerate() {
        let (x, t) = (&inputs[row * n..][..n], &targets[row * n..][..n]);
        let y: Vec<f64> = code.iter().map(|&(y, _)| y).collect();
        let z = dense(&y, &w.decoder, &w.decoder_bias, c.decoder);
        let mut back = vec![0.0; h];
        for i in 0..n {
            let error = z[i].0 - f64::from(t[i]);
            found.terms[0] += 0.5 * error * error / r;
            let delta = error * z[i].1 / r;
            found.decoder_bias[i] += delta;
            for j in 0..h {
                found.decoder[j * n + i] += y[j] * delta;
                back[j] += delta * f64::from(w.decoder[j * n + i]);
            }
        }
        for j in 0..h {
            let a = activity(row, j);
            found.terms[3] += c.l1 * a.abs() / r;
            let sign = if a == 0.0 { 0.0 } else { a.signum() };
            let delta = (back[j] + factor * (slopes[j] + c.l1 * sign) / r) * code[j].1;
            found.encoder_bias[j] += delta;
            for (i, &x) in x.iter().enumerate() {
                found.encoder[i * h + j] += f64::from(x) * delta;
            }
        }
    }
    let squares = |w: &[f32]| w.iter().map(|&v| f64::from(v).powi(2)).sum::<f64>();
    found.terms[1] = 0.5 * c.alpha * (squares(&w.encoder) + squares(&w.decoder));
    if c.beta > 0.0 {
        let kl = |&rho_hat: &f64| {
            c.rho * (c.rho / rho_hat).ln() + (1.0 - c.rho) * ((1.0 - c.rho) / (1.0 - rho_hat)).ln()
        };
        found.terms[2] = c.beta * found.rho_hat.iter().map(kl).sum::<f64>();
    }
    found
}

fn config(inputs: usize, hidden: usize) -> AutoencoderConfig {
    AutoencoderConfig {
        inputs,
        hidden,
        encoder: Unit::Sigmoid,
        decoder: Unit::Sigmoid,
        alpha: 3e-3,
        beta: 2.0,
        rho: 0.1,
        l1: 0.0,
        clamp: 1e-7,
    }
}

fn weights(inputs: usize, hidden: usize) -> AutoencoderWeights {
    let scale = 1.0 / (inputs.max(hidden) as f32).sqrt();
    AutoencoderWeights {
        encoder: numbers(inputs * hidden, 1, scale),
        encoder_bias: numbers(hidden, 2, 0.5),
        decoder: numbers(inputs * hidden, 3, scale),
        decoder_bias: numbers(inputs, 4, 0.5),
    }
}

fn assert_agrees(what: &str, c: &AutoencoderConfig, rows: usize, denoise: bool) {
    let w = weights(c.inputs, c.hidden);
    let inputs = samples(rows, c.inputs);
    let targets: Vec<f32> = match denoise {
        true => inputs.iter().map(|x| 1.0 - x * x).collect(),
        false => inputs.clone(),
    };
    let expected = reference(c, &w, &inputs, &targets);
    let mut kernel = Autoencoder::new(*c, &w, 2);
    let target_rows = denoise.then(|| Rows::of(&targets, c.inputs));
    let value = kernel.step(Rows::of(&inputs, c.inputs), target_rows, None);
    let terms = [
        value.reconstruction,
        value.weight_decay,
        value.sparsity,
        value.l1,
    ];
    for (found, expected) in terms.iter().zip(expected.terms) {
        let error = (found - expected).abs();
        assert!(error <= 2e-5 * expected.abs(), "{what}: {found} {expected}");
    }
    assert!(
        difference(&value.rho_hat, &expected.rho_hat) < 1e-5,
        "{what}"
    );
    let found = kernel.weights(Part::Gradients);
    for (name, found, expected) in [
        ("W1", &found.encoder, &expected.encoder),
        ("b", &found.encoder_bias, &expected.encoder_bias),
        ("W2", &found.decoder, &expected.decoder),
        ("c", &found.decoder_bias, &expected.decoder_bias),
    ] {
        let difference = difference(found, expected);
        assert!(difference < 2e-5, "{what}, {name}: {difference:e}");
    }
    let all = [
        expected.encoder,
        expected.encoder_bias,
        expected.decoder,
        expected.decoder_bias,
    ];
    let norm = all.iter().flatten().map(|g| g * g).sum::<f64>().sqrt();
    assert!((kernel.gradient_norm() - norm).abs() < 1e-4 * norm);
    assert_eq!(kernel.weights(Part::Values), w, "nothing was updated");
}

/// Sizes around every boundary: of registers, tiles, blocks, groups of panels and chunks.
#[test]
fn gradients_of_an_autoencoder_of_any_size() {
    for (inputs, hidden, rows) in [
        (1, 1, 1),
        (3, 2, 5),
        (31, 5, 32),
        (32, 14, 33),
        (33, 15, 64),
        (70, 29, 45),
        (300, 40, 90),
        (20, 3, 1025),
    ] {
        let what = format!("{inputs}-{hidden}, {rows} rows");
        assert_agrees(&what, &config(inputs, hidden), rows, false);
        assert_agrees(&what, &config(inputs, hidden), rows, true);
    }
}

/// Samples that are mostly zero, as images are: rows and columns of zeros are left out of products.
#[test]
fn gradients_on_sparse_samples() {
    let c = config(100, 20);
    let w = weights(100, 20);
    let keep = |i: usize, v: f32| match (i % 100, i / 100) {
        (40..70, _) | (_, 3..40) => 0.0,
        (column, _) if column % 3 == 0 => 0.0,
        _ => v,
    };
    let x: Vec<f32> = samples(70, 100)
        .into_iter()
        .enumerate()
        .map(|(i, v)| keep(i, v))
        .collect();
    let expected = reference(&c, &w, &x, &x);
    let mut kernel = Autoencoder::new(c, &w, 2);
    kernel.step(Rows::of(&x, 100), None, None);
    let found = kernel.weights(Part::Gradients);
    assert!(difference(&found.encoder, &expected.encoder) < 2e-5);
    assert!(difference(&found.decoder, &expected.decoder) < 2e-5);
    assert!(difference(&found.encoder_bias, &expected.encoder_bias) < 2e-5);
}

/// Weights that are larger than the cache go through groups of blocks and panels.
#[test]
fn gradients_of_a_large_autoencoder() {
    assert_agrees("2100-130", &config(2100, 130), 260, false);
}

#[test]
fn gradients_of_all_units() {
    for encoder in UNITS {
        for decoder in UNITS {
            let sparse = matches!(encoder, Unit::Sigmoid | Unit::Tanh);
            let c = AutoencoderConfig {
                encoder,
                decoder,
                beta: if sparse { 2.0 } else { 0.0 },
                l1: if sparse { 0.0 } else { 0.3 },
                ..config(37, 11)
            };
            assert_agrees(&format!("{encoder:?}, {decoder:?}"), &c, 50, false);
        }
    }
}

fn dense_weights(sizes: &[usize]) -> Vec<DenseWeights> {
    let layer = |(index, pair): (usize, &[usize])| DenseWeights {
        inputs: pair[0],
        weight: numbers(pair[0] * pair[1], 20 + index, 1.5 / (pair[0] as f32).sqrt()),
        bias: numbers(pair[1], 40 + index, 0.3),
    };
    sizes.windows(2).enumerate().map(layer).collect()
}

fn labels(rows: usize, classes: usize) -> Vec<u8> {
    (0..rows).map(|row| (row * 7 % classes) as u8).collect()
}

/// Of a layer's weight and bias.
type LayerGradient = (Vec<f64>, Vec<f64>);

/// Cross-entropy, decay and accuracy, and the gradient layer by layer, sample by sample.
fn network_reference(
    c: &NetworkConfig,
    layers: &[DenseWeights],
    inputs: &[f32],
    labels: &[u8],
) -> ([f64; 3], Vec<LayerGradient>) {
    let columns = layers[0].inputs;
    let r = labels.len() as f64;
    let head = layers.len() - 1;
    let decay = |layer: usize| if layer == head { c.lambda } else { 0.0 };
    let mut gradients: Vec<LayerGradient> = layers
        .iter()
        .enumerate()
        .map(|(l, layer)| {
            let decayed = layer.weight.iter().map(|&w| decay(l) * f64::from(w));
            (decayed.collect(), vec![0.0; layer.bias.len()])
        })
        .collect();
    let squares: f64 = layers[head]
        .weight
        .iter()
        .map(|&w| f64::from(w).powi(2))
        .sum();
    let mut value = [0.0, 0.5 * c.lambda * squares, 0.0];
    for (x, &label) in inputs.chunks(columns).zip(labels) {
        let mut values: Vec<Vec<(f64, f64)>> =
            vec![x.iter().map(|&v| (f64::from(v), 1.0)).collect()];
        for (l, layer) in layers.iter().enumerate() {
            let below: Vec<f64> = values[l].iter().map(|&(y, _)| y).collect();
            let kind = c.units.get(l).copied().unwrap_or(Unit::Linear);
            values.push(dense(&below, &layer.weight, &layer.bias, kind));
        }
        let scores: Vec<f64> = values[head + 1].iter().map(|&(s, _)| s).collect();
        let largest = scores.iter().copied().fold(f64::MIN, f64::max);
        let sum: f64 = scores.iter().map(|s| (s - largest).exp()).sum();
        let label = usize::from(label);
        value[0] -= (scores[label] - largest - sum.ln()) / r;
        value[2] += f64::from(u8::from(scores[label] == largest)) / r;
        let mut delta: Vec<f64> = scores
            .iter()
            .map(|s| (s - largest).exp() / sum / r)
            .collect();
        delta[label] -= 1.0 / r;
        for l in (0..=head).rev() {
            let (weight, bias) = &mut gradients[l];
            let mut below = vec![0.0; layers[l].inputs];
            for (i, &(y, slope)) in values[l].iter().enumerate() {
                for (j, delta) in delta.iter().enumerate() {
                    weight[i * delta_len(layers, l) + j] += y * delta;
                    let back = delta * f64::from(layers[l].weight[i * delta_len(layers, l) + j]);
                    below[i] += back * slope;
                }
            }
            for (sum, delta) in bias.iter_mut().zip(&delta) {
                *sum += delta;
            }
            delta = below;
        }
    }
    (value, gradients)
}

fn delta_len(layers: &[DenseWeights], layer: usize) -> usize {
    layers[layer].bias.len()
}

#[test]
fn gradients_of_networks() {
    let cases: [(&[usize], &[Unit], usize); 5] = [
        (&[5, 3], &[], 9),
        (&[40, 10], &[], 1100),
        (&[70, 33, 4], &[Unit::Sigmoid], 45),
        (&[33, 40, 15, 10], &[Unit::Tanh, Unit::Sigmoid], 100),
        (&[31, 32, 30, 2], &[Unit::Relu, Unit::Satlin], 64),
    ];
    for (sizes, units, rows) in cases {
        let c = NetworkConfig {
            units: units.to_vec(),
            lambda: 1e-2,
        };
        let layers = dense_weights(sizes);
        let inputs = samples(rows, sizes[0]);
        let labels = labels(rows, sizes[sizes.len() - 1]);
        let (expected, gradients) = network_reference(&c, &layers, &inputs, &labels);
        let mut kernel = Network::new(c, &layers, 2);
        let value = kernel.step(Rows::of(&inputs, sizes[0]), &labels, None);
        let found = [value.cross_entropy, value.weight_decay, value.accuracy];
        for (found, expected) in found.iter().zip(expected) {
            let error = (found - expected).abs();
            assert!(
                error <= 1e-5 * expected.abs(),
                "{sizes:?}: {found} {expected}"
            );
        }
        for (found, (weight, bias)) in kernel.weights(Part::Gradients).iter().zip(gradients) {
            assert!(difference(&found.weight, &weight) < 2e-5, "{sizes:?}");
            assert!(difference(&found.bias, &bias) < 2e-5, "{sizes:?}");
        }
    }
}

const ADAM: Optimiser = Optimiser::Adam {
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    weight_decay: 0.0,
};

/// Ten steps from the same start with different numbers of threads: every bit of every parameter.
#[test]
fn the_number_of_threads_changes_no_bit() {
    for (inputs, hidden, rows) in [(70, 29, 300), (2100, 130, 260)] {
        let x = samples(rows, inputs);
        let trained = |threads: usize| {
            let mut kernel =
                Autoencoder::new(config(inputs, hidden), &weights(inputs, hidden), threads);
            let mut values = Vec::new();
            for _ in 0..10 {
                let value = kernel.step(Rows::of(&x, inputs), None, Some((ADAM, 1e-2)));
                values.push(value.clone());
            }
            (kernel.weights(Part::Values), values)
        };
        let one = trained(1);
        for threads in [2, 3, 8] {
            assert!(
                trained(threads) == one,
                "{inputs}-{hidden} with {threads} threads"
            );
        }
    }
    let (sizes, rows) = ([50, 30, 10], 200);
    let (x, labels) = (samples(rows, 50), labels(rows, 10));
    let trained = |threads: usize| {
        let c = NetworkConfig {
            units: vec![Unit::Sigmoid],
            lambda: 1e-3,
        };
        let mut kernel = Network::new(c, &dense_weights(&sizes), threads);
        for _ in 0..10 {
            kernel.step(Rows::of(&x, 50), &labels, Some((ADAM, 1e-2)));
        }
        kernel.weights(Part::Values)
    };
    let one = trained(1);
    for threads in [2, 3, 8] {
        assert!(trained(threads) == one, "network with {threads} threads");
    }
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
        let mut kernel = Autoencoder::new(config(inputs, hidden), &weights(inputs, hidden), 1);
        kernel.step(rows, None, None);
        kernel.weights(Part::Gradients)
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

/// Every optimiser over several steps against its formula in plain loops, on the kernels' own
/// gradients.
#[test]
fn updates_follow_their_formulas() {
    let (inputs, hidden) = (35, 4);
    let x = samples(60, inputs);
    let rate = 0.05;
    let adam = |weight_decay| Optimiser::Adam {
        beta1: 0.8,
        beta2: 0.9,
        epsilon: 1e-3,
        weight_decay,
    };
    let sgd = |momentum, nesterov| Optimiser::Sgd { momentum, nesterov };
    for optimiser in [
        sgd(0.0, false),
        sgd(0.7, false),
        sgd(0.7, true),
        adam(0.0),
        adam(0.5),
    ] {
        let mut kernel = Autoencoder::new(config(inputs, hidden), &weights(inputs, hidden), 2);
        let flat = |w: AutoencoderWeights| -> Vec<(f64, bool)> {
            let of = |values: Vec<f32>, weight: bool| {
                values.into_iter().map(move |v| (f64::from(v), weight))
            };
            of(w.encoder, true)
                .chain(of(w.encoder_bias, false))
                .chain(of(w.decoder, true))
                .chain(of(w.decoder_bias, false))
                .collect()
        };
        let mut theta = flat(kernel.weights(Part::Values));
        let mut state = vec![(0.0, 0.0); theta.len()];
        for number in 1..=6 {
            kernel.step(Rows::of(&x, inputs), None, Some((optimiser, rate)));
            let gradients = flat(kernel.weights(Part::Gradients));
            let rate = f64::from(rate);
            for (((value, weight), (a, b)), (g, _)) in
                theta.iter_mut().zip(&mut state).zip(gradients)
            {
                match optimiser {
                    Optimiser::Sgd { momentum, nesterov } => {
                        let momentum = f64::from(momentum);
                        *a = momentum * *a + g;
                        *value -= rate * if nesterov { g + momentum * *a } else { *a };
                    }
                    Optimiser::Adam {
                        beta1,
                        beta2,
                        epsilon,
                        weight_decay,
                    } => {
                        let (beta1, beta2) = (f64::from(beta1), f64::from(beta2));
                        *a = beta1 * *a + (1.0 - beta1) * g;
                        *b = beta2 * *b + (1.0 - beta2) * g * g;
                        let mean = *a / (1.0 - beta1.powi(number));
                        let square = *b / (1.0 - beta2.powi(number));
                        if *weight {
                            *value -= rate * f64::from(weight_decay) * *value;
                        }
                        *value -= rate * mean / (square.sqrt() + f64::from(epsilon));
                    }
                }
            }
        }
        let found: Vec<f32> = flat(kernel.weights(Part::Values))
            .into_iter()
            .map(|(v, _)| v as f32)
            .collect();
        let expected: Vec<f64> = theta.into_iter().map(|(v, _)| v).collect();
        let difference = difference(&found, &expected);
        assert!(difference < 1e-5, "{optimiser:?}: {difference:e}");
    }
}

/// What is not a number stays so, whatever the unit: training must be able to notice.
#[test]
fn what_is_not_a_number_is_not_hidden() {
    let mut x = samples(40, 10);
    x[57] = f32::NAN;
    let mut kernel = Autoencoder::new(config(10, 3), &weights(10, 3), 1);
    let value = kernel.step(Rows::of(&x, 10), None, None);
    assert!(value.reconstruction.is_nan());
}
