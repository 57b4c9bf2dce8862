//! Every kind of model, term, unit and optimizer against the kernels for CPUs.

use std::panic::catch_unwind;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

use sae_gpu::{Batch, Gpu, GpuError, Line, Lines, Model, Precision, Resident, Status, Which};
use sae_kernels::{
    Activation, Autoencoder, AutoencoderConfig, Network, NetworkConfig, Optimizer, Part,
    Reconstruction, RhoHat, Rows, Unit, Update, Values,
};

type Test = fn(&Gpu) -> Result<(), GpuError>;

/// Largest relative difference of a tensor of a gradient.
const TOLERANCE: f64 = 1e-4;

/// Without a device tests are left out by name; with SAE_REQUIRE_WGPU or SAE_REQUIRE_CUDA set that is a failure.
fn main() -> ExitCode {
    let tests: [(&str, Test); 7] = [
        (
            "tf32_rounds_what_is_multiplied",
            tf32_rounds_what_is_multiplied,
        ),
        ("gradients_of_every_kind", gradients_of_every_kind),
        ("updates_by_every_optimizer", updates_by_every_optimizer),
        ("parts_add_up_to_the_whole", parts_add_up_to_the_whole),
        ("networks_and_heads", networks_and_heads),
        (
            "nothing_moves_by_what_is_not_finite",
            nothing_moves_by_what_is_not_finite,
        ),
        (
            "the_same_bits_each_time_and_few_launches",
            the_same_bits_each_time_and_few_launches,
        ),
    ];
    let gpu = catch_unwind(Gpu::open).ok();
    let set = |name: &str| std::env::var_os(name).is_some();
    let required = set("SAE_REQUIRE_WGPU") || set("SAE_REQUIRE_CUDA");
    let trial = |(name, test): (&str, Test)| match gpu {
        // Each has counts of its own.
        Some(_) => Trial::test(name, move || Ok(test(&Gpu::open())?)),
        None if required => Trial::test(name, || Err("there is no device".into())),
        None => Trial::test(name, || Ok(())).with_ignored_flag(true),
    };
    let trials = tests.map(trial).into();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// Numbers in [0, 1) that look random.
fn numbers(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 8) as f32 / (1u32 << 24) as f32
    };
    (0..count).map(|_| next()).collect()
}

fn around_zero(count: usize, seed: u32, width: f32) -> Vec<f32> {
    let numbers = numbers(count, seed);
    numbers.into_iter().map(|v| width * (v - 0.5)).collect()
}

fn difference(a: &[f32], b: &[f32]) -> f64 {
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
    let pairs = || a.iter().zip(b).map(|(&a, &b)| (f64::from(a), f64::from(b)));
    let apart = norm(&mut pairs().map(|(a, b)| a - b));
    let size = norm(&mut pairs().map(|(a, b)| (a.abs() + b.abs()) / 2.0));
    if size == 0.0 { 0.0 } else { apart / size }
}

fn close(what: &str, a: f64, b: f64) {
    let apart = (a - b).abs();
    assert!(
        apart <= 2e-5 * (a.abs() + b.abs()) + 1e-7,
        "{what}: {a} {b}"
    );
}

fn config() -> AutoencoderConfig {
    AutoencoderConfig {
        inputs: 45,
        hidden: 21,
        encoder: Activation::of(Unit::Sigmoid),
        decoder: Unit::Sigmoid,
        reconstruction: Reconstruction::SquaredError,
        tied: false,
        weight_decay: 1e-3,
        beta: 0.4,
        rho: 0.1,
        l1: 0.0,
        clamp: 1e-7,
    }
}

