//! Several runs side by side.

use std::collections::BTreeMap;

use sae_report::{
    Block, Cell, Document, Figure, LineStyle, Panel, Picture, Section, Table, TileScale, line_chart,
};
use sae_stack::{Details, Evaluation};

use super::curves::{line, panel, stages};
use super::evidence::Evidence;
use super::overview::{accuracy, networks, sizes};
use crate::features::FeatureOptions;
use crate::keys::keys_of;
use crate::{Error, UnitOrder};

/// Most units of a run that are drawn.
const MOST: usize = 100;

/// Runs side by side: their figures, what differs in their configurations, their curves, and what the units
/// of their first layers look for.
///
/// # Errors
///
/// Refuses weights that are not finite.
pub fn compare(runs: &[Evidence]) -> Result<Document, Error> {
    let names: Vec<&str> = runs.iter().map(|run| run.name.as_str()).collect();
    Ok(Document {
        title: format!("{} runs side by side", runs.len()),
        lead: names.join(", "),
        sections: vec![
            figures(runs),
            differences(runs)?,
            training(runs)?,
            features(runs)?,
        ],
    })
}

/// A column of a comparison, with the value that a run has there.
type Measure = (&'static str, fn(&Evidence) -> Cell);

const MEASURES: [Measure; 8] = [
    ("layers", |run| Cell::text(sizes(run))),
    ("training samples", |run| {
        Cell::count(run.model.facts().train)
    }),
    ("RMSE, test", |run| {
        rmse(run).map_or(Cell::Empty, Cell::short)
    }),
    ("accuracy before", |run| accuracy_of(run, 0)),
    ("after fine-tuning", |run| accuracy_of(run, 1)),
    ("from random", |run| accuracy_of(run, 2)),
    ("cross-entropy", |run| {
        nth_network(run, 1).map_or(Cell::Empty, |e| Cell::short(e.cross_entropy))
    }),
    ("seconds", |run| {
        run.summary
            .as_ref()
            .map_or(Cell::Empty, |summary| Cell::number(summary.seconds, 1))
    }),
];

fn figures(runs: &[Evidence]) -> Section {
    let mut section = Section::new("figures", "Figures");
    let mut columns = vec!["run".to_owned()];
    columns.extend(MEASURES.map(|(title, _)| title.to_owned()));
    let rows = runs.iter().map(|run| {
        let mut row = vec![Cell::text(run.name.clone())];
        row.extend(MEASURES.map(|(_, measure)| measure(run)));
        row
    });
    section.table(Table {
        caption: "RMSE is that of the first autoencoder on its test samples; accuracies and the \
                  cross-entropy after fine-tuning, in nats, are those on the test samples."
            .to_owned(),
        columns,
        rows: rows.collect(),
    });
    section
}

fn rmse(run: &Evidence) -> Option<f64> {
    match run.summary.as_ref()?.results.layers.first()?.test {
        Details::Autoencoder { rmse, .. } => Some(rmse),
        Details::Classifier { .. } => None,
    }
}

fn nth_network(run: &Evidence, place: usize) -> Option<&Evaluation> {
    let classifier = run.summary.as_ref()?.results.classifier.as_ref()?;
    networks(classifier)
        .get(place)
        .map(|&(_, evaluation, _)| evaluation)
}

fn accuracy_of(run: &Evidence, place: usize) -> Cell {
    let evaluation = nth_network(run, place);
    evaluation.map_or(Cell::Empty, |e| Cell::percent(accuracy(e).value, 2))
}

/// The keys in which configurations differ.
fn differences(runs: &[Evidence]) -> Result<Section, Error> {
    let mut section = Section::new("settings", "What differs in the configurations");
    let mut keys: BTreeMap<String, Vec<Option<String>>> = BTreeMap::new();
    for (place, run) in runs.iter().enumerate() {
        let own =
            keys_of(&run.config).map_err(|error| Error::Input(format!("{}: {error}", run.name)))?;
        for (key, value) in own {
            let values = keys.entry(key).or_insert_with(|| vec![None; runs.len()]);
            values[place] = Some(value);
        }
    }
    let rows: Vec<Vec<Cell>> = keys
        .into_iter()
        .filter(|(_, values)| values.iter().any(|value| *value != values[0]))
        .map(|(key, values)| {
            let cells = values
                .into_iter()
                .map(|value| value.map_or(Cell::Empty, Cell::Text));
            std::iter::once(Cell::Text(key)).chain(cells).collect()
        })
        .collect();
    if rows.is_empty() {
        section.text("Nothing: the runs have the same settings.");
    }
    section.table(Table {
        caption: "Keys with different values; layers count from 0.".to_owned(),
        columns: std::iter::once("key".to_owned())
            .chain(runs.iter().map(|run| run.name.clone()))
            .collect(),
        rows,
    });
    Ok(section)
}

/// J of every run, a panel per stage.
fn training(runs: &[Evidence]) -> Result<Section, Error> {
    let mut section = Section::new("training", "How training went");
    let mut panels: Vec<Panel> = Vec::new();
    for run in runs {
        for epochs in stages(&run.metrics) {
            let title = &epochs[0].stage;
            let place = panels.iter().position(|panel| panel.title == *title);
            let place = place.unwrap_or_else(|| {
                panels.push(panel(title, "J", vec![]));
                panels.len() - 1
            });
            let own = line(&run.name, LineStyle::Solid, epochs, |epoch| {
                Some(epoch.objective)
            });
            panels[place].lines.extend(own);
        }
    }
    if panels.is_empty() {
        section.text("No run has metrics.");
        return Ok(section);
    }
    section.figure(Figure {
        name: "objective".to_owned(),
        picture: Picture::Svg(line_chart(&panels)?),
        alt: "J over the epochs of each stage, a line per run".to_owned(),
        caption: "J on the training samples. Objectives of different settings are not comparable."
            .to_owned(),
    });
    Ok(section)
}

fn features(runs: &[Evidence]) -> Result<Section, Error> {
    let mut section = Section::new("features", "What the units of the first layer look for");
    let options = FeatureOptions {
        order: UnitOrder::Norm,
        most: MOST,
        ..FeatureOptions::default()
    };
    let mut figures = Vec::new();
    for (place, run) in runs.iter().enumerate() {
        let features = run.model.features(&options, None, run.experiment.seed)?;
        figures.push(Figure {
            name: format!("features-of-run-{}", place + 1),
            picture: features.draw(run.model.facts(), TileScale::Each)?,
            alt: format!("The inputs that the units of {} look for", run.name),
            caption: format!(
                "{}: {} units, those with the largest weights first.",
                run.name,
                features.units.len()
            ),
        });
    }
    section.blocks.push(Block::Figures(figures));
    Ok(section)
}
