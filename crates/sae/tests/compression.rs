//! Compressed codes: what they give back, what damaged ones do, and others on the same rows.

use std::f32::consts::TAU;

use sae::compression::{
    Compressed, Compression, CompressionError, Compressor, Decompressor, Method, Peak, compare,
};
use sae::data::{ImageShape, SplitData};
use sae::{Dataset, Error, Experiment, Layer, Model, Prepared, Samples};

/// Rows of `width` values, each a wave of its own phase.
fn waves(rows: usize, width: usize) -> Samples {
    let value =
        |k: usize, i: usize| 0.5 + 0.4 * (TAU * i as f32 / width as f32 + 0.37 * k as f32).sin();
    let row = |k: usize| (0..width).map(move |i| value(k, i));
    let values = (0..rows).flat_map(row).collect();
    Samples::Floats { width, values }
}

/// An experiment of a moment, with one autoencoder.
fn experiment(hidden: usize) -> Experiment {
    let mut experiment = Experiment {
        classifier: false,
        layers: vec![Layer {
            hidden,
            beta: 0.0,
            ..Layer::default()
        }],
        ..Experiment::default()
    };
    experiment.pretrain.epochs = 5;
    experiment
}

fn trained(experiment: &Experiment, data: Dataset) -> Model {
    let data = SplitData::new(data.clone(), data);
    let prepared = Prepared::new(experiment, data).expect("an experiment");
    prepared.run(&mut ()).expect("it trains").model
}

fn rows_of(samples: &Samples) -> Vec<f32> {
    samples.gather(&(0..samples.rows()).collect::<Vec<_>>())
}

fn wave_model(hidden: usize) -> Model {
    let data = Dataset::from_rows(6, rows_of(&waves(100, 6)));
    trained(&experiment(hidden), data)
}

fn compressed(model: &Model, bits: u32, rows: &Samples) -> (Vec<u8>, Compressed) {
    let mut file = Vec::new();
    let settings = Compression {
        bits,
        keep: Some(1 << 20),
    };
    let mut compressor = Compressor::new(model, settings, &mut file).expect("a header");
    compressor.add(rows).expect("rows that fit");
    let compressed = compressor.finish().expect("an end");
    (file, compressed)
}

fn decompressed(model: &Model, file: &[u8]) -> Result<Vec<f32>, Error> {
    let mut decompressor = Decompressor::new(model, file)?;
    let mut values = Vec::new();
    while let Some(rows) = decompressor.read()? {
        values.extend(rows_of(&rows));
    }
    Ok(values)
}

/// What decompression should give, by plain loops: each unit of each 4096 rows on 2^bits even levels.
fn expected(model: &Model, bits: u32, rows: &Samples) -> Vec<f32> {
    let width = model.hidden();
    let mut codes = rows_of(&model.encode(rows).expect("codes"));
    for block in codes.chunks_mut(4096 * width) {
        for unit in 0..width {
            let column = || (unit..block.len()).step_by(width);
            let values: Vec<f64> = column().map(|at| f64::from(block[at])).collect();
            let low = values.iter().copied().fold(f64::INFINITY, f64::min);
            let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let step = (high - low) / f64::from(2u32.pow(bits) - 1);
            for (at, value) in column().zip(values) {
                if step > 0.0 {
                    block[at] = (low + ((value - low) / step).round() * step) as f32;
                }
            }
        }
    }
    let codes = Samples::Floats {
        width,
        values: codes,
    };
    rows_of(&model.decode(&codes).expect("rows"))
}

#[test]
fn rows_come_back_as_their_quantised_codes_say() {
    let model = wave_model(3);
    for rows in [0, 1, 2, 9000] {
        let rows = waves(rows, 6);
        for bits in 1..=8 {
            let (file, found) = compressed(&model, bits, &rows);
            assert_eq!(found.rows, rows.rows() as u64);
            assert_eq!(found.bytes, file.len() as u64);
            assert_eq!(found.source_bytes, found.rows * 6 * 4);
            let again = decompressed(&model, &file).unwrap();
            let plain = expected(&model, bits, &rows);
            assert_eq!(again.len(), plain.len());
            for (z, plain) in again.iter().zip(&plain) {
                assert!((z - plain).abs() < 1e-6, "{bits} bits: {z} {plain}");
            }
            check_figures(&found, &rows_of(&rows), &again);
        }
    }
}

/// RMSE and PSNR by plain loops over what decompression gave.
fn check_figures(found: &Compressed, x: &[f32], z: &[f32]) {
    let peak = found.distortion.peak(true);
    if x.is_empty() {
        assert_eq!(found.distortion.psnr(peak), None);
        return;
    }
    let squares = x.iter().zip(z).map(|(x, z)| f64::from(x - z).powi(2));
    let mse = squares.sum::<f64>() / x.len() as f64;
    assert!((found.distortion.rmse() / mse.sqrt() - 1.0).abs() < 1e-4);
    let psnr = -10.0 * mse.log10();
    assert_eq!(peak, Peak::One);
    assert!((found.distortion.psnr(peak).expect("values") - psnr).abs() < 1e-3);
    let sample = found.sample.as_ref().expect("a sample");
    assert!(sample.is_all && sample.bytes == found.bytes);
}