/// Autoencoders that differ in everything that a kernel distinguishes.
fn kinds() -> Vec<(String, AutoencoderConfig)> {
    let mut kinds = vec![];
    for encoder in Unit::ALL {
        for decoder in Unit::ALL {
            let beta = if encoder.is_bounded() { 0.4 } else { 0.0 };
            let config = AutoencoderConfig {
                encoder: Activation::of(encoder),
                decoder,
                beta,
                ..config()
            };
            kinds.push((format!("{encoder}-{decoder}"), config));
        }
    }
    let more = |name: &str, config| (name.to_owned(), config);
    kinds.push(more(
        "tied",
        AutoencoderConfig {
            tied: true,
            ..config()
        },
    ));
    kinds.push(more(
        "no terms",
        AutoencoderConfig {
            beta: 0.0,
            weight_decay: 0.0,
            ..config()
        },
    ));
    let reconstruction = Reconstruction::CrossEntropy;
    kinds.push(more(
        "cross-entropy",
        AutoencoderConfig {
            reconstruction,
            ..config()
        },
    ));
    kinds.push(more(
        "l1",
        AutoencoderConfig {
            l1: 0.02,
            ..config()
        },
    ));
    let tanh = Activation::of(Unit::Tanh);
    kinds.push(more(
        "l1 of tanh",
        AutoencoderConfig {
            l1: 0.02,
            encoder: tanh,
            ..config()
        },
    ));
    let linear = Activation::of(Unit::Linear);
    let l1 = AutoencoderConfig {
        l1: 0.02,
        encoder: linear,
        beta: 0.0,
        ..config()
    };
    kinds.push(more("l1 of linear", l1));
    for (unit, k) in [(Unit::Linear, 5), (Unit::Relu, 1), (Unit::Sigmoid, 20)] {
        let encoder = Activation {
            unit,
            top_k: Some(k),
        };
        let selects = AutoencoderConfig {
            encoder,
            beta: 0.0,
            ..config()
        };
        kinds.push((format!("{k} largest of {unit}"), selects));
    }
    // Tiles of every size, for activations, for Δ and for weights.
    for (inputs, hidden) in [(300, 130), (33, 2100), (9, 4000), (1100, 1030)] {
        let tied = inputs == 33;
        let wide = AutoencoderConfig {
            inputs,
            hidden,
            tied,
            ..config()
        };
        kinds.push((format!("{inputs}-{hidden}"), wide));
    }
    kinds
}

struct Pair {
    gpu: Model,
    cpu: Autoencoder,
    inputs: usize,
}

fn pair(gpu: &Gpu, config: AutoencoderConfig) -> Pair {
    let mut pair = Pair {
        gpu: Model::autoencoder(gpu, &config).expect("a model"),
        cpu: Autoencoder::new(config, 1).expect("a model"),
        inputs: config.inputs,
    };
    assert_eq!(pair.gpu.parameters(), pair.cpu.parameters());
    let values = around_zero(pair.cpu.parameters(), 7, 0.6);
    pair.gpu.write(Part::Values, &values).expect("their number");
    pair.cpu.write(Part::Values, &values).expect("their number");
    pair
}

impl Pair {
    fn of_cpu(&self, part: Part) -> Vec<f32> {
        let mut values = vec![0.0; self.cpu.parameters()];
        self.cpu.read(part, &mut values).expect("their number");
        values
    }

    fn same(&self, what: &str, part: Part, config: &AutoencoderConfig) {
        let (gpu, cpu) = (self.gpu.read(part).expect("a device"), self.of_cpu(part));
        let (n, h) = (config.inputs, config.hidden);
        let decoder = if config.tied { 0 } else { n * h };
        let (mut gpu, mut cpu) = (&gpu[..], &cpu[..]);
        for (tensor, count) in [("W1", n * h), ("b", h), ("W2", decoder), ("c", n)] {
            let (own, rest) = gpu.split_at(count);
            let (other, others) = cpu.split_at(count);
            let apart = difference(own, other);
            assert!(apart < TOLERANCE, "{what}, {tensor}: {apart:e}");
            (gpu, cpu) = (rest, others);
        }
    }
}

fn resident(gpu: &Gpu, values: &[f32], columns: usize) -> Resident {
    Resident::new(gpu, Rows::of(values, columns))
        .expect("rows")
        .expect("room")
}

fn was_clipped(line: &Line) -> bool {
    line.status == Status::Clipped
}

fn last(model: &mut Model) -> Line {
    let lines = taken(model);
    *lines.steps.last().expect("a step")
}

fn taken(model: &mut Model) -> Lines {
    let lines = model.lines().expect("a device");
    model.clear(&lines);
    lines
}

fn gradients_of_every_kind(gpu: &Gpu) -> Result<(), GpuError> {
    for (name, config) in kinds() {
        same_gradients(gpu, &name, config, 97);
    }
    // Several parts of a batch, whose sums are added up, the last of them shorter.
    for tied in [false, true] {
        let config = AutoencoderConfig { tied, ..config() };
        same_gradients(gpu, "parts", config, 1153);
    }
    Ok(())
}

