//! The inputs that activate hidden units most.
//!
//! Under ‖x‖ ≤ r a unit of the first layer is activated most by r·W[:, j] / ‖W[:, j]‖. For one of a deeper
//! layer there is no closed form: its pre-activation is climbed along its gradient, and what leaves the
//! ball is put back on it (Erhan et al. 2009, "Visualizing higher-layer features of a deep network").

use burn::module::Module;
use burn::tensor::{DType, Device, Tensor, TensorData};
use rand_core::Rng;
use sae_data::gaussian;
use sae_model::{Dense, OnTensors};

/// How the inputs of deeper units are searched.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ascent {
    /// The bound r of ‖x‖.
    pub radius: f64,
    /// Random starts per unit, besides the gradient at 0 and the best of the samples.
    pub starts: usize,
    /// Most steps.
    pub steps: usize,
}

impl Default for Ascent {
    fn default() -> Self {
        Self {
            radius: 1.0,
            starts: 2,
            steps: 100,
        }
    }
}

/// The inputs that activate some units most, and how much.
#[derive(Debug, Clone, PartialEq)]
pub struct Preferred {
    /// `[unit, input]`, of norm r, or less where that is better.
    pub inputs: Vec<f64>,
    /// The units' pre-activations there, `[unit]`.
    pub found: Vec<f64>,
    /// The largest pre-activation of each unit on the samples, each scaled to the norm r, `[unit]`;
    /// nothing without samples.
    pub best_sample: Vec<Option<f64>>,
}

impl Preferred {
    /// Those of the first `count` units.
    ///
    /// # Panics
    ///
    /// Panics where there are fewer.
    pub fn first(&self, count: usize) -> Self {
        let width = self.inputs.len() / self.found.len().max(1);
        Self {
            inputs: self.inputs[..count * width].to_vec(),
            found: self.found[..count].to_vec(),
            best_sample: self.best_sample[..count].to_vec(),
        }
    }
}

/// Steps below this share of the radius end the ascent.
const LEAST_STEP: f64 = 1e-4;
/// Rows that go through the layers at once.
const ROWS: usize = 1024;

/// The inputs that activate the `units` of the last of some encoders most under ‖x‖ ≤ r: in closed form
/// for a single encoder, else the best of several ascents. `rng` draws their random starts.
///
/// # Shapes
///
/// - samples: `[sample, input]`, row by row; may be empty
///
/// # Panics
///
/// Panics where there is no encoder, a unit is none of the last one's, or samples are no whole rows.
pub fn preferred_inputs(
    encoders: &[Dense],
    units: &[usize],
    samples: &[f32],
    ascent: &Ascent,
    rng: &mut impl Rng,
) -> Preferred {
    let network = Network::of(encoders);
    let width = network.inputs();
    assert!(samples.len().is_multiple_of(width));
    let best = network.best_samples(samples, units, ascent.radius);
    let starts = match encoders.len() {
        1 => Rows::of(network.gradient_at_zero(units), width),
        _ => network.starts(units, &best, ascent, rng),
    };
    let per_unit = starts.count() / units.len().max(1);
    let owners: Vec<usize> = units
        .iter()
        .flat_map(|&unit| std::iter::repeat_n(unit, per_unit))
        .collect();
    let climbed = match encoders.len() {
        1 => Climbed::at(&network, starts.projected(ascent.radius), &owners),
        _ => network.climb(starts, &owners, ascent),
    };
    climbed.best_of_each(per_unit, best)
}

/// Rows of one width.
struct Rows {
    width: usize,
    values: Vec<f32>,
}

impl Rows {
    fn of(values: Vec<f32>, width: usize) -> Self {
        Self { width, values }
    }

    fn count(&self) -> usize {
        self.values.len() / self.width
    }

    /// Rows of norm `radius`; rows of zeros stay.
    fn projected(mut self, radius: f64) -> Self {
        for row in self.values.chunks_mut(self.width) {
            scale_to(row, radius);
        }
        self
    }
}

fn norm(row: &[f32]) -> f64 {
    row.iter()
        .map(|&v| f64::from(v).powi(2))
        .sum::<f64>()
        .sqrt()
}

