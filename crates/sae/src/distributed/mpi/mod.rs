//! Ranks that are processes, with messages by MPI.
//!
//! Nothing here waits inside MPI for a process that may be gone: a rank first looks whether a message is there, and
//! in between whether another rank has failed, or time is up. A message that is not short is only sent when its
//! receiver has said that it waits.

mod affinity;
mod pause;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use mpi::Threading;
use mpi::collective::SystemOperation;
use mpi::environment::Universe;
use mpi::point_to_point;
use mpi::topology::SimpleCommunicator;
use mpi::traits::{Communicator as _, CommunicatorCollectives, Destination, Equivalence, Source};
use sae_train::{Communicator, Failure, GroupError};

use self::affinity::affinity;
use self::pause::Pause;
use crate::Error;

/// What a message is.
type Tag = i32;
const DATA: Tag = 1;
/// The sender waits for a message that is not short.
const READY: Tag = 2;
/// The sender has failed: the code with which it ends, and why.
const FAILED: Tag = 3;
/// The sender wants to leave, and may leave.
const LEAVES: Tag = 4;

/// Bytes of a message that MPI takes at once, whether it is waited for or not.
const SHORT: usize = 2048;
/// Bytes of longer messages that are sent at once: MPI counts no further than 2³¹.
const PIECE: usize = 1 << 30;
/// Bytes for short messages on their way.
const BUFFER: usize = 8 << 20;
/// Bytes of what a rank says of its failure.
const REASON: usize = 1024;
/// For how long ranks wait for each other to leave after one has failed.
const FAREWELL: Duration = Duration::from_secs(3);
/// For how much longer than a rank waits for another it may stay inside MPI.
const STUCK: Duration = Duration::from_secs(5);

/// MPI, from when it is begun until it is left.
pub struct World {
    ranks: Arc<Ranks>,
    /// Ends MPI where it is dropped.
    universe: Universe,
}

impl World {
    /// Begins MPI, of a process that was started by its launcher. `stuck` is called, on another thread, where
    /// MPI itself does not come back in time; it ends the process.
    ///
    /// # Errors
    ///
    /// Refuses a second beginning.
    pub fn begin(stuck: impl Fn(GroupError) + Send + 'static) -> Result<Self, Error> {
        let begun = mpi::initialize_with_threading(Threading::Funneled);
        let (mut universe, _) = begun.ok_or_else(|| {
            Error::Input("MPI was begun before; expected one beginning in a process".to_owned())
        })?;
        universe.set_buffer_size(BUFFER);
        let world = universe.world();
        let ranks = Arc::new(Ranks {
            rank: world.rank() as usize,
            count: world.size() as usize,
            patience: Mutex::new(None),
            started: Instant::now(),
            inside: AtomicU64::new(NOT_INSIDE),
            crowded: AtomicBool::new(false),
        });
        watch(ranks.clone(), stuck);
        Ok(Self { ranks, universe })
    }

    /// The ranks.
    pub fn communicator(&self) -> Arc<dyn Communicator> {
        self.ranks.clone()
    }

    /// How many there are.
    pub fn ranks(&self) -> usize {
        self.ranks.count
    }

    /// The own number, from 0.
    pub fn rank(&self) -> usize {
        self.ranks.rank
    }

    /// The processors of this machine that are this rank's, at least one: those to which it is bound, or the
    /// share of those that it has in common with others. Every rank asks at the same time.
    pub fn processors(&self) -> usize {
        let machine = self.universe.world().split_shared(0);
        let available = thread::available_parallelism().map_or(1, usize::from);
        let own = affinity();
        let mut all = vec![0; own.len()];
        machine.all_reduce_into(&own[..], &mut all[..], SystemOperation::bitwise_or());
        let count = |mask: &[u64]| {
            mask.iter()
                .map(|word| word.count_ones() as usize)
                .sum::<usize>()
        };
        // A quota of a container is one for all of them.
        let together = match available < count(&own) {
            true => available,
            false => count(&all).max(1),
        };
        let share = together / machine.size() as usize;
        self.ranks.crowded.store(share == 0, Ordering::Relaxed);
        available.min(share).max(1)
    }

    /// Leaves after a rank has failed. Where all ranks are heard of within seconds, they leave together, each to
    /// end by itself; otherwise MPI is told to end all of them with this exit code. `unheard` is called before,
    /// where rank 0, which speaks for all, cannot have heard why.
    pub fn leave(self, code: u8, unheard: impl FnOnce()) {
        if self.ranks.part() {
            return;
        }
        if self.rank() != 0 {
            unheard();
        }
        abort(&self.universe.world(), code.into())
    }
}

