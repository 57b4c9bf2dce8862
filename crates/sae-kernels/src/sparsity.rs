//! What keeps hidden units at rest: the divergence of their mean activities ρ̂ from ρ.

use crate::setting::{Setting, rate};

/// Which ρ̂ the sparsity term of a step uses. In each case the gradient goes through the step's own
/// mean activity, with derivative 1.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum RhoHat {
    /// The step's own.
    #[default]
    Batch,
    /// The estimate that is kept in the model, as it is.
    Given,
    /// The estimate, moved first: ρ̂ ← μρ̂ + (1 − μ)ρ̂_own. Where there is none the step's own
    /// becomes it.
    Running(f64),
}

impl RhoHat {
    /// Checks μ.
    ///
    /// # Errors
    ///
    /// Refuses μ outside [0, 1).
    pub fn check(self) -> Result<(), Setting> {
        match self {
            Self::Running(decay) => rate("rho_hat_decay", decay),
            Self::Batch | Self::Given => Ok(()),
        }
    }
}

/// KL(ρ ‖ ρ̂) = ρ log(ρ/ρ̂) + (1−ρ) log((1−ρ)/(1−ρ̂)), for ρ in (0, 1) and ρ̂ in [0, 1].
///
/// With d = ρ̂ − ρ and f(x) = x − log(1 + x) this is ρ·f(d/ρ) + (1−ρ)·f(−d/(1−ρ)): what is linear in
/// d cancels here and not in rounding, so that the divergence is right near its minimum too, is never
/// negative, and is 0 at ρ̂ = ρ.
pub fn kl_divergence(rho: f64, rho_hat: f64) -> f64 {
    let d = rho_hat - rho;
    let active = rho * excess(d / rho, rho_hat / rho);
    let at_rest = (1.0 - rho) * excess(-d / (1.0 - rho), (1.0 - rho_hat) / (1.0 - rho));
    active + at_rest
}

/// x − log(1 + x) with `ratio` = 1 + x, near 0 by its series, where the difference would cancel.
fn excess(x: f64, ratio: f64) -> f64 {
    const TERMS: i32 = 10;
    if x.abs() > 0.01 {
        return x - ratio.ln();
    }
    let term = |k: i32| (-x).powi(k) / f64::from(k);
    (2..=TERMS).rev().map(term).sum()
}

/// β Σ KL(ρ ‖ ρ̂), with ρ̂ clamped to [ε, 1 − ε].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sparsity {
    pub beta: f64,
    pub rho: f64,
    pub clamp: f64,
}

