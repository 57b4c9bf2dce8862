//! What all models share: the phase that turns deltas into gradients and gradients into updates.

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use crate::lanes::{Active, Lanes};
use crate::layers::{Layers, Panel};
use crate::samples::Across;
use crate::team::Team;
use crate::tile::{Blocks, MOST_ROWS, rows_product};
use crate::update::{Optimiser, Parameters, Update};

/// Bytes that stay in a processor's own cache.
pub(crate) const CACHE: usize = 512 * 1024;
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
    fn operands(&self, layer: usize, p: usize) -> (&[Lanes], Active<'_>);

    /// The block's share of ∂J/∂bias of a layer.
    fn bias_gradient(&self, layer: usize) -> &[f32];
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
        let rows = self.layers.panels.iter().map(|p| p.weights.values.len());
        let deltas = rows.max().unwrap_or(0) * blocks.len() * size_of::<Lanes>();
        // Deltas that do not fit in the cache are used for several panels while they are there.
        let neighbours = if deltas > CACHE { 4 } else { 1 };
        self.team
            .each(&mut self.layers.panels, neighbours, |_, panels| {
                arch.dispatch(WeightGradients {
                    blocks,
                    panels,
                    fresh,
                });
                let Some(Last { update }) = last else {
                    return;
                };
                for panel in panels {
                    panel.squares = arch.dispatch(Finish {
                        parameters: &mut panel.weights,
                        decay: decay(panel.layer),
                        weights: true,
                        update,
                    });
                }
            });
    }

    /// The gradients of all biases, block by block: of the first chunk `fresh`, else added to those
    /// before.
    pub(crate) fn bias_gradients<B: Operands>(&mut self, blocks: &[B], fresh: bool) {
        for (layer, bias) in self.layers.biases.iter_mut().enumerate() {
            if fresh {
                bias.gradients.fill(Lanes::ZERO);
            }
            let sum: &mut [f32] = bytemuck::cast_slice_mut(&mut bias.gradients);
            for block in blocks {
                add(sum, block.bias_gradient(layer));
            }
        }
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

/// ∂J/∂W of some panels, Σ over blocks of deltas times inputs.
struct WeightGradients<'a, B> {
    blocks: &'a [B],
    panels: &'a mut [Panel],
    fresh: bool,
}

/// The operands of some rows of one panel, block by block.
struct OfPanel<'a, B> {
    blocks: &'a [B],
    layer: usize,
    p: usize,
    rows: Range<usize>,
}

impl<B: Operands> Blocks for OfPanel<'_, B> {
    const SPARSE: bool = true;

    #[inline(always)]
    fn count(&self) -> usize {
        self.blocks.len()
    }

    #[inline(always)]
    fn block(&self, i: usize) -> (&[Lanes], Active<'_>) {
        let (deltas, inputs) = self.blocks[i].operands(self.layer, self.p);
        (&deltas[self.rows.clone()], inputs)
    }
}

impl<B: Operands> WithSimd for WeightGradients<'_, B> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let all = self.panels.iter().map(|p| p.weights.values.len()).max();
        let all = all.unwrap_or(0);
        // A single panel takes all rows at once; several take turns at rows that fit in the cache.
        let step = match self.panels.len() {
            1 => all.max(1),
            _ => 4 * MOST_ROWS,
        };
        for first in (0..all).step_by(step) {
            for panel in &mut *self.panels {
                let rows = first..(first + step).min(panel.weights.values.len());
                if rows.is_empty() {
                    continue;
                }
                let gradients = &mut panel.weights.gradients[rows.clone()];
                let operands = OfPanel {
                    blocks: self.blocks,
                    layer: panel.layer,
                    p: panel.index,
                    rows,
                };
                rows_product(simd, gradients, self.fresh, &operands);
            }
        }
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
    pub inputs: &'a Across,
    /// Which panels.
    pub panels: Range<usize>,
}

impl Blocks for Forward<'_> {
    const SPARSE: bool = true;

    #[inline(always)]
    fn count(&self) -> usize {
        self.panels.len()
    }

    #[inline(always)]
    fn block(&self, i: usize) -> (&[Lanes], Active<'_>) {
        let p = self.panels.start + i;
        (self.layers.weights(self.layer, p), self.inputs.panel(p))
    }
}

pub(crate) fn add(sum: &mut [f32], more: &[f32]) {
    for (sum, more) in sum.iter_mut().zip(more) {
        *sum += more;
    }
}
