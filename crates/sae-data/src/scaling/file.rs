//! A fitted scaling as a safetensors file, so that a run's models are complete.

use std::collections::HashMap;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use super::{Linear, Scaling, Truncation};

impl Scaling {
    /// The bytes of a safetensors file: `offset` `[inputs]`, `factors` `[inputs]` or `forward`
    /// `[inputs, outputs]` and `backward` `[outputs, inputs]`, and `steps`: (whether each sample's
    /// mean is removed, shift, whether values are truncated, the truncation's centre and radius).
    /// All `f64`.
    ///
    /// The same scaling gives the same bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let (inputs, outputs) = (self.inputs(), self.outputs());
        let truncation = self.truncation.unwrap_or(Truncation {
            centre: 0.0,
            radius: 0.0,
        });
        let flag = |set: bool| f64::from(u8::from(set));
        let steps = [
            flag(self.remove_dc),
            self.shift,
            flag(self.truncation.is_some()),
            truncation.centre,
            truncation.radius,
        ];
        let mut tensors: Vec<(&str, Vec<usize>, Vec<u8>)> = vec![
            ("offset", vec![inputs], bytes(&self.offset)),
            ("steps", vec![steps.len()], bytes(&steps)),
        ];
        match &self.linear {
            Linear::Factors(factors) => tensors.push(("factors", vec![inputs], bytes(factors))),
            Linear::Matrix { forward, backward } => {
                tensors.push(("forward", vec![inputs, outputs], bytes(forward)));
                tensors.push(("backward", vec![outputs, inputs], bytes(backward)));
            }
        }
        let views = tensors.iter().map(|(name, shape, bytes)| {
            let view = TensorView::new(Dtype::F64, shape.clone(), bytes);
            (*name, view.expect("the bytes match the shape"))
        });
        safetensors::serialize(views, None).expect("the tensors have distinct names")
    }

    /// Reads what [`Scaling::to_bytes`] gave.
    ///
    /// # Errors
    ///
    /// Says what is wrong with bytes that are not such a file.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let file = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
        let tensors: HashMap<String, Vec<f64>> = file
            .tensors()
            .into_iter()
            .filter(|(_, view)| view.dtype() == Dtype::F64)
            .map(|(name, view)| (name, doubles(view.data())))
            .collect();
        let get = |name: &str| {
            let found = tensors.get(name).cloned();
            found.ok_or_else(|| format!("there is no f64 tensor `{name}`"))
        };
        let offset = get("offset")?;
        let inputs = offset.len();
        let linear = match (get("factors"), get("forward"), get("backward")) {
            (Ok(factors), ..) if factors.len() == inputs => Linear::Factors(factors),
            (Err(_), Ok(forward), Ok(backward))
                if forward.len() == backward.len()
                    && inputs > 0
                    && !forward.is_empty()
                    && forward.len().is_multiple_of(inputs) =>
            {
                Linear::Matrix { forward, backward }
            }
            _ => return Err("`factors`, or `forward` and `backward`, do not fit `offset`".into()),
        };
        let [dc, shift, truncate, centre, radius] = get("steps")?[..] else {
            return Err("`steps` does not hold 5 numbers".into());
        };
        Ok(Self {
            remove_dc: dc != 0.0,
            offset,
            linear,
            shift,
            truncation: (truncate != 0.0).then_some(Truncation { centre, radius }),
        })
    }
}

fn bytes(values: &[f64]) -> Vec<u8> {
    values
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect()
}

fn doubles(bytes: &[u8]) -> Vec<f64> {
    let (numbers, _) = bytes.as_chunks::<8>();
    numbers.iter().map(|&n| f64::from_le_bytes(n)).collect()
}
