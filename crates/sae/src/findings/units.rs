//! How units are doing.

use sae_analysis::{Health, Trouble};
use sae_report::{Cell, Figure, Mark, Picture, Section, Table, histogram, tile_picture};

use super::advice;
use super::evidence::Evidence;
use super::features::Shown;
use super::selectivity::EVIDENT;
use crate::{Error, LayerUse};

/// Most units of a layer in a table.
const MOST: usize = 200;

/// How units are doing: nothing without specimens.
pub(super) fn section(
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

/// Whether a trouble is of some kind.
type IsTrouble = fn(&Trouble) -> bool;

/// The kinds of trouble, with what they are called.
const TROUBLES: [(&str, IsTrouble); 4] = [
    ("dead", |trouble| matches!(trouble, Trouble::Dead)),
    ("saturated", |trouble| matches!(trouble, Trouble::Saturated)),
    ("constant", |trouble| matches!(trouble, Trouble::Constant)),
    ("duplicate", |trouble| {
        matches!(trouble, Trouble::Duplicate { .. })
    }),
];

/// The numbers of the units in a kind of trouble.
fn in_trouble(health: &[Health], kind: IsTrouble) -> Vec<usize> {
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
