//! The command line.

mod apply;
mod compress;
mod config;
mod data;
mod labels;
mod report;
mod resume;
mod runs;
mod sweep;
mod verify;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::PossibleValuesParser;
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use sae::Backend;
use sae_model::{Convention, Reconstruction, Unit};

pub use self::apply::{ApplyArgs, InputArgs, ScoreArgs};
pub use self::compress::{CompressArgs, DecompressArgs};
pub use self::config::ConfigArgs;
pub use self::data::{
    ConvertArgs, DataCommand, FetchArgs, InitArgs, InspectArgs, RowsArgs, ShapesArgs,
};
pub use self::labels::LabelsArgs;
pub use self::report::{FeaturesArgs, ReportArgs};
pub use self::resume::{AcceptArgs, ResumeArgs};
pub use self::runs::RunsArgs;
pub use self::sweep::{SweepArgs, SweepCommand, SweepReportArgs, SweepRunArgs};
pub use self::verify::{NoVerifyArgs, VerifyArgs};

/// Sparse and stacked autoencoders: train, look at what they learned, evaluate.
///
/// Exit codes: 0 success; 1 the work failed or a check disagreed; 2 wrong input, nothing was
/// written; 3 a run was stopped by a signal, because the GPU failed or another process of it was lost, and
/// `sae resume` goes on; more than 128: ended at once by the signal of that number less 128.
#[derive(Debug, Parser)]
#[command(name = "sae", version)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const BACKENDS: [&str; 4] = ["flex", "ndarray", "wgpu", "cuda"];

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Pretrain the stack, train the softmax head, fine-tune, evaluate; write a run folder
    Train(TrainArgs),
    /// Go on with a run that was stopped or cut off, from its newest checkpoint, to the same results to the
    /// last bit; or give stages of a finished run more epochs
    Resume(ResumeArgs),
    /// Run the same experiment once for each of several parts of the samples, tested on that part; mean
    /// and standard deviation of the figures
    Crossval(CrossvalArgs),
    /// Plan many runs with other settings each: a grid, random points, or successive halving; run them, by
    /// any number of workers that may be killed and started again; report what came of them
    Sweep(SweepArgs),
    /// Accuracy against the share of samples that have labels: pretrained on all of them, from random
    /// initialisation, and a softmax on the inputs
    Labels(LabelsArgs),
    /// List the runs of a folder with their figures
    Runs(RunsArgs),
    /// Look whether the files of a run, or a model file, are as they were written
    Verify(VerifyArgs),
    /// Evaluate the networks of a run on its own test data or on other data
    Eval(EvalArgs),
    /// Write the codes of rows
    Encode(ApplyArgs),
    /// Write the rows that codes stand for
    Decode(ApplyArgs),
    /// Write what is left of rows once they were encoded and decoded
    Reconstruct(ApplyArgs),
    /// Write the class of rows, and the probability of each class
    Predict(ApplyArgs),
    /// Write how far rows are from their reconstruction: the larger, the less they are like the
    /// training data
    Score(ScoreArgs),
    /// Write the quantised codes of rows, entropy-coded: a small file, from which the model gives the rows
    /// back nearly
    Compress(CompressArgs),
    /// Write the rows that compressed codes stand for
    Decompress(DecompressArgs),
    /// Write a finished run's report: what its units look for and stand for, how they are doing, curves,
    /// reconstructions, mistakes, a map of codes; or several runs side by side
    Report(ReportArgs),
    /// Draw what the hidden units of a layer look for
    Features(FeaturesArgs),
    /// Follow a run in the terminal while it is trained: curves, figures, rho_hat, tiles
    Watch(WatchArgs),
    /// Write a run's metrics, histograms and tiles as an event file for TensorBoard
    Tensorboard(TensorboardArgs),
    /// Print J, its terms, rho_hat and the gradient's norm exactly, in f64
    Objective(ObjectiveArgs),
    /// Make a run from an autoencoder's weights written elsewhere
    Import(ImportArgs),
    /// Fetch, make, look at and convert data sets
    #[command(subcommand)]
    Data(DataCommand),
    /// Look at data and write a configuration that suits them
    Init(InitArgs),
    /// Compare delta rules, autodiff, finite differences and the fused kernels on the models of a
    /// configuration, or of a run
    Gradcheck(GradcheckArgs),
    /// Look at configuration files
    #[command(subcommand)]
    Config(ConfigCommand),
    /// List the backends of this program and their devices
    Backends,
    /// Print a script that completes commands and options in a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Write manual pages into a folder
    Man {
        /// The folder, which must be there
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
}

