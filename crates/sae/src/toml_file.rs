//! From a TOML file and `--set` arguments to any value that serde can read, with errors that name
//! their place.
//!
//! Places are found in two steps: the key at which serde stopped, then the argument or line that
//! the user wrote for that key.

mod document;
#[cfg(test)]
mod tests;
mod words;

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use toml::{Table, Value};

use self::document::{
    beyond_toml, descend, document, key_at, long_array, offset_of, put, segments,
};
use self::words::{WHOLE_NUMBERS, explain, of_argument, range, syntax};
use sae_data::message::{shown, shown_path};

use crate::ConfigError;

/// A value with what is needed to say where its parts came from.
#[derive(Debug, Clone)]
pub struct Loaded<T> {
    /// The value.
    pub value: T,
    /// Where its parts came from.
    pub origin: Origin,
}

/// Where the values of a configuration came from.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    path: PathBuf,
    text: String,
    set: Vec<Assignment>,
}

/// One `key=value` argument.
#[derive(Debug, Clone)]
struct Assignment {
    key: Vec<String>,
    value: Value,
    argument: String,
}

/// Reads the file `path`, applies `set`, a list of `key=value`, in order, and then `prepare`.
///
/// # Errors
///
/// Refuses a file that cannot be read, text that is not TOML, unknown keys and values of the wrong
/// type, naming the line or the argument.
pub fn read<T: DeserializeOwned>(
    path: &Path,
    set: &[String],
    prepare: impl Fn(&mut Table),
) -> Result<Loaded<T>, ConfigError> {
    let refused = |message| syntax(shown_path(path), message);
    if path.is_dir() {
        return Err(refused("is a folder; expected a TOML file".to_owned()));
    }
    let bytes = std::fs::read(path).map_err(|source| ConfigError::Read {
        path: path.to_owned(),
        source,
    })?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        refused(format!("is not text in UTF-8 (at byte {offset})"))
    })?;
    parse(path, text, set, prepare)
}

/// As [`read`], of a file whose text is already there; `path` is for messages only.
///
/// # Errors
///
/// As [`read`].
pub fn parse<T: DeserializeOwned>(
    path: &Path,
    text: String,
    set: &[String],
    prepare: impl Fn(&mut Table),
) -> Result<Loaded<T>, ConfigError> {
    let mut origin = Origin {
        path: path.to_owned(),
        text,
        set: Vec::new(),
    };
    let mut table = origin.table()?;
    for argument in set {
        origin.set.push(assign(&mut table, argument)?);
    }
    prepare(&mut table);
    let table = Value::Table(table);
    match table.clone().try_into() {
        Ok(value) => Ok(Loaded { value, origin }),
        Err(error) => Err(origin.refuse::<T>(&table, &error)),
    }
}

/// Gives every `[layers.pretrain]` the keys of `[pretrain]` that it lacks.
pub fn inherit_pretrain(table: &mut Table) {
    let Some(Value::Table(shared)) = table.get("pretrain").cloned() else {
        return;
    };
    let Some(Value::Array(layers)) = table.get_mut("layers") else {
        return;
    };
    for layer in layers {
        if let Some(Value::Table(own)) = layer.get_mut("pretrain") {
            let merged = shared.clone().into_iter().chain(std::mem::take(own));
            *own = merged.collect();
        }
    }
}

/// The key from which [`inherit_pretrain`] takes the value of `key`.
fn inherited(key: &[String]) -> Option<&[String]> {
    match key {
        [layers, _, pretrain, _, ..] if layers == "layers" && pretrain == "pretrain" => {
            Some(&key[2..])
        }
        _ => None,
    }
}

impl Origin {
    /// The error of a value outside its range; `key` is dotted, for example `layers.0.rho`.
    pub fn range(&self, key: &str, found: impl ToString, expected: impl ToString) -> ConfigError {
        let key = segments(key);
        let written = self.written(&key);
        range(self.place(written), written, found, expected)
    }

