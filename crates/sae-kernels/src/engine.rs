//! What all models share: the phase that turns deltas into gradients and gradients into updates.

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use crate::error::KernelError;
use crate::lanes::{Active, BLOCK, Lanes};
use crate::layers::{Layers, Panel};
use crate::samples::Across;
use crate::team::Team;
use crate::tile::{Blocks, MOST_ROWS, rows_product};
use crate::update::{Moved, Parameters, Squares, Update};

/// Bytes that stay in a processor's own cache.
pub(crate) const CACHE: usize = 512 * 1024;

/// Layers, and who works on them.
pub(crate) struct Engine {
    pub layers: Layers,
    pub team: Team,
    pub arch: Arch,
    /// How many updates there were.
    pub updates: u64,
    /// Samples whose gradients have been added up, and how many there are of the whole.
    seen: usize,
    whole: usize,
    /// Of all biases, when their gradients were complete.
    bias_squares: Squares,
    /// Whether the last update shortened its gradient.
    pub clipped: bool,
}

/// What a block of samples has for the gradient of a panel of weights.
pub(crate) trait Operands: Sync {
    /// The layer's deltas `[row, sample]` and panel p of its inputs, `[sample, column]`.
    fn operands(&self, layer: usize, p: usize) -> (&[Lanes], Active<'_>);

    /// The block's share of ∂J/∂bias of a layer.
    fn bias_gradient(&self, layer: usize) -> &[f32];
}

impl Engine {
    pub(crate) fn new(layers: Layers, team: Team) -> Self {
        Self {
            layers,
            team,
            arch: Arch::new(),
            updates: 0,
            seen: 0,
            whole: 0,
            bias_squares: Squares::default(),
            clipped: false,
        }
    }

    /// Forgets the gradients that have been added up.
    pub(crate) fn begin(&mut self) {
        (self.seen, self.whole) = (0, 0);
    }

    /// Whether no gradients have been added up.
    pub(crate) fn is_fresh(&self) -> bool {
        self.seen == 0
    }

    /// Which share of the whole has been added up.
    pub(crate) fn share(&self) -> f64 {
        match self.whole {
            0 => 0.0,
            whole => self.seen as f64 / whole as f64,
        }
    }

