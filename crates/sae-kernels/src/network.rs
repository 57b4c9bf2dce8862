//! A step of a deep network with a softmax head, or of the head alone, fused.

use std::sync::Mutex;

use pulp::{Arch, Simd, WithSimd};

use crate::engine::{CHUNK, Engine, Forward, Last, Operands};
use crate::lanes::{Active, BLOCK, Lanes, vectors, vectors_mut};
use crate::layers::{Layers, Part};
use crate::math::exp;
use crate::samples::{Across, Place, Rows, Samples};
use crate::team::lock;
use crate::tile::{columns_product, rows_product};
use crate::unit::Unit;
use crate::update::Optimiser;

/// One layer of a network: its weights `[input, output]`, row by row, and its bias `[output]`.
#[derive(Debug, Clone, PartialEq)]
pub struct DenseWeights {
    /// Number of inputs.
    pub inputs: usize,
    /// The weights.
    pub weight: Vec<f32>,
    /// The bias.
    pub bias: Vec<f32>,
}

/// What is minimised: the cross-entropy of the softmax of the last layer, and the decay of its
/// weights.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkConfig {
    /// The units of every layer but the last; none for a softmax head alone.
    pub units: Vec<Unit>,
    /// Weight decay λ of the last layer.
    pub lambda: f64,
}

/// J at the parameters before the update, term by term, and the accuracy.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct NetworkValue {
    /// −(1/R) Σ log P_label.
    pub cross_entropy: f64,
    /// (λ/2)‖W‖² of the last layer.
    pub weight_decay: f64,
    /// Share of the samples whose most probable class is theirs.
    pub accuracy: f64,
}

/// A network with all the memory that its training needs.
pub struct Network {
    config: NetworkConfig,
    engine: Engine,
    blocks: Vec<Block>,
    /// The transposed inputs of every layer, of one block, per thread.
    scratch: Vec<Mutex<Vec<Across>>>,
}

/// 32 samples on their way through the network.
struct Block {
    place: Place,
    /// The inputs of every layer.
    inputs: Vec<Samples>,
    /// The scores, `[class, sample]`.
    scores: Vec<Lanes>,
    /// The deltas of every layer, `[output, sample]`.
    deltas: Vec<Vec<Lanes>>,
    /// ∂J/∂bias of every layer.
    biases: Vec<Vec<f32>>,
    /// −log P_label / R.
    cross_entropy: f64,
    hits: usize,
}

impl Network {
    /// A network that starts from `weights`, the layer nearest the input first, and works with
    /// `threads` threads.
    ///
    /// # Panics
    ///
    /// Panics where there is not one layer more than units, or sizes do not fit.
    pub fn new(config: NetworkConfig, weights: &[DenseWeights], threads: usize) -> Self {
        assert_eq!(weights.len(), config.units.len() + 1);
        for pair in weights.windows(2) {
            assert_eq!(pair[0].bias.len(), pair[1].inputs);
        }
        let mut layers = Layers::new();
        for dense in weights {
            layers.push(dense.bias.len(), dense.inputs, dense.bias.len());
        }
        let across = weights.iter().map(|dense| Across::new(dense.inputs));
        let across: Vec<Across> = across.collect();
        let scratch = (0..threads.max(1)).map(|_| Mutex::new(across.clone()));
        let mut network = Self {
            config,
            engine: Engine::new(layers, threads),
            blocks: Vec::new(),
            scratch: scratch.collect(),
        };
        network.set(weights);
        network
    }

    /// Replaces the parameters; what the optimiser remembers stays.
    ///
    /// # Panics
    ///
    /// As [`Network::new`].
    pub fn set(&mut self, weights: &[DenseWeights]) {
        for (layer, dense) in weights.iter().enumerate() {
            let layers = &mut self.engine.layers;
            layers.set(layer, &dense.weight, true, &dense.bias);
        }
    }

    /// The parameters of every layer, or their gradients.
    pub fn weights(&self, part: Part) -> Vec<DenseWeights> {
        let layers = &self.engine.layers;
        let dense = |layer: usize| {
            let (rows, columns) = (layers.rows(layer), layers.columns(layer));
            let mut dense = DenseWeights {
                inputs: columns,
                weight: vec![0.0; rows * columns],
                bias: vec![0.0; rows],
            };
            layers.matrix(layer, part, true, &mut dense.weight);
            layers.vector(layer, part, &mut dense.bias);
            dense
        };
        (0..=self.config.units.len()).map(dense).collect()
    }

