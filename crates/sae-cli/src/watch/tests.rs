#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use sae::stack::EpochMetrics;
use sae::train::{TrainError, Training};
use sae::{Destination, Experiment, Observer, Run, RunFolder, Stage};
use tempfile::{TempDir, tempdir};

use super::*;

/// Trains the tiny configuration into `out`.
fn train(out: &Path, overwrite: bool, observer: &mut dyn Observer) {
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../configs/tiny.toml");
    let experiment = Experiment::read(config, &[]).unwrap();
    let destination = Destination::choose(Some(out), "tiny", overwrite, &[]).unwrap();
    let folder = RunFolder::create(destination).unwrap();
    experiment
        .prepare()
        .unwrap()
        .run_into(folder, observer)
        .unwrap();
}

/// A finished run.
fn finished() -> (TempDir, PathBuf) {
    let folder = tempdir().unwrap();
    let out = folder.path().join("run");
    train(&out, false, &mut ());
    (folder, out)
}

fn look(path: &Path) -> Screen {
    let mut screen = Screen::new(path.to_str().unwrap(), Ink::Shade);
    screen.look().unwrap();
    screen
}

/// What a terminal of this size shows.
fn drawn(screen: &Screen, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| screen.draw(frame)).unwrap();
    terminal.backend().to_string()
}

/// The number behind `name` is `value`, to the digits that are shown.
#[track_caller]
fn assert_says(screen: &str, name: &str, value: f64) {
    let numbers = screen.match_indices(name).filter_map(|(at, _)| {
        let rest = screen[at + name.len()..].trim_start();
        let end = rest.find(|c: char| !"0123456789.e-".contains(c));
        rest[..end?].parse::<f64>().ok()
    });
    let close = |number: f64| (number - value).abs() <= 6e-6_f64.max(6e-5 * value.abs());
    let found: Vec<f64> = numbers.collect();
    assert!(
        found.iter().copied().any(close),
        "{name} {value}, {found:?}:\n{screen}"
    );
}

#[test]
fn a_frame_says_what_the_metrics_say() {
    let (_folder, out) = finished();
    let metrics = Run::open(&out).unwrap().metrics().unwrap();
    let last = |stage: &str| metrics.iter().rfind(|m| m.stage == stage).unwrap();
    let mut screen = look(&out);
    let control = drawn(&screen, 120, 40);
    for name in [
        "autoencoder-1 5 done",
        "softmax 5 done",
        ">control 5 done",
        "finished",
    ] {
        assert!(control.contains(name), "{name}:\n{control}");
    }
    assert_says(&control, "J ", last("control").objective);
    assert!(!control.contains("rho_hat: share"), "{control}");
    screen.turn(-4);
    let first = drawn(&screen, 120, 40);
    let epoch = last("autoencoder-1");
    assert!(first.contains(">autoencoder-1 5 done"), "{first}");
    assert!(first.contains("epoch 5 of 5, done"), "{first}");
    assert_says(&first, "J ", epoch.objective);
    assert_says(&first, ", validation ", epoch.validation_objective.unwrap());
    assert_says(&first, ", validation ", epoch.validation_rmse.unwrap());
    assert_says(&first, "gradient norm ", epoch.gradient_norm.unwrap());
    for (name, value) in epoch.terms.iter() {
        assert_says(&first, &format!("  {name} "), value);
    }
    // Curves in Braille, the place of ρ, and tiles of 12 × 12 pixels on 12 × 6 cells.
    let curves = first
        .chars()
        .filter(|c| ('\u{2801}'..='\u{28ff}').contains(c));
    assert!(curves.count() > 20, "{first}");
    assert!(first.contains("^rho 0.1"), "{first}");
    assert!(first.contains("units of layer 1: 9 of 16"), "{first}");
    assert!(
        first.chars().filter(|c| "░▒▓█".contains(*c)).count() > 200,
        "{first}"
    );
    // Not further than there are stages, and back to the last one that was trained.
    screen.turn(9);
    assert!(drawn(&screen, 120, 40).contains(">control"));
    screen.turn(-9);
    screen.follow();
    assert!(drawn(&screen, 120, 40).contains(">control"));
}

#[test]
fn any_size_is_drawn() {
    let (_folder, out) = finished();
    let mut screen = look(&out);
    for stage in 0..5 {
        (screen.ink, screen.chosen) = (Ink::Colour, Some(stage));
        screen.read_tiles();
        for width in [1, 2, 3, 20, 47, 48, 49, 80, 200] {
            for height in [1, 2, 3, 4, 5, 16, 17, 18, 19, 24, 60] {
                drawn(&screen, width, height);
                screen.text(width, height);
            }
        }
    }
    screen.turn(-4);
    let small = drawn(&screen, 20, 5);
    assert!(small.contains("epoch 5 of 5, done"), "{small}");
    assert_eq!(screen.text(0, 0), "");
}

#[test]
fn what_is_no_run_is_refused() {
    let folder = tempdir().unwrap();
    let mut screen = Screen::new(folder.path().to_str().unwrap(), Ink::Shade);
    let message = screen.look().unwrap_err().to_string();
    assert!(message.contains("run"), "{message}");
    assert!(
        message.starts_with(folder.path().to_str().unwrap()),
        "{message}"
    );
}

