//! Trains a small stack, keeps its model in a file, and uses the file alone: codes, reconstructions,
//! classes.

use sae::{Experiment, Layer, Model};

pub(crate) fn main() -> Result<(), sae::Error> {
    let mut experiment = Experiment::default();
    experiment.data.shapes.size = 12;
    (experiment.data.shapes.train, experiment.data.shapes.test) = (300, 50);
    experiment.layers = [20, 10]
        .map(|hidden| Layer {
            hidden,
            ..Layer::default()
        })
        .into();
    (experiment.pretrain.epochs, experiment.finetune.epochs) = (5, 5);
    let file = std::env::temp_dir().join(format!("shapes-{}.safetensors", std::process::id()));
    experiment.run(&mut ())?.model.save(&file)?;

    let model = Model::load(&file)?;
    let test = experiment.data.load_test(experiment.seed, true)?;
    let test = test.samples.all()?;
    let codes = model.encode(&test)?;
    let again = model.decode(&codes)?;
    let classes = model.predict(&test)?;
    assert_eq!((codes.rows(), codes.width()), (50, 10));
    assert_eq!(again, model.reconstruct(&test)?);
    assert!(classes.iter().all(|&class| class < model.classes().len()));
    std::fs::remove_file(&file).map_err(|error| sae::Error::Input(error.to_string()))
}
