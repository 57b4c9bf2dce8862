//! Units: their names and properties, and φ on vector registers.

use std::fmt;
use std::str::FromStr;

use pulp::Simd;
use serde::{Deserialize, Serialize};

use crate::lanes::{Lanes, vectors_mut};
use crate::math::{at_least, at_most, sigmoid};
use crate::samples::Place;
use crate::setting::{Setting, named};

/// An activation function φ of pre-activations p. At a kink, where φ has no derivative, φ' is 0: that
/// of ReLU and satlin at p = 0 and of satlin at p = 1. What is not a number stays so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// 1 / (1 + e^−p), in (0, 1).
    #[default]
    Sigmoid,
    /// tanh p, in (−1, 1); inactive at −1.
    Tanh,
    /// p.
    Linear,
    /// p clipped to [0, 1] (MATLAB's `satlin`).
    Satlin,
    /// max(0, p).
    Relu,
}

/// ρ̂ below this share of ρ makes a bounded unit dead.
const DEAD_SHARE: f64 = 0.1;
/// ρ̂ above this makes a bounded unit saturated.
const SATURATED: f64 = 0.9;

impl Unit {
    /// Every unit.
    pub const ALL: [Self; 5] = [
        Self::Sigmoid,
        Self::Tanh,
        Self::Linear,
        Self::Satlin,
        Self::Relu,
    ];

    /// Whether the activity stays in [0, 1], so that KL(ρ ‖ ρ̂) is defined.
    pub fn is_bounded(self) -> bool {
        matches!(self, Self::Sigmoid | Self::Tanh | Self::Satlin)
    }

    /// The least and largest values of φ.
    pub fn range(self) -> (f64, f64) {
        match self {
            Self::Sigmoid | Self::Satlin => (0.0, 1.0),
            Self::Tanh => (-1.0, 1.0),
            Self::Linear => (f64::NEG_INFINITY, f64::INFINITY),
            Self::Relu => (0.0, f64::INFINITY),
        }
    }

    /// The mean activity of a unit whose mean activation is `mean`. The activity is 0 at rest: for
    /// tanh, which rests at −1, (1 + y)/2, for the others y.
    pub fn mean_activity(self, mean: f64) -> f64 {
        self.resting_activity() + self.activity_slope() * mean
    }

    /// The derivative of the activity by y.
    pub fn activity_slope(self) -> f64 {
        match self {
            Self::Tanh => 0.5,
            _ => 1.0,
        }
    }

    /// Whether a unit with mean activity `rho_hat` hardly takes part: of bounded units one with ρ̂ below a
    /// tenth of the target `rho`, of ReLU one that no sample activates; linear units are never dead.
    pub fn is_dead(self, rho_hat: f64, rho: f64) -> bool {
        match self {
            Self::Sigmoid | Self::Tanh | Self::Satlin => rho_hat < DEAD_SHARE * rho,
            Self::Relu => rho_hat == 0.0,
            Self::Linear => false,
        }
    }

    /// Whether a unit with mean activity `rho_hat` is hardly ever at rest: a bounded one with ρ̂ above 0.9.
    pub fn is_saturated(self, rho_hat: f64) -> bool {
        self.is_bounded() && rho_hat > SATURATED
    }

    /// The activity at y = 0.
    fn resting_activity(self) -> f64 {
        match self {
            Self::Tanh => 0.5,
            _ => 0.0,
        }
    }

    /// (shift, factor) of the activity shift + factor·y.
    #[inline(always)]
    pub(crate) fn activity<S: Simd>(self, simd: S) -> (S::f32s, S::f32s) {
        let splat = |value: f64| simd.splat_f32s(value as f32);
        (splat(self.resting_activity()), splat(self.activity_slope()))
    }