fn scale_to(row: &mut [f32], radius: f64) {
    let norm = norm(row);
    if norm > 0.0 && norm.is_finite() {
        let factor = radius / norm;
        row.iter_mut()
            .for_each(|v| *v = (f64::from(*v) * factor) as f32);
    }
}

/// The best sample of a unit at the norm r.
struct BestSample {
    unit: usize,
    /// Its row, scaled, and the pre-activation; nothing without samples.
    found: Option<(Vec<f32>, f64)>,
}

/// Encoders on the CPU, off the tape.
struct Network {
    encoders: Vec<Dense>,
}

impl Network {
    fn of(encoders: &[Dense]) -> Self {
        assert!(!encoders.is_empty());
        let valid = encoders.iter().map(|encoder| encoder.valid());
        Self {
            encoders: valid.collect(),
        }
    }

    fn inputs(&self) -> usize {
        self.encoders[0].inputs()
    }

    fn device(&self) -> Device {
        self.encoders[0].weight.val().device()
    }

    fn tensor(&self, rows: &[f32], width: usize) -> Tensor<2> {
        let data = TensorData::new(rows.to_vec(), [rows.len() / width, width]);
        Tensor::from_data(data, (&self.device(), DType::F32))
    }

    /// The activations of all layers but the last, and its pre-activations.
    fn forward(&self, x: Tensor<2>) -> (Vec<Tensor<2>>, Tensor<2>) {
        let (last, below) = self
            .encoders
            .split_last()
            .expect("checked when it was made");
        let mut activations = Vec::new();
        let mut y = x;
        for encoder in below {
            y = encoder.forward(y);
            activations.push(y.clone());
        }
        let p = y.matmul(last.weight.val()) + last.bias.val().unsqueeze();
        (activations, p)
    }

    /// Each row's own unit's pre-activation, and its gradient with respect to the row, `[row, input]`.
    fn gradient(&self, rows: &Rows, owners: &[usize]) -> (Vec<f64>, Vec<f32>) {
        let mut values = Vec::with_capacity(owners.len());
        let mut gradients = Vec::with_capacity(rows.values.len());
        let parts = rows.values.chunks(ROWS * rows.width);
        for (part, owners) in parts.zip(owners.chunks(ROWS)) {
            let (activations, p) = self.forward(self.tensor(part, rows.width));
            let p: Vec<f32> = p.into_data().iter::<f32>().collect();
            let hidden = self.outputs();
            let own = p.chunks(hidden).zip(owners);
            values.extend(own.map(|(p, &unit)| f64::from(p[unit])));
            gradients.extend(self.back(activations, owners));
        }
        (values, gradients)
    }

    fn outputs(&self) -> usize {
        self.encoders[self.encoders.len() - 1].outputs()
    }

    /// ∂p_unit/∂x of each row: Δ = W[:, unit]ᵀ at the last layer, Δ ← (Δ ⊙ φ'(P))·Wᵀ below.
    fn back(&self, activations: Vec<Tensor<2>>, owners: &[usize]) -> Vec<f32> {
        let (last, below) = self
            .encoders
            .split_last()
            .expect("checked when it was made");
        let owners: Vec<i32> = owners.iter().map(|&unit| unit as i32).collect();
        let chosen = Tensor::<1, burn::tensor::Int>::from_data(&owners[..], &self.device());
        let mut delta = last.weight.val().select(1, chosen).transpose();
        for (encoder, y) in below.iter().zip(activations).rev() {
            delta = encoder.activation.back(delta, y);
            delta = delta.matmul(encoder.weight.val().transpose());
        }
        delta.into_data().iter::<f32>().collect()
    }

    fn gradient_at_zero(&self, units: &[usize]) -> Vec<f32> {
        let width = self.inputs();
        let zeros = Rows::of(vec![0.0; units.len() * width], width);
        self.gradient(&zeros, units).1
    }

    /// The gradient at 0, the best sample where there is one, and random directions: unit after unit.
    fn starts(
        &self,
        units: &[usize],
        best: &[BestSample],
        ascent: &Ascent,
        rng: &mut impl Rng,
    ) -> Rows {
        let width = self.inputs();
        let at_zero = self.gradient_at_zero(units);
        let mut values = Vec::new();
        for (gradient, best) in at_zero.chunks(width).zip(best) {
            values.extend_from_slice(gradient);
            if let Some((row, _)) = &best.found {
                values.extend_from_slice(row);
            }
            values.extend((0..ascent.starts * width).map(|_| gaussian(rng) as f32));
        }
        Rows::of(values, width)
    }