    /// Adds the gradients of `blocks`, which hold `count` samples of the `whole`, to those before.
    /// At the `last` ones decay is added, panel by panel, while the panel is in the cache: the
    /// gradient is then complete.
    pub(crate) fn add_gradients<B: Operands>(
        &mut self,
        blocks: &[B],
        (count, whole): (usize, usize),
        last: bool,
    ) {
        let (arch, fresh) = (self.arch, self.is_fresh());
        self.seen += count;
        self.whole = whole;
        self.bias_gradients(blocks, fresh);
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
                if last {
                    panels
                        .iter_mut()
                        .for_each(|panel| panel.complete(arch, 1.0));
                }
            });
        if last {
            self.complete_biases();
            self.begin();
        }
    }

    /// Ends a sum of gradients in which no part was the last one, and says which share of the whole
    /// it is of.
    pub(crate) fn end(&mut self) -> f64 {
        if self.is_fresh() {
            let all = self.layers.all_mut();
            all.for_each(|parameters| parameters.gradients.fill(Lanes::ZERO));
        }
        let share = self.share();
        self.complete(share);
        self.begin();
        share
    }

    /// An update by the gradients as they are.
    pub(crate) fn update(&mut self, update: Update) -> Result<(), KernelError> {
        self.complete(0.0);
        self.apply(update, 0.0)
    }

    /// Moves the parameters by the complete gradients, which may be shortened on the way, unless
    /// J, which is the sum of `value` and of the decay, a gradient or a parameter is no finite number.
    pub(crate) fn apply(&mut self, update: Update, value: f64) -> Result<(), KernelError> {
        let norm = self.gradient_squares().sqrt();
        if !(value + self.decay_term() + norm).is_finite() {
            return Err(KernelError::NotFinite);
        }
        let shorter = update.clip.filter(|&most| norm > most);
        self.clipped = shorter.is_some();
        self.updates += 1;
        let moved = Moved {
            scale: shorter.map_or(1.0, |most| (most / norm) as f32),
            number: self.updates,
            update,
        };
        let arch = self.arch;
        self.team.each(&mut self.layers.panels, 1, |_, panels| {
            arch.dispatch(Move {
                parameters: &mut panels[0].weights,
                weights: true,
                moved,
            });
        });
        for parameters in &mut self.layers.biases {
            arch.dispatch(Move {
                parameters,
                weights: false,
                moved,
            });
        }
        Ok(())
    }

    /// Adds to the gradients a share of the decay, and takes the sums of squares.
    fn complete(&mut self, share: f64) {
        let arch = self.arch;
        let panels = &mut self.layers.panels;
        self.team
            .each(panels, 1, |_, panels| panels[0].complete(arch, share));
        self.complete_biases();
    }

    /// The gradients of all biases, block by block: of the first chunk `fresh`, else added to those
    /// before.
    fn bias_gradients<B: Operands>(&mut self, blocks: &[B], fresh: bool) {
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

    /// Biases do not decay.
    fn complete_biases(&mut self) {
        let arch = self.arch;
        let complete = |parameters| {
            arch.dispatch(Complete {
                parameters,
                decay: 0.0,
            })
        };
        self.bias_squares = self.layers.biases.iter_mut().map(complete).sum();
    }

    /// Σ over layers of decay/2·‖W‖², at the parameters of the gradient. It is no finite
    /// number where any parameter is none, with or without decay: products leave out rows of zeros,
    /// and units are bounded, so that the other terms may not show it.
    pub(crate) fn decay_term(&self) -> f64 {
        let of_panel = |panel: &Panel| {
            let layers = panel.layers.len() as f64;
            0.5 * panel.decay * layers * panel.squares.values
        };
        let weights = self.layers.panels.iter().map(of_panel);
        weights.sum::<f64>() + 0.0 * self.bias_squares.values
    }

    /// ‖∇J‖² of the complete gradient; no finite number where a part of it is none.
    fn gradient_squares(&self) -> f64 {
        let weights = self.layers.panels.iter().map(|p| p.squares.gradients);
        weights.sum::<f64>() + self.bias_squares.gradients
    }

    /// ‖∇J‖ after a step.
    pub(crate) fn gradient_norm(&self) -> f64 {
        let lanes = self
            .layers
            .all()
            .flat_map(|parameters| &parameters.gradients);
        let squares = lanes.flat_map(|lanes| lanes.0.iter().map(|&g| f64::from(g).powi(2)));
        squares.sum::<f64>().sqrt()
    }

    /// Whether all parameters are finite numbers.
    pub(crate) fn parameters_are_finite(&self) -> bool {
        let finite = |lanes: &Lanes| lanes.0.iter().fold(true, |all, v| all & v.is_finite());
        let mut all = self.layers.all();
        all.all(|parameters| parameters.values.iter().all(finite))
    }
}

impl Panel {
    fn complete(&mut self, arch: Arch, share: f64) {
        let layers = self.layers.len() as f64;
        self.squares = arch.dispatch(Complete {
            parameters: &mut self.weights,
            decay: (self.decay * layers * share) as f32,
        });
    }
}

/// ∂J/∂W of some panels, Σ over blocks of deltas times inputs.
struct WeightGradients<'a, B> {
    blocks: &'a [B],
    panels: &'a mut [Panel],
    fresh: bool,
}

/// The operands of some rows of one panel, block by block, layer by layer.
struct OfPanel<'a, B> {
    blocks: &'a [B],
    layers: Range<usize>,
    p: usize,
    rows: Range<usize>,
}

impl<B: Operands> Blocks for OfPanel<'_, B> {
    const SPARSE: bool = true;

    #[inline(always)]
    fn count(&self) -> usize {
        self.blocks.len() * self.layers.len()
    }

    #[inline(always)]
    fn block(&self, i: usize) -> (&[Lanes], Active<'_>) {
        // There are at most two layers.
        let (layer, i) = match i.checked_sub(self.blocks.len()) {
            None => (self.layers.start, i),
            Some(i) => (self.layers.start + 1, i),
        };
        let (deltas, inputs) = self.blocks[i].operands(layer, self.p);
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
                    layers: panel.layers.clone(),
                    p: panel.index,
                    rows,
                };
                rows_product(simd, gradients, BLOCK, self.fresh, &operands);
            }
        }
    }
}

/// See [`Parameters::complete`].
struct Complete<'a> {
    parameters: &'a mut Parameters,
    decay: f32,
}

impl WithSimd for Complete<'_> {
    type Output = Squares;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Squares {
        self.parameters.complete(simd, self.decay)
    }
}

/// See [`Parameters::update`].
struct Move<'a> {
    parameters: &'a mut Parameters,
    weights: bool,
    moved: Moved,
}

impl WithSimd for Move<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.parameters.update(simd, self.weights, self.moved);
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

fn add(sum: &mut [f32], more: &[f32]) {
    for (sum, more) in sum.iter_mut().zip(more) {
        *sum += more;
    }
}
