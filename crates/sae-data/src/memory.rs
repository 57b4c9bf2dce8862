//! How much memory there is, so that what cannot fit is refused instead of tried.

use std::fmt::Display;
use std::path::Path;

use sae_kernels::Setting;

use crate::DataError;

/// Refuses the value `found` of the setting `name` where it asks for more memory than there is;
/// `what` says what needs the bytes, in the plural: "10 images of 30 x 30".
///
/// # Errors
///
/// Says how much is needed and how much there is.
pub fn check(
    name: &'static str,
    found: impl Display,
    what: impl Display,
    bytes: u128,
) -> Result<(), Setting> {
    let available = available();
    if bytes <= available {
        return Ok(());
    }
    let expected = format!(
        "at most what fits in memory: {what} need {}, this machine has {}",
        gibibytes(bytes),
        gibibytes(available)
    );
    Err(Setting::new(name, found, expected))
}

/// The bytes that can be had without swapping; where the system does not say, as many as there can
/// be addresses.
pub fn available() -> u128 {
    let addresses = isize::MAX as u128;
    let system = std::fs::read_to_string("/proc/meminfo").ok();
    let bytes = system.as_deref().and_then(available_in);
    bytes.map_or(addresses, |bytes| bytes.min(addresses))
}

/// How many labels half of what is free can hold.
pub(crate) fn most_labels() -> usize {
    // Their texts are short, and each is a block of memory of its own.
    const LABEL: usize = size_of::<String>() + 32;
    usize::try_from(available() / 2 / LABEL as u128).unwrap_or(usize::MAX)
}

/// Refuses `count` labels where there is no room for them.
pub(crate) fn check_labels(path: &Path, count: usize) -> Result<(), DataError> {
    match count <= most_labels() {
        true => Ok(()),
        false => Err(too_many_labels(path, count)),
    }
}

/// There are `count` labels or more.
pub(crate) fn too_many_labels(path: &Path, count: usize) -> DataError {
    let free = gibibytes(available());
    let expected = format!("labels that fit in memory, of which {free} are free");
    DataError::format(path, format!("holds {count} labels"), expected)
}

/// `MemAvailable` of the text of `/proc/meminfo`, in bytes.
fn available_in(text: &str) -> Option<u128> {
    let line = text.lines().find_map(|l| l.strip_prefix("MemAvailable:"))?;
    let kibibytes: u128 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(1024 * kibibytes)
}

/// An amount of memory in words.
pub fn gibibytes(bytes: u128) -> String {
    let amount = bytes as f64 / 2f64.powi(30);
    match amount < 1e6 {
        true => format!("{amount:.1} GiB"),
        false => format!("{amount:.1e} GiB"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_fit_is_refused() {
        check("hidden", 3, "3 units", 1024).unwrap();
        let huge = check("hidden", 9, "9 units", u128::MAX).unwrap_err();
        let message = huge.to_string();
        assert!(
            message.starts_with("hidden is 9; expected at most what fits in memory: 9 units need"),
            "{message}"
        );
        assert!(
            message.contains("3.2e29 GiB, this machine has"),
            "{message}"
        );
    }

    #[test]
    fn the_systems_figure_is_read() {
        let text = "MemTotal:  9 kB\nMemAvailable:    2097152 kB\nBuffers: 1 kB\n";
        assert_eq!(available_in(text).map(gibibytes).unwrap(), "2.0 GiB");
        assert_eq!(available_in("MemTotal: 9 kB\n"), None);
    }
}
