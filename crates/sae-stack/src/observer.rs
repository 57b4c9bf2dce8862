//! Who is told about a pipeline.

use sae_data::Tensors;
use sae_model::{DeepNetwork, SparseAutoencoder};
use sae_train::{Retreat, TrainError, Training};

use crate::reached::{Moment, ReachedNow};
use crate::stage::Stage;
use crate::{EpochMetrics, Evaluation, LayerReport};

/// What a finished stage produced.
#[derive(Debug, Clone, Copy)]
pub enum Finished<'a> {
    /// A pretrained autoencoder.
    Autoencoder {
        /// The autoencoder.
        model: &'a SparseAutoencoder,
        /// Its figures.
        report: &'a LayerReport,
        /// ρ̂, exact over all training samples, `[hidden]`.
        rho_hat: &'a [f64],
    },
    /// A network and its figures on the test samples.
    Network(&'a DeepNetwork, &'a Evaluation),
}

/// Makes named arrays, as of [`weights_of`](crate::weights_of), of the model that is being trained.
pub type WeightsNow<'a> = &'a dyn Fn() -> Result<Tensors, TrainError>;

/// Told about progress; may stop the run by an error. Every method does nothing unless it is
/// written.
pub trait Observer {
    /// A stage begins, or goes on after `epochs` of its epochs.
    fn started(&mut self, _stage: Stage, _training: &Training, _epochs: usize) {}

    /// A stage was over before the pipeline went on; it is told of as finished, but not as started.
    fn restored(&mut self, _stage: Stage) {}

    /// An epoch has ended.
    ///
    /// # Errors
    ///
    /// Any error stops the run.
    fn epoch(&mut self, _stage: Stage, _metrics: &EpochMetrics) -> Result<(), TrainError> {
        Ok(())
    }

    /// After each epoch: the weights as they are now, for whoever wants to look at them. They are copied
    /// only when they are asked for.
    ///
    /// # Errors
    ///
    /// Any error stops the run.
    fn in_training(&mut self, _stage: Stage, _weights: WeightsNow<'_>) -> Result<(), TrainError> {
        Ok(())
    }

    /// A number was no longer finite: the stage went back to the start of an epoch, and halved its learning
    /// rate.
    ///
    /// # Errors
    ///
    /// Any error stops the run.
    fn retreated(&mut self, _stage: Stage, _retreat: &Retreat) -> Result<(), TrainError> {
        Ok(())
    }

    /// The pipeline can be left now, and gone on with from what `reached` copies, which may be large.
    ///
    /// # Errors
    ///
    /// Any error stops the run.
    fn reached(
        &mut self,
        _stage: Stage,
        _moment: Moment,
        _reached: ReachedNow<'_>,
    ) -> Result<(), TrainError> {
        Ok(())
    }

    /// A stage has ended.
    ///
    /// # Errors
    ///
    /// Any error stops the run.
    fn finished(&mut self, _stage: Stage, _finished: Finished<'_>) -> Result<(), TrainError> {
        Ok(())
    }
}

/// Nobody is told.
impl Observer for () {}
