//! A report put together.

use sae_report::{Document, page};

use super::evidence::Evidence;
use super::{classifier, curves, features, map, overview, reproduce, samples, units};
use crate::{Error, RunFolder};

/// The report of a run, in its folder.
pub const REPORT: &str = "report.html";
/// The folder of its figures, beside it.
pub const FIGURES: &str = "figures";

impl Evidence {
    /// The report of a run: what its units look for and stand for, how they are doing, how training went, what
    /// it reconstructs and mistakes, and how to make it again. Parts for which the run has nothing are left
    /// out; where its samples are no longer there, the report says so.
    ///
    /// # Errors
    ///
    /// Refuses weights that are not finite.
    pub fn report(&self) -> Result<Document, Error> {
        let evidence = self;
        let uses = evidence.layer_uses()?;
        let shown = features::shown(evidence, &uses)?;
        let mut overview = overview::section(evidence);
        if let Err(reason) = &evidence.specimens {
            overview.advice(format!(
                "The test samples could not be read, so that this report is without what needs them: {reason}."
            ));
        }
        let sections = [
            Some(overview),
            Some(features::section(evidence, &uses, &shown)?),
            units::selectivity(evidence, &uses)?,
            units::health(evidence, &uses, &shown)?,
            curves::section(evidence, &uses)?,
            samples::section(evidence)?,
            classifier::section(evidence)?,
            map::section(evidence)?,
            Some(reproduce::section(evidence)?),
        ];
        Ok(Document {
            title: format!("Run {}", evidence.name),
            lead: "What a stack of sparse autoencoders has learned.".to_owned(),
            sections: sections.into_iter().flatten().collect(),
        })
    }
}

impl RunFolder {
    /// Writes a report and its figures, each also as a file.
    ///
    /// # Errors
    ///
    /// Fails where a file cannot be written.
    pub fn write_report(&self, document: &Document) -> Result<(), Error> {
        for figure in document.figures() {
            let extension = figure.picture.extension();
            let name = format!("{FIGURES}/{}.{extension}", figure.name);
            self.write(&name, figure.picture.bytes())?;
        }
        Ok(self.write(REPORT, page(document).as_bytes())?)
    }
}
