//! Which classes and factors units stand for.

use sae_analysis::SIGNIFICANT;
use sae_report::{Cell, Figure, HeatMap, Picture, Section, Shade, Table, heat_map};

use super::evidence::Evidence;
use crate::{Error, LayerUse};

/// From this R² on a factor counts as encoded.
pub(super) const EVIDENT: f64 = 0.05;

/// What units stand for: nothing without classes.
pub(super) fn section(evidence: &Evidence, uses: &[LayerUse]) -> Result<Option<Section>, Error> {
    if uses.iter().all(|layer| layer.selectivity.is_empty()) {
        return Ok(None);
    }
    let mut section = Section::new(
        "selectivity",
        "Which classes and factors the units stand for",
    );
    section.text(format!(
        "A unit prefers the class with the largest mean activity m. Its selectivity index is \
         (m − m_rest) / (m + m_rest), where m_rest is the mean of the other classes' means (Morcos et al. \
         2018): 0 for a unit to which all classes are alike, 1 for one that is at rest on all others. It \
         counts for its class where the difference to the runner-up is significant: p < {SIGNIFICANT} by \
         Welch's t-test, corrected for the pairs of classes and, by Holm's method, for the number of units. \
         η² is the share of a unit's variance that lies between the classes.",
    ));
    for layer in uses {
        section.heading(format!("Layer {}", layer.layer));
        section.table(classes(evidence, layer));
        if layer.layer == 1 {
            claims(&mut section, evidence, layer);
        }
        section.figure(means(evidence, layer)?);
        section.table(factors(layer));
    }
    Ok(Some(section))
}

fn classes(evidence: &Evidence, layer: &LayerUse) -> Table {
    let rows = evidence
        .classes()
        .iter()
        .zip(&layer.classes)
        .map(|(name, class)| {
            vec![
                Cell::text(name.clone()),
                Cell::count(class.units),
                class
                    .mean_index
                    .map_or(Cell::Empty, |index| Cell::number(index, 2)),
                class
                    .active_units
                    .map_or(Cell::Empty, |active| Cell::number(active, 1)),
                Cell::short(class.total_activity),
            ]
        });
    let active = layer.activities.threshold().map(|least| {
        format!("units that are active, above {least}, on a sample of the class in the mean; ")
    });
    Table {
        caption: format!(
            "Classes in layer {}: units that prefer each significantly, of {}, and their mean index; {}and the \
             sum of all activities on a sample of the class in the mean.",
            layer.layer,
            layer.activities.units(),
            active.unwrap_or_default()
        ),
        columns: [
            "class",
            "units",
            "mean index",
            "active units",
            "total activity",
        ]
        .map(str::to_owned)
        .to_vec(),
        rows: rows.collect(),
    }
}

