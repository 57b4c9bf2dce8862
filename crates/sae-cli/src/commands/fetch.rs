//! `sae data fetch`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use indicatif::{ProgressBar, ProgressStyle};
use sae::data::fetch::{DataSet, Event, Mirror, RemoteFile, fetch};

use crate::args::FetchArgs;
use crate::error::CliError;
use crate::output;
use crate::progress::draws_bars;

/// Fetches what is not there yet.
pub fn run(args: &FetchArgs) -> Result<ExitCode, CliError> {
    let mirrors = match &args.mirror {
        Some(mirror) => vec![Mirror::parse(mirror)?],
        None => args.set.mirrors(),
    };
    let folder = args.dir.clone();
    let folder = folder.unwrap_or_else(|| PathBuf::from(args.set.folder()));
    let mut show = Show::default();
    fetch(&args.set.files(), &mirrors, &folder, &mut |file, event| {
        show.event(file, event);
    })?;
    output::result(report(args.set, &folder))?;
    Ok(ExitCode::SUCCESS)
}

fn report(set: DataSet, folder: &Path) -> String {
    let folder = folder.display();
    format!("{folder}: the four files of {set}, whole and checked")
}

/// A bar per file on a terminal, and a line per file everywhere.
#[derive(Default)]
struct Show {
    bar: Option<ProgressBar>,
    /// Where the file comes from, and what there was of it.
    origin: String,
    /// What went wrong last. It is shown when things go on, for else the error says it.
    failed: Option<String>,
}

impl Show {
    fn event(&mut self, file: &RemoteFile, event: Event<'_>) {
        let name = &file.name;
        match event {
            Event::Kept => output::progress(format!("{name}: is there already")),
            Event::Started { mirror, from } => {
                self.origin = match from {
                    0 => format!("from {mirror}"),
                    _ => format!("from {mirror}, continued after {from} bytes"),
                };
                self.failed.take().into_iter().for_each(output::progress);
                self.bar = draws_bars().then(|| bar(file, &self.origin));
            }
            Event::Received(bytes) => {
                if let Some(bar) = &self.bar {
                    bar.set_position(bytes);
                }
            }
            Event::Failed { mirror, reason } => {
                self.clear();
                self.failed = Some(format!("{name}: {mirror}: {reason}"));
            }
            Event::Finished => {
                self.clear();
                let origin = match std::mem::take(&mut self.origin) {
                    origin if origin.is_empty() => "was whole but for its name".to_owned(),
                    origin => origin,
                };
                output::progress(format!("{name}: {origin}"));
            }
        }
    }

    fn clear(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

fn bar(file: &RemoteFile, origin: &str) -> ProgressBar {
    // What does not fit the terminal's width is cut.
    let style = ProgressStyle::with_template(
        "{prefix} {bar:16} {bytes}/{total_bytes} {eta} left  {wide_msg}",
    );
    ProgressBar::new(file.bytes)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        .with_prefix(file.name.clone())
        .with_message(origin.to_owned())
}
