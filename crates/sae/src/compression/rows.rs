//! Rows to the values that are compressed, and back.

use sae_data::Samples;

use crate::{Error, Model};

/// Values of the rows that are worked on at once.
const VALUES_AT_ONCE: usize = 4 << 20;
/// Most rows of a block: few enough for ranges to be narrow, so many that they cost little.
const MOST_ROWS: usize = 4096;

impl Model {
    /// Values that a row is compressed to: its code, and its mean where the scaling takes that away.
    pub(super) fn compressed_width(&self) -> usize {
        self.hidden() + usize::from(self.keeps_means())
    }

    /// Rows of a block.
    pub(super) fn compressed_rows(&self) -> usize {
        let widest = self.inputs().max(self.compressed_width());
        (VALUES_AT_ONCE / widest.max(1)).clamp(1, MOST_ROWS)
    }

    fn keeps_means(&self) -> bool {
        self.scaling().is_some_and(|scaling| scaling.removes_mean())
    }

    /// `[rows, inputs]` → `[rows, compressed_width]`, row by row.
    pub(super) fn compressed_values(&self, samples: &Samples) -> Result<Vec<f32>, Error> {
        let codes = self.encode(samples)?;
        let rows: Vec<usize> = (0..samples.rows()).collect();
        let codes_only = codes.gather(&rows);
        if !self.keeps_means() {
            return Ok(codes_only);
        }
        let mean = |row: usize| {
            let values = samples.gather_doubles(&[row]);
            (values.iter().sum::<f64>() / values.len() as f64) as f32
        };
        let with_mean = codes_only.chunks(self.hidden()).zip(rows);
        Ok(with_mean
            .flat_map(|(code, row)| code.iter().copied().chain([mean(row)]))
            .collect())
    }

    /// `[rows, compressed_width]` → `[rows, inputs]`.
    pub(super) fn decompressed(&self, values: Vec<f32>) -> Result<Samples, Error> {
        let hidden = self.hidden();
        if !self.keeps_means() {
            let width = hidden;
            return self.decode(&Samples::Floats { width, values });
        }
        let (mut codes, mut means) = (Vec::new(), Vec::new());
        for row in values.chunks(hidden + 1) {
            codes.extend(&row[..hidden]);
            // The scaling looks for nothing in the original but its mean.
            means.extend(std::iter::repeat_n(row[hidden], self.inputs()));
        }
        let output = self.decoded(&Samples::Floats {
            width: hidden,
            values: codes,
        })?;
        let originals = Samples::Floats {
            width: self.inputs(),
            values: means,
        };
        Ok(self.unscaled(output, &originals).in_single())
    }
}
