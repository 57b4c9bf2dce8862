//! One training step of a sparse autoencoder (gradient and Adam update) per rule and backend, and in
//! the fused kernels: `cargo xtask bench`.

use burn::optim::AdamConfig;
use burn::tensor::{DType, Device, Tensor, TensorData};
use divan::Bencher;
use divan::counter::ItemsCount;
use sae_data::{Stream, stream, uniform};
use sae_kernels::{Optimiser, Rows};
use sae_model::{AutoencoderConfig, FusedBatch, GradientRule, Objective, SparseObjective};

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
                let fused = (backend == "flex").then_some(None);
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
        "flex" => Device::flex(),
        other => panic!("backend {other} is not compiled in"),
    }
}

#[divan::bench(args = cases(), sample_count = 30)]
fn step(bencher: Bencher<'_, '_>, case: &Case) {
    let device = device(case.backend);
    let (n, h, rows) = case.size;
    let mut rng = stream(1, Stream::Autoencoder(0));
    let config = AutoencoderConfig::new(n, h).expect("sizes are positive");
    let mut model = Some(config.init(&mut rng, DType::F32, &device));
    let objective = SparseObjective::new(3e-3, 3.0, 0.1).expect("settings are in range");
    let values: Vec<f64> = (0..n * rows).map(|_| uniform(&mut rng, 0.0, 1.0)).collect();
    let bencher = bencher.counter(ItemsCount::new(rows));
    let Some(rule) = case.rule else {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let start = model.take().expect("the model was drawn above");
        let mut fused = objective.fused(&start, threads).expect("plain units");
        let values: Vec<f32> = values.into_iter().map(|v| v as f32).collect();
        let batch = FusedBatch {
            inputs: Rows::of(&values, n),
            targets: None,
            labels: &[],
        };
        let adam = Optimiser::Adam {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.0,
        };
        bencher.bench_local(|| {
            fused.step(batch, Some((adam, 1e-3)));
        });
        return;
    };
    let data = TensorData::new(values, [rows, n]);
    let x = Tensor::<2>::from_data(data, (&device, DType::F32)).into();
    let mut optimiser = AdamConfig::new().init();
    bencher.bench_local(|| {
        let before = model.take().expect("the model is put back");
        let gradient = rule.gradient(&objective, &before, &x);
        model = Some(optimiser.step(1e-3, before, gradient.gradients));
        device.sync().expect("the device finishes its work");
    });
}