fn same_gradients(gpu: &Gpu, name: &str, config: AutoencoderConfig, count: usize) {
    let mut pair = pair(gpu, config);
    let all = count + 53;
    let samples = numbers(all * pair.inputs, 3);
    let order: Vec<usize> = (0..count).map(|i| i * 31 % all).collect();
    let kept = resident(gpu, &samples, pair.inputs);
    let batch = Batch {
        samples: &kept,
        rows: Which::Order(&order),
    };
    let rows = Rows {
        order: Some(&order),
        ..Rows::of(&samples, pair.inputs)
    };
    pair.gpu
        .step(batch, None, &[], None, RhoHat::Batch)
        .expect("a step");
    let value = pair
        .cpu
        .step(rows, None, None, RhoHat::Batch)
        .expect("a step")
        .clone();
    pair.same(name, Part::Gradients, &config);
    let line = last(&mut pair.gpu);
    close(&format!("{name}, J"), line.term, value.reconstruction);
    close(&format!("{name}, error"), line.measure, value.squared_error);
    close(
        &format!("{name}, decay"),
        line.weight_decay,
        value.weight_decay,
    );
    close(&format!("{name}, sparsity"), line.sparsity, value.sparsity);
    close(&format!("{name}, l1"), line.l1, value.l1);
    assert_eq!(line.status, Status::Taken);
}

fn updates_by_every_optimizer(gpu: &Gpu) -> Result<(), GpuError> {
    let sgd = |momentum, nesterov| Optimizer::Sgd { momentum, nesterov };
    let adam = |weight_decay| Optimizer::Adam {
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-4,
        weight_decay,
    };
    let rmsprop = Optimizer::RmsProp {
        decay: 0.95,
        momentum: 0.5,
        epsilon: 1e-4,
    };
    for optimizer in [
        sgd(0.0, false),
        sgd(0.9, false),
        sgd(0.9, true),
        adam(0.0),
        adam(0.1),
        rmsprop,
    ] {
        for tied in [false, true] {
            let config = AutoencoderConfig { tied, ..config() };
            let mut pair = pair(gpu, config);
            let bytes: Vec<u8> = numbers(64 * 45, 5)
                .iter()
                .map(|v| (v * 256.0) as u8)
                .collect();
            let rows = Rows {
                values: Values::Bytes(&bytes),
                columns: 45,
                order: None,
            };
            let kept = Resident::new(gpu, rows).expect("rows").expect("room");
            let mut clipped = vec![];
            for step in 0..20 {
                let clip = (step % 2 == 1).then_some(0.05);
                let update = Update {
                    clip,
                    ..Update::new(optimizer, 0.01)
                };
                pair.gpu
                    .step(kept.all(), None, &[], Some(update), RhoHat::Running(0.9))
                    .expect("a step");
                pair.cpu
                    .step(rows, None, Some(update), RhoHat::Running(0.9))
                    .expect("a step");
                clipped.push(pair.cpu.clipped());
            }
            let name = format!("{optimizer:?}");
            pair.same(&name, Part::Values, &config);
            pair.same(&name, Part::First, &config);
            let estimate = pair.gpu.estimate().expect("a device").expect("an estimate");
            let of_cpu = pair.cpu.estimate().expect("an estimate");
            for (gpu, cpu) in estimate.iter().zip(of_cpu) {
                close(&name, *gpu, *cpu);
            }
            let lines = taken(&mut pair.gpu);
            let found: Vec<bool> = lines.steps.iter().map(was_clipped).collect();
            assert_eq!(found, clipped, "{name}");
            assert_eq!(pair.gpu.updates(), 20);
        }
    }
    Ok(())
}

fn parts_add_up_to_the_whole(gpu: &Gpu) -> Result<(), GpuError> {
    let config = AutoencoderConfig {
        l1: 0.01,
        ..config()
    };
    let mut pair = pair(gpu, config);
    let samples = numbers(200 * 45, 9);
    let targets = numbers(200 * 45, 10);
    let (inputs, wanted) = (resident(gpu, &samples, 45), resident(gpu, &targets, 45));
    let part = |samples, first, count| Batch {
        samples,
        rows: Which::From(first, count),
    };
    let parts = [(0, 33), (33, 100), (133, 67)];
    let mut activity = vec![0.0; 21];
    for (first, count) in parts {
        pair.gpu
            .forward(part(&inputs, first, count), 200, &mut activity)?;
    }
    let mut sum = vec![0.0; pair.gpu.parameters()];
    let mut total = 0.0;
    for (first, count) in parts {
        let (own, of) = (part(&inputs, first, count), part(&wanted, first, count));
        let (line, gradient) = pair.gpu.backward(own, Some(of), &[], 200, &activity)?;
        sum.iter_mut()
            .zip(gradient)
            .for_each(|(sum, more)| *sum += more);
        total += line.term + line.weight_decay + line.sparsity + line.l1;
    }
    let (rows, of) = (Rows::of(&samples, 45), Rows::of(&targets, 45));
    let value = pair.cpu.step(rows, Some(of), None, RhoHat::Batch)?.clone();
    for (gpu, cpu) in activity.iter().zip(&value.rho_hat) {
        close("activity", *gpu, *cpu);
    }
    let expected = value.reconstruction + value.weight_decay + value.sparsity + value.l1;
    close("J", total, expected);
    assert!(difference(&sum, &pair.of_cpu(Part::Gradients)) < TOLERANCE);
    // An update by a gradient that is given.
    let update = Update::new(
        Optimizer::Sgd {
            momentum: 0.5,
            nesterov: false,
        },
        0.1,
    );
    pair.gpu.update(&sum, update)?;
    pair.cpu.update(update)?;
    pair.same("given", Part::Values, &config);
    Ok(())
}

