//! A run at one moment, finished or not, for those who watch it.

use std::path::Path;

use sae_data::{Tensors, TensorsError};
use sae_report::Tile;
use sae_stack::{EpochMetrics, Stage};

use crate::folder::{Activity, RunFolder};
use crate::live::{LIVE, first_encoder};
use crate::run::{CONFIG, DATA, weights_name};
use crate::{DataFacts, Error, Experiment, Run};

/// What is known of a run at one moment.
pub struct Watched {
    run: Run,
    /// What becomes of it.
    pub activity: Activity,
    /// Whether it will replace the run at the path that was asked for.
    pub replaces: bool,
    /// Its stages, in their order.
    pub stages: Vec<StageProgress>,
}

/// How far a stage has come.
#[derive(Debug, Clone, PartialEq)]
pub struct StageProgress {
    /// Which.
    pub stage: Stage,
    /// The most epochs that it may take.
    pub planned: usize,
    /// The sparsity target ρ of an autoencoder that has one.
    pub rho: Option<f64>,
    /// Its epochs so far.
    pub metrics: Vec<EpochMetrics>,
    /// Whether it has ended, perhaps before all epochs were run.
    pub is_over: bool,
}

impl StageProgress {
    /// Seconds until all epochs are run, if they go on as the last ones did; nothing where it is not known
    /// or over.
    pub fn seconds_left(&self) -> Option<f64> {
        const LAST: usize = 10;
        let last = self.metrics.iter().rev().take(LAST);
        let (count, sum) = last.fold((0, 0.0), |(n, sum), epoch| (n + 1, sum + epoch.seconds));
        let left = self.planned.saturating_sub(self.metrics.len()) as f64;
        (count > 0 && !self.is_over).then(|| left * sum / f64::from(count))
    }
}

/// What the first units of the layer nearest the inputs look for.
#[derive(Debug, Clone, PartialEq)]
pub struct Tiles {
    /// The size of one.
    pub tile: Tile,
    /// One per unit, `[height · width · channels]`, each divided by its largest magnitude.
    pub units: Vec<Vec<f64>>,
    /// The number of all units.
    pub hidden: usize,
}

impl Watched {
    /// Looks at the run at `path`, or at the one that is being written to replace it; nothing where that
    /// has not begun to train.
    ///
    /// # Errors
    ///
    /// As [`Run::open`] and [`Run::metrics`].
    pub fn look(path: impl AsRef<Path>) -> Result<Option<Self>, Error> {
        let followed = RunFolder::follow(path.as_ref())?;
        let has_begun = followed.folder.has(CONFIG) && followed.folder.has(DATA);
        if followed.activity == Activity::Running && !has_begun {
            return Ok(None);
        }
        let run = Run::in_folder(followed.folder)?;
        let metrics = run.metrics()?;
        let mut stages = planned(run.experiment());
        for stage in &mut stages {
            let name = stage.stage.to_string();
            let own = metrics.iter().filter(|epoch| epoch.stage == name);
            stage.metrics = own.cloned().collect();
            stage.is_over = run.folder().has(&weights_name(&name));
        }
        Ok(Some(Self {
            run,
            activity: followed.activity,
            replaces: followed.replaces,
            stages,
        }))
    }

    /// What its samples are.
    pub fn facts(&self) -> &DataFacts {
        self.run.facts()
    }

    /// Number of the stage that is, or was last, trained.
    pub fn current(&self) -> usize {
        let begun = |stage: &StageProgress| !stage.metrics.is_empty();
        self.stages.iter().rposition(begun).unwrap_or(0)
    }

