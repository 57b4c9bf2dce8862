//! Files that other programs wrote (`tests/reference/files.py`), what is read of them, and bad files.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use sae_data::{Colour, DataConfig, DataError, Dataset, Format, Layout, Purpose, Samples, Source};

const NUMBERS: [f32; 12] = [
    0.5, -1.0, 2.0, 3.0, 4.25, -6.0, 7.0, 8.0, 9.5, 0.0, 1.0, 2.0,
];
const LABELS: [&str; 4] = ["10", "9", "10", "-1"];

fn reference(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/reference/files");
    folder.join(name)
}

fn read_with(path: &Path, config: &DataConfig) -> Result<Dataset, DataError> {
    Dataset::read(
        &mut *config.open(path, Purpose::Training)?,
        &path.display().to_string(),
        config.room(),
    )
}

fn read(name: &str, config: &DataConfig) -> Dataset {
    read_with(&reference(name), config).unwrap()
}

fn values(data: &Dataset) -> Vec<f32> {
    let samples = data.samples.all().unwrap();
    samples.gather(&(0..data.rows()).collect::<Vec<_>>())
}

/// The labels by their names.
fn labels(data: &Dataset) -> Vec<&str> {
    let labels = data.labels.as_ref().unwrap();
    let name = |&class: &u32| labels.classes[class as usize].as_str();
    labels.values.iter().map(name).collect()
}

fn with(change: impl Fn(&mut DataConfig)) -> DataConfig {
    let mut config = DataConfig::default();
    change(&mut config);
    config
}

#[test]
fn numpys_arrays_are_read() {
    let config = DataConfig::default();
    for name in [
        "le_f2", "be_f2", "le_f4", "be_f4", "le_f8", "be_f8", "fortran",
    ] {
        let data = read(&format!("numbers_{name}.npy"), &config);
        assert_eq!((data.rows(), data.samples.width()), (4, 3), "{name}");
        assert_eq!(values(&data), NUMBERS, "{name}");
    }
    for name in ["bool", "i1", "u2", "i2", "u4", "i4", "u8", "i8"] {
        let data = read(&format!("whole_{name}.npy"), &config);
        let expected = [0., 0., 0., 1., 1., 1., 1., 1., 1., 0., 0., 0.];
        assert_eq!(values(&data), expected, "{name}");
    }
    let pixels = [0, 1, 2, 127, 128, 129, 253, 254, 255, 3, 5, 7];
    assert_eq!(
        read("pixels.npy", &config).samples,
        Samples::Bytes {
            width: 3,
            values: pixels.to_vec()
        }
        .into()
    );
}

#[test]
fn arrays_have_names_and_labels() {
    let named = with(|c| {
        c.arrays.samples = "x".to_owned();
        c.arrays.labels = "y".to_owned();
    });
    for name in ["arrays.npz", "compressed.npz", "tensors.safetensors"] {
        let data = read(name, &named);
        assert_eq!(values(&data), NUMBERS, "{name}");
        assert_eq!(labels(&data), LABELS, "{name}");
        assert_eq!(data.labels.unwrap().classes, ["-1", "9", "10"], "{name}");
    }
    let only = read("tensors.safetensors", &DataConfig::default());
    assert_eq!(values(&only), NUMBERS);
    assert_eq!(values(&read("shards", &DataConfig::default())), NUMBERS);
}

#[test]
fn tables_as_text_are_read() {
    let labelled = with(|c| c.table.label = "kind".to_owned());
    let by_number = with(|c| c.table.label = "4".to_owned());
    for name in ["numbers.csv", "numbers.tsv", "numbers.csv.gz"] {
        for config in [&labelled, &by_number] {
            let data = read(name, config);
            assert_eq!(values(&data), NUMBERS, "{name}");
            assert_eq!(labels(&data), LABELS, "{name}");
            assert_eq!(data.names, ["a", "b b", "c \"c\""], "{name}");
        }
    }
    let ignoring = with(|c| c.table.ignore = vec!["kind".to_owned(), "2".to_owned()]);
    assert_eq!(read("numbers.csv", &ignoring).names, ["a", "c \"c\""]);
    assert_eq!(
        read("numbers.csv", &DataConfig::default()).samples.width(),
        4
    );
}

