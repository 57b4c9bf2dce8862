//! A step of the sparse autoencoder, fused.

use std::sync::Mutex;

use pulp::{Arch, Simd, WithSimd};

use crate::engine::{CHUNK, Engine, Forward, Last, Operands, add};
use crate::lanes::{BLOCK, Lanes, vectors, vectors_mut};
use crate::layers::{Layers, Part};
use crate::samples::{Place, Rows, Samples};
use crate::tile::{Blocks, columns_product, rows_product};
use crate::transpose::transpose;
use crate::unit::Unit;
use crate::update::{Optimiser, Update};

/// What is minimised: in the notation of `sae-model`'s `SparseObjective`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AutoencoderConfig {
    /// Number of inputs N.
    pub inputs: usize,
    /// Number of hidden units H.
    pub hidden: usize,
    /// Units of the encoder.
    pub encoder: Unit,
    /// Units of the decoder.
    pub decoder: Unit,
    /// Weight decay α.
    pub alpha: f64,
    /// Sparsity weight β.
    pub beta: f64,
    /// Sparsity target ρ.
    pub rho: f64,
    /// L1 weight γ.
    pub l1: f64,
    /// ρ̂ is clamped to [ε, 1 − ε]; where that acts the sparsity term has no slope.
    pub clamp: f64,
}

/// The parameters of an autoencoder, each row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct AutoencoderWeights {
    /// W1, `[input, hidden]`.
    pub encoder: Vec<f32>,
    /// b, `[hidden]`.
    pub encoder_bias: Vec<f32>,
    /// W2, `[hidden, input]`.
    pub decoder: Vec<f32>,
    /// c, `[input]`.
    pub decoder_bias: Vec<f32>,
}

/// J at the parameters before the update, term by term, and ρ̂.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct AutoencoderValue {
    /// (1/R) Σ ½‖x − z‖².
    pub reconstruction: f64,
    /// (α/2)(‖W1‖² + ‖W2‖²).
    pub weight_decay: f64,
    /// β Σ KL(ρ ‖ ρ̂).
    pub sparsity: f64,
    /// (γ/R) Σ |a|.
    pub l1: f64,
    /// The mean activity of each hidden unit.
    pub rho_hat: Vec<f32>,
}

const ENCODER: usize = 0;
const DECODER: usize = 1;
/// Panels whose deltas are computed before they are multiplied back.
const GROUP: usize = 8;

/// A sparse autoencoder with all the memory that its training needs.
pub struct Autoencoder {
    config: AutoencoderConfig,
    engine: Engine,
    blocks: Vec<Block>,
    scratch: Vec<Mutex<Scratch>>,
    value: AutoencoderValue,
    /// What ρ̂ adds to R·∂J/∂y of every sample, `[hidden]`.
    slopes: Vec<f32>,
}

/// 32 samples on their way through the network.
struct Block {
    place: Place,
    inputs: Samples,
    /// What is to be reconstructed, where that is not the input.
    targets: Option<Samples>,
    /// Yᵀ, `[hidden, sample]`.
    code: Vec<Lanes>,
    /// (Δ3·W2ᵀ)ᵀ, then Δ2ᵀ, `[hidden, sample]`.
    back: Vec<Lanes>,
    /// Δ3 as panels.
    delta: Vec<Lanes>,
    sums: Sums,
}

/// A block's share of the sums over samples.
struct Sums {
    /// ½‖x − z‖² / R.
    reconstruction: f64,
    /// Activities / R, `[hidden]`.
    activity: Vec<f32>,
    /// |activity| / R.
    l1: f64,
    /// ∂J/∂b, `[hidden]`.
    encoder_bias: Vec<f32>,
    /// ∂J/∂c, a row per panel.
    decoder_bias: Vec<Lanes>,
}

/// A thread's own memory: Δ3ᵀ of a group of panels.
struct Scratch {
    deltas: Vec<Lanes>,
}

