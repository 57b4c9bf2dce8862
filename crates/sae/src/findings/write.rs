//! A report put together.

use sae_report::{Document, Figure, Picture, page, rasterise};

use super::evidence::Evidence;
use super::{classifier, curves, features, map, overview, reproduce, samples, selectivity, units};
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
            selectivity::section(evidence, &uses)?,
            units::section(evidence, &uses, &shown)?,
            curves::section(evidence, &uses)?,
            samples::section(evidence)?,
            classifier::section(evidence)?,
            map::section(evidence)?,
            Some(reproduce::section(evidence)),
        ];
        Ok(Document {
            title: format!("Run {}", evidence.name),
            lead: "What a stack of sparse autoencoders has learned.".to_owned(),
            sections: sections.into_iter().flatten().collect(),
        })
    }
}

/// The files of a report's figures, by name: each as it is, and where `as_pixels` is set drawings also as
/// PNG, twice their size.
///
/// # Errors
///
/// Fails where a drawing cannot be turned into pixels.
pub fn figure_files(document: &Document, as_pixels: bool) -> Result<Vec<(String, Vec<u8>)>, Error> {
    let mut files = Vec::new();
    for Figure { name, picture, .. } in document.figures() {
        let own = format!("{name}.{}", picture.extension());
        files.push((own, picture.bytes().to_vec()));
        if let (Picture::Svg(drawing), true) = (picture, as_pixels) {
            files.push((format!("{name}.png"), rasterise(drawing)?));
        }
    }
    Ok(files)
}

impl RunFolder {
    /// Writes a report and the files of its figures; see [`figure_files`].
    ///
    /// # Errors
    ///
    /// Fails where a file cannot be written, or a drawing cannot be turned into pixels.
    pub fn write_report(&self, document: &Document, as_pixels: bool) -> Result<(), Error> {
        for (name, bytes) in figure_files(document, as_pixels)? {
            self.write(&format!("{FIGURES}/{name}"), &bytes)?;
        }
        Ok(self.write(REPORT, page(document).as_bytes())?)
    }
}