#[test]
fn folders_of_pictures_are_read() {
    let config = with(|c| c.images.labels = true);
    let data = read("pictures", &config);
    assert_eq!((data.image.height, data.image.width), (2, 3));
    assert_eq!(labels(&data), ["0", "1", "0", "1", "0"]);
    let expected: Vec<f32> = (1..=5u8)
        .flat_map(|k| [f32::from(40 * k) / 255.0; 6])
        .collect();
    assert_eq!(values(&data), expected);
    let colour = with(|c| c.images.colour = Colour::Rgb);
    let data = read("pictures", &colour);
    assert_eq!((data.image.channels, data.samples.width()), (3, 18));
    assert_eq!(values(&data)[18..36], [80.0 / 255.0; 18]);
}

/// 0x8080 of 16 bits is 32896 / 65535, as exactly as single precision has it; before black, half of 200
/// is 100.
#[test]
fn palettes_depths_and_alpha_are_understood() {
    let found = values(&read("kinds", &with(|c| c.images.colour = Colour::Rgb)));
    assert_eq!(found[..6], [1.0, 1.0, 1.0, 0.0, 0.0, 0.0]);
    assert_eq!(found[12..24], [32896.0 / 65535.0; 12]);
    assert_eq!(found[24..27], [100.0, 50.0, 25.0].map(|v: f32| v / 255.0));
    let deep = tempfile::tempdir().unwrap();
    let ramp = image::ImageBuffer::from_fn(3, 1, |x, _| image::Luma([x as u16 * 257 + 1]));
    ramp.save(deep.path().join("a.png")).unwrap();
    let grey = read_with(deep.path(), &DataConfig::default()).unwrap();
    assert_eq!(values(&grey), [1.0, 258.0, 515.0].map(|v: f32| v / 65535.0));
}

/// Pictures of 2 x 5 and 3 x 4 pixels have two patches of 2 x 2 each, from the top left.
#[test]
fn pictures_are_cut_into_patches() {
    let folder = tempfile::tempdir().unwrap();
    for (name, width, height) in [("1", 5, 2), ("2", 4, 3)] {
        let numbered =
            image::GrayImage::from_fn(width, height, |x, y| image::Luma([(10 * y + x) as u8]));
        fs::create_dir(folder.path().join(name)).unwrap();
        numbered
            .save(folder.path().join(name).join("a.png"))
            .unwrap();
    }
    let config = with(|c| (c.images.patch, c.images.labels) = (2, true));
    let data = read_with(folder.path(), &config).unwrap();
    let patches = [[0, 1, 10, 11], [2, 3, 12, 13]].concat();
    let twice = [patches.clone(), patches].concat();
    assert_eq!(
        values(&data),
        twice.iter().map(|&v| v as f32 / 255.0).collect::<Vec<_>>()
    );
    assert_eq!(labels(&data), ["1", "1", "2", "2"]);
    assert_eq!((data.image.height, data.image.width), (2, 2));
    let mut reader = config.open(folder.path(), Purpose::Training).unwrap();
    let mut counts = Vec::new();
    while let Some(chunk) = reader.read(3).unwrap() {
        counts.push(chunk.samples.rows());
    }
    assert_eq!(counts, [3, 1]);
    let larger = with(|c| c.images.patch = 3);
    let message = read_with(folder.path(), &larger).unwrap_err().to_string();
    assert!(
        message.ends_with("has 2 x 5 pixels; expected at least 3 x 3, the size of a patch"),
        "{message}"
    );
}

#[test]
fn pictures_are_cut_and_brought_to_size() {
    let folder = tempfile::tempdir().unwrap();
    // Black, white, white, black beside each other: the middle is white.
    let strip = image::GrayImage::from_fn(8, 2, |x, _| {
        image::Luma([if (2..6).contains(&x) { 255 } else { 0 }])
    });
    strip.save(folder.path().join("10.png")).unwrap();
    image::GrayImage::new(3, 3)
        .save(folder.path().join("2.png"))
        .unwrap();
    let config = with(|c| c.images.size = [2, 2]);
    let data = read_with(folder.path(), &config).unwrap();
    assert_eq!(values(&data), [0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0]);
    let error = read_with(folder.path(), &DataConfig::default())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("10.png: has 2 x 8 pixels; expected 3 x 3, as "),
        "{error}"
    );
    assert!(
        error.contains("2.png has; images.size = [height, width]"),
        "{error}"
    );
}

