//! Compressed codes beside other compression of the same rows.

mod comparison;
mod pca;
mod pictures;
mod rival;
mod sheets;

pub use self::comparison::{Comparison, compare};
pub use self::rival::{Method, Rival};
