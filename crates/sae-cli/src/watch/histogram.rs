//! How the units' ρ̂ are distributed, and where ρ is.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Block, Widget};
use sae::StageProgress;

use crate::progress::short;

/// Eighths of a cell.
const LEVELS: [&str; 9] = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

/// Draws the histogram of the last epoch that has quantiles of ρ̂.
pub fn draw(stage: &StageProgress, area: Rect, buffer: &mut Buffer) {
    let quantiles = stage.metrics.iter().rev().map(|m| &m.rho_hat_quantiles);
    let found = quantiles
        .into_iter()
        .find(|quantiles| !quantiles.is_empty());
    let block = Block::bordered().title("rho_hat: share of the units");
    let inner = block.inner(area);
    block.render(area, buffer);
    if let Some(quantiles) = found
        && !inner.is_empty()
    {
        draw_bars(quantiles, stage.rho, inner, buffer);
    }
}

/// Bars above, the axis with its ends and ρ below.
fn draw_bars(quantiles: &[f64], rho: Option<f64>, area: Rect, buffer: &mut Buffer) {
    let end = range(quantiles, rho);
    let bins = shares(quantiles, end, usize::from(area.width));
    let most = bins.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
    let rows = area.height.saturating_sub(1);
    for (x, share) in (area.left()..area.right()).zip(&bins) {
        let eighths = (share / most * f64::from(8 * rows)).ceil() as u16;
        for row in 0..rows {
            let level = eighths.saturating_sub(8 * row).min(8);
            let y = area.bottom() - 2 - row;
            buffer[(x, y)].set_symbol(LEVELS[usize::from(level)]);
        }
    }
    let axis = Rect::new(area.left(), area.bottom() - 1, area.width, 1);
    Line::from("0").render(axis, buffer);
    Line::from(short(end)).right_aligned().render(axis, buffer);
    if let Some(rho) = rho {
        let place = (rho / end * f64::from(area.width)) as u16;
        let mark = format!("^rho {rho}");
        let start = (area.left() + place).min(area.right() - 1);
        buffer.set_stringn(
            start,
            axis.y,
            mark,
            usize::from(area.right() - start),
            Line::default().style,
        );
    }
}

/// Where the axis ends: twice ρ is always on it.
fn range(quantiles: &[f64], rho: Option<f64>) -> f64 {
    let largest = quantiles.last().copied().unwrap_or(0.0);
    let end = largest.max(2.0 * rho.unwrap_or(0.0));
    if end > 0.0 && end.is_finite() {
        end
    } else {
        1.0
    }
}

/// The share of the units in each of `bins` equal parts of [0, `end`], where they lie evenly between
/// neighbouring quantiles.
fn shares(quantiles: &[f64], end: f64, bins: usize) -> Vec<f64> {
    let below = |k: usize| match k {
        0 => 0.0,
        k => share_below(quantiles, end * k as f64 / bins as f64),
    };
    (0..bins).map(|k| below(k + 1) - below(k)).collect()
}

/// The share of the units whose ρ̂ is at most `value`.
fn share_below(quantiles: &[f64], value: f64) -> f64 {
    let steps = quantiles.len().saturating_sub(1).max(1) as f64;
    let passed = quantiles.partition_point(|&quantile| quantile <= value);
    let Some(last) = passed.checked_sub(1) else {
        return 0.0;
    };
    let within = match quantiles.get(passed) {
        Some(next) => (value - quantiles[last]) / (next - quantiles[last]),
        None => 0.0,
    };
    (last as f64 + within) / steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_follow_the_quantiles() {
        let found = shares(&[0.0, 0.2, 0.2, 0.2, 1.0], 1.0, 5);
        // A quarter evenly below 0.2, two at 0.2, and one evenly above.
        let expected = [0.75, 0.0625, 0.0625, 0.0625, 0.0625];
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
        assert_eq!(shares(&[0.3; 21], 0.5, 2), [0.0, 1.0]);
    }
}
