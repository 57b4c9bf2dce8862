//! A trained model, and what can be done with it.

use burn::module::Module;
use burn::tensor::{DType, Device, Tensor, TensorData};
use sae_data::{Samples, Scaling};
use sae_model::{DeepNetwork, ModelError, SparseAutoencoder};
use sae_stack::most_probable;
use sae_train::{Selected, Table};

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
}

/// Rows that are worked on at once.
const ROWS_AT_ONCE: usize = 1000;

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
        Ok(Self {
            facts,
            scaling,
            autoencoders,
            network,
        })
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
        self.check_width("the samples", samples.width(), self.inputs())?;
        Ok(self.map(samples, self.hidden(), |x| self.codes(self.scaled(x))))
    }

    /// The samples that codes stand for: `[rows, hidden]` → `[rows, inputs]`. Where the scaling
    /// takes its mean from each sample, that mean is not in the code and is left out.
    ///
    /// # Errors
    ///
    /// Refuses codes of another length.
    pub fn decode(&self, codes: &Samples) -> Result<Samples, Error> {
        self.check_width("the codes", codes.width(), self.hidden())?;
        Ok(self.map(codes, self.inputs(), |code| {
            let output = self.decoded(on_device(code));
            let nothing = Samples::Floats {
                width: self.inputs(),
                values: vec![0.0; code.rows() * self.inputs()],
            };
            self.unscaled(output, &nothing)
        }))
    }

    /// What is left of samples once they were encoded and decoded: `[rows, inputs]` →
    /// `[rows, inputs]`.
    ///
    /// # Errors
    ///
    /// Refuses samples of another width.
    pub fn reconstruct(&self, samples: &Samples) -> Result<Samples, Error> {
        self.check_width("the samples", samples.width(), self.inputs())?;
        Ok(self.map(samples, self.inputs(), |x| {
            let codes = self.codes(self.scaled(x));
            self.unscaled(self.decoded(on_device(&codes)), x)
        }))
    }

    /// How far each sample is from its reconstruction, for finding what is unlike the training
    /// samples: the root of the mean squared error over the inputs, in the inputs' own units.
    ///
    /// # Errors
    ///
    /// Refuses samples of another width.
    pub fn score(&self, samples: &Samples) -> Result<Vec<f64>, Error> {
        let reconstructed = self.reconstruct(samples)?;
        let rows: Vec<usize> = (0..samples.rows()).collect();
        let rmse = |&row: &usize| {
            let pair = [samples, &reconstructed].map(|table| table.gather_doubles(&[row]));
            let squares = pair[0].iter().zip(&pair[1]).map(|(x, z)| (x - z).powi(2));
            (squares.sum::<f64>() / samples.width() as f64).sqrt()
        };
        Ok(rows.iter().map(rmse).collect())
    }

    /// The most probable class of each sample, an index into [`Model::classes`].
    ///
    /// # Errors
    ///
    /// As [`Model::predict_proba`].
    pub fn predict(&self, samples: &Samples) -> Result<Vec<usize>, Error> {
        let probabilities = self.predict_proba(samples)?;
        let rows = 0..samples.rows();
        let class = |row: usize| most_probable(&probabilities.gather(&[row]));
        Ok(rows.map(class).collect())
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
        self.check_width("the samples", samples.width(), self.inputs())?;
        let network = network.valid();
        Ok(self.map(samples, network.classes(), |x| {
            let scaled = self.scaled(x);
            let probabilities = network.log_probabilities(on_device(&scaled)).exp();
            on_host(probabilities)
        }))
    }

    /// Calls `work` with some rows at a time and puts the results, rows of `width` values, together.
    fn map(&self, rows: &Samples, width: usize, work: impl Fn(&Samples) -> Samples) -> Samples {
        let mut values = Vec::with_capacity(rows.rows() * width);
        let all: Vec<usize> = (0..rows.rows()).collect();
        for some in all.chunks(ROWS_AT_ONCE) {
            let result = work(&rows.select(some));
            let all: Vec<usize> = (0..result.rows()).collect();
            values.extend(result.gather(&all));
        }
        Samples::Floats { width, values }
    }

    fn scaled(&self, samples: &Samples) -> Samples {
        match &self.scaling {
            Some(scaling) => scaling.apply(samples),
            None => samples.clone(),
        }
    }

    fn unscaled(&self, output: Tensor<2>, originals: &Samples) -> Samples {
        let output = on_host(output);
        match &self.scaling {
            Some(scaling) => scaling.undo(&output, originals),
            None => output,
        }
    }

    fn codes(&self, scaled: Samples) -> Samples {
        let code = self.autoencoders.iter();
        on_host(code.fold(on_device(&scaled), |x, model| model.valid().encode(x)))
    }

    fn decoded(&self, code: Tensor<2>) -> Tensor<2> {
        let back = self.autoencoders.iter().rev();
        back.fold(code, |code, model| model.valid().decode(code))
    }

    fn check_width(&self, what: &'static str, found: usize, expected: usize) -> Result<(), Error> {
        match found == expected {
            true => Ok(()),
            false => Err(Error::Input(format!(
                "{what} have {found} values per row; expected {expected}, as the model was trained \
                 on"
            ))),
        }
    }
}

/// Some rows on the device of a model's parameters.
fn on_device(samples: &Samples) -> Tensor<2> {
    let selected = Selected::Range(0, samples.rows());
    Table { samples, selected }.tensor(&Device::flex(), DType::F32)
}

fn on_host(rows: Tensor<2>) -> Samples {
    let width = rows.dims()[1];
    let data: TensorData = rows.into_data();
    Samples::Floats {
        width,
        values: data.iter::<f32>().collect(),
    }
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
