//! Numbers that are mapped as they are read.

/// v ↦ (v − offset)·factor + shift in double precision, rounded to single at the end; each column has an
/// offset and a factor.
#[derive(Debug, Clone, Copy)]
pub struct Affine<'a> {
    /// What is taken from each column.
    pub offsets: &'a [f64],
    /// By what it is then multiplied.
    pub factors: &'a [f64],
    /// What is added to all at last.
    pub shift: f64,
}

impl Affine<'_> {
    /// Maps values of neighbouring columns, of which `first` is the first; `exact` is a value in double
    /// precision. Compiled for the instructions of who calls it.
    #[inline(always)]
    pub fn map<T: Copy>(
        &self,
        first: usize,
        values: &[T],
        exact: impl Fn(T) -> f64,
        mapped: &mut [f32],
    ) {
        let terms = self.offsets[first..].iter().zip(&self.factors[first..]);
        for ((place, &value), (offset, factor)) in mapped.iter_mut().zip(values).zip(terms) {
            *place = ((exact(value) - offset) * factor + self.shift) as f32;
        }
    }
}
