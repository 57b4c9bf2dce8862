//! Fitting a scaling on training samples.

use super::axes::Axes;
use super::statistics::Statistics;
use super::{Linear, Per, Scaling, ScalingConfig, ScalingKind, Truncation, for_chunks};
use crate::{DataError, Inputs};

impl ScalingConfig {
    /// Fits the scaling on `samples`; nothing where samples stay as they are.
    ///
    /// # Errors
    ///
    /// As [`ScalingConfig::check`]; refuses samples that are none or not finite, more components
    /// than inputs, and inputs that have no variance in some direction where ε is 0; fails where they cannot
    /// be read.
    pub fn fit<'a>(&self, samples: impl Into<Inputs<'a>>) -> Result<Option<Scaling>, DataError> {
        self.check()?;
        if self.is_identity() {
            return Ok(None);
        }
        let samples = &samples.into();
        check_samples(samples)?;
        let width = samples.width();
        let per = match self.kind {
            ScalingKind::MinMax | ScalingKind::Standardise => self.per,
            _ => Per::Input,
        };
        let statistics = Statistics::of(samples, self.remove_dc, per)?;
        let mut scaling = Scaling {
            remove_dc: self.remove_dc,
            offset: vec![0.0; width],
            linear: Linear::Factors(vec![1.0; width]),
            shift: 0.0,
            truncation: None,
        };
        let varies = statistics.varies();
        match self.kind {
            ScalingKind::None => {}
            ScalingKind::MinMax => {
                scaling.linear = statistics.factors(&statistics.spans(), self.high - self.low);
                scaling.offset = statistics.least;
                scaling.shift = self.low;
            }
            ScalingKind::Standardise => {
                let deviations = statistics.deviations(samples, self.remove_dc, per)?;
                scaling.linear = statistics.factors(&deviations, 1.0);
                scaling.offset = statistics.mean;
            }
            ScalingKind::Zca => {
                scaling.offset = statistics.mean;
                let all = (self.epsilon, width);
                scaling.linear = Axes::of(&scaling, samples, all, statistics.rounding)?.zca();
            }
            ScalingKind::Pca => {
                scaling.offset = statistics.mean;
                let kept = match self.components {
                    0 => width,
                    components => components,
                };
                let kept = (self.epsilon, kept);
                scaling.linear = Axes::of(&scaling, samples, kept, statistics.rounding)?.pca();
            }
        }
        if self.truncate {
            scaling.truncation = Some(match varies {
                true => truncation(&scaling, samples)?,
                false => untouched(&scaling, samples)?,
            });
        }
        Ok(Some(scaling))
    }
}

fn check_samples(samples: &Inputs<'_>) -> Result<(), DataError> {
    let refuse = |found: String, expected: &str| {
        let expected = expected.to_owned();
        Err(DataError::Unsuitable { found, expected })
    };
    if samples.rows() == 0 {
        return refuse("there are no samples".to_owned(), "at least one");
    }
    // Those of a store were looked at when they were read.
    let Inputs::Memory(samples) = samples else {
        return Ok(());
    };
    match samples.first_not_finite() {
        Some((row, input)) => refuse(
            format!("input {input} of sample {row} (counted from 0) is NaN or infinite"),
            "finite numbers",
        ),
        None => Ok(()),
    }
}

/// ±3σ around the mean of all values, which vary; σ with R·N − 1 in the denominator, as MATLAB's
/// `std`.
fn truncation(scaling: &Scaling, samples: &Inputs<'_>) -> Result<Truncation, DataError> {
    let mut sum = 0.0;
    for_chunks(samples, |values| {
        sum += scaling.scaled(values).iter().sum::<f64>();
    })?;
    let count = (samples.rows() * scaling.outputs()) as f64;
    let centre = sum / count;
    let mut squares = 0.0;
    for_chunks(samples, |values| {
        let scaled = scaling.scaled(values);
        squares += scaled.iter().map(|v| (v - centre).powi(2)).sum::<f64>();
    })?;
    let deviation = (squares / (count - 1.0).max(1.0)).sqrt();
    Ok(Truncation {
        centre,
        radius: 3.0 * deviation,
    })
}

/// Where nothing varies there is nothing to truncate: ±1 around the value that there is.
fn untouched(scaling: &Scaling, samples: &Inputs<'_>) -> Result<Truncation, DataError> {
    let first = samples.gather(&[0])?;
    Ok(Truncation {
        centre: scaling.scaled(first.gather_doubles(&[0]))[0],
        radius: 1.0,
    })
}
