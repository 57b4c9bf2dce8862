//! What objectives are evaluated on.

use burn::tensor::{Tensor, TensorData};

use crate::ModelError;

/// Some samples on a device.
pub trait Batch: Clone {
    /// The same batch as a part of a larger set whose mean activities are `rho_hat` `[1, hidden]`:
    /// these take the place of its own in the value and, as a constant, in the slope of the
    /// sparsity term, while the gradient still goes through its own mean. Of no meaning to
    /// objectives without [`mean_activity`](crate::Objective::mean_activity).
    fn with_rho_hat(self, _rho_hat: Tensor<2>) -> Self {
        self
    }
}

/// Samples for an autoencoder.
#[derive(Debug, Clone)]
pub struct AutoencoderBatch {
    /// What the encoder sees, `[batch, input]`; corrupted where the autoencoder is to denoise.
    pub inputs: Tensor<2>,
    /// What the decoder should give, `[batch, input]`.
    pub targets: Tensor<2>,
    /// ρ̂ of the set that this batch is a part of, `[1, hidden]`; the batch's own where there is
    /// none.
    pub rho_hat: Option<Tensor<2>>,
}

impl Batch for AutoencoderBatch {
    fn with_rho_hat(self, rho_hat: Tensor<2>) -> Self {
        Self {
            rho_hat: Some(rho_hat),
            ..self
        }
    }
}

impl From<Tensor<2>> for AutoencoderBatch {
    /// Inputs `[batch, input]` that are also the targets.
    fn from(x: Tensor<2>) -> Self {
        Self {
            inputs: x.clone(),
            targets: x,
            rho_hat: None,
        }
    }
}

/// Samples with their classes.
#[derive(Debug, Clone)]
pub struct LabelledBatch {
    /// Inputs or codes, `[batch, feature]`.
    pub inputs: Tensor<2>,
    /// One row per sample with a one in the column of its class, `[batch, class]`.
    pub one_hot: Tensor<2>,
}

impl Batch for LabelledBatch {}

impl LabelledBatch {
    /// Marks the class of each row of `inputs` among `classes` classes.
    ///
    /// # Errors
    ///
    /// Refuses a number of labels other than the number of rows, and a label beyond the classes.
    pub fn new(inputs: Tensor<2>, labels: &[u32], classes: usize) -> Result<Self, ModelError> {
        let rows = inputs.dims()[0];
        if labels.len() != rows {
            return Err(ModelError::Shape {
                operation: "labelling a batch",
                left_name: "the inputs",
                left: inputs.dims().to_vec(),
                right_name: "the labels",
                right: vec![labels.len()],
            });
        }
        let mut one_hot = vec![0f32; rows * classes];
        for (row, &label) in labels.iter().enumerate() {
            let label = label as usize;
            if label >= classes {
                let expected = "a number below the number of classes";
                return Err(ModelError::setting("label", label, expected));
            }
            one_hot[row * classes + label] = 1.0;
        }
        let data = TensorData::new(one_hot, [rows, classes]);
        let one_hot = Tensor::from_data(data, (&inputs.device(), inputs.dtype()));
        Ok(Self { inputs, one_hot })
    }
}
