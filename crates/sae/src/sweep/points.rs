//! The points of a sweep: which values the keys have together.

use sae_data::{Stream, stream_at, uniform};
use toml::Value;

use super::config::{Method, Range, RangeScale, SweepConfig, Values};

/// `key=value` of every key, one list per point. The same configuration gives the same points.
pub(super) fn points(sweep: &SweepConfig) -> Vec<Vec<String>> {
    match sweep.method {
        Method::Grid => grid(sweep),
        Method::Random | Method::Halving => drawn(sweep),
    }
}

/// Every combination; the last key changes first.
fn grid(sweep: &SweepConfig) -> Vec<Vec<String>> {
    let mut points = vec![vec![]];
    for (key, values) in &sweep.keys {
        let Values::List(list) = values else {
            continue;
        };
        let extended = points.iter().flat_map(|point: &Vec<String>| {
            list.iter().map(|value| {
                let mut point = point.clone();
                point.push(setting(key, value));
                point
            })
        });
        points = extended.collect();
    }
    points
}

/// Point k needs nothing of those before it: more points leave the first ones as they are.
fn drawn(sweep: &SweepConfig) -> Vec<Vec<String>> {
    let point = |number: usize| {
        let mut rng = stream_at(sweep.seed, Stream::SweepPoints, number as u64);
        let draw = |(key, values): (&String, &Values)| {
            let share = uniform(&mut rng, 0.0, 1.0);
            let value = match values {
                Values::List(list) => list[place(share, list.len())].clone(),
                Values::Range(range) => within(*range, share),
            };
            setting(key, &value)
        };
        sweep.keys.iter().map(draw).collect()
    };
    (0..sweep.points).map(point).collect()
}

fn place(share: f64, count: usize) -> usize {
    ((share * count as f64) as usize).min(count - 1)
}

/// The value at a share of a range. Of numbers four digits are kept, so that they can be read.
fn within(range: Range, share: f64) -> Value {
    let Range {
        from,
        to,
        scale,
        whole,
    } = range;
    let value = match scale {
        RangeScale::Linear => from + share * (to - from),
        RangeScale::Log => (from.ln() + share * (to.ln() - from.ln())).exp(),
    };
    match whole {
        true => Value::Integer(value.round() as i64),
        false => {
            let short: f64 = format!("{value:.3e}").parse().unwrap_or(value);
            Value::Float(short.clamp(from, to))
        }
    }
}

fn setting(key: &str, value: &Value) -> String {
    format!("{key}={value}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::sweep::Metric;

    fn sweep(method: Method, keys: &[(&str, Values)]) -> SweepConfig {
        let keys = keys
            .iter()
            .map(|(key, values)| ((*key).to_owned(), values.clone()));
        SweepConfig {
            config: "a.toml".into(),
            method,
            metric: Metric::TestRmse,
            seeds: 1,
            points: 2000,
            seed: 3,
            keys: keys.collect::<BTreeMap<_, _>>(),
            halving: None,
        }
    }

    fn list(values: &[i64]) -> Values {
        Values::List(values.iter().map(|&value| Value::Integer(value)).collect())
    }

    #[test]
    fn a_grid_has_every_combination_once() {
        let sweep = sweep(
            Method::Grid,
            &[("b", list(&[1, 2])), ("a", list(&[3, 4, 5]))],
        );
        let found = points(&sweep);
        assert_eq!(found.len(), sweep.count());
        assert_eq!(found[0], ["a=3", "b=1"]);
        assert_eq!(found[1], ["a=3", "b=2"]);
        assert_eq!(found[5], ["a=5", "b=2"]);
    }

    /// Means of uniform numbers and of uniform logarithms, to five standard errors.
    #[test]
    fn drawn_points_are_spread_as_they_should_be() {
        let range = |scale, whole| {
            Values::Range(Range {
                from: 1.0,
                to: 100.0,
                scale,
                whole,
            })
        };
        let sweep = sweep(
            Method::Random,
            &[
                ("linear", range(RangeScale::Linear, false)),
                ("list", list(&[7, 9])),
                ("log", range(RangeScale::Log, false)),
                ("whole", range(RangeScale::Linear, true)),
            ],
        );
        let found = points(&sweep);
        assert_eq!(found, points(&sweep));
        let column = |k: usize| -> Vec<f64> {
            let value =
                |point: &Vec<String>| point[k].split_once('=').and_then(|(_, v)| v.parse().ok());
            found
                .iter()
                .map(|point| value(point).expect("a number"))
                .collect()
        };
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let error = |deviation: f64| 5.0 * deviation / (2000.0_f64).sqrt();
        assert!((mean(&column(0)) - 50.5).abs() < error(99.0 / 12.0_f64.sqrt()));
        assert!((mean(&column(1)) - 8.0).abs() < error(1.0));
        let logs: Vec<f64> = column(2).iter().map(|value| value.log10()).collect();
        assert!((mean(&logs) - 1.0).abs() < error(2.0 / 12.0_f64.sqrt()));
        assert!(
            column(3)
                .iter()
                .all(|value| value.fract() == 0.0 && (1.0..=100.0).contains(value))
        );
        let fewer = SweepConfig {
            points: 10,
            ..sweep
        };
        assert_eq!(points(&fewer), found[..10]);
    }
}
