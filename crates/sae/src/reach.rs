//! Whether decoders can give the values that they are to reconstruct.

use sae_data::{DataConfig, DataError, Inputs};
use sae_kernels::Setting;
use sae_model::{Reconstruction, Unit};
use sae_stack::Layer;

/// What an autoencoder is to reconstruct.
pub(crate) struct Targets {
    what: String,
    range: (f64, f64),
}

impl Targets {
    /// Samples as they are once they are scaled. Those of files may have any values, which are looked
    /// at when they are there.
    pub(crate) fn inputs(data: &DataConfig) -> Self {
        let identity = data.scaling.is_identity();
        let what = match identity {
            true => "images",
            false => "scaled inputs",
        };
        let known = data.source.format().is_none() || data.scaling.bounds();
        Self {
            what: what.to_owned(),
            range: match known {
                true => data.scaling.range(),
                false => (0.0, 0.0),
            },
        }
    }

    /// Samples that are there, scaled.
    ///
    /// # Errors
    ///
    /// Fails where they cannot be read.
    pub(crate) fn samples(samples: &Inputs<'_>) -> Result<Self, DataError> {
        Ok(Self {
            what: "inputs".to_owned(),
            range: samples.range()?,
        })
    }

    /// The codes of the layer below.
    pub(crate) fn codes(unit: Unit) -> Self {
        Self {
            what: format!("codes of {unit} units"),
            range: unit.range(),
        }
    }

    /// Refuses a decoder that cannot give the values that it is to reconstruct; the cross-entropy,
    /// whose decoder is sigmoid, so wants them in [0, 1].
    pub(crate) fn check(&self, layer: &Layer) -> Result<(), Setting> {
        let decoder = layer.decoder;
        let (low, high) = self.range;
        let reaches = |unit: &Unit| {
            let (least, most) = unit.range();
            least <= low && most >= high
        };
        if reaches(&decoder) {
            return Ok(());
        }
        let fitting: Vec<String> = Unit::ALL
            .iter()
            .filter(|unit| reaches(unit))
            .map(ToString::to_string)
            .collect();
        let range = match (low.is_finite(), high.is_finite()) {
            (true, true) => format!("lie in [{low}, {high}]"),
            (true, false) => format!("are at least {low}"),
            _ => "have no bounds".to_owned(),
        };
        let (fitting, what) = (fitting.join(" or "), &self.what);
        let advice = match what.as_str() {
            "inputs" => " (or scale them: data.scaling.kind = \"min_max\")",
            _ => "",
        };
        let reason = format!("it is to reconstruct {what}, which {range}{advice}");
        Err(match layer.reconstruction {
            Reconstruction::SquaredError => {
                Setting::new("decoder", decoder, format!("{fitting}: {reason}"))
            }
            entropy @ Reconstruction::CrossEntropy => {
                let expected = format!("squared_error with a {fitting} decoder: {reason}");
                Setting::new("reconstruction", entropy, expected)
            }
        })
    }
}
