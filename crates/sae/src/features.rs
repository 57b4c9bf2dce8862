//! Pictures of what units look for.

use sae_analysis::{Ascent, Preferred};
use sae_report::{Picture, TileScale, feature_tiles, features_beside_samples, unit_bars};

use crate::{DataFacts, Error, LayerUse, Model, Specimens, UnitOrder};

/// How the units of a layer are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FeatureOptions {
    /// The layer, from 1.
    pub layer: usize,
    /// In which order.
    pub order: UnitOrder,
    /// By what each tile is divided.
    pub scale: TileScale,
    /// How many, the first in their order; 0 for all.
    pub most: usize,
    /// Real samples beside each tile, those that activate the unit most.
    pub samples: usize,
    /// How inputs of deeper layers are searched.
    pub ascent: Ascent,
}

impl Default for FeatureOptions {
    fn default() -> Self {
        Self {
            layer: 1,
            order: UnitOrder::Stored,
            scale: TileScale::Each,
            most: 0,
            samples: 0,
            ascent: Ascent::default(),
        }
    }
}

/// Units of a layer with the inputs that they look for.
#[derive(Debug, Clone)]
pub struct Features {
    /// The units, in the order in which they are shown.
    pub units: Vec<usize>,
    /// Their inputs.
    pub preferred: Preferred,
}

impl Model {
    /// The units that `options` choose, with the inputs that they look for; `seen` is what the layer does
    /// on the specimens.
    ///
    /// # Errors
    ///
    /// As [`Model::unit_order`] and [`Model::preferred`].
    pub fn features(
        &self,
        options: &FeatureOptions,
        seen: Option<(&LayerUse, &Specimens)>,
        seed: u64,
    ) -> Result<Features, Error> {
        let mut units =
            self.unit_order(options.layer, options.order, seen.map(|(layer, _)| layer))?;
        if options.most > 0 {
            units.truncate(options.most);
        }
        let samples = seen.map(|(_, specimens)| &specimens.samples);
        let (layer, ascent) = (options.layer, &options.ascent);
        let preferred = self.preferred(layer, &units, samples, ascent, seed)?;
        Ok(Features { units, preferred })
    }
}

impl Features {
    /// Their inputs as a picture: tiles of images, bars of tables, whose columns are named.
    ///
    /// # Errors
    ///
    /// Refuses inputs that are not finite.
    pub fn draw(&self, facts: &DataFacts, scale: TileScale) -> Result<Picture, Error> {
        let inputs = &self.preferred.inputs;
        if facts.image().is_some() {
            return Ok(Picture::Png(feature_tiles(facts.tile(), inputs, scale)?));
        }
        let width = inputs.len() / self.units.len().max(1);
        // Of principal components there are fewer than columns, and they have no names.
        let names = match facts.input_names() {
            names if names.len() == width => names,
            _ => (1..=width)
                .map(|component| format!("component {component}"))
                .collect(),
        };
        let units: Vec<String> = self
            .units
            .iter()
            .map(|unit| format!("unit {unit}"))
            .collect();
        Ok(Picture::Svg(unit_bars(&names, inputs, &units)?))
    }

    /// As tiles of images, each beside the `count` specimens that activate the unit most.
    ///
    /// # Errors
    ///
    /// Refuses rows that are no images.
    pub fn draw_beside_samples(
        &self,
        facts: &DataFacts,
        scale: TileScale,
        (seen, specimens): (&LayerUse, &Specimens),
        count: usize,
    ) -> Result<Picture, Error> {
        let count = count.min(specimens.count());
        let top = |unit: &usize| seen.activities.top_samples(*unit, count);
        let rows: Vec<usize> = self.units.iter().flat_map(top).collect();
        let (inputs, pixels) = (&self.preferred.inputs, specimens.pixels(&rows));
        let png = features_beside_samples(facts.tile(), inputs, scale, &pixels, count)?;
        Ok(Picture::Png(png))
    }
}
