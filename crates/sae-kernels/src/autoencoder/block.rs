//! What is done to a block of samples of an autoencoder.

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use super::config::AutoencoderConfig;
use crate::engine::{CACHE, Forward, Operands};
use crate::lanes::{Active, BLOCK, Lanes, numbers, panels, vectors, vectors_mut};
use crate::layers::Layers;
use crate::samples::{Across, Place, Rows, Samples};
use crate::tile::{Blocks, columns_product, rows_product};

/// The encoder's place among the layers.
pub(super) const ENCODER: usize = 0;
/// The decoder's.
pub(super) const DECODER: usize = 1;

/// Most panels whose deltas are computed before they are multiplied back.
const GROUP: usize = 8;

/// Samples on their way through the network.
pub(super) struct Block {
    pub place: Place,
    inputs: Samples,
    /// Yᵀ, `[hidden, sample]`.
    pub code: Vec<Lanes>,
    /// (Δ3·W2ᵀ)ᵀ, then Δ2ᵀ, `[hidden, sample]`.
    pub back: Vec<Lanes>,
    /// Δ3.
    delta: Samples,
    pub sums: Sums,
}

/// A block's share of the sums over samples.
pub(super) struct Sums {
    /// Of the reconstruction term.
    pub reconstruction: f64,
    /// ‖x − z‖² / R.
    pub squared_error: f64,
    /// Activities / R, `[hidden]`.
    pub activity: Vec<f32>,
    /// |activity| / R, where the L1 term is wanted.
    pub l1: f64,
    /// ∂J/∂b, `[hidden]`.
    pub encoder_bias: Vec<f32>,
    /// ∂J/∂c, a row per panel.
    pub decoder_bias: Vec<Lanes>,
}

/// A thread's own memory: what a block needs only while it passes.
#[derive(Clone)]
pub(super) struct Scratch {
    /// Xᵀ.
    inputs: Across,
    /// The transposed targets, and the targets, where these are not the inputs.
    targets: Option<(Across, Samples)>,
    /// Δ3ᵀ of a group of panels.
    deltas: Vec<Lanes>,
}

impl Scratch {
    pub(super) fn new(config: &AutoencoderConfig) -> Self {
        Self {
            inputs: Across::new(config.inputs),
            targets: None,
            deltas: vec![Lanes::ZERO; GROUP * BLOCK],
        }
    }

    /// Bytes that it holds.
    pub(super) fn memory(&self) -> usize {
        let targets = self.targets.as_ref();
        let targets = targets.map_or(0, |(across, samples)| across.memory() + samples.memory());
        self.inputs.memory() + targets + size_of_val(&self.deltas[..])
    }
}

impl Block {
    pub(super) fn new(config: &AutoencoderConfig) -> Self {
        let AutoencoderConfig { inputs, hidden, .. } = *config;
        Self {
            place: Place::default(),
            inputs: Samples::new(inputs),
            code: vec![Lanes::ZERO; hidden],
            back: vec![Lanes::ZERO; hidden],
            delta: Samples::new(inputs),
            sums: Sums {
                reconstruction: 0.0,
                squared_error: 0.0,
                activity: vec![0.0; hidden],
                l1: 0.0,
                encoder_bias: vec![0.0; hidden],
                decoder_bias: vec![Lanes::ZERO; panels(inputs)],
            },
        }
    }

    /// Bytes that it holds.
    pub(super) fn memory(&self) -> usize {
        let lanes = 2 * self.code.len() + self.sums.decoder_bias.len();
        let sums = 2 * self.sums.activity.len() * size_of::<f32>();
        lanes * size_of::<Lanes>() + sums + self.inputs.memory() + self.delta.memory()
    }
}

impl Operands for Block {
    /// ∂J/∂W1ᵀ is Δ2ᵀ·X, and ∂J/∂W2 is Yᵀ·Δ3.
    #[inline(always)]
    fn operands(&self, layer: usize, p: usize) -> (&[Lanes], Active<'_>) {
        let (across, samples) = match layer {
            ENCODER => (&self.back, &self.inputs),
            _ => (&self.code, &self.delta),
        };
        (across, samples.panel(p, self.place.count))
    }

