//! What has come of a sweep so far: runs in order, and the metric against each key.

use std::collections::BTreeMap;

use sae_report::{
    AxisScale, Band, Block, Cell, Document, Figure, Line, LineStyle, Panel, Picture, Section,
    Table, line_chart,
};
use serde::{Deserialize, Serialize};

use super::results::{RunEnd, Sweep};
use crate::Error;
use crate::spread::Spread;

/// One run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SweepRow {
    /// Its name.
    pub name: String,
    /// The values of the keys, in the plan's order.
    pub values: Vec<String>,
    /// Its seed.
    pub seed: u64,
    /// The last round that it ended, from 1.
    pub round: Option<usize>,
    /// Its metric then.
    pub metric: Option<f64>,
    /// Seconds that it took.
    pub seconds: Option<f64>,
    /// Why it cannot be finished.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub problem: Option<String>,
}

/// All runs: those of later rounds first, of a round the best first, then those that failed or have not ended.
///
/// # Errors
///
/// As [`Sweep::end`].
pub fn sweep_rows(sweep: &Sweep) -> Result<Vec<SweepRow>, Error> {
    let plan = sweep.plan();
    let mut rows = Vec::with_capacity(plan.runs.len());
    for run in &plan.runs {
        let value = |set: &String| {
            set.split_once('=')
                .map_or("", |(_, value)| value)
                .to_owned()
        };
        let mut row = SweepRow {
            name: run.name.clone(),
            values: run.set.iter().map(value).collect(),
            seed: run.seed,
            round: None,
            metric: None,
            seconds: None,
            problem: None,
        };
        match sweep.last_end(run)? {
            Some((round, RunEnd::Finished { value, seconds })) => {
                row.round = Some(round + 1);
                (row.metric, row.seconds) = (Some(value), Some(seconds));
            }
            Some((_, RunEnd::Failed { problem })) => row.problem = Some(problem),
            None => {}
        }
        rows.push(row);
    }
    let sign = if plan.metric.rises() { -1.0 } else { 1.0 };
    let key = |row: &SweepRow| row.metric.map_or(f64::INFINITY, |metric| sign * metric);
    rows.sort_by(|a, b| {
        let rounds = b.round.cmp(&a.round);
        rounds
            .then(key(a).total_cmp(&key(b)))
            .then(a.name.cmp(&b.name))
    });
    Ok(rows)
}

/// The report: the table, and the metric against each key that has numbers.
///
/// # Errors
///
/// As [`Sweep::end`]; fails where a chart cannot be drawn.
pub fn sweep_document(sweep: &Sweep) -> Result<Document, Error> {
    let (plan, rows) = (sweep.plan(), sweep_rows(sweep)?);
    let ended = rows.iter().filter(|row| row.metric.is_some()).count();
    let better = if plan.metric.rises() {
        "the more the better"
    } else {
        "the less the better"
    };
    let mut runs = Section::new("runs", "Runs");
    if let Some(best) = rows.first().filter(|row| row.metric.is_some()) {
        let set: Vec<String> = plan
            .keys
            .iter()
            .zip(&best.values)
            .map(|(k, v)| format!("{k} = {v}"))
            .collect();
        runs.text(format!(
            "The best so far is {}: {}.",
            best.name,
            set.join(", ")
        ));
    }
    let mut columns = vec!["run".to_owned()];
    columns.extend(plan.keys.iter().cloned());
    columns.extend(
        [
            "seed",
            "round",
            &plan.metric.to_string(),
            "seconds",
            "problem",
        ]
        .map(str::to_owned),
    );
    runs.table(Table {
        caption: format!(
            "{}: {better}. Those of later rounds come first.",
            plan.metric
        ),
        columns,
        rows: rows.iter().map(cells).collect(),
    });
    let mut document = Document {
        title: format!("A sweep of {} runs", rows.len()),
        lead: format!(
            "{ended} of {} runs have ended; they are compared by {}, {better}.",
            rows.len(),
            plan.metric
        ),
        sections: vec![runs],
    };
    let panels: Vec<Panel> = (0..plan.keys.len())
        .filter_map(|place| panel(&plan.keys[place], &plan.metric.to_string(), &rows, place))
        .collect();
    if !panels.is_empty() {
        let mut keys = Section::new("keys", "The metric against each key");
        keys.blocks.push(Block::Figures(vec![Figure {
            name: "keys".to_owned(),
            picture: Picture::Svg(line_chart(&panels)?),
            alt: format!("{} against each key", plan.metric),
            caption: "Each value of a key with all runs that have it, whatever their other keys are: their mean, and \
                      from the least to the largest."
                .to_owned(),
        }]));
        document.sections.push(keys);
    }
    Ok(document)
}

fn cells(row: &SweepRow) -> Vec<Cell> {
    let words = |text: &str| match text.parse() {
        Ok(value) => Cell::Number {
            value,
            text: text.to_owned(),
        },
        Err(_) => Cell::text(text),
    };
    let mut cells = vec![Cell::text(row.name.clone())];
    cells.extend(row.values.iter().map(|value| words(value)));
    cells.push(words(&row.seed.to_string()));
    cells.push(row.round.map_or(Cell::Empty, Cell::count));
    cells.push(
        row.metric
            .map_or(Cell::Empty, |value| Cell::number(value, 6)),
    );
    cells.push(
        row.seconds
            .map_or(Cell::Empty, |value| Cell::number(value, 1)),
    );
    cells.push(row.problem.clone().map_or(Cell::Empty, Cell::text));
    cells
}

/// Of a key that has at least two numbers among the runs that have ended.
fn panel(key: &str, metric: &str, rows: &[SweepRow], place: usize) -> Option<Panel> {
    let mut values: BTreeMap<u64, (f64, Vec<f64>)> = BTreeMap::new();
    for row in rows {
        let (Some(metric), Some(Ok(value))) =
            (row.metric, row.values.get(place).map(|v| v.parse::<f64>()))
        else {
            continue;
        };
        // Numbers in their order, as keys.
        let bits = value.to_bits();
        let ordered = if value < 0.0 { !bits } else { bits | 1 << 63 };
        values
            .entry(ordered)
            .or_insert((value, vec![]))
            .1
            .push(metric);
    }
    if values.len() < 2 {
        return None;
    }
    let spread = |(value, metrics): &(f64, Vec<f64>)| (*value, Spread::of(metrics));
    let spreads: Vec<(f64, Spread)> = values.values().map(spread).collect();
    let name = metric.to_owned();
    Some(Panel {
        title: key.to_owned(),
        x_title: key.to_owned(),
        y_title: metric.to_owned(),
        x_scale: AxisScale::Automatic,
        y_scale: AxisScale::Automatic,
        lines: vec![Line {
            name: name.clone(),
            points: spreads
                .iter()
                .map(|(x, spread)| (*x, spread.mean))
                .collect(),
            style: LineStyle::Solid,
        }],
        bands: vec![Band {
            name,
            points: spreads
                .iter()
                .map(|(x, s)| (*x, s.least, s.largest))
                .collect(),
        }],
        marks: vec![],
    })
}
