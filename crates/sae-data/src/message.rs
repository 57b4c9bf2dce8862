//! What is not ours to choose, as a message may show it.

use std::path::Path;

/// A key or value as a message may show it: at most 80 characters, none of which a terminal obeys.
pub fn shown(text: &str) -> String {
    const LONGEST: usize = 80;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => escaped(&text[..end]) + "…",
        None => escaped(text),
    }
}

/// A path as a message may show it; never cut, since it says where to look.
pub fn shown_path(path: &Path) -> String {
    escaped(&path.display().to_string())
}

/// Text with its control characters written out.
pub fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_control() {
            true => safe.extend(c.escape_unicode()),
            false => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_short_and_harmless() {
        assert_eq!(shown("layers[0].rho = 'ü'"), "layers[0].rho = 'ü'");
        assert_eq!(shown("a\u{1b}[31m\n"), "a\\u{1b}[31m\\u{a}");
        assert_eq!(shown(&"é".repeat(80)), "é".repeat(80));
        assert_eq!(shown(&"é".repeat(1_000_000)), "é".repeat(80) + "…");
        assert_eq!(shown_path(Path::new("a\rb")), "a\\u{d}b");
    }
}
