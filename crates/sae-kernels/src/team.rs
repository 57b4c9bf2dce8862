//! Threads that wait for work between steps, and hand out disjoint parts of slices.
//!
//! A step has a few short phases, each of which must be over before the next begins. Threads that
//! sleep between them would wake too late, so they spin for a moment before they sleep.

#![allow(unsafe_code, reason = "see `Job` and `Items`")]

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, Thread};

/// How often a worker looks for work before it sleeps, about a tenth of a millisecond: longer than
/// there is between two steps.
const SPINS: usize = 5_000;
/// How often the caller looks whether the workers have finished before it offers its processor to
/// others, of which one may be keeping a worker waiting.
const IMPATIENT: usize = 500;

/// A number of threads, of which the caller is one.
pub struct Team {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
}

/// What is to be done: `work(thread)`, once by every thread.
///
/// The pointer is valid from the moment that `number` is raised until the last worker has counted
/// itself in `finished`; [`Team::run`] does not return, or unwind, earlier.
#[derive(Clone, Copy)]
struct Job(*const (dyn Fn(usize) + Sync));

// SAFETY: the function behind the pointer is `Sync`, and outlives its use (see above).
unsafe impl Send for Job {}

struct Shared {
    job: Mutex<Option<Job>>,
    /// Raised with every job.
    number: AtomicUsize,
    finished: AtomicUsize,
    panicked: AtomicBool,
    stop: AtomicBool,
    asleep: Vec<AtomicBool>,
    /// The next item of each thread's share.
    next: Vec<AtomicUsize>,
}

impl Team {
    /// A team of `threads` threads, at least one.
    pub fn new(threads: usize) -> Self {
        let others = threads.saturating_sub(1);
        let shared = Arc::new(Shared {
            job: Mutex::new(None),
            number: AtomicUsize::new(0),
            finished: AtomicUsize::new(0),
            panicked: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            asleep: (0..others).map(|_| AtomicBool::new(false)).collect(),
            next: (0..=others).map(|_| AtomicUsize::new(0)).collect(),
        });
        let start = |index: usize| {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || shared.serve(index))
        };
        Self {
            workers: (0..others).map(start).collect(),
            shared,
        }
    }

    /// Number of threads.
    pub fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Calls `work` with the items, `size` neighbours at a time, and the number of the thread that
    /// works on them. Each thread begins with its own share, the same in every call, so that an item
    /// stays in the cache of one processor; who is done helps the others, so which thread takes an
    /// item depends on chance.
    ///
    /// # Panics
    ///
    /// Panics where `work` does.
    pub fn each<T: Send>(
        &mut self,
        items: &mut [T],
        size: usize,
        work: impl Fn(usize, &mut [T]) + Sync,
    ) {
        let (threads, total) = (self.threads(), items.len());
        let count = total.div_ceil(size);
        let items = Items(items.as_mut_ptr());
        let shared = Arc::clone(&self.shared);
        for (share, next) in shared.next.iter().enumerate() {
            next.store(share * count / threads, Ordering::Relaxed);
        }
        self.run(&|thread| {
            let items = &items;
            for share in (thread..threads).chain(0..thread) {
                let end = (share + 1) * count / threads;
                loop {
                    let index = shared.next[share].fetch_add(1, Ordering::Relaxed);
                    if index >= end {
                        break;
                    }
                    let first = index * size;
                    let length = size.min(total - first);
                    // SAFETY: the items are within the slice, which is borrowed mutably until `run`
                    // is over; shares do not overlap, and `next` gives each index of a share, and so
                    // these items, to one thread only.
                    let items =
                        unsafe { std::slice::from_raw_parts_mut(items.0.add(first), length) };
                    work(thread, items);
                }
            }
        });
    }

    /// Every thread calls `work` once, with its number.
    fn run(&mut self, work: &(dyn Fn(usize) + Sync)) {
        if self.workers.is_empty() {
            return work(0);
        }
        let shared = &*self.shared;
        // SAFETY: only the lifetime changes. `Finish` waits for all workers before this function is
        // left, even by a panic, so nobody uses the pointer longer than `work` lives.
        let work_for_all: &'static (dyn Fn(usize) + Sync) = unsafe { std::mem::transmute(work) };
        shared.finished.store(0, Ordering::Relaxed);
        shared.panicked.store(false, Ordering::Relaxed);
        *lock(&shared.job) = Some(Job(work_for_all));
        shared.number.fetch_add(1, Ordering::SeqCst);
        for (worker, asleep) in self.workers.iter().zip(&shared.asleep) {
            if asleep.load(Ordering::SeqCst) {
                worker.thread().unpark();
            }
        }
        let finish = Finish(shared, self.workers.len());
        work(0);
        drop(finish);
        assert!(
            !shared.panicked.load(Ordering::Relaxed),
            "a thread of the team panicked"
        );
    }
}

