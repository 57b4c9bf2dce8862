//! What is done to a block of samples of a network.

use pulp::{Arch, Simd, WithSimd};

use crate::engine::{Forward, Operands};
use crate::lanes::{Active, BLOCK, Lanes, vectors, vectors_mut};
use crate::layers::Layers;
use crate::math::exp;
use crate::samples::{Across, Place, Rows, Samples};
use crate::tile::{columns_product, rows_product};
use crate::unit::{Activation, Unit};

/// Samples on their way through the network.
pub(super) struct Block {
    pub place: Place,
    /// The inputs of every layer.
    inputs: Vec<Samples>,
    /// The scores, `[class, sample]`.
    scores: Vec<Lanes>,
    /// The deltas of every layer, `[output, sample]`.
    deltas: Vec<Vec<Lanes>>,
    /// ∂J/∂bias of every layer.
    biases: Vec<Vec<f32>>,
    /// −log P_label / R.
    pub cross_entropy: f64,
    pub hits: usize,
}

impl Block {
    pub(super) fn new(layers: &Layers, head: usize) -> Self {
        let all = 0..=head;
        let lanes = |layer| vec![Lanes::ZERO; layers.rows(layer)];
        Self {
            place: Place::default(),
            inputs: all
                .clone()
                .map(|layer| Samples::new(layers.columns(layer)))
                .collect(),
            scores: lanes(head),
            deltas: all.clone().map(lanes).collect(),
            biases: all.map(|layer| vec![0.0; layers.rows(layer)]).collect(),
            cross_entropy: 0.0,
            hits: 0,
        }
    }

    /// Bytes that it holds.
    pub(super) fn memory(&self) -> usize {
        let inputs: usize = self.inputs.iter().map(Samples::memory).sum();
        let lanes = self.scores.len() + self.deltas.iter().map(Vec::len).sum::<usize>();
        let biases: usize = self.biases.iter().map(Vec::len).sum();
        inputs + lanes * size_of::<Lanes>() + biases * size_of::<f32>()
    }
}

impl Operands for Block {
    /// ∂J/∂Wᵀ is Δᵀ·input.
    #[inline(always)]
    fn operands(&self, layer: usize, p: usize) -> (&[Lanes], Active<'_>) {
        let inputs = self.inputs[layer].panel(p, self.place.count);
        (&self.deltas[layer], inputs)
    }

    fn bias_gradient(&self, layer: usize) -> &[f32] {
        &self.biases[layer]
    }
}

/// Forward and backward of one block.
pub(super) struct Pass<'a> {
    pub arch: Arch,
    /// Of every layer but the last.
    pub units: &'a [Activation],
    pub layers: &'a Layers,
    pub block: &'a mut Block,
    /// The transposed inputs of every layer.
    pub across: &'a mut [Across],
    pub inputs: Rows<'a>,
    pub labels: &'a [u32],
}

impl WithSimd for Pass<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        self.forward(simd);
        self.block.softmax(simd, self.labels);
        self.backward(simd);
        self.block.sum_deltas(simd);
    }
}

impl Pass<'_> {
    #[inline(always)]
    fn forward<S: Simd>(&mut self, simd: S) {
        let (arch, layers, across) = (self.arch, self.layers, &mut *self.across);
        let Block {
            place,
            inputs,
            scores,
            ..
        } = &mut *self.block;
        inputs[0].load(simd, arch, self.inputs, place, &mut across[0]);
        for (layer, &unit) in self.units.iter().enumerate() {
            let (below, above) = across.split_at_mut(layer + 1);
            let outputs = above[0].all_mut();
            products(simd, layers, layer, &below[layer], outputs, place);
            unit.apply(simd, outputs, layers.bias(layer), place);
            for p in 0..layers.count(layer + 1) {
                inputs[layer + 1].turn(arch, p, above[0].panel(p).rows);
            }
        }
        let head = self.units.len();
        products(simd, layers, head, &across[head], scores, place);
        let bias = layers.bias(head);
        Activation::of(Unit::Linear).apply(simd, scores, bias, place);
    }

    /// Δ of every layer from that above it.
    #[inline(always)]
    fn backward<S: Simd>(&mut self, simd: S) {
        let (layers, place) = (self.layers, &self.block.place);
        for layer in (1..=self.units.len()).rev() {
            let unit = self.units[layer - 1];
            let (below, above) = self.block.deltas.split_at_mut(layer);
            let (below, above) = (&mut below[layer - 1], &above[0]);
            for p in 0..layers.count(layer) {
                let delta = &mut below[p * BLOCK..][..layers.width(layer, p)];
                columns_product(simd, delta, place.lanes, layers.weights(layer, p), above);
                let outputs = self.across[layer].panel(p).rows;
                for (delta, y) in delta.iter_mut().zip(outputs) {
                    let lanes = place.used_mut::<S>(delta).iter_mut();
                    for (delta, &y) in lanes.zip(vectors::<S>(y)) {
                        *delta = unit.back(simd, *delta, y);
                    }
                }
            }
        }
    }
}

