//! How well a network classifies.

use burn::module::Module;
use burn::tensor::{DType, Device};
use sae_data::Dataset;
use sae_kernels::Setting;
use sae_model::{DeepNetwork, ModelError};
use sae_train::{Compute, Group, Selected, Table, TrainError};
use serde::{Deserialize, Serialize};

/// Rows that are processed at once.
const CHUNK: usize = 1000;

/// Figures of a classifier on labelled samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Number of samples.
    pub samples: usize,
    /// Share whose most probable class is theirs.
    pub accuracy: f64,
    /// −(1/R) Σ_k log P_k,label in nats, without decay.
    pub cross_entropy: f64,
    /// `confusion[actual][predicted]`: number of samples.
    pub confusion: Vec<Vec<usize>>,
}

/// Evaluates `network` on all of `data`.
///
/// # Errors
///
/// Refuses samples without labels or of another width than the network's input, and labels beyond
/// its classes.
pub fn evaluate(
    network: &DeepNetwork,
    data: &Dataset,
    device: &Device,
) -> Result<Evaluation, TrainError> {
    evaluate_with(network, data, data.rows(), (device, &Group::default()))
}

/// As [`evaluate`], where others of a group have the rest of `whole` rows.
pub(crate) fn evaluate_part(
    network: &DeepNetwork,
    data: &Dataset,
    whole: usize,
    compute: &Compute,
) -> Result<Evaluation, TrainError> {
    evaluate_with(network, data, whole, (&compute.device, &compute.group))
}

fn evaluate_with(
    network: &DeepNetwork,
    data: &Dataset,
    whole: usize,
    (device, group): (&Device, &Group),
) -> Result<Evaluation, TrainError> {
    let network = network.valid();
    let classes = network.classes();
    let labels = labels(&network, data)?;
    // Counts are exact in numbers of f64.
    let sums = group.sum(classes * classes + 1, |shard, sums| {
        let (log_likelihood, confusion) = sums.split_at_mut(1);
        let rows = group.own_rows_of(shard, whole);
        data.samples
            .for_parts_of(rows, CHUNK, |first, samples, rows| {
                let selected = Selected::Range(rows.start, rows.end);
                let inputs = Table { samples, selected }.tensor(device, DType::F32);
                let scores = network.log_probabilities(inputs).into_data();
                let scores: Vec<f32> = scores.iter::<f32>().collect();
                for (scores, &label) in scores.chunks(classes).zip(&labels[first..]) {
                    let actual = label as usize;
                    confusion[actual * classes + most_probable(scores)] += 1.0;
                    log_likelihood[0] += f64::from(scores[actual]);
                }
                Ok::<(), TrainError>(())
            })
    })?;
    let (log_likelihood, confusion) = (sums[0], &sums[1..]);
    let counts = confusion.iter().map(|&count| count as usize);
    let counts: Vec<usize> = counts.collect();
    let confusion: Vec<Vec<usize>> = counts.chunks(classes).map(<[usize]>::to_vec).collect();
    let correct: usize = (0..classes).map(|class| confusion[class][class]).sum();
    Ok(Evaluation {
        samples: whole,
        accuracy: correct as f64 / whole as f64,
        cross_entropy: -log_likelihood / whole as f64,
        confusion,
    })
}

/// The first of the largest scores.
pub fn most_probable(scores: &[f32]) -> usize {
    (1..scores.len()).fold(0, |best, class| {
        if scores[class] > scores[best] {
            class
        } else {
            best
        }
    })
}

/// The labels of data that fit the network.
fn labels<'a>(network: &DeepNetwork, data: &'a Dataset) -> Result<&'a [u32], ModelError> {
    if data.samples.width() != network.inputs() {
        return Err(ModelError::Shape {
            operation: "evaluating a network",
            left_name: "the samples",
            left: vec![data.rows(), data.samples.width()],
            right_name: "the network's input",
            right: vec![network.inputs()],
        });
    }
    let refuse = |found: String| {
        let expected = "a number below the network's number of classes";
        Err(ModelError::Setting(Setting::new("label", found, expected)))
    };
    let Some(labels) = &data.labels else {
        return refuse("missing".to_owned());
    };
    let largest = labels
        .values
        .iter()
        .copied()
        .max()
        .map_or(0, |label| label as usize);
    if largest >= network.classes() {
        return refuse(largest.to_string());
    }
    Ok(&labels.values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_go_to_the_first_class() {
        assert_eq!(most_probable(&[0.0, 0.0, -1.0]), 0);
        assert_eq!(most_probable(&[-2.0, -1.0, -1.0]), 1);
    }
}
