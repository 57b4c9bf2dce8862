//! `sae gradcheck`

use std::process::ExitCode;

use burn::tensor::{DType, Device};
use sae::Error;
use sae::stack::Stage;
use sae::stages::{Stages, Visitor};
use sae::train::{Batch, Compute, FromHost, Trainable, Training, executor};
use sae_model::{
    FiniteDifference, GradientRule, PlainLoops, TensorCheck, by_parameter, gradient_check,
    in_single, named_gradients, relative_difference,
};

use crate::args::{ConfigArgs, GradcheckArgs};
use crate::error::CliError;
use crate::output;

/// Largest relative difference of delta and autodiff, in `f64`.
const RULES: f64 = 1e-10;
/// Largest relative difference of either rule and finite differences, in `f64`.
const FINITE: f64 = 1e-7;
/// Largest relative difference of the fused kernels, which compute in `f32`, and the delta rules in
/// `f64`; where single precision costs Burn's delta rules more than a tenth of that, as with saturated
/// units, ten times what it costs them.
const FUSED: f64 = 1e-3;
/// Gradients so small have no digits in `f32`.
const UNDERFLOW: f64 = 1e-30;

/// Checks every model of a configuration at its initial weights, or of a run at the trained ones, on
/// the first rows of the training data. Exit code 1 where any two gradients disagree.
pub fn run(args: &GradcheckArgs) -> Result<ExitCode, CliError> {
    let run = args
        .run
        .as_ref()
        .map(|path| args.verify.run(path))
        .transpose()?;
    let experiment = match (&run, &args.config) {
        (Some(run), _) => run.experiment().clone(),
        (None, Some(config)) => super::config::load(&ConfigArgs {
            config: config.clone(),
            seed: args.seed,
            set: args.set.clone(),
        })?,
        (None, None) => return Err(CliError::input("expected CONFIG or --run RUN".to_owned())),
    };
    if let Some(run) = run.as_ref().filter(|run| run.facts().train == 0) {
        return Err(CliError::input(format!(
            "{} was imported and has no data of its own; expected a run that was trained here",
            run.folder().path().display()
        )));
    }
    let loaded = experiment
        .data
        .load(experiment.seed, experiment.classifier)?;
    let mut train = loaded.train;
    if let Some(scaling) = experiment.data.fit_scaling(&train)? {
        train = train.scaled(&scaling);
    }
    let settings = experiment.settings(train.rows())?;
    let device = Device::flex();
    let stages = match &run {
        Some(run) => Stages::of_run(run, &settings, &train, DType::F64)?,
        None => Stages::initial(&settings, &train, DType::F64, &device)?,
    };
    let rows = args.rows as usize;
    let mut checker = Checker {
        finite: FiniteDifference {
            entries: args.entries as usize,
        },
        compute: Compute {
            instruction_set: experiment.instruction_set,
            ..Compute::on_cpu(device, experiment.threads())
        },
        checks: Vec::new(),
    };
    stages.visit(Some(rows), &mut checker)?;
    output::result(format!(
        "{} rows, up to {} entries per tensor; relative differences |a - b| / |a + b| in f64, of the \
         fused kernels in f32; finite differences are those of J by plain loops, of which only what \
         exceeds their rounding error counts",
        rows.min(train.rows()),
        args.entries
    ))?;
    output::result(table(&checker.checks))?;
    output::result(verdict(&checker.checks))?;
    let agree = checker.checks.iter().all(Check::agrees);
    Ok(ExitCode::from(u8::from(!agree)))
}

/// Agreement on one parameter tensor of one model.
struct Check {
    stage: Stage,
    tensor: TensorCheck,
    /// The fused kernels against the delta rules.
    fused: f64,
    /// The delta rules in `f32` against themselves in `f64`.
    single: f64,
}

impl Check {
    /// A difference that is not a number is no agreement.
    fn agrees(&self) -> bool {
        let TensorCheck {
            delta_autodiff,
            delta_finite,
            autodiff_finite,
            ..
        } = self.tensor;
        delta_autodiff < RULES
            && delta_finite < FINITE
            && autodiff_finite < FINITE
            && (self.fused < FUSED.max(10.0 * self.single) || self.tensor.norm < UNDERFLOW)
    }
}

struct Checker {
    finite: FiniteDifference,
    compute: Compute,
    checks: Vec<Check>,
}

