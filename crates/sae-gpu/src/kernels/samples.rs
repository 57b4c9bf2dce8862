//! Samples as they lie on the device.

use cubecl::prelude::*;

use super::product::{Dense, Matrix, MatrixExpand, Place, Right, rows_by_weights};
use crate::tiling::Tiling;

/// How samples lie there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Form {
    /// Whether each is a byte v, which stands for v / 255, four to a word; else the bits of an `f32`.
    pub bytes: bool,
    /// Whether rows are taken in a given order; else one after the other.
    pub ordered: bool,
}

/// Rows of samples.
#[derive(CubeType)]
pub(crate) struct Gathered<'a> {
    samples: &'a [u32],
    order: &'a [u32],
    first: usize,
    width: usize,
    #[cube(comptime)]
    form: Form,
}

#[cube]
impl<'a> Gathered<'a> {
    /// Rows of `width` values, in an order; where there is none those from `first` on.
    pub(crate) fn new(
        samples: &'a [u32],
        order: &'a [u32],
        first: u32,
        width: usize,
        #[comptime] form: Form,
    ) -> Gathered<'a> {
        Gathered::<'a> {
            samples,
            order,
            first: first as usize,
            width,
            form,
        }
    }
}

#[cube]
impl<'a> Matrix for Gathered<'a> {
    fn value(&self, row: usize, column: usize) -> f32 {
        let row = if comptime!(self.form.ordered) {
            self.order[row] as usize
        } else {
            self.first + row
        };
        let index = row * self.width + column;
        if comptime!(self.form.bytes) {
            let word = self.samples[index / 4];
            let shift = (index % 4) as u32 * 8;
            f32::cast_from((word >> shift) & 255u32) / 255.0
        } else {
            f32::reinterpret(self.samples[index])
        }
    }
}

/// The inputs of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Inputs {
    /// The form of the samples where these are the inputs; else the layer before it gives them.
    pub samples: Option<Form>,
    /// Their place otherwise, in what holds the outputs of all layers.
    pub start: usize,
    /// The layer's weights.
    pub right: Right,
}

/// A tile of the product of a layer's inputs with its weights.
#[cube]
pub(crate) fn inputs_by_weights(
    samples: &[u32],
    order: &[u32],
    first: u32,
    codes: &[f32],
    rows: usize,
    values: &[f32],
    place: &Place,
    #[comptime] inputs: Inputs,
    #[comptime] tiling: Tiling,
) -> Array<f32> {
    let right = comptime!(inputs.right);
    if comptime!(inputs.samples.is_some()) {
        let form = comptime!(inputs.samples.unwrap_or_default());
        let left = Gathered::new(samples, order, first, right.inner, form);
        rows_by_weights::<Gathered<'_>>(&left, rows, values, place, right, tiling)
    } else {
        let left = Dense::new(codes, rows * inputs.start, right.inner);
        rows_by_weights::<Dense<'_>>(&left, rows, values, place, right, tiling)
    }
}
