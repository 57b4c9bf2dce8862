//! What a report is made of.

use sae_data::Dataset;
use sae_stack::EpochMetrics;

use crate::{DataFacts, Error, Experiment, LayerUse, Model, Run, RunSummary, Specimens};

/// A finished run, as far as it is known.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// What the run is called.
    pub name: String,
    /// How it was set up.
    pub experiment: Experiment,
    /// The same as the text of its `config.toml`.
    pub config: String,
    /// Its models.
    pub model: Model,
    /// Its figures; nothing of one that was imported.
    pub summary: Option<RunSummary>,
    /// The metrics of every epoch; none of one that was imported.
    pub metrics: Vec<EpochMetrics>,
    /// The samples on which its models are looked at, or why there are none.
    pub specimens: Result<Specimens, String>,
}

impl Evidence {
    /// What the folder of a run holds. Test samples are read, or drawn, once more; where that fails, the
    /// evidence is without them.
    ///
    /// # Errors
    ///
    /// Refuses a run that has not finished, and damaged files.
    pub fn of(run: &Run) -> Result<Self, Error> {
        let experiment = run.experiment();
        let test = experiment
            .data
            .load_test(experiment.seed, experiment.classifier);
        let specimens = test
            .map_err(|error| Error::in_table("data", error))
            .and_then(|test| checked(test, run.facts()))
            .and_then(|test| Specimens::of(&test, experiment));
        let is_imported = !run.has_summary();
        Ok(Self {
            name: run.folder().name(),
            model: run.model()?,
            summary: match is_imported {
                true => None,
                false => Some(run.summary()?),
            },
            metrics: match is_imported {
                true => vec![],
                false => run.metrics()?,
            },
            specimens: specimens.map_err(|error| error.to_string()),
            config: run.config()?,
            experiment: experiment.clone(),
        })
    }

    /// What each layer does on the specimens; none without them.
    ///
    /// # Errors
    ///
    /// As [`Model::layer_use`].
    pub(crate) fn layer_uses(&self) -> Result<Vec<LayerUse>, Error> {
        let Ok(specimens) = &self.specimens else {
            return Ok(vec![]);
        };
        let layers = 1..=self.model.autoencoders().len();
        layers
            .map(|layer| self.model.layer_use(layer, self.rho(layer), specimens))
            .collect()
    }

    /// ρ of layer number `layer`, from 1.
    pub(crate) fn rho(&self, layer: usize) -> f64 {
        self.experiment.layers[layer - 1].rho
    }

    /// The classes, with the number of specimens of each.
    pub(crate) fn classes(&self) -> &[String] {
        self.model.classes()
    }
}

/// Data that changed since are not the run's.
fn checked(test: Dataset, facts: &DataFacts) -> Result<Dataset, Error> {
    match (test.rows(), test.samples.width()) == (facts.test, facts.inputs()) {
        true => Ok(test),
        false => Err(Error::Input(format!(
            "the test data are {} rows of {} values; the run had {} rows of {}",
            test.rows(),
            test.samples.width(),
            facts.test,
            facts.inputs()
        ))),
    }
}
