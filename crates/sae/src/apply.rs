//! What a model does with rows that come one after the other.

use sae_data::{Heading, Layout, Reader, Samples, Writer, read_ahead};

use crate::{Error, Model};

/// What a model is to do with rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Work {
    /// `[rows, inputs]` → codes, `[rows, hidden]`.
    Encode,
    /// Codes → rows, `[rows, inputs]`.
    Decode,
    /// Rows → what is left of them once they were encoded and decoded.
    Reconstruct,
    /// Rows → the most probable class and the probability of each.
    Predict,
    /// Rows → how far each is from its reconstruction.
    Score {
        /// Also the absolute error of each input, in its own units.
        per_input: bool,
        /// The score above which a row counts as an anomaly, where that is asked.
        threshold: Option<f64>,
    },
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Applied {
    /// Number of rows.
    pub rows: u64,
    /// Rows whose score is above the threshold.
    pub anomalies: u64,
}

/// Chunks of rows that wait to be worked on.
pub(crate) const WAITING: usize = 2;
/// Values of the rows that are worked on at once.
const VALUES_AT_ONCE: usize = 4 << 20;

impl Work {
    /// The columns of the results.
    pub fn heading(self, model: &Model) -> Heading {
        match self {
            Self::Encode => Heading::numbered("code", model.hidden()),
            Self::Decode | Self::Reconstruct => Heading {
                words: None,
                numbers: model.facts().input_names(),
            },
            Self::Predict => Heading {
                words: Some("class".to_owned()),
                numbers: model.classes().iter().map(|c| format!("p({c})")).collect(),
            },
            Self::Score {
                per_input,
                threshold,
            } => {
                let mut numbers = vec!["score".to_owned()];
                numbers.extend(threshold.map(|_| "anomaly".to_owned()));
                if per_input {
                    let names = model.facts().input_names();
                    numbers.extend(names.iter().map(|name| format!("error({name})")));
                }
                Heading {
                    words: None,
                    numbers,
                }
            }
        }
    }

    /// Checks that rows are what the model works on, by the number, names and order of columns.
    ///
    /// # Errors
    ///
    /// Says which column differs.
    pub fn check(self, model: &Model, layout: &Layout) -> Result<(), Error> {
        match self {
            Self::Decode if layout.inputs == model.hidden() => Ok(()),
            Self::Decode => Err(Error::Input(format!(
                "the codes have {} values per row; expected {}, the model's hidden units",
                layout.inputs,
                model.hidden()
            ))),
            _ => model.facts().check_layout(layout),
        }
    }

    /// The results of some rows.
    ///
    /// # Errors
    ///
    /// As the model's methods.
    pub fn of(self, model: &Model, rows: &Samples) -> Result<Results, Error> {
        let numbers = |numbers| {
            Ok(Results {
                numbers,
                words: vec![],
                anomalies: 0,
            })
        };
        match self {
            Self::Encode => numbers(model.encode(rows)?),
            Self::Decode => numbers(model.decode(rows)?),
            Self::Reconstruct => numbers(model.reconstruct(rows)?),
            Self::Predict => {
                let (classes, probabilities) = model.classify(rows)?;
                let names = model.classes();
                let words = classes.iter().map(|&class| names[class].clone());
                Ok(Results {
                    numbers: probabilities,
                    words: words.collect(),
                    anomalies: 0,
                })
            }
            Self::Score {
                per_input,
                threshold,
            } => scores(model, rows, per_input, threshold),
        }
    }
}

/// What came of some rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Results {
    /// The numbers, `[rows, columns]`.
    pub numbers: Samples,
    /// The words, where there is a column of them.
    pub words: Vec<String>,
    /// Rows whose score is above the threshold.
    pub anomalies: u64,
}

fn scores(
    model: &Model,
    rows: &Samples,
    per_input: bool,
    threshold: Option<f64>,
) -> Result<Results, Error> {
    let (scores, errors) = match per_input {
        true => model.score_and_errors(rows)?,
        false => (model.score(rows)?, vec![]),
    };
    let (mut values, mut anomalies) = (Vec::new(), 0);
    let mut errors = errors.chunks(rows.width());
    for score in &scores {
        values.push(*score);
        if let Some(threshold) = threshold {
            let above = *score > threshold;
            anomalies += u64::from(above);
            values.push(f64::from(u8::from(above)));
        }
        values.extend(errors.next().into_iter().flatten());
    }
    let errors = if per_input { rows.width() } else { 0 };
    let width = 1 + usize::from(threshold.is_some()) + errors;
    Ok(Results {
        numbers: Samples::Doubles { width, values },
        words: vec![],
        anomalies,
    })
}

/// Reads all rows, some at a time, and writes what the model makes of them. The next rows are read on
/// another thread meanwhile; memory is bounded whatever the number of rows.
///
/// # Errors
///
/// Refuses rows that do not fit the model; fails where they cannot be read or written.
pub fn apply(
    model: &Model,
    work: Work,
    mut reader: Box<dyn Reader>,
    writer: &mut dyn Writer,
) -> Result<Applied, Error> {
    work.check(model, reader.layout())?;
    let at_once = (VALUES_AT_ONCE / reader.layout().inputs.max(1)).clamp(1, 4096);
    let mut applied = Applied::default();
    read_ahead(
        WAITING,
        || reader.read(at_once),
        |chunk| {
            // As the rows were that it was trained on.
            let rows = chunk.samples.in_single();
            let results = work.of(model, &rows)?;
            applied.rows += rows.rows() as u64;
            applied.anomalies += results.anomalies;
            Ok::<(), Error>(writer.write(&results.numbers, &results.words)?)
        },
    )?;
    Ok(applied)
}
