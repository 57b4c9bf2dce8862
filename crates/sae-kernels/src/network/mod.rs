//! A step of a deep network with a softmax head, or of the head alone, fused.

mod block;

use self::block::{Block, Pass};
use crate::engine::Engine;
use crate::error::KernelError;
use crate::layers::Layers;
use crate::methods::common_methods;
use crate::samples::{Across as Scratch, Chunk, Rows};
use crate::setting::{Setting, at_least_one, not_negative};
use crate::sync::{Mutex, lock};
use crate::team::Team;
use crate::unit::Activation;
use crate::update::Update;

/// What is minimised: the cross-entropy of the softmax of the last layer, and the decay of its
/// weights.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkConfig {
    /// Inputs, hidden units of each layer, classes.
    pub sizes: Vec<usize>,
    /// What each layer but the last does; nothing for a softmax head alone.
    pub units: Vec<Activation>,
    /// Weight decay λ of the last layer.
    pub weight_decay: f64,
}

impl NetworkConfig {
    /// Checks sizes and settings.
    ///
    /// # Errors
    ///
    /// Refuses sizes of 0, a number of activations that does not fit, more units to keep than there
    /// are, and a weight decay that is negative or not finite.
    pub fn check(&self) -> Result<(), KernelError> {
        if self.sizes.len() < 2 {
            let found = format!("{:?}", self.sizes);
            return Err(Setting::new("sizes", found, "at least inputs and classes").into());
        }
        for &size in &self.sizes {
            at_least_one("a size", size)?;
        }
        let (found, hidden) = (self.units.len(), &self.sizes[1..self.sizes.len() - 1]);
        KernelError::count("activations of hidden layers", found, hidden.len())?;
        for (unit, &size) in self.units.iter().zip(hidden) {
            unit.check(size)?;
        }
        Ok(not_negative("weight_decay", self.weight_decay)?)
    }
}

/// J at the parameters before the update, term by term, and the accuracy; or a part's share of them.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct NetworkValue {
    /// −(1/R) Σ log P_label.
    pub cross_entropy: f64,
    /// (λ/2)‖W‖² of the last layer; no finite number where any parameter is none.
    pub weight_decay: f64,
    /// Share of the samples whose most probable class is theirs.
    pub accuracy: f64,
}

/// A network with all the memory that its training needs.
///
/// Flat order of its parameters: for each layer, that nearest the input first, W `[input, output]`
/// row by row and the bias `[output]`.
pub struct Network {
    config: NetworkConfig,
    engine: Engine,
    blocks: Vec<Block>,
    /// The transposed inputs of every layer, of one block, per thread.
    scratch: Vec<Mutex<Vec<Scratch>>>,
    value: NetworkValue,
    /// Samples so far whose most probable class is theirs.
    hits: usize,
}

impl Network {
    /// A network whose parameters are all 0, which works with `threads` threads, or as many as there
    /// are processors.
    ///
    /// # Errors
    ///
    /// Refuses what [`NetworkConfig::check`] refuses, and fails where no threads can be started.
    pub fn new(config: NetworkConfig, threads: usize) -> Result<Self, KernelError> {
        Self::with_team(config, Team::new(threads)?)
    }

    pub(crate) fn with_team(config: NetworkConfig, team: Team) -> Result<Self, KernelError> {
        config.check()?;
        let mut layers = Layers::default();
        for (layer, pair) in config.sizes.windows(2).enumerate() {
            let is_head = layer == config.units.len();
            let decay = if is_head { config.weight_decay } else { 0.0 };
            layers.push(pair[0], pair[1], decay);
        }
        let inputs = &config.sizes[..=config.units.len()];
        let across: Vec<Scratch> = inputs.iter().map(|&size| Scratch::new(size)).collect();
        let scratch = (0..team.threads()).map(|_| Mutex::new(across.clone()));
        Ok(Self {
            scratch: scratch.collect(),
            engine: Engine::new(layers, team),
            blocks: Vec::new(),
            value: NetworkValue::default(),
            hits: 0,
            config,
        })
    }

    common_methods!();

