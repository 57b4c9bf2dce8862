//! The space of codes in two dimensions.

use sae_analysis::{Map, neighbour_map, principal_map};
use sae_data::{Stream, shuffled, stream_at};
use sae_report::{Block, Classes, Figure, Picture, Section, scatter, thumbnail_map};

use super::evidence::Evidence;
use crate::{Error, Specimens};

/// Most samples on a map.
const MOST: usize = 1000;
/// Which order of the specimens' random numbers is the map's; that of 0 chooses the specimens.
const MAP: u64 = 1;

/// The section: nothing without specimens, or with codes of one value.
pub(super) fn section(evidence: &Evidence) -> Result<Option<Section>, Error> {
    let Ok(specimens) = &evidence.specimens else {
        return Ok(None);
    };
    let width = evidence.model.hidden();
    if width < 2 || specimens.count() < 2 {
        return Ok(None);
    }
    let chosen = chosen(specimens, evidence.experiment.seed);
    let codes = evidence.model.encode(&specimens.samples.select(&chosen))?;
    let codes = codes.gather(&(0..codes.rows()).collect::<Vec<_>>());
    let mut section = Section::new("codes", "The space of codes");
    section.text(format!(
        "The codes of {} test samples, of {width} values each, in two dimensions: by their first two \
         principal components, and by t-SNE (perplexity 30, from the principal components), which keeps \
         near what is near and tells nothing of distances between groups.",
        chosen.len()
    ));
    let linear = principal_map(&codes, width);
    let shares = linear.variance.unwrap_or_default();
    let caption = format!(
        "Principal components, which hold {:.1}% and {:.1}% of the variance of the codes.",
        100.0 * shares[0],
        100.0 * shares[1]
    );
    let mut figures = vec![drawn(
        "map-pca",
        "Principal components",
        &linear,
        evidence,
        &chosen,
        caption,
    )?];
    let neighbours = neighbour_map(&codes, width);
    if let Some(map) = &neighbours {
        let caption = "t-SNE: samples that are near each other have similar codes.".to_owned();
        figures.push(drawn("map-tsne", "t-SNE", map, evidence, &chosen, caption)?);
    }
    section.blocks.push(Block::Figures(figures));
    let facts = evidence.model.facts();
    if facts.image().is_some() {
        let map = neighbours.as_ref().unwrap_or(&linear);
        let classes = classes_of(specimens, &chosen);
        let pixels = specimens.pixels(&chosen);
        section.figure(Figure {
            name: "map-samples".to_owned(),
            picture: Picture::Png(thumbnail_map(
                facts.tile(),
                &pixels,
                &map.points,
                classes.as_deref(),
            )?),
            alt: "The samples themselves at their places on the map".to_owned(),
            caption: "The samples at their places, framed in the colour of their class; where they would \
                      overlap, one is left out."
                .to_owned(),
        });
    }
    Ok(Some(section))
}

/// Some specimens, drawn with the seed.
fn chosen(specimens: &Specimens, seed: u64) -> Vec<usize> {
    let mut rows = shuffled(
        &mut stream_at(seed, Stream::Specimens, MAP),
        specimens.count(),
    );
    rows.truncate(MOST);
    rows.sort_unstable();
    rows
}

fn classes_of(specimens: &Specimens, chosen: &[usize]) -> Option<Vec<usize>> {
    let labels = specimens.labels.as_ref()?;
    Some(
        chosen
            .iter()
            .map(|&row| labels.values[row] as usize)
            .collect(),
    )
}

fn drawn(
    name: &str,
    title: &str,
    map: &Map,
    evidence: &Evidence,
    chosen: &[usize],
    caption: String,
) -> Result<Figure, Error> {
    let of_points = evidence
        .specimens
        .as_ref()
        .ok()
        .and_then(|s| classes_of(s, chosen));
    let classes = of_points.as_deref().map(|of_points| Classes {
        of_points,
        names: evidence.classes(),
    });
    Ok(Figure {
        name: name.to_owned(),
        picture: Picture::Svg(scatter(&map.points, classes, title)?),
        alt: format!("{title} of the codes, one point per sample"),
        caption,
    })
}
