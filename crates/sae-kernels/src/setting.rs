//! Settings outside their ranges: one error, and one set of checks, for the whole workspace.

use std::borrow::Cow;

/// A setting that lies outside the range in which it makes sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} is {found}; expected {expected}")]
pub struct Setting {
    /// What was set.
    pub name: Cow<'static, str>,
    /// To what.
    pub found: String,
    /// What it may be.
    pub expected: Cow<'static, str>,
}

impl Setting {
    /// `name` was set to `found` instead of something `expected`.
    pub fn new(
        name: impl Into<Cow<'static, str>>,
        found: impl ToString,
        expected: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            name: name.into(),
            found: found.to_string(),
            expected: expected.into(),
        }
    }

    /// The same with the name of the table that it stands in before its own: `layers[0]` and `rho`
    /// become `layers[0].rho`.
    pub fn within(self, table: &str) -> Self {
        Self {
            name: format!("{table}.{}", self.name).into(),
            ..self
        }
    }
}

fn check(
    holds: bool,
    name: &'static str,
    found: impl ToString,
    expected: &'static str,
) -> Result<(), Setting> {
    match holds {
        true => Ok(()),
        false => Err(Setting::new(name, found, expected)),
    }
}

/// Wants a finite number above 0.
///
/// # Errors
///
/// Refuses anything else.
pub fn positive(name: &'static str, value: f64) -> Result<(), Setting> {
    let holds = value.is_finite() && value > 0.0;
    check(holds, name, value, "a finite number > 0")
}

/// Wants a finite number that is not below 0.
///
/// # Errors
///
/// Refuses anything else.
pub fn not_negative(name: &'static str, value: f64) -> Result<(), Setting> {
    let holds = value.is_finite() && value >= 0.0;
    check(holds, name, value, "a finite number >= 0")
}

/// Wants a rate of decay, in [0, 1).
///
/// # Errors
///
/// Refuses anything else.
pub fn rate(name: &'static str, value: f64) -> Result<(), Setting> {
    check(
        (0.0..1.0).contains(&value),
        name,
        value,
        "a number in [0, 1)",
    )
}

/// Wants at least 1.
///
/// # Errors
///
/// Refuses 0.
pub fn at_least_one(name: &'static str, value: usize) -> Result<(), Setting> {
    check(value >= 1, name, value, "at least 1")
}

/// The one of `all` that is written as `text`; `name` is that of the setting.
///
/// # Errors
///
/// Lists those there are.
pub fn named<T: Copy + ToString>(name: &'static str, text: &str, all: &[T]) -> Result<T, Setting> {
    let names: Vec<String> = all.iter().map(T::to_string).collect();
    let place = names.iter().position(|name| name == text);
    place
        .map(|place| all[place])
        .ok_or_else(|| Setting::new(name, text, format!("one of {}", names.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_end_where_they_say() {
        for (value, is_positive, is_not_negative, is_rate) in [
            (-1.0, false, false, false),
            (0.0, false, true, true),
            (0.5, true, true, true),
            (1.0, true, true, false),
            (f64::INFINITY, false, false, false),
            (f64::NAN, false, false, false),
        ] {
            assert_eq!(positive("x", value).is_ok(), is_positive);
            assert_eq!(not_negative("x", value).is_ok(), is_not_negative);
            assert_eq!(rate("x", value).is_ok(), is_rate);
        }
        assert!(at_least_one("x", 1).is_ok());
        let error = at_least_one("threads", 0).expect_err("0 is too few");
        assert_eq!(error.to_string(), "threads is 0; expected at least 1");
    }
}
