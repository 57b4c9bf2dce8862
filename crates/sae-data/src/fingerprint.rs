//! What tells the samples of one run from those of another.

use blake3::Hasher;

use crate::{DataError, Dataset, Inputs, Samples, SplitData};

/// Rows that are hashed at once, of those that are not in memory.
const ROWS: usize = 4096;

impl SplitData {
    /// BLAKE3, in hexadecimal, of all values, labels and classes of the training, validation and test
    /// samples, in their order. Rows that are not in memory are all read.
    ///
    /// # Errors
    ///
    /// Fails where rows cannot be read.
    pub fn fingerprint(&self) -> Result<String, DataError> {
        let mut hasher = Hasher::new();
        for set in [
            Some(&self.train),
            self.validation.as_ref(),
            Some(&self.test),
        ] {
            match set {
                Some(set) => add(&mut hasher, set)?,
                None => count(&mut hasher, 0),
            }
        }
        Ok(hasher.finalize().to_hex().to_string())
    }
}

fn add(hasher: &mut Hasher, set: &Dataset) -> Result<(), DataError> {
    count(hasher, set.samples.rows());
    count(hasher, set.samples.width());
    add_values(hasher, &set.samples)?;
    let Some(labels) = &set.labels else {
        count(hasher, 0);
        return Ok(());
    };
    count(hasher, labels.classes.len());
    for class in &labels.classes {
        count(hasher, class.len());
        hasher.update(class.as_bytes());
    }
    for label in &labels.values {
        hasher.update(&label.to_le_bytes());
    }
    Ok(())
}

/// Values as they lie in memory; bytes are told from numbers.
fn add_values(hasher: &mut Hasher, inputs: &Inputs<'_>) -> Result<(), DataError> {
    let width = inputs.width();
    let mut begun = false;
    inputs.for_parts(ROWS, |_, samples, rows| {
        let part = rows.start * width..rows.end * width;
        let (kind, bytes): (u8, &[u8]) = match samples {
            Samples::Bytes { values, .. } => (1, &values[part]),
            Samples::Floats { values, .. } => (4, bytemuck::cast_slice(&values[part])),
            Samples::Lent { values, .. } => (4, bytemuck::cast_slice(&values[part])),
            Samples::Doubles { values, .. } => (8, bytemuck::cast_slice(&values[part])),
        };
        if !std::mem::replace(&mut begun, true) {
            hasher.update(&[kind]);
        }
        hasher.update(bytes);
        Ok(())
    })
}

fn count(hasher: &mut Hasher, count: usize) {
    hasher.update(&(count as u64).to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ImageShape, Labels};

    fn set(values: &[u8], labels: Option<&[u32]>) -> Dataset {
        Dataset {
            samples: Samples::Bytes {
                width: 2,
                values: values.to_vec(),
            }
            .into(),
            labels: labels.map(|labels| Labels {
                values: labels.to_vec(),
                classes: vec!["a".to_owned(), "b".to_owned()],
            }),
            image: ImageShape::grey(1, 2),
            names: vec![],
        }
    }

    fn of(train: Dataset, validation: Option<Dataset>, test: Dataset) -> String {
        let data = SplitData {
            train,
            validation,
            test,
        };
        data.fingerprint().unwrap()
    }

    #[test]
    fn whatever_differs_gives_another_fingerprint() {
        let [train, test] = [&[1, 2, 3, 4][..], &[5, 6]];
        let mut widened = set(train, None);
        widened.samples = Samples::Floats {
            width: 2,
            values: vec![1.0, 2.0, 3.0, 4.0],
        }
        .into();
        let all = [
            of(set(train, None), None, set(test, None)),
            of(set(&[1, 2, 3, 5], None), None, set(test, None)),
            of(set(train, None), Some(set(test, None)), set(test, None)),
            of(set(&[1, 2], None), None, set(&[3, 4, 5, 6], None)),
            of(set(train, Some(&[0, 1])), None, set(test, None)),
            of(set(train, Some(&[1, 0])), None, set(test, None)),
            of(widened, None, set(test, None)),
        ];
        for (k, one) in all.iter().enumerate() {
            assert_eq!(one.len(), 64);
            assert!(!all[..k].contains(one), "{k}");
        }
        assert_eq!(all[0], of(set(train, None), None, set(test, None)));
    }

    /// The bytes that are hashed, written out.
    #[test]
    fn a_fingerprint_is_blake3_of_all_values() {
        let found = of(set(&[1, 2, 3, 4], Some(&[0, 1])), None, set(&[5, 6], None));
        let number = |n: u64| n.to_le_bytes().to_vec();
        let train = [number(2), number(2), vec![1, 1, 2, 3, 4], number(2)];
        let labels = [number(1), b"a".to_vec(), number(1), b"b".to_vec()];
        let values = vec![0, 0, 0, 0, 1, 0, 0, 0];
        let test = [number(0), number(1), number(2), vec![1, 5, 6], number(0)];
        let bytes = [train.concat(), labels.concat(), values, test.concat()].concat();
        assert_eq!(found, blake3::hash(&bytes).to_hex().to_string());
    }
}
