//! Which classes units stand for.

use serde::{Deserialize, Serialize};

use crate::significance::{holm, welch};
use crate::{Activities, Moments};

/// What one unit's activity says of the class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Selectivity {
    /// Mean activity on the samples of each class, `[class]`.
    pub means: Vec<f64>,
    /// The class with the largest mean.
    pub preferred: usize,
    /// The class with the second largest.
    pub runner_up: usize,
    /// (m − m_rest) / (m + m_rest), of the preferred class's mean m and the mean of the other classes'
    /// means (Morcos et al. 2018): 0 where they are equal, 1 for a unit that is at rest on all others.
    pub index: f64,
    /// η², the share of the activity's variance that lies between the classes, in [0, 1].
    pub explained: f64,
    /// p-value of the preferred class's mean above the runner-up's: Welch's t-test, times the number of
    /// pairs of classes among which these two were found, and corrected for the number of units (Holm).
    pub p_value: f64,
}

/// Below this corrected p-value a unit counts as one that prefers its class.
pub const SIGNIFICANT: f64 = 0.01;

impl Selectivity {
    /// Whether the unit prefers its class: the difference to the runner-up is no chance.
    pub fn is_significant(&self) -> bool {
        self.p_value < SIGNIFICANT
    }
}

/// The selectivity of each unit, `[unit]`, on samples whose classes are `labels`, below `classes`.
/// Classes without samples are never preferred. Empty where fewer than two classes have samples.
///
/// # Panics
///
/// Panics where labels are not one per sample and below `classes`.
pub fn selectivity(activities: &Activities, labels: &[u32], classes: usize) -> Vec<Selectivity> {
    assert_eq!(labels.len(), activities.rows());
    let units = activities.units();
    let mut moments = vec![Moments::default(); classes * units];
    for (row, &label) in activities.all().zip(labels) {
        let of_class = &mut moments[label as usize * units..][..units];
        let pairs = of_class.iter_mut().zip(row);
        pairs.for_each(|(moments, &value)| moments.add(f64::from(value)));
    }
    let present: Vec<usize> = (0..classes)
        .filter(|class| moments[class * units].count > 0)
        .collect();
    if present.len() < 2 {
        return vec![];
    }
    let total = activities.moments();
    let mut all: Vec<Selectivity> = (0..units)
        .map(|unit| {
            let of = |class: usize| moments[class * units + unit];
            of_unit(&of, &present, classes, &total[unit])
        })
        .collect();
    let corrected = holm(&all.iter().map(|unit| unit.p_value).collect::<Vec<_>>());
    let pairs = all.iter_mut().zip(corrected);
    pairs.for_each(|(unit, p_value)| unit.p_value = p_value);
    all
}

fn of_unit(
    of: &dyn Fn(usize) -> Moments,
    present: &[usize],
    classes: usize,
    total: &Moments,
) -> Selectivity {
    let mut ranked = present.to_vec();
    ranked.sort_by(|&a, &b| of(b).mean.total_cmp(&of(a).mean).then(a.cmp(&b)));
    let (preferred, runner_up) = (ranked[0], ranked[1]);
    let best = of(preferred).mean;
    let others = ranked[1..].iter().map(|&class| of(class).mean);
    let rest = others.sum::<f64>() / (ranked.len() - 1) as f64;
    let within: f64 = present.iter().map(|&class| of(class).squares).sum();
    let pairs = (present.len() * (present.len() - 1) / 2) as f64;
    Selectivity {
        means: (0..classes).map(|class| of(class).mean).collect(),
        preferred,
        runner_up,
        index: match best + rest > 0.0 {
            true => (best - rest) / (best + rest),
            false => 0.0,
        },
        explained: match total.squares > 0.0 {
            true => (1.0 - within / total.squares).max(0.0),
            false => 0.0,
        },
        p_value: (welch(&of(preferred), &of(runner_up)) * pairs).min(1.0),
    }
}

/// How a class is represented by a layer as a whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClassActivity {
    /// Number of units that prefer the class, significantly.
    pub units: usize,
    /// Mean over the class's samples of the number of units that are active (see
    /// [`Activities::threshold`]); nothing for linear units.
    pub active_units: Option<f64>,
    /// Mean over the class's samples of the sum of all activities.
    pub total_activity: f64,
    /// Mean selectivity index of the units that prefer the class; nothing where there are none.
    pub mean_index: Option<f64>,
}

