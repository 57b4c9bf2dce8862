//! From options to checked settings, before any data is loaded.

use sae_data::shapes::ShapesConfig;
use sae_data::{Corruption, DataError, ScalingConfig};
use sae_model::{
    Architecture, AutoencoderConfig, CrossEntropy, FineTuning, ModelError, SparseObjective, Unit,
};
use sae_stack::{ClassifierSettings, LayerSettings, StackSettings};
use sae_train::{
    BatchSize, Convergence, Moments, Optimiser, RhoHat, Schedule, StopRules, TrainError, Training,
};

use super::load::{Loaded, Origin};
use super::schema::{
    Batch, Config, CorruptionKind, LayerConfig, OptimiserKind, RhoHatKind, ScheduleKind,
    TrainingConfig,
};
use super::{ConfigError, SourceKind};
use crate::backend::Backend;

/// More threads than any machine has use for.
const MOST_THREADS: usize = 1024;

/// A configuration whose every value is in its range.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The options, with defaults filled in.
    pub config: Config,
    /// The settings of the pipeline.
    pub settings: StackSettings,
}

impl Checked {
    /// The settings for `rows` training samples: weights of terms that are meant for a sum over
    /// samples become those of the mean.
    ///
    /// # Errors
    ///
    /// None for at least one row.
    pub fn settings_for(&self, rows: usize) -> Result<StackSettings, ModelError> {
        self.settings
            .in_mean(self.config.objective.scale.into(), rows)
    }
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
    if config.threads > MOST_THREADS {
        let expected = format!("0 to {MOST_THREADS}");
        return Err(origin.range("threads", config.threads, expected));
    }
    match config.data.source {
        SourceKind::Shapes => check_shapes(&config.data.shapes, origin, "data.shapes.")?,
        SourceKind::Patches => {
            let patches = &config.data.patches;
            patches
                .check()
                .map_err(|error| data_range(error, origin, "data.patches."))?;
        }
        SourceKind::Idx => {}
    }
    if config.classifier && config.data.source == SourceKind::Patches {
        let expected = "false with data.source = \"patches\": patches have no labels";
        return Err(origin.range("classifier", true, expected));
    }
    let scaling = ScalingConfig::from(&config.data.scaling);
    scaling
        .check()
        .map_err(|error| data_range(error, origin, "data.scaling."))?;
    let below = Targets::inputs(&scaling);
    if config.layers.is_empty() || config.layers.len() > usize::from(u16::MAX) {
        let found = format!("a list of {}", config.layers.len());
        return Err(origin.range("layers", found, "1 to 65535 [[layers]]"));
    }
    let training = |stage: &TrainingConfig, key: &str| training(config, stage, origin, key);
    let mut layers: Vec<LayerSettings> = Vec::new();
    for (index, layer) in config.layers.iter().enumerate() {
        let training = match &layer.pretrain {
            Some(own) => training(own, &format!("layers.{index}.pretrain"))?,
            None => training(&config.pretrain, "pretrain")?,
        };
        let targets = layers.last().map_or_else(|| below.clone(), Targets::codes);
        layers.push(layer_settings(layer, index, &targets, origin, training)?);
    }
    Ok(StackSettings {
        seed: config.seed,
        layers,
        classifier: match config.classifier {
            true => Some(classifier(config, origin)?),
            false => None,
        },
    })
}

