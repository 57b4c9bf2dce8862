//! Named arrays in a safetensors file, with a text that describes them.

use std::collections::{BTreeMap, HashMap};

use crate::TensorsError;
use crate::seal;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

/// One array.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedTensor {
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its values, row by row. Those of an `f32` file are exact in `f64`.
    pub values: Vec<f64>,
    /// Whether it is kept in `f64`, else in `f32`.
    pub double: bool,
}

/// The arrays of a file, by name.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tensors {
    arrays: BTreeMap<String, NamedTensor>,
    /// The text under the key `sae` of the file's metadata, where there is one.
    pub description: Option<String>,
}

/// The key of the description in the file's metadata.
const KEY: &str = "sae";

impl Tensors {
    /// No arrays yet, with a description.
    pub fn described(description: String) -> Self {
        Self {
            description: Some(description),
            ..Self::default()
        }
    }

    /// Adds an array, or replaces the one of that name.
    pub fn insert(&mut self, name: impl Into<String>, tensor: NamedTensor) {
        self.arrays.insert(name.into(), tensor);
    }

    /// Adds the arrays of `other` with `prefix` before their names.
    pub fn extend(&mut self, prefix: &str, other: Self) {
        let arrays = other.arrays.into_iter();
        let named = arrays.map(|(name, tensor)| (format!("{prefix}{name}"), tensor));
        self.arrays.extend(named);
    }

    /// The arrays whose names begin with `prefix`, without it.
    pub fn below(&self, prefix: &str) -> Self {
        let own = |(name, tensor): (&String, &NamedTensor)| {
            let name = name.strip_prefix(prefix)?;
            Some((name.to_owned(), tensor.clone()))
        };
        Self {
            arrays: self.arrays.iter().filter_map(own).collect(),
            description: None,
        }
    }

    /// Whether there is no array.
    pub fn is_empty(&self) -> bool {
        self.arrays.is_empty()
    }

    /// All arrays with their names, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &NamedTensor)> {
        let arrays = self.arrays.iter();
        arrays.map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// The array called `name`, of `rank` dimensions, none of which is 0.
    ///
    /// # Errors
    ///
    /// Refuses one that is missing or of another rank, and values that are not finite.
    pub fn get(&self, name: &str, rank: usize) -> Result<&NamedTensor, TensorsError> {
        let expected = match rank {
            1 => "a vector of finite f32 or f64",
            _ => "a matrix of finite f32 or f64",
        };
        let wrong = |found: String| TensorsError::Tensor {
            name: name.to_owned(),
            found,
            expected: expected.to_owned(),
        };
        let held = || {
            let names: Vec<&str> = self.arrays.keys().map(String::as_str).collect();
            format!("not in the file, which holds {}", names.join(", "))
        };
        let tensor = self.arrays.get(name).ok_or_else(|| wrong(held()))?;
        if tensor.shape.len() != rank || tensor.shape.contains(&0) {
            return Err(wrong(format!("of shape {:?}", tensor.shape)));
        }
        match tensor.values.iter().position(|value| !value.is_finite()) {
            Some(place) => {
                let value = tensor.values[place];
                Err(wrong(format!("{value} at place {place}")))
            }
            None => Ok(tensor),
        }
    }

    /// The bytes of a safetensors file with a [`seal`]. The same arrays give the same bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let bytes: Vec<Vec<u8>> = self.arrays.values().map(NamedTensor::bytes).collect();
        let views = self
            .arrays
            .iter()
            .zip(&bytes)
            .map(|((name, array), bytes)| {
                let dtype = if array.double { Dtype::F64 } else { Dtype::F32 };
                let view = TensorView::new(dtype, array.shape.clone(), bytes);
                (
                    name.as_str(),
                    view.expect("an array has as many values as its shape"),
                )
            });
        let described = self.description.clone();
        let metadata = described.map(|text| HashMap::from([(KEY.to_owned(), text)]));
        seal::sealed(views, metadata).expect("names are distinct")
    }

    /// Reads a safetensors file. Arrays that are not of `f32` or `f64` are left out.
    ///
    /// # Errors
    ///
    /// Refuses bytes that are not such a file, and a sealed file that was changed.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TensorsError> {
        seal::check(bytes)?;
        Self::unverified(bytes)
    }

    /// As [`Tensors::from_bytes`], of a file that must be sealed.
    ///
    /// # Errors
    ///
    /// As [`Tensors::from_bytes`]; refuses a file without a seal.
    pub fn from_sealed(bytes: &[u8]) -> Result<Self, TensorsError> {
        seal::demand(bytes)?;
        Self::unverified(bytes)
    }

    /// As [`Tensors::from_bytes`], whatever the seal says: to look at a damaged file.
    ///
    /// # Errors
    ///
    /// Refuses bytes that are not a safetensors file.
    pub fn unverified(bytes: &[u8]) -> Result<Self, TensorsError> {
        let format = |error: safetensors::SafeTensorError| TensorsError::Format(error.to_string());
        let file = SafeTensors::deserialize(bytes).map_err(format)?;
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(format)?;
        let description = header.metadata().as_ref().and_then(|m| m.get(KEY)).cloned();
        let arrays = file.tensors().into_iter();
        let known = arrays.filter_map(|(name, view)| Some((name, NamedTensor::read(&view)?)));
        Ok(Self {
            arrays: known.collect(),
            description,
        })
    }
}