#[test]
fn a_file_is_the_same_however_its_rows_come() {
    let (model, rows) = (wave_model(3), waves(9000, 6));
    let (file, _) = compressed(&model, 5, &rows);
    let mut parted = Vec::new();
    let settings = Compression {
        bits: 5,
        keep: Some(1),
    };
    let mut compressor = Compressor::new(&model, settings, &mut parted).unwrap();
    let numbers: Vec<usize> = (0..9000).collect();
    for part in numbers.chunks(1234) {
        compressor.add(&rows.select(part)).unwrap();
    }
    let found = compressor.finish().unwrap();
    assert!(parted == file);
    // One block is kept, however little may be; alone it makes a file of the bytes that are said.
    let sample = found.sample.unwrap();
    assert_eq!((sample.rows.rows(), sample.is_all), (4096, false));
    let (alone, other) = compressed(&model, 5, &sample.rows);
    assert_eq!(sample.bytes, alone.len() as u64);
    assert_eq!(sample.distortion, other.distortion);
}

#[test]
fn fewer_bits_take_fewer_bytes() {
    let (model, rows) = (wave_model(3), waves(9000, 6));
    let sizes: Vec<usize> = (1..=8)
        .map(|bits| compressed(&model, bits, &rows).0.len())
        .collect();
    assert!(sizes.is_sorted_by(|a, b| a < b), "{sizes:?}");
    assert!(sizes[7] < 9000 * 3 + 200, "{sizes:?}");
    assert!(sizes[0] < 9000 * 3 / 8 + 200, "{sizes:?}");
}

/// The scaling takes each row's mean, which no code holds.
#[test]
fn the_mean_of_a_row_comes_back() {
    let mut with_mean = experiment(3);
    with_mean.data.scaling.remove_dc = true;
    with_mean.layers[0].decoder = "linear".parse().unwrap();
    let data = Dataset::from_rows(6, rows_of(&waves(100, 6)));
    let model = trained(&with_mean, data);
    let mut values = rows_of(&waves(300, 6));
    for (row, values) in values.chunks_mut(6).enumerate() {
        values.iter_mut().for_each(|value| *value += row as f32);
    }
    let rows = Samples::Floats { width: 6, values };
    let (file, _) = compressed(&model, 8, &rows);
    let again = decompressed(&model, &file).unwrap();
    let direct = rows_of(&model.reconstruct(&rows).unwrap());
    // Means from 0.5 to 299.5 on 256 levels.
    let most = 0.5 * 299.0 / 255.0 + 0.05;
    for (z, direct) in again.iter().zip(&direct) {
        assert!((z - direct).abs() < most, "{z} {direct}");
    }
}

#[test]
fn another_model_is_refused() {
    let (model, other) = (wave_model(3), wave_model(2));
    let (file, _) = compressed(&model, 8, &waves(10, 6));
    let refused = decompressed(&other, &file).unwrap_err();
    assert!(refused.is_input());
    assert!(matches!(
        refused,
        Error::Compression(CompressionError::OtherModel { .. })
    ));
    // Of the same sizes.
    let mut longer = experiment(3);
    longer.pretrain.epochs = 6;
    let data = Dataset::from_rows(6, rows_of(&waves(100, 6)));
    let message = decompressed(&trained(&longer, data), &file).unwrap_err();
    let message = message.to_string();
    assert!(
        message.starts_with("was compressed with another model; expected the one of fingerprint"),
        "{message}"
    );
    // The same, read from its bytes.
    let same = Model::from_bytes(&model.to_bytes().unwrap()).unwrap();
    assert_eq!(decompressed(&same, &file).unwrap().len(), 60);
}

/// Checksums notice each of them.
#[test]
fn every_damage_is_an_error() {
    let model = wave_model(1);
    // Two blocks, of rows that are all the same but two.
    let mut values = vec![0.5; 6 * 4099];
    values[0] = 0.25;
    values[6 * 4098] = 0.75;
    let rows = Samples::Floats { width: 6, values };
    let (file, _) = compressed(&model, 3, &rows);
    assert!(file.len() < 300, "{}", file.len());
    decompressed(&model, &file).unwrap();
    for end in 0..file.len() {
        let message = decompressed(&model, &file[..end]).unwrap_err().to_string();
        let expected = if end < 8 {
            "holds no"
        } else {
            "ends in the middle"
        };
        assert!(message.starts_with(expected), "{end}: {message}");
    }
    for place in 0..file.len() {
        for bit in 0..8 {
            let mut damaged = file.clone();
            damaged[place] ^= 1 << bit;
            let error = decompressed(&model, &damaged).unwrap_err();
            assert!(matches!(error, Error::Compression(_)), "{place}: {error}");
        }
    }
    let more = [&file[..], &[0]].concat();
    let message = decompressed(&model, &more).unwrap_err().to_string();
    assert_eq!(
        message,
        "is damaged after 4099 rows: something follows the end"
    );
}