fn classifier(config: &Config, origin: &Origin) -> Result<ClassifierSettings, ConfigError> {
    let classifier_training = |stage: &TrainingConfig, key: &str| {
        if stage.rho_hat != RhoHatKind::Batch {
            let key = format!("{key}.rho_hat");
            let expected = "\"batch\": a classifier has no sparsity term";
            return Err(origin.range(&key, "set", expected));
        }
        training(config, stage, origin, key)
    };
    let lambda = config.head.weight_decay;
    let head = |error| model_range(error, origin, "head.");
    Ok(ClassifierSettings {
        softmax: (
            CrossEntropy::new(lambda).map_err(head)?,
            classifier_training(&config.softmax, "softmax")?,
        ),
        finetune: (
            FineTuning::new(lambda).map_err(head)?,
            classifier_training(&config.finetune, "finetune")?,
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
    shapes
        .check()
        .map_err(|error| data_range(error, origin, prefix))
}

fn data_range(error: DataError, origin: &Origin, prefix: &str) -> ConfigError {
    match error {
        DataError::Setting {
            name,
            found,
            expected,
        } => origin.range(&format!("{prefix}{name}"), found, expected),
        other => origin.range(prefix.trim_end_matches('.'), other, "a valid table"),
    }
}

fn layer_settings(
    layer: &LayerConfig,
    index: usize,
    targets: &Targets,
    origin: &Origin,
    training: Training,
) -> Result<LayerSettings, ConfigError> {
    let prefix = format!("layers.{index}.");
    let range = |error| model_range(error, origin, &prefix);
    let architecture = architecture(layer);
    // The number of inputs is known only with the data; the rest is not.
    AutoencoderConfig::new(1, layer.hidden)
        .and_then(|config| config.with_architecture(architecture))
        .map_err(range)?;
    let objective = objective(layer).map_err(range)?;
    objective.check(&architecture).map_err(range)?;
    check_reach(architecture.decoder, targets, origin, &prefix)?;
    let corruption = corruption(layer);
    if let Some(corruption) = corruption {
        corruption.check().map_err(|error| match error {
            DataError::Setting {
                found, expected, ..
            } => origin.range(&format!("{prefix}corruption_amount"), found, expected),
            other => origin.range(&prefix, other, "a valid layer"),
        })?;
    }
    Ok(LayerSettings {
        hidden: layer.hidden,
        architecture,
        corruption,
        objective,
        training,
    })
}

/// The objective of layer `index` of a checked configuration in the mean convention, for `rows`
/// training samples.
///
/// # Errors
///
/// Refuses values outside their ranges.
pub fn layer_objective(
    config: &Config,
    index: usize,
    rows: usize,
) -> Result<SparseObjective, ModelError> {
    objective(&config.layers[index])?.from_convention(config.objective.scale.into(), rows, 1)
}

/// The objective of a layer, in the convention of the file.
fn objective(layer: &LayerConfig) -> Result<SparseObjective, ModelError> {
    SparseObjective::new(layer.weight_decay, layer.beta, layer.rho)?.with_l1(layer.l1)
}

/// The kind of autoencoder that a `[[layers]]` table describes.
pub fn architecture(layer: &LayerConfig) -> Architecture {
    Architecture {
        encoder: layer.encoder.into(),
        decoder: layer.decoder.into(),
        tied: layer.tied,
        top_k: (layer.top_k > 0).then_some(layer.top_k),
    }
}

fn corruption(layer: &LayerConfig) -> Option<Corruption> {
    let amount = layer.corruption_amount;
    match layer.corruption {
        CorruptionKind::None => None,
        CorruptionKind::Masking => Some(Corruption::Masking(amount)),
        CorruptionKind::Gaussian => Some(Corruption::Gaussian(amount)),
        CorruptionKind::SaltAndPepper => Some(Corruption::SaltAndPepper(amount)),
    }
}

/// What an autoencoder is to reconstruct.
#[derive(Clone)]
struct Targets {
    what: String,
    range: (f64, f64),
}

impl Targets {
    /// Samples, whose values lie in [0, 1] before they are scaled.
    fn inputs(scaling: &ScalingConfig) -> Self {
        let what = match *scaling == ScalingConfig::NONE {
            true => "images",
            false => "scaled inputs",
        };
        Self {
            what: what.to_owned(),
            range: scaling.range(),
        }
    }

    /// The codes of the layer below.
    fn codes(below: &LayerSettings) -> Self {
        let unit = below.architecture.encoder;
        Self {
            what: format!("codes of {unit} units"),
            range: unit.range(),
        }
    }
}

/// Refuses a decoder that cannot give the values that it is to reconstruct.
fn check_reach(
    decoder: Unit,
    targets: &Targets,
    origin: &Origin,
    prefix: &str,
) -> Result<(), ConfigError> {
    let Targets {
        what,
        range: (low, high),
    } = targets;
    let reaches = |unit: &Unit| {
        let (least, most) = unit.range();
        least <= *low && most >= *high
    };
    if reaches(&decoder) {
        return Ok(());
    }
    let fitting: Vec<String> = Unit::ALL
        .iter()
        .filter(|unit| reaches(unit))
        .map(ToString::to_string)
        .collect();
    let range = match (low.is_finite(), high.is_finite()) {
        (true, true) => format!("lie in [{low}, {high}]"),
        (true, false) => format!("are at least {low}"),
        _ => "have no bounds".to_owned(),
    };
    Err(origin.range(
        &format!("{prefix}decoder"),
        decoder,
        format!(
            "{}: it is to reconstruct {what}, which {range}",
            fitting.join(" or ")
        ),
    ))
}

fn training(
    config: &Config,
    stage: &TrainingConfig,
    origin: &Origin,
    key: &str,
) -> Result<Training, ConfigError> {
    let positive = |value: f64| (value != 0.0).then_some(value);
    let training = Training {
        rule: config.gradient.into(),
        optimiser: optimiser(stage),
        learning_rate: stage.learning_rate,
        schedule: match stage.schedule {
            ScheduleKind::Constant => Schedule::Constant,
            ScheduleKind::Linear => Schedule::Linear {
                last: stage.schedule_last,
            },
            ScheduleKind::Cosine => Schedule::Cosine {
                last: stage.schedule_last,
            },
            ScheduleKind::Exponential => Schedule::Exponential {
                factor: stage.schedule_factor,
            },
            ScheduleKind::Step => Schedule::Step {
                factor: stage.schedule_factor,
                every: stage.schedule_every,
            },
        },
        batch: match stage.batch {
            Batch::Full => BatchSize::Full,
            Batch::Rows(rows) => BatchSize::Rows(rows),
        },
        rho_hat: match stage.rho_hat {
            RhoHatKind::Batch => RhoHat::Batch,
            RhoHatKind::Running => RhoHat::Running(stage.rho_hat_decay),
            RhoHatKind::Full => RhoHat::Full,
        },
        epochs: stage.epochs,
        stop: StopRules {
            convergence: positive(stage.tolerance).map(|tolerance| Convergence {
                tolerance,
                epochs: stage.patience,
            }),
            gradient_norm: positive(stage.gradient_tolerance),
            validation_patience: (stage.validation_patience > 0)
                .then_some(stage.validation_patience),
        },
        fused: (config.fused && config.backend == Backend::Flex).then(|| threads(config.threads)),
    };
    training.check().map_err(|error| match error {
        TrainError::Setting {
            name,
            found,
            expected,
        } => origin.range(&format!("{key}.{name}"), found, expected),
        other => origin.range(key, other, "a valid table"),
    })?;
    if training.stop.validation_patience.is_some() && config.data.validation == 0.0 {
        let found = format!("{} without validation samples", stage.validation_patience);
        let expected = "0, or data.validation > 0";
        return Err(origin.range(&format!("{key}.validation_patience"), found, expected));
    }
    Ok(training)
}

/// The number of threads that a configuration means.
pub fn threads(wanted: usize) -> usize {
    match wanted {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        wanted => wanted,
    }
}

fn optimiser(stage: &TrainingConfig) -> Optimiser {
    let moments = Moments {
        beta1: stage.beta1,
        beta2: stage.beta2,
        epsilon: stage.epsilon,
    };
    match stage.optimizer {
        OptimiserKind::Sgd => Optimiser::Sgd {
            momentum: stage.momentum,
            nesterov: stage.nesterov,
        },
        OptimiserKind::Adam => Optimiser::Adam(moments),
        OptimiserKind::AdamW => Optimiser::AdamW {
            moments,
            weight_decay: stage.decoupled_weight_decay,
        },
        OptimiserKind::RmsProp => Optimiser::RmsProp {
            alpha: stage.alpha,
            momentum: stage.momentum,
            epsilon: stage.epsilon,
        },
        OptimiserKind::Cg => Optimiser::ConjugateGradient,
        OptimiserKind::Lbfgs => Optimiser::Lbfgs {
            history: stage.history,
        },
    }
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
            ("[[layers]]\nl1 = -1", "a.toml:2: layers[0].l1 is -1"),
            (
                "[[layers]]\ntop_k = 101\nbeta = 0",
                "a.toml:2: layers[0].top_k is 101",
            ),
            (
                "[[layers]]\nencoder = \"relu\"",
                "a.toml: layers[0].beta is 3 with relu units; expected 0: KL",
            ),
            (
                "[[layers]]\nbeta = 1\ntop_k = 5",
                "a.toml:2: layers[0].beta is 1 with top_k 5; expected 0: top_k already",
            ),
            (
                "[[layers]]\nencoder = \"tanh\"\nbeta = 0\ntop_k = 5",
                "a.toml:4: layers[0].top_k is 5; expected no top_k with tanh",
            ),
            (
                "[[layers]]\nencoder = \"tanh\"\n[[layers]]\nhidden = 5",
                "a.toml: layers[1].decoder is sigmoid; expected tanh or linear: it is to \
                 reconstruct codes of tanh units, which lie in [-1, 1]",
            ),
            (
                "[[layers]]\ncorruption = \"masking\"\ncorruption_amount = 1.5",
                "a.toml:3: layers[0].corruption_amount is 1.5",
            ),
            (
                "[[layers]]\n[layers.pretrain]\nepochs = 0",
                "a.toml:3: layers[0].pretrain.epochs is 0",
            ),
            (
                "[pretrain]\noptimizer = \"lbfgs\"",
                "a.toml: pretrain.batch is 256 with a line search; expected \"full\"",
            ),
            (
                "[pretrain]\noptimizer = \"cg\"",
                "a.toml: pretrain.batch is 256 with a line search; expected \"full\": lbfgs and cg",
            ),
            (
                "[data]\nsource = \"patches\"",
                "a.toml: classifier is true; expected false with data.source = \"patches\"",
            ),
            (
                "[data.patches]\nsize = 0\n[data]\nsource = \"patches\"",
                "a.toml:2: data.patches.size is 0; expected at least 1",
            ),
            (
                "[data.scaling]\nkind = \"min_max\"\nhigh = -1",
                "a.toml:3: data.scaling.high is -1 with low = 0; expected",
            ),
            (
                "[data.scaling]\nkind = \"min_max\"\ntruncate = true",
                "a.toml:3: data.scaling.truncate is true with kind = \"min_max\"; expected false",
            ),
            (
                "[data.scaling]\nkind = \"zca\"\nepsilon = -1",
                "a.toml:3: data.scaling.epsilon is -1",
            ),
            (
                "[data.scaling]\nkind = \"zca\"",
                "a.toml: layers[0].decoder is sigmoid; expected linear: it is to reconstruct \
                 scaled inputs, which have no bounds",
            ),
            (
                "[data.scaling]\nkind = \"min_max\"\nlow = -1",
                "a.toml: layers[0].decoder is sigmoid; expected tanh or linear: it is to \
                 reconstruct scaled inputs, which lie in [-1, 1]",
            ),
            (
                "[pretrain]\nbatch = \"full\"\nrho_hat = \"running\"",
                "a.toml:3: pretrain.rho_hat is an estimate with the full batch",
            ),
            (
                "[pretrain]\ngradient_tolerance = 1e-3",
                "a.toml:2: pretrain.gradient_tolerance is set with batch = 256",
            ),
            (
                "[finetune]\nvalidation_patience = 3",
                "a.toml:2: finetune.validation_patience is 3 without validation samples",
            ),
            (
                "[softmax]\nrho_hat = \"full\"",
                "a.toml:2: softmax.rho_hat is set; expected \"batch\": a classifier has no",
            ),
            (
                "[softmax]\nschedule = \"exponential\"\nschedule_factor = 2.0",
                "a.toml:2: softmax.schedule is Exponential { factor: 2.0 } from",
            ),
            (
                "threads = 5000",
                "a.toml:1: threads is 5000; expected 0 to 1024",
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