/// W·x of every output.
#[inline(always)]
fn products<S: Simd>(
    simd: S,
    layers: &Layers,
    layer: usize,
    inputs: &Across,
    outputs: &mut [Lanes],
    place: &Place,
) {
    let product = Forward {
        layers,
        layer,
        inputs,
        panels: 0..layers.count(layer),
    };
    rows_product(simd, outputs, place.lanes, true, &product);
}

impl Block {
    /// (P − onehot) / R from the scores, with the cross-entropy and the hits.
    #[inline(always)]
    fn softmax<S: Simd>(&mut self, simd: S, labels: &[u32]) {
        let (scores, place) = (&self.scores, &self.place);
        let Some(deltas) = self.deltas.last_mut() else {
            return;
        };
        let (mut largest, mut sums) = (scores[0], Lanes::ZERO);
        for lanes in &scores[1..] {
            let all = place.used_mut::<S>(&mut largest).iter_mut();
            for (largest, &score) in all.zip(vectors::<S>(lanes)) {
                *largest = simd.max_f32s(*largest, score);
            }
        }
        for (delta, score) in deltas.iter_mut().zip(scores) {
            let all = vectors_mut::<S>(delta).iter_mut().zip(vectors::<S>(score));
            let whole = place
                .used::<S>(&largest)
                .iter()
                .zip(vectors_mut::<S>(&mut sums));
            for ((delta, &score), (&largest, sum)) in all.zip(whole) {
                *delta = exp(simd, simd.sub_f32s(score, largest));
                *sum = simd.add_f32s(*sum, *delta);
            }
        }
        for delta in deltas.iter_mut() {
            let all = vectors_mut::<S>(delta).iter_mut().zip(vectors::<S>(&sums));
            for ((delta, &sum), &per_row) in all.zip(place.per_row::<S>()) {
                *delta = simd.mul_f32s(simd.div_f32s(*delta, sum), per_row);
            }
        }
        (self.cross_entropy, self.hits) = (0.0, 0);
        let share = place.share();
        for sample in 0..place.count {
            let label = labels[place.first + sample] as usize;
            deltas[label].0[sample] -= share;
            let score = |class: usize| scores[class].0[sample];
            let margin = f64::from(score(label)) - f64::from(largest.0[sample]);
            let log_probability = margin - f64::from(sums.0[sample]).ln();
            self.cross_entropy -= log_probability * f64::from(share);
            let first_largest = (0..scores.len()).find(|&class| score(class) == largest.0[sample]);
            self.hits += usize::from(first_largest == Some(label));
        }
    }

    /// ∂J/∂bias of every layer.
    #[inline(always)]
    fn sum_deltas<S: Simd>(&mut self, simd: S) {
        for (deltas, sums) in self.deltas.iter().zip(&mut self.biases) {
            for (delta, sum) in deltas.iter().zip(sums) {
                let mut total = simd.splat_f32s(0.0);
                for &delta in self.place.used::<S>(delta) {
                    total = simd.add_f32s(total, delta);
                }
                *sum = simd.reduce_sum_f32s(total);
            }
        }
    }
}
