//! The same mathematics on every backend: gradients and whole runs against flex.
//!
//! A backend that is not there is skipped by name; with SAE_REQUIRE_WGPU set, a missing wgpu device is a failure, and
//! with SAE_REQUIRE_CUDA a missing one of CUDA.

#![allow(clippy::print_stderr, reason = "a test program says what is wrong")]

mod support;

use std::path::Path;
use std::process::{Command, ExitCode};

use burn::tensor::{DType, Device, Tensor, TensorData};
use libtest_mimic::{Arguments, Failed, Trial};
use sae::stack::EpochMetrics;
use sae::train::TrainError;
use sae::{Destination, Error, Experiment, Observer, RunFolder, Stage};
use sae_data::{Stream, stream, uniform};
use sae_model::{
    AutoencoderConfig, DeepNetwork, DeltaRule, DenseConfig, FineTuning, GradientRule,
    LabelledBatch, SoftmaxConfig, SparseObjective, named_gradients, relative_difference,
};
use support::{number, succeed, summary, text, weights};

/// Largest relative difference of gradients in `f32`.
const TOLERANCE: f64 = 1e-4;

type Test = fn(&'static str, &Device) -> Result<(), Failed>;

fn main() -> ExitCode {
    if let Some(config) = std::env::var_os(LOSE) {
        return match lose_device(Path::new(&config)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(problem) => {
                eprintln!("{problem}");
                ExitCode::FAILURE
            }
        };
    }
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for (name, device) in [
        ("flex", Ok(Device::flex())),
        ("ndarray", ndarray()),
        ("wgpu", wgpu()),
        ("cuda", cuda()),
    ] {
        let tests: [(&str, Test); 3] = [
            ("autoencoder_gradients", autoencoder_gradients),
            ("network_gradients", network_gradients),
            ("tiny_run", tiny_run),
        ];
        for (test, run) in tests {
            // flex is what the others are compared with: its own run says nothing.
            if (name, test) == ("flex", "tiny_run") {
                continue;
            }
            trials.push(trial(name, test, run, &device));
        }
        if ["wgpu", "cuda"].contains(&name) {
            trials.push(trial(name, "device_lost", device_lost, &device));
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn trial(name: &'static str, test: &str, run: Test, device: &Result<Device, String>) -> Trial {
    let title = format!("{name}_{test}");
    let required = format!("SAE_REQUIRE_{}", name.to_uppercase());
    match device.clone() {
        Ok(device) => Trial::test(title, move || run(name, &device)),
        Err(reason) if std::env::var_os(required).is_some() => {
            Trial::test(title, move || Err(reason.into()))
        }
        Err(_) => Trial::test(title, || Ok(())).with_ignored_flag(true),
    }
}

#[cfg(feature = "ndarray")]
#[allow(clippy::unnecessary_wraps, reason = "the other build has no device")]
fn ndarray() -> Result<Device, String> {
    #[allow(deprecated)]
    Ok(Device::ndarray())
}

#[cfg(not(feature = "ndarray"))]
fn ndarray() -> Result<Device, String> {
    Err("sae-cli was tested without its feature `ndarray`".to_owned())
}

#[cfg(feature = "wgpu")]
fn wgpu() -> Result<Device, String> {
    Device::wgpu_options()
        .init()
        .map_err(|error| error.to_string())
}

#[cfg(not(feature = "wgpu"))]
fn wgpu() -> Result<Device, String> {
    Err("sae-cli was tested without its feature `wgpu`".to_owned())
}

#[cfg(feature = "cuda")]
fn cuda() -> Result<Device, String> {
    sae::Backend::Cuda
        .device()
        .map_err(|error| error.to_string())
}

#[cfg(not(feature = "cuda"))]
fn cuda() -> Result<Device, String> {
    Err("sae-cli was tested without its feature `cuda`".to_owned())
}

/// Numbers in [0, 1), the same on every device.
fn inputs(rows: usize, columns: usize, device: &Device) -> Tensor<2> {
    let mut rng = stream(3, Stream::Split);
    let values: Vec<f64> = (0..rows * columns)
        .map(|_| uniform(&mut rng, 0.0, 1.0))
        .collect();
    let data = TensorData::new(values, [rows, columns]);
    Tensor::from_data(data, (device, DType::F32))
}

/// Delta and autodiff on `device` against each other and against delta on flex.
fn compare<O: DeltaRule>(
    case: &str,
    objective: &O,
    here: (&O::Model, &O::Batch),
    flex: (&O::Model, &O::Batch),
) -> Result<(), Failed> {
    let gradients = |rule: GradientRule, (model, batch): (&O::Model, &O::Batch)| {
        named_gradients(model, &rule.gradient(objective, model, batch).gradients)
    };
    let witness = gradients(GradientRule::Delta, flex);
    for rule in GradientRule::ALL {
        let found = gradients(rule, here);
        for ((name, found), (_, expected)) in found.iter().zip(&witness) {
            let difference = relative_difference(found, expected);
            if difference.is_nan() || difference >= TOLERANCE {
                return Err(format!("{case}, {rule}, {name}: {difference:e}").into());
            }
        }
    }
    Ok(())
}

fn autoencoder_gradients(_: &'static str, device: &Device) -> Result<(), Failed> {
    for (n, h, rows) in [(5, 3, 1), (16, 7, 10), (33, 17, 65), (64, 100, 32)] {
        let objective = SparseObjective::new(3e-3, 3.0, 0.1)?;
        let model = |device: &Device| {
            let mut rng = stream(1, Stream::Autoencoder(0));
            AutoencoderConfig::new(n, h).map(|c| c.init(&mut rng, DType::F32, device))
        };
        let flex = Device::flex();
        compare(
            &format!("{n}-{h}, {rows} rows"),
            &objective,
            (&model(device)?, &inputs(rows, n, device).into()),
            (&model(&flex)?, &inputs(rows, n, &flex).into()),
        )?;
    }
    Ok(())
}

fn network_gradients(_: &'static str, device: &Device) -> Result<(), Failed> {
    for (sizes, classes, rows) in [(vec![9, 5], 3, 1), (vec![20, 12, 8], 10, 37)] {
        let objective = FineTuning::new(1e-3)?;
        let network = |device: &Device| {
            let mut rng = stream(1, Stream::Control);
            let encoders = sizes
                .windows(2)
                .map(|s| DenseConfig::new(s[0], s[1]).init(&mut rng, DType::F32, device))
                .collect();
            let head = SoftmaxConfig::new(sizes[sizes.len() - 1], classes)?;
            DeepNetwork::new(encoders, head.init(&mut rng, DType::F32, device))
        };
        let labels: Vec<u32> = (0..rows).map(|k| (k * 7 % classes) as u32).collect();
        let batch =
            |device: &Device| LabelledBatch::new(inputs(rows, sizes[0], device), &labels, classes);
        let flex = Device::flex();
        compare(
            &format!("{sizes:?}-{classes}, {rows} rows"),
            &objective,
            (&network(device)?, &batch(device)?),
            (&network(&flex)?, &batch(&flex)?),
        )?;
    }
    Ok(())
}

/// A whole run gives the summary that flex gives, up to float error.
fn tiny_run(name: &'static str, _: &Device) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let run = |backend: &str| {
        let out = folder.path().join(backend);
        let mut args = vec!["train", "configs/tiny.toml", "--out", text(&out)];
        args.extend(["--backend", backend]);
        // Few steps: a software GPU compiles every kernel first.
        for set in [
            "data.shapes.train=200",
            "pretrain.epochs=2",
            "softmax.epochs=2",
        ] {
            args.extend(["--set", set]);
        }
        args.extend(["--set", "finetune.epochs=2"]);
        succeed(&args);
        summary(&out)
    };
    let (here, flex) = (run(name), run("flex"));
    for pointer in [
        "/layers/0/train/rmse",
        "/layers/1/test/rmse",
        "/before_finetuning/cross_entropy",
        "/after_finetuning/cross_entropy",
        "/from_random/cross_entropy",
    ] {
        let (here, flex) = (number(&here, pointer), number(&flex, pointer));
        let difference = (here - flex).abs() / flex;
        if difference.is_nan() || difference > 1e-3 {
            return Err(format!("{pointer}: {here} on {name}, {flex} on flex").into());
        }
    }
    Ok(())
}

/// Names the configuration of a run whose device is to be lost, in a process of its own: a device is opened once.
const LOSE: &str = "SAE_TEST_LOSE_DEVICE";

/// A driver that panics in the middle of a run ends it with an error, and the run goes on to the bits of one that
/// nobody disturbed.
fn device_lost(name: &'static str, _: &Device) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let config = folder.path().join("a.toml");
    std::fs::write(
        &config,
        format!(
            "backend = \"{name}\"\ncontrol = false\n[checkpoints]\nsteps = 2\n[data.shapes]\nsize = 8\ntrain = 100\n\
             test = 20\n[[layers]]\nhidden = 6\n[pretrain]\nepochs = 2\nbatch = 50\n[softmax]\nepochs = 2\n\
             batch = 50\n[finetune]\nepochs = 3\nbatch = 50\n"
        ),
    )?;
    let losing = Command::new(std::env::current_exe()?)
        .env(LOSE, &config)
        .output()?;
    let said = String::from_utf8_lossy(&losing.stderr).into_owned();
    if !losing.status.success() {
        return Err(said.into());
    }
    let [lost, whole] = ["lost", "whole"].map(|run| folder.path().join(run));
    succeed(&["resume", text(&lost), "--quiet"]);
    succeed(&["train", text(&config), "--quiet", "--out", text(&whole)]);
    match weights(&lost) == weights(&whole) {
        true => Ok(()),
        false => Err("other weights than those of an undisturbed run".into()),
    }
}

/// Runs a configuration until its driver panics.
fn lose_device(config: &Path) -> Result<(), String> {
    struct Losing;
    impl Observer for Losing {
        fn epoch(&mut self, stage: Stage, metrics: &EpochMetrics) -> Result<(), TrainError> {
            assert!(
                (stage, metrics.epoch) != (Stage::FineTune, 2),
                "Device lost"
            );
            Ok(())
        }
    }
    let lost = config.with_file_name("lost");
    let run = || {
        let prepared = Experiment::read(config, &[])?.prepare()?;
        let destination = Destination::choose(Some(&lost), "lost", false, &[])?;
        prepared.run_into(RunFolder::create(destination)?, &mut Losing)
    };
    match run() {
        Err(Error::DeviceLost { .. }) => Ok(()),
        Err(other) => Err(other.to_string()),
        Ok(_) => Err("the run ended as if nothing had happened".to_owned()),
    }
}
