//! What a field holds.

/// What counts as missing, besides a field that is empty.
const MISSING: [&[u8]; 8] = [
    b"NA", b"N/A", b"NaN", b"nan", b"NAN", b"null", b"NULL", b"None",
];

/// Whether a field says that there is no value.
pub(in crate::files) fn is_missing(field: &[u8]) -> bool {
    let field = field.trim_ascii();
    field.is_empty() || MISSING.contains(&field)
}

/// The number that a field is, infinite where it is too large; nothing for words and for what is
/// missing.
pub(in crate::files) fn number(field: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(field.trim_ascii()).ok()?;
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    // Rust would read `inf` and `nan` as well, which are words here.
    let plain = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    plain.then(|| text.parse().ok())?
}
