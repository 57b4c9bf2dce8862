//! What rows of a source are like.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::Serialize;

use crate::message::shown;
use crate::near::Neighbours;
use crate::rows::{Layout, ROWS_AT_ONCE, Reader};
use crate::{DataError, Samples};

/// What the rows of a source are like. Missing values are those that are not a number.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Inspection {
    /// Number of rows.
    pub rows: u64,
    /// The inputs, in their order.
    pub inputs: Vec<InputFacts>,
    /// How many rows have each label.
    pub labels: BTreeMap<String, u64>,
    /// Rows that are equal to one before them.
    pub duplicates: u64,
    /// Rows that are also in the source that this one was compared with.
    pub shared: Option<u64>,
    /// Rows that are not in it but nearly equal one that is: their distance is at most a tenth of the
    /// distance from its mean, by values as they are. Some such rows may be missed.
    pub near: Option<u64>,
    /// Whether values are bytes, which stand for v / 255.
    pub bytes: bool,
}

/// What an input is like over all rows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InputFacts {
    /// Its name, or its number from 0.
    pub name: String,
    /// The least value.
    pub least: f64,
    /// The largest value.
    pub largest: f64,
    /// The mean.
    pub mean: f64,
    /// The standard deviation, divided by the number of values.
    pub deviation: f64,
    /// Rows in which it is missing.
    pub missing: u64,
    /// Whether all values are whole numbers.
    pub whole: bool,
    /// Sum of squared deviations (Welford 1962).
    #[serde(skip)]
    squares: f64,
    #[serde(skip)]
    count: u64,
}

impl InputFacts {
    fn new(name: String) -> Self {
        Self {
            name,
            least: f64::INFINITY,
            largest: f64::NEG_INFINITY,
            mean: 0.0,
            deviation: 0.0,
            missing: 0,
            whole: true,
            squares: 0.0,
            count: 0,
        }
    }

    fn add(&mut self, value: f64) {
        if value.is_nan() {
            self.missing += 1;
            return;
        }
        self.count += 1;
        let before = value - self.mean;
        self.mean += before / self.count as f64;
        self.squares += before * (value - self.mean);
        self.least = self.least.min(value);
        self.largest = self.largest.max(value);
        self.whole &= value.fract() == 0.0;
        self.deviation = (self.squares / self.count as f64).sqrt();
    }

    /// Whether it never varies.
    pub fn is_constant(&self) -> bool {
        self.least >= self.largest
    }
}

/// The contents of rows, to be compared with others'.
#[derive(Debug, Clone, Default)]
pub struct RowSet {
    layout: Option<(usize, Vec<String>)>,
    digests: HashSet<u64>,
    neighbours: Neighbours,
}

impl RowSet {
    /// The rows of a source.
    ///
    /// # Errors
    ///
    /// As [`Reader::read`].
    pub fn of(reader: &mut dyn Reader) -> Result<Self, DataError> {
        let layout = reader.layout();
        let mut set = Self {
            layout: Some((layout.inputs, layout.names.clone())),
            ..Self::default()
        };
        while let Some(chunk) = reader.read(ROWS_AT_ONCE)? {
            for row in 0..chunk.samples.rows() {
                set.digests.insert(digest(&chunk.samples, row));
                set.neighbours.add(&chunk.samples.gather(&[row]));
            }
        }
        set.neighbours.sort();
        Ok(set)
    }

    /// Refuses rows of other columns, or in another order.
    fn check(&self, layout: &Layout) -> Result<(), DataError> {
        let Some((inputs, names)) = &self.layout else {
            return Ok(());
        };
        let unlike = !names.is_empty() && !layout.names.is_empty() && *names != layout.names;
        if *inputs == layout.inputs && !unlike {
            return Ok(());
        }
        let shown = |inputs: usize, names: &[String]| match names.is_empty() {
            true => format!("{inputs} inputs"),
            false => format!("the {inputs} inputs {}", shown(&names.join(", "))),
        };
        Err(DataError::Unsuitable {
            found: format!("the rows have {}", shown(layout.inputs, &layout.names)),
            expected: format!("those of the others: {}", shown(*inputs, names)),
        })
    }

