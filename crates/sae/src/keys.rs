//! The keys of a configuration, one by one.

use std::collections::BTreeMap;

use toml::Value;

/// The path of each value of a configuration, for example `layers.0.rho`, with the value as TOML.
///
/// # Errors
///
/// Refuses a text that is no TOML.
pub(crate) fn keys_of(text: &str) -> Result<BTreeMap<String, String>, toml::de::Error> {
    let mut keys = BTreeMap::new();
    flatten("", &toml::from_str(text)?, &mut keys);
    Ok(keys)
}

fn flatten(path: &str, value: &Value, keys: &mut BTreeMap<String, String>) {
    let below = |key: &str| match path.is_empty() {
        true => key.to_owned(),
        false => format!("{path}.{key}"),
    };
    match value {
        Value::Table(table) => {
            let entries = table.iter();
            entries.for_each(|(key, value)| flatten(&below(key), value, keys));
        }
        Value::Array(values) if values.iter().any(Value::is_table) => {
            let numbered = values.iter().enumerate();
            numbered.for_each(|(k, value)| flatten(&below(&k.to_string()), value, keys));
        }
        other => {
            keys.insert(path.to_owned(), other.to_string());
        }
    }
}
