//! Compressed codes beside other compression of the same rows.

mod comparison;
mod pca;
mod pictures;
mod sheets;

pub use self::comparison::{Comparison, Method, Rival, compare};
