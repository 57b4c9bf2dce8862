//! What units look for.

use sae_report::{Figure, Section, TileScale};

use super::evidence::Evidence;
use crate::features::FeatureOptions;
use crate::{Error, Features, LayerUse, UnitOrder};

/// Most units that are drawn of a layer.
const MOST: usize = 400;
/// Most units of a layer whose inputs are searched, or that stand beside samples.
const MOST_SEARCHED: usize = 100;
/// Samples beside a tile.
const SAMPLES: usize = 5;

/// The units of a layer that are shown, with what they look for.
pub(super) struct Shown {
    pub layer: usize,
    pub order: UnitOrder,
    pub features: Features,
}

/// The units that are shown of each layer: the most selective first where there are classes, else those
/// with the largest weights.
pub(super) fn shown(evidence: &Evidence, uses: &[LayerUse]) -> Result<Vec<Shown>, Error> {
    let layers = 1..=evidence.model.autoencoders().len();
    layers
        .map(|layer| {
            let seen = uses.get(layer - 1).zip(evidence.specimens.as_ref().ok());
            let selective = seen.is_some_and(|(layer, _)| !layer.selectivity.is_empty());
            let order = match selective {
                true => UnitOrder::Selectivity,
                false => UnitOrder::Norm,
            };
            let options = FeatureOptions {
                layer,
                order,
                most: if layer == 1 { MOST } else { MOST_SEARCHED },
                ..FeatureOptions::default()
            };
            let features = evidence
                .model
                .features(&options, seen, evidence.experiment.seed)?;
            Ok(Shown {
                layer,
                order,
                features,
            })
        })
        .collect()
}

/// The section.
pub(super) fn section(
    evidence: &Evidence,
    uses: &[LayerUse],
    shown: &[Shown],
) -> Result<Section, Error> {
    let mut section = Section::new("features", "What the units look for");
    section.text(
        "For each hidden unit the input x of norm 1 (‖x‖ ≤ 1) that activates it most. In the first layer it \
         is W1[:, j] / ‖W1[:, j]‖, for unit j; in deeper ones it is searched by projected gradient ascent \
         from several starts, of which the best is kept.",
    );
    for shown in shown {
        section.heading(format!("Layer {}", shown.layer));
        layer(&mut section, evidence, uses.get(shown.layer - 1), shown)?;
    }
    Ok(section)
}

fn layer(
    section: &mut Section,
    evidence: &Evidence,
    seen: Option<&LayerUse>,
    shown: &Shown,
) -> Result<(), Error> {
    let (facts, features) = (evidence.model.facts(), &shown.features);
    let (count, number) = (features.units.len(), shown.layer);
    let hidden = evidence.model.autoencoders()[number - 1].hidden();
    let how_many = match count == hidden {
        true => format!("All {hidden} units"),
        false => format!("{count} of {hidden} units"),
    };
    let order = match shown.order {
        UnitOrder::Selectivity => "the most selective first",
        _ => "those with the largest weights first",
    };
    let is_image = facts.image().is_some();
    let drawn = match is_image {
        true => TileScale::Each.describe(),
        false => {
            "Bars to the right are values above, to the left below the middle of a column, after scaling."
        }
    };
    let mut figures = vec![Figure {
        name: format!("features-{number}"),
        picture: features.draw(facts, TileScale::Each)?,
        alt: format!("{how_many} of layer {number} as the inputs that they look for"),
        caption: format!("{how_many}, {order}. {drawn}"),
    }];
    if is_image {
        figures.push(Figure {
            name: format!("features-{number}-together"),
            picture: features.draw(facts, TileScale::All)?,
            alt: format!("The same inputs of layer {number}, all on one scale"),
            caption: format!("The same units. {}", TileScale::All.describe()),
        });
    }
    section.blocks.push(sae_report::Block::Figures(figures));
    if let (Some(seen), Ok(specimens), true) = (seen, &evidence.specimens, is_image) {
        let few = Features {
            units: features.units.iter().copied().take(MOST_SEARCHED).collect(),
            preferred: features.preferred.first(MOST_SEARCHED.min(count)),
        };
        let with = (seen, specimens);
        section.figure(Figure {
            name: format!("units-{number}"),
            picture: few.draw_beside_samples(facts, TileScale::Each, with, SAMPLES)?,
            alt: format!("Units of layer {number} beside the samples that activate them most"),
            caption: format!(
                "Each tile, and to the right of it the {SAMPLES} test samples that activate the unit most."
            ),
        });
    }
    if number > 1 {
        section.text(found(evidence, features));
    }
    Ok(())
}

/// How the search went.
fn found(evidence: &Evidence, features: &Features) -> String {
    let (preferred, units) = (&features.preferred, features.units.len());
    let pairs = preferred.found.iter().zip(&preferred.best_sample);
    let better = pairs
        .filter(|(found, best)| best.is_some_and(|best| **found > best))
        .count();
    match &evidence.specimens {
        Ok(specimens) => format!(
            "For {better} of these {units} units the input that was found activates the unit more than \
             each of {} test samples does when it is scaled to the same norm.",
            specimens.count()
        ),
        Err(_) => "There were no samples to compare with.".to_owned(),
    }
}
