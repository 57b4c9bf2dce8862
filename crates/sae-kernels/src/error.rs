//! What can be wrong with a call.

use crate::{InstructionSet, Setting};

/// Why a kernel did nothing.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum KernelError {
    /// A setting lies outside its range.
    #[error(transparent)]
    Setting(#[from] Setting),
    /// There is more or less of something than fits.
    #[error("{what}: there are {found}; expected {expected}")]
    Count {
        /// Of what.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there should be.
        expected: usize,
    },
    /// Values that are no whole number of rows.
    #[error("{values} values are no whole number of rows of {columns}")]
    Ragged {
        /// How many there are.
        values: usize,
        /// Values per row.
        columns: usize,
    },
    /// No samples.
    #[error("there are no samples")]
    Empty,
    /// An order names a row that is not there.
    #[error("the order names row {row} of {rows} rows, which count from 0")]
    Order {
        /// Which.
        row: usize,
        /// How many there are.
        rows: usize,
    },
    /// A label is no class.
    #[error("a label is {label}, but the {classes} classes count from 0")]
    Label {
        /// The label.
        label: u32,
        /// How many classes there are.
        classes: usize,
    },
    /// An estimate of ρ̂ is to be used and none was set.
    #[error("there is no estimate of rho_hat; set one before it is used")]
    NoEstimate,
    /// J, its gradient or a parameter is no finite number, so that there was no update.
    #[error(
        "J, its gradient or a parameter is not a finite number; nothing was updated. Lower the \
         learning rate, and check the samples for values that are not finite"
    )]
    NotFinite,
    /// The machine lacks an instruction set.
    #[error("this machine has no {0} instructions")]
    Lacking(InstructionSet),
    /// The system refuses another thread.
    #[error("a thread cannot be started: {0}")]
    Thread(String),
}

impl KernelError {
    /// That there are as many as expected.
    pub(crate) fn count(what: &'static str, found: usize, expected: usize) -> Result<(), Self> {
        match found == expected {
            true => Ok(()),
            false => Err(Self::Count {
                what,
                found,
                expected,
            }),
        }
    }

    /// That a part of `own` samples is one of a whole of `rows`.
    pub(crate) fn whole(own: usize, rows: usize) -> Result<(), Self> {
        match own <= rows {
            true => Ok(()),
            false => {
                let expected = format!("at least the {own} samples of the part");
                Err(Setting::new("rows", rows, expected).into())
            }
        }
    }
}