    /// Of each unit the sample, scaled to the norm r, with the largest pre-activation.
    fn best_samples(&self, samples: &[f32], units: &[usize], radius: f64) -> Vec<BestSample> {
        let (width, hidden) = (self.inputs(), self.outputs());
        let mut best: Vec<BestSample> = units
            .iter()
            .map(|&unit| BestSample { unit, found: None })
            .collect();
        for part in samples.chunks(ROWS * width) {
            let scaled = Rows::of(part.to_vec(), width).projected(radius);
            let (_, p) = self.forward(self.tensor(&scaled.values, width));
            let p: Vec<f32> = p.into_data().iter::<f32>().collect();
            for (row, p) in scaled.values.chunks(width).zip(p.chunks(hidden)) {
                for best in &mut best {
                    let value = f64::from(p[best.unit]);
                    if best.found.as_ref().is_none_or(|(_, known)| value > *known) {
                        best.found = Some((row.to_vec(), value));
                    }
                }
            }
        }
        best
    }

    /// Ascent of every row by itself: a step along its normalised gradient, put back into the ball; half as
    /// long after a step that gained nothing, which is not taken.
    fn climb(&self, starts: Rows, owners: &[usize], ascent: &Ascent) -> Climbed {
        let (width, radius) = (starts.width, ascent.radius);
        let mut rows = starts.projected(radius);
        let (mut values, mut gradients) = self.gradient(&rows, owners);
        let mut steps = vec![radius; owners.len()];
        for _ in 0..ascent.steps {
            let mut tried = rows.values.clone();
            let all = tried.chunks_mut(width).zip(gradients.chunks(width));
            for ((row, gradient), step) in all.zip(&steps) {
                move_along(row, gradient, *step, radius);
            }
            let tried = Rows::of(tried, width);
            let (new_values, new_gradients) = self.gradient(&tried, owners);
            for row in 0..owners.len() {
                let cells = row * width..(row + 1) * width;
                if new_values[row] > values[row] {
                    values[row] = new_values[row];
                    rows.values[cells.clone()].copy_from_slice(&tried.values[cells.clone()]);
                    gradients[cells.clone()].copy_from_slice(&new_gradients[cells]);
                    steps[row] = (steps[row] * 1.5).min(100.0 * radius);
                } else {
                    steps[row] /= 2.0;
                }
            }
            if steps.iter().all(|&step| step < LEAST_STEP * radius) {
                break;
            }
        }
        Climbed { rows, values }
    }
}

/// One step of length `step` along a gradient, and back into the ball.
fn move_along(row: &mut [f32], gradient: &[f32], step: f64, radius: f64) {
    let length = norm(gradient);
    if length == 0.0 {
        return;
    }
    let factor = step / length;
    for (value, g) in row.iter_mut().zip(gradient) {
        *value = (f64::from(*value) + factor * f64::from(*g)) as f32;
    }
    if norm(row) > radius {
        scale_to(row, radius);
    }
}

/// Where ascents ended, several of each unit beside each other.
struct Climbed {
    rows: Rows,
    values: Vec<f64>,
}

impl Climbed {
    fn at(network: &Network, rows: Rows, owners: &[usize]) -> Self {
        let values = network.gradient(&rows, owners).0;
        Self { rows, values }
    }

    fn best_of_each(self, per_unit: usize, best_samples: Vec<BestSample>) -> Preferred {
        let width = self.rows.width;
        let mut preferred = Preferred {
            inputs: Vec::new(),
            found: Vec::new(),
            best_sample: best_samples
                .into_iter()
                .map(|best| best.found.map(|(_, value)| value))
                .collect(),
        };
        for (unit, values) in self.values.chunks(per_unit).enumerate() {
            let best = (1..values.len()).fold(0, |a, b| if values[b] > values[a] { b } else { a });
            let row = &self.rows.values[(unit * per_unit + best) * width..][..width];
            preferred.inputs.extend(row.iter().map(|&v| f64::from(v)));
            preferred.found.push(values[best]);
        }
        preferred
    }
}

