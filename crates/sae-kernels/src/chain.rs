//! Dense layers one after the other, forward only: what a trained model makes of any number of rows.

use pulp::{Arch, Simd, WithSimd};

use crate::engine::Forward;
use crate::error::KernelError;
use crate::instruction_set::InstructionSet;
use crate::lanes::{BLOCK, width};
use crate::layers::{Layers, Part};
use crate::samples::{Across, Chunk, Place, Rows, Samples};
use crate::setting::{Setting, at_least_one};
use crate::sync::{Mutex, lock};
use crate::team::Team;
use crate::tile::rows_product;
use crate::unit::Activation;

/// Encoders, decoders, or both: `φ(…φ(x·W1 + b1)…·Wk + bk)`.
///
/// A row's result has the same bits whatever rows are beside it, and however many threads work.
///
/// Flat order of its parameters: for each layer, that nearest the input first, W `[input, output]`
/// row by row and the bias `[output]`.
pub struct Chain {
    sizes: Vec<usize>,
    units: Vec<Activation>,
    layers: Layers,
    team: Team,
    arch: Arch,
    /// One per thread.
    scratch: Vec<Mutex<Scratch>>,
}

/// What a thread needs for a block of rows.
struct Scratch {
    inputs: Samples,
    outputs: Samples,
    /// The transposed inputs of every layer, and the last one's outputs.
    across: Vec<Across>,
}

impl Chain {
    /// Layers between `sizes`, inputs first, with the activation of each, whose `parameters` are given
    /// in flat order. As many threads work as there are processors, but at most `threads`.
    ///
    /// # Errors
    ///
    /// Refuses sizes of 0, fewer than two sizes, another number of activations or parameters than
    /// belong to them; fails where no threads can be started.
    pub fn new(
        sizes: &[usize],
        units: &[Activation],
        parameters: &[f32],
        threads: usize,
    ) -> Result<Self, KernelError> {
        if sizes.len() < 2 {
            let found = format!("{sizes:?}");
            return Err(Setting::new("sizes", found, "at least inputs and outputs").into());
        }
        KernelError::count("activations", units.len(), sizes.len() - 1)?;
        let mut layers = Layers::default();
        for (pair, unit) in sizes.windows(2).zip(units) {
            at_least_one("a size", pair[0])?;
            at_least_one("a size", pair[1])?;
            unit.check(pair[1])?;
            layers.push(pair[0], pair[1], 0.0);
        }
        layers.write(Part::Values, parameters)?;
        let team = Team::new(threads)?;
        let scratch = || Scratch {
            inputs: Samples::new(sizes[0]),
            outputs: Samples::new(sizes[sizes.len() - 1]),
            across: sizes.iter().map(|&size| Across::new(size)).collect(),
        };
        Ok(Self {
            scratch: (0..team.threads()).map(|_| Mutex::new(scratch())).collect(),
            sizes: sizes.to_vec(),
            units: units.to_vec(),
            layers,
            team,
            arch: Arch::new(),
        })
    }

    /// The same with an instruction set of choice instead of the fastest.
    ///
    /// # Errors
    ///
    /// Refuses what this machine lacks.
    pub fn with_instruction_set(mut self, set: InstructionSet) -> Result<Self, KernelError> {
        self.arch = set.arch().ok_or(KernelError::Lacking(set))?;
        Ok(self)
    }

    /// Number of values of a row.
    pub fn inputs(&self) -> usize {
        self.sizes[0]
    }

    /// Number of values of a result.
    pub fn outputs(&self) -> usize {
        self.sizes[self.sizes.len() - 1]
    }

    /// The results of rows, `[rows, outputs]`.
    ///
    /// # Errors
    ///
    /// Refuses rows of another width, and none at all.
    pub fn forward(&mut self, inputs: Rows<'_>) -> Result<Vec<f32>, KernelError> {
        let mut values = vec![0.0; inputs.count() * self.outputs()];
        self.forward_into(inputs, &mut values)?;
        Ok(values)
    }

    /// As [`Chain::forward`], into `values`.
    ///
    /// # Errors
    ///
    /// As [`Chain::forward`]; refuses room for another number of results.
    pub fn forward_into(
        &mut self,
        inputs: Rows<'_>,
        values: &mut [f32],
    ) -> Result<(), KernelError> {
        let rows = inputs.check(self.inputs())?;
        let outputs = self.outputs();
        KernelError::count("results", values.len(), rows * outputs)?;
        let places = Chunk::all(rows)
            .flat_map(|chunk| (0..chunk.blocks()).map(move |block| chunk.place(block, rows)));
        let mut rest = values;
        let mut blocks = Vec::new();
        for place in places {
            let (own, others) = rest.split_at_mut(place.count * outputs);
            rest = others;
            blocks.push((place, own));
        }
        let (layers, units, arch) = (&self.layers, &self.units[..], self.arch);
        let scratch = &self.scratch;
        self.team.each(&mut blocks, 1, |thread, blocks| {
            // A thread's scratch is its own; the lock only says so.
            let scratch = &mut *lock(&scratch[thread]);
            let (place, values) = &mut blocks[0];
            arch.dispatch(Pass {
                arch,
                layers,
                units,
                inputs,
                place,
                scratch,
                values,
            });
        });
        Ok(())
    }
}

/// A block of rows through all layers.
struct Pass<'a> {
    arch: Arch,
    layers: &'a Layers,
    units: &'a [Activation],
    inputs: Rows<'a>,
    place: &'a Place,
    scratch: &'a mut Scratch,
    /// `[row, output]`.
    values: &'a mut [f32],
}

impl WithSimd for Pass<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Scratch {
            inputs,
            outputs,
            across,
        } = self.scratch;
        let (layers, place) = (self.layers, self.place);
        inputs.load(simd, self.arch, self.inputs, place, &mut across[0]);
        for (layer, &unit) in self.units.iter().enumerate() {
            let (below, above) = across.split_at_mut(layer + 1);
            let above = above[0].all_mut();
            let product = Forward {
                layers,
                layer,
                inputs: &below[layer],
                panels: 0..layers.count(layer),
            };
            rows_product(simd, above, place.lanes, true, &product);
            unit.apply(simd, above, layers.bias(layer), place);
        }
        let last = &across[self.units.len()];
        let columns = layers.rows(self.units.len() - 1);
        for p in 0..columns.div_ceil(BLOCK) {
            let (first, width) = (p * BLOCK, width(columns, p));
            let rows = outputs.turn(self.arch, p, last.panel(p).rows);
            for (row, lanes) in rows[..place.count].iter().enumerate() {
                self.values[row * columns + first..][..width].copy_from_slice(&lanes.0[..width]);
            }
        }
    }
}
