//! Training steps on a GPU, each as a share of what the device can do, measured in the same run:
//! `cargo xtask bench --backend wgpu`.
//!
//! - without arguments: launches and time of steps, and their share of the roofline;
//! - `-- --serve 900,100,256` answers each line `go SECONDS` on standard input with the time of a step in
//!   milliseconds: the protocol of `benches/peers/compare.py`.

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::io::BufRead;
use std::time::Instant;

use sae_gpu::{Gpu, GpuError, Model, Resident, measure};
use sae_kernels::{
    Activation, AutoencoderConfig, Optimizer, Part, Reconstruction, RhoHat, Rows, Unit, Update,
};

/// (inputs, hidden units, rows).
type Size = (usize, usize, usize);

const SIZES: [Size; 4] = [
    (900, 100, 256),
    (784, 400, 1000),
    (4096, 1024, 512),
    (784, 200, 60_000),
];

fn main() -> Result<(), GpuError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let place = arguments.iter().position(|argument| argument == "--serve");
    match place.and_then(|place| arguments.get(place + 1)) {
        Some(size) => serve(size),
        None => table(),
    }
}

/// A model with samples that stay on the device.
struct Bench {
    gpu: Gpu,
    model: Model,
    samples: Resident,
}

impl Bench {
    /// Nothing where the device has no room for the samples.
    fn new(gpu: &Gpu, (inputs, hidden, rows): Size) -> Result<Option<Self>, GpuError> {
        let config = AutoencoderConfig {
            inputs,
            hidden,
            encoder: Activation::of(Unit::Sigmoid),
            decoder: Unit::Sigmoid,
            reconstruction: Reconstruction::SquaredError,
            tied: false,
            weight_decay: 1e-3,
            beta: 3.0,
            rho: 0.1,
            l1: 0.0,
            clamp: 1e-7,
        };
        let mut model = Model::autoencoder(gpu, &config)?;
        let limit = (6.0 / (inputs + hidden + 1) as f32).sqrt();
        let start = random(model.parameters());
        let start: Vec<f32> = start.iter().map(|v| limit * (2.0 * v - 1.0)).collect();
        model.write(Part::Values, &start)?;
        let values = random(inputs * rows);
        let samples = Resident::new(gpu, Rows::of(&values, inputs))?;
        Ok(samples.map(|samples| Self {
            gpu: gpu.clone(),
            model,
            samples,
        }))
    }

    fn step(&mut self) -> Result<(), GpuError> {
        if !self.model.has_room() {
            let lines = self.model.lines()?;
            self.model.clear(&lines);
        }
        let plain = Optimizer::Sgd {
            momentum: 0.0,
            nesterov: false,
        };
        let update = Some(Update::new(plain, 1e-3));
        self.model
            .step(self.samples.all(), None, &[], update, RhoHat::Batch)
    }

    /// Seconds of a step, of those that are made within `seconds`. Of many steps the lines are read now and then, as in
    /// training.
    fn time(&mut self, seconds: f64) -> Result<f64, GpuError> {
        let mut steps = 1;
        loop {
            let lines = self.model.lines()?;
            self.model.clear(&lines);
            let start = Instant::now();
            for _ in 0..steps {
                self.step()?;
            }
            self.gpu.wait()?;
            let taken = start.elapsed().as_secs_f64();
            if taken >= seconds {
                return Ok(taken / steps as f64);
            }
            steps *= 2;
        }
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

/// Floating-point operations of a step's five products, and the bytes that it must read or write: samples,
/// parameters with their gradients, and what lies between two launches.
fn work((n, h, rows): Size) -> (f64, f64) {
    let products = 10 * n * h * rows;
    let parameters = 2 * n * h + n + h;
    // X to encode, decode and for ∂J/∂W1; Y and Δ2 once written, Y read three times, Δ2 once; Δ3 written, read twice.
    let between = 3 * n * rows + (1 + 3 + 1 + 1) * h * rows + 3 * n * rows;
    // Values are read for each product that needs them, and by two launches more; gradients go through twice.
    let of_parameters = 3 * parameters / 2 + 3 * parameters + 4 * parameters;
    (products as f64, (4 * (between + of_parameters)) as f64)
}

fn table() -> Result<(), GpuError> {
    let gpu = Gpu::open();
    let limits = measure::limits(&gpu, 0.5)?;
    println!(
        "copies {:.1} GB/s, multiply-adds {:.2} TFLOP/s",
        limits.copy / 1e9,
        limits.multiply_add / 1e12
    );
    let cost = measure::launch_cost(&gpu, 0.5)?;
    let replayed = match cost.replayed {
        Some(seconds) => format!("{:.1} us replayed from a graph", 1e6 * seconds),
        None => "no graphs".to_owned(),
    };
    println!(
        "a launch of nothing {:.1} us, {replayed}",
        1e6 * cost.launched
    );
    println!(
        "{:<18} {:>8} {:>10} {:>10} {:>9} {:>11}",
        "N-H, rows", "launches", "us a step", "GFLOP/s", "GB/s", "of roofline"
    );
    for size in SIZES {
        let (n, h, rows) = size;
        let name = format!("{n}-{h}, {rows}");
        let Some(mut bench) = Bench::new(&gpu, size)? else {
            println!("{name:<18} the samples do not fit into a buffer of this device");
            continue;
        };
        bench.step()?;
        let before = gpu.launches();
        bench.step()?;
        let launches = gpu.launches() - before;
        let seconds = bench.time(1.0)?;
        let (operations, bytes) = work(size);
        let least = (operations / limits.multiply_add).max(bytes / limits.copy);
        println!(
            "{name:<18} {launches:>8} {:>10.1} {:>10.1} {:>9.1} {:>10.0}%",
            1e6 * seconds,
            operations / seconds / 1e9,
            bytes / seconds / 1e9,
            100.0 * least / seconds
        );
    }
    Ok(())
}

fn serve(size: &str) -> Result<(), GpuError> {
    let numbers: Vec<usize> = size
        .split(',')
        .map(|n| n.parse().expect("a size"))
        .collect();
    let size = (numbers[0], numbers[1], numbers[2]);
    let mut bench = Bench::new(&Gpu::open(), size)?.expect("samples that fit on the device");
    bench.step()?;
    println!("ready");
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("standard input can be read");
        let seconds = line.trim_start_matches("go ").parse().expect("seconds");
        println!("{}", 1e3 * bench.time(seconds)?);
    }
    Ok(())
}
