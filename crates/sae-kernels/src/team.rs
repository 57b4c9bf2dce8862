//! Threads that wait for work between steps, and hand out disjoint parts of slices.
//!
//! A step has a few short phases, each of which must be over before the next begins. Threads that
//! sleep between them would wake too late, so they spin for a moment before they sleep.
//!
//! All models of a process share one pool of threads, one phase at a time: together they never run
//! on more processors than the one that uses most.

#![allow(unsafe_code, reason = "see `Job` and `Items`")]
#![allow(
    clippy::missing_const_for_thread_local,
    reason = "loom's have no constant form"
)]

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, PoisonError, Weak};

use crate::error::KernelError;
use crate::sync::{
    AtomicBool, AtomicUsize, Builder, JoinHandle, Mutex, Ordering, lock, park, spin_loop,
    thread_local, yield_now,
};

/// How often a worker looks for work before it sleeps, about a tenth of a millisecond: longer than
/// there is between two steps.
const SPINS: usize = if cfg!(loom) { 0 } else { 5_000 };
/// How often the caller looks whether the workers have finished before it offers its processor to
/// others, of which one may be keeping a worker waiting.
const IMPATIENT: usize = 500;

thread_local! {
    /// Whether this thread is within a job.
    static BUSY: Cell<bool> = Cell::new(false);
}

/// A number of threads, of which the caller is one.
pub(crate) struct Team {
    pool: Arc<Pool>,
    /// The next item of each thread's share.
    next: Vec<AtomicUsize>,
}

impl Team {
    /// A team of `threads` threads, at least one, and at most one per processor: more would wait for
    /// each other.
    pub(crate) fn new(threads: usize) -> Result<Self, KernelError> {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self::exactly(threads.min(processors))
    }

    /// As [`Team::new`], on however few processors.
    pub(crate) fn exactly(threads: usize) -> Result<Self, KernelError> {
        let threads = threads.max(1);
        let pool = Pool::shared();
        pool.grow(threads - 1)?;
        Ok(Self {
            pool,
            next: (0..threads).map(|_| AtomicUsize::new(0)).collect(),
        })
    }

    /// Number of threads.
    pub(crate) fn threads(&self) -> usize {
        self.next.len()
    }

