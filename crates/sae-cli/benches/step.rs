//! One training step of a sparse autoencoder (gradient and Adam update) per rule and backend:
//! `cargo xtask bench`.

use burn::optim::AdamConfig;
use burn::tensor::{DType, Device, Tensor};
use divan::Bencher;
use divan::counter::ItemsCount;
use sae_data::{Stream, stream, uniform};
use sae_model::{AutoencoderConfig, GradientRule, SparseObjective};

/// (inputs, hidden units, rows).
const SIZES: [(usize, usize, usize); 3] = [(900, 100, 256), (784, 196, 256), (784, 400, 1000)];

#[derive(Debug, Clone, Copy)]
struct Case {
    backend: &'static str,
    rule: GradientRule,
    size: (usize, usize, usize),
}

impl std::fmt::Display for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            backend,
            rule,
            size: (n, h, rows),
        } = self;
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
                cases.extend(GradientRule::ALL.map(|rule| Case {
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
    let data = burn::tensor::TensorData::new(values, [rows, n]);
    let x = Tensor::<2>::from_data(data, (&device, DType::F32)).into();
    let mut optimiser = AdamConfig::new().init();
    bencher.counter(ItemsCount::new(rows)).bench_local(|| {
        let before = model.take().expect("the model is put back");
        let gradient = case.rule.gradient(&objective, &before, &x);
        model = Some(optimiser.step(1e-3, before, gradient.gradients));
        device.sync().expect("the device finishes its work");
    });
}
