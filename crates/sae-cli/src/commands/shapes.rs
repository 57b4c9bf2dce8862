//! `sae data shapes`

use std::process::ExitCode;

use sae::data::shapes::{Factors, ShapesConfig};
use sae::data::{Dataset, Samples, Stream, encode_images, encode_labels, stream};
use sae::report::{Tile, contact_sheet};
use sae::{Experiment, write_file};

use crate::args::ShapesArgs;
use crate::error::CliError;
use crate::output;

/// Name of the contact sheet; a folder with this file is one that this command wrote.
const SHEET: &str = "contact-sheet.png";
/// Images on the contact sheet.
const SHEET_IMAGES: usize = 100;

/// Draws training and test images and writes them with their factors.
pub fn run(args: &ShapesArgs) -> Result<ExitCode, CliError> {
    let (shapes, seed) = settings(args)?;
    let ours = args.out.join(SHEET).is_file();
    let filled = args.out.exists()
        && !std::fs::read_dir(&args.out).is_ok_and(|mut entries| entries.next().is_none());
    if filled && !(ours && args.overwrite) {
        return Err(CliError::input(format!(
            "{} is there already and is not an empty folder; give another --out",
            args.out.display()
        )));
    }

    let draw = |count, purpose| shapes.generate(count, &stream(seed, purpose));
    let train = draw(shapes.train, Stream::ShapesTrain)?;
    let test = draw(shapes.test, Stream::ShapesTest)?;
    std::fs::create_dir_all(&args.out).map_err(|error| {
        CliError::input(format!("{}: cannot be made: {error}", args.out.display()))
    })?;
    for (name, (images, factors)) in [("train", &train), ("test", &test)] {
        let write =
            |kind: &str, bytes: &[u8]| write_file(&args.out.join(format!("{name}-{kind}")), bytes);
        write(
            "images-idx3-ubyte",
            &encode_images(images.image, &pixels(images)?),
        )?;
        write("labels-idx1-ubyte", &encode_labels(&labels(images)))?;
        write("factors.jsonl", &lines(factors)?)?;
    }
    let first: Vec<usize> = (0..train.0.rows().min(SHEET_IMAGES)).collect();
    let tile = Tile::grey(train.0.image.height, train.0.image.width);
    let sheet = contact_sheet(tile, &train.0.samples.gather(&first)?.gather(&first))?;
    write_file(&args.out.join(SHEET), &sheet)?;
    let classes: Vec<String> = shapes.kinds.iter().map(ToString::to_string).collect();
    output::result(format!(
        "{}: {} training and {} test images of {size} x {size} pixels (classes: {}), their \
         factors, and {SHEET}",
        args.out.display(),
        train.0.rows(),
        test.0.rows(),
        classes.join(", "),
        size = shapes.size
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// `[data.shapes]` and the seed of a file, or their defaults, with the arguments applied.
fn settings(args: &ShapesArgs) -> Result<(ShapesConfig, u64), CliError> {
    let set = args.set.iter().map(|set| format!("data.shapes.{set}"));
    let seed = args.seed.map(|seed| format!("seed={seed}"));
    let set: Vec<String> = set.chain(seed).collect();
    let experiment = match &args.config {
        Some(path) => Experiment::read(path, &set)?,
        None => Experiment::parse("[data.shapes]", "", &set)?,
    };
    Ok((experiment.data.shapes, experiment.seed))
}

/// The generator's images are bytes.
fn pixels(images: &Dataset) -> Result<Vec<u8>, CliError> {
    match images.samples.all()?.into_owned() {
        Samples::Bytes { values, .. } => Ok(values),
        _ => Ok(vec![]),
    }
}

/// The generator's classes are few.
fn labels(images: &Dataset) -> Vec<u8> {
    let labels = images.labels.iter().flat_map(|labels| &labels.values);
    labels.map(|&label| label as u8).collect()
}

fn lines(factors: &[Factors]) -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::new();
    for line in factors {
        serde_json::to_writer(&mut bytes, line)
            .map_err(|error| CliError::input(format!("factors: {error}")))?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}
