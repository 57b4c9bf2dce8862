//! What has come of a sweep so far: runs in order, and the metric against each key.

use sae_report::{
    AxisScale, Block, Cell, Document, Figure, Line, LineStyle, Panel, Picture, Section, Table,
    line_chart,
};
use serde::{Deserialize, Serialize};

use super::results::{RunEnd, Sweep};
use crate::Error;

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
            caption: "Every run that has ended, at its last round, whatever its other keys are; where values come again and again, \
                      their means."
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

/// At least so many runs of each value, on average, have their mean drawn.
const PER_VALUE: usize = 3;
/// Values that span more are drawn by ratios.
const WIDE: f64 = 30.0;

/// Of a key that has at least two numbers among the runs that have ended.
fn panel(key: &str, metric: &str, rows: &[SweepRow], place: usize) -> Option<Panel> {
    let number = |row: &SweepRow| row.values.get(place)?.parse::<f64>().ok();
    let ended = rows
        .iter()
        .filter_map(|row| Some((number(row)?, row.metric?)));
    let mut every: Vec<(f64, f64)> = ended.collect();
    every.sort_by(|a, b| a.0.total_cmp(&b.0));
    let means: Vec<(f64, f64)> = every
        .chunk_by(|a, b| a.0 == b.0)
        .map(|same| {
            let sum: f64 = same.iter().map(|(_, metric)| metric).sum();
            (same[0].0, sum / same.len() as f64)
        })
        .collect();
    let [(first, _), .., (last, _)] = means[..] else {
        return None;
    };
    // Where values come again and again their means tell something.
    let has_means = PER_VALUE * means.len() <= every.len();
    let mut lines = vec![Line {
        name: "runs".to_owned(),
        points: every,
        style: LineStyle::Dots,
    }];
    if has_means {
        lines.push(Line {
            name: "mean".to_owned(),
            points: means,
            style: LineStyle::Solid,
        });
    }
    let is_wide = first > 0.0 && last >= WIDE * first;
    Some(Panel {
        title: key.to_owned(),
        x_title: key.to_owned(),
        y_title: metric.to_owned(),
        x_scale: if is_wide {
            AxisScale::Logarithmic
        } else {
            AxisScale::Linear
        },
        y_scale: AxisScale::Automatic,
        lines,
        ..Panel::default()
    })
}