    /// φ(x).
    #[inline(always)]
    pub(crate) fn value<S: Simd>(self, simd: S, x: S::f32s) -> S::f32s {
        match self {
            Self::Sigmoid => sigmoid(simd, x),
            // Near 0 this loses relative, not absolute, precision.
            Self::Tanh => {
                let y = sigmoid(simd, simd.add_f32s(x, x));
                simd.sub_f32s(simd.add_f32s(y, y), simd.splat_f32s(1.0))
            }
            Self::Linear => x,
            Self::Satlin => at_most(simd, 1.0, at_least(simd, 0.0, x)),
            Self::Relu => at_least(simd, 0.0, x),
        }
    }

    /// `back`·φ'(x) for y = φ(x).
    #[inline(always)]
    pub(crate) fn slope<S: Simd>(self, simd: S, back: S::f32s, y: S::f32s) -> S::f32s {
        let splat = |value| simd.splat_f32s(value);
        let where_positive = |y, of| {
            let inside = simd.greater_than_f32s(y, splat(0.0));
            simd.select_f32s(inside, of, splat(0.0))
        };
        match self {
            Self::Sigmoid => {
                let slope = simd.mul_f32s(y, simd.sub_f32s(splat(1.0), y));
                simd.mul_f32s(back, slope)
            }
            Self::Tanh => {
                let slope = simd.sub_f32s(splat(1.0), simd.mul_f32s(y, y));
                simd.mul_f32s(back, slope)
            }
            Self::Linear => back,
            Self::Satlin => where_positive(simd.sub_f32s(splat(1.0), y), where_positive(y, back)),
            Self::Relu => where_positive(y, back),
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Sigmoid => "sigmoid",
            Self::Tanh => "tanh",
            Self::Linear => "linear",
            Self::Satlin => "satlin",
            Self::Relu => "relu",
        })
    }
}

impl FromStr for Unit {
    type Err = Setting;

    fn from_str(text: &str) -> Result<Self, Setting> {
        named("unit", text, &Self::ALL)
    }
}

/// What a layer does to its pre-activations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Activation {
    /// φ.
    pub unit: Unit,
    /// Of each sample only the k largest activations are kept, the others are 0 (k-sparse
    /// autoencoders, Makhzani and Frey 2013). All that equal the k-th are kept. Nothing goes back
    /// through an activation that is 0.
    pub top_k: Option<usize>,
}

impl Activation {
    /// Units without selection.
    pub const fn of(unit: Unit) -> Self {
        Self { unit, top_k: None }
    }

    /// Checks k for a layer of `units` units.
    pub(crate) fn check(&self, units: usize) -> Result<(), Setting> {
        match self.top_k {
            Some(k) if k == 0 || k > units => {
                let expected = format!("at least 1 and at most the {units} units of the layer");
                Err(Setting::new("top_k", k, expected))
            }
            _ => Ok(()),
        }
    }

    /// Replaces products `[unit, sample]` by activations of products plus bias.
    #[inline(always)]
    pub(crate) fn apply<S: Simd>(
        self,
        simd: S,
        products: &mut [Lanes],
        bias: &[f32],
        place: &Place,
    ) {
        for (lanes, &bias) in products.iter_mut().zip(bias) {
            let bias = simd.splat_f32s(bias);
            for y in place.used_mut::<S>(lanes) {
                *y = self.unit.value(simd, simd.add_f32s(*y, bias));
            }
        }
        if let Some(k) = self.top_k {
            select(simd, products, k, place);
        }
    }

    /// `back`·φ'(p) for the activation y of p.
    #[inline(always)]
    pub(crate) fn back<S: Simd>(self, simd: S, back: S::f32s, y: S::f32s) -> S::f32s {
        let delta = self.unit.slope(simd, back, y);
        match self.top_k {
            None => delta,
            Some(_) => {
                let zero = simd.splat_f32s(0.0);
                simd.select_f32s(simd.equal_f32s(y, zero), zero, delta)
            }
        }
    }
}

