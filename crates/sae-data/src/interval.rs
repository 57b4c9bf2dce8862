//! A range of numbers, `[low, high]` in a file.

use std::fmt;

use rand_core::Rng;
use sae_kernels::Setting;
use serde::de::{Error, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::uniform;

/// The numbers from `low` to `high`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The smallest.
    pub low: f64,
    /// The largest.
    pub high: f64,
}

impl Interval {
    /// Checks that the interval of the setting `name` is not upside down and lies within
    /// `[least, most]`.
    ///
    /// # Errors
    ///
    /// Names the interval and its bounds.
    pub fn check(self, name: &'static str, least: f64, most: f64) -> Result<(), Setting> {
        if least <= self.low && self.low <= self.high && self.high <= most {
            return Ok(());
        }
        let expected = format!("[low, high] with {least} <= low <= high <= {most}");
        Err(Setting::new(name, self, expected))
    }

    /// A number of the interval, each equally likely.
    pub(crate) fn draw(self, rng: &mut impl Rng) -> f64 {
        uniform(rng, self.low, self.high)
    }
}

impl From<[f64; 2]> for Interval {
    fn from([low, high]: [f64; 2]) -> Self {
        Self { low, high }
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {}]", self.low, self.high)
    }
}

impl Serialize for Interval {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        [self.low, self.high].serialize(serializer)
    }
}

/// Fixed arrays would do but for one thing: they take the first two of three numbers in silence.
impl<'de> Deserialize<'de> for Interval {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct IntervalVisitor;

        impl<'de> Visitor<'de> for IntervalVisitor {
            type Value = Interval;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("two numbers [low, high]")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut numbers: A) -> Result<Interval, A::Error> {
                let (low, high) = (numbers.next_element()?, numbers.next_element()?);
                let mut count = usize::from(low.is_some()) + usize::from(high.is_some());
                while numbers.next_element::<IgnoredAny>()?.is_some() {
                    count += 1;
                }
                match (low, high, count) {
                    (Some(low), Some(high), 2) => Ok(Interval { low, high }),
                    _ => Err(A::Error::invalid_length(count, &self)),
                }
            }
        }

        deserializer.deserialize_seq(IntervalVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Interval, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn an_interval_is_two_numbers() {
        let interval = Interval::from([0.5, 1.0]);
        assert_eq!(read("[0.5, 1]"), Ok(interval));
        assert_eq!(serde_json::to_string(&interval).unwrap(), "[0.5,1.0]");
        for wrong in ["[0.4, 0.5, 0.9]", "[0.4]", "[]", "0.4"] {
            let message = read(wrong).unwrap_err();
            assert!(
                message.contains("expected two numbers [low, high]"),
                "{message}"
            );
        }
    }
}