/// Bytes with the checksum that belongs to them.
fn sealed(bytes: &[u8]) -> Vec<u8> {
    [bytes, &crc32fast::hash(bytes).to_le_bytes()].concat()
}

/// A block of any header.
fn block(rows: u32, length: u32, bytes: &[u8]) -> Vec<u8> {
    let head = [rows.to_le_bytes(), length.to_le_bytes()].concat();
    let crc = crc32fast::hash(&[&head, bytes].concat()).to_le_bytes();
    [&head, &crc[..], bytes].concat()
}

/// Those who forge know how to make checksums.
#[test]
fn forged_files_are_refused() {
    let model = wave_model(1);
    let (file, _) = compressed(&model, 3, &waves(5, 6));
    let head = &file[..56];
    let with = |at: usize, number: u32| {
        let mut head = head[..52].to_vec();
        head[at..at + 4].copy_from_slice(&number.to_le_bytes());
        [&sealed(&head), &file[56..]].concat()
    };
    let end = |rows: u64| block(0, 8, &rows.to_le_bytes());
    let then = |bytes: &[u8]| [head, bytes].concat();
    let cases = [
        (
            with(8, 2),
            "is of format 2; expected 1: another version of this program wrote it",
        ),
        (
            with(12, 9),
            "is damaged after 0 rows: values have no bits from 1 to 8",
        ),
        (
            with(16, u32::MAX),
            "is damaged after 0 rows: its rows have another width than the",
        ),
        (
            then(&end(1)),
            "is damaged after 0 rows: the end says another number of rows",
        ),
        (
            then(&block(u32::MAX, 9, &[0; 9])),
            "is damaged after 0 rows: the header of a block",
        ),
        (
            then(&block(4096, u32::MAX, &[])),
            "is damaged after 0 rows: the header of a block",
        ),
        (
            then(&block(4096, 100, &[0; 50])),
            "ends in the middle, after 0 rows; expected a whole",
        ),
        (
            then(&block(1, 0, &[])),
            "is damaged after 0 rows: a block is empty",
        ),
        (
            b"a,b\n1,2\n".to_vec(),
            "holds no compressed codes; expected a file that `sae compress`",
        ),
    ];
    for (file, expected) in cases {
        let message = decompressed(&model, &file).unwrap_err().to_string();
        assert!(message.starts_with(expected), "{message}");
    }
    assert!(decompressed(&model, &then(&end(0))).unwrap().is_empty());
}

/// Each bit of a block turned, under a checksum that is right: rows or an error, and no more rows than the
/// block says.
#[test]
fn forged_blocks_do_no_harm() {
    let model = wave_model(2);
    for bits in [3, 8] {
        let (file, _) = compressed(&model, bits, &waves(20, 6));
        let bytes = &file[68..file.len() - 20];
        for place in 0..bytes.len() {
            for bit in 0..8 {
                let mut forged = bytes.to_vec();
                forged[place] ^= 1 << bit;
                let parts = [
                    &file[..56],
                    &block(20, bytes.len() as u32, &forged),
                    &file[file.len() - 20..],
                ];
                if let Ok(rows) = decompressed(&model, &parts.concat()) {
                    assert_eq!(rows.len(), 120);
                }
            }
        }
    }
}

#[test]
fn bits_and_rows_are_checked() {
    let model = wave_model(2);
    for bits in [0, 9] {
        let settings = Compression { bits, keep: None };
        let refused = Compressor::new(&model, settings, Vec::new()).err().unwrap();
        let expected = format!("bits is {bits}; expected 1 to 8");
        assert_eq!(refused.to_string(), expected);
    }
    let mut compressor = Compressor::new(&model, Compression::default(), Vec::new()).unwrap();
    let refused = compressor.add(&waves(2, 5)).unwrap_err();
    assert!(refused.to_string().contains("5 values per row; expected 6"));
    let values = vec![f32::NAN; 6];
    compressor
        .add(&Samples::Floats { width: 6, values })
        .unwrap();
    let refused = compressor.finish().err().unwrap();
    assert_eq!(
        refused.to_string(),
        "value 0 of the code of row 0 (counted from 0) is NaN; expected a finite number"
    );
}

