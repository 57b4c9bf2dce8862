//! `sae encode`, `decode`, `reconstruct`, `predict` and `score`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use sae::data::{MemoryReader, Purpose, Reader, writer};
use sae::{Applied, Experiment, Model, Run, Work, apply, use_threads};

use crate::args::{ApplyArgs, InputArgs, NoVerifyArgs, ScoreArgs};
use crate::error::CliError;
use crate::output;

/// A model, and the run that it is of where a run's folder was given.
pub struct Opened {
    run: Option<Run>,
    /// The model.
    pub model: Model,
}

impl Opened {
    /// Opens a run's folder or a model file.
    pub fn new(path: &Path, verify: NoVerifyArgs) -> Result<Self, CliError> {
        let run = path.is_dir().then(|| verify.run(path)).transpose()?;
        let model = match &run {
            Some(run) => run.model()?,
            None => verify.model(path)?,
        };
        Ok(Self { run, model })
    }

    /// The rows to work on, which fit the model. Starts as many threads as the run's configuration says.
    pub fn rows(&self, args: &InputArgs, work: Work) -> Result<Box<dyn Reader>, CliError> {
        let experiment = self.experiment(&args.set, work)?;
        use_threads(experiment.threads())?;
        let reader = reader(args, &experiment, self, work)?;
        let checked = work.check(&self.model, reader.layout());
        checked.map_err(|error| match &args.data {
            Some(path) => error.in_file(path),
            None => error,
        })?;
        Ok(reader)
    }

    /// How data are read: as the model's run did, with what the arguments change. Codes are not the run's
    /// data.
    pub fn experiment(&self, set: &[String], work: Work) -> Result<Experiment, CliError> {
        Ok(match &self.run {
            _ if work == Work::Decode => Experiment::parse("the defaults", "", set)?,
            Some(run) => run.experiment_with(set)?,
            None => self.model.facts().reading.experiment_with(set)?,
        })
    }
}

/// Applies a model to rows and writes what comes of it.
pub fn run(args: &ApplyArgs, work: Work) -> Result<ExitCode, CliError> {
    applied(
        args,
        &Opened::new(&args.input.model, args.input.verify)?,
        work,
    )?;
    Ok(ExitCode::SUCCESS)
}

/// Scores rows; says how many are anomalies where that is asked.
pub fn score(args: &ScoreArgs) -> Result<ExitCode, CliError> {
    let opened = Opened::new(&args.apply.input.model, args.apply.input.verify)?;
    let threshold = args
        .contamination
        .map(|share| opened.model.threshold(share));
    let threshold = threshold.transpose()?;
    let work = Work::Score {
        per_input: args.per_input,
        threshold,
    };
    let Applied { rows, anomalies } = applied(&args.apply, &opened, work)?;
    if let Some(threshold) = threshold {
        output::progress(format!(
            "{anomalies} of {rows} rows are anomalies: their scores are above {threshold}"
        ));
    }
    Ok(match args.strict && anomalies > 0 {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    })
}

fn applied(args: &ApplyArgs, opened: &Opened, work: Work) -> Result<Applied, CliError> {
    let model = &opened.model;
    let inputs = [Some(&args.input.model), args.input.data.as_ref()];
    check_out(args.out.as_deref(), &inputs)?;
    let reader = opened.rows(&args.input, work)?;
    let image = match work {
        Work::Decode | Work::Reconstruct => model.facts().image(),
        _ => None,
    };
    let mut writer = writer(args.out.as_deref(), &work.heading(model), image)?;
    let applied = apply(model, work, reader, &mut *writer)?;
    writer.finish()?;
    Ok(applied)
}

/// Refuses to write over what is read.
pub fn check_out(out: Option<&Path>, inputs: &[Option<&PathBuf>]) -> Result<(), CliError> {
    let Some((out, written)) = out.and_then(|out| Some((out, out.canonicalize().ok()?))) else {
        return Ok(());
    };
    // A device or a pipe keeps nothing that could be lost.
    let is_read = |input: &&PathBuf| {
        input
            .canonicalize()
            .is_ok_and(|input| input == written || (input.is_dir() && written.starts_with(&input)))
    };
    match written.is_file() && inputs.iter().flatten().any(is_read) {
        true => Err(CliError::input(format!(
            "{} is what is read; give another --out",
            out.display()
        ))),
        false => Ok(()),
    }
}

fn reader(
    args: &InputArgs,
    experiment: &Experiment,
    Opened { run, model }: &Opened,
    work: Work,
) -> Result<Box<dyn Reader>, CliError> {
    let in_data = |error| sae::Error::in_table("data", error);
    if let Some(path) = &args.data {
        let names = match work {
            Work::Decode => &[][..],
            _ => &model.facts().names[..],
        };
        let reader = experiment.data.open(path, Purpose::Model(names));
        return Ok(reader.map_err(in_data)?);
    }
    let what = match (run.is_some(), work) {
        (_, Work::Decode) => Some("has no codes of its own"),
        (false, _) => Some("is a model file, which has no data of its own"),
        (true, _) if model.facts().train == 0 => Some("was imported and has no data of its own"),
        (true, _) => None,
    };
    if let Some(what) = what {
        let model = args.model.display();
        return Err(CliError::input(format!(
            "{model} {what}; expected DATA after it"
        )));
    }
    let labels = experiment.classifier;
    let test = experiment.data.load_test(experiment.seed, labels);
    Ok(Box::new(MemoryReader::new(test.map_err(in_data)?)))
}