    fn contains(&self, samples: &Samples, row: usize) -> bool {
        self.digests.contains(&digest(samples, row))
    }

    fn has_near(&self, samples: &Samples, row: usize) -> bool {
        self.neighbours.has_near(&samples.gather(&[row]))
    }
}

/// 64 bits that tell rows apart: in a million rows the chance that two different ones are taken for
/// equal is 3e-8.
fn digest(samples: &Samples, row: usize) -> u64 {
    let mut hasher = DefaultHasher::new();
    for value in samples.gather(&[row]) {
        value.to_bits().hash(&mut hasher);
    }
    hasher.finish()
}

impl Inspection {
    /// Reads all rows; `others` are the rows of another source that none of them should be among.
    ///
    /// # Errors
    ///
    /// As [`Reader::read`].
    pub fn of(reader: &mut dyn Reader, others: Option<&RowSet>) -> Result<Self, DataError> {
        let layout: Layout = reader.layout().clone();
        if let Some(others) = others {
            others.check(&layout)?;
        }
        let name = |input: usize| {
            let named = layout.names.get(input).cloned();
            named.unwrap_or_else(|| input.to_string())
        };
        let mut found = Self {
            rows: 0,
            inputs: (0..layout.inputs)
                .map(|input| InputFacts::new(name(input)))
                .collect(),
            labels: BTreeMap::new(),
            duplicates: 0,
            shared: others.map(|_| 0),
            near: others.map(|_| 0),
            bytes: false,
        };
        let mut seen = HashSet::new();
        while let Some(chunk) = reader.read(ROWS_AT_ONCE)? {
            found.bytes = matches!(chunk.samples, Samples::Bytes { .. });
            for row in 0..chunk.samples.rows() {
                let values = chunk.samples.gather_doubles(&[row]);
                found
                    .inputs
                    .iter_mut()
                    .zip(values)
                    .for_each(|(input, value)| input.add(value));
                found.duplicates += u64::from(!seen.insert(digest(&chunk.samples, row)));
                if let Some(others) = others {
                    let is_shared = others.contains(&chunk.samples, row);
                    let is_near = !is_shared && others.has_near(&chunk.samples, row);
                    found.shared = found.shared.map(|count| count + u64::from(is_shared));
                    found.near = found.near.map(|count| count + u64::from(is_near));
                }
                found.rows += 1;
            }
            for label in chunk.labels {
                *found.labels.entry(label).or_default() += 1;
            }
        }
        Ok(found)
    }

    /// The least and the largest value of all inputs.
    pub fn range(&self) -> (f64, f64) {
        let inputs = self.inputs.iter();
        inputs.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), input| {
            (low.min(input.least), high.max(input.largest))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Dataset, MemoryReader};

    #[test]
    fn facts_are_those_of_the_rows() {
        let values = vec![1.0, 5.0, 2.0, 5.0, f32::NAN, 5.0, 1.0, 5.0];
        let data = Dataset::from_rows(2, values);
        let others = Dataset::from_rows(2, vec![2.0, 5.0]);
        let set = RowSet::of(&mut MemoryReader::new(others)).unwrap();
        let found = Inspection::of(&mut MemoryReader::new(data), Some(&set)).unwrap();
        assert_eq!(
            (found.rows, found.duplicates, found.shared),
            (4, 1, Some(1))
        );
        let first = &found.inputs[0];
        assert_eq!((first.least, first.largest, first.missing), (1.0, 2.0, 1));
        // The mean of 1, 2, 1 and its deviation, √(2/9).
        assert!((first.mean - 4.0 / 3.0).abs() < 1e-15);
        assert!((first.deviation - (2.0f64 / 9.0).sqrt()).abs() < 1e-15);
        assert!(!first.is_constant() && found.inputs[1].is_constant());
        assert_eq!(found.range(), (1.0, 5.0));
    }
}