/// How each class is represented, `[class]`.
///
/// # Panics
///
/// As [`selectivity`].
pub fn class_activities(
    activities: &Activities,
    labels: &[u32],
    units: &[Selectivity],
    classes: usize,
) -> Vec<ClassActivity> {
    assert_eq!(labels.len(), activities.rows());
    let threshold = activities.threshold();
    let of_class = |class: usize| {
        let own = |unit: &&Selectivity| unit.preferred == class && unit.is_significant();
        let preferring: Vec<&Selectivity> = units.iter().filter(own).collect();
        let rows = activities.all().zip(labels);
        let rows: Vec<&[f32]> = rows
            .filter(|&(_, &label)| label as usize == class)
            .map(|(row, _)| row)
            .collect();
        let samples = rows.len().max(1) as f64;
        let cells = || rows.iter().copied().flatten().map(|&v| f64::from(v));
        let indices: f64 = preferring.iter().map(|unit| unit.index).sum();
        ClassActivity {
            units: preferring.len(),
            active_units: threshold
                .map(|least| cells().filter(|&v| v > least).count() as f64 / samples),
            total_activity: cells().sum::<f64>() / samples,
            mean_index: (!preferring.is_empty()).then(|| indices / preferring.len() as f64),
        }
    };
    (0..classes).map(of_class).collect()
}

#[cfg(test)]
mod tests {
    use sae_kernels::Unit;

    use super::*;

    /// Unit 0 answers to class 1 only, unit 1 to all alike, unit 2 never.
    fn example() -> (Activities, Vec<u32>) {
        let mut values = Vec::new();
        let mut labels = Vec::new();
        for sample in 0..60u32 {
            let label = sample % 3;
            let wobble = 0.01 * f32::from((sample / 3 % 4) as u8);
            let own = if label == 1 { 0.8 + wobble } else { 0.0 };
            values.extend([own, 0.5 + wobble, 0.0]);
            labels.push(label);
        }
        (Activities::of(values, 3, Unit::Sigmoid), labels)
    }

    #[test]
    fn a_unit_of_one_class_is_found() {
        let (activities, labels) = example();
        let units = selectivity(&activities, &labels, 4);
        assert_eq!(units[0].preferred, 1);
        assert!((units[0].index - 1.0).abs() < 1e-12 && units[0].is_significant());
        assert!(units[0].explained > 0.99 && units[0].means[3] == 0.0);
        assert!(units[1].index.abs() < 0.02 && !units[1].is_significant());
        assert_eq!(
            (units[2].index, units[2].explained, units[2].p_value),
            (0.0, 0.0, 1.0)
        );
        let classes = class_activities(&activities, &labels, &units, 3);
        assert_eq!(
            [0, 1, 0],
            [classes[0].units, classes[1].units, classes[2].units]
        );
        // Unit 0 on class 1; unit 1 above one half on three samples of four, whatever the class.
        assert!((classes[1].active_units.unwrap() - 1.75).abs() < 1e-12);
        assert!((classes[0].active_units.unwrap() - 0.75).abs() < 1e-12);
    }

    #[test]
    fn one_class_is_no_choice() {
        let (activities, _) = example();
        assert!(selectivity(&activities, &[0; 60], 2).is_empty());
    }

    /// Noise makes no unit significant: of 200 units on random labels none.
    #[test]
    fn noise_is_not_significant() {
        let mut rng = sae_data::stream(3, sae_data::Stream::Directions);
        let mut draw = || sae_data::uniform(&mut rng, 0.0, 1.0);
        let values: Vec<f32> = (0..300 * 200).map(|_| draw() as f32).collect();
        let labels: Vec<u32> = (0..300).map(|_| (10.0 * draw()) as u32).collect();
        let activities = Activities::of(values, 200, Unit::Sigmoid);
        let units = selectivity(&activities, &labels, 10);
        let significant = units.iter().filter(|unit| unit.is_significant());
        assert_eq!(significant.count(), 0);
    }
}
