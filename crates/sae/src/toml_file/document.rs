//! Walking documents and tables by keys.

use std::ops::Range;

use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use sae_data::message::shown;

/// A value of a document.
struct Node<'a> {
    key: Vec<String>,
    /// Where its name stands; items of an array have none but themselves.
    name: Range<usize>,
    value: &'a Spanned<DeValue<'a>>,
}

/// The tables, values and positions of `text`.
pub(super) fn document(text: &str) -> Result<DeValue<'_>, toml::de::Error> {
    DeTable::parse(text).map(|table| DeValue::Table(table.into_inner()))
}

/// All values in `value`, outer ones first; `parent` is its own key.
fn nodes<'a>(parent: &[String], value: &'a DeValue<'a>) -> Vec<Node<'a>> {
    let node = |last: String, name, value| Node {
        key: [parent, &[last]].concat(),
        name,
        value,
    };
    let children: Vec<Node<'_>> = match value {
        DeValue::Table(table) => table
            .iter()
            .map(|(name, value)| node(name.get_ref().to_string(), name.span(), value))
            .collect(),
        DeValue::Array(array) => (0..)
            .zip(array.iter())
            .map(|(index, item): (usize, _)| node(index.to_string(), item.span(), item))
            .collect(),
        _ => Vec::new(),
    };
    let with_inner = |child: Node<'a>| {
        let inner = nodes(&child.key, child.value.get_ref());
        std::iter::once(child).chain(inner)
    };
    children.into_iter().flat_map(with_inner).collect()
}

/// The key at which serde stopped in `text`.
pub(super) fn key_at(text: &str, span: Option<Range<usize>>) -> Vec<String> {
    let (Ok(document), Some(span)) = (document(text), span) else {
        return Vec::new();
    };
    let here = |node: &Node<'_>| node.name == span || node.value.span() == span;
    // A list of tables begins where its first table does; the table is meant.
    let node = nodes(&[], &document).into_iter().rfind(here);
    node.map(|node| node.key).unwrap_or_default()
}

/// The byte at which `key` stands in `text`.
pub(super) fn offset_of(text: &str, key: &[String]) -> Option<usize> {
    let document = document(text).ok()?;
    let node = nodes(&[], &document)
        .into_iter()
        .find(|node| node.key == key)?;
    Some(node.name.start)
}

/// The key of the array in `text` that is too long, of which serde tells the length and the names
/// without the numbers in between.
pub(super) fn long_array(text: &str, error: &toml::de::Error) -> Option<Vec<String>> {
    let said = error.to_string();
    let (_, names) = said.trim_end().trim_end_matches('`').rsplit_once("in `")?;
    let document = document(text).ok()?;
    let found = nodes(&[], &document).into_iter().find(|node| {
        let Some(array) = node.value.get_ref().as_array() else {
            return false;
        };
        let named = node.key.iter().map(String::as_str);
        named.filter(|name| !is_number(name)).eq(names.split('.'))
            && said.starts_with(&format!("invalid length {},", array.len()))
    })?;
    Some(found.key)
}

/// The first whole number that TOML cannot hold, with its key.
pub(super) fn beyond_toml(document: &DeValue<'_>) -> Option<(Vec<String>, String)> {
    nodes(&[], document).into_iter().find_map(|node| {
        let number = node.value.get_ref().as_integer()?;
        let fits = i64::from_str_radix(number.as_str(), number.radix()).is_ok();
        (!fits).then(|| (node.key, number.to_string()))
    })
}

/// Splits `layers[0].rho` or `layers.0.rho` into its names.
pub(super) fn segments(key: &str) -> Vec<String> {
    key.replace('[', ".")
        .replace(']', "")
        .split('.')
        .map(|name| name.trim().to_owned())
        .collect()
}

fn is_number(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_digit())
}

/// The names of a key as `layers[0].rho`.
pub(super) fn pretty(key: &[String]) -> String {
    let mut text = String::new();
    for name in key {
        if is_number(name) {
            text.push_str(&format!("[{name}]"));
        } else {
            if !text.is_empty() {
                text.push('.');
            }
            text.push_str(name);
        }
    }
    shown(&text)
}

/// Makes `value` that of `key`, with the tables that it lies in.
pub(super) fn put(table: &mut Table, key: &[String], value: Value) -> Result<(), String> {
    let empty = || Value::Table(Table::new());
    let mut place = table.entry(key[0].clone()).or_insert_with(empty);
    for depth in 1..key.len() {
        let name = &key[depth];
        place = match place {
            Value::Table(table) => table.entry(name.clone()).or_insert_with(empty),
            Value::Array(array) => {
                let length = array.len();
                let item = name.parse().ok().and_then(|i: usize| array.get_mut(i));
                item.ok_or_else(|| {
                    let key = pretty(&key[..=depth]);
                    format!("{key} does not exist; there are {length}, counted from 0")
                })?
            }
            _ => return Err(format!("{} is not a table", pretty(&key[..depth]))),
        };
    }
    *place = value;
    Ok(())
}

/// The value of `key` in `value`.
pub(super) fn descend<'a>(value: &'a Value, key: &[String]) -> Option<&'a Value> {
    key.iter().try_fold(value, |value, name| match value {
        Value::Table(table) => table.get(name),
        Value::Array(array) => array.get(name.parse::<usize>().ok()?),
        _ => None,
    })
}