/// Arguments of `sae train`.
#[derive(Debug, ClapArgs)]
pub struct TrainArgs {
    /// Configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Where tensors are computed (overrides the file)
    #[arg(long, value_parser = PossibleValuesParser::new(BACKENDS))]
    pub backend: Option<String>,
    /// How gradients are computed (overrides the file): delta, the hand-derived rules, several times
    /// faster; autodiff, Burn's automatic differentiation, to compare with or for objectives of one's
    /// own
    #[arg(long, value_parser = PossibleValuesParser::new(["delta", "autodiff"]))]
    pub gradient: Option<String>,
    /// Number of threads on the CPU (overrides the file); changes no result
    #[arg(long)]
    pub threads: Option<usize>,
    /// Instruction set of the kernels (overrides the file), to repeat a run of another machine to
    /// the last bit
    #[arg(long, value_parser = PossibleValuesParser::new(["avx512", "avx2", "neon", "scalar"]))]
    pub instruction_set: Option<String>,
    /// Also write an event file for TensorBoard, epoch by epoch (overrides the file)
    #[arg(long)]
    pub tensorboard: bool,
    /// Run folder; without it the first free one of runs/NAME, runs/NAME-2, ...
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Replace the run that --out already holds, once the new one is whole; files in the folder that
    /// no run wrote stay
    #[arg(long, requires = "out")]
    pub overwrite: bool,
    /// Go on with the run that --out holds, if it holds one: from its newest checkpoint, or nothing where it
    /// has finished; begin it where there is none
    #[arg(long, requires = "out", conflicts_with = "overwrite")]
    pub resume: bool,
    /// What may have changed since the run was begun
    #[command(flatten)]
    pub accept: AcceptArgs,
    /// Show nothing but the results and errors
    #[arg(long)]
    pub quiet: bool,
    /// Stop, as by a signal, when standard input ends: so does whoever holds its other end
    #[arg(long, hide = true)]
    pub ends_with_input: bool,
}

/// Arguments of `sae crossval`.
#[derive(Debug, ClapArgs)]
pub struct CrossvalArgs {
    /// What is run.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Number of parts
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(2..=1000))]
    pub folds: u32,
    /// Folder for a run folder per fold; without it runs/NAME-crossval
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Replace runs that are there
    #[arg(long)]
    pub overwrite: bool,
    /// Go on with the runs that are there: those that have finished are taken as they are
    #[arg(long, conflicts_with = "overwrite")]
    pub resume: bool,
    /// Show no progress
    #[arg(long)]
    pub quiet: bool,
}

/// Arguments of `sae eval`.
#[derive(Debug, ClapArgs)]
pub struct EvalArgs {
    /// Run folder
    pub run: PathBuf,
    /// Rows with labels, in any format that the run's data could have (of two IDX pairs in a folder the test pair, of
    /// t10k or test files); without it the run's test data
    pub data: Option<PathBuf>,
    /// Where tensors are computed
    #[arg(long, default_value_t, value_parser = clap::value_parser!(Backend))]
    pub backend: Backend,
    /// Whether files must be as they were written.
    #[command(flatten)]
    pub verify: NoVerifyArgs,
}

/// Arguments of `sae watch`.
#[derive(Debug, ClapArgs)]
pub struct WatchArgs {
    /// Run folder
    pub run: PathBuf,
    /// Print one frame as text and end, as is also done where the output is no terminal
    #[arg(long)]
    pub once: bool,
}

/// Arguments of `sae tensorboard`.
#[derive(Debug, ClapArgs)]
pub struct TensorboardArgs {
    /// Run folder
    pub run: PathBuf,
    /// Folder for the event file; without it tensorboard/ in the folder of the run, which must have
    /// finished
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Whether files must be as they were written.
    #[command(flatten)]
    pub verify: NoVerifyArgs,
}

/// Arguments of `sae objective`.
#[derive(Debug, ClapArgs)]
pub struct ObjectiveArgs {
    /// Run folder
    pub run: PathBuf,
    /// Rows, in any format that the run's data could have; without it the run's training data
    pub data: Option<PathBuf>,
    /// Number of the autoencoder, from 1; the data go through those below it
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    pub layer: u32,
    /// Whose way of scaling the objective: this project's mean over samples; the lecture note's sum
    /// over samples; UFLDL's, as mean; MATLAB's trainAutoencoder, a mean over samples and outputs;
    /// R's package autoencoder, as mean
    #[arg(long, default_value_t, value_parser = clap::value_parser!(Convention))]
    pub convention: Convention,
    /// Print JSON, with rho_hat of every unit
    #[arg(long)]
    pub json: bool,
    /// Whether files must be as they were written.
    #[command(flatten)]
    pub verify: NoVerifyArgs,
}