impl Autoencoder {
    /// An autoencoder that starts from `weights` and works with `threads` threads.
    ///
    /// # Panics
    ///
    /// Panics where the weights do not have the sizes of `config`.
    pub fn new(config: AutoencoderConfig, weights: &AutoencoderWeights, threads: usize) -> Self {
        let AutoencoderConfig { inputs, hidden, .. } = config;
        let mut layers = Layers::new();
        layers.push(hidden, inputs, hidden);
        layers.push(hidden, inputs, inputs);
        let scratch = || {
            Mutex::new(Scratch {
                deltas: vec![Lanes::ZERO; GROUP * BLOCK],
            })
        };
        let mut autoencoder = Self {
            engine: Engine::new(layers, threads),
            blocks: Vec::new(),
            scratch: (0..threads.max(1)).map(|_| scratch()).collect(),
            value: AutoencoderValue {
                rho_hat: vec![0.0; hidden],
                ..AutoencoderValue::default()
            },
            slopes: vec![0.0; hidden],
            config,
        };
        autoencoder.set(weights);
        autoencoder
    }

    /// Replaces the parameters; what the optimiser remembers stays.
    ///
    /// # Panics
    ///
    /// As [`Autoencoder::new`].
    pub fn set(&mut self, weights: &AutoencoderWeights) {
        let layers = &mut self.engine.layers;
        layers.set(ENCODER, &weights.encoder, true, &weights.encoder_bias);
        layers.set(DECODER, &weights.decoder, false, &weights.decoder_bias);
    }

    /// ‖∇J‖ of the last step.
    pub fn gradient_norm(&self) -> f64 {
        self.engine.gradient_norm()
    }

    /// The parameters, or their gradients.
    pub fn weights(&self, part: Part) -> AutoencoderWeights {
        let AutoencoderConfig { inputs, hidden, .. } = self.config;
        let mut weights = AutoencoderWeights {
            encoder: vec![0.0; inputs * hidden],
            encoder_bias: vec![0.0; hidden],
            decoder: vec![0.0; inputs * hidden],
            decoder_bias: vec![0.0; inputs],
        };
        let layers = &self.engine.layers;
        layers.matrix(ENCODER, part, true, &mut weights.encoder);
        layers.vector(ENCODER, part, &mut weights.encoder_bias);
        layers.matrix(DECODER, part, false, &mut weights.decoder);
        layers.vector(DECODER, part, &mut weights.decoder_bias);
        weights
    }

    /// J and its gradient over all samples of `inputs`, which are to become `targets` or else
    /// themselves, and one update of the parameters where `update` gives an optimiser and a
    /// learning rate. `offset` `[hidden]` is added to ρ̂.
    ///
    /// # Panics
    ///
    /// Panics where there are no samples.
    pub fn step(
        &mut self,
        inputs: Rows<'_>,
        targets: Option<Rows<'_>>,
        offset: Option<&[f32]>,
        update: Option<(Optimiser, f32)>,
    ) -> &AutoencoderValue {
        let rows = inputs.count();
        assert!(rows > 0, "a step needs samples");
        let update = update.map(|(optimiser, rate)| self.engine.next_update(optimiser, rate));
        self.start(rows, offset);
        let chunks = rows.div_ceil(CHUNK);
        if chunks > 1 {
            // ρ̂ of all samples must be known before any hidden delta is.
            for chunk in 0..chunks {
                self.place(chunk, rows, targets.is_some());
                self.encode(inputs, targets);
                self.add_activities();
            }
        }
        for chunk in 0..chunks {
            self.place(chunk, rows, targets.is_some());
            self.encode(inputs, targets);
            if chunks == 1 {
                self.add_activities();
            }
            if chunk == 0 {
                self.find_slopes();
            }
            self.decode();
            self.finish_deltas();
            let last = chunk + 1 == chunks;
            let decay = self.config.alpha as f32;
            self.engine.weight_gradients(
                Self::used(&mut self.blocks),
                chunk == 0,
                last.then_some(Last { update }),
                |_| decay,
            );
            self.bias_gradients(chunk == 0);
        }
        self.finish(update);
        &self.value
    }

    /// The mean activity of each hidden unit over all samples of `inputs`.
    ///
    /// # Panics
    ///
    /// Panics where there are no samples.
    pub fn rho_hat(&mut self, inputs: Rows<'_>) -> &[f32] {
        let rows = inputs.count();
        assert!(rows > 0, "a mean needs samples");
        self.start(rows, None);
        for chunk in 0..rows.div_ceil(CHUNK) {
            self.place(chunk, rows, false);
            self.encode(inputs, None);
            self.add_activities();
        }
        &self.value.rho_hat
    }

