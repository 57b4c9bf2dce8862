//! `sae sweep run`: a worker, which runs what has not ended, each run in a process of its own.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::num::NonZero;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{available_parallelism, sleep};
use std::time::Duration;

use sae::data::WriteError;
use sae::{Error, Job, RunEnd, Shard, Sweep, Todo};

use crate::args::SweepRunArgs;
use crate::error::{CliError, STOPPED};
use crate::output;
use crate::ranks::by_itself;

/// How often it is looked whether a process has ended.
const LOOK: Duration = Duration::from_millis(10);
/// How long it is waited for a run that another process has.
const PAUSE: Duration = Duration::from_millis(200);

/// Runs a share of a plan.
pub fn run(args: &SweepRunArgs) -> Result<ExitCode, CliError> {
    let sweep = Sweep::open(&args.plan)?;
    let shard = shard(args)?;
    if args.retry {
        sweep.forget_failures(shard)?;
    }
    let worker = Worker {
        sweep: &sweep,
        jobs: args.jobs as usize,
        quiet: args.quiet,
        stop: stop()?,
    };
    let mut failed = 0;
    loop {
        let todo = sweep.todo(shard)?;
        if todo.jobs.is_empty() {
            return conclude(args, &todo, failed);
        }
        let ran = worker.run(todo.jobs)?;
        failed += ran.failed;
        if ran.left > 0 {
            output::error(format!(
                "{} runs are left, which were killed {KILLED} times each or cannot go on here and now; the same \
                 command goes on with them, where there is memory enough, nothing else kills them, and the machine is \
                 as the first",
                ran.left
            ));
            return Ok(ExitCode::FAILURE);
        }
        if worker.is_stopped() {
            output::error("stopped; nothing is lost: the same command goes on");
            return Ok(ExitCode::from(STOPPED));
        }
    }
}

/// Ends a worker whose share of the round has ended, in which so many runs failed since it was started.
fn conclude(args: &SweepRunArgs, todo: &Todo, failed: usize) -> Result<ExitCode, CliError> {
    if todo.elsewhere > 0 && !todo.is_last {
        output::error(format!(
            "{} runs of this round are other shares'; start this one again when they have ended",
            todo.elsewhere
        ));
        return Ok(ExitCode::from(STOPPED));
    }
    let failures = match todo.failed {
        0 => String::new(),
        failed => format!(" {failed} failed: see the report;"),
    };
    output::result(format!(
        "this share has ended;{failures} `sae sweep report {}` shows what has come of it",
        sae::data::message::shown_path(&args.plan)
    ))?;
    Ok(ExitCode::from(u8::from(failed > 0)))
}

/// The share of this worker.
fn shard(args: &SweepRunArgs) -> Result<Shard, CliError> {
    if let Some(part) = args.shard {
        return Ok(part.0);
    }
    let number = |name: &str| {
        std::env::var(name)
            .ok()
            .and_then(|text| text.parse::<usize>().ok())
    };
    let (slurm, completion) = (
        number("SLURM_ARRAY_TASK_ID"),
        number("JOB_COMPLETION_INDEX"),
    );
    let given = args.shards.map(|count| count as usize);
    let (index, count) = match (slurm, completion) {
        (Some(id), _) => {
            let first = number("SLURM_ARRAY_TASK_MIN").unwrap_or(0);
            (
                id.saturating_sub(first),
                given.or(number("SLURM_ARRAY_TASK_COUNT")),
            )
        }
        (None, Some(index)) => (index, given),
        (None, None) => {
            return Ok(Shard {
                index: 0,
                count: given.unwrap_or(1),
            });
        }
    };
    match count {
        Some(count) if index < count => Ok(Shard { index, count }),
        _ => Err(CliError::input(format!(
            "this is share {index}, counted from 0, of {}; expected --shards with the number of shares",
            count.map_or("an unknown number".to_owned(), |count| count.to_string())
        ))),
    }
}

/// Set by SIGINT, SIGTERM and SIGUSR1.
fn stop() -> Result<Arc<AtomicBool>, CliError> {
    #[cfg(unix)]
    use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1};
    let stop = Arc::new(AtomicBool::new(false));
    #[cfg(unix)]
    for signal in [SIGINT, SIGTERM, SIGUSR1] {
        let set = Arc::clone(&stop);
        signal_hook::flag::register(signal, set).map_err(CliError::Signals)?;
    }
    Ok(stop)
}

/// Runs jobs, some at the same time.
struct Worker<'a> {
    sweep: &'a Sweep,
    jobs: usize,
    quiet: bool,
    stop: Arc<AtomicBool>,
}

/// What became of a process.
enum Became {
    Ended(RunEnd),
    /// Another process has the run.
    Busy,
    /// It was stopped, or killed.
    Stopped,
    /// Why it cannot go on here and now.
    Refused(String),
}

/// What became of some jobs.
#[derive(Default)]
struct Ran {
    /// How many failed.
    failed: usize,
    /// How many are left, since they were killed too often, or refused.
    left: usize,
}

/// How often a run may be killed, while its worker is not, until it is left to the next worker: there may not be
/// enough memory for it.
const KILLED: usize = 5;

/// What is said of runs that may go on another time: begun on another machine, with other bits, or by another version,
/// or whose checkpoint cannot be read now.
const REFUSALS: [&str; 2] = [
    "expected the same as when it was begun",
    "to go on from the one before",
];

