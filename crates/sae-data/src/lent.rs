//! Numbers that somebody else keeps.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// Numbers in single precision that lie elsewhere, for example in an array of another language, and are
/// read there: nothing is copied.
#[derive(Clone)]
pub struct Lent(Arc<dyn AsRef<[f32]> + Send + Sync>);

impl Lent {
    /// The numbers of `owner`, which is kept as long as anybody reads them.
    pub fn by(owner: impl AsRef<[f32]> + Send + Sync + 'static) -> Self {
        Self(Arc::new(owner))
    }
}

impl Deref for Lent {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        (*self.0).as_ref()
    }
}

impl PartialEq for Lent {
    fn eq(&self, other: &Self) -> bool {
        self[..] == other[..]
    }
}

impl fmt::Debug for Lent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self[..].fmt(f)
    }
}
