//! One training step of a sparse autoencoder (gradient and Adam update) per rule and backend, and in
//! the fused kernels: `cargo xtask bench`.

use burn::tensor::{DType, Device};
use divan::Bencher;
use divan::counter::ItemsCount;
use sae::data::{Samples, Stream, stream, uniform};
use sae::train::{Batch, Compute, Fused, Selected, Table, Training, executor};
use sae_model::{AutoencoderConfig, GradientRule, SparseObjective};

/// (inputs, hidden units, rows).
const SIZES: [(usize, usize, usize); 3] = [(900, 100, 256), (784, 196, 256), (784, 400, 1000)];

#[derive(Debug, Clone, Copy)]
struct Case {
    backend: &'static str,
    /// Nothing for the fused kernels.
    rule: Option<GradientRule>,
    size: (usize, usize, usize),
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            backend,
            rule,
            size: (n, h, rows),
        } = self;
        let rule = rule.map_or("fused".to_owned(), |rule| rule.to_string());
        write!(f, "{backend} {rule} {n}-{h}, {rows} rows")
    }
}

fn main() {
    divan::main();
}

/// The cases of the backends in SAE_BENCH_BACKENDS, or of flex.
fn cases() -> Vec<Case> {
    let wanted = std::env::var("SAE_BENCH_BACKENDS").unwrap_or_else(|_| "flex".to_owned());
    let mut cases = Vec::new();
    for size in SIZES {
        for backend in ["flex", "ndarray", "wgpu"] {
            if wanted.split(',').any(|name| name == backend) {
                let rules = GradientRule::ALL.map(Some).into_iter();
                let fused = (backend != "ndarray").then_some(None);
                cases.extend(fused.into_iter().chain(rules).map(|rule| Case {
                    backend,
                    rule,
                    size,
                }));
            }
        }
    }
    cases
}

fn device(backend: &str) -> Device {
    match backend {
        #[cfg(feature = "ndarray")]
        #[allow(deprecated)]
        "ndarray" => Device::ndarray(),
        #[cfg(feature = "wgpu")]
        "wgpu" => Device::wgpu_options()
            .init()
            .unwrap_or_else(|_| Device::wgpu(burn::tensor::DeviceKind::DefaultDevice)),
        #[cfg(feature = "cuda")]
        "cuda" => Device::cuda(burn::tensor::DeviceIndex::Default),
        "flex" => Device::flex(),
        other => panic!("backend {other} is not compiled in"),
    }
}

/// The GPU whose kernels are meant, once the device is open.
fn gpu(backend: &str) -> Option<sae_gpu::Gpu> {
    match backend {
        #[cfg(feature = "wgpu")]
        "wgpu" => Some(sae_gpu::Gpu::wgpu()),
        #[cfg(feature = "cuda")]
        "cuda" => Some(sae_gpu::Gpu::cuda()),
        _ => None,
    }
}

#[divan::bench(args = cases(), sample_count = 30)]
fn step(bencher: Bencher<'_, '_>, case: &Case) {
    let device = device(case.backend);
    let (n, h, rows) = case.size;
    let mut rng = stream(1, Stream::Autoencoder(0));
    let config = AutoencoderConfig::new(n, h).expect("sizes are positive");
    let model = config.init(&mut rng, DType::F32, &device);
    let objective = SparseObjective::new(3e-3, 3.0, 0.1).expect("settings are in range");
    let values = (0..n * rows).map(|_| uniform(&mut rng, 0.0, 1.0) as f32);
    let samples = Samples::Floats {
        width: n,
        values: values.collect(),
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let compute = Compute {
        gradient: case.rule.unwrap_or_default(),
        gpu: gpu(case.backend),
        fused: match case.rule {
            Some(_) => Fused::Never,
            None => Fused::Always,
        },
        ..Compute::on_cpu(device.clone(), threads)
    };
    let training = Training::default();
    let mut executor = executor(&objective, model, &training, &compute).expect("plain settings");
    let batch = Batch {
        inputs: Table {
            samples: &samples,
            selected: Selected::Range(0, rows),
        },
        targets: None,
        classes: None,
    };
    bencher.counter(ItemsCount::new(rows)).bench_local(|| {
        executor.step(&batch, 1e-3).expect("the batch fits");
        // Steps in the kernels for GPUs are not waited for but by those who look.
        executor.settled().expect("the device finishes its work");
        device.sync().expect("the device finishes its work");
    });
}
