//! Which classes and factors units stand for, and how they are doing.

use sae_analysis::{Health, SIGNIFICANT, Trouble};
use sae_report::{
    Cell, Figure, HeatMap, Mark, Picture, Section, Shade, Table, heat_map, histogram, tile_picture,
};

use super::advice;
use super::evidence::Evidence;
use super::features::Shown;
use crate::{Error, LayerUse};

/// Most units of a layer in a table.
const MOST: usize = 200;

/// What units stand for: nothing without classes.
pub(super) fn selectivity(
    evidence: &Evidence,
    uses: &[LayerUse],
) -> Result<Option<Section>, Error> {
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
    Table {
        caption: format!(
            "Classes in layer {}: units that prefer each significantly, of {}, and their mean index; units \
             that are active on a sample of the class, and the sum of all activities, in the mean.",
            layer.layer,
            layer.activities.units()
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
    let answer = |holds: bool| Cell::text(if holds { "holds" } else { "does not hold" });
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

/// From this R² on a factor counts as encoded.
const EVIDENT: f64 = 0.05;

/// How units are doing: nothing without specimens.
pub(super) fn health(
    evidence: &Evidence,
    uses: &[LayerUse],
    shown: &[Shown],
) -> Result<Option<Section>, Error> {
    if uses.is_empty() {
        return Ok(None);
    }
    let mut section = Section::new("units", "How the units are doing");
    section.text(
        "A bounded unit is dead where its mean activity ρ̂ is below a tenth of ρ, a ReLU where no sample \
         activates it; saturated where ρ̂ is above 0.9; constant where its activity hardly varies, so that \
         it says nothing of the sample (standard deviation below 5% of the largest that its ρ̂ allows); a \
         duplicate where its input weights have a cosine above 0.95 with those of an earlier unit.",
    );
    for (layer, shown) in uses.iter().zip(shown) {
        section.heading(format!("Layer {}", layer.layer));
        section.table(troubles(evidence, layer));
        for text in advice::of_layer(evidence, layer) {
            section.advice(text);
        }
        section.figure(rho_hat(evidence, layer)?);
        section.table(units(evidence, layer, shown)?);
    }
    Ok(Some(section))
}

/// The kinds of trouble, with what they are called.
const TROUBLES: [(&str, fn(&Trouble) -> bool); 4] = [
    ("dead", |trouble| matches!(trouble, Trouble::Dead)),
    ("saturated", |trouble| matches!(trouble, Trouble::Saturated)),
    ("constant", |trouble| matches!(trouble, Trouble::Constant)),
    ("duplicate", |trouble| {
        matches!(trouble, Trouble::Duplicate { .. })
    }),
];

/// The numbers of the units in a kind of trouble.
fn in_trouble(health: &[Health], kind: fn(&Trouble) -> bool) -> Vec<usize> {
    let units = health.iter().enumerate();
    units
        .filter(|(_, unit)| unit.trouble.as_ref().is_some_and(kind))
        .map(|(k, _)| k)
        .collect()
}

fn troubles(evidence: &Evidence, layer: &LayerUse) -> Table {
    const NAMED: usize = 12;
    let rows = TROUBLES.iter().map(|&(name, kind)| {
        let units = in_trouble(&layer.health, kind);
        let shown_on = |&unit: &usize| match &evidence.specimens {
            Ok(specimens) => {
                let sample = specimens.rows[layer.health[unit].top_sample];
                format!("{unit} (sample {sample})")
            }
            Err(_) => unit.to_string(),
        };
        let mut named: Vec<String> = units.iter().take(NAMED).map(shown_on).collect();
        if units.len() > NAMED {
            named.push("…".to_owned());
        }
        vec![
            Cell::text(name),
            Cell::count(units.len()),
            Cell::text(named.join(", ")),
        ]
    });
    Table {
        caption: format!(
            "Units of layer {} that do not do their work, each with the test sample, counted from 0, that \
             activates it most.",
            layer.layer
        ),
        columns: ["trouble", "units", "which"].map(str::to_owned).to_vec(),
        rows: rows.collect(),
    }
}

fn rho_hat(evidence: &Evidence, layer: &LayerUse) -> Result<Figure, Error> {
    let rho = evidence.rho(layer.layer);
    let values: Vec<f64> = layer.health.iter().map(|unit| unit.rho_hat).collect();
    let marks = match evidence.experiment.layers[layer.layer - 1].beta > 0.0 {
        true => vec![Mark::vertical("ρ", rho)],
        false => vec![],
    };
    let title = format!("Layer {}: mean activities", layer.layer);
    Ok(Figure {
        name: format!("rho-hat-{}", layer.layer),
        picture: Picture::Svg(histogram(&title, "ρ̂", &values, &marks)?),
        alt: format!(
            "Histogram of the mean activities of the units of layer {}",
            layer.layer
        ),
        caption: "How many units have which mean activity ρ̂ on the test samples.".to_owned(),
    })
}

/// Every unit, in the order in which they are shown.
fn units(evidence: &Evidence, layer: &LayerUse, shown: &Shown) -> Result<Table, Error> {
    let facts = evidence.model.facts();
    let width = shown.features.preferred.inputs.len() / shown.features.units.len().max(1);
    let mut columns: Vec<String> = vec!["unit".to_owned()];
    let is_image = facts.image().is_some();
    if is_image {
        columns.push("looks for".to_owned());
    }
    if !layer.selectivity.is_empty() {
        columns.extend(["prefers", "index", "η²", "p"].map(str::to_owned));
    }
    if !layer.factors.is_empty() {
        columns.extend(["encodes most", "R²"].map(str::to_owned));
    }
    let last = [
        "ρ̂",
        "deviation",
        "norm",
        "nearest",
        "cosine",
        "most active on",
        "trouble",
    ];
    columns.extend(last.map(str::to_owned));
    let inputs = shown.features.preferred.inputs.chunks(width.max(1));
    let units = shown.features.units.iter().zip(inputs).take(MOST);
    let rows = units.map(|(&unit, input)| {
        let mut row = vec![Cell::count(unit)];
        if is_image {
            row.push(Cell::Picture {
                png: tile_picture(facts.tile(), input)?,
                alt: format!("what unit {unit} looks for"),
            });
        }
        row.extend(preference(evidence, layer, unit));
        row.extend(encoded(layer, unit));
        row.extend(measures(evidence, layer, unit));
        Ok(row)
    });
    Ok(Table {
        caption: format!(
            "Units of layer {}{}. Samples are counted from 0 among the test samples.",
            layer.layer,
            match layer.activities.units() > MOST.min(shown.features.units.len()) {
                true => format!(", the first {}", MOST.min(shown.features.units.len())),
                false => String::new(),
            }
        ),
        columns,
        rows: rows.collect::<Result<_, Error>>()?,
    })
}

fn preference(evidence: &Evidence, layer: &LayerUse, unit: usize) -> Vec<Cell> {
    let Some(unit) = layer.selectivity.get(unit) else {
        return vec![];
    };
    let prefers = match unit.is_significant() {
        true => evidence.classes()[unit.preferred].clone(),
        false => String::new(),
    };
    vec![
        Cell::text(prefers),
        Cell::number(unit.index, 2),
        Cell::number(unit.explained, 2),
        Cell::short(unit.p_value),
    ]
}

fn encoded(layer: &LayerUse, unit: usize) -> Vec<Cell> {
    let best = layer
        .factors
        .iter()
        .max_by(|a, b| a.explained[unit].total_cmp(&b.explained[unit]));
    let Some(best) = best else { return vec![] };
    match best.explained[unit] > EVIDENT {
        true => vec![
            Cell::text(best.name.clone()),
            Cell::number(best.explained[unit], 2),
        ],
        false => vec![Cell::Empty, Cell::Empty],
    }
}

fn measures(evidence: &Evidence, layer: &LayerUse, unit: usize) -> Vec<Cell> {
    let unit = &layer.health[unit];
    let nearest = match unit.nearest {
        Some(near) => [Cell::count(near.unit), Cell::number(near.cosine, 2)],
        None => [Cell::Empty, Cell::Empty],
    };
    let trouble = match unit.trouble {
        None => String::new(),
        Some(Trouble::Dead) => "dead".to_owned(),
        Some(Trouble::Saturated) => "saturated".to_owned(),
        Some(Trouble::Constant) => "constant".to_owned(),
        Some(Trouble::Duplicate { of }) => format!("duplicate of {of}"),
    };
    let sample = match &evidence.specimens {
        Ok(specimens) => Cell::count(specimens.rows[unit.top_sample]),
        Err(_) => Cell::Empty,
    };
    let mut cells = [unit.rho_hat, unit.deviation, unit.norm]
        .map(Cell::short)
        .to_vec();
    cells.extend(nearest);
    cells.extend([sample, Cell::text(trouble)]);
    cells
}
