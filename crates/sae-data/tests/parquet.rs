//! Parquet files that pyarrow wrote (`tests/reference/files.py`), what is read of them, and bad ones.

#![cfg(feature = "parquet")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::path::{Path, PathBuf};

use sae_data::{
    DataConfig, DataError, Dataset, Heading, Purpose, Room, Samples, TableConfig, writer,
};

const NUMBERS: [f32; 12] = [
    0.5, -1.0, 2.0, 3.0, 4.25, -6.0, 7.0, 8.0, 9.5, 0.0, 1.0, 2.0,
];
const LABELS: [&str; 4] = ["10", "9", "10", "-1"];

fn reference(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/reference/files");
    folder.join(name)
}

fn read_with(path: &Path, change: impl Fn(&mut TableConfig)) -> Result<Dataset, DataError> {
    let mut config = DataConfig::default();
    change(&mut config.table);
    let mut reader = config.open(path, Purpose::Training)?;
    Dataset::read(&mut *reader, "the table", Room::UNLIMITED)
}

fn read(name: &str, change: impl Fn(&mut TableConfig)) -> Dataset {
    read_with(&reference(name), change).unwrap()
}

fn values(data: &Dataset) -> Vec<f32> {
    let all: Vec<usize> = (0..data.rows()).collect();
    data.samples.all().unwrap().gather(&all)
}

fn labels(data: &Dataset) -> Vec<&str> {
    let labels = data.labels.as_ref().unwrap();
    let name = |&class: &u32| labels.classes[class as usize].as_str();
    labels.values.iter().map(name).collect()
}

#[test]
fn tables_are_read_with_every_compression() {
    for codec in ["snappy", "gzip", "zstd", "lz4", "none"] {
        for label in ["kind", "4"] {
            let name = format!("numbers_{codec}.parquet");
            let data = read(&name, |c| c.label = label.to_owned());
            assert_eq!(values(&data), NUMBERS, "{codec}");
            assert_eq!(labels(&data), LABELS, "{codec}");
            assert_eq!(data.names, ["a", "b b", "c"]);
        }
    }
}

/// Byte strings whose lengths are packed as differences, in blocks of 128, in pages of both versions.
#[test]
fn words_are_read_in_every_packing() {
    for encoding in ["delta_byte_array", "delta_length_byte_array"] {
        for version in [1, 2] {
            let name = format!("{encoding}_{version}.parquet");
            let data = read(&name, |c| (c.one_hot, c.fill_missing) = (true, Some(0.0)));
            assert_eq!(data.rows(), 300, "{name}");
            for (row, values) in values(&data).chunks(11).enumerate() {
                assert_eq!(values[0], row as f32, "{name}");
                let mut words = [0.0; 10];
                if row % 7 != 0 {
                    words[row % 10] = 1.0;
                }
                assert_eq!(values[1..], words, "{name}, row {row}");
            }
        }
    }
}

#[test]
fn every_kind_of_number_is_read() {
    let data = read("whole.parquet", |_| {});
    assert_eq!(data.samples.width(), 12);
    for (row, expected) in values(&data).chunks(12).zip([0.0, 1.0, 1.0, 0.0]) {
        assert_eq!(row, [expected; 12]);
    }
    let largest = [
        4_294_967_295.0f64 as f32,
        18_446_744_073_709_551_615.0f64 as f32,
    ];
    assert_eq!(values(&read("unsigned.parquet", |_| {})), largest);
    let pixels = read("whole.parquet", |c| c.pixels = true);
    assert_eq!(values(&pixels)[12], 1.0 / 255.0);
}

#[test]
fn words_and_missing_values_are_taken_on_request() {
    let words = read("words.parquet", |c| c.one_hot = true);
    assert_eq!(words.names, ["a", "kind=x", "kind=y"]);
    assert_eq!(values(&words), [1., 1., 0., 2., 0., 1., 3., 1., 0.]);
    let filled = read("missing.parquet", |c| {
        (c.fill_missing, c.ignore) = (Some(-1.0), vec!["kind".to_owned()]);
    });
    assert_eq!(values(&filled), [1., 1., -1., 2., 3., -1.]);
}

