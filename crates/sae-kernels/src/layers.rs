//! The weights and biases of all layers of a model.

use std::ops::Range;

use crate::error::KernelError;
use crate::lanes::{BLOCK, Lanes, numbers, panels, width};
use crate::update::{Parameters, Squares};

/// Layers, each a matrix `[rows, columns]` and a bias. Rows are the outputs of a dense layer; the
/// decoder of an autoencoder is kept the other way round, as `[hidden, input]`, like its encoder.
///
/// In flat order a layer's weights, `[input, output]` row by row, come before its bias, and layers
/// nearer the input first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Layers {
    shapes: Vec<Shape>,
    /// All panels of all layers in one list, so that threads can share them out in one go.
    pub panels: Vec<Panel>,
    pub biases: Vec<Parameters>,
    /// Number of parameters.
    parameters: usize,
}

/// Rows that are read or written together, whichever way a layer is kept: so few that a cache holds a line of each
/// also where lines lie a power of two apart.
const TOGETHER: usize = 8;

#[derive(Debug, Clone, Copy)]
struct Shape {
    /// Its first panel.
    first: usize,
    rows: usize,
    columns: usize,
    outputs: usize,
    /// Place of the first weight in flat order.
    weights: usize,
    /// How far the next row is, and the next column.
    strides: [usize; 2],
    /// Place of the bias in flat order.
    bias: usize,
}

/// 32 columns of a layer's weights, row by row.
#[derive(Debug, Clone)]
pub(crate) struct Panel {
    /// The layers whose weights these are: one, or two with tied weights.
    pub layers: Range<usize>,
    /// Its number within the layer.
    pub index: usize,
    pub weights: Parameters,
    /// Weight decay, for each of the layers.
    pub decay: f64,
    /// When its gradient was complete.
    pub squares: Squares,
}

impl Layers {
    /// Adds a layer `[output, input]`, all zero.
    pub(crate) fn push(&mut self, inputs: usize, outputs: usize, decay: f64) {
        self.add(outputs, inputs, outputs, [1, outputs], decay);
    }

    /// Adds a layer that is kept the other way round, as `[input, output]`.
    pub(crate) fn push_turned(&mut self, inputs: usize, outputs: usize, decay: f64) {
        self.add(inputs, outputs, outputs, [outputs, 1], decay);
    }

    /// Adds a layer whose weights are the last one's, the other way round; its bias is its own.
    pub(crate) fn push_tied(&mut self) {
        let Some(&last) = self.shapes.last() else {
            return;
        };
        for panel in &mut self.panels[last.first..] {
            panel.layers.end += 1;
        }
        self.finish_layer(Shape {
            outputs: last.columns,
            ..last
        });
    }

    fn add(
        &mut self,
        rows: usize,
        columns: usize,
        outputs: usize,
        strides: [usize; 2],
        decay: f64,
    ) {
        let layer = self.shapes.len();
        let first = self.panels.len();
        let weights = self.parameters;
        self.panels.extend((0..panels(columns)).map(|index| Panel {
            layers: layer..layer + 1,
            index,
            weights: Parameters::zeros(rows),
            decay,
            squares: Squares::default(),
        }));
        self.parameters += rows * columns;
        self.finish_layer(Shape {
            first,
            rows,
            columns,
            outputs,
            weights,
            strides,
            bias: 0,
        });
    }

    /// Adds the bias of a layer, and its shape.
    fn finish_layer(&mut self, shape: Shape) {
        let bias = self.parameters;
        self.parameters += shape.outputs;
        self.shapes.push(Shape { bias, ..shape });
        self.biases.push(Parameters::zeros(panels(shape.outputs)));
    }

    /// Number of parameters.
    pub(crate) fn parameters(&self) -> usize {
        self.parameters
    }

    /// Bytes of all parameters, gradients and what the optimizer remembers.
    pub(crate) fn memory(&self) -> usize {
        let lanes = self.all().map(|parameters| 4 * parameters.values.len());
        lanes.sum::<usize>() * size_of::<Lanes>()
    }