/// Makes a marker that does not say what files are, as that of a run that goes on.
fn unseal(out: &Path) {
    let path = out.join(".sae-run.json");
    let marker = std::fs::read(&path).unwrap();
    let mut marker: serde_json::Value = serde_json::from_slice(&marker).unwrap();
    let files = marker["files"].as_object_mut().unwrap();
    files
        .values_mut()
        .for_each(|seal| *seal = serde_json::Value::Null);
    std::fs::write(&path, marker.to_string()).unwrap();
}

/// A line that is written at this moment is left out; one that is damaged is not.
#[test]
fn half_a_line_is_no_epoch() {
    let (_folder, out) = finished();
    std::fs::remove_file(out.join("model.safetensors")).unwrap();
    unseal(&out);
    let metrics = out.join("metrics.jsonl");
    let text = std::fs::read_to_string(&metrics).unwrap();
    for half in [1, 2, 60, 300] {
        let end = text.find("\n").unwrap() + 1;
        std::fs::write(&metrics, &text[..end + half]).unwrap();
        let frame = look(&out).text(120, 40);
        assert!(frame.contains(">autoencoder-1 1"), "{frame}");
    }
    std::fs::write(&metrics, format!("{{\"stage\"\n{text}")).unwrap();
    let mut screen = Screen::new(out.to_str().unwrap(), Ink::Shade);
    let message = screen.look().unwrap_err().to_string();
    assert!(message.contains("metrics.jsonl:1: "), "{message}");
}

/// Looks at the run that it observes.
struct Watcher {
    path: PathBuf,
    /// What was shown before each stage, and after each of its epochs.
    frames: Vec<String>,
    /// How long an epoch takes longer.
    pause: Duration,
    /// Whether snapshots of the first encoder were there.
    live: usize,
}

impl Watcher {
    fn new(path: &Path, pause: u64) -> Self {
        Self {
            path: path.to_owned(),
            frames: vec![],
            pause: Duration::from_millis(pause),
            live: 0,
        }
    }

    fn look(&mut self) {
        self.frames.push(look(&self.path).text(120, 40));
    }
}

impl Observer for Watcher {
    fn started(&mut self, _: Stage, _: &Training, _: usize) {
        self.look();
    }

    fn epoch(&mut self, _: Stage, _: &EpochMetrics) -> Result<(), TrainError> {
        sleep(self.pause);
        Ok(())
    }

    fn in_training(
        &mut self,
        stage: Stage,
        weights: sae::stack::WeightsNow<'_>,
    ) -> Result<(), TrainError> {
        self.look();
        let live = self.path.join("live.safetensors");
        if let (Stage::Autoencoder(1), true) = (stage, live.exists()) {
            self.live += 1;
            let tensors = sae::data::Tensors::from_bytes(&std::fs::read(live).unwrap()).unwrap();
            assert_eq!(tensors.description.as_deref(), Some("autoencoder-1"));
            let (found, now) = (tensors.get("weight", 2).unwrap(), weights()?);
            assert_eq!(found.shape, now.get("encoder.weight", 2).unwrap().shape);
            let frame = self.frames.last().unwrap();
            assert!(frame.contains("units of layer 1: 9 of 16"), "{frame}");
        }
        Ok(())
    }
}

#[test]
fn a_run_is_followed_while_it_is_trained() {
    let folder = tempdir().unwrap();
    let out = folder.path().join("run");
    let mut watcher = Watcher::new(&out, 300);
    train(&out, false, &mut watcher);
    assert!(watcher.live > 0);
    let frames = &watcher.frames;
    assert_eq!(frames.len(), 5 * (1 + 5));
    assert!(
        frames[0].contains("autoencoder-1: no epoch yet"),
        "{}",
        frames[0]
    );
    assert!(!frames[1].contains("units of layer 1"), "{}", frames[1]);
    for (frame, place) in frames[1..6].iter().zip(1..) {
        assert!(frame.contains(": training"), "{frame}");
        assert!(
            frame.contains(&format!(">autoencoder-1 {place}/5")),
            "{frame}"
        );
        assert!(
            frame.contains(&format!("epoch {place} of 5, at most ")),
            "{frame}"
        );
    }
    assert!(frames[7].contains("autoencoder-1 5 done"), "{}", frames[7]);
    assert!(frames[29].contains(">control 5/5"), "{}", frames[29]);
    assert!(!out.join("live.safetensors").exists());
    let marker = std::fs::read_to_string(out.join(".sae-run.json")).unwrap();
    assert!(
        marker.contains("metrics.jsonl") && !marker.contains("live"),
        "{marker}"
    );
}

/// A run that replaces another is followed where it lies until then.
#[test]
fn a_replacement_is_found() {
    let (folder, out) = finished();
    // What a process that was killed has left behind is not followed.
    let left = folder.path().join(".run.new-1");
    std::fs::create_dir(&left).unwrap();
    std::fs::copy(out.join(".sae-run.json"), left.join(".sae-run.json")).unwrap();
    assert!(look(&out).text(120, 40).contains(": finished"));
    let mut watcher = Watcher::new(&out, 0);
    train(&out, true, &mut watcher);
    for frame in &watcher.frames {
        assert!(
            frame.contains("written beside the run that it replaces"),
            "{frame}"
        );
    }
    assert!(
        watcher.frames[2].contains("epoch 2 of 5"),
        "{}",
        watcher.frames[2]
    );
    assert!(look(&out).text(120, 40).contains("control 5 done"));
}
