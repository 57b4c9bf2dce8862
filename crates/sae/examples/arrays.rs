//! Trains an autoencoder on arrays in memory and finds the sample that is unlike the others.

use sae::data::SplitData;
use sae::{Dataset, Experiment, Layer, Prepared};

pub(crate) fn main() -> Result<(), sae::Error> {
    // 200 samples of 16 values, each a wave of its own phase.
    let wave = |k: usize, i: usize| 0.5 + 0.4 * (0.4 * i as f32 + 0.1 * k as f32).sin();
    let waves = |rows: usize| (0..rows).flat_map(move |k| (0..16).map(move |i| wave(k, i)));
    let train = Dataset::from_rows(16, waves(200).collect());
    let mut values: Vec<f32> = waves(5).collect();
    values[2 * 16 + 7] = 1.0 - values[2 * 16 + 7]; // a fault in row 2
    let test = Dataset::from_rows(16, values);

    let layer = Layer {
        hidden: 8,
        beta: 0.0,
        ..Layer::default()
    };
    let mut experiment = Experiment {
        classifier: false,
        layers: vec![layer],
        ..Experiment::default()
    };
    (
        experiment.pretrain.epochs,
        experiment.pretrain.learning_rate,
    ) = (100, 0.02);
    let data = SplitData::new(train, test.clone());
    let outcome = Prepared::new(&experiment, data)?.run(&mut ())?;

    let test = test.samples.all()?;
    let scores = outcome.model.score(&test)?;
    let (fault, others) = (scores[2], [0, 1, 3, 4].map(|row| scores[row]));
    assert!(
        others.iter().all(|&score| fault > 1.5 * score),
        "{scores:?}"
    );
    Ok(())
}