    fn bias_gradient(&self, layer: usize) -> &[f32] {
        match layer {
            ENCODER => &self.sums.encoder_bias,
            _ => numbers(&self.sums.decoder_bias),
        }
    }
}

impl<'a> From<Option<Rows<'a>>> for Decode<'a> {
    fn from(targets: Option<Rows<'a>>) -> Self {
        targets.map_or(Self::Inputs, Self::Targets)
    }
}

/// X → Y with the sums of the activities, and where wanted Y → Z → Δ3 and Δ3·W2ᵀ.
pub(super) struct Pass<'a> {
    pub arch: Arch,
    pub config: &'a AutoencoderConfig,
    pub layers: &'a Layers,
    /// Some blocks, which go through the weights together.
    pub blocks: &'a mut [Block],
    /// As many as blocks, or more.
    pub scratch: &'a mut [Scratch],
    pub inputs: Rows<'a>,
    /// Whether the codes are there already.
    pub encoded: bool,
    /// Whether to decode, and what.
    pub decode: Decode<'a>,
}

/// What follows on encoding.
#[derive(Clone, Copy)]
pub(super) enum Decode<'a> {
    /// Nothing.
    No,
    /// The samples are to become themselves.
    Inputs,
    /// They are to become these.
    Targets(Rows<'a>),
}

impl WithSimd for Pass<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        self.encode(simd);
        match self.decode {
            Decode::No => {}
            Decode::Inputs => self.decode(simd, None),
            Decode::Targets(targets) => self.decode(simd, Some(targets)),
        }
    }
}

/// A group of the decoder's panels with Δ3ᵀ.
struct Backward<'a> {
    layers: &'a Layers,
    first: usize,
    count: usize,
    deltas: &'a [Lanes],
}

impl Blocks for Backward<'_> {
    const SPARSE: bool = false;

    #[inline(always)]
    fn count(&self) -> usize {
        self.count
    }

    #[inline(always)]
    fn block(&self, i: usize) -> (&[Lanes], Active<'_>) {
        let p = self.first + i;
        let width = self.layers.width(DECODER, p);
        let deltas = &self.deltas[i * BLOCK..][..width];
        (self.layers.weights(DECODER, p), Active::all(deltas))
    }
}

impl Pass<'_> {
    /// Panels that are worked on together: their weights fit in the cache.
    fn panels(&self) -> usize {
        (CACHE / (self.config.hidden * size_of::<Lanes>())).clamp(2, GROUP)
    }

    #[inline(always)]
    fn encode<S: Simd>(&mut self, simd: S) {
        for (block, scratch) in self.blocks.iter_mut().zip(&mut *self.scratch) {
            let across = &mut scratch.inputs;
            block
                .inputs
                .load(simd, self.arch, self.inputs, &block.place, across);
        }
        if !self.encoded {
            self.find_codes(simd);
        }
        for block in &mut *self.blocks {
            block.sum_activities(simd, self.config);
        }
    }

    #[inline(always)]
    fn find_codes<S: Simd>(&mut self, simd: S) {
        let (count, step) = (self.layers.count(ENCODER), self.panels());
        for first in (0..count).step_by(step) {
            for (block, scratch) in self.blocks.iter_mut().zip(&*self.scratch) {
                let forward = Forward {
                    layers: self.layers,
                    layer: ENCODER,
                    inputs: &scratch.inputs,
                    panels: first..(first + step).min(count),
                };
                let lanes = block.place.lanes;
                rows_product(simd, &mut block.code, lanes, first == 0, &forward);
            }
        }
        for block in &mut *self.blocks {
            let (bias, place) = (self.layers.bias(ENCODER), &block.place);
            let encoder = self.config.encoder;
            encoder.apply(simd, &mut block.code, bias, place);
        }
    }

    #[inline(always)]
    fn decode<S: Simd>(&mut self, simd: S, targets: Option<Rows<'_>>) {
        let columns = self.config.inputs;
        for (block, scratch) in self.blocks.iter_mut().zip(&mut *self.scratch) {
            (block.sums.reconstruction, block.sums.squared_error) = (0.0, 0.0);
            if let Some(rows) = targets {
                let new = || (Across::new(columns), Samples::new(columns));
                let (across, samples) = scratch.targets.get_or_insert_with(new);
                samples.load(simd, self.arch, rows, &block.place, across);
            }
        }
        let (count, step) = (self.layers.count(DECODER), self.panels());
        for first in (0..count).step_by(step) {
            let panels = first..(first + step).min(count);
            for (block, scratch) in self.blocks.iter_mut().zip(&mut *self.scratch) {
                let Scratch {
                    inputs,
                    targets: apart,
                    deltas,
                } = scratch;
                let apart = apart.as_ref().filter(|_| targets.is_some());
                let decoder = Decoder {
                    arch: self.arch,
                    config: self.config,
                    layers: self.layers,
                    targets: apart.map_or(&*inputs, |(across, _)| across),
                };
                decoder.panels(simd, block, panels.clone(), deltas);
            }
        }
    }
}

