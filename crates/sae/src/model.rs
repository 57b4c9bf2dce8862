//! A trained model, and what can be done with it.

use sae_data::{Samples, Scaling};
use sae_model::{DeepNetwork, ModelError, SparseAutoencoder};
use sae_stack::{Processors, most_probable};

use crate::facts::check_width;
use crate::part::Part;
use crate::passes::Passes;
use crate::{DataFacts, Error};

/// What a run is for: the scaling of its inputs, the pretrained autoencoders, and the fine-tuned
/// network where a classifier was trained. It stands without the run's configuration;
/// [`Model::save`] and [`Model::load`] keep it in one file.
///
/// Samples are given as they are before scaling, `[rows, inputs]`. Codes, reconstructions and scores
/// are those of the pretrained autoencoders, whose decoders lead back; predictions are the
/// network's.
#[derive(Debug, Clone)]
pub struct Model {
    pub(crate) facts: DataFacts,
    pub(crate) scaling: Option<Scaling>,
    pub(crate) autoencoders: Vec<SparseAutoencoder>,
    pub(crate) network: Option<DeepNetwork>,
    /// Quantiles of the scores of training samples, in equal steps from the least to the largest;
    /// none where they are not known.
    pub(crate) score_quantiles: Vec<f64>,
    /// On what rows go through it.
    pub(crate) processors: Processors,
    pub(crate) passes: Passes,
}

impl Model {
    /// A model of its parts.
    ///
    /// # Errors
    ///
    /// Refuses parts whose sizes do not chain, and a model without any autoencoder.
    pub fn new(
        facts: DataFacts,
        scaling: Option<Scaling>,
        autoencoders: Vec<SparseAutoencoder>,
        network: Option<DeepNetwork>,
    ) -> Result<Self, Error> {
        let first = autoencoders.first().map(SparseAutoencoder::inputs);
        let Some(mut width) = first else {
            return Err(Error::Input(
                "the model has no autoencoder; expected at least one".to_owned(),
            ));
        };
        if let Some(scaling) = &scaling {
            chained("the scaling", scaling.outputs(), width)?;
        }
        for autoencoder in &autoencoders {
            chained("an autoencoder's input", autoencoder.inputs(), width)?;
            width = autoencoder.hidden();
        }
        if let (Some(network), Some(first)) = (&network, first) {
            chained("the network's input", network.inputs(), first)?;
            chained("the classes", facts.classes.len(), network.classes())?;
        }
        let inputs = scaling.as_ref().map_or(first.unwrap_or(0), Scaling::inputs);
        chained("the shape of an input", facts.inputs(), inputs)?;
        if !facts.names.is_empty() {
            chained("the names of the inputs", facts.names.len(), inputs)?;
        }
        Ok(Self {
            facts,
            scaling,
            autoencoders,
            network,
            score_quantiles: vec![],
            processors: Processors::ALL,
            passes: Passes::default(),
        })
    }

    /// The same model for which up to so many threads work, instead of one for each processor. It shares
    /// nothing that waits or works with the model that it was made of.
    #[must_use]
    pub fn with_threads(&self, threads: usize) -> Self {
        Self {
            processors: Processors {
                threads,
                ..self.processors
            },
            passes: Passes::default(),
            ..self.clone()
        }
    }

    /// Number of values of a sample, before scaling.
    pub fn inputs(&self) -> usize {
        match &self.scaling {
            Some(scaling) => scaling.inputs(),
            None => self.autoencoders[0].inputs(),
        }
    }

    /// Length of a code: the hidden units of the last autoencoder.
    pub fn hidden(&self) -> usize {
        self.autoencoders[self.autoencoders.len() - 1].hidden()
    }

    /// The pretrained autoencoders, the first one nearest the input.
    pub fn autoencoders(&self) -> &[SparseAutoencoder] {
        &self.autoencoders
    }

    /// The fine-tuned network, where there is one.
    pub fn network(&self) -> Option<&DeepNetwork> {
        self.network.as_ref()
    }

    /// The scaling of its inputs, where there is one.
    pub fn scaling(&self) -> Option<&Scaling> {
        self.scaling.as_ref()
    }

    /// What it was trained on.
    pub fn facts(&self) -> &DataFacts {
        &self.facts
    }

    /// The names of the classes.
    pub fn classes(&self) -> &[String] {
        &self.facts.classes
    }

    /// The codes of samples: `[rows, inputs]` → `[rows, hidden]`.
    ///
    /// # Errors
    ///
    /// Refuses samples of another width.
    pub fn encode(&self, samples: &Samples) -> Result<Samples, Error> {
        let width = self.hidden();
        let mut values = vec![0.0; samples.rows() * width];
        self.encode_into(samples, &mut values)?;
        Ok(Samples::Floats { width, values })
    }

