//! A device that is lost in the middle of a run.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use sae_train::TrainError;

use crate::{Backend, Error};

/// Does the work of a run on a backend. Most drivers of GPUs know no errors: where the device is lost, or refuses,
/// they panic. That is an error here, and the run's last checkpoint stays what it was. Whatever the work had under way is
/// dropped. On the CPU a panic is a fault of this program, and stays one.
///
/// # Errors
///
/// Those of the work; [`Error::DeviceLost`].
pub(crate) fn unless_lost<T>(
    backend: Backend,
    run: &Path,
    work: impl FnOnce() -> Result<T, Error>,
) -> Result<T, Error> {
    if !backend.is_gpu() {
        return work();
    }
    on_device(work).unwrap_or_else(|problem| {
        Err(Error::DeviceLost {
            run: run.to_owned(),
            backend: backend.name(),
            problem,
        })
    })
}

/// What comes of work on a device, or what the device says that fails in it.
pub(crate) fn on_device<T>(
    work: impl FnOnce() -> Result<T, Error>,
) -> Result<Result<T, Error>, String> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Err(Error::Train(TrainError::Device(problem)))) => Err(first_line(&problem).to_owned()),
        Ok(done) => Ok(done),
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
            let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
            let text = text.unwrap_or_else(|| "its driver does not say why".to_owned());
            Err(first_line(&text).to_owned())
        }
    }
}

/// The first that says something.
fn first_line(text: &str) -> &str {
    let mut lines = text.lines().map(str::trim);
    lines.find(|line| !line.is_empty()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_of_a_driver_is_an_error_that_says_how_to_go_on() {
        let lost = |message: &'static str| {
            unless_lost::<()>(Backend::Wgpu, Path::new("runs/a"), || panic!("{message}"))
        };
        let error = lost("\n  Device lost\nbacktrace").unwrap_err();
        let expected = "backend wgpu: the device failed (Device lost); ";
        assert!(error.to_string().starts_with(expected), "{error}");
        assert!(error.to_string().contains("`sae resume runs/a`"), "{error}");
        assert!(!error.is_input());
        let told = unless_lost::<()>(Backend::Wgpu, Path::new("runs/a"), || {
            Err(TrainError::Device("Device lost".to_owned()).into())
        });
        assert_eq!(told.unwrap_err().to_string(), error.to_string());
        let fine = unless_lost(Backend::Wgpu, Path::new("a"), || Ok(3));
        assert_eq!(fine.unwrap(), 3);
    }

    #[test]
    #[should_panic(expected = "a fault")]
    fn on_the_cpu_a_panic_stays_one() {
        let _ = unless_lost::<()>(Backend::Flex, Path::new("a"), || panic!("a fault"));
    }
}
