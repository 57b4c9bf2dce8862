//! A whole experiment: what a configuration file holds.

use std::path::Path;

use sae_data::{DataConfig, Source};
use sae_gpu::Precision;
use sae_kernels::{InstructionSet, Setting};
use sae_model::{GradientRule, ModelError};
use sae_stack::{
    ClassifierSettings, Head, Layer, LayerSettings, Scale, StackSettings, check_classifier_training,
};
use sae_train::{Compute, Fused, Group, Training};
use serde::{Deserialize, Serialize};

use crate::backend::usable_threads;
use crate::reach::Targets;
use crate::toml_file::{self, Loaded};
use crate::{Backend, Checkpoints, ConfigError, Distributed, Error};

/// Everything that decides a run. Keys, defaults and ranges are described in `docs/config.md`; a
/// default experiment trains one autoencoder on drawn shapes.
///
/// ```
/// use sae::{Experiment, Layer};
///
/// let mut experiment = Experiment::default();
/// experiment.layers = vec![Layer { hidden: 9, ..Layer::default() }];
/// experiment.data.shapes.size = 8;
/// (experiment.data.shapes.train, experiment.data.shapes.test) = (50, 10);
/// (experiment.pretrain.epochs, experiment.softmax.epochs) = (2, 2);
/// let outcome = experiment.run(&mut ()).unwrap();
/// assert_eq!(outcome.model.hidden(), 9);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Experiment {
    /// Seed of every random number, 0 to 2⁶³ − 1.
    pub seed: u64,
    /// Where tensors are computed.
    pub backend: Backend,
    /// How gradients are computed.
    pub gradient: GradientRule,
    /// Whether the delta rules run in the fused kernels.
    pub fused: Fused,
    /// In how many bits the kernels for GPUs multiply.
    pub precision: Precision,
    /// Number of threads of the CPU, up to 1024; 0 for as many as there are processors.
    pub threads: usize,
    /// The instruction set of the kernels; nothing for the best that there is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instruction_set: Option<InstructionSet>,
    /// Whether a softmax head is trained on the codes and the network fine-tuned.
    pub classifier: bool,
    /// Whether the network is trained from random initialisation, too.
    pub control: bool,
    /// Whether the finished run writes its report.
    pub report: bool,
    /// Whether an event file for TensorBoard is written, too.
    pub tensorboard: bool,
    /// When the state of a run is saved.
    pub checkpoints: Checkpoints,
    /// How several processes train together.
    pub distributed: Distributed,
    /// What the weights of the terms are meant for.
    pub objective: ObjectiveScale,
    /// The data.
    pub data: DataConfig,
    /// The autoencoders, the first nearest the input.
    pub layers: Vec<Layer>,
    /// The softmax head.
    pub head: Head,
    /// Training of each autoencoder.
    pub pretrain: Training,
    /// Training of the head.
    pub softmax: Training,
    /// Fine-tuning.
    pub finetune: Training,
}

/// `[objective]`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ObjectiveScale {
    /// A mean over samples, or the note's sum.
    pub scale: Scale,
}

impl Default for Experiment {
    fn default() -> Self {
        Self {
            seed: 1,
            backend: Backend::default(),
            gradient: GradientRule::default(),
            fused: Fused::default(),
            precision: Precision::default(),
            threads: 0,
            instruction_set: None,
            classifier: true,
            control: false,
            report: true,
            tensorboard: false,
            checkpoints: Checkpoints::default(),
            distributed: Distributed::default(),
            objective: ObjectiveScale::default(),
            data: DataConfig::default(),
            layers: vec![Layer::default()],
            head: Head::default(),
            pretrain: Training::default(),
            softmax: Training::default(),
            finetune: Training::default(),
        }
    }
}

/// More threads than any machine has use for.
const MOST_THREADS: usize = 1024;
/// TOML has no larger whole numbers.
const MOST_SEED: u64 = i64::MAX as u64;

impl Experiment {
    /// Reads a TOML file and applies `set`, a list of `key=value`, in order; checks every range.
    /// Relative paths in the file are relative to its folder.
    ///
    /// # Errors
    ///
    /// Names the line or the argument of what is no TOML, unknown, of the wrong type or outside its
    /// range.
    pub fn read(path: impl AsRef<Path>, set: &[String]) -> Result<Self, ConfigError> {
        let path = path.as_ref();
        let mut experiment = Self::read_as_written(path, set)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        experiment.data.relative_to(folder);
        Ok(experiment)
    }