    /// ‖∇J‖ of the last step.
    pub fn gradient_norm(&self) -> f64 {
        self.engine.gradient_norm()
    }

    /// J and its gradient over all samples of `inputs` with their `labels`, and one update of the
    /// parameters where `update` gives an optimiser and a learning rate.
    ///
    /// # Panics
    ///
    /// Panics where there are no samples, or a label is no class.
    pub fn step(
        &mut self,
        inputs: Rows<'_>,
        labels: &[u8],
        update: Option<(Optimiser, f32)>,
    ) -> NetworkValue {
        let rows = inputs.count();
        assert!(rows > 0, "a step needs samples");
        assert_eq!(rows, labels.len(), "every sample has a label");
        let update = update.map(|(optimiser, rate)| self.engine.next_update(optimiser, rate));
        let needed = rows.min(CHUNK).div_ceil(BLOCK);
        while self.blocks.len() < needed {
            self.blocks
                .push(Block::new(&self.engine.layers, &self.config));
        }
        let mut value = NetworkValue::default();
        let mut hits = 0;
        let head = self.config.units.len();
        let lambda = self.config.lambda;
        for (chunk, start) in (0..rows).step_by(CHUNK).enumerate() {
            let in_chunk = (rows - start).min(CHUNK).div_ceil(BLOCK);
            let used = &mut self.blocks[..in_chunk];
            for (index, block) in used.iter_mut().enumerate() {
                block.place = Place::new(start, index, rows);
            }
            let Engine {
                layers, team, arch, ..
            } = &mut self.engine;
            let (layers, arch, units) = (&*layers, *arch, &self.config.units[..]);
            let scratch = &self.scratch;
            team.each(used, 1, |thread, blocks| {
                // A thread's scratch is its own; the lock only says so.
                let mut across = lock(&scratch[thread]);
                arch.dispatch(Pass {
                    arch,
                    units,
                    layers,
                    block: &mut blocks[0],
                    across: &mut across,
                    inputs,
                    labels,
                });
            });
            self.engine.bias_gradients(used, chunk == 0);
            for block in &*used {
                value.cross_entropy += block.cross_entropy;
                hits += block.hits;
            }
            let last = (start + CHUNK >= rows).then_some(Last { update });
            let decay = |layer| if layer == head { lambda as f32 } else { 0.0 };
            self.engine.weight_gradients(used, chunk == 0, last, decay);
        }
        self.engine.finish_biases(update);
        value.weight_decay = 0.5 * lambda * self.engine.layers.squares(head);
        value.accuracy = hits as f64 / rows as f64;
        value
    }
}