    /// The text as a table.
    fn table(&self) -> Result<Table, ConfigError> {
        let wrong = |error: toml::de::Error| {
            let span = error.span().unwrap_or_default();
            let message = match error.message() {
                "duplicate key" => {
                    let key = self.text.get(span.clone()).unwrap_or_default();
                    format!("duplicate key `{}`", shown(key))
                }
                message => shown(message),
            };
            syntax(self.line(Some(span.start)), message)
        };
        let document = document(&self.text).map_err(wrong)?;
        if let Some((key, found)) = beyond_toml(&document) {
            return Err(range(self.place(&key), &key, found, WHOLE_NUMBERS));
        }
        toml::from_str(&self.text).map_err(|error| {
            let key = key_at(&self.text, error.span());
            explain(self.place(&key), &key, None, error.message())
        })
    }

    /// The error of a `table` that is no `T`; `error` is what serde says of it.
    ///
    /// A table has no positions, so its text is read to find the key. Read from text, arrays may
    /// be too long; then the error of the table is used.
    fn refuse<T: DeserializeOwned>(&self, table: &Value, error: &toml::de::Error) -> ConfigError {
        let text = toml::to_string(table).unwrap_or_default();
        let (key, message) = match toml::from_str::<T>(&text) {
            Err(error) => (key_at(&text, error.span()), error.message().to_owned()),
            Ok(_) => (
                long_array(&text, error).unwrap_or_default(),
                error.message().to_owned(),
            ),
        };
        let written = self.written(&key);
        explain(
            self.place(written),
            written,
            descend(table, &key),
            message.trim(),
        )
    }

    /// The key under which the user wrote the value of `key`.
    fn written<'a>(&self, key: &'a [String]) -> &'a [String] {
        match inherited(key) {
            Some(shared)
                if self.argument(key).is_none() && offset_of(&self.text, key).is_none() =>
            {
                shared
            }
            _ => key,
        }
    }

    /// The argument or line that set `key`, or the file where it has its default.
    fn place(&self, key: &[String]) -> String {
        let offset = offset_of(&self.text, key);
        let below = |set: &&Assignment| offset.is_none() && set.key.starts_with(key);
        match self.argument(key).or(self.set.iter().rev().find(below)) {
            Some(set) if !key.is_empty() => of_argument(&set.argument),
            _ => self.line(offset),
        }
    }

    /// The last argument that set `key`.
    fn argument(&self, key: &[String]) -> Option<&Assignment> {
        self.set.iter().rev().find(|set| {
            key.strip_prefix(set.key.as_slice())
                .is_some_and(|rest| descend(&set.value, rest).is_some())
        })
    }

    fn line(&self, offset: Option<usize>) -> String {
        let path = shown_path(&self.path);
        match offset {
            None => path,
            Some(offset) => {
                let before = &self.text.as_bytes()[..offset.min(self.text.len())];
                let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
                format!("{path}:{line}")
            }
        }
    }
}

/// Applies one argument to `table`.
fn assign(table: &mut Table, argument: &str) -> Result<Assignment, ConfigError> {
    // Every name is a table in a table, and these are walked by recursion.
    const DEEPEST: usize = 16;
    let wrong = |message: String| syntax(of_argument(argument), message);
    let malformed = || wrong("expected KEY=VALUE on one line".to_owned());
    let (name, text) = argument.split_once('=').ok_or_else(malformed)?;
    let key = segments(name);
    let odd = key.len() > DEEPEST || key.iter().any(String::is_empty);
    if odd || argument.contains(char::is_control) {
        return Err(malformed());
    }
    let value = literal(&key, text, argument)?;
    put(table, &key, value.clone()).map_err(wrong)?;
    Ok(Assignment {
        key,
        value,
        argument: argument.to_owned(),
    })
}

/// A TOML value; what is not one is a string, so that quotes are not needed in a shell.
fn literal(key: &[String], text: &str, argument: &str) -> Result<Value, ConfigError> {
    let line = format!("value = {text}");
    let Ok(parsed) = document(&line) else {
        return Ok(Value::String(text.to_owned()));
    };
    if let Some((inner, found)) = beyond_toml(&parsed) {
        let key = [key, &inner[1..]].concat();
        return Err(range(of_argument(argument), &key, found, WHOLE_NUMBERS));
    }
    let wrong = |error: toml::de::Error| syntax(of_argument(argument), shown(error.message()));
    let mut table: Table = toml::from_str(&line).map_err(wrong)?;
    Ok(table
        .remove("value")
        .unwrap_or_else(|| Value::String(text.to_owned())))
}
