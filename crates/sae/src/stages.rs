//! The models of an experiment with a batch each, for checks of gradients: at their initial weights,
//! or as a run has left them.

use burn::tensor::{DType, Device};
use sae_data::{Corruption, Corruptor, Dataset, Labels, Samples, Stream};
use sae_model::{DeepNetwork, PlainLoops, SparseAutoencoder};
use sae_stack::{StackSettings, Stage};
use sae_train::{Batch, BatchSize, Classes, FromHost, Selected, Table, Trainable, Training};

use crate::{Error, Run};

/// Every model of a stack.
pub struct Stages<'a> {
    settings: &'a StackSettings,
    train: &'a Dataset,
    device: Device,
    dtype: DType,
    autoencoders: Vec<SparseAutoencoder>,
    classifier: Option<(&'a Labels, DeepNetwork)>,
}

/// Something done with each model, whatever its kind.
pub trait Visitor {
    /// Called with the stage that trains the model, its objective, the model and a batch.
    ///
    /// # Errors
    ///
    /// Any error ends the walk.
    fn visit<O: Trainable + PlainLoops>(
        &mut self,
        stage: Stage,
        objective: &O,
        model: &O::Model,
        batch: &Batch<'_>,
    ) -> Result<(), Error>
    where
        O::Batch: FromHost;
}

/// Rows of a batch where training takes all at once.
const MOST_ROWS: usize = 4096;

impl<'a> Stages<'a> {
    /// Draws the weights that training on `train`, scaled, would start from.
    ///
    /// # Errors
    ///
    /// Refuses sizes that make no model.
    pub fn initial(
        settings: &'a StackSettings,
        train: &'a Dataset,
        dtype: DType,
        device: &Device,
    ) -> Result<Self, Error> {
        let mut width = train.samples.width();
        let mut autoencoders = Vec::new();
        for (index, layer) in settings.layers.iter().enumerate() {
            autoencoders.push(settings.initial_autoencoder(index, width, dtype, device)?);
            width = layer.hidden;
        }
        let labels = train.labels.as_ref();
        let labels = labels.filter(|_| settings.classifier.is_some());
        let classifier = match labels {
            Some(labels) => {
                let classes = labels.classes.len();
                let head = settings.initial_head(width, classes, dtype, device)?;
                Some((labels, DeepNetwork::stack(&autoencoders, head)?))
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

    /// The models that `run` has trained, with `train`, scaled, to evaluate them on.
    ///
    /// # Errors
    ///
    /// Refuses weights that are missing or damaged.
    pub fn of_run(
        run: &Run,
        settings: &'a StackSettings,
        train: &'a Dataset,
        dtype: DType,
    ) -> Result<Self, Error> {
        let device = Device::flex();
        let layers = 1..=settings.layers.len();
        let autoencoders = layers.map(|layer| run.autoencoder(layer, dtype));
        let network = run.network(Stage::FineTune, dtype, &device)?;
        Ok(Self {
            settings,
            train,
            autoencoders: autoencoders.collect::<Result<_, _>>()?,
            classifier: train.labels.as_ref().zip(network),
            device,
            dtype,
        })
    }

    /// Visits each autoencoder on the codes of those below it, the head on the last codes, and the
    /// network on the inputs. A batch has `rows` rows, or as many as the stage's training uses.
    ///
    /// # Errors
    ///
    /// As the visitor.
    pub fn visit(&self, rows: Option<usize>, visitor: &mut impl Visitor) -> Result<(), Error> {
        let inputs = |training: &Training| self.inputs(rows, training);
        for (index, layer) in self.settings.layers.iter().enumerate() {
            let clean = self.codes(inputs(&layer.training)?, index);
            let purpose = Stream::Corruption(index as u16);
            let corrupted = self.corrupted(&clean, layer.corruption, purpose);
            let batch = Batch {
                inputs: all(corrupted.as_ref().unwrap_or(&clean)),
                targets: corrupted.as_ref().map(|_| all(&clean)),
                classes: None,
            };
            let model = &self.autoencoders[index];
            let stage = Stage::Autoencoder(index + 1);
            visitor.visit(stage, &layer.objective, model, &batch)?;
        }
        let classifier = self
            .classifier
            .as_ref()
            .zip(self.settings.classifier.as_ref());
        let Some(((labels, network), settings)) = classifier else {
            return Ok(());
        };
        let raw = inputs(&settings.softmax)?;
        let codes = self.codes(raw, self.autoencoders.len());
        let batch = labelled(&codes, labels);
        visitor.visit(Stage::Softmax, &settings.head, &network.head, &batch)?;
        let raw = inputs(&settings.finetune)?;
        let corrupted = self.corrupted(&raw, settings.corruption, Stream::FineTuneCorruption);
        let batch = labelled(corrupted.as_ref().unwrap_or(&raw), labels);
        visitor.visit(Stage::FineTune, &settings.network, network, &batch)
    }

    /// The first rows of the training data, in `f32` or as bytes.
    fn inputs(&self, rows: Option<usize>, training: &Training) -> Result<Samples, Error> {
        let rows = rows.unwrap_or(match training.batch {
            BatchSize::Full => MOST_ROWS,
            BatchSize::Rows(rows) => rows,
        });
        let rows: Vec<usize> = (0..rows.min(self.train.rows())).collect();
        let first = match self.train.samples.gather(&rows)? {
            bytes @ Samples::Bytes { .. } => return Ok(bytes),
            others => others,
        };
        let mut singles = Samples::Floats {
            width: first.width(),
            values: vec![],
        };
        singles.extend(&first)?;
        Ok(singles)
    }

    /// The codes of the first `layers` encoders, in `f32` as training has them.
    fn codes(&self, inputs: Samples, layers: usize) -> Samples {
        let below = self.autoencoders[..layers].iter();
        below.fold(inputs, |x, model| {
            let code = model
                .encode(all(&x).tensor(&self.device, self.dtype))
                .inner();
            Samples::Floats {
                width: model.hidden(),
                values: code.into_data().iter::<f32>().collect(),
            }
        })
    }

    /// Inputs corrupted as training for this purpose would; nothing where it does not.
    fn corrupted(
        &self,
        clean: &Samples,
        corruption: Option<Corruption>,
        purpose: Stream,
    ) -> Option<Samples> {
        let corruption = corruption?;
        let rows: Vec<usize> = (0..clean.rows()).collect();
        let mut values = clean.gather(&rows);
        Corruptor::new(corruption, rows.len(), self.settings.seed, purpose)
            .apply(&rows, &mut values);
        Some(Samples::Floats {
            width: clean.width(),
            values,
        })
    }
}

fn all(samples: &Samples) -> Table<'_> {
    Table {
        samples,
        selected: Selected::Range(0, samples.rows()),
    }
}

/// The first rows with their labels.
fn labelled<'s>(inputs: &'s Samples, labels: &'s Labels) -> Batch<'s> {
    Batch {
        inputs: all(inputs),
        targets: None,
        classes: Some(Classes {
            labels: &labels.values[..inputs.rows()],
            count: labels.classes.len(),
        }),
    }
}
