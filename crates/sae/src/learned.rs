//! What the units of a model's layers have learned, on some samples.

use std::str::FromStr;

use burn::tensor::{DType, Device};
use sae_analysis::{
    Activities, Ascent, ClassActivity, Factor, Health, Preferred, Selectivity, class_activities,
    explained, health, preferred_inputs, selectivity,
};
use sae_data::shapes::Factors;
use sae_data::{Samples, Scaling, Stream, stream};
use sae_kernels::Setting;
use sae_model::{Dense, DenseConfig};
use sae_stack::{Forward, Processors};

use crate::{Error, Model, Specimens};

/// What one layer does on some samples.
#[derive(Debug, Clone)]
pub struct LayerUse {
    /// Number of the layer, from 1, the first nearest the inputs.
    pub layer: usize,
    /// The activities of its units.
    pub activities: Activities,
    /// How each unit is doing.
    pub health: Vec<Health>,
    /// The selectivity of each unit; none without at least two classes.
    pub selectivity: Vec<Selectivity>,
    /// How each class is represented; none without at least two.
    pub classes: Vec<ClassActivity>,
    /// What each unit's activity says of each true factor that varies; none where there are none.
    pub factors: Vec<FactorUse>,
}

/// How much of each unit's variance within the classes a factor explains.
#[derive(Debug, Clone)]
pub struct FactorUse {
    /// The factor's name.
    pub name: String,
    /// Adjusted R², `[unit]`; see [`sae_analysis::explained`].
    pub explained: Vec<f64>,
}

/// The order in which units are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UnitOrder {
    /// As they are in the weights.
    #[default]
    Stored,
    /// The most selective first; needs labelled samples.
    Selectivity,
    /// The most active first, by ρ̂; needs samples.
    RhoHat,
    /// The one with the largest norm of its input weights first.
    Norm,
}

impl UnitOrder {
    /// Whether samples are needed for it.
    pub fn needs_samples(self) -> bool {
        matches!(self, Self::Selectivity | Self::RhoHat)
    }
}

impl FromStr for UnitOrder {
    type Err = Setting;

    fn from_str(name: &str) -> Result<Self, Setting> {
        match name {
            "stored" => Ok(Self::Stored),
            "selectivity" => Ok(Self::Selectivity),
            "rho-hat" => Ok(Self::RhoHat),
            "norm" => Ok(Self::Norm),
            _ => Err(Setting::new(
                "order",
                format!("`{name}`"),
                "stored, selectivity, rho-hat or norm",
            )),
        }
    }
}

impl Model {
    /// What layer number `layer`, from 1, does on some samples; `rho` is the target of its sparsity.
    ///
    /// # Errors
    ///
    /// Refuses a layer that is not there, and samples of another width.
    pub fn layer_use(
        &self,
        layer: usize,
        rho: f64,
        specimens: &Specimens,
    ) -> Result<LayerUse, Error> {
        self.check_layer(layer)?;
        let own = &self.autoencoders()[layer - 1];
        let encoders = Forward::encoders(&self.autoencoders()[..layer], Processors::ALL)?;
        let mut codes = Vec::with_capacity(specimens.count() * own.hidden());
        self.for_parts(&specimens.samples, |_, scaled| {
            let part = encoders.rows(scaled.samples, scaled.rows.clone())?;
            codes.extend(part.gather(&(0..part.rows()).collect::<Vec<_>>()));
            Ok(())
        })?;
        let unit = own.encoder.activation.unit;
        let activities = Activities::of(codes, own.hidden(), unit);
        let (selectivity, classes) = match &specimens.labels {
            Some(labels) => {
                let classes = labels.classes.len();
                let units = selectivity(&activities, &labels.values, classes);
                let represented = match units.is_empty() {
                    true => vec![],
                    false => class_activities(&activities, &labels.values, &units, classes),
                };
                (units, represented)
            }
            None => (vec![], vec![]),
        };
        Ok(LayerUse {
            layer,
            health: health(&activities, &weight_of(&own.encoder), rho),
            factors: factor_uses(&activities, specimens),
            selectivity,
            classes,
            activities,
        })
    }

    /// The inputs that activate some units of layer number `layer` most under ‖x‖ ≤ `ascent.radius`: of
    /// images as they are before scaling, of tables as they are after it, where columns of different units
    /// count alike. What a scaling truncates is not regarded. `seed` draws the starts of deeper layers, and
    /// samples among the starts, where there are any, make sure that none of them is better.
    ///
    /// # Errors
    ///
    /// Refuses a layer or a unit that is not there, and samples of another width.
    pub fn preferred(
        &self,
        layer: usize,
        units: &[usize],
        samples: Option<&Samples>,
        ascent: &Ascent,
        seed: u64,
    ) -> Result<Preferred, Error> {
        self.check_layer(layer)?;
        let own = &self.autoencoders()[..layer];
        let mut encoders: Vec<Dense> = own.iter().map(|model| model.encoder.clone()).collect();
        let hidden = encoders[layer - 1].outputs();
        if let Some(unit) = units.iter().find(|&&unit| unit >= hidden) {
            let expected = format!("a number below {hidden}, the hidden units of layer {layer}");
            return Err(Setting::new("unit", unit, expected).into());
        }
        let is_image = self.facts().image().is_some();
        if let (Some(scaling), true) = (self.scaling(), is_image) {
            encoders[0] = unscaled(&encoders[0], scaling);
        }
        let mut rows = Vec::new();
        if let Some(samples) = samples {
            self.for_parts(samples, |part, scaled| {
                let seen = if is_image { part } else { scaled };
                rows.extend(seen.samples.gather(&seen.numbers()));
                Ok(())
            })?;
        }
        let mut rng = stream(seed, Stream::Preferred(layer as u16 - 1));
        Ok(preferred_inputs(&encoders, units, &rows, ascent, &mut rng))
    }