/// Tells MPI to end all ranks, and ends this process in any case: where the launcher is on the other side of a link
/// that is cut, MPI waits for it.
fn abort(world: &SimpleCommunicator, code: i32) -> ! {
    thread::spawn(move || {
        thread::sleep(FAREWELL);
        std::process::exit(code);
    });
    world.abort(code)
}

impl Drop for World {
    /// Others would wait for a rank that panics.
    fn drop(&mut self) {
        const PANICKED: i32 = 101;
        if thread::panicking() {
            abort(&self.universe.world(), PANICKED)
        }
    }
}

/// Ends the process by `stuck` where a call of MPI does not come back.
fn watch(ranks: Arc<Ranks>, stuck: impl Fn(GroupError) + Send + 'static) {
    const LOOK: Duration = Duration::from_secs(1);
    thread::spawn(move || {
        loop {
            thread::sleep(LOOK);
            let (with, since) = unpacked(ranks.inside.load(Ordering::Relaxed));
            let Some(patience) = ranks.patience().filter(|_| with.is_some()) else {
                continue;
            };
            let for_ = ranks.started.elapsed().saturating_sub(since);
            if for_ > patience + STUCK {
                stuck(GroupError::Silent {
                    rank: with.unwrap_or(0),
                    seconds: patience.as_secs(),
                });
            }
        }
    });
}

/// The processes, and how long they are waited for.
#[derive(Debug)]
struct Ranks {
    rank: usize,
    count: usize,
    patience: Mutex<Option<Duration>>,
    started: Instant,
    /// The rank with which a call of MPI is under way, and since when; see [`unpacked`].
    inside: AtomicU64,
    /// Whether this machine has more ranks than processors.
    crowded: AtomicBool,
}

const NOT_INSIDE: u64 = u64::MAX;
/// Bits for milliseconds, beside those for a rank.
const MILLISECONDS: u32 = 40;

fn unpacked(inside: u64) -> (Option<usize>, Duration) {
    let since = Duration::from_millis(inside & ((1 << MILLISECONDS) - 1));
    match inside {
        NOT_INSIDE => (None, since),
        _ => (Some((inside >> MILLISECONDS) as usize), since),
    }
}

impl Ranks {
    fn patience(&self) -> Option<Duration> {
        *self.patience.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set_patience(&self, patience: Option<Duration>) {
        *self.patience.lock().unwrap_or_else(PoisonError::into_inner) = patience;
    }

    /// A call of MPI that may not come back where `with` is gone.
    fn inside<R>(&self, with: usize, call: impl FnOnce() -> R) -> R {
        let since = self.started.elapsed().as_millis() as u64 & ((1 << MILLISECONDS) - 1);
        let inside = (with as u64) << MILLISECONDS | since;
        self.inside.store(inside, Ordering::Relaxed);
        let result = call();
        self.inside.store(NOT_INSIDE, Ordering::Relaxed);
        result
    }

    /// Until a message of this kind from a rank is there.
    fn wait_for(&self, from: usize, what: Tag) -> Result<(), GroupError> {
        let world = SimpleCommunicator::world();
        let process = world.process_at_rank(from as i32);
        let mut pause = Pause::new(self.crowded.load(Ordering::Relaxed));
        loop {
            if process.immediate_probe_with_tag(what).is_some() {
                return Ok(());
            }
            if pause.looks_around() {
                self.check_others(&world)?;
                let patience = self.patience().unwrap_or(Duration::MAX);
                if pause.waited() > patience {
                    let seconds = patience.as_secs();
                    return Err(GroupError::Silent {
                        rank: from,
                        seconds,
                    });
                }
            }
            pause.rest();
        }
    }

    /// Whether another rank has failed.
    fn check_others(&self, world: &SimpleCommunicator) -> Result<(), GroupError> {
        let any = world.any_process();
        let Some(status) = any.immediate_probe_with_tag(FAILED) else {
            return Ok(());
        };
        let rank = status.source_rank() as usize;
        let mut said = vec![0; status.count(u8::equivalent_datatype()) as usize];
        let process = world.process_at_rank(rank as i32);
        process.receive_into_with_tag(&mut said[..], FAILED);
        let (code, reason) = said.split_first().unwrap_or((&1, &[]));
        let failure = Failure {
            code: *code,
            message: String::from_utf8_lossy(reason).into_owned(),
        };
        Err(GroupError::Failed { rank, failure })
    }

    /// Whether all ranks are about to leave, in seconds.
    fn part(&self) -> bool {
        self.set_patience(None);
        let world = SimpleCommunicator::world();
        let to = |rank: usize| {
            let process = world.process_at_rank(rank as i32);
            process.buffered_send_with_tag(&[0u8; 0][..], LEAVES);
        };
        let deadline = Instant::now() + FAREWELL;
        let from = |rank: usize, deadline: Instant| {
            let process = world.process_at_rank(rank as i32);
            loop {
                if process.immediate_probe_with_tag(LEAVES).is_some() {
                    process.receive_into_with_tag(&mut [0u8; 0][..], LEAVES);
                    return true;
                }
                if Instant::now() > deadline {
                    return false;
                }
                thread::sleep(Duration::from_millis(1));
            }
        };
        if self.rank == 0 {
            let all = (1..self.count).all(|rank| from(rank, deadline));
            if all {
                (1..self.count).for_each(to);
                drain(&world);
            }
            return all;
        }
        to(0);
        // Rank 0 has the last word.
        let parted = from(0, deadline + FAREWELL);
        if parted {
            drain(&world);
        }
        parted
    }
}

impl Communicator for Ranks {
    fn rank(&self) -> usize {
        self.rank
    }

