//! Training steps in the fused kernels, each as a share of what the machine can do, measured in the
//! same run.
//!
//! - `cargo bench -p sae-kernels` prints the table of docs/performance.md;
//! - `-- --growth` times steps while inputs, hidden units and rows double;
//! - `-- --serve 900,100,256 --threads 2` answers each line `go SECONDS` on standard input with the
//!   median time of a step in milliseconds: the protocol of `benches/peers/compare.py`.

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::hint::black_box;
use std::io::BufRead;
use std::time::{Duration, Instant};

use faer::Mat;
use sae_kernels::measure::{self, Kernel};
use sae_kernels::{
    Activation, Autoencoder, AutoencoderConfig, InstructionSet, Network, NetworkConfig, Optimizer,
    Part, Reconstruction, RhoHat, Rows, Unit, Update, Values,
};

/// (inputs, hidden units, rows).
type Size = (usize, usize, usize);

const SIZES: [Size; 4] = [
    (900, 100, 256),
    (784, 196, 256),
    (784, 400, 1000),
    (4096, 1024, 512),
];
const FULL: usize = 10_000;
const SGD: Optimizer = Optimizer::Sgd {
    momentum: 0.0,
    nesterov: false,
};
const ADAM: Optimizer = Optimizer::Adam {
    beta1: 0.9,
    beta2: 0.999,
    epsilon: 1e-8,
    weight_decay: 0.0,
};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let option = |name: &str| {
        let place = arguments.iter().position(|argument| argument == name);
        place.map(|place| arguments.get(place + 1).map_or("", String::as_str))
    };
    let all = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = option("--threads").map_or(all, |text| text.parse().expect("a number"));
    if let Some(size) = option("--serve") {
        let numbers: Vec<usize> = size
            .split(',')
            .map(|n| n.parse().expect("a size"))
            .collect();
        serve((numbers[0], numbers[1], numbers[2]), threads);
    } else if option("--growth").is_some() {
        growth(threads);
    } else {
        table(threads);
    }
}

/// Numbers in [0, 1) that look random (Knuth's linear congruential generator).
fn random(count: usize) -> Vec<f32> {
    let mut state = 1u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u64 << 24) as f32
    };
    (0..count).map(|_| next()).collect()
}

fn weights(count: usize, fan: usize) -> Vec<f32> {
    let limit = (6.0 / fan as f32).sqrt();
    let centred = |v: f32| limit * (2.0 * v - 1.0);
    random(count).into_iter().map(centred).collect()
}

fn autoencoder((n, h, _): Size, reconstruction: Reconstruction, threads: usize) -> Autoencoder {
    let config = AutoencoderConfig {
        inputs: n,
        hidden: h,
        encoder: Activation::of(Unit::Sigmoid),
        decoder: Unit::Sigmoid,
        reconstruction,
        tied: false,
        weight_decay: 1e-3,
        beta: 3.0,
        rho: 0.1,
        l1: 0.0,
        clamp: 1e-7,
    };
    let mut kernel = Autoencoder::new(config, threads).expect("settings that fit");
    let matrix = weights(n * h, n + h + 1);
    let start = [&matrix[..], &vec![0.0; h], &matrix[..], &vec![0.0; n]].concat();
    kernel
        .write(Part::Values, &start)
        .expect("as many as needed");
    kernel
}

fn step(kernel: &mut Autoencoder, rows: Rows<'_>, optimizer: Optimizer) {
    let update = Some(Update::new(optimizer, 1e-3));
    let value = kernel.step(rows, None, update, RhoHat::Batch);
    black_box(value.expect("samples that fit"));
}

