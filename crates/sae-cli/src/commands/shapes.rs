//! `sae data shapes`

use std::process::ExitCode;

use sae_data::shapes::Factors;
use sae_data::{Dataset, Samples, Stream, encode_images, encode_labels, stream};
use sae_report::contact_sheet;

use crate::args::ShapesArgs;
use crate::config::{Loaded, ShapesSource};
use crate::error::CliError;
use crate::output;
use crate::run_folder::{check_empty_unless, tile, write_file};

/// Name of the contact sheet; a folder with this file is one that this command wrote.
const SHEET: &str = "contact-sheet.png";
/// Images on the contact sheet.
const SHEET_IMAGES: usize = 100;

/// Draws training and test images and writes them with their factors.
pub fn run(args: &ShapesArgs) -> Result<ExitCode, CliError> {
    let ShapesSource { shapes, seed } =
        Loaded::shapes(args.config.as_deref(), args.seed, &args.set)?;
    let ours = args.out.join(SHEET).is_file();
    check_empty_unless(ours && args.overwrite, &args.out)?;

    let draw = |count, purpose| shapes.generate(count, &stream(seed, purpose));
    let train = draw(shapes.train, Stream::ShapesTrain)?;
    let test = draw(shapes.test, Stream::ShapesTest)?;
    std::fs::create_dir_all(&args.out).map_err(|source| CliError::Write {
        path: args.out.clone(),
        source,
    })?;
    for (name, (images, factors)) in [("train", &train), ("test", &test)] {
        let write =
            |kind: &str, bytes: &[u8]| write_file(&args.out.join(format!("{name}-{kind}")), bytes);
        write(
            "images-idx3-ubyte",
            &encode_images(images.image, pixels(images)),
        )?;
        write("labels-idx1-ubyte", &encode_labels(labels(images)))?;
        write("factors.jsonl", &lines(factors)?)?;
    }
    let first: Vec<usize> = (0..train.0.rows().min(SHEET_IMAGES)).collect();
    let sheet = contact_sheet(tile(train.0.image), &train.0.samples.gather(&first))?;
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
    ));
    Ok(ExitCode::SUCCESS)
}

/// The generator's images are bytes.
fn pixels(images: &Dataset) -> &[u8] {
    match &images.samples {
        Samples::Bytes { values, .. } => values,
        Samples::Floats { .. } | Samples::Doubles { .. } => &[],
    }
}

fn labels(images: &Dataset) -> &[u8] {
    images.labels.as_ref().map_or(&[], |labels| &labels.values)
}

fn lines(factors: &[Factors]) -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::new();
    for line in factors {
        serde_json::to_writer(&mut bytes, line)
            .map_err(|error| CliError::Input(format!("factors: {error}")))?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}
