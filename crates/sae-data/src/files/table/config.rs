//! The table `[data.table]`.

use sae_kernels::Setting;
use serde::{Deserialize, Deserializer, Serialize};

use crate::Samples;

/// How tables are read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TableConfig {
    /// Whether the first line holds the names of the columns, of text.
    pub header: Header,
    /// The character between fields, of text; "auto" looks at the first lines.
    pub delimiter: Delimiter,
    /// The column of labels: its name, or its number, from 1.
    #[serde(deserialize_with = "name_or_number")]
    pub label: String,
    /// Columns that are left out: names or numbers, from 1.
    pub ignore: Vec<String>,
    /// What stands for a missing value; nothing to refuse it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fill_missing: Option<f64>,
    /// Whether a column of words becomes a column of 0 and 1 for each of its words.
    pub one_hot: bool,
    /// Whether values are whole numbers from 0 to 255 and stand for v / 255, as pixels do.
    pub pixels: bool,
}

impl TableConfig {
    /// Checks what stands for missing values.
    ///
    /// # Errors
    ///
    /// Refuses what no value may be.
    pub fn check(&self) -> Result<(), Setting> {
        let expected = match self.pixels {
            true => "a whole number from 0 to 255, as pixels are",
            false => "a finite number, up to 3.4e38",
        };
        match self.fill_missing {
            Some(value) if !(value as f32).is_finite() || !self.takes(value) => {
                Err(Setting::new("fill_missing", value, expected))
            }
            _ => Ok(()),
        }
    }

    /// Rows of `width` values: pixels, where they are such.
    pub(in crate::files) fn samples(&self, width: usize, values: Vec<f64>) -> Samples {
        match self.pixels {
            true => Samples::Bytes {
                width,
                values: values.iter().map(|&value| value as u8).collect(),
            },
            false => Samples::Doubles { width, values },
        }
    }

    /// Whether a value is what the settings say of all, a pixel or any number.
    pub(in crate::files) fn takes(&self, value: f64) -> bool {
        !self.pixels || ((0.0..=255.0).contains(&value) && value.fract() == 0.0)
    }
}

/// Whether there is a line of names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Header {
    /// Where no field of the first line is a number.
    #[default]
    Auto,
    /// There is.
    Yes,
    /// There is none.
    No,
}

/// The character between fields.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Delimiter {
    /// Which of the others it is, the first lines tell.
    #[default]
    Auto,
    /// `,`
    Comma,
    /// `;`
    Semicolon,
    /// A tabulator.
    Tab,
    /// `|`
    Pipe,
    /// One space.
    Space,
}

impl Delimiter {
    pub(in crate::files) const KNOWN: [(Self, u8); 5] = [
        (Self::Comma, b','),
        (Self::Semicolon, b';'),
        (Self::Tab, b'\t'),
        (Self::Pipe, b'|'),
        (Self::Space, b' '),
    ];

    /// The byte; nothing for `auto`.
    pub(in crate::files) fn byte(self) -> Option<u8> {
        let known = Self::KNOWN.into_iter().find(|(name, _)| *name == self);
        known.map(|(_, byte)| byte)
    }
}

/// Reads `label = "species"` and `label = 5`.
fn name_or_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    struct NameOrNumber;

    impl serde::de::Visitor<'_> for NameOrNumber {
        type Value = String;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("the name of a column, or its number")
        }

        fn visit_str<E>(self, text: &str) -> Result<String, E> {
            Ok(text.to_owned())
        }

        fn visit_i64<E>(self, number: i64) -> Result<String, E> {
            Ok(number.to_string())
        }

        fn visit_u64<E>(self, number: u64) -> Result<String, E> {
            Ok(number.to_string())
        }
    }

    deserializer.deserialize_any(NameOrNumber)
}
