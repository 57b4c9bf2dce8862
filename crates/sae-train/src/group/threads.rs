//! Ranks that are threads of one process: for tests, and for whoever wants to see what many ranks do.

use std::fmt;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Communicator, Failure, GroupError};

/// Why a rank has failed, or bytes.
type Message = Result<Vec<u8>, Failure>;

/// A rank that is a thread.
pub struct Threads {
    rank: usize,
    timeout: Mutex<Duration>,
    to: Vec<Sender<Message>>,
    from: Vec<Mutex<Receiver<Message>>>,
}

impl Threads {
    /// So many ranks, each to be given to a thread of its own.
    pub fn ranks(count: usize) -> Vec<Self> {
        let mut to: Vec<Vec<_>> = (0..count).map(|_| Vec::new()).collect();
        let mut from: Vec<Vec<_>> = (0..count).map(|_| Vec::new()).collect();
        for sender in &mut to {
            for receiver in &mut from {
                let (send, receive) = channel();
                sender.push(send);
                receiver.push(Mutex::new(receive));
            }
        }
        let both = to.into_iter().zip(from).enumerate();
        let one = |(rank, (to, from))| Self {
            rank,
            timeout: Mutex::new(Duration::MAX),
            to,
            from,
        };
        both.map(one).collect()
    }
}

impl Communicator for Threads {
    fn rank(&self) -> usize {
        self.rank
    }

    fn ranks(&self) -> usize {
        self.to.len()
    }

    fn exchange(&self, with: usize, send: &[u8], receive: &mut [u8]) -> Result<(), GroupError> {
        if !send.is_empty() {
            // Whoever has ended is found out about when it is waited for.
            let _ = self.to[with].send(Ok(send.to_vec()));
        }
        if receive.is_empty() {
            return Ok(());
        }
        let timeout = *lock(&self.timeout);
        match lock(&self.from[with]).recv_timeout(timeout) {
            Ok(Ok(bytes)) if bytes.len() == receive.len() => {
                receive.copy_from_slice(&bytes);
                Ok(())
            }
            Ok(Ok(bytes)) => Err(GroupError::Messages(format!(
                "rank {with} sent {} bytes; expected {}",
                bytes.len(),
                receive.len()
            ))),
            Ok(Err(failure)) => {
                let rank = with;
                Err(GroupError::Failed { rank, failure })
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                let (rank, seconds) = (with, timeout.as_secs());
                Err(GroupError::Silent { rank, seconds })
            }
        }
    }

    fn be_patient_for(&self, longest: Duration) {
        *lock(&self.timeout) = longest;
    }

    fn fail(&self, failure: &Failure) {
        for (_, to) in self
            .to
            .iter()
            .enumerate()
            .filter(|(to, _)| *to != self.rank)
        {
            let _ = to.send(Err(failure.clone()));
        }
    }
}

/// Nothing of it is ever left half done.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rank {} of {} threads", self.rank, self.to.len())
    }
}
