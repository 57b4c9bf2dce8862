//! A GPU's gradients against the CPU's, before a run is trusted to it.

use burn::tensor::{DType, Device};
use sae_data::Dataset;
use sae_model::{PlainLoops, relative_difference};
use sae_stack::{StackSettings, Stage};
use sae_train::{
    Batch, Classes, Compute, FromHost, Selected, Table, Trainable, Training, executor,
};

use crate::lost::on_device;
use crate::stages::{Stages, Visitor};
use crate::{Backend, Error};

/// Largest relative difference ‖a − b‖ / ‖a + b‖ of a gradient tensor in `f32`. Rounding stays
/// orders of magnitude below; a wrong kernel does not.
const TOLERANCE: f64 = 1e-3;

/// Compares the gradient of every model at the run's real shapes, by the executor that is to train it, with that of
/// the fused kernels on the CPU. The CPU backends are tested against each other elsewhere; they need no test at
/// every start.
///
/// # Errors
///
/// Names the first tensor that differs.
pub fn run(
    backend: Backend,
    settings: &StackSettings,
    train: &Dataset,
    compute: &Compute,
) -> Result<(), Error> {
    if !backend.is_gpu() {
        return Ok(());
    }
    let gradients = |compute: Compute| {
        let device = compute.device.clone();
        let mut collector = Collector {
            compute,
            gradients: Vec::new(),
        };
        Stages::initial(settings, train, DType::F32, &device)?.visit(None, &mut collector)?;
        Ok::<_, Error>(collector.gradients)
    };
    let here = on_device(|| gradients(compute.clone())).unwrap_or_else(|problem| {
        Err(Error::Backend(format!(
            "backend {}: the device fails at its first gradient ({problem}); use --backend flex",
            backend.name()
        )))
    })?;
    let cpu = gradients(Compute::on_cpu(Device::flex(), compute.threads))?;
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
    compute: Compute,
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
        let training = Training::default();
        let mut executor = executor(objective, model.clone(), &training, &self.compute)?;
        // As minibatches are: rows, in an order, of what the device keeps.
        executor.keep(batch.targets.unwrap_or(batch.inputs).samples)?;
        let order: Vec<usize> = (0..batch.rows()).rev().collect();
        let labels = |classes: Classes<'_>| order.iter().map(|&row| classes.labels[row]).collect();
        let labels: Option<Vec<u32>> = batch.classes.map(labels);
        let batch = Batch {
            inputs: in_order(batch.inputs, &order),
            targets: batch.targets.map(|table| in_order(table, &order)),
            classes: batch
                .classes
                .zip(labels.as_deref())
                .map(|(classes, labels)| Classes { labels, ..classes }),
        };
        let gradient = executor.gradient(&batch)?.values;
        let mut rest = &gradient[..];
        for tensor in executor.tensors() {
            let (own, others) = rest.split_at(tensor.count);
            self.gradients
                .push((stage, tensor.name.clone(), own.to_vec()));
            rest = others;
        }
        Ok(())
    }
}

fn in_order<'a>(table: Table<'a>, order: &'a [usize]) -> Table<'a> {
    Table {
        selected: Selected::Order(order),
        ..table
    }
}
