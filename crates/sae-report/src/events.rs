//! Event files, which TensorBoard shows: values with names over steps, record behind record.
//!
//! The messages are those of TensorFlow's `event.proto`, `summary.proto`, `tensor.proto` and
//! `tensor_shape.proto`, with the fields that are used here; the records those of its
//! `record_writer.cc`.

use std::io::Cursor;

use prost::Message;

use crate::ReportError;

/// What an event says under one name.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum EventValue<'a> {
    /// A number; files of events hold `f32`.
    Scalar(f64),
    /// Two or more quantiles in even steps, the least value first: a histogram in which equal shares of
    /// 100% lie between neighbours.
    Quantiles(&'a [f64]),
    /// The bytes of a PNG.
    Picture(&'a [u8]),
    /// Markdown.
    Text(&'a str),
}

/// The first record of every event file; times are in seconds since 1970.
pub fn events_start(time: f64) -> Vec<u8> {
    record(&Event {
        wall_time: time,
        file_version: Some("brain.Event:2".to_owned()),
        ..Event::default()
    })
}

/// A record of values with their names at one step, which `time` seconds since 1970 belong to.
///
/// # Errors
///
/// Refuses a picture that is no PNG.
pub fn event(
    time: f64,
    step: usize,
    values: &[(&str, EventValue<'_>)],
) -> Result<Vec<u8>, ReportError> {
    let value = values.iter().map(|&(name, value)| named(name, value));
    let summary = Summary {
        value: value.collect::<Result<_, _>>()?,
    };
    Ok(record(&Event {
        wall_time: time,
        step: step as i64,
        summary: Some(summary),
        ..Event::default()
    }))
}

fn named(name: &str, value: EventValue<'_>) -> Result<Value, ReportError> {
    let named = Value {
        tag: name.to_owned(),
        ..Value::default()
    };
    Ok(match value {
        EventValue::Scalar(number) => Value {
            simple_value: Some(number as f32),
            ..named
        },
        EventValue::Quantiles(quantiles) => Value {
            histo: Some(histogram(quantiles)),
            ..named
        },
        EventValue::Picture(png) => Value {
            image: Some(image(png)?),
            ..named
        },
        EventValue::Text(text) => Value {
            tensor: Some(Tensor::of_text(text)),
            metadata: Some(Metadata::of_plugin("text")),
            ..named
        },
    })
}

/// Between neighbours values are taken to be uniform. Where quantiles are equal their share goes to the
/// next bucket that has a width, or to the last one.
fn histogram(quantiles: &[f64]) -> Histogram {
    let mut histogram = Histogram {
        min: quantiles.first().copied().unwrap_or(0.0),
        max: quantiles.last().copied().unwrap_or(0.0),
        num: 100.0,
        ..Histogram::default()
    };
    let share = histogram.num / (quantiles.len().max(2) - 1) as f64;
    let mut waiting = 0.0;
    for pair in quantiles.windows(2) {
        let (low, high) = (pair[0], pair[1]);
        waiting += share;
        histogram.sum += share * 0.5 * (low + high);
        histogram.sum_squares += share * (low * low + low * high + high * high) / 3.0;
        if high > low {
            histogram.bucket_limit.push(high);
            histogram.bucket.push(std::mem::take(&mut waiting));
        }
    }
    match histogram.bucket.last_mut() {
        Some(last) => *last += waiting,
        None => {
            histogram.bucket_limit.push(histogram.max);
            histogram.bucket.push(waiting);
        }
    }
    histogram
}

fn image(bytes: &[u8]) -> Result<Image, ReportError> {
    let reader = png::Decoder::new(Cursor::new(bytes)).read_info();
    let reader = reader.map_err(|error| ReportError::Encode {
        picture: "a picture in an event file",
        reason: error.to_string(),
    })?;
    let info = reader.info();
    Ok(Image {
        height: info.height as i32,
        width: info.width as i32,
        colorspace: info.color_type.samples() as i32,
        encoded_image_string: bytes.to_vec(),
    })
}

/// Length and content of a message, each with its checksum.
fn record(event: &Event) -> Vec<u8> {
    let content = event.encode_to_vec();
    let length = (content.len() as u64).to_le_bytes();
    let mut bytes = length.to_vec();
    bytes.extend(masked_crc(&length).to_le_bytes());
    bytes.extend(&content);
    bytes.extend(masked_crc(&content).to_le_bytes());
    bytes
}

/// CRC-32C, changed so that checksums of what holds checksums are no trouble.
fn masked_crc(bytes: &[u8]) -> u32 {
    const MASK: u32 = 0xa282_ead8;
    crc32c::crc32c(bytes).rotate_right(15).wrapping_add(MASK)
}

#[derive(Clone, PartialEq, Message)]
struct Event {
    #[prost(double, tag = "1")]
    wall_time: f64,
    #[prost(int64, tag = "2")]
    step: i64,
    #[prost(string, optional, tag = "3")]
    file_version: Option<String>,
    #[prost(message, optional, tag = "5")]
    summary: Option<Summary>,
}

#[derive(Clone, PartialEq, Message)]
struct Summary {
    #[prost(message, repeated, tag = "1")]
    value: Vec<Value>,
}

#[derive(Clone, PartialEq, Message)]
struct Value {
    #[prost(string, tag = "1")]
    tag: String,
    #[prost(float, optional, tag = "2")]
    simple_value: Option<f32>,
    #[prost(message, optional, tag = "4")]
    image: Option<Image>,
    #[prost(message, optional, tag = "5")]
    histo: Option<Histogram>,
    #[prost(message, optional, tag = "8")]
    tensor: Option<Tensor>,
    #[prost(message, optional, tag = "9")]
    metadata: Option<Metadata>,
}

#[derive(Clone, PartialEq, Message)]
struct Image {
    #[prost(int32, tag = "1")]
    height: i32,
    #[prost(int32, tag = "2")]
    width: i32,
    /// The number of values per pixel.
    #[prost(int32, tag = "3")]
    colorspace: i32,
    #[prost(bytes = "vec", tag = "4")]
    encoded_image_string: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct Histogram {
    #[prost(double, tag = "1")]
    min: f64,
    #[prost(double, tag = "2")]
    max: f64,
    #[prost(double, tag = "3")]
    num: f64,
    #[prost(double, tag = "4")]
    sum: f64,
    #[prost(double, tag = "5")]
    sum_squares: f64,
    /// Where each bucket ends; it begins where the one before ends.
    #[prost(double, repeated, tag = "6")]
    bucket_limit: Vec<f64>,
    #[prost(double, repeated, tag = "7")]
    bucket: Vec<f64>,
}

#[derive(Clone, PartialEq, Message)]
struct Tensor {
    #[prost(int32, tag = "1")]
    dtype: i32,
    #[prost(message, optional, tag = "2")]
    tensor_shape: Option<Shape>,
    #[prost(bytes = "vec", repeated, tag = "8")]
    string_val: Vec<Vec<u8>>,
}

impl Tensor {
    fn of_text(text: &str) -> Self {
        const DT_STRING: i32 = 7;
        Self {
            dtype: DT_STRING,
            tensor_shape: Some(Shape {
                dim: vec![Dimension { size: 1 }],
            }),
            string_val: vec![text.as_bytes().to_vec()],
        }
    }
}

#[derive(Clone, PartialEq, Message)]
struct Shape {
    #[prost(message, repeated, tag = "2")]
    dim: Vec<Dimension>,
}

#[derive(Clone, PartialEq, Message)]
struct Dimension {
    #[prost(int64, tag = "1")]
    size: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Metadata {
    #[prost(message, optional, tag = "1")]
    plugin_data: Option<Plugin>,
}

impl Metadata {
    /// Of a value that this part of TensorBoard shows.
    fn of_plugin(name: &str) -> Self {
        Self {
            plugin_data: Some(Plugin {
                plugin_name: name.to_owned(),
            }),
        }
    }
}

#[derive(Clone, PartialEq, Message)]
struct Plugin {
    #[prost(string, tag = "1")]
    plugin_name: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CRC-32C bit by bit (polynomial 0x1edc6f41, reflected).
    fn masked_crc_by_bits(bytes: &[u8]) -> u32 {
        let mut crc = u32::MAX;
        for &byte in bytes {
            crc ^= u32::from(byte);
            for _ in 0..8 {
                crc = (crc >> 1) ^ if crc & 1 == 1 { 0x82f6_3b78 } else { 0 };
            }
        }
        let crc = !crc;
        crc.rotate_right(15).wrapping_add(0xa282_ead8)
    }

    /// The contents of the records, whose lengths and checksums must be right.
    fn contents(mut bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut found = vec![];
        while !bytes.is_empty() {
            let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
            let stored = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
            let content = &bytes[12..12 + length];
            assert_eq!(stored(8), masked_crc_by_bits(&bytes[..8]));
            assert_eq!(stored(12 + length), masked_crc_by_bits(content));
            found.push(content.to_vec());
            bytes = &bytes[16 + length..];
        }
        found
    }

    /// The check value of CRC-32C, of "123456789".
    #[test]
    fn the_checksum_is_crc_32c() {
        assert_eq!(crc32c::crc32c(b"123456789"), 0xe306_9283);
    }

    /// By hand after the encoding of protocol buffers.
    #[test]
    fn records_hold_their_messages() {
        let mut file = events_start(1.0);
        file.extend(event(2.0, 3, &[("a/b", EventValue::Scalar(0.5))]).unwrap());
        let one = 1f64.to_le_bytes();
        let two = 2f64.to_le_bytes();
        let half = 0.5f32.to_le_bytes();
        let start = [&[0x09], &one[..], &[0x1a, 13], b"brain.Event:2"].concat();
        let scalar = [
            &[0x09],
            &two[..],
            &[0x10, 3, 0x2a, 12, 0x0a, 10, 0x0a, 3],
            b"a/b",
            &[0x15],
            &half[..],
        ];
        assert_eq!(contents(&file), [start, scalar.concat()]);
    }

    /// Equal shares between neighbours; where they are equal nothing is lost, and none has no width.
    #[test]
    fn quantiles_become_a_histogram() {
        let found = histogram(&[0.0, 1.0, 1.0, 3.0, 3.0]);
        assert_eq!((found.min, found.max, found.num), (0.0, 3.0, 100.0));
        assert_eq!(found.bucket_limit, [1.0, 3.0]);
        assert_eq!(found.bucket, [25.0, 75.0]);
        // Means of uniform values: 25·(½ + 1 + 2 + 3), of squares 25·(⅓ + 1 + 13/3 + 9).
        assert!((found.sum - 162.5).abs() < 1e-12);
        assert!((found.sum_squares - 25.0 * (1.0 / 3.0 + 1.0 + 13.0 / 3.0 + 9.0)).abs() < 1e-9);
        let found = histogram(&[0.2, 0.2, 0.2]);
        assert_eq!((found.bucket_limit, found.bucket), (vec![0.2], vec![100.0]));
    }

    #[test]
    fn only_a_png_is_a_picture() {
        let refused = event(0.0, 1, &[("a", EventValue::Picture(b"GIF89a"))]);
        let message = refused.unwrap_err().to_string();
        assert!(
            message.starts_with("a picture in an event file: "),
            "{message}"
        );
    }
}