    fn start(&mut self, rows: usize, offset: Option<&[f32]>) {
        let value = &mut self.value;
        (value.reconstruction, value.l1) = (0.0, 0.0);
        match offset {
            Some(offset) => value.rho_hat.copy_from_slice(offset),
            None => value.rho_hat.fill(0.0),
        }
        let needed = rows.min(CHUNK).div_ceil(BLOCK);
        while self.blocks.len() < needed {
            self.blocks.push(Block::new(&self.config));
        }
    }

    /// Says which samples each block holds.
    fn place(&mut self, chunk: usize, rows: usize, targets: bool) {
        for (index, block) in self.blocks.iter_mut().enumerate() {
            block.place = Place::new(chunk * CHUNK, index, rows);
            if targets && block.targets.is_none() {
                block.targets = Some(Samples::new(self.config.inputs));
            }
            if !targets {
                block.targets = None;
            }
        }
    }

    /// The blocks that hold samples.
    fn used(blocks: &mut [Block]) -> &mut [Block] {
        let used = blocks.iter().take_while(|block| block.place.count > 0);
        let used = used.count();
        &mut blocks[..used]
    }

    fn encode(&mut self, inputs: Rows<'_>, targets: Option<Rows<'_>>) {
        let config = &self.config;
        let Engine {
            layers, team, arch, ..
        } = &mut self.engine;
        let (layers, arch) = (&*layers, *arch);
        team.each(Self::used(&mut self.blocks), |_, block| {
            arch.dispatch(Encode {
                arch,
                config,
                layers,
                block,
                inputs,
                targets,
            });
        });
    }

    fn add_activities(&mut self) {
        for block in Self::used(&mut self.blocks) {
            add(&mut self.value.rho_hat, &block.sums.activity);
            self.value.l1 += block.sums.l1;
        }
    }

    /// The sparsity term and its slopes, from ρ̂.
    fn find_slopes(&mut self) {
        let AutoencoderConfig {
            beta, rho, clamp, ..
        } = self.config;
        self.value.sparsity = 0.0;
        if beta == 0.0 {
            return;
        }
        let factor = f64::from(self.config.encoder.activity().1);
        for (slope, &rho_hat) in self.slopes.iter_mut().zip(&self.value.rho_hat) {
            let rho_hat = f64::from(rho_hat);
            let inside = rho_hat.clamp(clamp, 1.0 - clamp);
            let divergence =
                rho * (rho / inside).ln() + (1.0 - rho) * ((1.0 - rho) / (1.0 - inside)).ln();
            self.value.sparsity += beta * divergence;
            *slope = match inside == rho_hat {
                true => (factor * beta * ((1.0 - rho) / (1.0 - inside) - rho / inside)) as f32,
                false => 0.0,
            };
        }
    }

    fn decode(&mut self) {
        let (config, scratch) = (&self.config, &self.scratch);
        let Engine {
            layers, team, arch, ..
        } = &mut self.engine;
        let (layers, arch) = (&*layers, *arch);
        team.each(Self::used(&mut self.blocks), |thread, block| {
            // A thread's scratch is its own; the lock only says so.
            let mut scratch = scratch[thread]
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            arch.dispatch(Decode {
                arch,
                config,
                layers,
                block,
                deltas: &mut scratch.deltas,
            });
        });
    }

    fn finish_deltas(&mut self) {
        let (config, slopes, arch) = (&self.config, &self.slopes, self.engine.arch);
        self.engine.team.each(Self::used(&mut self.blocks), |_, block| {
            arch.dispatch(HiddenDelta {
                config,
                slopes,
                block,
            });
        });
    }

    fn bias_gradients(&mut self, fresh: bool) {
        let [encoder, decoder] = &mut self.engine.layers.biases[..] else {
            unreachable!("an autoencoder has two layers");
        };
        if fresh {
            encoder.gradients.fill(Lanes::ZERO);
            decoder.gradients.fill(Lanes::ZERO);
        }
        for block in Self::used(&mut self.blocks) {
            let hidden: &mut [f32] = bytemuck::cast_slice_mut(&mut encoder.gradients);
            add(hidden, &block.sums.encoder_bias);
            for (sum, lanes) in decoder.gradients.iter_mut().zip(&block.sums.decoder_bias) {
                add(&mut sum.0, &lanes.0);
            }
            self.value.reconstruction += block.sums.reconstruction;
        }
    }

