//! The last two launches of a step: the gradient is completed, and moves the parameters.

use crate::device::cube;
use crate::kernels::finish::{FinishForm, Source, finish};
use crate::kernels::update::{Method, Move, Rates, update};
use crate::launches::along;
use crate::model::Model;
use crate::plan::Plan;
use crate::shape::{Purpose, bits};

/// Whose gradient an update looks at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Gradient {
    /// That of a pass, with so much of the decay.
    Whole(f32),
    /// One that was given.
    Given,
    /// None: only the parameters are looked at.
    Nobodys,
}

// Each kernel reads and writes below the ends of what it is given: the sizes are those of the same shape and plan.
#[allow(unsafe_code)]
impl Model {
    /// Completes the gradient of a pass of `rows` samples, or another, and finds what an update must know.
    pub(crate) fn complete(&self, gradient: Gradient, rows: usize) {
        let work = &self.work;
        let (splits, _) = Plan::splits(&self.shape, rows.max(1));
        let form = FinishForm {
            weights: self.shape.weights.clone(),
            layers: self.shape.layers.clone(),
            sides: self.plan.sides.clone(),
            parameters: self.shape.parameters,
            outputs: self.shape.outputs,
            of_cube: self.plan.of_cube,
            source: match gradient {
                Gradient::Whole(_) => Source::Parts,
                Gradient::Given => Source::Given,
                Gradient::Nobodys => Source::Nothing,
            },
        };
        self.gpu.count_launch();
        // SAFETY: see above.
        unsafe {
            finish::launch_unchecked(
                &self.gpu.client,
                along(self.plan.cubes),
                cube(),
                work.parts.arg(),
                work.biases.arg(),
                self.values.arg(),
                self.gradients.arg(),
                self.squares.arg(),
                self.ledger.arg(),
                rows as u32,
                splits as u32,
                match gradient {
                    Gradient::Whole(decay) if self.shape.finite => decay,
                    Gradient::Whole(_) => f32::NAN,
                    Gradient::Given | Gradient::Nobodys => 0.0,
                },
                form,
            );
        }
    }

    /// Moves the parameters, and writes the step down in a line.
    pub(crate) fn move_by(&self, method: Method, rates: Rates, estimates: bool, line: usize) {
        let work = &self.work;
        let (beta, rho, clamp) = match &self.shape.purpose {
            Purpose::Reconstruction(config) => (config.beta, config.rho, config.clamp),
            Purpose::Classes => (0.0, 0.5, 0.1),
        };
        let form = Move {
            method,
            weights: self.shape.weights.clone(),
            parameters: self.shape.parameters,
            of_cube: self.plan.of_cube,
            hidden: self.shape.hidden(),
            beta: bits(beta),
            rho: bits(rho),
            clamp: bits(clamp),
            estimates,
        };
        // A batch has no more rows than `f32` counts exactly.
        let rows = rates.rows as usize;
        self.gpu.count_launch();
        // SAFETY: see above.
        unsafe {
            update::launch_unchecked(
                &self.gpu.client,
                along(self.plan.cubes),
                cube(),
                self.gradients.arg(),
                self.values.arg(),
                self.first.arg(),
                self.second.arg(),
                self.squares.arg(),
                work.terms.arg(),
                self.means.arg(),
                self.ledger.arg(),
                rates.arg(),
                self.plan.cubes as u32,
                self.pairs(rows) as u32,
                self.singles(rows) as u32,
                line as u32,
                form,
            );
        }
    }
}