impl NamedTensor {
    /// An array that is kept in `f64`.
    pub fn double(shape: Vec<usize>, values: Vec<f64>) -> Self {
        Self {
            shape,
            values,
            double: true,
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let values = self.values.iter();
        match self.double {
            true => values.flat_map(|value| value.to_le_bytes()).collect(),
            false => values
                .flat_map(|&value| (value as f32).to_le_bytes())
                .collect(),
        }
    }

    fn read(view: &TensorView<'_>) -> Option<Self> {
        let bytes = view.data();
        let (double, values) = match view.dtype() {
            Dtype::F32 => {
                let numbers = bytes.as_chunks::<4>().0.iter();
                let single = |&n: &[u8; 4]| f64::from(f32::from_le_bytes(n));
                (false, numbers.map(single).collect())
            }
            Dtype::F64 => {
                let numbers = bytes.as_chunks::<8>().0.iter();
                (true, numbers.map(|&n| f64::from_le_bytes(n)).collect())
            }
            _ => return None,
        };
        Some(Self {
            shape: view.shape().to_vec(),
            values,
            double,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::Seal;

    fn some() -> Tensors {
        let mut tensors = Tensors {
            description: Some("{\"what\": 1}".to_owned()),
            ..Tensors::default()
        };
        tensors.insert("a.w", NamedTensor::double(vec![1, 2], vec![0.1, -2.0]));
        let single = NamedTensor {
            double: false,
            ..NamedTensor::double(vec![2], vec![0.5, 3.0])
        };
        tensors.insert("a.b", single);
        tensors
    }

    #[test]
    fn what_is_written_is_read() {
        let tensors = some();
        assert_eq!(Tensors::from_bytes(&tensors.to_bytes()).unwrap(), tensors);
        let mut outer = Tensors::default();
        outer.extend("x.", tensors.below("a."));
        assert_eq!(outer.get("x.w", 2).unwrap().values, [0.1, -2.0]);
        assert!(outer.below("y.").is_empty());
    }

    /// Whatever byte is changed, and however.
    #[test]
    fn every_changed_byte_is_noticed() {
        let bytes = some().to_bytes();
        assert_eq!(seal::check(&bytes), Ok(Seal::Whole));
        for place in 0..bytes.len() {
            for change in [0x01, 0x20, 0x80, 0xff] {
                let mut changed = bytes.clone();
                changed[place] ^= change;
                assert!(Tensors::from_sealed(&changed).is_err(), "byte {place}");
            }
        }
        for length in 0..bytes.len() {
            assert!(Tensors::from_sealed(&bytes[..length]).is_err());
        }
    }

    /// The definition, by hand.
    #[test]
    fn a_seal_is_the_hash_of_all_before_it() {
        let bytes = some().to_bytes();
        let (body, seal) = bytes.split_at(bytes.len() - 32);
        assert_eq!(seal, blake3::hash(body).as_bytes());
    }

    /// Those of other programs, and those that are looked at all the same.
    #[test]
    fn files_without_a_seal_are_read() {
        let values = 1.5_f32.to_le_bytes();
        let view = TensorView::new(Dtype::F32, vec![1], &values).unwrap();
        let bytes = safetensors::serialize([("a", view)], None).unwrap();
        assert_eq!(
            Tensors::from_bytes(&bytes)
                .unwrap()
                .get("a", 1)
                .unwrap()
                .values,
            [1.5]
        );
        assert_eq!(Tensors::from_sealed(&bytes), Err(TensorsError::Unsealed));
        let mut damaged = some().to_bytes();
        *damaged.last_mut().unwrap() ^= 1;
        assert_eq!(Tensors::from_bytes(&damaged), Err(TensorsError::Broken));
        assert_eq!(Tensors::unverified(&damaged), Ok(some()));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let mut tensors = some();
        let message = |t: &Tensors, name, rank| t.get(name, rank).unwrap_err().to_string();
        let found = message(&tensors, "c", 1);
        assert!(found.starts_with("tensor `c` is not in the file, which holds a.b, a.w"));
        assert!(message(&tensors, "a.w", 1).contains("of shape [1, 2]; expected a vector"));
        let wrong = NamedTensor::double(vec![2], vec![1.0, f64::NAN]);
        tensors.insert("c", wrong);
        assert!(message(&tensors, "c", 1).contains("is NaN at place 1; expected"));
        assert!(Tensors::from_bytes(b"hello").is_err());
    }
}
