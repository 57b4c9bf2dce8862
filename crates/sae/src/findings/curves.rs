//! How training went.

use sae_model::Terms;
use sae_report::{
    AxisScale, Band, Block, Figure, Line, LineStyle, Mark, Panel, Picture, Section, line_chart,
    sparsity_curve,
};
use sae_stack::{Details, EpochMetrics};

use super::evidence::Evidence;
use crate::{Error, LayerUse};

/// The section: nothing without metrics.
pub(super) fn section(evidence: &Evidence, uses: &[LayerUse]) -> Result<Option<Section>, Error> {
    let stages = stages(&evidence.metrics);
    if stages.is_empty() {
        return Ok(None);
    }
    let mut section = Section::new("training", "How training went");
    section.text(
        "J is the objective that training minimises, in the mean convention, and its terms add up to it. In \
         minibatches values are means over an epoch's batches.",
    );
    section.figure(drawn(
        "objective",
        &stages.iter().map(|stage| objective(stage)).collect::<Vec<_>>(),
        "J over the epochs of each stage",
        "J on the training samples, its terms, and J on the validation samples where there are any.",
    )?);
    section.figure(drawn(
        "quality",
        &stages
            .iter()
            .map(|stage| quality(stage))
            .collect::<Vec<_>>(),
        "RMSE or accuracy over the epochs of each stage",
        "RMSE of autoencoders and accuracy of classifiers, on training and validation samples.",
    )?);
    let norms: Vec<Panel> = stages.iter().filter_map(|stage| gradient(stage)).collect();
    if !norms.is_empty() {
        section.figure(drawn(
            "gradient",
            &norms,
            "Norm of the gradient over the epochs of each stage",
            "‖∇J‖: of all samples with the full batch, else of each epoch's last batch.",
        )?);
    }
    sparsity(&mut section, evidence, &stages, uses)?;
    Ok(Some(section))
}

/// The epochs of each stage, in their order.
pub(super) fn stages(metrics: &[EpochMetrics]) -> Vec<&[EpochMetrics]> {
    metrics.chunk_by(|a, b| a.stage == b.stage).collect()
}

fn drawn(name: &str, panels: &[Panel], alt: &str, caption: &str) -> Result<Figure, Error> {
    Ok(Figure {
        name: name.to_owned(),
        picture: Picture::Svg(line_chart(panels)?),
        alt: alt.to_owned(),
        caption: caption.to_owned(),
    })
}

/// A line of some value of each epoch.
pub(super) fn line(
    name: &str,
    style: LineStyle,
    epochs: &[EpochMetrics],
    value: impl Fn(&EpochMetrics) -> Option<f64>,
) -> Option<Line> {
    let points = epochs
        .iter()
        .filter_map(|epoch| Some((epoch.epoch as f64, value(epoch)?)));
    let points: Vec<(f64, f64)> = points.collect();
    (!points.is_empty()).then(|| Line {
        name: name.to_owned(),
        points,
        style,
    })
}

/// The panel of a stage.
pub(super) fn panel(title: &str, y_title: &str, lines: Vec<Line>) -> Panel {
    Panel {
        title: title.to_owned(),
        x_title: "epoch".to_owned(),
        y_title: y_title.to_owned(),
        y_scale: AxisScale::Automatic,
        lines,
        ..Panel::default()
    }
}

fn objective(epochs: &[EpochMetrics]) -> Panel {
    let first = &epochs[0];
    let mut lines: Vec<Line> = line("J, training", LineStyle::Solid, epochs, |e| {
        Some(e.objective)
    })
    .into_iter()
    .collect();
    lines.extend(line("J, validation", LineStyle::Dashed, epochs, |e| {
        e.validation_objective
    }));
    let names: Vec<&str> = first.terms.iter().map(|(name, _)| name).collect();
    for name in names {
        let of = |terms: &Terms| terms.get(name);
        let plain = name.replace('_', " ");
        // A term that is not in use would only be a line at 0.
        if epochs
            .iter()
            .any(|epoch| of(&epoch.terms).is_some_and(|value| value != 0.0))
        {
            lines.extend(line(&plain, LineStyle::Solid, epochs, |e| of(&e.terms)));
        }
    }
    panel(&first.stage, "J", lines)
}

