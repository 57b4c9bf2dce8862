//! What to change where units do not do their work.

use sae_analysis::Trouble;

use super::evidence::Evidence;
use crate::LayerUse;

/// From this share of a layer's units on there is something to act on.
const SHARE: f64 = 0.1;

/// What to move, and where to, for a layer.
pub(super) fn of_layer(evidence: &Evidence, layer: &LayerUse) -> Vec<String> {
    let settings = &evidence.experiment.layers[layer.layer - 1];
    let place = format!("layers.{}", layer.layer - 1);
    let units = layer.health.len();
    let share = |kind: fn(&Trouble) -> bool| {
        let found = layer
            .health
            .iter()
            .filter(|unit| unit.trouble.as_ref().is_some_and(kind));
        let count = found.count();
        (count as f64 >= SHARE * units as f64 && count > 0).then_some(count)
    };
    let (rho, beta, decay) = (settings.rho, settings.beta, settings.weight_decay);
    let mut advice = Vec::new();
    if let Some(count) = share(|t| matches!(t, Trouble::Dead)) {
        advice.push(match beta > 0.0 {
            true => format!(
                "{count} of {units} units are dead. Raise {place}.beta (now {beta}), which pulls ρ̂ towards \
                 ρ, or {place}.rho (now {rho}); a smaller pretrain.learning_rate keeps units from being \
                 thrown out early; or make do with fewer units: {place}.hidden."
            ),
            false => format!(
                "{count} of {units} units are dead. Set {place}.beta above 0, for example 3, which keeps \
                 units in use, take a smaller pretrain.learning_rate, or fewer units: {place}.hidden."
            ),
        });
    }
    if let Some(count) = share(|t| matches!(t, Trouble::Saturated)) {
        advice.push(format!(
            "{count} of {units} units are saturated. Take a smaller pretrain.learning_rate, more weight \
             decay ({place}.weight_decay, now {decay}), and {place}.beta above 0 (now {beta})."
        ));
    }
    if let Some(count) = share(|t| matches!(t, Trouble::Constant)) {
        advice.push(format!(
            "{count} of {units} units have collapsed to a constant: they cost nothing and say nothing. \
             Lower {place}.beta (now {beta}) or {place}.weight_decay (now {decay}), so that reconstruction \
             weighs more, or take fewer units: {place}.hidden."
        ));
    }
    if let Some(count) = share(|t| matches!(t, Trouble::Duplicate { .. })) {
        advice.push(format!(
            "{count} of {units} units are duplicates of others. Take fewer units ({place}.hidden), a smaller \
             {place}.rho (now {rho}), or corrupt the inputs ({place}.corruption), so that units share the \
             work."
        ));
    }
    let mean = layer.activities.means().iter().sum::<f64>() / units as f64;
    if beta > 0.0 && layer.activities.unit.is_bounded() && mean > 2.0 * rho {
        advice.push(format!(
            "The mean activity of the layer is {mean:.3}, more than twice ρ = {rho}: raise {place}.beta (now \
             {beta}) for sparser codes, or train longer (pretrain.epochs)."
        ));
    }
    advice
}
