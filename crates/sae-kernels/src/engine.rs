//! What all models share: the phase that turns deltas into gradients and gradients into updates.

use pulp::{Arch, Simd, WithSimd};

use crate::lanes::Lanes;
use crate::layers::Layers;
use crate::samples::Samples;
use crate::team::Team;
use crate::tile::{Blocks, rows_product};
use crate::update::{Optimiser, Parameters, Update};

/// Samples that are in memory at once; more are taken in several goes.
pub(crate) const CHUNK: usize = 1024;

/// Layers, and who works on them.
pub(crate) struct Engine {
    pub layers: Layers,
    pub team: Team,
    pub arch: Arch,
    updates: i32,
}

/// The last chunk of a step: gradients are complete, and there may be an update.
#[derive(Clone, Copy)]
pub(crate) struct Last {
    pub update: Option<Update>,
}

/// What a block of samples has for the gradient of a panel of weights.
pub(crate) trait Operands: Sync {
    /// The layer's deltas `[row, sample]` and panel p of its inputs, `[sample, column]`.
    fn operands(&self, layer: usize, p: usize) -> (&[Lanes], &[Lanes]);
}

impl Engine {
    pub(crate) fn new(layers: Layers, threads: usize) -> Self {
        Self {
            layers,
            team: Team::new(threads),
            arch: Arch::new(),
            updates: 0,
        }
    }

    pub(crate) fn next_update(&mut self, optimiser: Optimiser, learning_rate: f32) -> Update {
        self.updates += 1;
        Update {
            optimiser,
            learning_rate,
            number: self.updates,
        }
    }

    /// The gradients of all weights: of the first chunk `fresh`, else added to those before. At the
    /// last chunk decay, `decay(layer)` times the weights, is added and the update made, while the
    /// panel is in the cache.
    pub(crate) fn weight_gradients<B: Operands>(
        &mut self,
        blocks: &[B],
        fresh: bool,
        last: Option<Last>,
        decay: impl Fn(usize) -> f32 + Sync,
    ) {
        let arch = self.arch;
        self.team.each(&mut self.layers.panels, |_, panel| {
            let gradient = WeightGradient {
                blocks,
                layer: panel.layer,
                p: panel.index,
                gradients: &mut panel.weights.gradients,
                fresh,
            };
            arch.dispatch(gradient);
            if let Some(Last { update }) = last {
                panel.squares = arch.dispatch(Finish {
                    parameters: &mut panel.weights,
                    decay: decay(panel.layer),
                    weights: true,
                    update,
                });
            }
        });
    }

    /// Updates the biases, which do not decay.
    pub(crate) fn finish_biases(&mut self, update: Option<Update>) {
        for parameters in &mut self.layers.biases {
            self.arch.dispatch(Finish {
                parameters,
                decay: 0.0,
                weights: false,
                update,
            });
        }
    }

    /// ‖∇J‖ after a step.
    pub(crate) fn gradient_norm(&self) -> f64 {
        let weights = self.layers.panels.iter().map(|panel| &panel.weights);
        let all = weights.chain(&self.layers.biases);
        let lanes = all.flat_map(|parameters| &parameters.gradients);
        let squares = lanes.flat_map(|lanes| lanes.0.iter().map(|&g| f64::from(g).powi(2)));
        squares.sum::<f64>().sqrt()
    }
}

/// ∂J/∂W of one panel, Σ over blocks of deltas times inputs.
struct WeightGradient<'a, B> {
    blocks: &'a [B],
    layer: usize,
    p: usize,
    gradients: &'a mut [Lanes],
    fresh: bool,
}

/// The operands of one panel, block by block.
struct OfPanel<'a, B>(&'a [B], usize, usize);

impl<B: Operands> Blocks for OfPanel<'_, B> {
    #[inline(always)]
    fn count(&self) -> usize {
        self.0.len()
    }

    #[inline(always)]
    fn block(&self, i: usize) -> (&[Lanes], &[Lanes]) {
        self.0[i].operands(self.1, self.2)
    }
}

impl<B: Operands> WithSimd for WeightGradient<'_, B> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let operands = OfPanel(self.blocks, self.layer, self.p);
        rows_product(simd, self.gradients, self.fresh, &operands);
    }
}

/// See [`Parameters::finish`].
struct Finish<'a> {
    parameters: &'a mut Parameters,
    decay: f32,
    weights: bool,
    update: Option<Update>,
}

impl WithSimd for Finish<'_> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> f64 {
        let (decay, weights) = (self.decay, self.weights);
        self.parameters.finish(simd, decay, weights, self.update)
    }
}

/// A layer's weights with its inputs: what a forward product is made of.
pub(crate) struct Forward<'a> {
    pub layers: &'a Layers,
    pub layer: usize,
    pub inputs: &'a Samples,
}

impl Blocks for Forward<'_> {
    #[inline(always)]
    fn count(&self) -> usize {
        self.layers.count(self.layer)
    }

    #[inline(always)]
    fn block(&self, p: usize) -> (&[Lanes], &[Lanes]) {
        (self.layers.weights(self.layer, p), self.inputs.columns(p))
    }
}

pub(crate) fn add(sum: &mut [f32], more: &[f32]) {
    for (sum, more) in sum.iter_mut().zip(more) {
        *sum += more;
    }
}
