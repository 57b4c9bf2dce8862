//! `sae gradcheck`

use std::process::ExitCode;

use burn::tensor::{DType, Device};
use sae_model::{FiniteDifference, Objective, TensorCheck, gradient_check};
use sae_stack::Stage;

use crate::args::GradcheckArgs;
use crate::error::CliError;
use crate::initial::{InitialModels, Visitor};
use crate::{data, output};

/// Largest relative difference of delta and autodiff.
const RULES: f64 = 1e-10;
/// Largest relative difference of either rule and finite differences.
const FINITE: f64 = 1e-7;

/// Checks every model of a configuration at its initial weights, in `f64`, on the first rows of its
/// training data. Exit code 1 where any two gradients disagree.
pub fn run(args: &GradcheckArgs) -> Result<ExitCode, CliError> {
    let checked = super::config::load(&args.config)?;
    let mut train = data::load(&checked.config)?.train;
    if let Some(scaling) = data::fit_scaling(&checked.config, &train)? {
        train.samples = scaling.apply_exactly(&train.samples);
    }
    let settings = checked.settings_for(train.rows())?;
    let models = InitialModels::new(&settings, &train, DType::F64, &Device::flex())?;
    let rows = args.rows as usize;
    let mut checker = Checker {
        finite: FiniteDifference {
            entries: args.entries as usize,
            ..FiniteDifference::default()
        },
        checks: Vec::new(),
    };
    models.visit(Some(rows), &mut checker)?;
    output::result(format!(
        "f64, {} rows, up to {} entries per tensor by central differences; relative differences \
         |a - b| / |a + b|",
        rows.min(train.rows()),
        args.entries
    ));
    output::result(table(&checker.checks));
    let agree = checker.checks.iter().all(|(_, check)| agrees(check));
    output::result(format!(
        "{}: delta-autodiff must be below {RULES:.0e}, the others below {FINITE:.0e}",
        if agree { "all agree" } else { "they disagree" }
    ));
    Ok(ExitCode::from(u8::from(!agree)))
}

struct Checker {
    finite: FiniteDifference,
    checks: Vec<(Stage, TensorCheck)>,
}

impl Visitor for Checker {
    fn visit<O: Objective>(
        &mut self,
        stage: Stage,
        objective: &O,
        model: &O::Model,
        batch: &O::Batch,
    ) -> Result<(), CliError> {
        let found = gradient_check(objective, model, batch, self.finite)?;
        self.checks
            .extend(found.into_iter().map(|check| (stage, check)));
        Ok(())
    }
}

/// A difference that is not a number is no agreement.
fn agrees(check: &TensorCheck) -> bool {
    check.delta_autodiff < RULES && check.delta_finite < FINITE && check.autodiff_finite < FINITE
}

fn table(checks: &[(Stage, TensorCheck)]) -> String {
    let mut lines = vec![format!(
        "{:<14} {:<20} {:>12} {:>16} {:>16} {:>18}",
        "model", "parameter", "shape", "delta-autodiff", "delta-finite", "autodiff-finite"
    )];
    for (stage, check) in checks {
        lines.push(format!(
            "{stage:<14} {:<20} {:>12} {:>16.2e} {:>16.2e} {:>18.2e}{}",
            check.name,
            format!("{:?}", check.shape),
            check.delta_autodiff,
            check.delta_finite,
            check.autodiff_finite,
            if agrees(check) { "" } else { "  DISAGREE" }
        ));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(delta_autodiff: f64, delta_finite: f64) -> TensorCheck {
        TensorCheck {
            name: "encoder.weight".to_owned(),
            shape: vec![3, 2],
            entries: 6,
            delta_autodiff,
            delta_finite,
            autodiff_finite: 1e-9,
        }
    }

    #[test]
    fn disagreement_is_marked() {
        let marked = |c: TensorCheck| table(&[(Stage::Softmax, c)]).contains("DISAGREE");
        assert!(!marked(check(1e-12, 1e-8)));
        assert!(marked(check(1e-9, 1e-8)));
        assert!(marked(check(1e-12, 1e-6)));
        assert!(marked(check(f64::NAN, 1e-8)));
    }
}