#[cfg(test)]
mod tests {
    use sae_data::{Stream, stream, uniform};
    use sae_kernels::{Activation, Unit};
    use sae_model::DenseConfig;

    use super::*;

    fn layer(inputs: usize, outputs: usize, unit: Unit, seed: u64) -> Dense {
        let mut rng = stream(seed, Stream::Head);
        let mut draw = |count: usize| -> Vec<f64> {
            (0..count).map(|_| uniform(&mut rng, -2.0, 2.0)).collect()
        };
        let size = DenseConfig::new(inputs, outputs).with_activation(Activation::of(unit));
        let (weight, bias) = (draw(inputs * outputs), draw(outputs));
        Dense::from_values(size, weight, bias, DType::F32, &Device::flex())
    }

    fn found(encoders: &[Dense], samples: &[f32], ascent: &Ascent) -> Preferred {
        let units: Vec<usize> = (0..encoders[encoders.len() - 1].outputs()).collect();
        let mut rng = stream(1, Stream::Directions);
        preferred_inputs(encoders, &units, samples, ascent, &mut rng)
    }

    /// W[:, j] / ‖W[:, j]‖, and there p = ‖W[:, j]‖ + b.
    #[test]
    fn the_first_layer_has_a_closed_form() {
        let layer = layer(7, 3, Unit::Sigmoid, 1);
        let preferred = found(std::slice::from_ref(&layer), &[], &Ascent::default());
        let weight: Vec<f64> = layer.weight.val().into_data().iter::<f64>().collect();
        let bias: Vec<f64> = layer.bias.val().into_data().iter::<f64>().collect();
        for (unit, bias) in bias.iter().enumerate() {
            let column: Vec<f64> = weight.iter().skip(unit).step_by(3).copied().collect();
            let norm = column.iter().map(|w| w * w).sum::<f64>().sqrt();
            for (x, w) in preferred.inputs[unit * 7..][..7].iter().zip(&column) {
                assert!((x - w / norm).abs() < 1e-6);
            }
            assert!((preferred.found[unit] - norm - bias).abs() < 1e-5);
        }
        assert_eq!(preferred.best_sample, [None; 3]);
    }

    /// Of a unit on two inputs the whole circle, and what is inside it, is looked at.
    #[test]
    fn ascent_finds_the_largest_on_the_circle() {
        for (seed, unit) in [(2, Unit::Sigmoid), (3, Unit::Tanh), (4, Unit::Relu)] {
            let encoders = [
                layer(2, 6, unit, seed),
                layer(6, 4, Unit::Sigmoid, seed + 10),
            ];
            let ascent = Ascent {
                radius: 1.5,
                starts: 6,
                steps: 200,
            };
            let preferred = found(&encoders, &[], &ascent);
            let network = Network::of(&encoders);
            let mut grid = Vec::new();
            for angle in 0..2000 {
                for radius in 0..=15 {
                    let (sin, cos) = (f64::from(angle) * std::f64::consts::TAU / 2000.0).sin_cos();
                    let r = 0.1 * f64::from(radius);
                    grid.extend([(r * cos) as f32, (r * sin) as f32]);
                }
            }
            let (_, p) = network.forward(network.tensor(&grid, 2));
            let p: Vec<f32> = p.into_data().iter::<f32>().collect();
            for unit in 0..4 {
                let largest = p
                    .iter()
                    .skip(unit)
                    .step_by(4)
                    .copied()
                    .fold(f32::MIN, f32::max);
                let found = preferred.found[unit];
                assert!(found > f64::from(largest) - 1e-3, "{found} {largest}");
                let x = &preferred.inputs[2 * unit..][..2];
                assert!(x[0].hypot(x[1]) < 1.5 + 1e-6);
            }
        }
    }

    #[test]
    fn samples_are_compared_at_the_same_norm() {
        let encoders = [layer(5, 4, Unit::Sigmoid, 5), layer(4, 3, Unit::Sigmoid, 6)];
        let mut rng = stream(7, Stream::Head);
        let samples: Vec<f32> = (0..5 * 50)
            .map(|_| uniform(&mut rng, 0.0, 3.0) as f32)
            .collect();
        let preferred = found(&encoders, &samples, &Ascent::default());
        for (found, best) in preferred.found.iter().zip(&preferred.best_sample) {
            assert!(*found >= best.unwrap());
        }
    }
}
