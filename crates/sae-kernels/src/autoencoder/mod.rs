//! A step of the sparse autoencoder, fused.

mod block;
mod config;
mod hidden_delta;
mod output_delta;

pub use self::config::{AutoencoderConfig, AutoencoderValue};

use self::block::{Block, Decode, Pass, Scratch};
use self::hidden_delta::HiddenDelta;
use crate::engine::{CACHE, Engine};
use crate::error::KernelError;
use crate::lanes::Lanes;
use crate::layers::Layers;
use crate::methods::common_methods;
use crate::samples::{Chunk, Rows};
use crate::sparsity::RhoHat;
use crate::sync::{Mutex, lock};
use crate::team::Team;
use crate::update::Update;

/// Bytes of codes that a step keeps between its passes; where there are more it computes them again.
const KEPT_CODES: usize = 256 << 20;

/// Most blocks that pass together.
const NEIGHBOURS: usize = 4;

/// A sparse autoencoder with all the memory that its training needs.
///
/// Flat order of its parameters: W1 `[input, hidden]` row by row, b `[hidden]`, W2 `[hidden, input]`
/// row by row, c `[input]`; with tied weights W2 is W1ᵀ and has no place of its own.
///
/// [`Autoencoder::step`] does all that a batch needs. Where its samples are in several hands (chunks,
/// devices, machines), each calls [`Autoencoder::forward`] with its part, adds up the activities with
/// the others', calls [`Autoencoder::backward`] and [`Autoencoder::finish`], adds up gradients and
/// values with the others', and calls [`Autoencoder::update`].
pub struct Autoencoder {
    config: AutoencoderConfig,
    engine: Engine,
    blocks: Vec<Block>,
    /// One per thread.
    scratch: Vec<Mutex<Vec<Scratch>>>,
    value: AutoencoderValue,
    /// What ρ̂ adds to R·∂J/∂y of every sample, `[hidden]`.
    slopes: Vec<f32>,
    estimate: Option<Vec<f64>>,
    /// The codes of all blocks of the step, where they are kept.
    codes: Vec<Lanes>,
}

impl Autoencoder {
    /// An autoencoder whose parameters are all 0, which works with `threads` threads, or as many as
    /// there are processors.
    ///
    /// # Errors
    ///
    /// Refuses what [`AutoencoderConfig::check`] refuses, and fails where no threads can be started.
    pub fn new(config: AutoencoderConfig, threads: usize) -> Result<Self, KernelError> {
        Self::with_team(config, Team::new(threads)?)
    }

    pub(crate) fn with_team(config: AutoencoderConfig, team: Team) -> Result<Self, KernelError> {
        config.check()?;
        let (inputs, hidden, decay) = (config.inputs, config.hidden, config.weight_decay);
        let mut layers = Layers::default();
        layers.push(inputs, hidden, decay);
        match config.tied {
            true => layers.push_tied(),
            false => layers.push_turned(hidden, inputs, decay),
        }
        let scratch = || Mutex::new(vec![Scratch::new(&config); NEIGHBOURS]);
        Ok(Self {
            scratch: (0..team.threads()).map(|_| scratch()).collect(),
            engine: Engine::new(layers, team),
            blocks: Vec::new(),
            value: AutoencoderValue::zero(hidden),
            slopes: vec![0.0; hidden],
            estimate: None,
            codes: Vec::new(),
            config,
        })
    }

    common_methods!();

    /// The model and its objective.
    pub fn config(&self) -> &AutoencoderConfig {
        &self.config
    }

    /// The estimate of ρ̂ that [`RhoHat::Given`] and [`RhoHat::Running`] use, `[hidden]`.
    pub fn estimate(&self) -> Option<&[f64]> {
        self.estimate.as_deref()
    }

    /// Forgets the estimate of ρ̂: the next step that wants one begins with its own.
    pub fn forget_estimate(&mut self) {
        self.estimate = None;
    }

    /// Sets the estimate of ρ̂, `[hidden]`.
    ///
    /// # Errors
    ///
    /// Refuses a slice that is longer or shorter.
    pub fn set_estimate(&mut self, estimate: &[f64]) -> Result<(), KernelError> {
        KernelError::count("activities", estimate.len(), self.config.hidden)?;
        self.estimate = Some(estimate.to_vec());
        Ok(())
    }

