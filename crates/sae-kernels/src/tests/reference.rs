//! The objectives and their gradients by the formulas of docs/derivation.md, sample by sample.

use super::doubles;
use crate::{Activation, AutoencoderConfig, NetworkConfig, Reconstruction, Unit};

/// φ and φ' in double precision.
fn unit(unit: Unit, x: f64) -> (f64, f64) {
    let inside = |is: bool| if is { 1.0 } else { 0.0 };
    match unit {
        Unit::Sigmoid => {
            let y = 1.0 / (1.0 + (-x).exp());
            (y, y * (1.0 - y))
        }
        Unit::Tanh => (x.tanh(), 1.0 - x.tanh().powi(2)),
        Unit::Linear => (x, 1.0),
        Unit::Satlin => (x.clamp(0.0, 1.0), inside(x > 0.0 && x < 1.0)),
        Unit::Relu => (x.max(0.0), inside(x > 0.0)),
    }
}

/// x·W + b for W `[x, b]`, with φ' beside φ.
fn dense(x: &[f64], weight: &[f64], bias: &[f64], activation: Activation) -> Vec<(f64, f64)> {
    let outputs = bias.len();
    let output = |j: usize| {
        let products = x
            .iter()
            .enumerate()
            .map(|(i, x)| x * weight[i * outputs + j]);
        unit(activation.unit, products.sum::<f64>() + bias[j])
    };
    let mut outputs: Vec<(f64, f64)> = (0..outputs).map(output).collect();
    if let Some(k) = activation.top_k {
        let mut sorted: Vec<f64> = outputs.iter().map(|&(y, _)| y).collect();
        sorted.sort_by(|a, b| b.total_cmp(a));
        for output in &mut outputs {
            if output.0 < sorted[k - 1] {
                output.0 = 0.0;
            }
            if output.0 == 0.0 {
                output.1 = 0.0;
            }
        }
    }
    outputs
}

pub(super) struct Reference {
    /// Reconstruction, decay, sparsity, L1.
    pub terms: [f64; 4],
    pub squared_error: f64,
    pub rho_hat: Vec<f64>,
    /// Flat.
    pub gradient: Vec<f64>,
}

pub(super) fn autoencoder(
    c: &AutoencoderConfig,
    parameters: &[f32],
    inputs: &[f32],
    targets: &[f32],
) -> Reference {
    let (n, h) = (c.inputs, c.hidden);
    let r = (inputs.len() / n) as f64;
    let parameters = doubles(parameters);
    let (w1, rest) = parameters.split_at(n * h);
    let (b, rest) = rest.split_at(h);
    let w2: Vec<f64> = match c.tied {
        true => (0..n * h).map(|at| w1[at % n * h + at / n]).collect(),
        false => rest[..n * h].to_vec(),
    };
    let bias = &rest[rest.len() - n..];
    let (shift, factor) = match c.encoder.unit {
        Unit::Tanh => (0.5, 0.5),
        _ => (0.0, 1.0),
    };
    let codes: Vec<Vec<(f64, f64)>> = inputs
        .chunks(n)
        .map(|x| dense(&doubles(x), w1, b, c.encoder))
        .collect();
    let activity = |row: usize, j: usize| shift + factor * codes[row][j].0;
    let rho_hat: Vec<f64> = (0..h)
        .map(|j| (0..codes.len()).map(|row| activity(row, j)).sum::<f64>() / r)
        .collect();
    let slope = |&rho_hat: &f64| match c.beta > 0.0 {
        true => c.beta * ((1.0 - c.rho) / (1.0 - rho_hat) - c.rho / rho_hat),
        false => 0.0,
    };
    let slopes: Vec<f64> = rho_hat.iter().map(slope).collect();
    let decayed = |w: &[f64]| w.iter().map(|w| c.weight_decay * w).collect::<Vec<f64>>();
    let (mut g1, mut g2) = (decayed(w1), decayed(&w2));
    let (mut gb, mut gc) = (vec![0.0; h], vec![0.0; n]);
    let (mut terms, mut squared_error) = ([0.0; 4], 0.0);
    for (row, code) in codes.iter().enumerate() {
        let (x, t) = (&inputs[row * n..][..n], &targets[row * n..][..n]);
        let y: Vec<f64> = code.iter().map(|&(y, _)| y).collect();
        let z = dense(&y, &w2, bias, Activation::of(c.decoder));
        let mut back = vec![0.0; h];
        for i in 0..n {
            let error = z[i].0 - f64::from(t[i]);
            squared_error += error * error / r;
            let delta = match c.reconstruction {
                Reconstruction::SquaredError => {
                    terms[0] += 0.5 * error * error / r;
                    error * z[i].1 / r
                }
                Reconstruction::CrossEntropy => {
                    let (x, z) = (f64::from(t[i]), z[i].0);
                    terms[0] -= (x * z.ln() + (1.0 - x) * (1.0 - z).ln()) / r;
                    error / r
                }
            };
            gc[i] += delta;
            for j in 0..h {
                g2[j * n + i] += y[j] * delta;
                back[j] += delta * w2[j * n + i];
            }
        }
        for j in 0..h {
            let a = activity(row, j);
            terms[3] += c.l1 * a.abs() / r;
            let sign = if a == 0.0 { 0.0 } else { a.signum() };
            let delta = (back[j] + factor * (slopes[j] + c.l1 * sign) / r) * code[j].1;
            gb[j] += delta;
            for (i, &x) in x.iter().enumerate() {
                g1[i * h + j] += f64::from(x) * delta;
            }
        }
    }
    let squares = |w: &[f64]| w.iter().map(|w| w * w).sum::<f64>();
    terms[1] = 0.5 * c.weight_decay * (squares(w1) + squares(&w2));
    if c.beta > 0.0 {
        let kl = |&rho_hat: &f64| {
            c.rho * (c.rho / rho_hat).ln() + (1.0 - c.rho) * ((1.0 - c.rho) / (1.0 - rho_hat)).ln()
        };
        terms[2] = c.beta * rho_hat.iter().map(kl).sum::<f64>();
    }
    if c.tied {
        for (at, g2) in g2.drain(..).enumerate() {
            g1[at % n * h + at / n] += g2;
        }
    }
    Reference {
        terms,
        squared_error,
        rho_hat,
        gradient: [g1, gb, g2, gc].concat(),
    }
}

