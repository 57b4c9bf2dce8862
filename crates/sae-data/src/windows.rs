//! Rows of a store in the random order of an epoch, more than memory holds.
//!
//! The rows of an epoch are cut into blocks of neighbours, from a place that each epoch draws anew;
//! the blocks come in random order, the short one last. As many of them as are to be in memory at once
//! make a window, whose rows are shuffled. What comes when depends on the seed, the epoch, the sizes
//! and the memory limit, and on no thread.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use rand_chacha::ChaCha8Rng;
use sae_kernels::Setting;

use crate::inputs::Stored;
use crate::random::{OrderOf, below, shuffled};
use crate::store::Store;
use crate::{DataError, Samples};

/// Shares of the memory limit that a window takes. Two are there at once, and rows on their way.
const WINDOWS: usize = 8;
/// Bytes that are read at once at least, but for small windows.
const BLOCK_BYTES: usize = 128 * 1024;
/// Blocks of a window at least.
const FEWEST_BLOCKS: usize = 64;

/// Rows of an epoch that are in memory at once.
#[derive(Debug)]
pub struct Window {
    /// They.
    pub samples: Samples,
    /// The number of each among all rows.
    pub numbers: Vec<usize>,
    /// In which order they come.
    pub order: Vec<usize>,
}

/// The sizes of an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Sizes {
    /// The number of the first row in the store.
    first: usize,
    rows: usize,
    block: usize,
    window: usize,
}

impl Stored {
    /// Refuses batches for which the memory limit leaves no room.
    ///
    /// # Errors
    ///
    /// Says how much there must be.
    pub fn check_batch(&self, batch: usize) -> Result<(), Setting> {
        self.check_batch_of(self.store.rows(), batch)
    }

    /// As [`Stored::check_batch`], of so many rows.
    fn check_batch_of(&self, rows: usize, batch: usize) -> Result<(), Setting> {
        let Self { store, limit } = self;
        if self.rows_within(WINDOWS) >= batch.min(rows) {
            return Ok(());
        }
        let mebibytes = |bytes: usize| bytes.div_ceil(1 << 20);
        let row = store.width() * store.value_bytes();
        Err(Setting::new(
            "memory_limit",
            mebibytes(*limit),
            format!(
                "at least {} (MiB) for batches of {batch} rows of {} values",
                mebibytes(WINDOWS * batch * row),
                store.width()
            ),
        ))
    }
}

impl Sizes {
    /// Windows of whole batches of some rows of a store.
    fn new(stored: &Stored, rows: &Range<usize>, batch: usize) -> Result<Self, Setting> {
        stored.check_batch_of(rows.len(), batch)?;
        let (store, most) = (&stored.store, stored.rows_within(WINDOWS));
        let row = store.width() * store.value_bytes();
        let (first, rows) = (rows.start, rows.len());
        let window = match most < rows {
            true => most - most % batch,
            false => rows,
        };
        let block = (BLOCK_BYTES / row.max(1)).min(window / FEWEST_BLOCKS);
        Ok(Self {
            first,
            rows,
            block: block.max(1),
            window,
        })
    }

    fn windows(self) -> usize {
        self.rows.div_ceil(self.window)
    }
}

/// Where the rows of an epoch come from.
#[derive(Debug)]
struct Plan {
    sizes: Sizes,
    /// The row at which the first block begins.
    start: usize,
    /// The whole blocks, in their order.
    blocks: Vec<usize>,
    rng: ChaCha8Rng,
}

impl Plan {
    fn new(sizes: Sizes, order: OrderOf, epoch: u64) -> Self {
        let mut rng = order.stream(epoch);
        Self {
            start: below(&mut rng, sizes.rows),
            blocks: shuffled(&mut rng, sizes.rows / sizes.block),
            sizes,
            rng,
        }
    }