impl Sparsity {
    /// The term, and into `slopes` `factor` times its derivative by each ρ̂, which is
    /// β(ρ̂ − ρ)/(ρ̂(1 − ρ̂)) and 0 where the clamp acts.
    pub(crate) fn term(&self, rho_hat: &[f64], factor: f64, slopes: &mut [f32]) -> f64 {
        if self.beta == 0.0 {
            return 0.0;
        }
        let mut sum = 0.0;
        for (slope, &rho_hat) in slopes.iter_mut().zip(rho_hat) {
            let inside = rho_hat.clamp(self.clamp, 1.0 - self.clamp);
            sum += kl_divergence(self.rho, inside);
            *slope = match inside == rho_hat {
                true => {
                    let by_rho_hat = (rho_hat - self.rho) / (rho_hat * (1.0 - rho_hat));
                    (factor * self.beta * by_rho_hat) as f32
                }
                false => 0.0,
            };
        }
        self.beta * sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ρ, ρ̂ and KL, computed to 60 digits with Python's `decimal`; the last ρ̂ is 0.1 as an `f32`.
    const EXACT: [(f64, f64, f64); 53] = [
        (0.05, 0.050000000000050004, 2.6317546841485315e-26),
        (0.05, 0.05000000005000001, 2.6315793811820254e-20),
        (0.05, 0.05000000500000001, 2.6315787856972517e-16),
        (0.05, 0.050005, 2.6314127548810535e-10),
        (0.05, 0.050249999999999996, 6.558249570341072e-07),
        (0.05, 0.05055, 3.162270085968823e-06),
        (0.05, 0.04945, 3.2065170745556206e-06),
        (0.05, 0.025, 0.00998064694489964),
        (0.05, 0.095, 0.014007994541307637),
        (0.05, 1e-07, 0.6073896342020482),
        (0.05, 0.9999999, 15.11367563056457),
        (0.05, 0.04975, 6.599801441885197e-07),
        (0.05, 0.0499999995, 2.631578961218626e-18),
        (0.1, 0.10000000000010001, 5.555926555424894e-26),
        (0.1, 0.10000000010000001, 5.555556471600867e-20),
        (0.1, 0.10000001000000001, 5.555555235908838e-16),
        (0.1, 0.10001, 5.555226362476546e-10),
        (0.1, 0.10049999999999999, 1.3847892467536724e-06),
        (0.1, 0.1011, 6.6787666279945705e-06),
        (0.1, 0.0989, 6.766410929692003e-06),
        (0.1, 0.05, 0.020654218912746342),
        (0.1, 0.19, 0.03063907547480419),
        (0.1, 1e-07, 1.2867266817043883),
        (0.1, 0.9999999, 14.18120312294476),
        (0.1, 0.0995, 1.3930198244118265e-06),
        (0.1, 0.099999999, 5.5555555826289675e-18),
        (0.5, 0.5000000000005, 5.000889045339978e-25),
        (0.5, 0.5000000005, 5.000000827403744e-19),
        (0.5, 0.50000005, 5.0000000058386964e-15),
        (0.5, 0.50005, 5.000000024998899e-09),
        (0.5, 0.5025, 1.2500156252603682e-05),
        (0.5, 0.5055, 6.050366054528585e-05),
        (0.5, 0.4945, 6.0503660545287074e-05),
        (0.5, 0.25, 0.14384103622589045),
        (0.5, 0.95, 0.830365603410825),
        (0.5, 1e-07, 7.365900694919217),
        (0.5, 0.9999999, 7.365900695182395),
        (0.5, 0.4975, 1.2500156252604238e-05),
        (0.5, 0.499999995, 5.000000050247593e-17),
        (0.001, 0.001000000000001, 5.005686548728779e-28),
        (0.001, 0.001000000001, 5.005004961673649e-22),
        (0.001, 0.0010000001, 5.0050046750855024e-18),
        (0.001, 0.0010001, 5.004671697009342e-12),
        (0.001, 0.0010049999999999998, 1.2471001515188168e-08),
        (0.001, 0.001011, 6.012052267075508e-08),
        (0.001, 0.000989, 6.100791954094602e-08),
        (0.001, 0.0005, 0.00019327226395061096),
        (0.001, 0.0019, 0.0002585517628843773),
        (0.001, 1e-07, 0.008210940438731228),
        (0.001, 0.9999999, 16.09407030082096),
        (0.001, 0.000995, 1.2554336015044652e-08),
        (0.001, 0.00099999999, 5.005004998340279e-20),
        (0.1, 0.10000000149011612, 1.2335811183885872e-17),
    ];

    #[test]
    fn the_divergence_is_right_everywhere() {
        for (rho, rho_hat, exact) in EXACT {
            let found = kl_divergence(rho, rho_hat);
            let error = (found - exact).abs();
            assert!(
                error <= 1e-12 * exact,
                "{rho} {rho_hat}: {found:e} {exact:e}"
            );
        }
    }

    #[test]
    fn the_divergence_is_never_negative() {
        for rho in [1e-6, 0.01, 0.05, 0.1, 0.5, 0.9] {
            assert_eq!(kl_divergence(rho, rho), 0.0);
            let mut before = 0.0;
            for step in 0..400 {
                let away = rho * 1e-16 * 1.1_f64.powi(step);
                if away < 1.0 - rho {
                    let found = kl_divergence(rho, rho + away);
                    assert!(found >= before, "{rho} + {away:e}: {found:e}");
                    before = found;
                }
            }
        }
        assert_eq!(kl_divergence(0.1, 0.0), f64::INFINITY);
        assert_eq!(kl_divergence(0.1, 1.0), f64::INFINITY);
        assert!(kl_divergence(0.1, f64::NAN).is_nan());
    }

    /// The slope against the divergence's difference quotient.
    #[test]
    fn slopes_are_derivatives() {
        let sparsity = Sparsity {
            beta: 3000.0,
            rho: 0.1,
            clamp: 1e-7,
        };
        let mut slopes = [0.0; 1];
        for rho_hat in [0.01, 0.0999, 0.1, 0.15, 0.8] {
            sparsity.term(&[rho_hat], 0.5, &mut slopes);
            let at = |rho_hat| 3000.0 * kl_divergence(0.1, rho_hat);
            let quotient = (at(rho_hat + 1e-6) - at(rho_hat - 1e-6)) / 2e-6;
            let error = (f64::from(slopes[0]) - 0.5 * quotient).abs();
            assert!(error < 1e-5 * (1.0 + quotient.abs()), "{rho_hat}");
        }
        let clamped = sparsity.term(&[0.0], 1.0, &mut slopes);
        assert_eq!(slopes, [0.0]);
        assert_eq!(clamped, 3000.0 * kl_divergence(0.1, 1e-7));
    }
}