/// A table in a file of its own, read as `config` says.
fn table(text: &[u8], config: &DataConfig) -> Result<Dataset, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    fs::write(&path, text).unwrap();
    let shown = format!("{}/", folder.path().display());
    read_with(&path, config).map_err(|error| error.to_string().replace(&shown, ""))
}

#[test]
fn what_tables_may_look_like() {
    let plain = DataConfig::default();
    let numbers = [1.0, 2.0, 3.0, 4.0];
    for text in [
        "1,2\n3,4\n",
        "1;2\r\n3;4\r\n",
        "1\t2\n3\t4",
        "1|2\n3|4\n\n",
        "1 2\n3 4\n",
        "\u{feff}a,b\n1,2\n3,4\n",
        "\"a\nx\",\"b\"\"y\"\n\"1\", 2\n3,4e0\n",
    ] {
        let data = table(text.as_bytes(), &plain).unwrap();
        assert_eq!(values(&data), numbers, "{text:?}");
    }
    // What stands in quotes delimits nothing, after two of them neither.
    let data = table(b"\"a \"\"x\"\", y, z\";b\n1;2\n3;4\n", &plain).unwrap();
    assert_eq!(data.names, ["a \"x\", y, z", "b"]);
    assert_eq!(values(&data), numbers);
    let headed = with(|c| c.table.header = sae_data::Header::Yes);
    assert_eq!(
        table(b"7,8\n1,2\n3,4\n", &headed).unwrap().names,
        ["7", "8"]
    );
    let filled = with(|c| c.table.fill_missing = Some(-1.0));
    let data = table(b"a,b\n1,\nNA,4\n", &filled).unwrap();
    assert_eq!(values(&data), [1.0, -1.0, -1.0, 4.0]);
    let words = with(|c| c.table.one_hot = true);
    let data = table(b"a,b\n1,red\n2,blue\n3,red\n", &words).unwrap();
    assert_eq!(data.names, ["a", "b=blue", "b=red"]);
    assert_eq!(values(&data), [1., 0., 1., 2., 1., 0., 3., 0., 1.]);
    let pixels = with(|c| c.table.pixels = true);
    assert_eq!(
        values(&table(b"0,255\n51,102\n", &pixels).unwrap()),
        [0.0, 1.0, 0.2, 0.4]
    );
}

/// A model knows its words; others are none of them.
#[test]
fn words_are_those_of_the_model() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    fs::write(&path, "a,b\n1,red\n2,green\n").unwrap();
    let config = with(|c| c.table.one_hot = true);
    let wanted: Vec<String> = ["a", "b=blue", "b=red"].map(str::to_owned).to_vec();
    let mut reader = config.open(&path, Purpose::Model(&wanted)).unwrap();
    let expected = Layout {
        names: wanted,
        ..Layout::table(3)
    };
    assert_eq!(*reader.layout(), expected);
    let chunk = reader.read(10).unwrap().unwrap();
    assert_eq!(
        chunk.samples.gather(&[0, 1]),
        [1.0, 0.0, 1.0, 2.0, 0.0, 0.0]
    );
}

/// Labels and columns to be left out need not be there when a model is used.
#[test]
fn a_model_needs_its_inputs_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    fs::write(&path, "a,b\n1,2\n").unwrap();
    let config = with(|c| {
        c.table.label = "kind".to_owned();
        c.table.ignore = vec!["b".to_owned(), "id".to_owned()];
    });
    let reader = config.open(&path, Purpose::Model(&[])).unwrap();
    assert_eq!(reader.layout().names, ["a"]);
    assert!(!reader.layout().labelled);
    assert!(config.open(&path, Purpose::Training).is_err());
}

