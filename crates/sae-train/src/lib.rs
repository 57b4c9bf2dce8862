//! One model, one loop: a [`Session`] minimises an objective over [`Data`], reports every [`Epoch`],
//! and stops by the rules of its [`Training`] settings.
//!
//! An [`Executor`] computes: Burn by automatic differentiation or the delta rules, or the fused
//! kernels. The loop knows no file and no backend. All that it remembers is a value, [`State`], that
//! can be taken out after any step and put back elsewhere.

mod data;
mod error;
mod executor;
mod optimizer;
mod schedule;
mod search;
mod session;
mod settings;
mod stop;
mod whole;

pub use data::{Batch, Classes, Data, FromHost, Selected, Table};
pub use error::TrainError;
pub use executor::{
    Choice, Compute, Executor, ExecutorKind, ExecutorState, Fused, FusedKernels, Gradient, Mean,
    OnBurn, OptimizerState, Trainable, executor,
};
pub use optimizer::Optimizer;
pub use schedule::Schedule;
pub use search::{LineSearch, Point};
pub use session::{Epoch, Fitted, Progress, Session, State, Task};
pub use settings::{BatchSize, RhoHat, Training};
pub use stop::{Best, Stopped, Watch};
pub use whole::{mean_activity, whole_gradient};