/// Cross-entropy, decay and accuracy, and the gradient, flat.
pub(super) fn network(
    c: &NetworkConfig,
    parameters: &[f32],
    inputs: &[f32],
    labels: &[u32],
) -> ([f64; 3], Vec<f64>) {
    let parameters = doubles(parameters);
    let r = labels.len() as f64;
    let head = c.units.len();
    // Of each layer, weights and bias.
    let mut rest = &parameters[..];
    let mut layers = Vec::new();
    for pair in c.sizes.windows(2) {
        let (weight, more) = rest.split_at(pair[0] * pair[1]);
        let (bias, more) = more.split_at(pair[1]);
        layers.push((weight, bias));
        rest = more;
    }
    let decay = |layer| if layer == head { c.weight_decay } else { 0.0 };
    let mut gradients: Vec<(Vec<f64>, Vec<f64>)> = layers
        .iter()
        .enumerate()
        .map(|(l, (weight, bias))| {
            let decayed = weight.iter().map(|w| decay(l) * w).collect();
            (decayed, vec![0.0; bias.len()])
        })
        .collect();
    let squares: f64 = layers[head].0.iter().map(|w| w * w).sum();
    let mut value = [0.0, 0.5 * c.weight_decay * squares, 0.0];
    for (x, &label) in inputs.chunks(c.sizes[0]).zip(labels) {
        let mut values: Vec<Vec<(f64, f64)>> =
            vec![x.iter().map(|&v| (f64::from(v), 1.0)).collect()];
        for (l, (weight, bias)) in layers.iter().enumerate() {
            let below: Vec<f64> = values[l].iter().map(|&(y, _)| y).collect();
            let unit = c.units.get(l).copied();
            let unit = unit.unwrap_or(Activation::of(Unit::Linear));
            values.push(dense(&below, weight, bias, unit));
        }
        let scores: Vec<f64> = values[head + 1].iter().map(|&(s, _)| s).collect();
        let largest = scores.iter().copied().fold(f64::MIN, f64::max);
        let sum: f64 = scores.iter().map(|s| (s - largest).exp()).sum();
        let label = label as usize;
        value[0] -= (scores[label] - largest - sum.ln()) / r;
        value[2] += f64::from(u8::from(scores[label] == largest)) / r;
        let probability = |s: &f64| (s - largest).exp() / sum / r;
        let mut delta: Vec<f64> = scores.iter().map(probability).collect();
        delta[label] -= 1.0 / r;
        for l in (0..=head).rev() {
            let (weight, bias) = &mut gradients[l];
            let outputs = bias.len();
            let mut below = vec![0.0; c.sizes[l]];
            for (i, &(y, slope)) in values[l].iter().enumerate() {
                for (j, delta) in delta.iter().enumerate() {
                    weight[i * outputs + j] += y * delta;
                    below[i] += delta * layers[l].0[i * outputs + j] * slope;
                }
            }
            bias.iter_mut().zip(&delta).for_each(|(sum, d)| *sum += d);
            delta = below;
        }
    }
    let flat = gradients.into_iter().flat_map(|(w, b)| [w, b].concat());
    (value, flat.collect())
}