    /// The rows of a window, as ranges of the store in the order in which they are read.
    fn ranges(&self, window: usize) -> Vec<Range<usize>> {
        let Sizes {
            first: offset,
            rows,
            block,
            ..
        } = self.sizes;
        let end = rows.min((window + 1) * self.sizes.window);
        let mut place = window * self.sizes.window;
        let mut ranges = Vec::new();
        while place < end {
            // The short block has no place in the order, and comes last.
            let number = place / block;
            let first = self.blocks.get(number).unwrap_or(&number) * block + place % block;
            let first = (first + self.start) % rows;
            let left = (block - place % block).min(end - place).min(rows - first);
            ranges.push(offset + first..offset + first + left);
            place += left;
        }
        ranges
    }

    /// The order of a window's rows, by random words that are its own.
    fn order(&self, window: usize) -> Vec<usize> {
        const WORDS: u32 = 40;
        let mut rng = self.rng.clone();
        rng.set_word_pos((window as u128 + 1) << WORDS);
        let first = window * self.sizes.window;
        let rows = self.sizes.window.min(self.sizes.rows - first);
        shuffled(&mut rng, rows)
    }

    /// A window, where one was before.
    fn read(
        &self,
        store: &dyn Store,
        window: usize,
        before: Option<Window>,
    ) -> Result<Window, DataError> {
        let order = self.order(window);
        let (mut samples, mut numbers) = match before {
            Some(before) => (before.samples, before.numbers),
            None => (
                Samples::with_capacity(store.width(), store.value_bytes(), order.len()),
                Vec::with_capacity(order.len()),
            ),
        };
        samples.clear();
        numbers.clear();
        for range in self.ranges(window) {
            store.append(range.clone(), &mut samples)?;
            numbers.extend(range);
        }
        Ok(Window {
            samples,
            numbers,
            order,
        })
    }
}

/// A thread that reads windows, of any number of [`Windows`], one after the other in the order in which they
/// are asked for. It ends when nobody can ask any more.
#[derive(Debug, Clone)]
pub struct WindowReader {
    requests: Sender<Request>,
}

/// A window that is to be read, and who waits for it.
struct Request {
    store: Arc<dyn Store>,
    plan: Arc<Plan>,
    window: usize,
    before: Option<Window>,
    answer: Sender<Answer>,
}

/// A window, or the panic in which reading it ended.
type Answer = thread::Result<Result<Window, DataError>>;

impl WindowReader {
    /// Starts it.
    pub fn start() -> Self {
        let (requests, wanted) = channel::<Request>();
        thread::spawn(move || {
            for Request {
                store,
                plan,
                window,
                before,
                answer,
            } in wanted
            {
                let read = AssertUnwindSafe(|| plan.read(&*store, window, before));
                // Nobody waits any more once training has ended.
                let _ = answer.send(catch_unwind(read));
            }
        });
        Self { requests }
    }

    /// Where the window will come.
    fn ask(
        &self,
        store: &Arc<dyn Store>,
        plan: &Arc<Plan>,
        window: usize,
        before: Option<Window>,
    ) -> Receiver<Answer> {
        let (answer, receive) = channel();
        let request = Request {
            store: store.clone(),
            plan: plan.clone(),
            window,
            before,
            answer,
        };
        let asked = self.requests.send(request);
        asked.unwrap_or_else(|_| unreachable!("it reads until nobody can ask"));
        receive
    }
}

/// The windows of all epochs from some place on, each read while the one before is in use.
#[derive(Debug)]
pub struct Windows {
    store: Arc<dyn Store>,
    sizes: Sizes,
    order: OrderOf,
    reader: WindowReader,
    /// The epoch of `next`, as it is read.
    plan: Arc<Plan>,
    /// Where `next` comes.
    coming: Receiver<Answer>,
    /// The epoch, and the window in it, that comes next, and those of the one that was taken last.
    next: (u64, usize),
    current: Option<(u64, usize)>,
    waited: Duration,
}

