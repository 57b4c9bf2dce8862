//! From options to checked settings, before any data is loaded.

use sae_data::DataError;
use sae_data::shapes::ShapesConfig;
use sae_model::{AutoencoderConfig, CrossEntropy, FineTuning, ModelError, SparseObjective};
use sae_stack::{LayerSettings, StackSettings};
use sae_train::{BatchSize, Convergence, Optimiser, TrainError, Training};

use super::load::{Loaded, Origin};
use super::schema::{Batch, Config, LayerConfig, OptimiserKind, TrainingConfig};
use super::{ConfigError, SourceKind};

/// A configuration whose every value is in its range.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The options, with defaults filled in.
    pub config: Config,
    /// The settings of the pipeline.
    pub settings: StackSettings,
}

impl Loaded {
    /// Checks every range.
    ///
    /// # Errors
    ///
    /// Names the first key that is outside its range, its value and what is allowed.
    pub fn check(self) -> Result<Checked, ConfigError> {
        let settings = settings(&self.config, &self.origin)?;
        Ok(Checked {
            config: self.config,
            settings,
        })
    }
}

fn settings(config: &Config, origin: &Origin) -> Result<StackSettings, ConfigError> {
    let validation = config.data.validation;
    if !(0.0..1.0).contains(&validation) {
        return Err(origin.range("data.validation", validation, "a share in [0, 1)"));
    }
    if config.data.source == SourceKind::Shapes {
        check_shapes(&config.data.shapes, origin, "data.shapes.")?;
    }
    if config.layers.is_empty() || config.layers.len() > usize::from(u16::MAX) {
        let found = format!("a list of {}", config.layers.len());
        return Err(origin.range("layers", found, "1 to 65535 [[layers]]"));
    }
    let training = |config_of, key| training(config, config_of, origin, key);
    let pretrain = training(&config.pretrain, "pretrain")?;
    let layers = config.layers.iter().enumerate();
    let layers = layers
        .map(|(index, layer)| layer_settings(layer, index, origin, pretrain))
        .collect::<Result<_, _>>()?;
    let lambda = config.head.weight_decay;
    let head = |error| model_range(error, origin, "head.");
    Ok(StackSettings {
        seed: config.seed,
        layers,
        softmax: (
            CrossEntropy::new(lambda).map_err(head)?,
            training(&config.softmax, "softmax")?,
        ),
        finetune: (
            FineTuning::new(lambda).map_err(head)?,
            training(&config.finetune, "finetune")?,
        ),
        control: config.control,
    })
}

/// Checks a `[data.shapes]` table whose keys begin with `prefix`.
///
/// # Errors
///
/// As [`Loaded::check`].
pub fn check_shapes(
    shapes: &ShapesConfig,
    origin: &Origin,
    prefix: &str,
) -> Result<(), ConfigError> {
    shapes.check().map_err(|error| match error {
        DataError::Setting {
            name,
            found,
            expected,
        } => origin.range(&format!("{prefix}{name}"), found, expected),
        other => origin.range(prefix.trim_end_matches('.'), other, "a valid table"),
    })
}

fn layer_settings(
    layer: &LayerConfig,
    index: usize,
    origin: &Origin,
    training: Training,
) -> Result<LayerSettings, ConfigError> {
    let prefix = format!("layers.{index}.");
    let range = |error| model_range(error, origin, &prefix);
    // The number of inputs is known only with the data; the number of units is not.
    AutoencoderConfig::new(1, layer.hidden).map_err(range)?;
    Ok(LayerSettings {
        hidden: layer.hidden,
        objective: SparseObjective::new(layer.weight_decay, layer.beta, layer.rho)
            .map_err(range)?,
        training,
    })
}

fn training(
    config: &Config,
    stage: &TrainingConfig,
    origin: &Origin,
    key: &str,
) -> Result<Training, ConfigError> {
    let training = Training {
        rule: config.gradient.into(),
        optimiser: match stage.optimizer {
            OptimiserKind::Sgd => Optimiser::Sgd {
                learning_rate: stage.learning_rate,
                momentum: stage.momentum,
            },
            OptimiserKind::Adam => Optimiser::Adam {
                learning_rate: stage.learning_rate,
                beta1: stage.beta1,
                beta2: stage.beta2,
                epsilon: stage.epsilon,
            },
        },
        batch: match stage.batch {
            Batch::Full => BatchSize::Full,
            Batch::Rows(rows) => BatchSize::Rows(rows),
        },
        epochs: stage.epochs,
        convergence: (stage.tolerance != 0.0).then_some(Convergence {
            tolerance: stage.tolerance,
            epochs: stage.patience,
        }),
    };
    training.check().map_err(|error| match error {
        TrainError::Setting {
            name,
            found,
            expected,
        } => origin.range(&format!("{key}.{name}"), found, expected),
        other => origin.range(key, other, "a valid table"),
    })?;
    Ok(training)
}

fn model_range(error: ModelError, origin: &Origin, prefix: &str) -> ConfigError {
    match error {
        ModelError::Setting {
            name,
            found,
            expected,
        } => origin.range(&format!("{prefix}{name}"), found, expected),
        other => origin.range(prefix.trim_end_matches('.'), other, "a valid table"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::load::parse;

    use super::*;

    fn message(line: &str) -> String {
        let (config, origin) = parse(Path::new("a.toml"), line.to_owned(), &[]).unwrap();
        let error = Loaded { config, origin }.check().unwrap_err();
        error.to_string()
    }

    #[test]
    fn every_range_is_checked() {
        let cases = [
            (
                "[[layers]]\nrho = 0.0",
                "a.toml:2: layers[0].rho is 0; expected a number in (0, 1)",
            ),
            ("[[layers]]\nrho = 1.0", "a.toml:2: layers[0].rho is 1"),
            (
                "[[layers]]\nhidden = 0",
                "a.toml:2: layers[0].hidden is 0; expected at least 1",
            ),
            ("[[layers]]\nbeta = -3", "a.toml:2: layers[0].beta is -3"),
            (
                "[[layers]]\nweight_decay = inf",
                "a.toml:2: layers[0].weight_decay is inf",
            ),
            ("layers = []", "a.toml:1: layers is a list of 0"),
            (
                "[head]\nweight_decay = -1",
                "a.toml:2: head.weight_decay is -1",
            ),
            (
                "[pretrain]\nlearning_rate = 0",
                "a.toml:2: pretrain.learning_rate is 0",
            ),
            (
                "[pretrain]\nlearning_rate = nan",
                "a.toml:2: pretrain.learning_rate is NaN",
            ),
            ("[softmax]\nepochs = 0", "a.toml:2: softmax.epochs is 0"),
            ("[finetune]\nbatch = 0", "a.toml:2: finetune.batch is 0"),
            ("[finetune]\nbeta2 = 1.0", "a.toml:2: finetune.beta2 is 1"),
            (
                "[finetune]\ntolerance = -1",
                "a.toml:2: finetune.tolerance is -1",
            ),
            (
                "[finetune]\ntolerance = 0.1\npatience = 0",
                "a.toml:3: finetune.patience is 0",
            ),
            ("[data]\nvalidation = 1.0", "a.toml:2: data.validation is 1"),
            ("[data.shapes]\nsize = 2", "a.toml:2: data.shapes.size is 2"),
            (
                "[data.shapes]\nblur = [2, 1]",
                "a.toml:2: data.shapes.blur is [2, 1]",
            ),
        ];
        for (line, expected) in cases {
            let found = message(line);
            assert!(found.starts_with(expected), "{found}");
        }
    }
}