#[test]
fn what_is_no_table_of_numbers_is_refused() {
    type Change = fn(&mut TableConfig);
    let cases: [(&str, Change, &str); 9] = [
        (
            "words",
            |_| {},
            "column 2 (`kind`) holds words; expected numbers",
        ),
        (
            "nested",
            |_| {},
            "column 2 (`list.list.element`) holds lists or groups",
        ),
        (
            "group",
            |_| {},
            "column 2 (`group.x`) holds lists or groups",
        ),
        (
            "times",
            |_| {},
            "column 2 (`when`) holds times, decimals or bytes",
        ),
        ("empty", |_| {}, "holds no rows"),
        (
            "infinite",
            |_| {},
            "row 2, column 1 (`a`): inf is beyond the numbers of f32",
        ),
        (
            "missing",
            |c| c.ignore = vec!["kind".to_owned()],
            "row 2, column 1 (`a`): the value is missing",
        ),
        (
            "missing",
            |c| (c.label, c.fill_missing) = ("kind".to_owned(), Some(0.0)),
            "row 2, column 3 (`kind`): the label is missing",
        ),
        (
            "words",
            |c| c.label = "nothing".to_owned(),
            "table.label is \"nothing\"; expected a column of",
        ),
    ];
    for (name, change, expected) in cases {
        let path = reference(&format!("{name}.parquet"));
        let message = read_with(&path, change).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
        assert!(!message.contains('\n'), "{message}");
    }
}

/// Truncated at every byte, and every byte changed: an error or, where the byte means nothing, rows; no
/// panic.
#[test]
fn damaged_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    let bytes = fs::read(reference("numbers_snappy.parquet")).unwrap();
    let label = |c: &mut TableConfig| c.label = "kind".to_owned();
    for length in 0..bytes.len() {
        fs::write(&path, &bytes[..length]).unwrap();
        let message = read_with(&path, label).unwrap_err().to_string();
        assert!(
            message.contains("is no Parquet file, or damaged"),
            "{message}"
        );
    }
    for place in 0..bytes.len() {
        for change in [0x01, 0x80, 0xff] {
            let mut changed = bytes.clone();
            changed[place] ^= change;
            fs::write(&path, &changed).unwrap();
            let _ = read_with(&path, label);
        }
    }
}

/// All kinds of numbers come back as they were, with words, in several groups and without any row.
#[test]
fn what_is_written_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    let heading = |words: bool| Heading {
        words: words.then(|| "kind".to_owned()),
        numbers: vec!["a".to_owned(), "b".to_owned()],
    };
    let doubles: Vec<f64> = (0..2_500_000).map(|i| f64::from(i) / 3.0).collect();
    for (samples, label) in [
        (
            Samples::Bytes {
                width: 2,
                values: vec![0, 255, 7, 8],
            },
            "x",
        ),
        (
            Samples::Floats {
                width: 2,
                values: vec![0.1, -1e30, 3.5, f32::MIN_POSITIVE],
            },
            "",
        ),
        (
            Samples::Doubles {
                width: 2,
                values: doubles,
            },
            "",
        ),
        (
            Samples::Floats {
                width: 2,
                values: vec![],
            },
            "",
        ),
    ] {
        let mut rows = writer(Some(&path), &heading(!label.is_empty()), None).unwrap();
        let words = vec![label.to_owned(); if label.is_empty() { 0 } else { samples.rows() }];
        // Twice, so that what waits for a group is added to.
        rows.write(&samples, &words).unwrap();
        rows.write(&samples, &words).unwrap();
        rows.finish().unwrap();
        let mut config = DataConfig::default();
        if !label.is_empty() {
            (config.table.label, config.table.pixels) = ("kind".to_owned(), true);
        }
        let mut reader = config.open(&path, Purpose::Training).unwrap();
        assert_eq!(reader.layout().names, ["a", "b"]);
        let mut found = Vec::new();
        while let Some(chunk) = reader.read(1000).unwrap() {
            let all: Vec<usize> = (0..chunk.samples.rows()).collect();
            found.extend(chunk.samples.gather_doubles(&all));
            assert!(chunk.labels.iter().all(|found| found == label));
        }
        let all: Vec<usize> = (0..samples.rows()).collect();
        let once = samples.gather_doubles(&all);
        assert_eq!(found, [once.clone(), once].concat());
    }
}