impl Block {
    fn new(layers: &Layers, config: &NetworkConfig) -> Self {
        let all = 0..=config.units.len();
        let lanes = |layer| vec![Lanes::ZERO; layers.rows(layer)];
        Self {
            place: Place::default(),
            inputs: all
                .clone()
                .map(|layer| Samples::new(layers.columns(layer)))
                .collect(),
            scores: lanes(config.units.len()),
            deltas: all.clone().map(lanes).collect(),
            biases: all.map(|layer| vec![0.0; layers.rows(layer)]).collect(),
            cross_entropy: 0.0,
            hits: 0,
        }
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
struct Pass<'a> {
    arch: Arch,
    units: &'a [Unit],
    layers: &'a Layers,
    block: &'a mut Block,
    across: &'a mut [Across],
    inputs: Rows<'a>,
    labels: &'a [u8],
}

impl WithSimd for Pass<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            arch,
            units,
            layers,
            block,
            across,
            ..
        } = self;
        let head = units.len();
        block.inputs[0].load(simd, arch, self.inputs, &block.place, &mut across[0]);
        for (layer, &unit) in units.iter().enumerate() {
            let (below, above) = across.split_at_mut(layer + 1);
            let (below, above) = (&below[layer], &mut above[0]);
            forward(simd, layers, layer, below, above.all_mut());
            for lanes in above.all_mut() {
                for y in vectors_mut::<S>(lanes) {
                    *y = unit.value(simd, *y);
                }
            }
            for p in 0..layers.count(layer + 1) {
                block.inputs[layer + 1].turn(arch, p, above.panel(p).rows);
            }
        }
        forward(simd, layers, head, &across[head], &mut block.scores);
        block.softmax(simd, self.labels);
        for layer in (1..=head).rev() {
            let (below, above) = block.deltas.split_at_mut(layer);
            let (below, above) = (&mut below[layer - 1], &above[0]);
            let outputs = &across[layer];
            for p in 0..layers.count(layer) {
                let delta = &mut below[p * BLOCK..][..layers.width(layer, p)];
                columns_product(simd, delta, layers.weights(layer, p), above);
                for (delta, y) in delta.iter_mut().zip(outputs.panel(p).rows) {
                    let lanes = vectors_mut::<S>(delta).iter_mut();
                    for (delta, &y) in lanes.zip(vectors::<S>(y)) {
                        *delta = units[layer - 1].back(simd, *delta, y);
                    }
                }
            }
        }
        for (deltas, sums) in block.deltas.iter().zip(&mut block.biases) {
            for (delta, sum) in deltas.iter().zip(sums) {
                let mut total = simd.splat_f32s(0.0);
                for &delta in vectors::<S>(delta) {
                    total = simd.add_f32s(total, delta);
                }
                *sum = simd.reduce_sum_f32s(total);
            }
        }
    }
}

/// W·x + b of every output.
#[inline(always)]
fn forward<S: Simd>(
    simd: S,
    layers: &Layers,
    layer: usize,
    inputs: &Across,
    outputs: &mut [Lanes],
) {
    let product = Forward {
        layers,
        layer,
        inputs,
        panels: 0..layers.count(layer),
    };
    rows_product(simd, outputs, true, &product);
    for (lanes, &bias) in outputs.iter_mut().zip(layers.bias(layer)) {
        for value in vectors_mut::<S>(lanes) {
            *value = simd.add_f32s(*value, simd.splat_f32s(bias));
        }
    }
}

impl Block {
    /// (P − onehot) / R from the scores, with the cross-entropy and the hits.
    #[inline(always)]
    fn softmax<S: Simd>(&mut self, simd: S, labels: &[u8]) {
        let (scores, place) = (&self.scores, &self.place);
        let deltas = self.deltas.last_mut().expect("there is a head");
        let (mut largest, mut sums) = (scores[0], Lanes::ZERO);
        for lanes in &scores[1..] {
            let all = vectors_mut::<S>(&mut largest).iter_mut();
            for (largest, &score) in all.zip(vectors::<S>(lanes)) {
                *largest = simd.max_f32s(*largest, score);
            }
        }
        for (delta, score) in deltas.iter_mut().zip(scores) {
            let all = vectors_mut::<S>(delta).iter_mut().zip(vectors::<S>(score));
            let whole = vectors::<S>(&largest)
                .iter()
                .zip(vectors_mut::<S>(&mut sums));
            for ((delta, &score), (&largest, sum)) in all.zip(whole) {
                *delta = exp(simd, simd.sub_f32s(score, largest));
                *sum = simd.add_f32s(*sum, *delta);
            }
        }
        for delta in deltas.iter_mut() {
            let all = vectors_mut::<S>(delta).iter_mut().zip(vectors::<S>(&sums));
            for ((delta, &sum), &per_row) in all.zip(vectors::<S>(&place.per_row)) {
                *delta = simd.mul_f32s(simd.div_f32s(*delta, sum), per_row);
            }
        }
        (self.cross_entropy, self.hits) = (0.0, 0);
        for sample in 0..place.count {
            let label = usize::from(labels[place.first + sample]);
            let per_row = place.per_row.0[sample];
            deltas[label].0[sample] -= per_row;
            let score = |class: usize| scores[class].0[sample];
            let margin = f64::from(score(label)) - f64::from(largest.0[sample]);
            let log_probability = margin - f64::from(sums.0[sample]).ln();
            self.cross_entropy -= log_probability * f64::from(per_row);
            let first_largest = (0..scores.len()).find(|&class| score(class) == largest.0[sample]);
            self.hits += usize::from(first_largest == Some(label));
        }
    }
}
