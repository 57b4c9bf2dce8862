//! What is between the launches of a step.

use crate::device::{Buffer, Gpu};
use crate::plan::Plan;
use crate::shape::Shape;
use crate::tiling::LEAST_SIDE;

/// Memory for batches of up to so many rows.
pub(crate) struct Work {
    pub rows: usize,
    /// The outputs of all layers, layer by layer, and their Δ.
    pub codes: Buffer,
    pub deltas: Buffer,
    /// Sums over the rows of a tile: of hidden activations, and of all Δ.
    pub activity: Buffer,
    pub biases: Buffer,
    /// What each tile adds to the terms of J.
    pub terms: Buffer,
    /// Weight gradients of parts of the batch.
    pub parts: Buffer,
}

impl Work {
    pub(crate) fn new(gpu: &Gpu, shape: &Shape, rows: usize) -> Self {
        let tiles = rows.div_ceil(LEAST_SIDE);
        let hidden = shape.hidden();
        let terms = 2 * tiles * shape.last().outputs.div_ceil(LEAST_SIDE)
            + tiles * hidden.div_ceil(LEAST_SIDE);
        let splits = Plan::most_splits(shape, rows);
        Self {
            rows,
            codes: gpu.empty(rows * shape.outputs),
            deltas: gpu.empty(rows * shape.outputs),
            activity: gpu.empty(tiles * hidden),
            biases: gpu.empty(tiles * shape.outputs),
            terms: gpu.empty(terms),
            parts: gpu.empty(splits * shape.parameters),
        }
    }
}
