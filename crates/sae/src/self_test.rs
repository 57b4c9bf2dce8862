//! A GPU's gradients against the CPU's, before a run is trusted to it.

use burn::tensor::{DType, Device};
use sae_data::Dataset;
use sae_model::{GradientRule, PlainLoops, named_gradients, relative_difference};
use sae_stack::{StackSettings, Stage};
use sae_train::{Batch, FromHost, Trainable};

use crate::stages::{Stages, Visitor};
use crate::{Backend, Error};

/// Largest relative difference ‖a − b‖ / ‖a + b‖ of a gradient tensor in `f32`. Rounding stays
/// orders of magnitude below; a wrong kernel does not.
const TOLERANCE: f64 = 1e-3;

/// Compares the gradient of every model at the run's real shapes with the one on flex. The CPU
/// backends are tested against each other elsewhere; they need no test at every start.
///
/// # Errors
///
/// Names the first tensor that differs.
pub fn run(
    backend: Backend,
    settings: &StackSettings,
    train: &Dataset,
    device: &Device,
) -> Result<(), Error> {
    if !backend.is_gpu() {
        return Ok(());
    }
    let gradients = |device: &Device| {
        let mut collector = Collector {
            device: device.clone(),
            gradients: Vec::new(),
        };
        Stages::initial(settings, train, DType::F32, device)?.visit(None, &mut collector)?;
        Ok::<_, Error>(collector.gradients)
    };
    let (here, cpu) = (gradients(device)?, gradients(&Device::flex())?);
    for ((stage, name, here), (_, _, cpu)) in here.iter().zip(&cpu) {
        let difference = relative_difference(here, cpu);
        let fine = difference < TOLERANCE;
        if !fine {
            return Err(Error::Backend(format!(
                "backend {}: the gradient of {name} ({stage}) differs from the CPU's by \
                 {difference:.1e}; expected less than {TOLERANCE:.0e}. This device or its driver \
                 computes wrong results; use --backend flex",
                backend.name()
            )));
        }
    }
    Ok(())
}

struct Collector {
    device: Device,
    gradients: Vec<(Stage, String, Vec<f64>)>,
}

impl Visitor for Collector {
    fn visit<O: Trainable + PlainLoops>(
        &mut self,
        stage: Stage,
        objective: &O,
        model: &O::Model,
        batch: &Batch<'_>,
    ) -> Result<(), Error>
    where
        O::Batch: FromHost,
    {
        let batch = O::Batch::from_host(batch, &self.device, DType::F32)?;
        let gradient = GradientRule::Delta.gradient(objective, model, &batch);
        let named = named_gradients(model, &gradient.gradients);
        let staged = named
            .into_iter()
            .map(|(name, values)| (stage, name, values));
        self.gradients.extend(staged);
        Ok(())
    }
}
