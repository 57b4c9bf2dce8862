//! The value of an objective, on a device and on the host.

use std::borrow::Cow;

use burn::tensor::{Tensor, TensorData};
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ModelError;
use crate::parameters::host_values;

/// The names of the terms.
pub mod term {
    use crate::Reconstruction;

    /// The name of a reconstruction term.
    pub const fn reconstruction(measured: Reconstruction) -> &'static str {
        match measured {
            Reconstruction::SquaredError => RECONSTRUCTION,
            Reconstruction::CrossEntropy => RECONSTRUCTION_CROSS_ENTROPY,
        }
    }

    /// (1/R) Σ ½‖x − z‖².
    pub const RECONSTRUCTION: &str = "reconstruction";
    /// −(1/R) Σ [x log z + (1 − x) log(1 − z)].
    pub const RECONSTRUCTION_CROSS_ENTROPY: &str = "reconstruction_cross_entropy";
    /// (α/2)(‖W1‖² + ‖W2‖²), of a classifier (λ/2)‖Ws‖².
    pub const WEIGHT_DECAY: &str = "weight_decay";
    /// β Σ KL(ρ ‖ ρ̂).
    pub const SPARSITY: &str = "sparsity";
    /// (γ/R) Σ |a|.
    pub const L1: &str = "l1";
    /// −(1/R) Σ log P_label.
    pub const CROSS_ENTROPY: &str = "cross_entropy";
}

/// An objective's value on one batch, kept on the device so that training need not wait for it.
#[derive(Debug, Clone)]
pub struct Value {
    /// The terms, `[term]`, in the order of [`Objective::terms`](crate::Objective::terms); J is
    /// their sum. In `f64` where the device has it.
    pub terms: Tensor<1>,
    /// (1/R) Σ ‖x − z‖², `[1]`, of an autoencoder.
    pub squared_error: Option<Tensor<1>>,
    /// ρ̂ of each hidden unit, `[hidden]`, of an autoencoder.
    pub rho_hat: Option<Tensor<1>>,
    /// Share of the samples whose most probable class is theirs, `[1]`, of a classifier.
    pub accuracy: Option<Tensor<1>>,
}

impl Value {
    /// A value of these terms, `[1]` each, in the order of their names.
    pub fn new(terms: Vec<Tensor<1>>) -> Self {
        Self {
            terms: Tensor::cat(terms, 0),
            squared_error: None,
            rho_hat: None,
            accuracy: None,
        }
    }

    /// The value on the host; `names` are those of the objective's terms.
    pub fn to_host(&self, names: &[&'static str]) -> Figures {
        let values = |tensor: &Tensor<1>| host_values(tensor.clone().inner());
        let number = |tensor: &Tensor<1>| values(tensor).first().copied();
        Figures {
            terms: names.iter().copied().zip(values(&self.terms)).collect(),
            squared_error: self.squared_error.as_ref().and_then(number),
            rho_hat: self.rho_hat.as_ref().map(values),
            accuracy: self.accuracy.as_ref().and_then(number),
        }
    }

    /// J on the host.
    pub fn total(&self) -> f64 {
        host_values(self.terms.clone().inner()).iter().sum()
    }

    /// Figures of the same objective, on the device and in the types of this value; `names` are those of
    /// the objective's terms.
    ///
    /// # Errors
    ///
    /// Refuses figures that lack any of the value's, or have another number of hidden units.
    pub fn with_figures(&self, names: &[&str], figures: &Figures) -> Result<Self, ModelError> {
        let like = |name: &'static str, own: &Tensor<1>, values: &[f64]| {
            let expected = own.dims();
            if values.len() != expected[0] {
                return Err(ModelError::Shape {
                    operation: "bringing figures to a device",
                    left_name: name,
                    left: vec![values.len()],
                    right_name: "the model's",
                    right: expected.to_vec(),
                });
            }
            let data = TensorData::new(values.to_vec(), expected);
            Ok(Tensor::from_data(data, (&own.device(), own.dtype())))
        };
        let part = |name, own: &Option<Tensor<1>>, values: Option<&[f64]>| {
            let own = own.as_ref();
            own.map(|own| like(name, own, values.unwrap_or(&[])))
                .transpose()
        };
        let terms = names.iter().filter_map(|name| figures.terms.get(name));
        let terms: Vec<f64> = terms.collect();
        let squared_error = figures.squared_error.as_ref().map(std::slice::from_ref);
        let accuracy = figures.accuracy.as_ref().map(std::slice::from_ref);
        Ok(Self {
            terms: like("the terms of J", &self.terms, &terms)?,
            squared_error: part("the squared error", &self.squared_error, squared_error)?,
            rho_hat: part("rho_hat", &self.rho_hat, figures.rho_hat.as_deref())?,
            accuracy: part("the accuracy", &self.accuracy, accuracy)?,
        })
    }

