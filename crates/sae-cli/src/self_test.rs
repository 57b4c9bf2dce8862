//! A GPU's gradients against the CPU's, before a run is trusted to it.

use burn::tensor::{DType, Device};
use sae_data::Dataset;
use sae_model::{GradientRule, Objective, named_gradients, relative_difference};
use sae_stack::{StackSettings, Stage};

use crate::backend::Backend;
use crate::error::CliError;
use crate::initial::{InitialModels, Visitor};

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
) -> Result<(), CliError> {
    if backend != Backend::Wgpu {
        return Ok(());
    }
    let gradients = |device: &Device| {
        let mut collector = Collector::default();
        InitialModels::new(settings, train, DType::F32, device)?.visit(None, &mut collector)?;
        Ok::<_, CliError>(collector.gradients)
    };
    let (here, cpu) = (gradients(device)?, gradients(&Device::flex())?);
    for ((stage, name, here), (_, _, cpu)) in here.iter().zip(&cpu) {
        let difference = relative_difference(here, cpu);
        let fine = difference < TOLERANCE;
        if !fine {
            return Err(CliError::Backend(format!(
                "backend {}: the gradient of {name} ({stage}) differs from the CPU's by \
                 {difference:.1e}; expected less than {TOLERANCE:.0e}. This device or its driver \
                 computes wrong results; use --backend flex",
                backend.name()
            )));
        }
    }
    Ok(())
}

#[derive(Default)]
struct Collector {
    gradients: Vec<(Stage, String, Vec<f64>)>,
}

impl Visitor for Collector {
    fn visit<O: Objective>(
        &mut self,
        stage: Stage,
        objective: &O,
        model: &O::Model,
        batch: &O::Batch,
    ) -> Result<(), CliError> {
        let gradient = GradientRule::Delta.gradient(objective, model, batch);
        let named = named_gradients(model, &gradient.gradients);
        let staged = named
            .into_iter()
            .map(|(name, values)| (stage, name, values));
        self.gradients.extend(staged);
        Ok(())
    }
}