#[test]
fn bad_tables_are_refused_by_place() {
    let plain = DataConfig::default();
    let cases: [(&[u8], &str); 20] = [
        (
            b"",
            "t.csv: is empty; expected a table with at least one row",
        ),
        (b"a,b\n", "t.csv holds no rows; expected at least one"),
        (
            b"1,2\n3\n",
            "t.csv: line 2 has 1 fields; expected 2, as the first line has",
        ),
        (b"1,2\n3,4,5\n", "t.csv: line 2 has 3 fields; expected 2"),
        (
            b"a,b\n1,x\n",
            "t.csv: line 2, column 2 (`b`): `x` is no number; expected a number; table.one_hot",
        ),
        (
            b"a,b\n1,\n",
            "t.csv: line 2, column 2 (`b`): the value is missing; expected a number; table.fill_missing",
        ),
        (
            b"a,b\n1,nan\n",
            "t.csv: line 2, column 2 (`b`): the value is missing",
        ),
        (
            b"1,2\n3,inf\n",
            "t.csv: line 2, column 2: `inf` is no number",
        ),
        (
            b"1,2\n3,1e999\n",
            "t.csv: line 2, column 2: `1e999` is beyond the numbers of f32",
        ),
        (
            b"1,2\n3,1e39\n",
            "t.csv: line 2, column 2: `1e39` is beyond",
        ),
        (b"1,2\n3,0x10\n", "`0x10` is no number"),
        (
            b"a,a\n1,2\n",
            "t.csv: line 1, column 2: the name `a` is there twice; expected a name of its own",
        ),
        (b"a,\n1,2\n", "t.csv: line 1, column 2: the name is missing"),
        (
            b"a,\xff\n1,2\n",
            "t.csv: line 1, column 2: the name is no UTF-8",
        ),
        (
            b"1,\xff\n",
            "t.csv: line 1, column 2: `\u{fffd}` is no number",
        ),
        (
            b"\xff\xfe1\0",
            "t.csv: is text in UTF-16; expected text in UTF-8",
        ),
        (
            b"a,b\n1,\"x\ny\n",
            "t.csv: line 2, column 2 (`b`): `x\\u{a}y",
        ),
        (b"a,b\n1,\x1b[31m\n", "`\\u{1b}[31m` is no number"),
        (b"\x1f\x8b\x08\0\0\0\0\0\0\0", "t.csv: cannot be read"),
        (b"1,--2\n", "`--2` is no number"),
    ];
    for (text, expected) in cases {
        let error = table(text, &plain).unwrap_err();
        assert!(error.contains(expected), "{error}\n{expected}");
    }
    for (change, expected) in [
        (
            with(|c| c.table.label = "c".to_owned()),
            "table.label is \"c\"; expected a column of t.csv (a, b), or its number from 1",
        ),
        (
            with(|c| c.table.label = "3".to_owned()),
            "table.label is \"3\"; expected a column",
        ),
        (
            with(|c| c.table.ignore = vec!["1".to_owned(), "b".to_owned()]),
            "t.csv: has no column that is an input",
        ),
        (
            with(|c| c.table.pixels = true),
            "t.csv: line 2, column 2 (`b`): `2.5` is no pixel; expected a whole number from 0 to 255",
        ),
    ] {
        let error = table(b"a,b\n1,2.5\n", &change).unwrap_err();
        assert!(error.starts_with(expected), "{error}");
    }
}

/// A line that never ends, packed into a few bytes.
#[test]
fn a_bomb_does_not_fill_the_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv.gz");
    let mut packed = flate2::write::GzEncoder::new(
        fs::File::create(&path).unwrap(),
        flate2::Compression::best(),
    );
    for _ in 0..100 {
        packed.write_all(&[b'1'; 1 << 20]).unwrap();
    }
    packed.finish().unwrap();
    refused(&path, &DataConfig::default(), TOO_LONG);
}

const TOO_LONG: &str = "holds a line of more than 67108864 bytes";

/// The error of a file says what is expected.
#[track_caller]
fn refused(path: &Path, config: &DataConfig, expected: &str) {
    let error = read_with(path, config).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}