/// The way from codes to Δ3, and back to the codes.
struct Decoder<'a> {
    arch: Arch,
    config: &'a AutoencoderConfig,
    layers: &'a Layers,
    /// Transposed.
    targets: &'a Across,
}

impl Decoder<'_> {
    #[inline(always)]
    fn panels<S: Simd>(
        &self,
        simd: S,
        block: &mut Block,
        panels: Range<usize>,
        deltas: &mut [Lanes],
    ) {
        let (layers, first, lanes) = (self.layers, panels.start, block.place.lanes);
        for p in panels.clone() {
            let delta = &mut deltas[(p - first) * BLOCK..][..layers.width(DECODER, p)];
            let weights = layers.weights(DECODER, p);
            columns_product(simd, delta, lanes, weights, &block.code);
            let bias = &layers.bias(DECODER)[p * BLOCK..];
            let (config, targets) = (self.config, self.targets.panel(p).rows);
            let loss = config.output_delta(simd, delta, bias, targets, &block.place);
            block.sums.reconstruction += loss.reconstruction;
            block.sums.squared_error += loss.squared_error;
            let panel = block.delta.turn(self.arch, p, delta);
            block.sums.decoder_bias[p] = sum_of_rows(simd, &panel[..block.place.count]);
        }
        let back = Backward {
            layers,
            first,
            count: panels.len(),
            deltas,
        };
        rows_product(simd, &mut block.back, lanes, first == 0, &back);
    }
}

impl Block {
    /// The sums of the activities, and of their magnitudes where these are wanted.
    #[inline(always)]
    fn sum_activities<S: Simd>(&mut self, simd: S, config: &AutoencoderConfig) {
        let (shift, factor) = config.encoder.unit.activity(simd);
        self.sums.l1 = 0.0;
        for (code, sum) in self.code.iter().zip(&mut self.sums.activity) {
            let mut total = simd.splat_f32s(0.0);
            let mut magnitudes = total;
            let lanes = vectors::<S>(code).iter().zip(self.place.per_row::<S>());
            for (&y, &per_row) in lanes {
                let activity = simd.mul_add_f32s(factor, y, shift);
                total = simd.mul_add_f32s(activity, per_row, total);
                magnitudes = simd.mul_add_f32s(simd.abs_f32s(activity), per_row, magnitudes);
            }
            *sum = simd.reduce_sum_f32s(total);
            if config.l1 > 0.0 {
                self.sums.l1 += f64::from(simd.reduce_sum_f32s(magnitudes));
            }
        }
    }
}

#[inline(always)]
fn sum_of_rows<S: Simd>(simd: S, rows: &[Lanes]) -> Lanes {
    let mut sum = Lanes::ZERO;
    for row in rows {
        let lanes = vectors_mut::<S>(&mut sum).iter_mut();
        for (sum, &more) in lanes.zip(vectors::<S>(row)) {
            *sum = simd.add_f32s(*sum, more);
        }
    }
    sum
}
