//! A fitted scaling as named arrays, so that a run's models are complete.

use super::{Linear, Scaling, Truncation};
use crate::{NamedTensor, Tensors, TensorsError};

impl Scaling {
    /// `offset` `[inputs]`, `factors` `[inputs]` or `forward` `[inputs, outputs]` and `backward`
    /// `[outputs, inputs]`, and of steps that are taken at all `removes_dc` and `shift`, `[1]`, and
    /// `truncation` (centre and radius) `[2]`. All `f64`.
    pub fn to_tensors(&self) -> Tensors {
        let (inputs, outputs) = (self.inputs(), self.outputs());
        let mut tensors = Tensors::default();
        let mut insert = |name: &str, shape: &[usize], values: &[f64]| {
            tensors.insert(name, NamedTensor::double(shape.to_vec(), values.to_vec()));
        };
        insert("offset", &[inputs], &self.offset);
        match &self.linear {
            Linear::Factors(factors) => insert("factors", &[inputs], factors),
            Linear::Matrix { forward, backward } => {
                insert("forward", &[inputs, outputs], forward);
                insert("backward", &[outputs, inputs], backward);
            }
        }
        insert("shift", &[1], &[self.shift]);
        if self.remove_dc {
            insert("removes_dc", &[1], &[1.0]);
        }
        if let Some(Truncation { centre, radius }) = self.truncation {
            insert("truncation", &[2], &[centre, radius]);
        }
        tensors
    }

    /// Reads what [`Scaling::to_tensors`] gave.
    ///
    /// # Errors
    ///
    /// Names the array that is missing, not finite or does not fit the others.
    pub fn from_tensors(tensors: &Tensors) -> Result<Self, TensorsError> {
        let has = |name: &str| tensors.iter().any(|(own, _)| own == name);
        let vector = |name: &str| tensors.get(name, 1).map(|tensor| tensor.values.clone());
        let offset = vector("offset")?;
        let inputs = offset.len();
        let linear = match has("factors") {
            true => Linear::Factors(sized("factors", vector("factors")?, inputs)?),
            false => {
                let forward = tensors.get("forward", 2)?;
                let backward = tensors.get("backward", 2)?;
                let turned: Vec<usize> = forward.shape.iter().rev().copied().collect();
                if forward.shape[0] != inputs || backward.shape != turned {
                    return Err(TensorsError::Tensor {
                        name: "backward".to_owned(),
                        found: format!("{:?} beside forward {:?}", backward.shape, forward.shape),
                        expected: format!("forward [{inputs}, outputs] and backward its transpose"),
                    });
                }
                Linear::Matrix {
                    forward: forward.values.clone(),
                    backward: backward.values.clone(),
                }
            }
        };
        let truncation = match has("truncation") {
            true => {
                let values = sized("truncation", vector("truncation")?, 2)?;
                Some(Truncation {
                    centre: values[0],
                    radius: values[1],
                })
            }
            false => None,
        };
        Ok(Self {
            remove_dc: has("removes_dc"),
            offset,
            linear,
            shift: sized("shift", vector("shift")?, 1)?[0],
            truncation,
        })
    }
}

fn sized(name: &str, values: Vec<f64>, expected: usize) -> Result<Vec<f64>, TensorsError> {
    if values.len() == expected {
        return Ok(values);
    }
    Err(TensorsError::Tensor {
        name: name.to_owned(),
        found: format!("{} values", values.len()),
        expected: format!("{expected} values"),
    })
}