    /// As [`Model::encode`], into `codes`.
    ///
    /// # Errors
    ///
    /// As [`Model::encode`]; refuses room for another number of codes.
    pub fn encode_into(&self, samples: &Samples, codes: &mut [f32]) -> Result<(), Error> {
        check_width("the samples", samples.width(), self.inputs())?;
        let width = self.hidden();
        if codes.len() != samples.rows() * width {
            return Err(Error::Input(format!(
                "there is room for {} values; expected {} codes of {width}",
                codes.len(),
                samples.rows()
            )));
        }
        let by_value = self.scaling().and_then(Scaling::by_value);
        if let (Some(by), true) = (by_value, samples.singles().is_some()) {
            // Scaled as they are read, without a copy.
            return self.mapped_codes_into(samples, by, codes);
        }
        self.for_parts(samples, |part, scaled| {
            let place = part.rows.start * width..part.rows.end * width;
            self.codes_into(scaled, &mut codes[place])
        })
    }

    /// The samples that codes stand for: `[rows, hidden]` → `[rows, inputs]`. Where the scaling
    /// takes its mean from each sample, that mean is not in the code and is left out.
    ///
    /// # Errors
    ///
    /// Refuses codes of another length.
    pub fn decode(&self, codes: &Samples) -> Result<Samples, Error> {
        check_width("the codes", codes.width(), self.hidden())?;
        let output = self.decoded(codes)?;
        let nothing = Samples::Floats {
            width: self.inputs(),
            values: vec![0.0; codes.rows() * self.inputs()],
        };
        Ok(self.unscaled(output, &nothing).in_single())
    }

    /// What is left of samples once they were encoded and decoded: `[rows, inputs]` →
    /// `[rows, inputs]`.
    ///
    /// # Errors
    ///
    /// Refuses samples of another width.
    pub fn reconstruct(&self, samples: &Samples) -> Result<Samples, Error> {
        check_width("the samples", samples.width(), self.inputs())?;
        self.map(samples, self.inputs(), |part, scaled| {
            let output = self.decoded(&self.codes(scaled)?)?;
            Ok(self.unscaled(output, &part.table()))
        })
    }

    /// The most probable class of each sample, an index into [`Model::classes`].
    ///
    /// # Errors
    ///
    /// As [`Model::predict_proba`].
    pub fn predict(&self, samples: &Samples) -> Result<Vec<usize>, Error> {
        Ok(self.classify(samples)?.0)
    }

    /// The most probable class of each sample, and the probabilities of all.
    ///
    /// # Errors
    ///
    /// As [`Model::predict_proba`].
    pub fn classify(&self, samples: &Samples) -> Result<(Vec<usize>, Samples), Error> {
        let probabilities = self.predict_proba(samples)?;
        let class = |row: usize| most_probable(&probabilities.gather(&[row]));
        let classes = (0..samples.rows()).map(class).collect();
        Ok((classes, probabilities))
    }

    /// The probability of each class: `[rows, inputs]` → `[rows, classes]`, rows summing to 1.
    ///
    /// # Errors
    ///
    /// Refuses samples of another width, and a model without a classifier.
    pub fn predict_proba(&self, samples: &Samples) -> Result<Samples, Error> {
        let network = self.network.as_ref().ok_or_else(|| {
            Error::Input(
                "the model has no classifier; expected one that was trained with classifier = true"
                    .to_owned(),
            )
        })?;
        check_width("the samples", samples.width(), self.inputs())?;
        self.map(samples, network.classes(), |_, scaled| {
            let mut scores = self.class_scores(network, scaled)?;
            if let Samples::Floats { width, values } = &mut scores {
                values.chunks_mut(*width).for_each(softmax);
            }
            Ok(scores)
        })
    }

    /// Puts together what `work` makes of some rows at a time, rows of `width` values.
    fn map(
        &self,
        rows: &Samples,
        width: usize,
        mut work: impl FnMut(&Part<'_>, &Part<'_>) -> Result<Samples, Error>,
    ) -> Result<Samples, Error> {
        let values = Vec::with_capacity(rows.rows() * width);
        let mut all = Samples::Floats { width, values };
        self.for_parts(rows, |part, scaled| Ok(all.extend(&work(part, scaled)?)?))?;
        Ok(all)
    }

    pub(crate) fn unscaled(&self, output: Samples, originals: &Samples) -> Samples {
        match &self.scaling {
            Some(scaling) => scaling.undo(&output, originals),
            None => output,
        }
    }
}

/// The softmax of some scores, in their place.
fn softmax(scores: &mut [f32]) {
    let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let powers: Vec<f64> = scores
        .iter()
        .map(|&s| f64::from(s - largest).exp())
        .collect();
    let sum: f64 = powers.iter().sum();
    let shares = powers.iter().map(|power| (power / sum) as f32);
    scores
        .iter_mut()
        .zip(shares)
        .for_each(|(score, share)| *score = share);
}

fn chained(what: &'static str, found: usize, expected: usize) -> Result<(), Error> {
    match found == expected {
        true => Ok(()),
        false => Err(Error::Model(ModelError::Shape {
            operation: "putting a model together",
            left_name: what,
            left: vec![found],
            right_name: "what it is to fit",
            right: vec![expected],
        })),
    }
}