    /// J and its gradient over all samples of `inputs` with their `labels`, and one `update` of the
    /// parameters. The value is that before the update.
    ///
    /// # Errors
    ///
    /// Refuses samples and labels that do not fit the model or each other, and does nothing then.
    /// Where J, its gradient or a parameter is not finite there is no update: parameters and memory of
    /// the optimizer are as before, and [`Network::value`] and the gradients inside tell more.
    pub fn step(
        &mut self,
        inputs: Rows<'_>,
        labels: &[u32],
        update: Option<Update>,
    ) -> Result<&NetworkValue, KernelError> {
        let rows = self.check(inputs, labels)?;
        self.begin();
        for chunk in Chunk::all(rows) {
            self.pass(chunk, rows, inputs, labels, chunk.is_last(rows));
        }
        self.conclude(1.0);
        if let Some(update) = update {
            self.engine.apply(update, self.value.cross_entropy)?;
        }
        Ok(&self.value)
    }

    /// What the last [`Network::step`] found, whether it moved the parameters or refused to.
    pub fn value(&self) -> &NetworkValue {
        &self.value
    }

    /// A part of a batch, one of several whose gradients add up to that of all `rows` samples: adds
    /// its share, without decay, to the gradient kept inside. [`Network::finish`] ends the sum.
    ///
    /// # Errors
    ///
    /// Refuses samples and labels that do not fit the model or each other, and fewer `rows` than
    /// samples, and does nothing then.
    pub fn backward(
        &mut self,
        inputs: Rows<'_>,
        labels: &[u32],
        rows: usize,
    ) -> Result<(), KernelError> {
        let own = self.check(inputs, labels)?;
        KernelError::whole(own, rows)?;
        if self.engine.is_fresh() {
            self.begin();
        }
        for chunk in Chunk::all(own) {
            self.pass(chunk, rows, inputs, labels, false);
        }
        Ok(())
    }

    /// Ends a sum of gradients that [`Network::backward`] made: adds to them the decay, and returns
    /// the value, as the share of the whole that was seen. Gradients and values of several parts so
    /// add up to the whole's.
    pub fn finish(&mut self) -> NetworkValue {
        if self.engine.is_fresh() {
            self.begin();
        }
        let share = self.engine.end();
        self.conclude(share);
        self.value
    }

    /// The number of samples, where all is well with them.
    fn check(&self, inputs: Rows<'_>, labels: &[u32]) -> Result<usize, KernelError> {
        let rows = inputs.check(self.config.sizes[0])?;
        KernelError::count("labels", labels.len(), rows)?;
        let classes = self.engine.layers.rows(self.config.units.len());
        match labels.iter().max() {
            Some(&label) if label as usize >= classes => Err(KernelError::Label { label, classes }),
            _ => Ok(rows),
        }
    }

    fn begin(&mut self) {
        self.engine.begin();
        (self.value, self.hits) = (NetworkValue::default(), 0);
    }

    /// Takes the samples of a chunk forward and back, and adds their share to gradients and value.
    fn pass(&mut self, chunk: Chunk, whole: usize, inputs: Rows<'_>, labels: &[u32], last: bool) {
        let head = self.config.units.len();
        while self.blocks.len() < chunk.blocks() {
            self.blocks.push(Block::new(&self.engine.layers, head));
        }
        let blocks = &mut self.blocks[..chunk.blocks()];
        for (index, block) in blocks.iter_mut().enumerate() {
            block.place = chunk.place(index, whole);
        }
        let Engine {
            layers, team, arch, ..
        } = &mut self.engine;
        let (layers, arch, units) = (&*layers, *arch, &self.config.units[..]);
        let scratch = &self.scratch;
        team.each(blocks, 1, |thread, blocks| {
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
        for block in &*blocks {
            self.value.cross_entropy += block.cross_entropy;
            self.hits += block.hits;
        }
        self.value.accuracy = self.hits as f64 / whole as f64;
        self.engine
            .add_gradients(blocks, (chunk.count, whole), last);
    }

    fn conclude(&mut self, share: f64) {
        self.value.weight_decay = share * self.engine.decay_term();
    }
}