    /// J and its gradient over all samples of `inputs`, which are to become `targets` or else
    /// themselves, and one `update` of the parameters. The value is that before the update; its ρ̂ is
    /// the one that was used. A sum of gradients that was not finished is forgotten.
    ///
    /// # Errors
    ///
    /// Refuses samples that do not fit the model or each other, and an estimate of ρ̂ that is wanted
    /// and was never set, and does nothing then. Where J, its gradient or a parameter is not finite
    /// there is no update: parameters, memory of the optimizer and estimate of ρ̂ are as before, and
    /// [`Autoencoder::value`] and the gradients inside tell more.
    pub fn step(
        &mut self,
        inputs: Rows<'_>,
        targets: Option<Rows<'_>>,
        update: Option<Update>,
        rho_hat: RhoHat,
    ) -> Result<&AutoencoderValue, KernelError> {
        let rows = self.check(inputs, targets)?;
        rho_hat.check()?;
        if rho_hat == RhoHat::Given && self.estimate.is_none() {
            return Err(KernelError::NoEstimate);
        }
        self.begin();
        let mut settled = self.settle_ahead(inputs, rows, rho_hat);
        for chunk in Chunk::all(rows) {
            let is_last = chunk.is_last(rows);
            let encoded = self.recall(chunk);
            self.pass(chunk, rows, inputs, encoded, targets.into());
            if !settled {
                add_activities(&mut self.value.rho_hat, &self.blocks[..chunk.blocks()]);
            }
            if !settled && is_last {
                self.settle(rho_hat);
                settled = true;
            }
            self.add_gradients(chunk, rows, is_last);
        }
        self.value.weight_decay = self.engine.decay_term();
        if let Some(update) = update {
            let value = &self.value;
            let others = value.reconstruction + value.sparsity + value.l1;
            self.engine.apply(update, others)?;
        }
        if let RhoHat::Running(_) = rho_hat {
            self.estimate = Some(self.value.rho_hat.clone());
        }
        Ok(&self.value)
    }

    /// What the last [`Autoencoder::step`] found, whether it moved the parameters or refused to.
    pub fn value(&self) -> &AutoencoderValue {
        &self.value
    }

    /// The first pass over a part of a batch of `rows` samples: adds the part's share of the mean
    /// activities ρ̂ to `activity`, `[hidden]`. Only the sparsity term needs them.
    ///
    /// # Errors
    ///
    /// Refuses samples that do not fit the model, fewer `rows` than samples, and a slice that is
    /// longer or shorter, and does nothing then.
    pub fn forward(
        &mut self,
        inputs: Rows<'_>,
        rows: usize,
        activity: &mut [f64],
    ) -> Result<(), KernelError> {
        let own = self.check(inputs, None)?;
        KernelError::whole(own, rows)?;
        KernelError::count("activities", activity.len(), self.config.hidden)?;
        for chunk in Chunk::all(own) {
            self.pass(chunk, rows, inputs, false, Decode::No);
            add_activities(activity, &self.blocks[..chunk.blocks()]);
        }
        Ok(())
    }

    /// The second pass over a part of a batch of `rows` samples: adds its share of the gradient,
    /// without decay, to the gradient kept inside. `rho_hat`, `[hidden]`, is the whole's, or whatever
    /// the sparsity term is to be taken at; without that term it only comes back in the value.
    ///
    /// # Errors
    ///
    /// As [`Autoencoder::forward`].
    pub fn backward(
        &mut self,
        inputs: Rows<'_>,
        targets: Option<Rows<'_>>,
        rows: usize,
        rho_hat: &[f64],
    ) -> Result<(), KernelError> {
        let own = self.check(inputs, targets)?;
        KernelError::whole(own, rows)?;
        KernelError::count("activities", rho_hat.len(), self.config.hidden)?;
        if self.engine.is_fresh() {
            self.begin();
        }
        self.value.rho_hat.copy_from_slice(rho_hat);
        self.find_slopes();
        for chunk in Chunk::all(own) {
            self.pass(chunk, rows, inputs, false, targets.into());
            self.add_gradients(chunk, rows, false);
        }
        Ok(())
    }

    /// Ends a sum of gradients that [`Autoencoder::backward`] made: adds to them the decay, and
    /// returns the value, ρ̂ included, as the share of the whole that was seen. Gradients and values
    /// of several parts so add up to the whole's.
    pub fn finish(&mut self) -> AutoencoderValue {
        if self.engine.is_fresh() {
            self.begin();
        }
        let share = self.engine.end();
        let mut value = self.value.clone();
        value.weight_decay = share * self.engine.decay_term();
        value.sparsity *= share;
        value.rho_hat.iter_mut().for_each(|mean| *mean *= share);
        value
    }