impl Windows {
    /// Begins to read the window of an epoch of some rows in which its step number `step` lies.
    ///
    /// # Errors
    ///
    /// Refuses batches that are larger than a window may be.
    pub fn start(
        reader: &WindowReader,
        stored: &Stored,
        rows: Range<usize>,
        batch: usize,
        order: OrderOf,
        (epoch, step): (u64, usize),
    ) -> Result<Self, DataError> {
        let sizes = Sizes::new(stored, &rows, batch)?;
        let (store, reader) = (stored.store.clone(), reader.clone());
        let plan = Arc::new(Plan::new(sizes, order, epoch));
        let window = step * batch / sizes.window;
        Ok(Self {
            coming: reader.ask(&store, &plan, window, None),
            store,
            sizes,
            order,
            reader,
            plan,
            next: (epoch, window),
            current: None,
            waited: Duration::ZERO,
        })
    }

    /// Whether the window that was taken last is that of `step` of `epoch`, in batches of `batch` rows.
    pub fn is_current(&self, epoch: u64, step: usize, batch: usize) -> bool {
        self.current == Some((epoch, step * batch / self.sizes.window))
    }

    /// Whether that window is the one that was taken last, or the next.
    pub fn leads_to(&self, epoch: u64, step: usize, batch: usize) -> bool {
        self.is_current(epoch, step, batch)
            || self.next == (epoch, step * batch / self.sizes.window)
    }

    /// The number of the first row of a step in its window.
    pub fn place(&self, step: usize, batch: usize) -> usize {
        step * batch % self.sizes.window
    }

    /// The next window; the one after it is made where that before it was.
    ///
    /// # Errors
    ///
    /// Fails where its rows cannot be read; nothing more can be taken then.
    pub fn take(&mut self, before: Option<Window>) -> Result<Window, DataError> {
        let start = Instant::now();
        let window = match self.coming.recv() {
            Ok(Ok(window)) => window?,
            Ok(Err(panic)) => resume_unwind(panic),
            Err(_) => unreachable!("nothing is taken after an error"),
        };
        self.waited += start.elapsed();
        let (epoch, number) = self.next;
        self.current = Some(self.next);
        self.next = match number + 1 < self.sizes.windows() {
            true => (epoch, number + 1),
            false => (epoch + 1, 0),
        };
        if self.next.0 != epoch {
            self.plan = Arc::new(Plan::new(self.sizes, self.order, self.next.0));
        }
        self.coming = (self.reader).ask(&self.store, &self.plan, self.next.1, before);
        Ok(window)
    }

