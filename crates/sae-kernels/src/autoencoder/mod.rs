//! A step of the sparse autoencoder, fused.

mod block;

use std::sync::Mutex;

use self::block::{Block, HiddenDelta, Pass, Scratch};
use crate::engine::{CACHE, CHUNK, Engine, Last, add};
use crate::lanes::BLOCK;
use crate::layers::{Layers, Part};
use crate::samples::{Place, Rows};
use crate::team::lock;
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

/// Most blocks that pass together.
const NEIGHBOURS: usize = 4;

/// A sparse autoencoder with all the memory that its training needs.
pub struct Autoencoder {
    config: AutoencoderConfig,
    engine: Engine,
    blocks: Vec<Block>,
    /// One per thread.
    scratch: Vec<Mutex<Vec<Scratch>>>,
    value: AutoencoderValue,
    /// What ρ̂ adds to R·∂J/∂y of every sample, `[hidden]`.
    slopes: Vec<f32>,
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
        let mut autoencoder = Self {
            engine: Engine::new(layers, threads),
            blocks: Vec::new(),
            scratch: (0..threads.max(1))
                .map(|_| Mutex::new(vec![Scratch::new(&config); NEIGHBOURS]))
                .collect(),
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

    /// Bytes of the parameters, of what the optimiser remembers, and of the work memory.
    pub fn memory(&self) -> usize {
        let blocks: usize = self.blocks.iter().map(Block::memory).sum();
        let of_thread =
            |own: &Mutex<Vec<Scratch>>| lock(own).iter().map(Scratch::memory).sum::<usize>();
        let scratch: usize = self.scratch.iter().map(of_thread).sum();
        self.engine.layers.memory() + blocks + scratch
    }

    /// ‖∇J‖ of the last step.
    pub fn gradient_norm(&self) -> f64 {
        self.engine.gradient_norm()
    }

    /// J and its gradient over all samples of `inputs`, which are to become `targets` or else
    /// themselves, and one update of the parameters where `update` gives an optimiser and a
    /// learning rate. The value is that before the update.
    ///
    /// # Panics
    ///
    /// Panics where there are no samples.
    pub fn step(
        &mut self,
        inputs: Rows<'_>,
        targets: Option<Rows<'_>>,
        update: Option<(Optimiser, f32)>,
    ) -> &AutoencoderValue {
        let rows = inputs.count();
        assert!(rows > 0, "a step needs samples");
        let update = update.map(|(optimiser, rate)| self.engine.next_update(optimiser, rate));
        self.start(rows);
        let chunks = rows.div_ceil(CHUNK);
        if chunks > 1 {
            // ρ̂ of all samples must be known before any hidden delta is.
            for chunk in 0..chunks {
                self.pass(chunk, rows, inputs, None);
                self.add_activities();
            }
            self.find_slopes();
        }
        for chunk in 0..chunks {
            self.pass(chunk, rows, inputs, Some(targets));
            if chunks == 1 {
                self.add_activities();
                self.find_slopes();
            }
            self.finish_deltas();
            let decay = self.config.alpha as f32;
            let last = (chunk + 1 == chunks).then_some(Last { update });
            let used = used(&mut self.blocks);
            self.engine
                .weight_gradients(used, chunk == 0, last, |_| decay);
            self.engine.bias_gradients(used, chunk == 0);
            for block in used {
                self.value.reconstruction += block.sums.reconstruction;
            }
        }
        self.finish(update);
        &self.value
    }

    fn start(&mut self, rows: usize) {
        (self.value.reconstruction, self.value.l1) = (0.0, 0.0);
        self.value.rho_hat.fill(0.0);
        let needed = rows.min(CHUNK).div_ceil(BLOCK);
        while self.blocks.len() < needed {
            self.blocks.push(Block::new(&self.config));
        }
    }

    /// Takes the samples of a chunk forward, and where `decode` gives the targets (nothing for the
    /// inputs themselves) also back to where ρ̂ is needed.
    fn pass(
        &mut self,
        chunk: usize,
        rows: usize,
        inputs: Rows<'_>,
        decode: Option<Option<Rows<'_>>>,
    ) {
        for (index, block) in self.blocks.iter_mut().enumerate() {
            block.place = Place::new(chunk * CHUNK, index, rows);
        }
        let (config, scratch) = (&self.config, &self.scratch);
        let Engine {
            layers, team, arch, ..
        } = &mut self.engine;
        let (layers, arch) = (&*layers, *arch);
        let blocks = used(&mut self.blocks);
        // Weights that do not fit in the cache are used for several blocks while they are there.
        let weights = config.inputs * config.hidden * size_of::<f32>();
        let neighbours = match weights > CACHE {
            true => blocks.len().div_ceil(team.threads()).min(NEIGHBOURS),
            false => 1,
        };
        team.each(blocks, neighbours, |thread, blocks| {
            // A thread's scratch is its own; the lock only says so.
            let mut scratch = lock(&scratch[thread]);
            arch.dispatch(Pass {
                arch,
                config,
                layers,
                blocks,
                scratch: &mut scratch,
                inputs,
                decode,
            });
        });
    }

    fn add_activities(&mut self) {
        for block in used(&mut self.blocks) {
            add(&mut self.value.rho_hat, &block.sums.activity);
            self.value.l1 += self.config.l1 * block.sums.l1;
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

    fn finish_deltas(&mut self) {
        let (config, slopes, arch) = (&self.config, &self.slopes, self.engine.arch);
        let blocks = used(&mut self.blocks);
        self.engine.team.each(blocks, 1, |_, blocks| {
            arch.dispatch(HiddenDelta {
                config,
                slopes,
                block: &mut blocks[0],
            });
        });
    }

    fn finish(&mut self, update: Option<Update>) {
        self.engine.finish_biases(update);
        let layers = &self.engine.layers;
        let squares = layers.squares(ENCODER) + layers.squares(DECODER);
        self.value.weight_decay = 0.5 * self.config.alpha * squares;
    }
}

/// The blocks that hold samples.
fn used(blocks: &mut [Block]) -> &mut [Block] {
    let used = blocks.iter().take_while(|block| block.place.count > 0);
    let used = used.count();
    &mut blocks[..used]
}

#[cfg(test)]
mod tests {
    use pulp::Arch;

    use super::*;

    /// A whole step with every instruction set that this machine has: they differ in rounding.
    #[test]
    fn instruction_sets_agree() {
        let (inputs, hidden, rows) = (70, 20, 50);
        let numbers = |count: usize, scale: f32| -> Vec<f32> {
            let number = |i: usize| (i * 7919 % 1009) as f32 / 504.5 - 1.0;
            (0..count).map(|i| scale * number(i)).collect()
        };
        let weights = AutoencoderWeights {
            encoder: numbers(inputs * hidden, 0.3),
            encoder_bias: numbers(hidden, 0.5),
            decoder: numbers(inputs * hidden, 0.2),
            decoder_bias: numbers(inputs, 0.5),
        };
        let x: Vec<f32> = numbers(inputs * rows, 0.5)
            .iter()
            .map(|v| v + 0.5)
            .collect();
        let config = AutoencoderConfig {
            inputs,
            hidden,
            encoder: Unit::Sigmoid,
            decoder: Unit::Sigmoid,
            alpha: 1e-3,
            beta: 2.0,
            rho: 0.1,
            l1: 0.1,
            clamp: 1e-7,
        };
        let gradient = |arch: Arch| {
            let mut kernel = Autoencoder::new(config, &weights, 2);
            kernel.engine.arch = arch;
            kernel.step(Rows::of(&x, inputs), None, None);
            let found = kernel.weights(Part::Gradients);
            [
                found.encoder,
                found.encoder_bias,
                found.decoder,
                found.decoder_bias,
            ]
            .concat()
        };
        let plain = gradient(Arch::Scalar);
        let mut others = vec![Arch::new()];
        #[cfg(target_arch = "x86_64")]
        others.extend(pulp::x86::V3::try_new().map(Arch::V3));
        let norm = |values: &mut dyn Iterator<Item = f32>| -> f32 {
            values.map(|v| v * v).sum::<f32>().sqrt()
        };
        for arch in others {
            let found = gradient(arch);
            let difference = norm(&mut found.iter().zip(&plain).map(|(a, b)| a - b));
            let whole = norm(&mut plain.iter().copied());
            assert!(
                difference < 1e-5 * whole,
                "{arch:?}: {difference} of {whole}"
            );
        }
    }
}
