//! The objectives once more, by plain loops in double precision over the samples: what finite
//! differences are taken of. Nothing here is shared with the tensor operations.

use burn::tensor::Tensor;

use crate::parameters::host_values;
use crate::{
    Activation, AutoencoderBatch, CrossEntropy, DeepNetwork, DeltaRule, FineTuning, LabelledBatch,
    RHO_HAT_EPSILON, Reconstruction, Softmax, SparseAutoencoder, SparseObjective, Unit,
};

/// J at some parameters.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Plain {
    /// What J is the sum of, in an order that does not depend on the parameters. Differences are
    /// taken addend by addend, so that what is large and does not change costs no digits.
    pub addends: Vec<f64>,
    /// On which piece of its unit each pre-activation lies; of interest only when it changes.
    pub pieces: Vec<u8>,
}

impl Plain {
    /// J − J of other parameters.
    pub(crate) fn minus(&self, other: &Self) -> f64 {
        let pairs = self.addends.iter().zip(&other.addends);
        pairs.map(|(a, b)| a - b).sum()
    }

    /// Σ of the magnitudes of the addends that differ from those of other parameters; where none does,
    /// of all, any of which may have moved by less than its last place.
    pub(crate) fn changed(&self, other: &Self) -> f64 {
        let pairs = self.addends.iter().zip(&other.addends);
        let changed = pairs.filter(|(a, b)| a != b);
        let changed: Vec<f64> = changed.map(|(a, b)| a.abs().max(b.abs())).collect();
        match changed.is_empty() {
            true => self.addends.iter().map(|addend| addend.abs()).sum(),
            false => changed.iter().sum(),
        }
    }
}

/// J as a function of the parameters, flat, in the order of the model's.
pub(crate) type PlainObjective<'a> = Box<dyn Fn(&[f64]) -> Plain + 'a>;

/// An objective that can be evaluated by plain loops.
pub trait PlainLoops: DeltaRule {
    /// J on `batch` as a function of the parameters of models like `model`.
    #[doc(hidden)]
    #[expect(private_interfaces, reason = "only the check of this crate calls it")]
    fn plain<'a>(&'a self, model: &Self::Model, batch: &Self::Batch) -> PlainObjective<'a>;
}

/// Rows of numbers on the host.
#[derive(Debug, Clone)]
struct Matrix {
    columns: usize,
    values: Vec<f64>,
}

impl From<&Tensor<2>> for Matrix {
    fn from(tensor: &Tensor<2>) -> Self {
        Self {
            columns: tensor.dims()[1],
            values: host_values(tensor.clone().inner()),
        }
    }
}

impl Matrix {
    fn rows(&self) -> std::slice::ChunksExact<'_, f64> {
        self.values.chunks_exact(self.columns)
    }

    /// φ(x·W + b) of every row, for W `[columns, outputs]`, with the pieces.
    fn dense(&self, weight: &[f64], bias: &[f64], kind: Activation, pieces: &mut Vec<u8>) -> Self {
        let mut values = Vec::with_capacity(self.values.len() / self.columns * bias.len());
        for x in self.rows() {
            let mut row = bias.to_vec();
            for (x, weights) in x.iter().zip(weight.chunks_exact(bias.len())) {
                let sums = row.iter_mut().zip(weights);
                sums.for_each(|(sum, w)| *sum += x * w);
            }
            pieces.extend(row.iter().map(|&p| piece(kind.unit, p)));
            row.iter_mut().for_each(|p| *p = unit(kind.unit, *p));
            if let Some(k) = kind.top_k {
                keep_largest(&mut row, k, pieces);
            }
            values.extend(row);
        }
        Self {
            columns: bias.len(),
            values,
        }
    }
}

fn unit(unit: Unit, p: f64) -> f64 {
    match unit {
        Unit::Sigmoid => 1.0 / (1.0 + (-p).exp()),
        Unit::Tanh => p.tanh(),
        Unit::Linear => p,
        Unit::Satlin => p.clamp(0.0, 1.0),
        Unit::Relu => p.max(0.0),
    }
}

fn piece(unit: Unit, p: f64) -> u8 {
    match unit {
        Unit::Satlin => u8::from(p > 0.0) + u8::from(p >= 1.0),
        Unit::Relu => u8::from(p > 0.0),
        Unit::Sigmoid | Unit::Tanh | Unit::Linear => 0,
    }
}

/// Sets all but the k largest of a row, and what equals the k-th, to 0.
fn keep_largest(row: &mut [f64], k: usize, pieces: &mut Vec<u8>) {
    let mut sorted = row.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let least = sorted[k - 1];
    pieces.extend(row.iter().map(|&y| u8::from(y >= least)));
    let dropped = row.iter_mut().filter(|y| **y < least);
    dropped.for_each(|y| *y = 0.0);
}

/// −x log z − (1 − x) log(1 − z) for z = φ(p), as −log(1 − z) is log(1 + e^p).
fn cross_entropy(p: f64, x: f64) -> f64 {
    let softplus = |p: f64| p.max(0.0) + (-p.abs()).exp().ln_1p();
    x * softplus(-p) + (1.0 - x) * softplus(p)
}

