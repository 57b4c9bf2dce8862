//! What the columns of a table are for, in whatever format.

mod columns;
mod config;
mod fields;

pub use config::{Delimiter, Header, TableConfig};

pub(super) use columns::{Columns, Input, Vocabulary, Words};
pub(super) use fields::{is_missing, number};
