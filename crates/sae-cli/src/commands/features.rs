//! `sae features`

use std::process::ExitCode;

use sae::analysis::Ascent;
use sae::report::{Picture, TileScale};
use sae::{Evidence, FeatureOptions, Features, UnitOrder, write_file};

use crate::args::FeaturesArgs;
use crate::error::CliError;
use crate::output;

/// Most samples beside a tile.
const MOST_SAMPLES: usize = 20;

/// Draws what the units of a layer look for.
pub fn run(args: &FeaturesArgs) -> Result<ExitCode, CliError> {
    let run = args.verify.run(&args.run)?;
    let expected = match run.facts().image() {
        Some(_) => "png",
        None => "svg",
    };
    check(args, expected)?;
    let options = FeatureOptions {
        layer: args.layer,
        order: args.order.into(),
        scale: args.scale.into(),
        most: args.most,
        samples: args.samples,
        ascent: Ascent {
            radius: args.norm,
            ..Ascent::default()
        },
    };
    let evidence = Evidence::of(&run)?;
    let (features, picture) = drawn(&evidence, &options)?;
    let path = match &args.out {
        Some(path) => {
            write_file(path, picture.bytes())?;
            path.clone()
        }
        None => {
            let name = own_name(args.layer, expected);
            run.folder().write(&name, picture.bytes())?;
            run.folder().path().join(name)
        }
    };
    output::result(format!(
        "{}: {}",
        path.display(),
        described(&features, &options, picture)
    ))?;
    Ok(ExitCode::SUCCESS)
}

fn check(args: &FeaturesArgs, expected: &str) -> Result<(), CliError> {
    if let Some(path) = &args.out
        && path
            .extension()
            .is_none_or(|end| !end.eq_ignore_ascii_case(expected))
    {
        let what = match expected {
            "png" => "tiles of images are PNG files",
            _ => "bars of tables are SVG files",
        };
        return Err(CliError::input(format!(
            "{}: expected a name that ends in .{expected}: {what}",
            path.display()
        )));
    }
    if !(args.norm > 0.0 && args.norm.is_finite()) {
        return Err(CliError::input(format!(
            "--norm is {}; expected a number > 0",
            args.norm
        )));
    }
    if args.samples > MOST_SAMPLES {
        return Err(CliError::input(format!(
            "--samples is {}; expected at most {MOST_SAMPLES}",
            args.samples
        )));
    }
    if args.samples > 0 && expected == "svg" {
        return Err(CliError::input(
            "--samples is for images; the run's data are a table".to_owned(),
        ));
    }
    Ok(())
}

fn drawn(evidence: &Evidence, options: &FeatureOptions) -> Result<(Features, Picture), CliError> {
    let wants = options.order.needs_samples() || options.samples > 0;
    let specimens = match &evidence.specimens {
        Ok(specimens) => Some(specimens),
        Err(reason) if wants => return Err(CliError::input(reason.clone())),
        // A search does without samples.
        Err(_) => None,
    };
    let facts = evidence.model.facts();
    let layers = &evidence.experiment.layers;
    let rho = layers
        .get(options.layer.wrapping_sub(1))
        .map_or(0.0, |layer| layer.rho);
    let used = match specimens {
        Some(specimens) if wants || options.layer > 1 => Some((
            evidence.model.layer_use(options.layer, rho, specimens)?,
            specimens,
        )),
        _ => None,
    };
    let seen = used.as_ref().map(|(layer, specimens)| (layer, *specimens));
    let features = evidence
        .model
        .features(options, seen, evidence.experiment.seed)?;
    let picture = match (seen, options.samples) {
        (Some(seen), count) if count > 0 => {
            features.draw_beside_samples(facts, options.scale, seen, count)?
        }
        _ => features.draw(facts, options.scale)?,
    };
    Ok((features, picture))
}

/// The name of the picture in the run's folder.
fn own_name(layer: usize, extension: &str) -> String {
    match layer {
        1 => format!("features.{extension}"),
        layer => format!("features-{layer}.{extension}"),
    }
}

fn described(features: &Features, options: &FeatureOptions, picture: Picture) -> String {
    let order = match options.order {
        UnitOrder::Stored => "as they are in the weights",
        UnitOrder::Selectivity => "the most selective first",
        UnitOrder::RhoHat => "the most active first",
        UnitOrder::Norm => "those with the largest weights first",
    };
    let scale = match (picture, options.scale) {
        (Picture::Svg(_), _) => "Bars show inputs after scaling.",
        (Picture::Png(_), scale @ (TileScale::Each | TileScale::All)) => scale.describe(),
    };
    let beside = match options.samples {
        0 => String::new(),
        count => format!(", beside the {count} test samples that do"),
    };
    format!(
        "{} units of layer {}, {order}, each as the input of norm at most {} that activates it most{beside}. \
         {scale}",
        features.units.len(),
        options.layer,
        options.ascent.radius,
    )
}
