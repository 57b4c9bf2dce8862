//! J over the epochs of a stage.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};
use ratatui::symbols::Marker;
use ratatui::text::Line;
use ratatui::widgets::{Axis, Block, Chart, Dataset, GraphType, Widget};
use sae::StageProgress;
use sae::stack::EpochMetrics;

use crate::progress::short;

/// Draws the curves of training and validation; what is not finite is left out.
pub fn draw(stage: &StageProgress, area: Rect, buffer: &mut Buffer) {
    let training = points(stage, |epoch| Some(epoch.objective));
    let validation = points(stage, |epoch| epoch.validation_objective);
    let values = || training.iter().chain(&validation).map(|point| point.1);
    let (low, high) = (
        values().fold(f64::INFINITY, f64::min),
        values().fold(f64::NEG_INFINITY, f64::max),
    );
    let mut title = vec![Line::from("J, training")];
    if !validation.is_empty() {
        title.push(Line::styled("validation", VALIDATION));
    }
    let block = title.into_iter().fold(Block::bordered(), Block::title);
    if low > high {
        return block.render(area, buffer);
    }
    // A flat curve needs a range, too.
    let (low, high) = if low < high {
        (low, high)
    } else {
        (low - 0.5, high + 0.5)
    };
    let last = training.last().map_or(1.0, |point| point.0).max(2.0);
    let axis = |low: f64, high: f64, labels: [String; 2]| {
        Axis::default().bounds([low, high]).labels(labels)
    };
    let line = |points, style| {
        Dataset::default()
            .marker(Marker::Braille)
            .graph_type(GraphType::Line)
            .style(style)
            .data(points)
    };
    let lines = vec![line(&training, Style::new()), line(&validation, VALIDATION)];
    Chart::new(lines)
        .block(block)
        .legend_position(None)
        .x_axis(axis(1.0, last, ["1".to_owned(), format!("{last}")]))
        .y_axis(axis(low, high, [short(low), short(high)]))
        .render(area, buffer);
}

const VALIDATION: Style = Style::new().fg(Color::Red);

fn points(stage: &StageProgress, value: impl Fn(&EpochMetrics) -> Option<f64>) -> Vec<(f64, f64)> {
    let of_epoch = |epoch: &EpochMetrics| Some((epoch.epoch as f64, value(epoch)?));
    let points = stage.metrics.iter().filter_map(of_epoch);
    points.filter(|point| point.1.is_finite()).collect()
}
