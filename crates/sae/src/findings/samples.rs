//! What is left of samples once they were encoded and decoded, and what lies between two of them.

use sae_analysis::Moments;
use sae_data::Samples;
use sae_report::{Block, Cell, Figure, Picture, Section, Table, reconstructions, strip};

use super::evidence::Evidence;
use crate::{Error, Specimens};

/// Samples in a picture.
const SHOWN: usize = 10;
/// Pairs of samples between which codes are mixed, and the mixtures of each.
const PAIRS: usize = 5;
const STEPS: usize = 9;

/// The section: nothing without specimens.
pub(super) fn section(evidence: &Evidence) -> Result<Option<Section>, Error> {
    let Ok(specimens) = &evidence.specimens else {
        return Ok(None);
    };
    let mut section = Section::new("reconstructions", "Reconstructions");
    let scores = evidence.model.score(&specimens.samples)?;
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]).then(a.cmp(&b)));
    let shown = SHOWN.min(order.len());
    let middle = (order.len() - shown) / 2;
    let groups = [
        ("best", &order[..shown]),
        ("median", &order[middle..middle + shown]),
        ("worst", &order[order.len() - shown..]),
    ];
    section.text(
        "Samples go through all encoders and back through all decoders. The error of a sample is the root of \
         the mean squared error over its inputs, after scaling.",
    );
    match evidence.model.facts().image().is_some() {
        true => pictures(&mut section, evidence, specimens, &scores, groups)?,
        false => section.table(rows(evidence, specimens, &scores, groups)?),
    }
    Ok(Some(section))
}

type Groups<'a> = [(&'static str, &'a [usize]); 3];

fn pictures(
    section: &mut Section,
    evidence: &Evidence,
    specimens: &Specimens,
    scores: &[f64],
    groups: Groups<'_>,
) -> Result<(), Error> {
    let tile = evidence.model.facts().tile();
    let mut figures = Vec::new();
    for (name, rows) in groups {
        let again = evidence
            .model
            .reconstruct(&specimens.samples.select(rows))?;
        let again = specimens.in_pixels(again.gather(&(0..rows.len()).collect::<Vec<_>>()));
        let (low, high) = (scores[rows[0]], scores[rows[rows.len() - 1]]);
        figures.push(Figure {
            name: format!("reconstructions-{name}"),
            picture: Picture::Png(reconstructions(tile, &specimens.pixels(rows), &again)?),
            alt: format!("The {} {name} samples above their reconstructions", rows.len()),
            caption: format!(
                "The {name} {} of {} test samples, with their reconstructions below: errors {low:.4} to \
                 {high:.4}.",
                rows.len(),
                specimens.count()
            ),
        });
    }
    section.blocks.push(Block::Figures(figures));
    if specimens.count() > 1 {
        section.figure(interpolations(evidence, specimens)?);
    }
    Ok(())
}

/// Samples as numbers: their error and the input that is furthest off.
fn rows(
    evidence: &Evidence,
    specimens: &Specimens,
    scores: &[f64],
    groups: Groups<'_>,
) -> Result<Table, Error> {
    let names = evidence.model.facts().input_names();
    let spreads = spreads(specimens);
    let mut rows = Vec::new();
    for (group, chosen) in groups {
        let (_, errors) = evidence
            .model
            .score_and_errors(&specimens.samples.select(chosen))?;
        for (&row, errors) in chosen.iter().zip(errors.chunks(names.len())) {
            let share = |input: usize| errors[input] / spreads[input];
            let worst = (0..errors.len()).fold(0, |a, b| if share(b) > share(a) { b } else { a });
            rows.push(vec![
                Cell::count(specimens.rows[row]),
                Cell::text(group),
                Cell::short(scores[row]),
                Cell::text(names[worst].clone()),
                Cell::short(errors[worst]),
            ]);
        }
    }
    Ok(Table {
        caption: "The best, median and worst test samples, counted from 0, and of each the column that is \
                  furthest off for its range, and by how much in its own unit."
            .to_owned(),
        columns: ["sample", "group", "error", "furthest off", "by"].map(str::to_owned).to_vec(),
        rows,
    })
}

/// The largest value of each input less its least; of inputs that never vary 1.
fn spreads(specimens: &Specimens) -> Vec<f64> {
    let mut ranges = vec![Moments::default(); specimens.samples.width()];
    for row in 0..specimens.count() {
        let values = specimens.samples.gather_doubles(&[row]);
        ranges
            .iter_mut()
            .zip(values)
            .for_each(|(range, v)| range.add(v));
    }
    let spread = |range: &Moments| range.largest - range.least;
    let spreads = ranges.iter().map(spread);
    spreads
        .map(|spread| if spread > 0.0 { spread } else { 1.0 })
        .collect()
}

/// Mixtures of the codes of two samples, decoded.
fn interpolations(evidence: &Evidence, specimens: &Specimens) -> Result<Figure, Error> {
    let pairs = pairs(specimens);
    let mut codes = Vec::new();
    for (from, to) in &pairs {
        let ends = evidence
            .model
            .encode(&specimens.samples.select(&[*from, *to]))?;
        let (from, to) = (ends.gather(&[0]), ends.gather(&[1]));
        for step in 0..STEPS {
            let share = step as f32 / (STEPS - 1) as f32;
            codes.extend(
                from.iter()
                    .zip(&to)
                    .map(|(a, b)| (1.0 - share) * a + share * b),
            );
        }
    }
    let width = evidence.model.hidden();
    let codes = Samples::Floats {
        width,
        values: codes,
    };
    let decoded = evidence.model.decode(&codes)?;
    let between = specimens.in_pixels(decoded.gather(&(0..decoded.rows()).collect::<Vec<_>>()));
    let mut images = Vec::new();
    let tile = evidence.model.facts().tile();
    let area = between.len() / (pairs.len() * STEPS);
    for ((from, to), row) in pairs.iter().zip(between.chunks(STEPS * area)) {
        images.extend(specimens.pixels(&[*from]));
        images.extend_from_slice(row);
        images.extend(specimens.pixels(&[*to]));
    }
    Ok(Figure {
        name: "interpolations".to_owned(),
        picture: Picture::Png(strip(tile, &images, STEPS + 2)?),
        alt: "Rows of images that change from one sample into another".to_owned(),
        caption: format!(
            "In each row a sample at the left, another at the right, and between them {STEPS} mixtures of \
             their codes, decoded, from the code of the left one to that of the right one."
        ),
    })
}

/// Pairs of samples of different classes, where there are any.
fn pairs(specimens: &Specimens) -> Vec<(usize, usize)> {
    let count = specimens.count();
    let class = |row: usize| specimens.labels.as_ref().map(|labels| labels.values[row]);
    let other = |from: usize| {
        let later = (1..count).map(|step| (from + step) % count);
        let mut later = later
            .clone()
            .filter(|&to| class(to) != class(from))
            .chain(later);
        later.next().unwrap_or(from)
    };
    let step = (count / PAIRS).max(1);
    (0..count)
        .step_by(step)
        .take(PAIRS)
        .map(|from| (from, other(from)))
        .collect()
}
