//! The order of names with numbers in them.

/// What to sort names by so that `run-2` comes before `run-10`.
pub fn natural_order(name: &str) -> impl Ord + use<> {
    parts(name)
}

/// The parts of a name, in which numbers are such: digits without leading zeros, by their count.
fn parts(name: &str) -> Vec<(String, usize, String)> {
    let mut parts: Vec<(String, usize, String)> = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let words = rest
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(rest.len());
        let (word, after) = rest.split_at(words);
        let digits = after
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(after.len());
        let (number, after) = after.split_at(digits);
        let number = number.trim_start_matches('0');
        parts.push((word.to_owned(), number.len(), number.to_owned()));
        rest = after;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_count_as_such() {
        let mut names = ["run-10", "run", "run-9a", "run-2", "ruin-99", "run-009"];
        names.sort_by_key(|name| natural_order(name));
        assert_eq!(
            names,
            ["ruin-99", "run", "run-2", "run-009", "run-9a", "run-10"]
        );
    }
}
