//! How the launches of a model are cut: by its shape alone, so that bits are fixed.

use std::sync::Arc;

use sae_kernels::{KernelError, Setting};

use crate::device::{Gpu, WORD};
use crate::error::GpuError;
use crate::kernels::ALL;
use crate::kernels::ledger::SQUARES;
use crate::shape::Shape;
use crate::tiling::{LEAST_SIDE, Tiling};

/// Tilings and sizes.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// Of each hidden layer, there and back, and of the last layer.
    pub hidden: Vec<Tiling>,
    pub last: Tiling,
    /// Rows of a tile of each.
    pub sides: Arc<[usize]>,
    /// Parameters of a cube that completes the gradient, or moves parameters.
    pub of_cube: usize,
    /// Cubes that do.
    pub cubes: usize,
    /// Samples that a batch may have.
    pub most_rows: usize,
}

/// Most cubes whose sums an update adds up.
const MOST_CUBES: usize = 1024;

/// Rows of a batch for which tiles are chosen.
const TYPICAL_ROWS: usize = 512;

/// Bytes that a batch may take, and the outputs of all layers for it.
const WORK: usize = 1 << 30;

/// Cubes of one dimension of a launch.
const MOST_ACROSS: usize = 65_535;

/// Most parts of a batch whose gradients are added up.
const MOST_SPLITS: usize = 32;

/// Samples that are worth a part of their own.
const OF_SPLIT: usize = 512;

/// Cubes beyond which parts gain nothing.
const ENOUGH: usize = 512;

impl Plan {
    /// # Errors
    ///
    /// Refuses a model that the device has no room for.
    pub(crate) fn new(gpu: &Gpu, shape: &Shape) -> Result<Self, GpuError> {
        let hidden = &shape.layers[..shape.layers.len() - 1];
        let of_cube = shape.parameters.div_ceil(MOST_CUBES).div_ceil(ALL) * ALL;
        let largest = gpu.largest_buffer();
        let widest = shape.outputs.max(shape.layers[0].inputs);
        let most = largest.min(WORK) / (widest * WORD);
        let of = |outputs: usize| {
            Tiling::of(
                (TYPICAL_ROWS, outputs),
                gpu.precision(),
                gpu.shared_memory(),
            )
        };
        let last = match shape.hidden() {
            // Rows of a head's tile go one to a unit.
            0 => Tiling::small(gpu.precision()),
            _ => of(shape.last().outputs),
        };
        let hidden: Vec<Tiling> = hidden.iter().map(|layer| of(layer.outputs)).collect();
        let sides = hidden.iter().chain([&last]).map(|tiling| tiling.side());
        let plan = Self {
            sides: sides.collect(),
            hidden,
            last,
            of_cube,
            cubes: shape.parameters.div_ceil(of_cube),
            most_rows: most.min(MOST_ACROSS * LEAST_SIDE),
        };
        let tiles: usize = shape.weights.iter().map(|weights| weights.tiles()).sum();
        let refused = |key, found: String, expected: String| {
            Err(KernelError::from(Setting::new(key, found, expected)).into())
        };
        let (least, shared) = (Tiling::small(gpu.precision()).shared(), gpu.shared_memory());
        if least > shared {
            let found = format!("a device whose units share {shared} bytes");
            let expected = format!("{least} bytes, which its kernels need, or fused = \"never\"");
            return refused("backend", found, expected);
        }
        if shape.parameters * WORD > largest {
            let found = format!("{} parameters", shape.parameters);
            let expected = format!("fewer than a buffer of {largest} bytes of the device holds");
            return refused("hidden", found, expected);
        }
        if tiles > MOST_ACROSS {
            let found = format!("weights of {tiles} tiles");
            let expected = format!("at most {MOST_ACROSS}, as many as a launch may have");
            return refused("hidden", found, expected);
        }
        if plan.most_rows == 0 {
            let found = format!("{widest} values for each sample");
            let expected = format!("fewer than a buffer of {largest} bytes of the device holds");
            return refused("hidden", found, expected);
        }
        Ok(plan)
    }

    /// Numbers of the sums of squares.
    pub(crate) fn squares(&self) -> usize {
        self.cubes * SQUARES
    }

    /// The most parts of batches of up to `rows` samples.
    pub(crate) fn most_splits(shape: &Shape, rows: usize) -> usize {
        let tiles: usize = shape.weights.iter().map(|weights| weights.tiles()).sum();
        let wanted = ENOUGH.div_ceil(tiles).min(rows.div_ceil(OF_SPLIT));
        wanted.clamp(1, MOST_SPLITS)
    }

    /// Into how many parts a batch of `rows` samples is cut for its weight gradients, and rows of a part.
    pub(crate) fn splits(shape: &Shape, rows: usize) -> (usize, usize) {
        let part = rows.div_ceil(Self::most_splits(shape, rows));
        (rows.div_ceil(part), part)
    }
}