/// The principal component of (±3, ±1) is the first coordinate: two levels hold it, and what is lost is
/// the second one, 1 of each two squares.
#[test]
fn principal_components_by_hand() {
    let values = vec![3.0, 1.0, 3.0, -1.0, -3.0, 1.0, -3.0, -1.0];
    let mut table = experiment(1);
    table.data.scaling.kind = serde_json::from_str("\"min_max\"").unwrap();
    let model = trained(&table, Dataset::from_rows(2, values.clone()));
    let rows = Samples::Floats { width: 2, values };
    let (_, found) = compressed(&model, 1, &rows);
    let comparison = compare(&model, 1, &found.sample.unwrap()).unwrap();
    let [own, pca] = &comparison.rivals[..] else {
        panic!("{comparison:?}");
    };
    assert_eq!(own.method, Method::Autoencoder { values: 1 });
    assert_eq!((own.bytes, own.distortion), (found.bytes, found.distortion));
    assert_eq!(pca.method, Method::Pca { components: 1 });
    assert!((pca.distortion.mse() - 0.5).abs() < 1e-6, "{pca:?}");
    assert_eq!(comparison.peak, Peak::Range(6.0));
}

/// 256 evenly spaced points on a line lie on the levels of 8 bits.
#[test]
fn one_component_holds_a_line() {
    let point = |t: usize| [1.0, 2.0, -3.0].map(|slope| 0.5 + slope * t as f32 / 255.0);
    let values: Vec<f32> = (0..256).flat_map(point).collect();
    let mut table = experiment(1);
    table.data.scaling.kind = serde_json::from_str("\"min_max\"").unwrap();
    let model = trained(&table, Dataset::from_rows(3, values.clone()));
    let rows = Samples::Floats { width: 3, values };
    let (_, found) = compressed(&model, 8, &rows);
    let comparison = compare(&model, 8, &found.sample.unwrap()).unwrap();
    let pca = comparison.rivals[1];
    assert!(pca.distortion.rmse() < 1e-6, "{pca:?}");
}

/// More hidden units than inputs, and inputs that never vary.
#[test]
fn components_are_at_most_the_inputs() {
    let values = [0.5f32, 0.25].repeat(20);
    let model = trained(&experiment(5), Dataset::from_rows(2, values.clone()));
    let rows = Samples::Floats { width: 2, values };
    let (_, found) = compressed(&model, 8, &rows);
    let comparison = compare(&model, 8, &found.sample.unwrap()).unwrap();
    let pca = comparison.rivals[1];
    assert_eq!(pca.method, Method::Pca { components: 2 });
    assert!(pca.distortion.rmse() < 1e-6, "{pca:?}");
}

#[test]
fn images_are_compared_with_pictures() {
    for (size, channels) in [(8, 1), (12, 1), (8, 3)] {
        let shape = ImageShape {
            channels,
            ..ImageShape::grey(size, size)
        };
        let width = shape.values();
        let byte = |place: usize| {
            let (image, value) = (place / width, place % width);
            (image * 11 + value / channels * 3 + value % channels * 40) as u8
        };
        let values: Vec<u8> = (0..50 * width).map(byte).collect();
        let rows = Samples::Bytes { width, values };
        let mut data = Dataset::from_rows(width, vec![0.0; width]);
        data.samples = rows.clone().into();
        data.image = shape;
        let model = trained(&experiment(20), data);
        let (_, found) = compressed(&model, 8, &rows);
        assert_eq!(found.source_bytes, 50 * width as u64);
        let comparison = compare(&model, 8, &found.sample.unwrap()).unwrap();
        assert_eq!(comparison.peak, Peak::One);
        let [_, _, jpeg, webp] = &comparison.rivals[..] else {
            panic!("{comparison:?}");
        };
        let Method::Jpeg { quality } = jpeg.method else {
            panic!("{jpeg:?}");
        };
        assert!(jpeg.bytes <= found.bytes || quality == 1, "{jpeg:?}");
        assert!(jpeg.distortion.rmse() < 0.3, "{jpeg:?}");
        assert_eq!(webp.method, Method::WebP);
        assert_eq!(webp.distortion.psnr(Peak::One), Some(f64::INFINITY));
        assert!(webp.bytes > 0);
    }
}

/// Values above 1 are no pixels.
#[test]
fn what_is_no_picture_is_left_out() {
    let mut data = Dataset::from_rows(16, rows_of(&waves(20, 16)));
    data.image = ImageShape::grey(4, 4);
    let model = trained(&experiment(3), data);
    let mut values = rows_of(&waves(20, 16));
    values[3] = 2.0;
    let (_, found) = compressed(&model, 8, &Samples::Floats { width: 16, values });
    let comparison = compare(&model, 8, &found.sample.unwrap()).unwrap();
    assert_eq!(comparison.rivals.len(), 2);
    assert_eq!(
        comparison.left_out,
        ["JPEG and WebP: values outside [0, 1] are no pixels"]
    );
}
