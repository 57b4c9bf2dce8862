//! `sae gradcheck`

use std::process::ExitCode;

use burn::tensor::{DType, Device, Tensor, TensorData};
use sae_data::{Dataset, Stream, stream};
use sae_model::{
    AutoencoderConfig, DeepNetwork, FiniteDifference, LabelledBatch, Objective, SoftmaxConfig,
    SparseAutoencoder, TensorCheck, gradient_check,
};
use sae_stack::StackSettings;

use crate::args::GradcheckArgs;
use crate::error::CliError;
use crate::{data, output};

/// Largest relative difference of delta and autodiff.
const RULES: f64 = 1e-10;
/// Largest relative difference of either rule and finite differences.
const FINITE: f64 = 1e-7;

/// Checks every model of a configuration at its initial weights, in `f64`, on the first rows of its
/// training data. Exit code 1 where any two gradients disagree.
pub fn run(args: &GradcheckArgs) -> Result<ExitCode, CliError> {
    let checked = super::config::load(&args.config)?;
    let data = data::load(&checked.config)?;
    let models = Models::new(&checked.settings, &data.train, args.rows as usize)?;
    let checks = models.check(FiniteDifference {
        entries: args.entries as usize,
        ..FiniteDifference::default()
    })?;
    output::result(format!(
        "f64, {} rows, up to {} entries per tensor by central differences; relative differences \
         |a - b| / |a + b|",
        models.inputs.dims()[0],
        args.entries
    ));
    output::result(format!(
        "{:<14} {:<20} {:>12} {:>16} {:>16} {:>18}",
        "model", "parameter", "shape", "delta-autodiff", "delta-finite", "autodiff-finite"
    ));
    let mut agree = true;
    for (model, check) in &checks {
        let fine = agrees(check);
        agree &= fine;
        output::result(format!(
            "{model:<14} {:<20} {:>12} {:>16.2e} {:>16.2e} {:>18.2e}{}",
            check.name,
            format!("{:?}", check.shape),
            check.delta_autodiff,
            check.delta_finite,
            check.autodiff_finite,
            if fine { "" } else { "  DISAGREE" }
        ));
    }
    output::result(format!(
        "{}: delta-autodiff must be below {RULES:.0e}, the others below {FINITE:.0e}",
        if agree { "all agree" } else { "they disagree" }
    ));
    Ok(ExitCode::from(u8::from(!agree)))
}

/// A difference that is not a number is no agreement.
fn agrees(check: &TensorCheck) -> bool {
    check.delta_autodiff < RULES && check.delta_finite < FINITE && check.autodiff_finite < FINITE
}

/// The models of a stack with their initial weights, and a batch.
struct Models<'a> {
    settings: &'a StackSettings,
    inputs: Tensor<2>,
    labels: Vec<u8>,
    autoencoders: Vec<SparseAutoencoder>,
    network: DeepNetwork,
}

impl<'a> Models<'a> {
    fn new(settings: &'a StackSettings, train: &Dataset, rows: usize) -> Result<Self, CliError> {
        let device = Device::flex();
        let rows: Vec<usize> = (0..rows.min(train.rows())).collect();
        let mut width = train.samples.width();
        let inputs = TensorData::new(train.samples.gather(&rows), [rows.len(), width]);
        let mut autoencoders = Vec::new();
        for (index, layer) in settings.layers.iter().enumerate() {
            let mut rng = stream(settings.seed, Stream::Autoencoder(index as u16));
            let config = AutoencoderConfig::new(width, layer.hidden)?;
            autoencoders.push(config.init(&mut rng, DType::F64, &device));
            width = layer.hidden;
        }
        let mut rng = stream(settings.seed, Stream::Head);
        let head = SoftmaxConfig::new(width, train.classes.len())?;
        let head = head.init(&mut rng, DType::F64, &device);
        Ok(Self {
            settings,
            inputs: Tensor::from_data(inputs, (&device, DType::F64)),
            labels: rows.iter().map(|&row| train.labels[row]).collect(),
            network: DeepNetwork::stack(&autoencoders, head)?,
            autoencoders,
        })
    }

    /// Every model's tensors: each autoencoder on the codes of those below it, the head on the last
    /// codes, the network on the inputs.
    fn check(&self, finite: FiniteDifference) -> Result<Vec<(String, TensorCheck)>, CliError> {
        let mut checks = Vec::new();
        let mut add = |model: String, found: Vec<TensorCheck>| {
            checks.extend(found.into_iter().map(|check| (model.clone(), check)));
        };
        let mut codes = self.inputs.clone();
        for (index, (layer, model)) in self
            .settings
            .layers
            .iter()
            .zip(&self.autoencoders)
            .enumerate()
        {
            let found = gradient_check(&layer.objective, model, &codes, finite)?;
            add(format!("autoencoder-{}", index + 1), found);
            codes = model.encode(codes).inner();
        }
        let head = &self.settings.softmax.0;
        add(
            "softmax".to_owned(),
            self.classifier(head, &self.network.head, codes, finite)?,
        );
        let whole = &self.settings.finetune.0;
        let inputs = self.inputs.clone();
        add(
            "finetune".to_owned(),
            self.classifier(whole, &self.network, inputs, finite)?,
        );
        Ok(checks)
    }

    fn classifier<O: Objective<Batch = LabelledBatch>>(
        &self,
        objective: &O,
        model: &O::Model,
        inputs: Tensor<2>,
        finite: FiniteDifference,
    ) -> Result<Vec<TensorCheck>, CliError> {
        let batch = LabelledBatch::new(inputs, &self.labels, self.network.classes())?;
        Ok(gradient_check(objective, model, &batch, finite)?)
    }
}
