//! Results as text: a line of names, then a line per row.

use super::table::{Heading, Writer};
use super::target::Target;
use crate::{DataError, Samples};

/// Numbers are written with as many digits as lead back to the same number.
pub(super) struct CsvWriter {
    target: Target,
    delimiter: u8,
}

impl CsvWriter {
    pub(super) fn new(
        mut target: Target,
        delimiter: u8,
        heading: &Heading,
    ) -> Result<Self, DataError> {
        let names = heading.words.iter().chain(&heading.numbers);
        let names: Vec<Vec<u8>> = names.map(|name| quoted(name, delimiter)).collect();
        target.write(&[names.join(&delimiter), b"\n".to_vec()].concat())?;
        Ok(Self { target, delimiter })
    }
}

impl Writer for CsvWriter {
    fn write(&mut self, rows: &Samples, words: &[String]) -> Result<(), DataError> {
        use std::io::Write as _;
        let mut text = Vec::new();
        for row in 0..rows.rows() {
            let start = text.len();
            if let Some(word) = words.get(row) {
                text.extend(quoted(word, self.delimiter));
            }
            let mut number = |number: std::fmt::Arguments<'_>| {
                if text.len() > start {
                    text.push(self.delimiter);
                }
                // Nothing fails that writes into memory.
                let _ = text.write_fmt(number);
            };
            match rows {
                Samples::Doubles { .. } => {
                    let values = rows.gather_doubles(&[row]);
                    values
                        .iter()
                        .for_each(|value| number(format_args!("{value}")));
                }
                Samples::Floats { .. } | Samples::Lent { .. } => {
                    let values = rows.gather(&[row]);
                    values
                        .iter()
                        .for_each(|value| number(format_args!("{value}")));
                }
                Samples::Bytes { width, values } => {
                    let values = &values[row * width..(row + 1) * width];
                    values
                        .iter()
                        .for_each(|value| number(format_args!("{value}")));
                }
            }
            text.push(b'\n');
        }
        Ok(self.target.write(&text)?)
    }

    fn finish(self: Box<Self>) -> Result<(), DataError> {
        Ok(self.target.finish()?)
    }
}

/// A field, in quotes where it holds what else would end it.
fn quoted(field: &str, delimiter: u8) -> Vec<u8> {
    let special = |byte: u8| byte == delimiter || matches!(byte, b'"' | b'\n' | b'\r');
    match field.bytes().any(special) {
        true => format!("\"{}\"", field.replace('"', "\"\"")).into_bytes(),
        false => field.as_bytes().to_vec(),
    }
}
