//! The cascaded encoders with the softmax head on top.

use burn::module::Module;
use burn::tensor::Tensor;
use burn::tensor::activation::log_softmax;

use crate::{Dense, ModelError, Softmax, SparseAutoencoder};

/// The deep feed-forward network `softmax(φ(… φ(x·W1 + b1) …)·Ws + bs)`.
#[derive(Module, Debug)]
pub struct DeepNetwork {
    /// One encoder per autoencoder of the stack, the first one nearest the input.
    pub encoders: Vec<Dense>,
    /// The classifier on the last code.
    pub head: Softmax,
}

impl DeepNetwork {
    /// Cascades the encoders of trained autoencoders and puts `head` on top. The decoders are
    /// left behind.
    ///
    /// # Errors
    ///
    /// Refuses parts whose sizes do not chain: the code of each autoencoder must be as long as the
    /// input of the next, and the last one as long as the head's.
    pub fn stack(autoencoders: &[SparseAutoencoder], head: Softmax) -> Result<Self, ModelError> {
        Self::new(
            autoencoders.iter().map(|a| a.encoder.clone()).collect(),
            head,
        )
    }

    /// A network of given parts.
    ///
    /// # Errors
    ///
    /// As [`DeepNetwork::stack`].
    pub fn new(encoders: Vec<Dense>, head: Softmax) -> Result<Self, ModelError> {
        let maps: Vec<&Dense> = encoders.iter().chain([&head.output]).collect();
        for pair in maps.windows(2) {
            let (below, above) = (pair[0], pair[1]);
            if below.outputs() != above.inputs() {
                return Err(ModelError::Shape {
                    operation: "stacking encoders",
                    left_name: "the weight of one layer",
                    left: vec![below.inputs(), below.outputs()],
                    right_name: "the weight of the next",
                    right: vec![above.inputs(), above.outputs()],
                });
            }
        }
        Ok(Self { encoders, head })
    }

    /// Number of input values.
    pub fn inputs(&self) -> usize {
        self.encoders
            .first()
            .map_or(self.head.output.inputs(), Dense::inputs)
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.head.output.outputs()
    }

    /// The code of the last encoder: `[batch, input]` → `[batch, last hidden]`.
    pub fn encode(&self, x: Tensor<2>) -> Tensor<2> {
        self.encoders
            .iter()
            .fold(x, |x, encoder| encoder.forward(x))
    }

    /// Class scores before normalisation: `[batch, input]` → `[batch, class]`.
    pub fn logits(&self, x: Tensor<2>) -> Tensor<2> {
        self.head.logits(self.encode(x))
    }

    /// Natural logarithms of the class probabilities: `[batch, input]` → `[batch, class]`.
    pub fn log_probabilities(&self, x: Tensor<2>) -> Tensor<2> {
        log_softmax(self.logits(x), 1)
    }
}
