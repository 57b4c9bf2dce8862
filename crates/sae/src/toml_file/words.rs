//! What serde says, in words that need no knowledge of Rust.

use toml::Value;

use super::document::pretty;
use sae_data::message::{escaped, shown};

use crate::ConfigError;

/// The error that serde's `message` stands for, in words that need no knowledge of Rust.
pub(super) fn explain(
    place: String,
    key: &[String],
    found: Option<&Value>,
    message: &str,
) -> ConfigError {
    let name = pretty(key);
    let (said, expected) = message.rsplit_once(", expected ").unwrap_or((message, ""));
    let last = key.last().map_or("", String::as_str);
    match found {
        _ if said.starts_with("unknown field") => syntax(place, unknown("key", last, expected)),
        Some(Value::String(value)) if said.starts_with("unknown variant") => {
            let unknown = unknown("value", value, expected);
            syntax(place, format!("{name}: {unknown}"))
        }
        Some(value) if said.starts_with("invalid ") => {
            let expected = match (value, expected) {
                (Value::Table(_), "a sequence") => {
                    format!("an array; write `[[{last}]]` for a list of tables")
                }
                _ => in_words(expected),
            };
            range(place, key, kind(value), expected)
        }
        Some(value) if said.starts_with("wanted ") => range(place, key, kind(value), "a string"),
        _ => {
            let message = match message.strip_prefix("missing field") {
                Some(field) => format!("missing key{field}"),
                None => escaped(message),
            };
            let of_key = if key.is_empty() { "" } else { ": " };
            syntax(place, format!("{name}{of_key}{message}"))
        }
    }
}

/// A value for a message.
fn kind(value: &Value) -> String {
    match value {
        Value::Table(_) => "a table".to_owned(),
        Value::Array(array) => format!("an array of {}", array.len()),
        // Quoted as in the file.
        other => other.to_string(),
    }
}

/// What serde expects, without the names of Rust's types.
fn in_words(expected: &str) -> String {
    let words = match expected {
        "u64" | "usize" => "a whole number >= 0",
        "u32" => "a whole number from 0 to 4294967295",
        "u16" => "a whole number from 0 to 65535",
        "u8" => "a whole number from 0 to 255",
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "f32" | "f64" => "a number",
        "a boolean" => "true or false",
        "a sequence" => "an array",
        "a map" => "a table",
        "fewer elements in array" => "fewer values",
        _ if expected.starts_with("struct ") => "a table",
        _ => expected,
    };
    words.to_owned()
}

/// An unknown key or value with the nearest of the `known` ones, which serde quotes.
fn unknown(what: &str, found: &str, known: &str) -> String {
    let known: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
    let found = shown(found);
    let nearest = known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(&found, name), name))
        .min();
    let hint = match nearest {
        Some((distance, name)) if distance <= name.len().max(3) / 2 => {
            format!("; did you mean `{name}`?")
        }
        _ => String::new(),
    };
    format!(
        "unknown {what} `{found}`{hint} (known: {})",
        known.join(", ")
    )
}

/// The whole numbers that TOML can hold, without the negative ones, which no key takes.
pub(super) const WHOLE_NUMBERS: &str = "0 to 9223372036854775807";

/// The error of a value of the wrong type or outside its range.
pub(super) fn range(
    place: String,
    key: &[String],
    found: impl ToString,
    expected: impl ToString,
) -> ConfigError {
    ConfigError::Range {
        place,
        key: pretty(key),
        found: shown(&found.to_string()),
        expected: expected.to_string(),
    }
}

/// The error of anything else.
pub(super) fn syntax(place: String, message: String) -> ConfigError {
    ConfigError::Syntax { place, message }
}

/// The place of a `--set` argument.
pub(super) fn of_argument(argument: &str) -> String {
    format!("--set {}", shown(argument))
}