    /// The units of a layer in an order; of equal ones the first in the weights first.
    ///
    /// # Errors
    ///
    /// Refuses a layer that is not there, and an order for which what it needs of `seen` is missing.
    pub fn unit_order(
        &self,
        layer: usize,
        order: UnitOrder,
        seen: Option<&LayerUse>,
    ) -> Result<Vec<usize>, Error> {
        self.check_layer(layer)?;
        let hidden = self.autoencoders()[layer - 1].hidden();
        let missing =
            |found: &'static str, expected: &'static str| Setting::new("order", found, expected);
        let keys: Vec<f64> = match (order, seen) {
            (UnitOrder::Stored, _) => vec![0.0; hidden],
            (UnitOrder::Norm, _) => {
                let weight = weight_of(&self.autoencoders()[layer - 1].encoder);
                norms(&weight, hidden)
            }
            (UnitOrder::RhoHat, Some(seen)) => seen.activities.means(),
            (UnitOrder::Selectivity, Some(seen)) if !seen.selectivity.is_empty() => {
                seen.selectivity.iter().map(|unit| unit.index).collect()
            }
            (UnitOrder::RhoHat, None) => {
                return Err(missing("rho-hat without samples", "stored or norm").into());
            }
            (UnitOrder::Selectivity, _) => {
                let found = "selectivity without labelled samples of two classes";
                return Err(missing(found, "stored, rho-hat or norm").into());
            }
        };
        let mut units: Vec<usize> = (0..hidden).collect();
        units.sort_by(|&a, &b| keys[b].total_cmp(&keys[a]).then(a.cmp(&b)));
        Ok(units)
    }

    fn check_layer(&self, layer: usize) -> Result<(), Error> {
        let count = self.autoencoders().len();
        match (1..=count).contains(&layer) {
            true => Ok(()),
            false => Err(Setting::new("layer", layer, format!("1 to {count}")).into()),
        }
    }
}

/// W of a layer, `[input, output]`, row by row.
fn weight_of(layer: &Dense) -> Vec<f64> {
    layer.weight.val().into_data().iter::<f64>().collect()
}

fn norms(weight: &[f64], hidden: usize) -> Vec<f64> {
    let squares = |unit: usize| weight.iter().skip(unit).step_by(hidden).map(|w| w * w);
    (0..hidden)
        .map(|unit| squares(unit).sum::<f64>().sqrt())
        .collect()
}

/// The encoder on inputs as they are before scaling: with x·A + s what the scaling makes of x, it is
/// (A·W, b + s·W).
fn unscaled(encoder: &Dense, scaling: &Scaling) -> Dense {
    let (weight, hidden) = (weight_of(encoder), encoder.outputs());
    let zero = Samples::Doubles {
        width: scaling.inputs(),
        values: vec![0.0; scaling.inputs()],
    };
    let at_zero = scaling.apply_exactly(&zero).gather_doubles(&[0]);
    let mut bias: Vec<f64> = encoder.bias.val().into_data().iter::<f64>().collect();
    for (s, row) in at_zero.iter().zip(weight.chunks(hidden)) {
        bias.iter_mut().zip(row).for_each(|(b, w)| *b += s * w);
    }
    let size = DenseConfig::new(scaling.inputs(), hidden).with_activation(encoder.activation);
    let weight = scaling.directions(&weight, hidden);
    Dense::from_values(size, weight, bias, DType::F32, &Device::flex())
}

fn factor_uses(activities: &Activities, specimens: &Specimens) -> Vec<FactorUse> {
    let (Some(factors), Some(labels)) = (&specimens.factors, &specimens.labels) else {
        return vec![];
    };
    let varying = drawn_factors(factors).into_iter().filter(Factor::varies);
    varying
        .map(|factor| FactorUse {
            explained: explained(activities, &labels.values, &factor),
            name: factor.name,
        })
        .collect()
}

/// The factors of drawn shapes. Orientation is where in its symmetry a shape is turned.
fn drawn_factors(factors: &[Factors]) -> Vec<Factor> {
    let of = |value: fn(&Factors) -> f64| -> Vec<f64> { factors.iter().map(value).collect() };
    let turns: Vec<Option<f64>> = factors.iter().map(|f| f.kind.symmetry()).collect();
    vec![
        Factor::of_pairs("position", &of(|f| f.x), &of(|f| f.y)),
        Factor::of_numbers("scale", &of(|f| f.radius)),
        Factor::of_phases("orientation", &of(|f| f.orientation), &turns),
        Factor::of_numbers("aspect", &of(|f| f.aspect)),
        Factor::of_numbers("line width", &of(|f| f.line_width)),
        Factor::of_numbers("contrast", &of(|f| f.contrast)),
        Factor::of_numbers("blur", &of(|f| f.blur)),
        Factor::of_numbers("missing share", &of(|f| f.missing)),
        Factor::of_numbers("noise", &of(|f| f.noise)),
    ]
}