    fn finish(&mut self, update: Option<Update>) {
        self.engine.finish_biases(update);
        let layers = &self.engine.layers;
        let squares = layers.squares(ENCODER) + layers.squares(DECODER);
        self.value.weight_decay = 0.5 * self.config.alpha * squares;
        self.value.l1 *= self.config.l1;
    }
}

impl Block {
    fn new(config: &AutoencoderConfig) -> Self {
        let AutoencoderConfig { inputs, hidden, .. } = *config;
        let samples = Samples::new(inputs);
        Self {
            place: Place::default(),
            delta: samples.panels.clone(),
            targets: None,
            code: vec![Lanes::ZERO; hidden],
            back: vec![Lanes::ZERO; hidden],
            sums: Sums {
                reconstruction: 0.0,
                activity: vec![0.0; hidden],
                l1: 0.0,
                encoder_bias: vec![0.0; hidden],
                decoder_bias: vec![Lanes::ZERO; samples.panels.len() / BLOCK],
            },
            inputs: samples,
        }
    }
}

/// X → Y and the sums of the activities.
struct Encode<'a> {
    arch: Arch,
    config: &'a AutoencoderConfig,
    layers: &'a Layers,
    block: &'a mut Block,
    inputs: Rows<'a>,
    targets: Option<Rows<'a>>,
}

impl WithSimd for Encode<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { config, block, .. } = self;
        let arch = self.arch;
        block.inputs.load(arch, self.inputs, &block.place);
        if let (Some(to), Some(from)) = (&mut block.targets, self.targets) {
            to.load(arch, from, &block.place);
        }
        let forward = Forward {
            layers: self.layers,
            layer: ENCODER,
            inputs: &block.inputs,
        };
        rows_product(simd, &mut block.code, true, &forward);
        let (shift, factor) = config.encoder.activity();
        let (shift, factor) = (simd.splat_f32s(shift), simd.splat_f32s(factor));
        let mut magnitudes = simd.splat_f32s(0.0);
        let bias = self.layers.bias(ENCODER);
        let units = block.code.iter_mut().zip(bias);
        for ((code, &bias), sum) in units.zip(&mut block.sums.activity) {
            let mut total = simd.splat_f32s(0.0);
            let lanes = vectors_mut::<S>(code).iter_mut();
            for (y, &per_row) in lanes.zip(vectors::<S>(&block.place.per_row)) {
                *y = config
                    .encoder
                    .value(simd, simd.add_f32s(*y, simd.splat_f32s(bias)));
                let activity = simd.mul_add_f32s(factor, *y, shift);
                total = simd.mul_add_f32s(activity, per_row, total);
                magnitudes = simd.mul_add_f32s(simd.abs_f32s(activity), per_row, magnitudes);
            }
            *sum = simd.reduce_sum_f32s(total);
        }
        block.sums.l1 = f64::from(simd.reduce_sum_f32s(magnitudes));
    }
}

/// Y → Z → Δ3, and Δ3·W2ᵀ.
struct Decode<'a> {
    arch: Arch,
    config: &'a AutoencoderConfig,
    layers: &'a Layers,
    block: &'a mut Block,
    deltas: &'a mut [Lanes],
}

/// A group of the decoder's panels with Δ3ᵀ.
struct Backward<'a> {
    layers: &'a Layers,
    first: usize,
    count: usize,
    deltas: &'a [Lanes],
}

impl Blocks for Backward<'_> {
    #[inline(always)]
    fn count(&self) -> usize {
        self.count
    }

    #[inline(always)]
    fn block(&self, i: usize) -> (&[Lanes], &[Lanes]) {
        let p = self.first + i;
        let width = self.layers.width(DECODER, p);
        let deltas = &self.deltas[i * BLOCK..][..width];
        (self.layers.weights(DECODER, p), deltas)
    }
}