fn divergence(rho: f64, rho_hat: f64) -> f64 {
    let d = rho_hat.clamp(RHO_HAT_EPSILON, 1.0 - RHO_HAT_EPSILON) - rho;
    -rho * (d / rho).ln_1p() - (1.0 - rho) * (-d / (1.0 - rho)).ln_1p()
}

/// ½·decay·w² of each weight.
fn decay<'a>(decay: f64, weights: &'a [f64]) -> impl Iterator<Item = f64> + 'a {
    weights.iter().map(move |w| 0.5 * decay * w * w)
}

impl PlainLoops for SparseObjective {
    #[expect(private_interfaces, reason = "see the trait")]
    fn plain<'a>(
        &'a self,
        model: &SparseAutoencoder,
        batch: &AutoencoderBatch,
    ) -> PlainObjective<'a> {
        let (n, h) = (model.inputs(), model.hidden());
        let (encoder, kind) = (model.encoder.activation, model.architecture());
        // The cross-entropy is that of the sigmoid's pre-activations.
        let decoder = Activation::of(match self.reconstruction() {
            Reconstruction::SquaredError => kind.decoder,
            Reconstruction::CrossEntropy => Unit::Linear,
        });
        let (inputs, targets) = (Matrix::from(&batch.inputs), Matrix::from(&batch.targets));
        let rows = inputs.rows().len() as f64;
        Box::new(move |theta| {
            let mut plain = Plain::default();
            let (w1, rest) = theta.split_at(n * h);
            let (b, rest) = rest.split_at(h);
            let transposed: Vec<f64>;
            let (w2, c) = match kind.tied {
                true => {
                    let at = |i: usize| w1[(i % n) * h + i / n];
                    transposed = (0..n * h).map(at).collect();
                    (&transposed[..], rest)
                }
                false => rest.split_at(n * h),
            };
            let code = inputs.dense(w1, b, encoder, &mut plain.pieces);
            let output = code.dense(w2, c, decoder, &mut plain.pieces);
            let loss = |(output, target): (&f64, &f64)| match self.reconstruction() {
                Reconstruction::SquaredError => 0.5 * (output - target).powi(2),
                Reconstruction::CrossEntropy => cross_entropy(*output, *target),
            };
            let pairs = output.values.iter().zip(&targets.values);
            plain.addends.extend(pairs.map(|pair| loss(pair) / rows));
            plain.addends.extend(decay(self.weight_decay(), w1));
            plain.addends.extend(decay(self.weight_decay(), w2));
            let rests_below = encoder.unit == Unit::Tanh;
            let active = |y: f64| if rests_below { 0.5 * (1.0 + y) } else { y };
            if self.beta() > 0.0 {
                for j in 0..h {
                    let sum: f64 = code.rows().map(|row| active(row[j])).sum();
                    let own = self.beta() * divergence(self.rho(), sum / rows);
                    plain.addends.push(own);
                }
            }
            if self.l1() > 0.0 {
                let all = code.values.iter().map(|&y| active(y));
                plain.pieces.extend(all.clone().map(|a| u8::from(a > 0.0)));
                let magnitudes = all.map(|a| self.l1() * a.abs() / rows);
                plain.addends.extend(magnitudes);
            }
            plain
        })
    }
}

impl PlainLoops for CrossEntropy {
    #[expect(private_interfaces, reason = "see the trait")]
    fn plain<'a>(&'a self, head: &Softmax, batch: &LabelledBatch) -> PlainObjective<'a> {
        classifier(vec![], head, self.weight_decay(), batch)
    }
}

impl PlainLoops for FineTuning {
    #[expect(private_interfaces, reason = "see the trait")]
    fn plain<'a>(&'a self, network: &DeepNetwork, batch: &LabelledBatch) -> PlainObjective<'a> {
        let layers = network.encoders.iter();
        let layers = layers.map(|e| (e.inputs(), e.outputs(), e.activation));
        classifier(layers.collect(), &network.head, self.weight_decay(), batch)
    }
}

/// A network of `layers` (inputs, outputs, activation) below a head.
fn classifier<'a>(
    mut layers: Vec<(usize, usize, Activation)>,
    head: &Softmax,
    weight_decay: f64,
    batch: &LabelledBatch,
) -> PlainObjective<'a> {
    let output = &head.output;
    layers.push((output.inputs(), output.outputs(), output.activation));
    let (inputs, one_hot) = (Matrix::from(&batch.inputs), Matrix::from(&batch.one_hot));
    Box::new(move |theta| {
        let mut plain = Plain::default();
        let mut values = inputs.clone();
        let (mut rest, mut last) = (theta, &theta[..0]);
        for &(inputs, outputs, kind) in &layers {
            let (weight, after) = rest.split_at(inputs * outputs);
            let (bias, after) = after.split_at(outputs);
            values = values.dense(weight, bias, kind, &mut plain.pieces);
            (rest, last) = (after, weight);
        }
        let rows = one_hot.rows().len() as f64;
        for (scores, target) in values.rows().zip(one_hot.rows()) {
            let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = scores.iter().map(|s| (s - largest).exp()).sum();
            let own: f64 = scores.iter().zip(target).map(|(s, t)| s * t).sum();
            plain.addends.push((sum.ln() + largest - own) / rows);
        }
        plain.addends.extend(decay(weight_decay, last));
        plain
    })
}
