//! The long vectors of a state, so that they can be kept apart from the rest.

/// A vector of a state.
#[derive(Debug)]
pub enum VectorMut<'a> {
    /// In single precision.
    Single(&'a mut Vec<f32>),
    /// In double precision.
    Double(&'a mut Vec<f64>),
}
