//! What `sae watch` shows of a run: one frame of a terminal.

mod curves;
mod histogram;
#[cfg(test)]
mod tests;
mod tiles;
mod words;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph, Widget};
use sae::{Activity, StageProgress, Tiles, Watched};

pub use self::tiles::Ink;

/// Tiles that are read; as many of them are shown as there is room for.
const MOST_TILES: usize = 200;
/// Below this many columns or rows there is room for words only.
const ROOM: (u16, u16) = (48, 14);
/// The keys, in words.
const KEYS: &str = "left and right: stage, f: follow, q: quit";

/// What is shown: a run at one moment, and which of its stages.
pub struct Screen {
    /// The path that was asked for.
    path: String,
    ink: Ink,
    /// Nothing before the run has begun to train.
    watched: Option<Watched>,
    /// Nothing to follow the one that is trained.
    chosen: Option<usize>,
    tiles: Option<Tiles>,
    /// What the last look met.
    problem: Option<String>,
}

impl Screen {
    /// Nothing is known yet of the run at `path`.
    pub fn new(path: &str, ink: Ink) -> Self {
        Self {
            path: path.to_owned(),
            ink,
            watched: None,
            chosen: None,
            tiles: None,
            problem: None,
        }
    }

    /// Looks at the run again. What a run that is being written has moved away at this moment is there at
    /// the next look, so that a problem is shown and the last state stays.
    ///
    /// # Errors
    ///
    /// Refuses what has never been a run.
    pub fn look(&mut self) -> Result<(), sae::Error> {
        if self.is_final() {
            return Ok(());
        }
        match Watched::look(&self.path) {
            Ok(watched) => {
                (self.watched, self.problem) = (watched, None);
                self.read_tiles();
                Ok(())
            }
            Err(error) if self.watched.is_some() => {
                self.problem = Some(error.to_string());
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Whether there is nothing more to come.
    fn is_final(&self) -> bool {
        let activity = self.watched.as_ref().map(|watched| watched.activity);
        activity == Some(Activity::Complete)
    }

    fn read_tiles(&mut self) {
        let found = match (&self.watched, self.stage()) {
            (Some(watched), Some(stage)) => watched.tiles(stage.stage, MOST_TILES),
            _ => Ok(None),
        };
        match found {
            Ok(tiles) => self.tiles = tiles,
            Err(error) => self.problem = Some(error.to_string()),
        }
    }

    /// The number of the stage that is shown.
    fn shown(&self) -> usize {
        let current = self.watched.as_ref().map_or(0, Watched::current);
        self.chosen.unwrap_or(current)
    }

    fn stage(&self) -> Option<&StageProgress> {
        self.watched.as_ref()?.stages.get(self.shown())
    }

    /// Shows the stage so many places further on.
    pub fn turn(&mut self, by: isize) {
        let count = self.watched.as_ref().map_or(0, |w| w.stages.len());
        let last = count.saturating_sub(1);
        self.chosen = Some(self.shown().saturating_add_signed(by).min(last));
        self.read_tiles();
    }

    /// Shows the stage that is trained, whichever that is.
    pub fn follow(&mut self) {
        self.chosen = None;
        self.read_tiles();
    }

    /// Draws on a terminal.
    pub fn draw(&self, frame: &mut Frame<'_>) {
        frame.render_widget(self, frame.area());
    }

    /// The frame as text, without what is blank at the ends of lines.
    pub fn text(&self, width: u16, height: u16) -> String {
        let area = Rect::new(0, 0, width, height);
        let mut buffer = Buffer::empty(area);
        self.render(area, &mut buffer);
        let rows = buffer.content.chunks(usize::from(width).max(1));
        let line = |row: &[ratatui::buffer::Cell]| {
            let text: String = row.iter().map(ratatui::buffer::Cell::symbol).collect();
            text.trim_end().to_owned()
        };
        let lines: Vec<String> = rows.map(line).collect();
        lines.join("\n").trim_end().to_owned()
    }

    /// What becomes of the run, in words.
    fn state(&self) -> String {
        let state = match self.watched.as_ref().map(|watched| watched.activity) {
            None => "not begun to train",
            Some(Activity::Running) => "training",
            Some(Activity::Complete) => "finished",
            Some(Activity::CutOff) => "cut off: nobody writes it any more",
        };
        let replaces = self
            .watched
            .as_ref()
            .is_some_and(|watched| watched.replaces);
        let fate = match replaces {
            true => "; written beside the run that it replaces when it is whole",
            false => "",
        };
        format!("{}: {state}{fate}", self.path)
    }

    /// All stages with their epochs, the one that is shown emphasised.
    fn stages(&self) -> Line<'_> {
        let stages = self.watched.iter().flat_map(|watched| &watched.stages);
        let span = |(index, stage): (usize, &StageProgress)| {
            let epochs = match (stage.metrics.len(), stage.is_over) {
                (0, false) => String::new(),
                (epochs, true) => format!(" {epochs} done"),
                (epochs, false) => format!(" {epochs}/{}", stage.planned),
            };
            let style = match index == self.shown() {
                true => Style::new().add_modifier(Modifier::REVERSED),
                false => Style::new(),
            };
            let mark = if index == self.shown() { ">" } else { " " };
            Span::styled(format!("{mark}{}{epochs} ", stage.stage), style)
        };
        stages.enumerate().map(span).collect()
    }
}

impl Widget for &Screen {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let lines = [Constraint::Length(1), Constraint::Length(1)];
        let rows = Layout::vertical([lines[0], lines[1], Constraint::Min(0), lines[0]]);
        let [title, stages, body, foot] = rows.areas(area);
        Line::from(self.state()).render(title, buffer);
        self.stages().render(stages, buffer);
        let keys = || match self.ink {
            Ink::Colour => KEYS,
            Ink::Shade => "",
        };
        Line::from(self.problem.as_deref().unwrap_or_else(keys)).render(foot, buffer);
        match self.stage() {
            Some(stage) if stage.metrics.is_empty() => {
                Paragraph::new(format!("{}: no epoch yet", stage.stage)).render(body, buffer);
            }
            Some(stage) if body.width < ROOM.0 || body.height < ROOM.1 => {
                Paragraph::new(words::lines(stage)).render(body, buffer);
            }
            Some(stage) => self.panels(stage, body, buffer),
            None => {}
        }
    }
}

impl Screen {
    fn panels(&self, stage: &StageProgress, area: Rect, buffer: &mut Buffer) {
        let words = words::lines(stage);
        let halves = Layout::horizontal([Constraint::Fill(3), Constraint::Fill(2)]);
        let [left, right] = halves.areas(area);
        let height = words.len() as u16 + 2;
        let rows = Layout::vertical([Constraint::Length(height), Constraint::Min(0)]);
        let [figures, pictures] = rows.areas(right);
        Paragraph::new(words)
            .block(Block::bordered().title("figures"))
            .render(figures, buffer);
        self.draw_tiles(pictures, buffer);
        let has_rho_hat = stage
            .metrics
            .iter()
            .any(|m| !m.rho_hat_quantiles.is_empty());
        match has_rho_hat {
            true => {
                let rows = Layout::vertical([Constraint::Fill(3), Constraint::Fill(2)]);
                let [above, below] = rows.areas(left);
                curves::draw(stage, above, buffer);
                histogram::draw(stage, below, buffer);
            }
            false => curves::draw(stage, left, buffer),
        }
    }

    fn draw_tiles(&self, area: Rect, buffer: &mut Buffer) {
        let Some(tiles) = &self.tiles else {
            return;
        };
        let block = Block::bordered();
        let inner = block.inner(area);
        let shown = tiles::draw(tiles, self.ink, inner, buffer);
        let title = format!("units of layer 1: {shown} of {}", tiles.hidden);
        block.title(title).render(area, buffer);
    }
}