fn networks_and_heads(gpu: &Gpu) -> Result<(), GpuError> {
    let of = Activation::of;
    let kinds = [
        (vec![45, 10], vec![]),
        (vec![45, 21, 10], vec![of(Unit::Sigmoid)]),
        (
            vec![45, 30, 21, 3],
            vec![
                of(Unit::Relu),
                Activation {
                    unit: Unit::Tanh,
                    top_k: Some(4),
                },
            ],
        ),
        (vec![45, 30, 300], vec![of(Unit::Tanh)]),
        (vec![45, 9, 9, 9, 9, 9, 9, 9, 9, 4], vec![of(Unit::Tanh); 8]),
    ];
    for (sizes, units) in kinds {
        let classes = *sizes.last().expect("sizes") as u32;
        let config = NetworkConfig {
            sizes: sizes.clone(),
            units,
            weight_decay: 1e-2,
        };
        let mut gpu_model = Model::network(gpu, &config)?;
        let mut cpu = Network::new(config.clone(), 1)?;
        let values = around_zero(cpu.parameters(), 11, 0.5);
        gpu_model.write(Part::Values, &values)?;
        cpu.write(Part::Values, &values)?;
        let samples = numbers(120 * 45, 12);
        let order: Vec<usize> = (0..100).map(|i| (i * 7 + 3) % 120).collect();
        let labels: Vec<u32> = (0..100).map(|i| i * 13 % classes).collect();
        let kept = resident(gpu, &samples, 45);
        let batch = Batch {
            samples: &kept,
            rows: Which::Order(&order),
        };
        let rows = Rows {
            order: Some(&order),
            ..Rows::of(&samples, 45)
        };
        let sgd = Optimizer::Sgd {
            momentum: 0.9,
            nesterov: false,
        };
        // Forward and back through each hidden layer, the head, gradients, their end, the update.
        let selects = config.units.iter().filter(|unit| unit.top_k.is_some());
        let expected = 2 * config.units.len() + selects.count() + 4 + usize::from(classes > 32);
        let before = gpu.launches();
        gpu_model.step(batch, None, &labels, None, RhoHat::Batch)?;
        assert_eq!(gpu.launches() - before, expected as u64);
        last(&mut gpu_model);
        for _ in 0..3 {
            let update = Some(Update::new(sgd, 0.05));
            gpu_model.step(batch, None, &labels, update, RhoHat::Batch)?;
            let value = *cpu.step(rows, &labels, update)?;
            let line = last(&mut gpu_model);
            close("cross-entropy", line.term, value.cross_entropy);
            close("decay", line.weight_decay, value.weight_decay);
            assert_eq!(line.measure, value.accuracy);
        }
        let mut before = 0;
        for part in [Part::Gradients, Part::Values] {
            let (gpu, mut of_cpu) = (gpu_model.read(part)?, values.clone());
            cpu.read(part, &mut of_cpu)?;
            for pair in sizes.windows(2) {
                for count in [pair[0] * pair[1], pair[1]] {
                    let own = before..before + count;
                    let apart = difference(&gpu[own.clone()], &of_cpu[own]);
                    assert!(
                        apart < TOLERANCE,
                        "{sizes:?} {part:?} from {before}: {apart:e}"
                    );
                    before += count;
                }
            }
            before = 0;
        }
    }
    Ok(())
}