/// What a line is, a quote within a field does not change; one at its start does.
#[test]
fn lines_are_as_long_as_their_quotes_say() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    let row = format!("0.{}1,2\n", "0".repeat(1 << 20));
    let rows = |header: &str| {
        let text = format!("{header}\n{}", row.repeat(70));
        fs::write(&path, text).unwrap();
    };
    rows("size [\"],b");
    assert_eq!(read_with(&path, &DataConfig::default()).unwrap().rows(), 70);
    rows("a\"\n\"");
    refused(&path, &DataConfig::default(), TOO_LONG);
}

/// Each name once, among many.
#[test]
fn many_names_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    let mut names: Vec<String> = (0..200_000).map(|name| format!("n{name}")).collect();
    let row = vec!["1"; names.len()].join(",");
    fs::write(&path, format!("{}\n{row}\n", names.join(","))).unwrap();
    let data = read_with(&path, &DataConfig::default()).unwrap();
    assert_eq!(data.names, names);
    names[199_999] = "n7".to_owned();
    fs::write(&path, format!("{}\n{row}\n", names.join(","))).unwrap();
    refused(&path, &DataConfig::default(), "`n7` is there twice");
}

/// More labels than images are refused by what their file says, before they are read.
#[test]
fn labels_are_counted_before_they_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let [images, labels] =
        ["images-idx3-ubyte", "labels-idx1-ubyte.gz"].map(|name| folder.path().join(name));
    fs::write(
        &images,
        [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 7, 9],
    )
    .unwrap();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed
        .write_all(&[0, 0, 8, 1, 0xff, 0xff, 0xff, 0xff])
        .unwrap();
    fs::write(&labels, packed.finish().unwrap()).unwrap();
    refused(folder.path(), &DataConfig::default(), "4294967295 labels");
}

/// Tables and pictures have their labels themselves.
#[test]
fn labels_in_a_file_of_their_own_are_of_arrays() {
    let config = with(|c| {
        c.source = Source::Csv;
        c.files.train = reference("numbers.csv").display().to_string();
        c.files.train_labels = reference("labels.npy").display().to_string();
    });
    let error = config.load(1, false).unwrap_err().to_string();
    assert!(error.contains("labels.npy: is named for labels"), "{error}");
    assert!(error.contains("expected data.table.label"), "{error}");
}

/// What stands for missing values is a value itself.
#[test]
fn values_that_are_filled_in_are_numbers() {
    for (value, pixels) in [
        (f64::NAN, false),
        (1e300, false),
        (-1.0, true),
        (0.5, true),
        (300.0, true),
    ] {
        let config = with(|c| (c.table.fill_missing, c.table.pixels) = (Some(value), pixels));
        let error = config.check().unwrap_err().to_string();
        assert!(error.contains("table.fill_missing is"), "{error}");
    }
    let config = with(|c| (c.table.fill_missing, c.table.pixels) = (Some(255.0), true));
    config.check().unwrap();
}

/// No format has pixels that are no numbers, but TIFF.
#[test]
fn pixels_are_finite() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.tiff");
    let picture = |value: f32| {
        let pixels = image::Rgb32FImage::from_pixel(2, 2, image::Rgb([0.5, value, 0.25]));
        image::DynamicImage::ImageRgb32F(pixels)
            .save(&path)
            .unwrap();
    };
    let config = with(|c| c.images.colour = Colour::Rgb);
    picture(0.75);
    assert_eq!(
        values(&read_with(folder.path(), &config).unwrap())[..3],
        [0.5, 0.75, 0.25]
    );
    for value in [f32::NAN, f32::INFINITY] {
        picture(value);
        refused(
            folder.path(),
            &config,
            "holds a pixel that is no finite number",
        );
    }
}

/// Nothing waits for the other end of a pipe that lies in a folder.
#[cfg(unix)]
#[test]
fn pipes_in_folders_are_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let config = DataConfig::default();
    for name in ["a.png", "a.safetensors", "idx-labels", ".safetensors"] {
        let made = std::process::Command::new("mkfifo")
            .arg(folder.path().join(name))
            .status();
        assert!(made.unwrap().success());
    }
    refused(folder.path(), &config, "holds no pictures");
    // What cannot be read is missed.
    let link = folder.path().join("b.png");
    std::os::unix::fs::symlink("nowhere", &link).unwrap();
    refused(folder.path(), &config, "b.png: cannot be read");
    fs::remove_file(link).unwrap();
    let tensors = with(|c| {
        c.source = Source::Safetensors;
        c.files.train = folder.path().display().to_string();
    });
    let error = tensors.load(1, false).unwrap_err().to_string();
    assert!(error.contains("holds no safetensors files"), "{error}");
    fs::write(folder.path().join("idx-images"), []).unwrap();
    refused(folder.path(), &config, "holds 0 IDX files of test labels");
}

