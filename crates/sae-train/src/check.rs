//! What settings of training may be.

use sae_kernels::Setting;
use sae_kernels::setting::{at_least_one, not_negative, positive, rate};

use crate::rates::Rates;
use crate::{BatchSize, RhoHat, Schedule, Training};

impl Training {
    /// Checks every setting, used or not, and that they go together.
    ///
    /// # Errors
    ///
    /// Names the first setting that is outside its range or cannot be combined with another.
    pub fn check(&self) -> Result<(), Setting> {
        positive("learning_rate", self.learning_rate)?;
        for (name, value) in [
            ("momentum", self.momentum),
            ("beta1", self.beta1),
            ("beta2", self.beta2),
            ("alpha", self.alpha),
            ("rho_hat_decay", self.rho_hat_decay),
        ] {
            rate(name, value)?;
        }
        positive("epsilon", self.epsilon)?;
        not_negative("decoupled_weight_decay", self.decoupled_weight_decay)?;
        not_negative("tolerance", self.tolerance)?;
        not_negative("gradient_tolerance", self.gradient_tolerance)?;
        not_negative("gradient_clip", self.gradient_clip)?;
        positive("schedule_last", self.schedule_last)?;
        if !(self.schedule_factor > 0.0 && self.schedule_factor < 1.0) {
            let found = self.schedule_factor;
            return Err(Setting::new("schedule_factor", found, "a number in (0, 1)"));
        }
        for (name, value) in [
            ("schedule_every", self.schedule_every),
            ("history", self.history),
            ("epochs", self.epochs),
            ("patience", self.patience),
        ] {
            at_least_one(name, value)?;
        }
        Rates::new(self, 0)?;
        if self.optimizer.searches_lines() {
            self.check_line_search()?;
        }
        match self.batch {
            BatchSize::Full => self.check_full(),
            BatchSize::Rows(rows) => self.check_minibatch(rows),
        }
    }

    fn check_line_search(&self) -> Result<(), Setting> {
        let expected =
            "0: lbfgs and cg find their own steps, and take none to a point that is not finite";
        let found = |value: &dyn std::fmt::Display| format!("{value} with a line search");
        if self.gradient_clip > 0.0 {
            let found = found(&self.gradient_clip);
            return Err(Setting::new("gradient_clip", found, expected));
        }
        if self.retreats > 0 {
            return Err(Setting::new("retreats", found(&self.retreats), expected));
        }
        Ok(())
    }

    fn check_full(&self) -> Result<(), Setting> {
        if self.rho_hat != RhoHat::Batch {
            return Err(Setting::new(
                "rho_hat",
                "an estimate with the full batch",
                "\"batch\": over the full batch rho_hat is exact",
            ));
        }
        if self.optimizer.searches_lines() && self.schedule != Schedule::Constant {
            return Err(Setting::new(
                "schedule",
                "a changing learning rate with a line search",
                "\"constant\": lbfgs and cg find their own steps",
            ));
        }
        Ok(())
    }

    fn check_minibatch(&self, rows: usize) -> Result<(), Setting> {
        at_least_one("batch", rows)?;
        if self.optimizer.searches_lines() {
            return Err(Setting::new(
                "batch",
                format!("{rows} with a line search"),
                "\"full\": lbfgs and cg compare values of one objective, and every minibatch is \
                 another",
            ));
        }
        if self.gradient_tolerance > 0.0 {
            return Err(Setting::new(
                "gradient_tolerance",
                format!("set with batch = {rows}"),
                "batch = \"full\" with it: the gradient of a minibatch does not tend to 0",
            ));
        }
        Ok(())
    }
}