    /// The tiles of the first `most` units as they are in a stage, or before it where it has left nothing
    /// yet; none where there are no weights.
    ///
    /// # Errors
    ///
    /// Refuses weights that are damaged.
    pub fn tiles(&self, stage: Stage, most: usize) -> Result<Option<Tiles>, Error> {
        let encoder = match self.encoder(stage)? {
            None if stage == Stage::Control => None,
            None => self.encoder(Stage::Autoencoder(1))?,
            found => found,
        };
        let Some(encoder) = encoder else {
            return Ok(None);
        };
        let weight = encoder
            .get("weight", 2)
            .map_err(|error| self.damaged(error))?;
        let hidden = weight.shape[1];
        let count = hidden.min(most);
        let rows = weight.values.chunks(hidden);
        let first: Vec<f64> = rows.flat_map(|row| &row[..count]).copied().collect();
        let scaling = self.run.scaling()?;
        let inputs = self.facts().inputs();
        let fits = match &scaling {
            Some(scaling) => (scaling.inputs(), scaling.outputs()) == (inputs, weight.shape[0]),
            None => weight.shape[0] == inputs,
        };
        if !fits {
            let scaled = scaling.map_or_else(String::new, |scaling| {
                let (of, to) = (scaling.inputs(), scaling.outputs());
                format!(" beside a scaling of {of} inputs to {to}")
            });
            let found = format!("of shape {:?}{scaled}", weight.shape);
            let expected = format!("a row for each of {inputs} inputs");
            let name = "weight".to_owned();
            return Err(self.damaged(TensorsError::Tensor {
                name,
                found,
                expected,
            }));
        }
        let directions = match &scaling {
            Some(scaling) => scaling.directions(&first, count),
            None => first,
        };
        let tile = self.facts().tile();
        let unit = |j: usize| scaled(directions.iter().skip(j).step_by(count).copied());
        Ok(Some(Tiles {
            tile,
            units: (0..count).map(unit).collect(),
            hidden,
        }))
    }

    /// The encoder nearest the inputs that a stage has trained, or trains; nothing where it leaves none.
    fn encoder(&self, stage: Stage) -> Result<Option<Tensors>, Error> {
        let Some(prefix) = first_encoder(stage) else {
            return Ok(None);
        };
        let folder = self.run.folder();
        let name = weights_name(&stage.to_string());
        if folder.has(&name) {
            let tensors = Tensors::from_bytes(&folder.read(&name)?);
            return Ok(Some(tensors.map_err(|e| self.damaged(e))?.below(prefix)));
        }
        if !folder.has(LIVE) {
            return Ok(None);
        }
        let live = Tensors::from_bytes(&folder.read(LIVE)?).map_err(|e| self.damaged(e))?;
        let own = live.description.as_deref() == Some(&*stage.to_string());
        Ok(own.then_some(live))
    }

    fn damaged(&self, error: TensorsError) -> Error {
        Error::Weights {
            path: self.run.folder().path().to_owned(),
            source: error.into(),
        }
    }
}

/// Divided by the largest magnitude.
fn scaled(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    let largest = values
        .iter()
        .fold(0.0f64, |largest, v| largest.max(v.abs()));
    if largest > 0.0 {
        values.iter_mut().for_each(|v| *v /= largest);
    }
    values
}

/// The stages of an experiment, none of which has begun.
fn planned(experiment: &Experiment) -> Vec<StageProgress> {
    let stage = |stage, planned, rho| StageProgress {
        stage,
        planned,
        rho,
        metrics: vec![],
        is_over: false,
    };
    let layers = experiment.layers.iter().enumerate();
    let autoencoders = layers.map(|(index, layer)| {
        let training = layer.pretrain.as_ref().unwrap_or(&experiment.pretrain);
        let rho = (layer.beta > 0.0).then_some(layer.rho);
        stage(Stage::Autoencoder(index + 1), training.epochs, rho)
    });
    let mut stages: Vec<_> = autoencoders.collect();
    if experiment.classifier {
        stages.push(stage(Stage::Softmax, experiment.softmax.epochs, None));
        stages.push(stage(Stage::FineTune, experiment.finetune.epochs, None));
        if experiment.control {
            stages.push(stage(Stage::Control, experiment.finetune.epochs, None));
        }
    }
    stages
}
