//! `sae watch`

use std::io::{IsTerminal, stdout};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::crossterm::terminal;

use crate::args::WatchArgs;
use crate::error::CliError;
use crate::output;
use crate::watch::{Ink, Screen};

/// Between two looks at the folder.
const LOOK: Duration = Duration::from_secs(1);
/// The frame where no terminal says how large it is.
const FRAME: (u16, u16) = (100, 36);

/// Follows a run until the user has seen enough, or shows it once.
pub fn run(args: &WatchArgs) -> Result<ExitCode, CliError> {
    let path = args.run.display().to_string();
    let interactive = !args.once && stdout().is_terminal();
    let coloured = interactive && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    let ink = if coloured { Ink::Colour } else { Ink::Shade };
    let mut screen = Screen::new(&path, ink);
    screen.look()?;
    if !interactive {
        let width = match stdout().is_terminal() {
            true => terminal::size().map_or(FRAME.0, |(width, _)| width),
            false => FRAME.0,
        };
        output::result(screen.text(width, FRAME.1))?;
        return Ok(ExitCode::SUCCESS);
    }
    // The terminal is put back also by a panic.
    let mut terminal = ratatui::try_init().map_err(CliError::Output)?;
    let followed = follow(&mut terminal, &mut screen);
    let restored = ratatui::try_restore().map_err(CliError::Output);
    followed.and(restored).map(|()| ExitCode::SUCCESS)
}

/// Draws at every look, key and change of size, until a key ends it.
fn follow(terminal: &mut DefaultTerminal, screen: &mut Screen) -> Result<(), CliError> {
    let mut due = Instant::now() + LOOK;
    loop {
        let drawn = terminal.draw(|frame| screen.draw(frame));
        drawn.map_err(CliError::Output)?;
        let wait = due.saturating_duration_since(Instant::now());
        if event::poll(wait).map_err(CliError::Output)? {
            if let Event::Key(key) = event::read().map_err(CliError::Output)?
                && key.kind != KeyEventKind::Release
                && !obey(screen, key)
            {
                return Ok(());
            }
        } else {
            screen.look()?;
            due = Instant::now() + LOOK;
        }
    }
}

/// Does what a key says; false where it says to end.
fn obey(screen: &mut Screen, key: KeyEvent) -> bool {
    match key.code {
        KeyCode::Char('q') | KeyCode::Esc => return false,
        KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return false,
        KeyCode::Left | KeyCode::BackTab | KeyCode::Char('h') => screen.turn(-1),
        KeyCode::Right | KeyCode::Tab | KeyCode::Char('l') => screen.turn(1),
        KeyCode::Char('f') => screen.follow(),
        _ => {}
    }
    true
}