    /// As [`Experiment::read`], with relative paths left as they are written.
    ///
    /// # Errors
    ///
    /// As [`Experiment::read`].
    pub fn read_as_written(path: &Path, set: &[String]) -> Result<Self, ConfigError> {
        Self::checked(toml_file::read(path, set, toml_file::inherit_pretrain)?)
    }

    /// As [`Experiment::read`], of a text, which `name` stands for in errors.
    ///
    /// # Errors
    ///
    /// As [`Experiment::read`].
    pub fn parse(name: &str, text: &str, set: &[String]) -> Result<Self, ConfigError> {
        let (path, text) = (Path::new(name), text.to_owned());
        Self::checked(toml_file::parse(
            path,
            text,
            set,
            toml_file::inherit_pretrain,
        )?)
    }

    fn checked(loaded: Loaded<Self>) -> Result<Self, ConfigError> {
        let Loaded { value, origin } = loaded;
        match value.check() {
            Ok(()) => Ok(value),
            Err(wrong) => Err(origin.range(&wrong.name, wrong.found, wrong.expected)),
        }
    }

    /// The text of a TOML file that says the same, with every default filled in.
    ///
    /// # Errors
    ///
    /// None for settings that are in their ranges.
    pub fn to_toml(&self) -> Result<String, Error> {
        toml::to_string_pretty(self)
            .map_err(|error| Error::Input(format!("the configuration cannot be written: {error}")))
    }

    /// Checks every setting, used or not, and that they go together.
    ///
    /// # Errors
    ///
    /// Names the first key that is outside its range, for example `layers[0].rho`.
    pub fn check(&self) -> Result<(), Setting> {
        if self.seed > MOST_SEED {
            let expected = format!("0 to {MOST_SEED}");
            return Err(Setting::new("seed", self.seed, expected));
        }
        if self.threads > MOST_THREADS {
            let expected = format!("0 to {MOST_THREADS}");
            return Err(Setting::new("threads", self.threads, expected));
        }
        let in_kernels = self.gradient == GradientRule::Delta && self.fused != Fused::Never;
        if self.precision != Precision::F32 && (!self.backend.is_gpu() || !in_kernels) {
            let expected = "f32, or backend = \"wgpu\" or \"cuda\" with gradient = \"delta\" and its fused kernels";
            return Err(Setting::new("precision", self.precision, expected));
        }
        if let Some(set) = self.instruction_set
            && !InstructionSet::available().contains(&set)
        {
            let names: Vec<String> = InstructionSet::available()
                .iter()
                .map(ToString::to_string)
                .collect();
            let expected = format!("what this machine has: {}", names.join(", "));
            return Err(Setting::new("instruction_set", set, expected));
        }
        self.checkpoints
            .check()
            .map_err(|s| s.within("checkpoints"))?;
        self.distributed
            .check()
            .map_err(|s| s.within("distributed"))?;
        self.data.check().map_err(|s| s.within("data"))?;
        if self.classifier && self.data.source == Source::Patches {
            let expected = "false with data.source = \"patches\": patches have no labels";
            return Err(Setting::new("classifier", true, expected));
        }
        self.check_layers()?;
        self.head.check().map_err(|s| s.within("head"))?;
        let trainings = [
            ("pretrain", &self.pretrain, Training::check as fn(&_) -> _),
            ("softmax", &self.softmax, check_classifier_training),
            ("finetune", &self.finetune, check_classifier_training),
        ];
        for (table, training, check) in trainings {
            let check = check(training).and_then(|()| self.check_training(training));
            check.map_err(|setting| setting.within(table))?;
        }
        let group = Group::alone(self.distributed.shards)?;
        self.compute_with(burn::tensor::Device::flex(), group)
            .choose()?;
        Ok(())
    }