    /// The number of samples, where all is well with them.
    fn check(&self, inputs: Rows<'_>, targets: Option<Rows<'_>>) -> Result<usize, KernelError> {
        let rows = inputs.check(self.config.inputs)?;
        if let Some(targets) = targets {
            let found = targets.check(self.config.inputs)?;
            KernelError::count("rows of the targets", found, rows)?;
        }
        Ok(rows)
    }

    fn begin(&mut self) {
        self.engine.begin();
        self.value = AutoencoderValue::zero(self.config.hidden);
    }

    /// Finds ρ̂ where it can be known, and must be, before samples are decoded; whether it was.
    fn settle_ahead(&mut self, inputs: Rows<'_>, rows: usize, rho_hat: RhoHat) -> bool {
        let chunks = Chunk::all(rows);
        let given = rho_hat == RhoHat::Given;
        let ahead = chunks.len() > 1 && self.config.beta > 0.0;
        self.codes.clear();
        if ahead && !given {
            let keeps = rows * self.config.hidden * size_of::<f32>() <= KEPT_CODES;
            for chunk in chunks {
                self.pass(chunk, rows, inputs, false, Decode::No);
                let blocks = &self.blocks[..chunk.blocks()];
                add_activities(&mut self.value.rho_hat, blocks);
                if keeps {
                    self.codes.extend(blocks.iter().flat_map(|b| &b.code));
                }
            }
        }
        if ahead || given {
            self.settle(rho_hat);
        }
        ahead || given
    }

    /// Puts the codes that were kept of a chunk back into its blocks; false where none were.
    fn recall(&mut self, chunk: Chunk) -> bool {
        if self.codes.is_empty() {
            return false;
        }
        let kept = self.codes.chunks(self.config.hidden);
        let kept = kept.skip(chunk.first_block());
        for (block, code) in self.blocks[..chunk.blocks()].iter_mut().zip(kept) {
            block.code.copy_from_slice(code);
        }
        true
    }

    /// From the mean activities of the step the ρ̂ that is to be used, and what follows from it.
    fn settle(&mut self, rho_hat: RhoHat) {
        let own = self.value.rho_hat.iter_mut();
        match (rho_hat, &self.estimate) {
            (RhoHat::Batch, _) | (_, None) => {}
            (RhoHat::Given, Some(estimate)) => self.value.rho_hat.copy_from_slice(estimate),
            (RhoHat::Running(decay), Some(estimate)) => {
                let pairs = own.zip(estimate);
                pairs.for_each(|(own, before)| *own = decay * before + (1.0 - decay) * *own);
            }
        }
        self.find_slopes();
    }

    fn find_slopes(&mut self) {
        let factor = self.config.encoder.unit.activity_slope();
        let sparsity = self.config.sparsity();
        self.value.sparsity = sparsity.term(&self.value.rho_hat, factor, &mut self.slopes);
    }

    /// Takes the samples of a chunk forward, unless they are `encoded`, and where `decode` wants it
    /// also back to where ρ̂ is needed.
    fn pass(
        &mut self,
        chunk: Chunk,
        whole: usize,
        inputs: Rows<'_>,
        encoded: bool,
        decode: Decode<'_>,
    ) {
        while self.blocks.len() < chunk.blocks() {
            self.blocks.push(Block::new(&self.config));
        }
        let blocks = &mut self.blocks[..chunk.blocks()];
        for (index, block) in blocks.iter_mut().enumerate() {
            block.place = chunk.place(index, whole);
        }
        let (config, scratch) = (&self.config, &self.scratch);
        let Engine {
            layers, team, arch, ..
        } = &mut self.engine;
        let (layers, arch) = (&*layers, *arch);
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
                encoded,
                decode,
            });
        });
    }

    /// Δ2 of a chunk that has passed, and its share of gradients and value.
    fn add_gradients(&mut self, chunk: Chunk, whole: usize, last: bool) {
        let blocks = &mut self.blocks[..chunk.blocks()];
        for Block { sums, .. } in &*blocks {
            self.value.reconstruction += sums.reconstruction;
            self.value.squared_error += sums.squared_error;
            self.value.l1 += self.config.l1 * sums.l1;
        }
        let (config, slopes, arch) = (&self.config, &self.slopes, self.engine.arch);
        self.engine.team.each(blocks, 1, |_, blocks| {
            arch.dispatch(HiddenDelta {
                config,
                slopes,
                block: &mut blocks[0],
            });
        });
        self.engine
            .add_gradients(blocks, (chunk.count, whole), last);
    }
}

/// Block by block, whatever the number of threads.
fn add_activities(sums: &mut [f64], blocks: &[Block]) {
    for block in blocks {
        for (sum, &more) in sums.iter_mut().zip(&block.sums.activity) {
            *sum += f64::from(more);
        }
    }
}