    /// The parameters of all panels and biases.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Parameters> {
        let weights = self.panels.iter().map(|panel| &panel.weights);
        weights.chain(&self.biases)
    }

    /// As [`Layers::all`], to change.
    pub(crate) fn all_mut(&mut self) -> impl Iterator<Item = &mut Parameters> {
        let weights = self.panels.iter_mut().map(|panel| &mut panel.weights);
        weights.chain(&mut self.biases)
    }

    pub(crate) fn rows(&self, layer: usize) -> usize {
        self.shapes[layer].rows
    }

    pub(crate) fn columns(&self, layer: usize) -> usize {
        self.shapes[layer].columns
    }

    /// Number of panels of a layer.
    pub(crate) fn count(&self, layer: usize) -> usize {
        panels(self.columns(layer))
    }

    /// Columns of panel `p` of a layer that hold values.
    #[inline(always)]
    pub(crate) fn width(&self, layer: usize, p: usize) -> usize {
        width(self.shapes[layer].columns, p)
    }

    /// The rows of panel `p` of a layer.
    #[inline(always)]
    pub(crate) fn weights(&self, layer: usize, p: usize) -> &[Lanes] {
        &self.panels[self.shapes[layer].first + p].weights.values
    }

    pub(crate) fn bias(&self, layer: usize) -> &[f32] {
        numbers(&self.biases[layer].values)
    }

    /// Copies a part of all parameters, in flat order.
    pub(crate) fn read(&self, part: Part, to: &mut [f32]) -> Result<(), KernelError> {
        KernelError::count("parameters to read", to.len(), self.parameters)?;
        for panel in &self.panels {
            let shape = &self.shapes[panel.layers.start];
            for (number, rows) in part.of(&panel.weights).chunks(TOGETHER).enumerate() {
                for (lane, first) in shape.places(panel.index, number * TOGETHER).enumerate() {
                    for (row, lanes) in rows.iter().enumerate() {
                        to[first + row * shape.strides[0]] = lanes.0[lane];
                    }
                }
            }
        }
        for (shape, bias) in self.shapes.iter().zip(&self.biases) {
            let values = &numbers(part.of(bias))[..shape.outputs];
            to[shape.bias..][..shape.outputs].copy_from_slice(values);
        }
        Ok(())
    }

    /// Sets a part of all parameters, in flat order. What is beyond a layer's columns becomes zero
    /// again: an update that overflowed may have left something there.
    pub(crate) fn write(&mut self, part: Part, from: &[f32]) -> Result<(), KernelError> {
        KernelError::count("parameters to write", from.len(), self.parameters)?;
        for panel in &mut self.panels {
            let shape = &self.shapes[panel.layers.start];
            let rows = part.of_mut(&mut panel.weights).chunks_mut(TOGETHER);
            for (number, rows) in rows.enumerate() {
                rows.fill(Lanes::ZERO);
                for (lane, first) in shape.places(panel.index, number * TOGETHER).enumerate() {
                    for (row, lanes) in rows.iter_mut().enumerate() {
                        lanes.0[lane] = from[first + row * shape.strides[0]];
                    }
                }
            }
        }
        for (shape, bias) in self.shapes.iter().zip(&mut self.biases) {
            let lanes = part.of_mut(bias);
            lanes.fill(Lanes::ZERO);
            let values: &mut [f32] = bytemuck::cast_slice_mut(lanes);
            values[..shape.outputs].copy_from_slice(&from[shape.bias..][..shape.outputs]);
        }
        Ok(())
    }
}

impl Shape {
    /// Where in flat order the columns of a row of panel `p` are.
    fn places(&self, p: usize, row: usize) -> impl Iterator<Item = usize> + use<> {
        let [down, along] = self.strides;
        let first = self.weights + row * down + p * BLOCK * along;
        (0..width(self.columns, p)).map(move |lane| first + lane * along)
    }
}

/// What is kept for every parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The parameters themselves.
    Values,
    /// Their gradients, decay included.
    Gradients,
    /// What the optimizer remembers first: the velocity, or the mean of the gradients.
    First,
    /// What it remembers second: the mean of the squared gradients.
    Second,
}

impl Part {
    /// Every part.
    pub const ALL: [Self; 4] = [Self::Values, Self::Gradients, Self::First, Self::Second];

    fn of(self, parameters: &Parameters) -> &[Lanes] {
        match self {
            Self::Values => &parameters.values,
            Self::Gradients => &parameters.gradients,
            Self::First => &parameters.first,
            Self::Second => &parameters.second,
        }
    }

    fn of_mut(self, parameters: &mut Parameters) -> &mut [Lanes] {
        match self {
            Self::Values => &mut parameters.values,
            Self::Gradients => &mut parameters.gradients,
            Self::First => &mut parameters.first,
            Self::Second => &mut parameters.second,
        }
    }
}