/// Waits, when dropped, until the workers have finished the job.
struct Finish<'a>(&'a Shared, usize);

impl Drop for Finish<'_> {
    fn drop(&mut self) {
        let mut spins = 0;
        while self.0.finished.load(Ordering::Acquire) < self.1 {
            pause(&mut spins);
        }
    }
}

/// Waits a moment; for long waits lets others have the processor.
fn pause(spins: &mut usize) {
    *spins += 1;
    if *spins < IMPATIENT {
        std::hint::spin_loop();
    } else {
        std::thread::yield_now();
    }
}

/// The items of a slice, of which threads get one at a time.
struct Items<T>(*mut T);

// SAFETY: `Team::each` hands each item to one thread only, and items may be sent to threads.
unsafe impl<T: Send> Sync for Items<T> {}

impl Shared {
    /// What a worker does until the team is dropped.
    fn serve(&self, index: usize) {
        let mut done = 0;
        while let Some(number) = self.wait(done, index) {
            done = number;
            let job = *lock(&self.job);
            if let Some(Job(work)) = job {
                let run = || {
                    // SAFETY: see `Job`: this worker has not yet counted itself as finished.
                    unsafe { (*work)(index + 1) }
                };
                if std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_err() {
                    self.panicked.store(true, Ordering::Relaxed);
                }
            }
            self.finished.fetch_add(1, Ordering::Release);
        }
    }

    /// The number of the next job, or nothing where there will be none.
    fn wait(&self, done: usize, index: usize) -> Option<usize> {
        let next = || {
            let number = self.number.load(Ordering::SeqCst);
            (number != done).then_some(number)
        };
        for _ in 0..SPINS {
            if let Some(number) = next() {
                return (!self.stop.load(Ordering::SeqCst)).then_some(number);
            }
            std::hint::spin_loop();
        }
        loop {
            // Whoever raises the number after this sees that it must wake this thread.
            self.asleep[index].store(true, Ordering::SeqCst);
            if let Some(number) = next() {
                self.asleep[index].store(false, Ordering::SeqCst);
                return (!self.stop.load(Ordering::SeqCst)).then_some(number);
            }
            std::thread::park();
        }
    }
}

/// What is behind a lock, even where a panic came upon its holder: nothing here is left half done.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Drop for Team {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.shared.number.fetch_add(1, Ordering::SeqCst);
        for worker in self.workers.drain(..) {
            Thread::unpark(worker.thread());
            // A worker catches the panics of its jobs; there is nothing to report.
            let _ = worker.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_worked_on_once() {
        for threads in [1, 2, 5] {
            let mut team = Team::new(threads);
            assert_eq!(team.threads(), threads);
            let mut items = vec![0u32; 1000];
            for _ in 0..200 {
                team.each(&mut items, 3, |thread, items| {
                    assert!(thread < threads);
                    items.iter_mut().for_each(|item| *item += 1);
                });
            }
            assert!(items.iter().all(|&item| item == 200));
        }
    }

    #[test]
    fn sleeping_threads_wake_up() {
        let mut team = Team::new(3);
        let mut items = [0u32; 3];
        for _ in 0..3 {
            std::thread::sleep(std::time::Duration::from_millis(30));
            team.each(&mut items, 1, |_, items| items[0] += 1);
        }
        assert_eq!(items, [3; 3]);
    }

    #[test]
    fn panics_reach_the_caller_and_leave_the_team_usable() {
        let mut team = Team::new(2);
        let mut items = vec![0u32; 64];
        let panicking = std::panic::AssertUnwindSafe(|| {
            team.each(&mut items, 1, |_, _| panic!("as the test wants"));
        });
        assert!(std::panic::catch_unwind(panicking).is_err());
        team.each(&mut items, 5, |_, items| items.fill(7));
        assert!(items.iter().all(|&item| item == 7));
    }
}