/// Median seconds of `work` over `seconds`, and the middle half's width.
fn median(seconds: f64, mut work: impl FnMut()) -> (f64, f64) {
    let until = Instant::now() + Duration::from_secs_f64(seconds);
    let mut times = Vec::new();
    while times.len() < 5 || Instant::now() < until {
        let start = Instant::now();
        work();
        times.push(start.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    let at = |share: usize| times[times.len() * share / 4];
    (at(2), at(3) - at(1))
}

fn serve(size: Size, threads: usize) {
    let (n, _, rows) = size;
    let x = random(n * rows);
    let mut kernel = autoencoder(size, Reconstruction::SquaredError, threads);
    let mut step = || step(&mut kernel, Rows::of(&x, n), SGD);
    (0..5).for_each(|_| step());
    println!("ready");
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("standard input can be read");
        let seconds = line.trim_start_matches("go ").parse().expect("seconds");
        println!("{}", 1e3 * median(seconds, &mut step).0);
    }
}

/// The best that a matrix product of a well-kept crate reaches, one per thread.
fn sgemm(threads: usize) -> f64 {
    const SIDE: usize = 1024;
    let one = || {
        let a = Mat::<f32>::from_fn(SIDE, SIDE, |i, j| (i + j) as f32 * 1e-3);
        let mut c = Mat::<f32>::zeros(SIDE, SIDE);
        let product = || {
            let (alpha, sequential) = (1.0, faer::Par::Seq);
            faer::linalg::matmul::matmul(&mut c, faer::Accum::Replace, &a, &a, alpha, sequential);
        };
        2.0 * (SIDE as f64).powi(3) / median(0.5, product).0
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(one)).collect();
        let rates = workers.into_iter().map(|w| w.join().expect("no panic"));
        rates.sum()
    })
}

fn table(threads: usize) {
    println!(
        "{threads} threads, {}; sgemm of faer, 1024 x 1024 x 1024: {:.0} GFLOP/s",
        InstructionSet::detected(),
        sgemm(threads) / 1e9
    );
    println!(
        "\nkernels on one thread\n{:<34} {:>9} {:>8}",
        "", "GFLOP/s", "of limit"
    );
    let limit = measure::multiply_add_limit(1, 0.3).expect("one thread");
    println!("{:<34} {:>9.1}", "multiply-adds in registers", limit / 1e9);
    for (name, kernel) in [
        ("X·W1 and Δ3·W2ᵀ, weight gradients", Kernel::AlongRows),
        ("Y·W2", Kernel::AcrossRows),
    ] {
        for (n, h, _) in SIZES {
            let rate = measure::product(kernel, h, n, 0.2);
            let name = format!("{name}, {n}-{h}");
            println!(
                "{name:<44} {:>9.1} {:>7.0}%",
                rate / 1e9,
                100.0 * rate / limit
            );
        }
    }
    println!(
        "sigmoid: {:.2} values per ns; transpose: {:.2} values per ns",
        measure::sigmoid(0.2) / 1e9,
        measure::transpose(0.2) / 1e9
    );
    println!(
        "\nsteps\n{:<40} {:>10} {:>8} {:>9} {:>8}",
        "", "median ms", "+-", "GFLOP/s", "of limit"
    );
    for size in SIZES {
        let (n, h, rows) = size;
        for rows in [32, rows, FULL] {
            steps((n, h, rows), threads);
        }
    }
    network(threads);
}