fn quality(epochs: &[EpochMetrics]) -> Panel {
    let first = &epochs[0];
    let (what, own): (&str, fn(&EpochMetrics) -> Option<f64>) = match first.details {
        Details::Autoencoder { .. } => ("RMSE", |epoch| match epoch.details {
            Details::Autoencoder { rmse, .. } => Some(rmse),
            Details::Classifier { .. } => None,
        }),
        Details::Classifier { .. } => ("accuracy", |epoch| match epoch.details {
            Details::Classifier { accuracy } => Some(accuracy),
            Details::Autoencoder { .. } => None,
        }),
    };
    let mut lines: Vec<Line> = line("training", LineStyle::Solid, epochs, own)
        .into_iter()
        .collect();
    lines.extend(line("validation", LineStyle::Dashed, epochs, |epoch| {
        epoch.validation_rmse.or(epoch.validation_accuracy)
    }));
    Panel {
        y_scale: AxisScale::Linear,
        ..panel(&first.stage, what, lines)
    }
}

fn gradient(epochs: &[EpochMetrics]) -> Option<Panel> {
    let norms = line("‖∇J‖", LineStyle::Solid, epochs, |epoch| {
        epoch.gradient_norm
    })?;
    Some(panel(&epochs[0].stage, "‖∇J‖", vec![norms]))
}

/// How ρ̂ moved towards ρ, and where it ended on the curve of the KL divergence.
fn sparsity(
    section: &mut Section,
    evidence: &Evidence,
    stages: &[&[EpochMetrics]],
    uses: &[LayerUse],
) -> Result<(), Error> {
    let panels: Vec<Panel> = stages
        .iter()
        .filter(|epochs| !epochs[0].rho_hat_quantiles.is_empty())
        .zip(&evidence.experiment.layers)
        .map(|(epochs, layer)| quantiles(epochs, (layer.beta > 0.0).then_some(layer.rho)))
        .collect();
    if !panels.is_empty() {
        section.heading("Sparsity");
        section.figure(drawn(
            "rho-hat-over-time",
            &panels,
            "Quantiles of the units' mean activities over the epochs of each autoencoder",
            "The units' mean activities ρ̂: median, the middle half and the middle nine tenths of the \
             units, and the target ρ where there is one.",
        )?);
    }
    let mut figures = Vec::new();
    for layer in uses {
        let settings = &evidence.experiment.layers[layer.layer - 1];
        if settings.beta == 0.0 || !layer.activities.unit.is_bounded() {
            continue;
        }
        let rho_hat: Vec<f64> = layer.health.iter().map(|unit| unit.rho_hat).collect();
        figures.push(Figure {
            name: format!("sparsity-{}", layer.layer),
            picture: Picture::Svg(sparsity_curve(settings.rho, &rho_hat)?),
            alt: format!("KL divergence over ρ̂ with the units of layer {} marked", layer.layer),
            caption: format!(
                "Layer {}: KL(ρ ‖ ρ̂) = ρ log(ρ/ρ̂) + (1−ρ) log((1−ρ)/(1−ρ̂)) for ρ = {}, which is 0 at ρ̂ = ρ \
                 and grows without bound towards 0 and 1; each dot is a unit on the test samples.",
                layer.layer, settings.rho
            ),
        });
    }
    if !figures.is_empty() {
        section.blocks.push(Block::Figures(figures));
    }
    Ok(())
}

/// Quantile number k of 21 is that of k · 5%.
const MEDIAN: usize = 10;
const MIDDLE_HALF: (usize, usize) = (5, 15);
const NINE_TENTHS: (usize, usize) = (1, 19);

fn quantiles(epochs: &[EpochMetrics], rho: Option<f64>) -> Panel {
    let of = |epoch: &EpochMetrics, k: usize| epoch.rho_hat_quantiles.get(k).copied();
    let band = |name: &str, (low, high): (usize, usize)| Band {
        name: name.to_owned(),
        points: epochs
            .iter()
            .filter_map(|e| Some((e.epoch as f64, of(e, low)?, of(e, high)?)))
            .collect(),
    };
    let median = line("median", LineStyle::Solid, epochs, |epoch| {
        of(epoch, MEDIAN)
    });
    Panel {
        bands: vec![
            band("nine tenths", NINE_TENTHS),
            band("middle half", MIDDLE_HALF),
        ],
        marks: rho
            .map(|rho| Mark::horizontal("ρ", rho))
            .into_iter()
            .collect(),
        y_scale: AxisScale::Linear,
        ..panel(&epochs[0].stage, "ρ̂", median.into_iter().collect())
    }
}