    fn check_layers(&self) -> Result<(), Setting> {
        if self.layers.is_empty() || self.layers.len() > usize::from(u16::MAX) {
            let found = format!("a list of {}", self.layers.len());
            return Err(Setting::new("layers", found, "1 to 65535 [[layers]]"));
        }
        let mut targets = Targets::inputs(&self.data);
        for (index, layer) in self.layers.iter().enumerate() {
            let table = format!("layers[{index}]");
            let own = layer.check().map_err(setting_of);
            own.and_then(|()| targets.check(layer))
                .map_err(|setting| setting.within(&table))?;
            if let Some(training) = &layer.pretrain {
                let check = training.check();
                check
                    .and_then(|()| self.check_training(training))
                    .map_err(|setting| setting.within(&format!("{table}.pretrain")))?;
            }
            targets = Targets::codes(layer.encoder);
        }
        Ok(())
    }

    fn check_training(&self, training: &Training) -> Result<(), Setting> {
        self.distributed.check_batch(training)?;
        let files = self.data.source.format().is_some() && !self.data.files.validation.is_empty();
        match training.validation_patience {
            patience if patience > 0 && self.data.validation == 0.0 && !files => Err(Setting::new(
                "validation_patience",
                format!("{patience} without validation samples"),
                "0, or data.validation > 0, or data.files.validation",
            )),
            _ => Ok(()),
        }
    }

    /// The settings of the pipeline for `rows` training samples: weights of terms that are meant
    /// for a sum over samples become those of the mean.
    ///
    /// # Errors
    ///
    /// As [`Experiment::check`].
    pub fn settings(&self, rows: usize) -> Result<StackSettings, Error> {
        let scale = self.objective.scale;
        let layers = self.layers.iter();
        let layers = layers.map(|layer| LayerSettings::new(layer, &self.pretrain, scale, rows));
        let trainings = (self.softmax, self.finetune);
        let classifier =
            || ClassifierSettings::new(self.head, scale, rows, trainings, self.control);
        Ok(StackSettings {
            seed: self.seed,
            layers: layers.collect::<Result<_, ModelError>>()?,
            classifier: self.classifier.then(classifier).transpose()?,
        })
    }

    /// The instruction set of the kernels.
    pub(crate) fn computes_with(&self) -> InstructionSet {
        let chosen = self.instruction_set;
        chosen.unwrap_or_else(InstructionSet::detected)
    }

    /// With what the experiment computes, in one process.
    ///
    /// # Errors
    ///
    /// As [`Backend::device`].
    pub fn compute(&self) -> Result<Compute, Error> {
        self.compute_among(Group::alone(self.distributed.shards)?)
    }

    /// As [`Experiment::compute`], among others.
    pub(crate) fn compute_among(&self, group: Group) -> Result<Compute, Error> {
        let device = self.backend.device()?;
        let gpu = self.backend.gpu();
        Ok(Compute {
            gpu: gpu.map(|gpu| gpu.with_precision(self.precision)),
            ..self.compute_with(device, group)
        })
    }

    fn compute_with(&self, device: burn::tensor::Device, group: Group) -> Compute {
        let elsewhere = self.backend == Backend::Ndarray;
        Compute {
            device,
            elsewhere: elsewhere.then(|| format!("backend = \"{}\"", self.backend)),
            gpu: None,
            gradient: self.gradient,
            fused: self.fused,
            threads: self.threads(),
            instruction_set: self.instruction_set,
            group,
        }
    }

    /// The number of threads that is meant: no more than there are processors, beyond which they
    /// would only be in each other's way.
    pub fn threads(&self) -> usize {
        usable_threads(self.threads)
    }

    /// The same experiment with paths that hold from anywhere.
    ///
    /// # Errors
    ///
    /// Refuses the folder of IDX files where it is not there.
    pub fn resolved(&self) -> Result<Self, Error> {
        let mut resolved = self.clone();
        let absolute = |path: &Path| std::fs::canonicalize(path).unwrap_or_else(|_| path.into());
        for path in &mut resolved.data.patches.pictures {
            *path = absolute(path);
        }
        for path in resolved.data.files.paths_mut() {
            if !path.is_empty() {
                *path = absolute(Path::new(path.as_str()))
                    .to_string_lossy()
                    .into_owned();
            }
        }
        if resolved.data.source == Source::Idx {
            let folder = absolute(&resolved.data.idx.folder()?);
            resolved.data.idx.dir = folder.to_string_lossy().into_owned();
        }
        Ok(resolved)
    }
}

/// What a model refuses of settings alone is a setting.
fn setting_of(error: ModelError) -> Setting {
    match error {
        ModelError::Setting(setting) => setting,
        other => Setting::new("hidden", other, "a valid layer"),
    }
}