/// Every beginning of a file, and every byte of its header changed: an error or numbers, no panic.
#[test]
fn damaged_arrays_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    for name in [
        "numbers_le_f4.npy",
        "tensors.safetensors",
        "arrays.npz",
        "compressed.npz",
    ] {
        let whole = fs::read(reference(name)).unwrap();
        let path = folder.path().join(name);
        let config = with(|c| match name.ends_with(".npy") {
            true => {}
            false => c.arrays.samples = "x".to_owned(),
        });
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            assert!(read_with(&path, &config).is_err(), "{name}, {length} bytes");
        }
        let mut longer = whole.clone();
        longer.push(0);
        fs::write(&path, &longer).unwrap();
        if !name.ends_with("npz") {
            assert!(read_with(&path, &config).is_err(), "{name}, longer");
        }
        for place in 0..whole.len().min(600) {
            for flip in [0x01, 0x80, 0xff] {
                let mut changed = whole.clone();
                changed[place] ^= flip;
                fs::write(&path, &changed).unwrap();
                let _ = read_with(&path, &config);
            }
        }
    }
}

#[test]
fn what_is_no_matrix_of_numbers_is_refused() {
    let plain = DataConfig::default();
    let message = |name: &str, config: &DataConfig| {
        read_with(&reference(name), config).unwrap_err().to_string()
    };
    let found = message("objects.npy", &plain);
    assert!(
        found.contains("has the type |O; expected numbers"),
        "{found}"
    );
    let found = message("arrays.npz", &plain);
    assert!(
        found.contains("holds 2 arrays: x, y; expected one, or the name of one"),
        "{found}"
    );
    let named = with(|c| c.arrays.samples = "z".to_owned());
    let found = message("tensors.safetensors", &named);
    assert!(
        found.contains("has no tensor `z`; expected one of "),
        "{found}"
    );
    let labels = with(|c| {
        c.arrays.samples = "x".to_owned();
        c.arrays.labels = "x".to_owned();
    });
    let found = message("arrays.npz", &labels);
    assert!(
        found.contains("holds 3 columns of F32 for labels; expected a vector"),
        "{found}"
    );
}

/// A header that announces more than the file holds.
fn announcing(header: &str) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend([0; 16]);
    bytes
}

#[test]
fn headers_are_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.safetensors");
    let info = |shape: &str, offsets: &str| {
        format!("{{\"x\":{{\"dtype\":\"F32\",\"shape\":{shape},\"data_offsets\":{offsets}}}}}")
    };
    let two = "{\"x\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[0,8]},\
               \"y\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[4,12]}}";
    let mut long = announcing("{}");
    long[..8].copy_from_slice(&(1u64 << 63).to_le_bytes());
    for bytes in [
        announcing(&info("[2,3]", "[0,24]")),
        announcing(&info("[4294967296,4294967296]", "[0,16]")),
        announcing(&info("[2,2]", "[8,24]")),
        announcing(&info("[2,2]", "[16,0]")),
        announcing(two),
        announcing("[]"),
        long,
        vec![],
        vec![0; 7],
    ] {
        fs::write(&path, &bytes).unwrap();
        assert!(read_with(&path, &DataConfig::default()).is_err());
    }
    fs::write(&path, announcing(&info("[2,2]", "[0,16]"))).unwrap();
    assert_eq!(read_with(&path, &DataConfig::default()).unwrap().rows(), 2);
}