/// A row per optimizer: on floats; and gathered from bytes in random order.
fn steps(size: Size, threads: usize) {
    let (n, h, rows) = size;
    let x = random(n * rows);
    let bytes: Vec<u8> = x.iter().map(|v| (v * 255.0) as u8).collect();
    let order: Vec<usize> = (0..rows).map(|row| row * 7919 % rows).collect();
    let gathered = Rows {
        values: Values::Bytes(&bytes),
        columns: n,
        order: Some(&order),
    };
    let floats = Rows::of(&x, n);
    // With more than a chunk of rows the codes are computed twice.
    let products = if rows > 1024 { 12.0 } else { 10.0 };
    let work = products * (n * h * rows) as f64;
    let (squares, entropy) = (Reconstruction::SquaredError, Reconstruction::CrossEntropy);
    for (name, rows_of, optimizer, reconstruction) in [
        ("sgd", floats, SGD, squares),
        ("sgd, cross-entropy", floats, SGD, entropy),
        ("adam", floats, ADAM, squares),
        ("adam, gathered bytes", gathered, ADAM, squares),
    ] {
        if rows == FULL && name != "sgd" {
            continue;
        }
        let mut kernel = autoencoder(size, reconstruction, threads);
        let mut step = || step(&mut kernel, rows_of, optimizer);
        (0..3).for_each(|_| step());
        let (seconds, spread) = median(1.0, step);
        let name = format!("{n}-{h}, {rows} rows, {name}");
        print_row(&name, seconds, spread, work, threads);
    }
}

fn print_row(name: &str, seconds: f64, spread: f64, work: f64, threads: usize) {
    let limit = measure::multiply_add_limit(threads, 0.2).expect("threads can be started");
    let rate = work / seconds;
    println!(
        "{name:<40} {:>10.3} {:>8.3} {:>9.0} {:>7.0}%",
        1e3 * seconds,
        1e3 * spread,
        rate / 1e9,
        100.0 * rate / limit
    );
}

/// Fine-tuning of UFLDL's network.
fn network(threads: usize) {
    let sizes = [784, 200, 200, 10];
    let rows = 256;
    let config = NetworkConfig {
        sizes: sizes.to_vec(),
        units: vec![Activation::of(Unit::Sigmoid); 2],
        weight_decay: 1e-4,
    };
    let mut kernel = Network::new(config, threads).expect("settings that fit");
    let mut start = Vec::new();
    for pair in sizes.windows(2) {
        start.extend(weights(pair[0] * pair[1], pair[0] + pair[1]));
        start.extend(vec![0.0; pair[1]]);
    }
    kernel
        .write(Part::Values, &start)
        .expect("as many as needed");
    let x = random(rows * sizes[0]);
    let labels: Vec<u32> = (0..rows).map(|row| (row % 10) as u32).collect();
    let mut step = || {
        let value = kernel.step(
            Rows::of(&x, sizes[0]),
            &labels,
            Some(Update::new(ADAM, 1e-3)),
        );
        black_box(value.expect("samples that fit"));
    };
    (0..3).for_each(|_| step());
    let (seconds, spread) = median(1.0, step);
    // Forward and weight gradient of every layer, and back from all but the first.
    let weights: Vec<usize> = sizes.windows(2).map(|pair| pair[0] * pair[1]).collect();
    let products = 3 * weights.iter().sum::<usize>() - weights[0];
    let work = 2.0 * (products * rows) as f64;
    print_row(
        "784-200-200-10, 256 rows, adam",
        seconds,
        spread,
        work,
        threads,
    );
}

/// Comma-separated figures: one of N, H and the rows doubles from the middle size on.
fn growth(threads: usize) {
    println!("varied,inputs,hidden,rows,milliseconds,ns_per_product,resident_mib");
    for octave in 0..=6 {
        let factor = 1 << octave;
        for (varied, size) in [
            ("inputs", (128 * factor, 128, 256)),
            ("hidden", (512, 16 * factor, 256)),
            ("rows", (512, 128, 32 * factor)),
        ] {
            let (n, h, rows) = size;
            let x = random(n * rows);
            let mut kernel = autoencoder(size, Reconstruction::SquaredError, threads);
            let mut step = || step(&mut kernel, Rows::of(&x, n), SGD);
            (0..3).for_each(|_| step());
            let (seconds, _) = median(0.5, step);
            let product = (n * h * rows) as f64;
            println!(
                "{varied},{n},{h},{rows},{:.4},{:.6},{:.1}",
                1e3 * seconds,
                1e9 * seconds / product,
                kernel.memory() as f64 / f64::from(1 << 20)
            );
        }
    }
}
