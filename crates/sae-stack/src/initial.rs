//! The models of a stack before training: training starts from them, and checks look at them.

use burn::tensor::{DType, Device};
use sae_data::{Stream, stream};
use sae_model::{AutoencoderConfig, ModelError, Softmax, SoftmaxConfig, SparseAutoencoder};

use crate::StackSettings;

impl StackSettings {
    /// Autoencoder number `index`, from 0, of `inputs` values.
    ///
    /// # Errors
    ///
    /// Refuses sizes that make no model.
    ///
    /// # Panics
    ///
    /// Panics where there is no such layer.
    pub fn initial_autoencoder(
        &self,
        index: usize,
        inputs: usize,
        dtype: DType,
        device: &Device,
    ) -> Result<SparseAutoencoder, ModelError> {
        let layer = &self.layers[index];
        let config = AutoencoderConfig::new(inputs, layer.hidden)?;
        let mut rng = stream(self.seed, Stream::Autoencoder(index as u16));
        let config = config.with_architecture(layer.architecture)?;
        Ok(config.init(&mut rng, dtype, device))
    }

    /// The softmax head on `features` values.
    ///
    /// # Errors
    ///
    /// Refuses sizes that make no model.
    pub fn initial_head(
        &self,
        features: usize,
        classes: usize,
        dtype: DType,
        device: &Device,
    ) -> Result<Softmax, ModelError> {
        let mut rng = stream(self.seed, Stream::Head);
        Ok(SoftmaxConfig::new(features, classes)?.init(&mut rng, dtype, device))
    }
}
