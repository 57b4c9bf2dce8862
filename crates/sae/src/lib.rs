//! Sparse and stacked autoencoders: describe an [`Experiment`], run it, keep its [`Model`].
//!
//! ```
//! use sae::{Experiment, Model};
//!
//! # let folder = tempfile::tempdir().unwrap();
//! # std::fs::write(folder.path().join("small.toml"), "
//! # [data.shapes]
//! # size = 8
//! # train = 60
//! # test = 20
//! # [pretrain]
//! # epochs = 2
//! # [softmax]
//! # epochs = 2
//! # [finetune]
//! # epochs = 2").unwrap();
//! # std::env::set_current_dir(folder.path()).unwrap();
//! let experiment = Experiment::read("small.toml", &[])?;
//! let outcome = experiment.run(&mut ())?;
//! outcome.model.save("shapes.safetensors")?;
//!
//! let model = Model::load("shapes.safetensors")?;
//! let samples = experiment.prepare()?.specimens.samples;
//! let codes = model.encode(&samples)?;
//! let classes = model.predict(&samples)?;
//! assert_eq!((codes.rows(), codes.width(), classes.len()), (20, 100, 20));
//! # Ok::<(), sae::Error>(())
//! ```
//!
//! The crates below, each usable by itself: [`data`] (samples, scaling, random streams),
//! [`sae_model`] (the mathematics, as Burn modules), [`train`] (executors, the loop, its state),
//! [`stack`] (the pipeline), [`report`] (pictures).

mod apply;
mod backend;
mod checkpoint;
mod clock;
pub mod compression;
mod crossval;
mod distributed;
mod error;
mod experiment;
mod facts;
mod failure;
mod features;
mod findings;
mod folder;
mod forward;
mod keys;
mod labels;
mod learned;
mod live;
mod lost;
mod model;
mod model_file;
mod part;
mod passes;
mod prepared;
mod reach;
mod recording;
mod run;
mod runs;
mod scores;
mod self_test;
mod specimens;
mod spread;
pub mod stages;
mod stop;
mod summary;
mod sweep;
mod tensorboard;
mod toml_file;
mod verify;
mod watched;

pub use apply::{Applied, Results, Work, apply};
pub use backend::{Backend, usable_threads, use_threads};
pub use checkpoint::{
    Change, Checkpoint, CheckpointError, Checkpoints, Difference, Identity, Place, Resumption,
    is_left_to_do, reached_from_bytes, reached_to_bytes,
};
pub use clock::StageTime;
pub use compression::CompressionError;
pub use crossval::{FoldFigure, fold_figures};
#[cfg(feature = "mpi")]
pub use distributed::World;
pub use distributed::{Distributed, assist};
pub use error::{ConfigError, FolderError};
pub use experiment::{Experiment, ObjectiveScale};
pub use facts::{DataFacts, Reading};
pub use failure::Error;
pub use features::{FeatureOptions, Features};
pub use findings::{Evidence, FIGURES, REPORT, compare, figure_files};
pub use folder::{Activity, Destination, RunFolder, write_file};
pub use labels::{
    ClassifierKind, LabelsFigure, LabelsFit, LabelsObserver, LabelsPlan, LabelsReport,
};
pub use learned::{FactorUse, LayerUse, UnitOrder};
pub use model::Model;
pub use prepared::Prepared;
pub use recording::import;
pub use run::{FEATURES, Run};
pub use runs::{ListedRun, RunFigures, RunOrder, RunState, list_runs};
pub use stop::Stop;
pub use summary::{Outcome, RunSummary};
pub use sweep::{
    Halving, Job, Method, Metric, Plan, PlannedRun, Range, RangeScale, RunEnd, Shard, Sweep,
    SweepConfig, SweepRow, Todo, Values, sweep_document, sweep_rows,
};
pub use tensorboard::EVENTS;
pub use verify::{FileState, Verdict, verify};
pub use watched::{StageProgress, Tiles, Watched};

pub use sae_data::{Dataset, Samples};
pub use sae_stack::{Finished, Layer, Observer, Stage};
pub use sae_train::{BatchSize, Optimizer, Training};
pub use specimens::Specimens;
pub use spread::Spread;

pub use sae_analysis as analysis;
pub use sae_data as data;
pub use sae_report as report;
pub use sae_stack as stack;
pub use sae_train as train;