fn nothing_moves_by_what_is_not_finite(gpu: &Gpu) -> Result<(), GpuError> {
    let mut pair = pair(gpu, config());
    let good = numbers(32 * 45, 13);
    let mut bad = good.clone();
    bad[100] = f32::NAN;
    let (good, bad) = (resident(gpu, &good, 45), resident(gpu, &bad, 45));
    let update = Some(Update::new(
        Optimizer::Sgd {
            momentum: 0.9,
            nesterov: false,
        },
        0.1,
    ));
    let step = |model: &mut Model, samples: &Resident| {
        model.step(samples.all(), None, &[], update, RhoHat::Batch)
    };
    step(&mut pair.gpu, &good)?;
    let after = pair.gpu.read(Part::Values)?;
    step(&mut pair.gpu, &bad)?;
    step(&mut pair.gpu, &good)?;
    assert_eq!(pair.gpu.read(Part::Values)?, after);
    let lines = taken(&mut pair.gpu);
    let statuses: Vec<Status> = lines.steps.iter().map(|line| line.status).collect();
    assert_eq!(statuses, [Status::Taken, Status::Refused, Status::Refused]);
    assert_eq!(pair.gpu.updates(), 1);
    assert!(lines.finite);
    // Once it was read, training may go on.
    step(&mut pair.gpu, &good)?;
    assert_ne!(pair.gpu.read(Part::Values)?, after);
    // Also where the parameters are to blame.
    let mut values = after;
    values[3] = f32::INFINITY;
    taken(&mut pair.gpu);
    pair.gpu.write(Part::Values, &values)?;
    step(&mut pair.gpu, &good)?;
    let lines = taken(&mut pair.gpu);
    assert_eq!(lines.steps[0].status, Status::Refused);
    assert!(!lines.finite);
    Ok(())
}

fn the_same_bits_each_time_and_few_launches(device: &Gpu) -> Result<(), GpuError> {
    let config = AutoencoderConfig {
        inputs: 90,
        hidden: 40,
        ..config()
    };
    let samples = numbers(600 * 90, 14);
    let run = || -> Result<_, GpuError> {
        let mut model = Model::autoencoder(device, &config)?;
        model.write(Part::Values, &around_zero(model.parameters(), 15, 0.4))?;
        let kept = Resident::new(device, Rows::of(&samples, 90))?.expect("room");
        let update = Some(Update::new(
            Optimizer::Sgd {
                momentum: 0.9,
                nesterov: false,
            },
            0.1,
        ));
        let before = device.launches();
        for _ in 0..5 {
            model.step(kept.all(), None, &[], update, RhoHat::Batch)?;
        }
        assert_eq!(device.launches() - before, 5 * 6);
        Ok((model.read(Part::Values)?, taken(&mut model)))
    };
    assert_eq!(run()?, run()?);
    Ok(())
}

/// Numbers of 11 significant bits are multiplied as they are; others as their neighbours.
fn tf32_rounds_what_is_multiplied(gpu: &Gpu) -> Result<(), GpuError> {
    let linear = AutoencoderConfig {
        encoder: Activation::of(Unit::Linear),
        decoder: Unit::Linear,
        beta: 0.0,
        weight_decay: 0.0,
        ..config()
    };
    let rounded = |value: f32| {
        let bits = value.to_bits();
        f32::from_bits((bits + 0xfff + (bits >> 13 & 1)) & 0xffff_e000)
    };
    let n = linear.inputs;
    let samples = numbers(40 * n, 16);
    // Of the products only the first has operands that are given: with W2 = 0 and c = 0, Z = 0 and Y is not used but
    // in ∂J/∂W2 = −Yᵀ·X / R.
    let mut values = vec![0.0; 2 * n * 21 + 21 + n];
    values[..n * 21].copy_from_slice(&around_zero(n * 21, 17, 1.0));
    let gradient = |gpu: &Gpu, samples: &[f32], values: &[f32]| -> Result<_, GpuError> {
        let mut model = Model::autoencoder(gpu, &linear)?;
        model.write(Part::Values, values)?;
        let kept = resident(gpu, samples, n);
        model.step(kept.all(), None, &[], None, RhoHat::Batch)?;
        Ok(model.read(Part::Gradients)?[n * 21 + 21..][..n * 21].to_vec())
    };
    let short = |values: &[f32]| -> Vec<f32> { values.iter().map(|&v| rounded(v)).collect() };
    let tf32 = gpu.clone().with_precision(Precision::Tf32);
    let exact = gradient(gpu, &samples, &values)?;
    let found = gradient(&tf32, &samples, &values)?;
    // Plain loops that round where it should.
    let (x, w) = (short(&samples), short(&values[..n * 21]));
    let mut expected = vec![0.0f32; n * 21];
    for (row, whole) in x.chunks(n).zip(samples.chunks(n)) {
        for unit in 0..21 {
            let products = row.iter().zip(w[unit..].iter().step_by(21));
            let y = rounded(products.map(|(x, w)| x * w).sum());
            for (place, &x) in expected[unit * n..][..n].iter_mut().zip(whole) {
                *place -= y * rounded(x * (1.0 / 40.0));
            }
        }
    }
    assert!(difference(&found, &expected) < 5e-5);
    let apart = difference(&found, &exact);
    assert!((1e-4..1e-2).contains(&apart), "{apart:e}");
    Ok(())
}