/// Sets to 0 what is below the k-th largest activation of its sample.
#[inline(always)]
fn select<S: Simd>(simd: S, activations: &mut [Lanes], k: usize, place: &Place) {
    let mut least = Lanes::ZERO;
    let mut own = Vec::with_capacity(activations.len());
    for sample in 0..place.count {
        own.clear();
        own.extend(activations.iter().map(|lanes| lanes.0[sample]));
        let (_, kth, _) = own.select_nth_unstable_by(k - 1, |a, b| b.total_cmp(a));
        least.0[sample] = *kth;
    }
    let zero = simd.splat_f32s(0.0);
    for lanes in activations {
        let least = place.used::<S>(&least);
        for (y, &least) in vectors_mut::<S>(lanes).iter_mut().zip(least) {
            *y = simd.select_f32s(simd.less_than_f32s(*y, least), zero, *y);
        }
    }
}

#[cfg(test)]
mod tests {
    use pulp::WithSimd;

    use super::*;
    use crate::InstructionSet;
    use crate::lanes::BLOCK;
    use crate::samples::Chunk;

    struct Apply<'a>(Activation, &'a mut [Lanes], &'a [f32]);

    impl WithSimd for Apply<'_> {
        type Output = ();

        #[inline(always)]
        fn with_simd<S: Simd>(self, simd: S) {
            for chunk in Chunk::all(1000) {
                let place = chunk.place(0, 1000);
                self.0.apply(simd, self.1, self.2, &place);
            }
        }
    }

    /// With every instruction set.
    fn applied(activation: Activation, products: &[f32]) -> Vec<Vec<f32>> {
        let with = |set: InstructionSet| {
            let mut lanes: Vec<Lanes> = products.iter().map(|&p| Lanes([p; BLOCK])).collect();
            let bias = vec![0.0; lanes.len()];
            let arch = set.arch().expect("it is available");
            arch.dispatch(Apply(activation, &mut lanes, &bias));
            assert!(lanes.iter().all(|lanes| {
                let first = lanes.0[0].to_bits();
                lanes.0.iter().all(|y| y.to_bits() == first)
            }));
            lanes.iter().map(|lanes| lanes.0[0]).collect()
        };
        InstructionSet::available().into_iter().map(with).collect()
    }

    #[test]
    fn what_is_not_a_number_stays_so() {
        for unit in Unit::ALL {
            for values in applied(Activation::of(unit), &[f32::NAN, -f32::NAN]) {
                assert!(values.iter().all(|y| y.is_nan()), "{unit}");
            }
        }
    }

    #[test]
    fn the_k_largest_are_kept_with_their_equals() {
        let top = |k| Activation {
            unit: Unit::Linear,
            top_k: Some(k),
        };
        let products = [0.3, 0.1, 0.7, 0.3, -0.5];
        for (k, expected) in [
            (1, [0.0, 0.0, 0.7, 0.0, 0.0]),
            (2, [0.3, 0.0, 0.7, 0.3, 0.0]),
            (4, [0.3, 0.1, 0.7, 0.3, 0.0]),
            (5, products),
        ] {
            for kept in applied(top(k), &products) {
                assert_eq!(kept, expected);
            }
        }
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for unit in Unit::ALL {
            assert_eq!(unit.to_string().parse(), Ok(unit));
            let json = serde_json::to_string(&unit).expect("a string");
            assert_eq!(json, format!("\"{unit}\""));
        }
        assert_eq!(format!("{:>8}", Unit::Tanh), "    tanh");
        let error = "gelu".parse::<Unit>().expect_err("no such unit");
        let expected = "unit is gelu; expected one of sigmoid, tanh, linear, satlin, relu";
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn activities_are_zero_at_rest() {
        assert_eq!(Unit::Tanh.mean_activity(-1.0), 0.0);
        assert_eq!(Unit::Tanh.mean_activity(1.0), 1.0);
        assert_eq!(Unit::Sigmoid.mean_activity(0.25), 0.25);
        assert_eq!(Unit::Relu.activity_slope(), 1.0);
    }
}
