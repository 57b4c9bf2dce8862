//! What rows are read for.

/// What rows are read for.
#[derive(Debug, Clone, Copy)]
pub enum Purpose<'a> {
    /// To train a model or evaluate it: all that the settings name must be there.
    Training,
    /// To be given to a model whose inputs have these names, if any: what the settings name besides may
    /// be missing, as labels are.
    Model(&'a [String]),
}
