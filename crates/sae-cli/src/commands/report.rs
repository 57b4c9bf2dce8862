//! `sae report`

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sae::data::WriteError;
use sae::report::{Document, page};
use sae::{Evidence, REPORT, compare, figure_files, write_file};

use crate::args::ReportArgs;
use crate::error::CliError;
use crate::output;

/// Where several runs side by side are written.
const COMPARISON: &str = "comparison.html";

/// Writes the report of a run, or of several side by side.
pub fn run(args: &ReportArgs) -> Result<ExitCode, CliError> {
    if let Some(path) = &args.out {
        check_extension(path)?;
    }
    let runs = args
        .runs
        .iter()
        .map(|path| args.verify.run(path))
        .collect::<Result<Vec<_>, _>>()?;
    let evidence = runs
        .iter()
        .map(Evidence::of)
        .collect::<Result<Vec<_>, _>>()?;
    let written = match (evidence.as_slice(), &args.out) {
        ([own], out) => {
            let document = own.report()?;
            match out {
                Some(path) => write(&document, path, args)?,
                None => {
                    runs[0].folder().write_report(&document, args.png)?;
                    own_figures(&document, args)?;
                    runs[0].folder().file(REPORT)
                }
            }
        }
        (several, out) => {
            let path = out.clone().unwrap_or_else(|| PathBuf::from(COMPARISON));
            write(&compare(several)?, &path, args)?
        }
    };
    output::result(written.display().to_string())?;
    Ok(ExitCode::SUCCESS)
}

fn check_extension(path: &Path) -> Result<(), CliError> {
    let extension = path.extension().map(|end| end.to_ascii_lowercase());
    match extension.is_some_and(|end| end == "html" || end == "htm") {
        true => Ok(()),
        false => Err(CliError::input(format!(
            "{}: expected a name that ends in .html, as reports are HTML",
            path.display()
        ))),
    }
}

fn write(document: &Document, path: &Path, args: &ReportArgs) -> Result<PathBuf, CliError> {
    own_figures(document, args)?;
    write_file(path, page(document).as_bytes())?;
    Ok(path.to_owned())
}

/// The figures in a folder of their own, where one is named.
fn own_figures(document: &Document, args: &ReportArgs) -> Result<(), CliError> {
    let Some(folder) = &args.figures else {
        return Ok(());
    };
    std::fs::create_dir_all(folder).map_err(|error| WriteError::new(folder, error))?;
    for (name, bytes) in figure_files(document, args.png)? {
        write_file(&folder.join(name), &bytes)?;
    }
    Ok(())
}
