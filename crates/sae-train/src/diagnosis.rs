//! What is not a finite number, when, and what is to blame.

use sae_model::{Figures, Terms, term};

use crate::executor::Executor;
use crate::{Gradient, TrainError};

/// When something is looked at, and what was seen before.
pub(crate) struct Diagnosis<'a> {
    pub stage: &'a str,
    /// From 1.
    pub epoch: usize,
    /// In the epoch, from 1; nothing after its last.
    pub step: Option<usize>,
    pub learning_rate: f64,
    /// The terms of J when they were last seen, finite.
    pub before: Option<&'a Terms>,
}

/// Above such a rate no term is to blame for a divergence.
const ABSURD_RATE: f64 = 100.0;

impl Diagnosis<'_> {
    /// Refuses parameters that are not finite.
    pub(crate) fn parameters(
        &self,
        executor: &dyn Executor,
        parameters: &[f32],
    ) -> Result<(), TrainError> {
        let Some(place) = parameters.iter().position(|value| !value.is_finite()) else {
            return Ok(());
        };
        let what = format!("a parameter of {}", tensor_at(executor, place));
        Err(self.error(&what, self.heaviest(), f64::from(parameters[place])))
    }

    /// Refuses terms of J that are not finite; `on` says of which samples.
    pub(crate) fn figures(&self, figures: &Figures, on: &str) -> Result<(), TrainError> {
        match self.not_finite(figures) {
            Some((term, value)) => Err(self.error(&format!("{term}{on}"), term, value)),
            None => Ok(()),
        }
    }

    /// Refuses an update by `gradient` from `parameters`, where any of it is not finite.
    pub(crate) fn update(
        &self,
        executor: &dyn Executor,
        parameters: &[f32],
        gradient: &Gradient,
    ) -> Result<(), TrainError> {
        self.parameters(executor, parameters)?;
        let spoilt = gradient.values.iter().position(|value| !value.is_finite());
        let spoilt = spoilt.map(|place| (tensor_at(executor, place), gradient.values[place]));
        match (self.not_finite(&gradient.figures), spoilt) {
            (None, None) => Ok(()),
            (Some((term, value)), None) => Err(self.error(term, term, value)),
            (Some((term, value)), Some((tensor, slope))) => {
                let what = format!("the gradient of {tensor} is {slope} and {term}");
                Err(self.error(&what, term, value))
            }
            (None, Some((tensor, slope))) => {
                let term = heaviest(&gradient.figures.terms);
                let what = format!("the gradient of {tensor}, while {term} is most of J,");
                Err(self.error(&what, term, slope))
            }
        }
    }

    /// A step that an executor refused although every number is finite by itself.
    pub(crate) fn refused(&self) -> TrainError {
        self.error("the size of the gradient", self.heaviest(), f64::INFINITY)
    }

    /// A term that is not finite. Where several are, what weighed most before is to blame.
    fn not_finite<'f>(&self, figures: &'f Figures) -> Option<(&'f str, f64)> {
        let weight = |name: &str| {
            let before = self.before.and_then(|terms| terms.get(name));
            before.unwrap_or(0.0).abs()
        };
        let terms = figures.terms.iter().filter(|(_, value)| !value.is_finite());
        terms.reduce(|a, b| if weight(b.0) > weight(a.0) { b } else { a })
    }

    /// The term of J that weighed most when it was last seen.
    fn heaviest(&self) -> &str {
        self.before.map_or(term::RECONSTRUCTION, heaviest)
    }

    fn error(&self, what: &str, term: &str, value: f64) -> TrainError {
        let term = match self.learning_rate > ABSURD_RATE {
            true => term::RECONSTRUCTION,
            false => term,
        };
        TrainError::NonFinite {
            stage: self.stage.to_owned(),
            epoch: self.epoch,
            step: self.step,
            what: what.to_owned(),
            term: term.to_owned(),
            value,
            learning_rate: self.learning_rate,
        }
    }
}

/// The term that weighs most.
fn heaviest(terms: &Terms) -> &str {
    let heaviest = terms.iter().max_by(|a, b| a.1.abs().total_cmp(&b.1.abs()));
    heaviest.map_or(term::RECONSTRUCTION, |(name, _)| name)
}

/// The name of the tensor that a place in a flat vector belongs to.
fn tensor_at(executor: &dyn Executor, place: usize) -> &str {
    let mut end = 0;
    let mut tensors = executor.tensors().iter();
    let found = tensors.find(|tensor| {
        end += tensor.count;
        place < end
    });
    found.map_or("the model", |tensor| &tensor.name)
}