impl WithSimd for Decode<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            arch,
            config,
            layers,
            block,
            deltas,
        } = self;
        let count = layers.count(DECODER);
        let targets = block.targets.as_ref().unwrap_or(&block.inputs);
        let bias = layers.bias(DECODER);
        block.sums.reconstruction = 0.0;
        for first in (0..count).step_by(GROUP) {
            let group = (count - first).min(GROUP);
            for p in first..first + group {
                let width = layers.width(DECODER, p);
                let delta = &mut deltas[(p - first) * BLOCK..][..width];
                columns_product(simd, delta, layers.weights(DECODER, p), &block.code);
                let bias = &bias[p * BLOCK..];
                let mut squares = simd.splat_f32s(0.0);
                for ((delta, target), &bias) in delta.iter_mut().zip(targets.columns(p)).zip(bias) {
                    let lanes = vectors_mut::<S>(delta).iter_mut();
                    let lanes = lanes.zip(vectors::<S>(target));
                    for ((delta, &x), &per_row) in lanes.zip(vectors::<S>(&block.place.per_row)) {
                        let input = simd.add_f32s(*delta, simd.splat_f32s(bias));
                        let z = config.decoder.value(simd, input);
                        let error = simd.sub_f32s(z, x);
                        let share = simd.mul_f32s(error, per_row);
                        squares = simd.mul_add_f32s(error, share, squares);
                        *delta = config.decoder.back(simd, share, z);
                    }
                }
                block.sums.reconstruction += 0.5 * f64::from(simd.reduce_sum_f32s(squares));
                let panel = &mut block.delta[p * BLOCK..][..BLOCK];
                let panel: &mut [Lanes; BLOCK] = panel.try_into().expect("32 rows");
                transpose(arch, delta, panel);
                block.sums.decoder_bias[p] = sum_of_rows(simd, panel);
            }
            let back = Backward {
                layers,
                first,
                count: group,
                deltas,
            };
            rows_product(simd, &mut block.back, first == 0, &back);
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

/// Δ2 from Δ3·W2ᵀ and the slopes of the sparsity terms.
struct HiddenDelta<'a> {
    config: &'a AutoencoderConfig,
    slopes: &'a [f32],
    block: &'a mut Block,
}

impl WithSimd for HiddenDelta<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self {
            config,
            slopes,
            block,
        } = self;
        let (shift, factor) = config.encoder.activity();
        let l1 = config.l1 as f32 * factor;
        let (shift, factor) = (simd.splat_f32s(shift), simd.splat_f32s(factor));
        let zero = simd.splat_f32s(0.0);
        let (plus, minus) = (simd.splat_f32s(l1), simd.splat_f32s(-l1));
        let units = block.back.iter_mut().zip(&block.code).zip(slopes);
        for (((back, code), &slope), sum) in units.zip(&mut block.sums.encoder_bias) {
            let slope = simd.splat_f32s(slope);
            let mut total = zero;
            let lanes = vectors_mut::<S>(back).iter_mut().zip(vectors::<S>(code));
            for ((back, &y), &per_row) in lanes.zip(vectors::<S>(&block.place.per_row)) {
                let mut pull = slope;
                if l1 > 0.0 {
                    let activity = simd.mul_add_f32s(factor, y, shift);
                    let above = simd.greater_than_f32s(activity, zero);
                    let below = simd.less_than_f32s(activity, zero);
                    pull = simd.add_f32s(pull, simd.select_f32s(above, plus, zero));
                    pull = simd.add_f32s(pull, simd.select_f32s(below, minus, zero));
                }
                let sum = simd.mul_add_f32s(pull, per_row, *back);
                *back = config.encoder.back(simd, sum, y);
                total = simd.add_f32s(total, *back);
            }
            *sum = simd.reduce_sum_f32s(total);
        }
    }
}

impl Operands for Block {
    /// ∂J/∂W1ᵀ is Δ2ᵀ·X, and ∂J/∂W2 is Yᵀ·Δ3.
    #[inline(always)]
    fn operands(&self, layer: usize, p: usize) -> (&[Lanes], &[Lanes]) {
        let (across, panels) = match layer {
            ENCODER => (&self.back, &self.inputs.panels),
            _ => (&self.code, &self.delta),
        };
        (across, &panels[p * BLOCK..][..self.place.count])
    }
}
