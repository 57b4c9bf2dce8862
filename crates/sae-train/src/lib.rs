//! One model, one loop: a [`Session`] minimises an objective over [`Data`], reports every [`Epoch`],
//! and stops by the rules of its [`Training`] settings.
//!
//! An [`Executor`] computes: Burn by automatic differentiation or the delta rules, or the fused
//! kernels. The loop knows no file and no backend. All that it remembers is a value, [`State`], that
//! can be taken out after any step and put back elsewhere.
//!
//! ```
//! use burn::tensor::{DType, Device};
//! use sae_data::{Dataset, Stream, stream};
//! use sae_model::{AutoencoderConfig, SparseObjective};
//! use sae_train::{Compute, Data, Session, Task, TrainError, Training, executor};
//!
//! let data = Dataset::from_rows(4, (0..400u16).map(|i| f32::from(i * 37 % 101) / 101.0).collect());
//! let device = Device::flex();
//! let mut rng = stream(1, Stream::Autoencoder(0));
//! let model = AutoencoderConfig::new(4, 3)?.init(&mut rng, DType::F32, &device);
//! let objective = SparseObjective::new(1e-4, 0.1, 0.2)?;
//! let training = Training { epochs: 3, ..Training::default() };
//! let compute = Compute::on_cpu(device, 1);
//! let start = || {
//!     let executor = executor(&objective, model.clone(), &training, &compute)?;
//!     Session::new(Task::new("example", Data::unlabelled(&data.samples)), training, executor)
//! };
//! let mut session = start()?;
//! session.epoch()?;
//! let state = session.state(); // a value, which serde writes
//! let fitted = session.run(|_| Ok(()))?;
//!
//! let mut again = start()?;
//! again.restore(state)?;
//! assert_eq!(again.run(|_| Ok(()))?.parameters, fitted.parameters);
//! # Ok::<(), TrainError>(())
//! ```

mod advance;
mod check;
mod data;
mod diagnosis;
mod epoch;
mod error;
mod executor;
mod feed;
mod group;
mod optimizer;
mod rates;
mod schedule;
mod search;
mod session;
mod settings;
mod settling;
mod sharded;
mod state;
mod steps;
mod stop;
mod stretch;
mod validation;
mod vectors;
mod whole;

pub use advance::{Advance, Retreat};
pub use data::{Batch, Classes, Data, FromHost, Selected, Table};
pub use epoch::Epoch;
pub use error::TrainError;
#[cfg(feature = "gpu")]
pub use executor::OnGpu;
pub use executor::{
    Choice, Compute, Executor, ExecutorKind, ExecutorState, Fused, FusedKernels, Gradient,
    KernelConfig, Mean, OnBurn, OptimizerState, Settled, Step, TensorName, Trainable, executor,
};
pub use group::{
    Alone, Communicator, Failure, Group, GroupError, MOST_SHARDS, Threads, check_shards,
};
pub use optimizer::Optimizer;
pub use schedule::Schedule;
pub use search::{LineSearch, Point};
pub use session::Session;
pub use settings::{BatchSize, RhoHat, Training};
pub use state::{Fitted, Progress, State, Task};
pub use stop::{Best, Stopped, Watch};
pub use vectors::VectorMut;
pub use whole::{mean_activity, whole_gradient};