impl Worker<'_> {
    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// Runs all jobs, or until it is stopped.
    fn run(&self, jobs: Vec<Job>) -> Result<Ran, CliError> {
        let mut waiting: Vec<Job> = jobs.into_iter().rev().collect();
        let mut running: Vec<(Job, Child)> = vec![];
        let mut ran = Ran::default();
        let mut killed: BTreeMap<String, usize> = BTreeMap::new();
        while !waiting.is_empty() || !running.is_empty() {
            if self.is_stopped() {
                // Their input ends with them: they save their state.
                running
                    .iter_mut()
                    .for_each(|(_, child)| drop(child.stdin.take()));
                waiting.clear();
            }
            while running.len() < self.jobs
                && let Some(job) = waiting.pop()
            {
                // Another worker may have run it meanwhile.
                if self.sweep.end(&job.run, job.round)?.is_none() {
                    let child = self.start(&job)?;
                    running.push((job, child));
                }
            }
            let mut index = 0;
            while index < running.len() {
                let Some(status) = running[index].1.try_wait().map_err(CliError::Signals)? else {
                    index += 1;
                    continue;
                };
                let (job, _) = running.swap_remove(index);
                match self.became(&job, status.code())? {
                    Became::Ended(end) => {
                        ran.failed += usize::from(matches!(end, RunEnd::Failed { .. }));
                        self.say(&job, &end);
                    }
                    Became::Refused(why) => {
                        ran.left += 1;
                        let (name, round) = (&job.run.name, job.round + 1);
                        output::progress(format!("{name} round {round} is left: {why}"));
                    }
                    Became::Busy if !self.is_stopped() => {
                        sleep(PAUSE);
                        waiting.insert(0, job);
                    }
                    Became::Stopped if !self.is_stopped() => {
                        let times = killed.entry(job.run.name.clone()).or_default();
                        *times += 1;
                        self.say_killed(&job, *times);
                        match *times < KILLED {
                            true => waiting.insert(0, job),
                            false => ran.left += 1,
                        }
                    }
                    Became::Busy | Became::Stopped => {}
                }
            }
            sleep(LOOK);
        }
        Ok(ran)
    }

    /// A process that does a job. It ends when its input does, as when this worker is killed.
    fn start(&self, job: &Job) -> Result<Child, CliError> {
        let log = self.sweep.log_under_way(&job.run);
        let unwritable = |error: io::Error| Error::from(WriteError::new(&log, error));
        fs::create_dir_all(log.parent().unwrap_or(Path::new(""))).map_err(unwritable)?;
        let says = File::create(&log).map_err(unwritable)?;
        let program = std::env::current_exe().map_err(unwritable)?;
        let mut command = Command::new(program);
        command
            .args(self.sweep.arguments(job))
            .arg("--ends-with-input");
        if self.jobs > 1 {
            let processors = available_parallelism().map_or(1, NonZero::get);
            let threads = (processors / self.jobs).max(1);
            command.args(["--threads", &threads.to_string()]);
        }
        let child = by_itself(&mut command)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(says)
            .spawn();
        Ok(child.map_err(unwritable)?)
    }

    fn became(&self, job: &Job, code: Option<i32>) -> Result<Became, CliError> {
        let log = self.sweep.log_under_way(&job.run);
        let said = last_line(&log);
        // What cannot be renamed stays where it is.
        let _ = fs::rename(&log, self.sweep.log(&job.run));
        Ok(match code {
            Some(0) => Became::Ended(self.sweep.conclude(job, None)?),
            None => Became::Stopped,
            Some(code) if code == i32::from(STOPPED) || code > 128 => Became::Stopped,
            Some(2) if said.contains("is being written by another run") => Became::Busy,
            Some(2) if REFUSALS.iter().any(|part| said.contains(part)) => Became::Refused(said),
            Some(_) => Became::Ended(self.sweep.conclude(job, Some(said))?),
        })
    }

    fn say_killed(&self, job: &Job, times: usize) {
        let then = match times < KILLED {
            true => "it goes on",
            false => "it is left",
        };
        let (name, round) = (&job.run.name, job.round + 1);
        output::progress(format!(
            "{name} round {round} was killed ({times} of {KILLED} times); {then}"
        ));
    }

    fn say(&self, job: &Job, end: &RunEnd) {
        if self.quiet {
            return;
        }
        let (name, round) = (&job.run.name, job.round + 1);
        let set = job.run.set.join("  ");
        output::progress(match end {
            RunEnd::Finished { value, seconds } => {
                let metric = self.sweep.plan().metric;
                format!("{name} round {round}: {metric} {value:.6}, {seconds:.1} s  {set}")
            }
            RunEnd::Failed { problem } => format!("{name} round {round} failed: {problem}  {set}"),
        });
    }
}

/// The last line of a file, without the mark of errors; empty where there is none.
fn last_line(path: &Path) -> String {
    let mut text = String::new();
    let read = File::open(path).and_then(|mut file| file.read_to_string(&mut text));
    let line = read.ok().and_then(|_| text.trim_end().lines().last());
    line.map_or("", |line| line.strip_prefix("error: ").unwrap_or(line))
        .to_owned()
}