    fn ranks(&self) -> usize {
        self.count
    }

    fn exchange(&self, with: usize, send: &[u8], receive: &mut [u8]) -> Result<(), GroupError> {
        let world = SimpleCommunicator::world();
        let process = world.process_at_rank(with as i32);
        let is_long = |bytes: &[u8]| bytes.len() > SHORT;
        if is_long(receive) {
            process.buffered_send_with_tag(&[0u8; 0][..], READY);
        }
        if !send.is_empty() && !is_long(send) {
            process.buffered_send_with_tag(send, DATA);
        }
        if is_long(send) {
            self.wait_for(with, READY)?;
            process.receive_into_with_tag(&mut [0u8; 0][..], READY);
        }
        let swaps = is_long(send) && is_long(receive);
        if !receive.is_empty() && !swaps {
            self.wait_for(with, DATA)?;
        }
        self.check_others(&world)?;
        self.inside(with, || match (is_long(send), receive.is_empty()) {
            (true, false) if swaps => {
                let pieces = send
                    .chunks(PIECE)
                    .count()
                    .max(receive.chunks(PIECE).count());
                let mut sent = send.chunks(PIECE);
                let mut received = receive.chunks_mut(PIECE);
                for _ in 0..pieces {
                    let (sent, received) = (sent.next(), received.next());
                    let (sent, received) = (sent.unwrap_or(&[]), received.unwrap_or_default());
                    let (to, from) = (&process, &process);
                    point_to_point::send_receive_into_with_tags(
                        sent, to, DATA, received, from, DATA,
                    );
                }
            }
            (true, _) => {
                if !receive.is_empty() {
                    process.receive_into_with_tag(receive, DATA);
                }
                for piece in send.chunks(PIECE) {
                    process.send_with_tag(piece, DATA);
                }
            }
            (false, false) => {
                for piece in receive.chunks_mut(PIECE) {
                    process.receive_into_with_tag(piece, DATA);
                }
            }
            (false, true) => {}
        });
        Ok(())
    }

    fn be_patient_for(&self, longest: Duration) {
        self.set_patience(Some(longest));
    }

    fn fail(&self, failure: &Failure) {
        let world = SimpleCommunicator::world();
        let reason = &failure.message;
        let end = reason.floor_char_boundary(REASON);
        let said = [&[failure.code], &reason.as_bytes()[..end]].concat();
        for rank in (0..self.count).filter(|rank| *rank != self.rank) {
            let process = world.process_at_rank(rank as i32);
            process.buffered_send_with_tag(&said[..], FAILED);
        }
    }
}

/// Takes what was on its way to this rank when another failed: MPI complains of messages that nobody wanted.
fn drain(world: &SimpleCommunicator) {
    while let Some((message, status)) = world.any_process().immediate_matched_probe() {
        let mut bytes = vec![0u8; status.count(u8::equivalent_datatype()) as usize];
        message.matched_receive_into(&mut bytes[..]);
    }
}