    /// Calls `work` with the items, `size` neighbours at a time, and the number of the thread that
    /// works on them. Each thread begins with its own share, the same in every call, so that an item
    /// stays in the cache of one processor; who is done helps the others, so which thread takes an
    /// item depends on chance.
    ///
    /// # Panics
    ///
    /// Panics where `work` does.
    pub(crate) fn each<T: Send>(
        &mut self,
        items: &mut [T],
        size: usize,
        work: impl Fn(usize, &mut [T]) + Sync,
    ) {
        if !self.pool.is_of_this_process() {
            self.pool = Pool::shared();
            // A fork that may not have threads still gets its results, with those that it has.
            let _ = self.pool.grow(self.threads() - 1);
        }
        let (threads, total) = (self.threads(), items.len());
        let count = total.div_ceil(size);
        let items = Items(items.as_mut_ptr());
        let next = &self.next;
        for (share, next) in next.iter().enumerate() {
            next.store(share * count / threads, Ordering::Relaxed);
        }
        self.pool.run(threads - 1, &|thread| {
            let items = &items;
            for share in (thread..threads).chain(0..thread) {
                let end = (share + 1) * count / threads;
                loop {
                    let index = next[share].fetch_add(1, Ordering::Relaxed);
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
}

/// The items of a slice, of which threads get one at a time.
struct Items<T>(*mut T);

// SAFETY: `Team::each` hands each item to one thread only, and items may be sent to threads.
unsafe impl<T: Send> Sync for Items<T> {}

/// Threads that are there for whoever has work, one after the other.
struct Pool {
    /// Who runs them: a fork has none of its parent's threads.
    process: u32,
    /// Whoever holds this has the workers to itself.
    workers: Mutex<Vec<Worker>>,
    outcome: Arc<Outcome>,
}

struct Worker {
    inbox: Arc<Inbox>,
    handle: JoinHandle<()>,
}

/// How the workers of the present job tell its caller what became of it.
struct Outcome {
    finished: AtomicUsize,
    /// What the first of them panicked with.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
}

/// What one worker waits for.
struct Inbox {
    ready: AtomicBool,
    /// Nothing where the worker is to end.
    job: Mutex<Option<Job>>,
}

/// What is to be done: `work(thread)`, once by every thread.
///
/// The pointer is valid from the moment that the job is posted until its worker has counted itself
/// in `finished`; [`Pool::run`] does not return, or unwind, earlier.
#[derive(Clone, Copy)]
struct Job(*const (dyn Fn(usize) + Sync));

// SAFETY: the function behind the pointer is `Sync`, and outlives its use (see above).
unsafe impl Send for Job {}

/// The process's pool while any model has it. The lock is held only while a model is built.
static SHARED: std::sync::Mutex<Weak<Pool>> = std::sync::Mutex::new(Weak::new());

impl Pool {
    fn shared() -> Arc<Self> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        let found = shared.upgrade().filter(|pool| pool.is_of_this_process());
        found.unwrap_or_else(|| {
            let pool = Arc::new(Self::new());
            *shared = Arc::downgrade(&pool);
            pool
        })
    }

    fn new() -> Self {
        Self {
            process: std::process::id(),
            workers: Mutex::new(Vec::new()),
            outcome: Arc::new(Outcome {
                finished: AtomicUsize::new(0),
                panic: Mutex::new(None),
            }),
        }
    }

    fn is_of_this_process(&self) -> bool {
        self.process == std::process::id()
    }

    /// Sees to it that there are at least so many workers. Within a job, whose caller has them all,
    /// there are as many as there are: jobs there use none.
    fn grow(&self, count: usize) -> Result<(), KernelError> {
        if BUSY.with(Cell::get) {
            return Ok(());
        }
        let mut workers = lock(&self.workers);
        while workers.len() < count {
            let thread = workers.len() + 1;
            let inbox = Arc::new(Inbox {
                ready: AtomicBool::new(false),
                job: Mutex::new(None),
            });
            let (own, outcome) = (Arc::clone(&inbox), Arc::clone(&self.outcome));
            let handle = Builder::new()
                .name(format!("sae-kernels {thread}"))
                .spawn(move || own.serve(thread, &outcome))
                .map_err(|error| KernelError::Thread(error.to_string()))?;
            workers.push(Worker { inbox, handle });
        }
        Ok(())
    }

    /// The caller and `helpers` workers, or as many as there are, call `work` once each with their
    /// numbers, of which the caller's is 0. Within a job, the caller does so alone.
    fn run(&self, helpers: usize, work: &(dyn Fn(usize) + Sync)) {
        if helpers == 0 || BUSY.with(Cell::get) {
            return work(0);
        }
        let workers = lock(&self.workers);
        // SAFETY: only the lifetime changes. `Finish` waits for all workers before this function is
        // left, even by a panic, so nobody uses the pointer longer than `work` lives.
        let work_for_all: &'static (dyn Fn(usize) + Sync) = unsafe { std::mem::transmute(work) };
        let mut finish = Finish::new(&self.outcome);
        for worker in workers.iter().take(helpers) {
            finish.expected += 1;
            worker.post(Some(Job(work_for_all)));
        }
        work(0);
        drop(finish);
        let panic = lock(&self.outcome.panic).take();
        drop(workers);
        if let Some(payload) = panic {
            resume_unwind(payload);
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let of_this_process = self.is_of_this_process();
        let workers = self.workers.get_mut();
        let workers = workers.unwrap_or_else(PoisonError::into_inner);
        if !of_this_process {
            // These threads are not there to be waited for, nor to be let go.
            return std::mem::forget(std::mem::take(workers));
        }
        workers.iter().for_each(|worker| worker.post(None));
        for worker in workers.drain(..) {
            // A worker catches the panics of its jobs; there is nothing to report.
            let _ = worker.handle.join();
        }
    }
}

impl Worker {
    /// Gives the worker a job, or ends it. It has none at this time.
    fn post(&self, job: Option<Job>) {
        *lock(&self.inbox.job) = job;
        self.inbox.ready.store(true, Ordering::Release);
        self.handle.thread().unpark();
    }
}

impl Inbox {
    /// What a worker does until its pool is dropped.
    fn serve(&self, thread: usize, outcome: &Outcome) {
        BUSY.with(|busy| busy.set(true));
        while let Some(Job(work)) = self.next() {
            let run = || {
                // SAFETY: see `Job`: this worker has not yet counted itself as finished.
                unsafe { (*work)(thread) }
            };
            if let Err(payload) = catch_unwind(AssertUnwindSafe(run)) {
                lock(&outcome.panic).get_or_insert(payload);
            }
            outcome.finished.fetch_add(1, Ordering::Release);
        }
    }

    /// The next job, or nothing where there will be none.
    fn next(&self) -> Option<Job> {
        let mut spins = 0;
        while !self.ready.load(Ordering::Acquire) {
            if spins < SPINS {
                spins += 1;
                spin_loop();
            } else {
                park();
            }
        }
        self.ready.store(false, Ordering::Relaxed);
        lock(&self.job).take()
    }
}

/// Waits, when dropped, until the workers that were given the job have finished it.
struct Finish<'a> {
    outcome: &'a Outcome,
    expected: usize,
}

impl<'a> Finish<'a> {
    fn new(outcome: &'a Outcome) -> Self {
        outcome.finished.store(0, Ordering::Relaxed);
        *lock(&outcome.panic) = None;
        BUSY.with(|busy| busy.set(true));
        Self {
            outcome,
            expected: 0,
        }
    }
}

impl Drop for Finish<'_> {
    fn drop(&mut self) {
        let mut spins = 0;
        while self.outcome.finished.load(Ordering::Acquire) < self.expected {
            spins += 1;
            if spins < IMPATIENT && !cfg!(loom) {
                spin_loop();
            } else {
                yield_now();
            }
        }
        BUSY.with(|busy| busy.set(false));
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn team(threads: usize) -> Team {
        Team::exactly(threads).expect("threads can be started")
    }

    #[test]
    fn every_item_is_worked_on_once() {
        for threads in [1, 2, 5] {
            let mut team = team(threads);
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
        let mut team = team(3);
        let mut items = [0u32; 3];
        for _ in 0..3 {
            std::thread::sleep(std::time::Duration::from_millis(30));
            team.each(&mut items, 1, |_, items| items[0] += 1);
        }
        assert_eq!(items, [3; 3]);
    }

    /// What the first thread panicked with, whichever it is.
    #[test]
    fn panics_reach_the_caller_and_leave_the_team_usable() {
        let mut team = team(2);
        let mut items = vec![0u32; 64];
        for culprit in [0, 1] {
            let panicking = AssertUnwindSafe(|| {
                // Both threads come this far, so that it depends on neither's speed who panics.
                let here = AtomicUsize::new(0);
                team.each(&mut items[..2], 1, |thread, _| {
                    here.fetch_add(1, Ordering::SeqCst);
                    while here.load(Ordering::SeqCst) < 2 {
                        yield_now();
                    }
                    assert!(thread != culprit, "thread {culprit}");
                });
            });
            let payload = catch_unwind(panicking).expect_err("it panics");
            let text = payload.downcast_ref::<String>().map(String::as_str);
            assert_eq!(text, Some(format!("thread {culprit}")).as_deref());
            team.each(&mut items, 5, |_, items| items.fill(7));
            assert!(items.iter().all(|&item| item == 7));
        }
    }

    /// A job within a job is done by the thread that asks for it.
    #[test]
    fn jobs_may_be_nested() {
        let mut outer = team(3);
        let mut sums = [0; 12];
        outer.each(&mut sums, 1, |_, sums| {
            let mut items = [1; 10];
            team(3).each(&mut items, 1, |thread, items| {
                assert_eq!(thread, 0);
                items[0] += 1;
            });
            sums[0] = items.iter().sum();
        });
        assert_eq!(sums, [20; 12]);
    }

    #[test]
    fn teams_share_one_pool_and_leave_nothing_behind() {
        let (two, four) = (team(2), team(4));
        assert!(Arc::ptr_eq(&two.pool, &four.pool));
        let pool = Arc::downgrade(&two.pool);
        let mut team = team(2);
        team.each(&mut [0; 8], 1, |_, items| items[0] += 1);
        for worker in lock(&team.pool.workers).iter() {
            assert!(lock(&worker.inbox.job).is_none());
        }
        // Tests beside this one may have the pool too, but not where each is a process.
        drop((two, four, team));
        if std::env::var_os("NEXTEST").is_some() {
            assert!(pool.upgrade().is_none());
        }
    }

    /// A forked process has none of its parent's threads, and works all the same.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_fork_works_with_threads_of_its_own() {
        unsafe extern "C" {
            fn fork() -> i32;
            fn alarm(seconds: u32) -> u32;
            fn waitpid(process: i32, status: *mut i32, options: i32) -> i32;
            fn _exit(status: i32) -> !;
        }
        let mut team = team(3);
        let mut items = [0; 30];
        team.each(&mut items, 1, |_, items| items[0] += 1);
        // SAFETY: the child does nothing but what the test is about, and ends without destructors
        // of what is the parent's.
        let child = unsafe { fork() };
        if child == 0 {
            // SAFETY: as above; the alarm ends a child that hangs.
            unsafe { alarm(20) };
            team.each(&mut items, 1, |_, items| items[0] += 1);
            let own = lock(&team.pool.workers).len() == 2;
            drop(team);
            // SAFETY: as above.
            unsafe { _exit(i32::from(items != [2; 30] || !own)) };
        }
        let mut status = -1;
        // SAFETY: the status is written to, and the child is this process's own.
        assert_eq!(unsafe { waitpid(child, &raw mut status, 0) }, child);
        assert_eq!(status, 0);
        team.each(&mut items, 1, |_, items| items[0] += 1);
        assert_eq!(items, [2; 30]);
    }
}

/// Every order of events, with `RUSTFLAGS="--cfg loom"`.
#[cfg(all(test, loom))]
mod loom_tests {
    use super::*;

    fn count(pool: &Pool, helpers: usize, jobs: usize) {
        for _ in 0..jobs {
            let calls = AtomicUsize::new(0);
            pool.run(helpers, &|_| {
                calls.fetch_add(1, Ordering::Relaxed);
            });
            assert_eq!(calls.load(Ordering::Relaxed), helpers + 1);
        }
    }

    fn model(work: impl Fn() + Sync + Send + 'static) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(3);
        builder.check(work);
    }

    #[test]
    fn loom_jobs_are_posted_finished_and_ended() {
        model(|| {
            let pool = Pool::new();
            pool.grow(1).expect("a thread");
            count(&pool, 1, 2);
        });
    }

    #[test]
    fn loom_two_workers_do_one_job() {
        model(|| {
            let pool = Pool::new();
            pool.grow(2).expect("two threads");
            count(&pool, 2, 1);
        });
    }

    #[test]
    fn loom_two_callers_take_turns() {
        model(|| {
            let pool = Arc::new(Pool::new());
            pool.grow(1).expect("a thread");
            let own = Arc::clone(&pool);
            let other = loom::thread::spawn(move || count(&own, 1, 1));
            count(&pool, 1, 1);
            other.join().expect("no panic");
        });
    }

    #[test]
    fn loom_panics_of_workers_reach_the_caller() {
        model(|| {
            let pool = Pool::new();
            pool.grow(1).expect("a thread");
            let panicking = AssertUnwindSafe(|| {
                pool.run(1, &|thread| {
                    if thread == 1 {
                        resume_unwind(Box::new(17));
                    }
                });
            });
            let payload = catch_unwind(panicking).expect_err("the worker panics");
            assert_eq!(payload.downcast_ref(), Some(&17));
            count(&pool, 1, 1);
        });
    }
}
