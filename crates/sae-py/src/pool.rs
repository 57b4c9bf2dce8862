//! Threads for Burn's operations, a set for each process: threads do not survive a fork.

use std::collections::BTreeMap;
use std::process;
use std::sync::{Arc, Mutex, PoisonError};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use rayon::{ThreadPool, ThreadPoolBuilder};
use sae::usable_threads;

/// The threads of one process, by their number.
struct Pools {
    process: u32,
    by_threads: BTreeMap<usize, Arc<ThreadPool>>,
}

static POOLS: Mutex<Option<Pools>> = Mutex::new(None);

/// So many threads of this process, to work with; see [`usable_threads`].
pub(crate) fn pool(threads: usize) -> PyResult<Arc<ThreadPool>> {
    let threads = usable_threads(threads);
    let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
    let process = process::id();
    if let Some(inherited) = pools.take_if(|pools| pools.process != process) {
        // Its threads are those of the process that was copied: nobody here can wait for them.
        std::mem::forget(inherited);
    }
    let own = pools.get_or_insert_with(|| Pools {
        process,
        by_threads: BTreeMap::new(),
    });
    if let Some(pool) = own.by_threads.get(&threads) {
        return Ok(pool.clone());
    }
    let pool = Arc::new(own_pool(threads)?);
    own.by_threads.insert(threads, pool.clone());
    Ok(pool)
}

/// As [`pool`], for one piece of work alone: what takes long, or waits, would keep all others waiting.
pub(crate) fn own_pool(threads: usize) -> PyResult<ThreadPool> {
    let threads = usable_threads(threads);
    let built = ThreadPoolBuilder::new().num_threads(threads).build();
    built.map_err(|error| {
        PyRuntimeError::new_err(format!("{threads} threads cannot be started: {error}"))
    })
}