impl Visitor for Checker {
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
        let exact = O::Batch::from_host(batch, &self.compute.device, DType::F64)?;
        let delta = GradientRule::Delta.gradient(objective, model, &exact);
        let delta = named_gradients(model, &delta.gradients);
        let fused = self.fused(objective, model, batch)?;
        let single_batch = O::Batch::from_host(batch, &self.compute.device, DType::F32)?;
        let single_model = in_single(model.clone());
        let single = GradientRule::Delta.gradient(objective, &single_model, &single_batch);
        let single = named_gradients(&single_model, &single.gradients);
        let checks = gradient_check(objective, model, &exact, self.finite);
        let in_single = single.into_iter().map(|(_, values)| values);
        let all = checks.into_iter().zip(delta).zip(fused).zip(in_single);
        for (((tensor, (_, delta)), fused), single) in all {
            self.checks.push(Check {
                stage,
                tensor,
                fused: relative_difference(&fused, &delta),
                single: relative_difference(&single, &delta),
            });
        }
        Ok(())
    }
}

impl Checker {
    /// The gradient in the fused kernels, parameter by parameter.
    fn fused<O: Trainable>(
        &self,
        objective: &O,
        model: &O::Model,
        batch: &Batch<'_>,
    ) -> Result<Vec<Vec<f64>>, Error>
    where
        O::Batch: FromHost,
        O::Model: 'static,
    {
        let training = Training::default();
        let mut kernels = executor(objective, model.clone(), &training, &self.compute)?;
        let gradient = kernels.gradient(batch)?;
        let named = by_parameter(model, &gradient.values).into_iter();
        Ok(named.map(|(_, values)| values).collect())
    }
}

/// What the table says, in a line.
fn verdict(checks: &[Check]) -> String {
    let agree = checks.iter().all(Check::agrees);
    let kinks: usize = checks.iter().map(|check| check.tensor.kinks).sum();
    let unresolved: usize = checks.iter().map(|check| check.tensor.unresolved).sum();
    let flat = checks.iter().filter(|c| c.tensor.norm == 0.0).count();
    let mut text = format!(
        "{}: delta-autodiff must be below {RULES:.0e}, those with finite differences below \
         {FINITE:.0e}, fused-delta below {FUSED:.0e} (or ten times what f32 \
         costs the delta rules)",
        if agree { "all agree" } else { "they disagree" }
    );
    if kinks > 0 {
        text.push_str(&format!(
            "\n{kinks} entries were left out: at no step does every sample stay on its side of a \
             unit's kink"
        ));
    }
    if unresolved > 0 {
        text.push_str(&format!(
            "\n{unresolved} entries are too small for differences of J, of which rounding may be more \
             than a thousandth of the gradient: all that is said of them is that they are within it"
        ));
    }
    if flat > 0 {
        text.push_str(&format!(
            "\n{flat} tensors have no slope at these weights, so that only zeros were compared"
        ));
    }
    text
}

fn table(checks: &[Check]) -> String {
    let mut lines = vec![format!(
        "{:<14} {:<20} {:>12} {:>10} {:>16} {:>16} {:>18} {:>14}",
        "model",
        "parameter",
        "shape",
        "norm",
        "delta-autodiff",
        "delta-finite",
        "autodiff-finite",
        "fused-delta"
    )];
    for check in checks {
        let tensor = &check.tensor;
        lines.push(format!(
            "{:<14} {:<20} {:>12} {:>10.1e} {:>16.2e} {:>16} {:>18} {:>14.2e}{}",
            check.stage,
            tensor.name,
            format!("{:?}", tensor.shape),
            tensor.norm,
            tensor.delta_autodiff,
            differenced(tensor, tensor.delta_finite),
            differenced(tensor, tensor.autodiff_finite),
            check.fused,
            if check.agrees() { "" } else { "  DISAGREE" }
        ));
    }
    lines.join("\n")
}

/// A column of finite differences; `-` where no entry could be differenced.
fn differenced(tensor: &TensorCheck, difference: f64) -> String {
    match tensor.entries {
        0 => "-".to_owned(),
        _ => format!("{difference:.2e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(delta_autodiff: f64, delta_finite: f64, fused: f64) -> Check {
        Check {
            stage: Stage::Softmax,
            tensor: TensorCheck {
                name: "encoder.weight".to_owned(),
                shape: vec![3, 2],
                entries: 6,
                kinks: 0,
                unresolved: 0,
                norm: 1.0,
                delta_autodiff,
                delta_finite,
                autodiff_finite: 1e-9,
            },
            fused,
            single: 1e-6,
        }
    }

    #[test]
    fn disagreement_is_marked() {
        let marked = |c: Check| table(&[c]).contains("DISAGREE");
        assert!(!marked(check(1e-12, 1e-8, 1e-6)));
        assert!(marked(check(1e-9, 1e-8, 1e-6)));
        assert!(marked(check(1e-12, 1e-6, 1e-6)));
        assert!(marked(check(f64::NAN, 1e-8, 1e-6)));
        assert!(marked(check(1e-12, 1e-8, 1e-2)));
    }
}
