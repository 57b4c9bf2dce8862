//! All rows of a source as a data set: in memory, or where they can be read again.

use std::sync::Arc;

use crate::files::Spill;
use crate::inputs::{Inputs, Stored};
use crate::rows::{ROWS_AT_ONCE, Reader};
use crate::{DataError, Dataset, ImageShape, Labels, Samples};

/// How much memory the rows of a source may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Bytes of all rows together: beyond them they are read when they are needed.
    pub limit: usize,
    /// Whether bytes will become numbers of four bytes, as they do where they are scaled.
    pub as_floats: bool,
    /// Whether rows stay in a file that can be read from any place, whatever the room.
    pub in_place: bool,
}

impl Room {
    /// All that there is.
    pub const UNLIMITED: Self = Self {
        limit: usize::MAX,
        as_floats: false,
        in_place: false,
    };

    fn holds(self, values: u128, value_bytes: usize) -> bool {
        let bytes = match self.as_floats {
            true => size_of::<f32>(),
            false => value_bytes,
        };
        values * bytes as u128 <= self.limit as u128
    }
}

impl Dataset {
    /// All rows of a source. Values in double precision become single precision. Rows for which there
    /// is no room stay in their file where that can be read from any place; those of other sources go to
    /// a temporary file, which the system removes with the process.
    ///
    /// # Errors
    ///
    /// Refuses a source without rows; otherwise as [`Reader::read`].
    pub fn read(reader: &mut dyn Reader, what: &str, room: Room) -> Result<Self, DataError> {
        let layout = reader.layout().clone();
        let values = layout.rows.unwrap_or(0) as u128 * layout.inputs as u128;
        let store = reader.store().filter(|(store, _)| {
            let single = store.value_bytes();
            room.in_place || !room.holds(values, single)
        });
        let (samples, labels) = match store {
            Some((store, labels)) => {
                let limit = room.limit;
                (Inputs::Stored(Stored { store, limit }), labels)
            }
            None => collect(reader, what, room)?,
        };
        Ok(Self {
            labels: layout
                .labelled
                .then(|| Labels::named(&labels))
                .transpose()?,
            image: layout.image.unwrap_or(ImageShape::line(layout.inputs)),
            names: layout.names,
            samples,
        })
    }
}

/// Reads all rows and their labels.
fn collect(
    reader: &mut dyn Reader,
    what: &str,
    room: Room,
) -> Result<(Inputs<'static>, Vec<String>), DataError> {
    let mut labels = Vec::new();
    let mut held: Option<Samples> = None;
    let mut spill: Option<Spill> = None;
    while let Some(chunk) = reader.read(ROWS_AT_ONCE)? {
        labels.extend(chunk.labels);
        if let Some(spill) = &mut spill {
            spill.write(&chunk.samples)?;
            continue;
        }
        let all = match held.take() {
            Some(mut all) => {
                all.extend(&chunk.samples)?;
                all
            }
            None => chunk.samples.in_single(),
        };
        let values = all.rows() as u128 * all.width() as u128;
        if room.holds(values, all.value_bytes()) {
            held = Some(all);
        } else {
            let mut new = Spill::new(what, all.width(), all.value_bytes())?;
            new.write(&all)?;
            spill = Some(new);
        }
    }
    let samples = match (held, spill) {
        (_, Some(spill)) => Inputs::Stored(Stored {
            store: Arc::new(spill.finish()?),
            limit: room.limit,
        }),
        (Some(samples), None) => samples.into(),
        (None, None) => {
            return Err(DataError::Unsuitable {
                found: format!("{what} holds no rows"),
                expected: "at least one".to_owned(),
            });
        }
    };
    Ok((samples, labels))
}