    /// The time for which rows were waited for since this was last asked.
    pub fn waited(&mut self) -> Duration {
        std::mem::take(&mut self.waited)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stream;

    const WIDTH: usize = 2;
    const ORDER: OrderOf = OrderOf {
        seed: 3,
        purpose: Stream::HeadOrder,
        shard: 0,
    };

    /// Rows that hold their own number.
    #[derive(Debug)]
    struct Numbered(usize);

    impl Store for Numbered {
        fn width(&self) -> usize {
            WIDTH
        }

        fn rows(&self) -> usize {
            self.0
        }

        fn value_bytes(&self) -> usize {
            size_of::<f32>()
        }

        fn append(&self, rows: Range<usize>, to: &mut Samples) -> Result<(), DataError> {
            assert!(rows.end <= self.0);
            to.extend(&Samples::Floats {
                width: WIDTH,
                values: rows.flat_map(|row| [row as f32; WIDTH]).collect(),
            })
        }
    }

    /// `rows` rows of which `most` fit in a window.
    fn stored(rows: usize, most: usize) -> Stored {
        Stored {
            store: Arc::new(Numbered(rows)),
            limit: WINDOWS * most * WIDTH * size_of::<f32>(),
        }
    }

    /// The rows of an epoch's windows, in their order.
    fn epoch(stored: &Stored, batch: usize, number: u64) -> Vec<Vec<usize>> {
        epoch_of(stored, 0..stored.store.rows(), batch, number)
    }

    /// Those of an epoch of some rows.
    fn epoch_of(stored: &Stored, rows: Range<usize>, batch: usize, number: u64) -> Vec<Vec<usize>> {
        let mut windows = Windows::start(
            &WindowReader::start(),
            stored,
            rows,
            batch,
            ORDER,
            (number, 0),
        )
        .unwrap();
        let mut all = Vec::new();
        let mut before = None;
        while windows.next.0 == number {
            let window = windows.take(before.take()).unwrap();
            for (row, number) in window.numbers.iter().enumerate() {
                assert_eq!(window.samples.gather(&[row]), [*number as f32; WIDTH]);
            }
            let numbers = window.order.iter().map(|&row| window.numbers[row]);
            all.push(numbers.collect());
            before = Some(window);
        }
        all
    }

    /// Every row comes once, windows hold whole batches, and no more rows than they may; sizes lie
    /// around every boundary.
    #[test]
    fn an_epoch_has_every_row_once() {
        for (rows, most, batch) in [
            (1, 1, 1),
            (10, 100, 3),
            (10, 3, 3),
            (100, 10, 3),
            (1000, 128, 32),
            (1000, 130, 64),
            (999, 333, 1),
            (70, 64, 64),
        ] {
            let stored = stored(rows, most);
            for number in 0..3 {
                let windows = epoch(&stored, batch, number);
                for (place, window) in windows.iter().enumerate() {
                    assert!(window.len() <= most.min(rows), "{rows} {most} {batch}");
                    let is_last = place + 1 == windows.len();
                    assert!(is_last || window.len().is_multiple_of(batch));
                }
                let mut all = windows.concat();
                all.sort_unstable();
                assert_eq!(all, (0..rows).collect::<Vec<_>>());
            }
        }
    }

    /// A shard's epoch has its rows, in the order of as many rows that are all there are.
    #[test]
    fn some_rows_are_an_epoch_of_their_own() {
        let (all, few) = (stored(1000, 130), stored(400, 130));
        let part = epoch_of(&all, 500..900, 64, 2).concat();
        let alone = epoch(&few, 64, 2).concat();
        assert!(
            part.iter()
                .zip(&alone)
                .all(|(part, alone)| *part == alone + 500)
        );
        assert_eq!(part.len(), 400);
    }

    /// The same seed, epoch and limit give the same order, wherever one begins; other epochs another.
    #[test]
    fn any_place_can_be_begun_at() {
        let (stored, batch) = (stored(1000, 130), 64);
        let whole = epoch(&stored, batch, 5);
        assert_eq!(whole, epoch(&stored, batch, 5));
        assert_ne!(whole, epoch(&stored, batch, 6));
        let reader = WindowReader::start();
        for step in 0..1000usize.div_ceil(batch) {
            let mut windows =
                Windows::start(&reader, &stored, 0..1000, batch, ORDER, (5, step)).unwrap();
            assert!(windows.leads_to(5, step, batch) && !windows.is_current(5, step, batch));
            let window = windows.take(None).unwrap();
            assert!(windows.is_current(5, step, batch));
            let row = window.order[windows.place(step, batch)];
            let expected = whole.concat()[step * batch];
            assert_eq!(window.numbers[row], expected, "step {step}");
        }
    }

    /// A window mixes rows from all over: over epochs, the first rows are spread evenly. The mean of
    /// uniform numbers of 0 to n − 1 lies within four standard errors of the middle.
    #[test]
    fn windows_are_spread_over_all_rows() {
        let (rows, epochs) = (4000usize, 40);
        let stored = stored(rows, 512);
        let firsts: Vec<usize> = (0..epochs)
            .flat_map(|number| epoch(&stored, 64, number)[0][..64].to_vec())
            .collect();
        let count = firsts.len() as f64;
        let mean = firsts.iter().sum::<usize>() as f64 / count;
        let error = rows as f64 / 12f64.sqrt() / count.sqrt();
        assert!((mean - rows as f64 / 2.0).abs() < 4.0 * error, "{mean}");
    }

    #[test]
    fn batches_need_room() {
        let reader = WindowReader::start();
        let error =
            Windows::start(&reader, &stored(1000, 130), 0..1000, 131, ORDER, (0, 0)).unwrap_err();
        let message = error.to_string();
        assert!(
            message.starts_with(
                "memory_limit is 1; expected at least 1 (MiB) for batches of 131 rows"
            ),
            "{message}"
        );
    }
}
