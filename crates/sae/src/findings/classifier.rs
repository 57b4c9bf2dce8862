//! How samples are classified.

use sae_report::{Cell, Figure, HeatMap, Picture, Section, Shade, Table, contact_sheet, heat_map};

use super::evidence::Evidence;
use super::overview::networks;
use crate::Error;

/// Mistakes that are shown.
const SHOWN: usize = 20;

/// The section: nothing without a classifier.
pub(super) fn section(evidence: &Evidence) -> Result<Option<Section>, Error> {
    if evidence.model.network().is_none() {
        return Ok(None);
    }
    let mut section = Section::new("classifier", "Classifier");
    let results = evidence
        .summary
        .as_ref()
        .and_then(|summary| summary.results.classifier.as_ref());
    if let Some(results) = results {
        let mut figures = Vec::new();
        for (name, evaluation, _) in networks(results) {
            figures.push(confusion(evidence, name, &evaluation.confusion)?);
        }
        section.blocks.push(sae_report::Block::Figures(figures));
    }
    mistakes(&mut section, evidence)?;
    Ok(Some(section))
}

fn confusion(evidence: &Evidence, name: &str, counts: &[Vec<usize>]) -> Result<Figure, Error> {
    let classes = evidence.classes();
    // Numbers in the cells of many classes cannot be read.
    const WRITTEN: usize = 20;
    let map = HeatMap {
        title: format!("Confusion {name}"),
        x_title: "predicted".to_owned(),
        y_title: "actual".to_owned(),
        rows: classes.to_vec(),
        columns: classes.to_vec(),
        values: counts
            .iter()
            .map(|row| row.iter().map(|&count| count as f64).collect())
            .collect(),
        written: classes.len() <= WRITTEN,
        shade: Shade::ShareOfRow,
    };
    Ok(Figure {
        name: format!("confusion-{}", name.replace(' ', "-")),
        picture: Picture::Svg(heat_map(&map)?),
        alt: format!("Confusion matrix of the network {name}"),
        caption: format!(
            "Test samples by their class (row) and the class that the network {name} gives them (column); \
             shades are shares of the row."
        ),
    })
}

/// The mistakes of which the network is surest.
fn mistakes(section: &mut Section, evidence: &Evidence) -> Result<(), Error> {
    let Ok(specimens) = &evidence.specimens else {
        return Ok(());
    };
    let Some(labels) = &specimens.labels else {
        return Ok(());
    };
    let classes = evidence.classes();
    let (predicted, probabilities) = evidence.model.classify(&specimens.samples)?;
    let probability = |row: usize, class: usize| f64::from(probabilities.gather(&[row])[class]);
    let mut wrong: Vec<(usize, f64)> = (0..predicted.len())
        .filter(|&row| predicted[row] != labels.values[row] as usize)
        .map(|row| (row, probability(row, predicted[row])))
        .collect();
    wrong.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    section.heading("Most confident mistakes");
    section.text(format!(
        "{} of {} test samples are given a wrong class.",
        wrong.len(),
        specimens.count()
    ));
    wrong.truncate(SHOWN);
    let facts = evidence.model.facts();
    if facts.image().is_some() && !wrong.is_empty() {
        let rows: Vec<usize> = wrong.iter().map(|(row, _)| *row).collect();
        section.figure(Figure {
            name: "mistakes".to_owned(),
            picture: Picture::Png(contact_sheet(facts.tile(), &specimens.pixels(&rows))?),
            alt: "The samples of the most confident mistakes".to_owned(),
            caption: "The samples of which the network is surest and wrong, the surest first, row by row; \
                      the table names them in the same order."
                .to_owned(),
        });
    }
    section.table(Table {
        caption: "The surest mistakes: samples, counted from 0 among the test samples, with the probability \
                  of the class that they are given and of their own."
            .to_owned(),
        columns: ["sample", "actual", "predicted", "p(predicted)", "p(actual)"]
            .map(str::to_owned)
            .to_vec(),
        rows: wrong
            .iter()
            .map(|&(row, sure)| {
                let actual = labels.values[row] as usize;
                vec![
                    Cell::count(specimens.rows[row]),
                    Cell::text(classes[actual].clone()),
                    Cell::text(classes[predicted[row]].clone()),
                    Cell::percent(sure, 1),
                    Cell::percent(probability(row, actual), 1),
                ]
            })
            .collect(),
    });
    Ok(())
}