/// Arguments of `sae import`.
#[derive(Debug, ClapArgs)]
pub struct ImportArgs {
    /// Weights: .safetensors or .npz with named arrays; .npy with --theta
    pub file: PathBuf,
    /// Run folder to write
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Replace the run that --out already holds
    #[arg(long)]
    pub overwrite: bool,
    /// How the matrices are stored
    #[arg(long, value_enum)]
    pub orientation: Option<Orientation>,
    /// UFLDL's flat vector [W1(:); W2(:); b1; b2] of an autoencoder of this size, for example 64x25
    #[arg(long, value_name = "INPUTSxHIDDEN", conflicts_with_all = ["orientation", "tied"])]
    pub theta: Option<Size>,
    /// Name of theta in an .npz or .safetensors file
    #[arg(long, requires = "theta")]
    pub array: Option<String>,
    /// Name of the encoder's matrix
    #[arg(long, default_value = "encoder.weight")]
    pub encoder_weight: String,
    /// Name of the encoder's bias
    #[arg(long, default_value = "encoder.bias")]
    pub encoder_bias: String,
    /// Name of the decoder's matrix
    #[arg(long, default_value = "decoder.weight")]
    pub decoder_weight: String,
    /// Name of the decoder's bias
    #[arg(long, default_value = "decoder.bias")]
    pub decoder_bias: String,
    /// The decoder's matrix is the encoder's, transposed
    #[arg(long)]
    pub tied: bool,
    /// Units of the encoder
    #[arg(long, default_value_t, value_parser = clap::value_parser!(Unit))]
    pub encoder: Unit,
    /// What the reconstruction term measures: squared_error or cross_entropy
    #[arg(long, default_value_t, value_parser = clap::value_parser!(Reconstruction))]
    pub reconstruction: Reconstruction,
    /// Units of the decoder
    #[arg(long, default_value_t, value_parser = clap::value_parser!(Unit))]
    pub decoder: Unit,
    /// Sparsity target
    #[arg(long, default_value_t = 0.05)]
    pub rho: f64,
    /// Sparsity weight, in the mean convention
    #[arg(long, default_value_t = 3.0)]
    pub beta: f64,
    /// Weight decay alpha, in the mean convention
    #[arg(long, default_value_t = 1e-4)]
    pub weight_decay: f64,
    /// L1 weight, in the mean convention
    #[arg(long, default_value_t = 0.0)]
    pub l1: f64,
    /// Size of an input as an image, for example 8x8; without it a square or a line
    #[arg(long, value_name = "HEIGHTxWIDTH")]
    pub image: Option<Size>,
}

/// `--orientation`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Orientation {
    /// A layer is x·W: the encoder's matrix is [input, hidden], the decoder's [hidden, input]
    InputOutput,
    /// A layer is W·x, as PyTorch and MATLAB store it: [hidden, input] and [input, hidden]
    OutputInput,
}

impl fmt::Display for Orientation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InputOutput => "input-output",
            Self::OutputInput => "output-input",
        })
    }
}

/// Two sizes, written `64x25`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub usize, pub usize);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('x');
        let sizes = parts.and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
        match sizes {
            Some((a, b)) if a > 0 && b > 0 => Ok(Self(a, b)),
            _ => Err("expected two numbers such as 64x25".to_owned()),
        }
    }
}

/// Arguments of `sae gradcheck`.
#[derive(Debug, ClapArgs)]
pub struct GradcheckArgs {
    /// TOML file; not with --run
    #[arg(required_unless_present = "run", conflicts_with = "run")]
    pub config: Option<PathBuf>,
    /// Seed of every random number (overrides the file)
    #[arg(long, conflicts_with = "run")]
    pub seed: Option<u64>,
    /// Override a key of the file (may be repeated)
    #[arg(long = "set", value_name = "KEY=VALUE", conflicts_with = "run")]
    pub set: Vec<String>,
    /// Rows of the batch
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub rows: u32,
    /// Check the weights that this run has trained instead of initial ones, with its configuration
    #[arg(long, value_name = "RUN")]
    pub run: Option<PathBuf>,
    /// Entries of each parameter tensor that are differenced
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub entries: u32,
    /// Whether files must be as they were written.
    #[command(flatten)]
    pub verify: NoVerifyArgs,
}

/// The config commands.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Check a file and print it with every default filled in
    Check(ConfigArgs),
}
