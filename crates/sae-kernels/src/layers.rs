//! The weights and biases of all layers of a model.

use crate::lanes::{BLOCK, Lanes, numbers, panels, width};
use crate::update::Parameters;

/// Layers, each a matrix `[rows, columns]` and a bias. Rows are the outputs of a dense layer; the
/// decoder of an autoencoder is kept the other way round, as `[hidden, input]`, like its encoder.
#[derive(Debug, Clone)]
pub(crate) struct Layers {
    shapes: Vec<Shape>,
    /// All panels of all layers in one list, so that threads can share them out in one go.
    pub panels: Vec<Panel>,
    pub biases: Vec<Parameters>,
}

#[derive(Debug, Clone, Copy)]
struct Shape {
    first: usize,
    rows: usize,
    columns: usize,
}

/// 32 columns of a layer's weights, row by row.
#[derive(Debug, Clone)]
pub(crate) struct Panel {
    pub layer: usize,
    /// Its number within the layer.
    pub index: usize,
    pub weights: Parameters,
    /// Σw² before the last update.
    pub squares: f64,
}

impl Layers {
    pub(crate) fn new() -> Self {
        Self {
            shapes: Vec::new(),
            panels: Vec::new(),
            biases: Vec::new(),
        }
    }

    /// Adds a layer, all zero.
    pub(crate) fn push(&mut self, rows: usize, columns: usize, outputs: usize) {
        let layer = self.shapes.len();
        self.shapes.push(Shape {
            first: self.panels.len(),
            rows,
            columns,
        });
        for index in 0..panels(columns) {
            self.panels.push(Panel {
                layer,
                index,
                weights: Parameters::zeros(rows),
                squares: 0.0,
            });
        }
        self.biases.push(Parameters::zeros(panels(outputs)));
    }

    /// Sets a layer's weights, given row by row as `[rows, columns]` or transposed, and its bias.
    pub(crate) fn set(&mut self, layer: usize, weights: &[f32], transposed: bool, bias: &[f32]) {
        let Shape {
            first,
            rows,
            columns,
        } = self.shapes[layer];
        assert_eq!(weights.len(), rows * columns);
        for p in 0..panels(columns) {
            let lanes = &mut self.panels[first + p].weights.values;
            for (row, lanes) in lanes.iter_mut().enumerate() {
                for (lane, value) in lanes.0[..width(columns, p)].iter_mut().enumerate() {
                    let column = p * BLOCK + lane;
                    *value = weights[match transposed {
                        false => row * columns + column,
                        true => column * rows + row,
                    }];
                }
            }
        }
        let values: &mut [f32] = bytemuck::cast_slice_mut(&mut self.biases[layer].values);
        assert_eq!(panels(bias.len()) * BLOCK, values.len());
        values[..bias.len()].copy_from_slice(bias);
    }

    /// Bytes of all parameters, gradients and what the optimiser remembers.
    pub(crate) fn memory(&self) -> usize {
        let weights = self.panels.iter().map(|panel| &panel.weights);
        let lanes = weights.chain(&self.biases).map(|p| 4 * p.values.len());
        lanes.sum::<usize>() * size_of::<Lanes>()
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

    /// Σw² of a layer before the last update.
    pub(crate) fn squares(&self, layer: usize) -> f64 {
        let own = self.panels.iter().filter(|panel| panel.layer == layer);
        own.map(|panel| panel.squares).sum()
    }

    /// Copies a layer's weights, or their gradients, row by row as `[rows, columns]` or transposed.
    pub(crate) fn matrix(&self, layer: usize, part: Part, transposed: bool, to: &mut [f32]) {
        let Shape {
            first,
            rows,
            columns,
        } = self.shapes[layer];
        for p in 0..panels(columns) {
            let lanes = part.of(&self.panels[first + p].weights);
            for (row, lanes) in lanes.iter().enumerate() {
                for (lane, &value) in lanes.0[..width(columns, p)].iter().enumerate() {
                    let column = p * BLOCK + lane;
                    let at = match transposed {
                        false => row * columns + column,
                        true => column * rows + row,
                    };
                    to[at] = value;
                }
            }
        }
    }

    /// Copies a layer's bias, or its gradient.
    pub(crate) fn vector(&self, layer: usize, part: Part, to: &mut [f32]) {
        to.copy_from_slice(&numbers(part.of(&self.biases[layer]))[..to.len()]);
    }
}

/// Parameters or their gradients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The parameters.
    Values,
    /// Their gradients, decay included.
    Gradients,
}

impl Part {
    fn of(self, parameters: &Parameters) -> &[Lanes] {
        match self {
            Self::Values => &parameters.values,
            Self::Gradients => &parameters.gradients,
        }
    }
}
