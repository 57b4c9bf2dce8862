//! The models of a configuration at their initial weights, for checks of gradients.

use burn::tensor::{DType, Device, Tensor, TensorData};
use sae_data::{Corruptor, Dataset, Labels, Stream, stream};
use sae_model::{
    AutoencoderBatch, AutoencoderConfig, DeepNetwork, LabelledBatch, Objective, SoftmaxConfig,
    SparseAutoencoder,
};
use sae_stack::{ClassifierSettings, StackSettings, Stage};
use sae_train::{BatchSize, CHUNK, Training};

use crate::error::CliError;

/// Every model of a stack, as it is before training.
pub struct InitialModels<'a> {
    settings: &'a StackSettings,
    train: &'a Dataset,
    device: Device,
    dtype: DType,
    autoencoders: Vec<SparseAutoencoder>,
    classifier: Option<Classifier<'a>>,
}

/// The supervised part, where the settings have one.
struct Classifier<'a> {
    settings: &'a ClassifierSettings,
    labels: &'a Labels,
    network: DeepNetwork,
}

/// Something done with each model, whatever its kind.
pub trait Visitor {
    /// Called with the stage that trains the model, its objective, the model and a batch.
    ///
    /// # Errors
    ///
    /// Any error ends the walk.
    fn visit<O: Objective>(
        &mut self,
        stage: Stage,
        objective: &O,
        model: &O::Model,
        batch: &O::Batch,
    ) -> Result<(), CliError>;
}

impl<'a> InitialModels<'a> {
    /// Draws the weights that training on `train` would start from.
    ///
    /// # Errors
    ///
    /// Refuses sizes that make no model.
    pub fn new(
        settings: &'a StackSettings,
        train: &'a Dataset,
        dtype: DType,
        device: &Device,
    ) -> Result<Self, CliError> {
        let mut width = train.samples.width();
        let mut autoencoders = Vec::new();
        for (index, layer) in settings.layers.iter().enumerate() {
            let mut rng = stream(settings.seed, Stream::Autoencoder(index as u16));
            let config = AutoencoderConfig::new(width, layer.hidden)?
                .with_architecture(layer.architecture)?;
            autoencoders.push(config.init(&mut rng, dtype, device));
            width = layer.hidden;
        }
        let classifier = match settings.classifier.as_ref().zip(train.labels.as_ref()) {
            Some((settings_of, labels)) => {
                let mut rng = stream(settings.seed, Stream::Head);
                let head = SoftmaxConfig::new(width, labels.classes.len())?;
                let head = head.init(&mut rng, dtype, device);
                Some(Classifier {
                    settings: settings_of,
                    labels,
                    network: DeepNetwork::stack(&autoencoders, head)?,
                })
            }
            None => None,
        };
        Ok(Self {
            settings,
            train,
            device: device.clone(),
            dtype,
            autoencoders,
            classifier,
        })
    }

    /// Visits each autoencoder on the codes of those below it, the head on the last codes, and the
    /// network on the inputs. A batch has `rows` rows, or as many as the stage's training uses.
    ///
    /// # Errors
    ///
    /// As the visitor.
    pub fn visit(&self, rows: Option<usize>, visitor: &mut impl Visitor) -> Result<(), CliError> {
        let of = |training: &Training| self.rows(rows, training);
        for (index, layer) in self.settings.layers.iter().enumerate() {
            let inputs = self.inputs(of(&layer.training));
            let batch = self.corrupted(self.codes(inputs, index), index);
            let model = &self.autoencoders[index];
            visitor.visit(
                Stage::Autoencoder(index + 1),
                &layer.objective,
                model,
                &batch,
            )?;
        }
        let Some(classifier) = &self.classifier else {
            return Ok(());
        };
        let (objective, training) = &classifier.settings.softmax;
        let codes = self.codes(self.inputs(of(training)), self.autoencoders.len());
        let (network, batch) = (&classifier.network, classifier.batch(codes)?);
        visitor.visit(Stage::Softmax, objective, &network.head, &batch)?;

        let (objective, training) = &classifier.settings.finetune;
        let batch = classifier.batch(self.inputs(of(training)))?;
        visitor.visit(Stage::FineTune, objective, network, &batch)
    }

    fn rows(&self, rows: Option<usize>, training: &Training) -> usize {
        let rows = rows.unwrap_or(match training.batch {
            BatchSize::Full => CHUNK,
            BatchSize::Rows(rows) => rows,
        });
        rows.min(self.train.rows())
    }

    /// The first rows of the training data, `[rows, input]`.
    fn inputs(&self, rows: usize) -> Tensor<2> {
        let rows: Vec<usize> = (0..rows).collect();
        let width = self.train.samples.width();
        let values = TensorData::new(self.train.samples.gather(&rows), [rows.len(), width]);
        Tensor::from_data(values, (&self.device, self.dtype))
    }

    /// The codes of the first `layers` encoders.
    fn codes(&self, inputs: Tensor<2>, layers: usize) -> Tensor<2> {
        let below = &self.autoencoders[..layers];
        below
            .iter()
            .fold(inputs, |x, model| model.encode(x).inner())
    }

    /// Inputs of autoencoder `index`, corrupted as its training would, with clean targets.
    fn corrupted(&self, clean: Tensor<2>, index: usize) -> AutoencoderBatch {
        let batch = AutoencoderBatch::from(clean.clone());
        let Some(corruption) = self.settings.layers[index].corruption else {
            return batch;
        };
        let shape = clean.dims();
        let rows: Vec<usize> = (0..shape[0]).collect();
        let mut values: Vec<f32> = clean.into_data().iter::<f32>().collect();
        let purpose = Stream::Corruption(index as u16);
        Corruptor::new(corruption, rows.len(), self.settings.seed, purpose)
            .apply(&rows, &mut values);
        let values = TensorData::new(values, shape);
        AutoencoderBatch {
            inputs: Tensor::from_data(values, (&self.device, self.dtype)),
            ..batch
        }
    }
}

impl Classifier<'_> {
    /// Inputs of the first rows with their labels.
    fn batch(&self, inputs: Tensor<2>) -> Result<LabelledBatch, CliError> {
        let labels = &self.labels.values[..inputs.dims()[0]];
        Ok(LabelledBatch::new(inputs, labels, self.network.classes())?)
    }
}
