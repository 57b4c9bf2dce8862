//! The objective over all samples, in chunks of bounded memory.
//!
//! The whole objective is the mean of the chunks' objectives, weighted by their rows, once every
//! chunk uses the ρ̂ of the whole. That takes the note's three passes: forward over all chunks for
//! ρ̂, then forward and backward over each. Chunks are summed in their order, so that the result
//! does not depend on the number of threads, and on the chunk size only through rounding.

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use sae_model::{Gradient, GradientRule, Objective, Value};

use crate::{Source, TrainError};

/// J, its terms and its gradient over all samples of `source`, `chunk` rows at a time.
///
/// # Errors
///
/// Refuses an empty source; passes on what the source refuses.
pub fn full_gradient<O: Objective, S: Source<Batch = O::Batch>>(
    objective: &O,
    rule: GradientRule,
    model: &O::Model,
    source: &S,
    chunk: usize,
) -> Result<Gradient, TrainError> {
    let mut sum = WeightedSum::new(model);
    for_each_chunk(objective, model, source, chunk, |batch, weight| {
        let gradient = rule.gradient(objective, model, &batch);
        sum.add(gradient, weight);
    })?;
    sum.into_gradient()
}

/// J and its terms over all samples of `source`, `chunk` rows at a time.
///
/// # Errors
///
/// As [`full_gradient`].
pub fn full_value<O: Objective, S: Source<Batch = O::Batch>>(
    objective: &O,
    model: &O::Model,
    source: &S,
    chunk: usize,
) -> Result<Value, TrainError> {
    let model = model.valid();
    let mut sum: Option<Value> = None;
    for_each_chunk(objective, &model, source, chunk, |batch, weight| {
        let value = scaled(objective.value(&model, &batch), weight);
        sum = Some(match sum.take() {
            None => value,
            Some(before) => plus(before, value),
        });
    })?;
    sum.ok_or_else(no_samples)
}

/// The mean activation of each hidden unit over all samples, `[1, hidden]`; nothing where the
/// objective does not depend on it.
///
/// # Errors
///
/// Passes on what the source refuses.
pub fn full_rho_hat<O: Objective, S: Source<Batch = O::Batch>>(
    objective: &O,
    model: &O::Model,
    source: &S,
    chunk: usize,
) -> Result<Option<Tensor<2>>, TrainError> {
    let means = chunk_means(objective, model, source, chunk)?;
    Ok(means.map(|means| means.whole))
}

/// The mean activations of each chunk and of all samples, `[1, hidden]` each.
struct Means {
    of_chunks: Vec<Tensor<2>>,
    whole: Tensor<2>,
}

/// One pass forward; nothing where the objective does not depend on ρ̂.
fn chunk_means<O: Objective, S: Source<Batch = O::Batch>>(
    objective: &O,
    model: &O::Model,
    source: &S,
    chunk: usize,
) -> Result<Option<Means>, TrainError> {
    let mut means: Option<Means> = None;
    for (rows, weight) in chunks(source.rows(), chunk) {
        let Some(own) = objective.rho_hat(model, &source.batch(&rows)?) else {
            return Ok(None);
        };
        let share = own.clone().mul_scalar(weight);
        means = Some(match means.take() {
            None => Means {
                of_chunks: vec![own],
                whole: share,
            },
            Some(mut means) => {
                means.of_chunks.push(own);
                means.whole = means.whole + share;
                means
            }
        });
    }
    Ok(means)
}

/// Rows that are processed at once where nothing else is asked for.
pub const CHUNK: usize = 4096;

/// The rows of each chunk, with their share of all rows.
fn chunks(rows: usize, chunk: usize) -> impl Iterator<Item = (Vec<usize>, f64)> {
    let chunk = chunk.max(1);
    (0..rows).step_by(chunk).map(move |first| {
        let last = (first + chunk).min(rows);
        let share = (last - first) as f64 / rows as f64;
        ((first..last).collect(), share)
    })
}

/// Calls `visit` with every chunk, which knows the ρ̂ of the whole, and its weight.
fn for_each_chunk<O: Objective, S: Source<Batch = O::Batch>>(
    objective: &O,
    model: &O::Model,
    source: &S,
    chunk: usize,
    mut visit: impl FnMut(O::Batch, f64),
) -> Result<(), TrainError> {
    // A single chunk is the whole: its own ρ̂ is the right one.
    let means = match source.rows() <= chunk {
        true => None,
        false => chunk_means(objective, model, source, chunk)?,
    };
    for (number, (rows, weight)) in chunks(source.rows(), chunk).enumerate() {
        let batch = source.batch(&rows)?;
        let batch = match &means {
            Some(Means { of_chunks, whole }) => {
                let offset = whole.clone() - of_chunks[number].clone();
                objective.with_rho_hat_offset(batch, offset)
            }
            None => batch,
        };
        visit(batch, weight);
    }
    Ok(())
}

pub(crate) fn scaled(value: Value, weight: f64) -> Value {
    Value {
        terms: value.terms.mul_scalar(weight),
        statistic: value.statistic.mul_scalar(weight),
    }
}

pub(crate) fn plus(a: Value, b: Value) -> Value {
    Value {
        terms: a.terms + b.terms,
        statistic: a.statistic + b.statistic,
    }
}

fn no_samples() -> TrainError {
    TrainError::NoSamples {
        stage: "full batch".to_owned(),
    }
}

/// A weighted sum of gradients of one model.
struct WeightedSum<'a, M> {
    model: &'a M,
    sum: Option<Gradient>,
}

impl<'a, M: Module> WeightedSum<'a, M> {
    fn new(model: &'a M) -> Self {
        Self { model, sum: None }
    }

    fn add(&mut self, gradient: Gradient, weight: f64) {
        let value = scaled(gradient.value, weight);
        let (before, value) = match self.sum.take() {
            None => (None, value),
            Some(sum) => (Some(sum.gradients), plus(sum.value, value)),
        };
        let mut adder = Adder {
            before,
            more: gradient.gradients,
            weight,
            result: GradientsParams::new(),
        };
        self.model.visit(&mut adder);
        self.sum = Some(Gradient {
            value,
            gradients: adder.result,
        });
    }

    fn into_gradient(self) -> Result<Gradient, TrainError> {
        self.sum.ok_or_else(no_samples)
    }
}

/// `before + weight · more`, parameter by parameter.
struct Adder {
    before: Option<GradientsParams>,
    more: GradientsParams,
    weight: f64,
    result: GradientsParams,
}

impl ModuleVisitor for Adder {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let Some(more) = self.more.remove::<D>(param.id) else {
            return;
        };
        let more = more.mul_scalar(self.weight);
        let before = self.before.as_mut().and_then(|b| b.remove::<D>(param.id));
        let sum = match before {
            None => more,
            Some(before) => before + more,
        };
        self.result.register(param.id, sum);
    }
}