#[test]
fn damaged_pictures_are_refused() {
    let whole = fs::read(reference("pictures/0/7.png")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.png");
    for length in 0..whole.len() - 12 {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(
            read_with(folder.path(), &DataConfig::default()).is_err(),
            "{length}"
        );
    }
    // Width and height of 60,000 each, with the header's checksum made to fit.
    let mut large = whole.clone();
    large[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
    let mut crc = flate2::Crc::new();
    crc.update(&large[12..29]);
    large[29..33].copy_from_slice(&crc.sum().to_be_bytes());
    fs::write(&path, &large).unwrap();
    let error = read_with(folder.path(), &DataConfig::default())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("expected a picture of at most 16384 x 16384 pixels"),
        "{error}"
    );
}

#[cfg(unix)]
#[test]
fn links_do_not_lead_in_circles() {
    let folder = tempfile::tempdir().unwrap();
    let error = read_with(folder.path(), &DataConfig::default())
        .unwrap_err()
        .to_string();
    assert!(
        error.ends_with(
            "holds no pictures; expected a folder with PNG, JPEG, WebP, BMP or TIFF files"
        )
    );
    std::os::unix::fs::symlink(folder.path(), folder.path().join("again")).unwrap();
    fs::copy(reference("pictures/0/7.png"), folder.path().join("a.png")).unwrap();
    assert_eq!(
        read_with(folder.path(), &DataConfig::default())
            .unwrap()
            .rows(),
        1
    );
}

#[test]
fn formats_are_told_by_names() {
    for (name, format) in [
        ("numbers.csv.gz", Format::Csv),
        ("numbers.tsv", Format::Csv),
        ("pixels.npy", Format::Npy),
        ("arrays.npz", Format::Npz),
        ("shards", Format::Safetensors),
        ("pictures", Format::Images),
    ] {
        assert_eq!(Format::of(&reference(name)).unwrap(), format, "{name}");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.xyz");
    fs::write(&path, "1").unwrap();
    let error = Format::of(&path).unwrap_err().to_string();
    assert!(
        error.contains("has a name that tells no format; expected"),
        "{error}"
    );
}

/// Files as a whole experiment's data: shares, files of their own, and classes.
#[test]
fn experiments_read_files() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let rows: String = (0..40)
        .map(|i| format!("{i},{},{}\n", i % 7, ["b", "a"][i % 2]))
        .collect();
    write("train.csv", &rows);
    write("test.csv", "1,2,a\n3,4,a\n");
    write("other.csv", "1,2,c\n");
    let mut config = with(|c| {
        c.source = Source::Csv;
        c.table.label = "3".to_owned();
        c.files.train = "train.csv".to_owned();
        c.validation = 0.25;
        c.test = 0.2;
    });
    config.relative_to(folder.path());
    let data = config.load(1, true).unwrap();
    let aside = data.validation.as_ref().unwrap();
    assert_eq!(
        (data.train.rows(), aside.rows(), data.test.rows()),
        (24, 8, 8)
    );
    for set in [&data.train, aside, &data.test] {
        let labels = set.labels.as_ref().unwrap();
        assert_eq!(labels.classes, ["a", "b"]);
        assert_eq!(
            labels.values.iter().filter(|&&v| v == 0).count() * 2,
            set.rows()
        );
    }
    assert_eq!(config.load(1, true).unwrap(), data);
    assert_ne!(config.load(2, true).unwrap(), data);

    config.files.test = folder.path().join("test.csv").display().to_string();
    config.files.validation = config.files.test.clone();
    let data = config.load(1, true).unwrap();
    assert_eq!((data.train.rows(), data.test.rows()), (40, 2));
    assert_eq!(data.test.labels.unwrap().values, [0, 0]);
    config.files.test = folder.path().join("other.csv").display().to_string();
    let error = config.load(1, true).unwrap_err().to_string();
    let expected = "other.csv: a label is `c`; expected one of the classes a, b";
    assert!(error.ends_with(expected), "{error}");
    config.table.label = String::new();
    config.table.ignore = vec!["3".to_owned()];
    let error = config.load(1, true).unwrap_err().to_string();
    assert!(
        error.contains("train.csv: has no labels; expected labels for a classifier"),
        "{error}"
    );
    config.files.train = String::new();
    let error = config.load(1, false).unwrap_err().to_string();
    assert_eq!(
        error,
        "files.train is missing; expected the file of the rows to train on"
    );
}
