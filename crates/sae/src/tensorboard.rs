//! What TensorBoard is shown of a run.

use std::time::{SystemTime, UNIX_EPOCH};

use sae_report::{EventValue, event, events_start};
use sae_stack::{EpochMetrics, Stage};
use serde_json::Value;

use crate::Error;
use crate::run::{CONFIG, FEATURES, METRICS, Run};

/// The event file, which any name with `tfevents` in it makes one.
pub const EVENTS: &str = "tensorboard/events.out.tfevents.sae";

impl Run {
    /// The bytes of an event file with all that is known of the run so far: the configuration, every
    /// number of its metrics as `STAGE/NAME`, the quantiles of ρ̂ as a histogram, and the tiles.
    ///
    /// An epoch's time is reckoned back by seconds of training from when the last one was written.
    ///
    /// # Errors
    ///
    /// As [`Run::metrics`].
    pub fn events(&self) -> Result<Vec<u8>, Error> {
        let metrics = self.metrics()?;
        let written = std::fs::metadata(self.folder().file(METRICS)).and_then(|m| m.modified());
        let end = written.map_or_else(|_| now(), seconds);
        let mut time = end - metrics.iter().map(|epoch| epoch.seconds).sum::<f64>();
        let config = self.folder().read(CONFIG)?;
        let mut bytes = start(time, &String::from_utf8_lossy(&config))?;
        for epoch in &metrics {
            time += epoch.seconds;
            bytes.extend(of_epoch(time, epoch)?);
        }
        let first = Stage::Autoencoder(1).to_string();
        let last = metrics.iter().rfind(|epoch| epoch.stage == first);
        if let (Some(last), true) = (last, self.folder().has(FEATURES)) {
            let tiles = self.folder().read(FEATURES)?;
            bytes.extend(of_tiles(end, last.epoch, &tiles)?);
        }
        Ok(bytes)
    }
}

/// Seconds since 1970.
pub(crate) fn now() -> f64 {
    seconds(SystemTime::now())
}

fn seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH)
        .map_or(0.0, |since| since.as_secs_f64())
}

/// The start of an event file, and the configuration as a text.
pub(crate) fn start(time: f64, config: &str) -> Result<Vec<u8>, Error> {
    // What is indented is shown as it is.
    let shown: String = config.lines().map(|line| format!("    {line}\n")).collect();
    let text = event(time, 0, &[("configuration", EventValue::Text(&shown))])?;
    Ok([events_start(time), text].concat())
}

/// Every number of an epoch's metrics.
pub(crate) fn of_epoch(time: f64, metrics: &EpochMetrics) -> Result<Vec<u8>, Error> {
    let mut line = serde_json::to_value(metrics)
        .map_err(|error| Error::Input(format!("metrics cannot be written: {error}")))?;
    if let Some(fields) = line.as_object_mut() {
        // It is the step.
        fields.remove("epoch");
    }
    let mut numbers = vec![];
    scalars(&metrics.stage, &line, &mut numbers);
    let named = numbers.iter();
    let named = named.map(|(name, number)| (name.as_str(), EventValue::Scalar(*number)));
    let mut values: Vec<_> = named.collect();
    let name = format!("{}/rho_hat", metrics.stage);
    if !metrics.rho_hat_quantiles.is_empty() {
        let quantiles = EventValue::Quantiles(&metrics.rho_hat_quantiles);
        values.push((&name, quantiles));
    }
    Ok(event(time, metrics.epoch, &values)?)
}

/// The numbers of an object and of those in it, with their paths.
fn scalars(path: &str, value: &Value, found: &mut Vec<(String, f64)>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                scalars(&format!("{path}/{name}"), value, found);
            }
        }
        Value::Number(number) => found.extend(number.as_f64().map(|n| (path.to_owned(), n))),
        _ => {}
    }
}

/// The tiles of the first autoencoder, which was trained for so many epochs.
pub(crate) fn of_tiles(time: f64, epochs: usize, png: &[u8]) -> Result<Vec<u8>, Error> {
    let name = format!("{}/features", Stage::Autoencoder(1));
    Ok(event(time, epochs, &[(&name, EventValue::Picture(png))])?)
}