    /// The value times a number.
    pub fn scaled(self, factor: f64) -> Self {
        let scale = |tensor: Tensor<1>| tensor.mul_scalar(factor);
        Self {
            terms: scale(self.terms),
            squared_error: self.squared_error.map(scale),
            rho_hat: self.rho_hat.map(scale),
            accuracy: self.accuracy.map(scale),
        }
    }

    /// The sum of two values of one objective.
    pub fn plus(self, other: Self) -> Self {
        let both = |(a, b): (Tensor<1>, Tensor<1>)| a + b;
        Self {
            terms: self.terms + other.terms,
            squared_error: self.squared_error.zip(other.squared_error).map(both),
            rho_hat: self.rho_hat.zip(other.rho_hat).map(both),
            accuracy: self.accuracy.zip(other.accuracy).map(both),
        }
    }
}

/// A [`Value`] on the host, with names.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Figures {
    /// The terms of J.
    pub terms: Terms,
    /// (1/R) Σ ‖x − z‖², of an autoencoder, whatever its terms are.
    pub squared_error: Option<f64>,
    /// ρ̂ of each hidden unit, of an autoencoder.
    pub rho_hat: Option<Vec<f64>>,
    /// Share of the samples whose most probable class is theirs, of a classifier.
    pub accuracy: Option<f64>,
}

impl Figures {
    /// J, the sum of the terms.
    pub fn objective(&self) -> f64 {
        self.terms.0.iter().map(|(_, value)| value).sum()
    }

    /// Every number, in an order that figures of one objective share.
    pub fn numbers_mut(&mut self) -> impl Iterator<Item = &mut f64> {
        let terms = self.terms.0.iter_mut().map(|(_, value)| value);
        let others = self.squared_error.iter_mut().chain(&mut self.accuracy);
        terms.chain(others).chain(self.rho_hat.iter_mut().flatten())
    }

    /// Adds `weight` times the figures of the same objective elsewhere. Into empty ones, as
    /// [`Figures::default`] gives them, anything may be added.
    pub fn add(&mut self, more: &Self, weight: f64) {
        for (name, value) in &more.terms.0 {
            match self.terms.0.iter_mut().find(|(own, _)| own == name) {
                Some((_, sum)) => *sum += weight * value,
                None => self.terms.0.push((name.clone(), weight * value)),
            }
        }
        if let Some(more) = &more.rho_hat {
            let sum = self.rho_hat.get_or_insert_with(|| vec![0.0; more.len()]);
            let pairs = sum.iter_mut().zip(more);
            pairs.for_each(|(sum, more)| *sum += weight * more);
        }
        for (sum, more) in [
            (&mut self.squared_error, more.squared_error),
            (&mut self.accuracy, more.accuracy),
        ] {
            if let Some(more) = more {
                *sum.get_or_insert(0.0) += weight * more;
            }
        }
    }
}

/// Named terms of an objective, in order. Serialised as a map.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Terms(Vec<(Cow<'static, str>, f64)>);

impl Terms {
    /// The value of the term called `name`, where there is one.
    pub fn get(&self, name: &str) -> Option<f64> {
        let found = self.0.iter().find(|(own, _)| own == name);
        found.map(|&(_, value)| value)
    }

    /// All terms, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), *value))
    }
}

impl FromIterator<(&'static str, f64)> for Terms {
    fn from_iter<I: IntoIterator<Item = (&'static str, f64)>>(terms: I) -> Self {
        let named = |(name, value)| (Cow::Borrowed(name), value);
        Self(terms.into_iter().map(named).collect())
    }
}

impl Serialize for Terms {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Terms {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Terms;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a map of names to numbers")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Terms, A::Error> {
                let mut terms = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, f64>()? {
                    terms.push((Cow::Owned(name), value));
                }
                Ok(Terms(terms))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}