/// What the lecture note says of the units that learned shapes, and what is measured.
fn claims(section: &mut Section, evidence: &Evidence, layer: &LayerUse) {
    let classes = evidence.classes();
    let place = |name: &str| classes.iter().position(|class| class == name);
    let (Some(circle), Some(triangle), Some(rectangle)) =
        (place("circle"), place("triangle"), place("rectangle"))
    else {
        return;
    };
    let units = |class: usize| layer.classes[class].units;
    // Where no unit stands for any class, nothing is told.
    let told = (0..classes.len()).any(|class| units(class) > 0);
    let answer = |holds: bool| {
        Cell::text(match (told, holds) {
            (false, _) => "cannot be told",
            (true, true) => "holds",
            (true, false) => "does not hold",
        })
    };
    let active = |class: usize| layer.classes[class].active_units.unwrap_or(f64::NAN);
    let most = (0..classes.len()).all(|class| class == circle || active(class) < active(circle));
    let listed = |value: &dyn Fn(usize) -> String| -> String {
        let all = classes.iter().enumerate();
        let all: Vec<String> = all
            .map(|(k, name)| format!("{name} {}", value(k)))
            .collect();
        all.join(", ")
    };
    let mut rows = vec![vec![
        Cell::text("The circle activates more units than the other shapes."),
        Cell::text(format!(
            "active units: {}",
            listed(&|k| format!("{:.1}", active(k)))
        )),
        answer(most),
    ]];
    let fourth = place("cross").or_else(|| place("star"));
    if let Some(fourth) = fourth {
        let name = &classes[fourth];
        rows.push(vec![
            Cell::text(format!("Rectangle and {name} have units of their own.")),
            Cell::text(format!(
                "units that prefer them: {} and {}",
                units(rectangle),
                units(fourth)
            )),
            answer(units(rectangle) > 0 && units(fourth) > 0),
        ]);
    }
    let evident_least =
        (0..classes.len()).all(|class| class == triangle || units(class) >= units(triangle));
    rows.push(vec![
        Cell::text("The triangle is not evident: no other shape has fewer units of its own."),
        Cell::text(format!("units: {}", listed(&|k| units(k).to_string()))),
        answer(evident_least),
    ]);
    section.table(Table {
        caption:
            "What the lecture note sees in its figure of 100 units, and what is measured here."
                .to_owned(),
        columns: ["the note", "measured", "answer"]
            .map(str::to_owned)
            .to_vec(),
        rows,
    });
}

fn means(evidence: &Evidence, layer: &LayerUse) -> Result<Figure, Error> {
    // Units of one class beside each other, the most selective first.
    let mut order: Vec<usize> = (0..layer.selectivity.len()).collect();
    order.sort_by(|&a, &b| {
        let (a, b) = (&layer.selectivity[a], &layer.selectivity[b]);
        a.preferred
            .cmp(&b.preferred)
            .then(b.index.total_cmp(&a.index))
    });
    let classes = evidence.classes();
    let map = HeatMap {
        title: format!("Layer {}: mean activity by class", layer.layer),
        x_title: "unit".to_owned(),
        y_title: "class".to_owned(),
        rows: classes.to_vec(),
        columns: order.iter().map(usize::to_string).collect(),
        values: (0..classes.len())
            .map(|class| {
                order
                    .iter()
                    .map(|&unit| layer.selectivity[unit].means[class])
                    .collect()
            })
            .collect(),
        written: false,
        shade: Shade::Value,
    };
    Ok(Figure {
        name: format!("selectivity-{}", layer.layer),
        picture: Picture::Svg(heat_map(&map)?),
        alt: format!("Mean activity of the units of layer {} on each class", layer.layer),
        caption: "Each column is a unit, each row a class; units with the same preferred class lie beside \
                  each other, the most selective first."
            .to_owned(),
    })
}

fn factors(layer: &LayerUse) -> Table {
    let units = layer.activities.units();
    let rows = layer.factors.iter().map(|factor| {
        let largest = (0..units).fold(0, |a, b| {
            if factor.explained[b] > factor.explained[a] {
                b
            } else {
                a
            }
        });
        let leads = (0..units).filter(|&unit| {
            let own = factor.explained[unit];
            own > EVIDENT
                && layer
                    .factors
                    .iter()
                    .all(|other| other.explained[unit] <= own)
        });
        let mean = factor.explained.iter().sum::<f64>() / units as f64;
        vec![
            Cell::text(factor.name.clone()),
            Cell::number(mean, 3),
            Cell::number(factor.explained[largest], 3),
            Cell::text(format!("unit {largest}")),
            Cell::count(leads.count()),
        ]
    });
    Table {
        caption: format!(
            "True factors in layer {}: how much of the variance of a unit within the classes each explains \
             (adjusted R² over cells of the factor, 0 where it says nothing), and how many units encode it \
             most, with at least {EVIDENT}.",
            layer.layer
        ),
        columns: [
            "factor",
            "mean R²",
            "largest R²",
            "by",
            "units that encode it most",
        ]
        .map(str::to_owned)
        .to_vec(),
        rows: rows.collect(),
    }
}
