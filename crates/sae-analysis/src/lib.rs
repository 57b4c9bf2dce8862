//! What a trained model has learned, as numbers: the inputs that its units prefer, which classes and which
//! true factors they stand for, how they are doing, and maps of their codes.
//!
//! Codes and samples come as plain rows; nothing is read, written or drawn.
//!
//! ```
//! use sae_analysis::{Activities, selectivity};
//! use sae_kernels::Unit;
//!
//! // Codes of four samples by two units: the first answers to class 1 only.
//! let codes = vec![0.0, 0.4, 0.1, 0.6, 0.9, 0.5, 0.8, 0.5];
//! let activities = Activities::of(codes, 2, Unit::Sigmoid);
//! let units = selectivity(&activities, &[0, 0, 1, 1], 2);
//! assert_eq!(units[0].preferred, 1);
//! assert!(units[0].index > 0.8 && units[1].index < 0.1);
//! ```

mod activities;
mod factors;
mod health;
mod map;
mod preferred;
mod selectivity;
mod significance;

pub use activities::{Activities, Moments};
pub use factors::{Factor, explained};
pub use health::{CONSTANT_SHARE, DUPLICATE_COSINE, Health, Nearest, Trouble, health};
pub use map::{Map, neighbour_map, principal_map};
pub use preferred::{Ascent, Preferred, preferred_inputs};
pub use selectivity::{ClassActivity, SIGNIFICANT, Selectivity, class_activities, selectivity};
pub use significance::{Estimate, holm};
