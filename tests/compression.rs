//! `sae compress` and `sae decompress`, as a user runs them.

mod support;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use support::{number, refuse, succeed, text};
use tempfile::tempdir;

/// A run of a moment on shapes of 12 x 12 pixels.
fn tiny_run(folder: &Path, name: &str, more: &[&str]) -> String {
    let run = text(&folder.join(name)).to_owned();
    succeed(&[&["train", "configs/tiny.toml", "--out", &run], more].concat());
    run
}

/// The numbers of CSV, without its line of names.
fn numbers(csv: &str) -> Vec<f64> {
    let lines = csv.lines().skip(1).flat_map(|line| line.split(','));
    lines
        .map(|field| field.parse().expect("a number"))
        .collect()
}

fn rmse(x: &[f64], z: &[f64]) -> f64 {
    assert_eq!(x.len(), z.len());
    let squares = x.iter().zip(z).map(|(x, z)| (x - z).powi(2));
    (squares.sum::<f64>() / x.len() as f64).sqrt()
}

fn parsed(json: &str) -> Value {
    serde_json::from_str(json).expect("JSON")
}

#[test]
fn shapes_come_back_but_for_quantisation() {
    let folder = tempdir().expect("a folder for the test");
    let run = tiny_run(folder.path(), "run", &[]);
    let model = format!("{run}/model.safetensors");
    let at = |name: &str| text(&folder.path().join(name)).to_owned();
    // The run's test images, 200 of 144 pixels, as the program itself draws them.
    let [size, train, test] = ["size=12", "train=600", "test=200"].map(|set| ["--set", set]);
    let shapes = ["data", "shapes", "--seed", "1", "--out", &at("idx")];
    succeed(&[&shapes[..], &size, &train, &test].concat());
    let images = at("idx/test-images-idx3-ubyte");
    let csv = ["--out", &at("x.csv"), "--labels", &at("y.csv")];
    succeed(&[&["data", "convert", &images][..], &csv].concat());
    let bytes = numbers(&fs::read_to_string(at("x.csv")).expect("pixels"));
    let pixels: Vec<f64> = bytes.iter().map(|byte| byte / 255.0).collect();
    let direct = numbers(&succeed(&["reconstruct", &run, &images]));
    let mut worst = f64::INFINITY;
    for bits in ["1", "4", "8"] {
        let args = [
            "compress",
            &run,
            &images,
            "--out",
            &at("c.sae"),
            "--bits",
            bits,
            "--json",
        ];
        let said = parsed(&succeed(&args));
        // With the one file of the same model.
        let again = numbers(&succeed(&["decompress", &model, &at("c.sae")]));
        let (rows, source) = (number(&said, "/rows"), number(&said, "/source_bytes"));
        assert_eq!((rows, source), (200.0, 28_800.0));
        let size = fs::metadata(at("c.sae")).expect("a file").len();
        assert_eq!(number(&said, "/bytes"), size as f64);
        assert!((number(&said, "/ratio") - source / size as f64).abs() < 1e-9);
        let error = rmse(&pixels, &again);
        assert!(
            (number(&said, "/rmse") / error - 1.0).abs() < 1e-4,
            "{said} {error}"
        );
        let psnr = -20.0 * error.log10();
        assert!(
            (number(&said, "/psnr") - psnr).abs() < 1e-3,
            "{said} {psnr}"
        );
        assert_eq!(number(&said, "/peak"), 1.0);
        let cost = rmse(&direct, &again);
        assert!(cost < worst, "{bits} bits: {cost}");
        worst = cost;
    }
    assert!(worst < 2e-3, "{worst}");
    for name in ["a.npy", "a.safetensors", "pictures"] {
        succeed(&["decompress", &run, &at("c.sae"), "--out", &at(name)]);
    }
    assert_eq!(fs::read_dir(at("pictures")).expect("a folder").count(), 200);
}

#[test]
fn others_on_the_same_images() {
    let folder = tempdir().expect("a folder for the test");
    let run = tiny_run(folder.path(), "run", &[]);
    let file = text(&folder.path().join("c.sae")).to_owned();
    let args = ["compress", &run, "--out", &file, "--bits", "4", "--compare"];
    let said = succeed(&args);
    for expected in [
        "rows        200 of 144 values",
        "before      28800 bytes, as the source keeps its values",
        "the model is not counted",
        "of peak 1: images in [0, 1]",
        "compared on all rows",
        "8 components of as many bits, fitted on these rows; without their basis",
        "infinite  lossless, of 8 bits; all images on large sheets",
    ] {
        assert!(said.contains(expected), "{said}");
    }
    let said = parsed(&succeed(&[&args[..], &["--json"]].concat()));
    let methods = said["comparison"]["methods"].as_array().expect("methods");
    let names: Vec<&str> = methods
        .iter()
        .filter_map(|m| m["method"].as_str())
        .collect();
    assert_eq!(names, ["autoencoder", "pca", "jpeg", "webp"]);
    assert_eq!(methods[0]["bytes"], said["bytes"]);
    assert_eq!(methods[0]["psnr"], said["psnr"]);
    assert_eq!(methods[3]["psnr"], Value::Null);
}

#[test]
fn tables_go_through_pipes() {
    let folder = tempdir().expect("a folder for the test");
    let at = |name: &str| text(&folder.path().join(name)).to_owned();
    let row = |i: usize| format!("{i},{}\n", 3 * i + i % 3);
    let rows: String = (0..200).map(row).collect();
    fs::write(at("t.csv"), format!("a,b\n{rows}")).expect("a table");
    fs::write(
        at("c.toml"),
        "classifier = false\n[data]\nsource = \"csv\"\n[data.files]\ntrain = \"t.csv\"\n\
         [data.scaling]\nkind = \"min_max\"\n[[layers]]\nhidden = 1\nbeta = 0.0\n[pretrain]\nepochs = 5",
    )
    .expect("a configuration");
    succeed(&["train", &at("c.toml"), "--out", &at("run")]);
    let piped = |args: &[&str], input: &[u8]| {
        let mut child = Command::new(env!("CARGO_BIN_EXE_sae"))
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        child
            .stdin
            .take()
            .expect("a pipe")
            .write_all(input)
            .expect("it reads");
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success());
        String::from_utf8(output.stdout).expect("text")
    };
    let table = fs::read(at("t.csv")).expect("a table");
    let compress = [
        "compress",
        &at("run"),
        "-",
        "--out",
        &at("c.sae"),
        "--compare",
    ];
    let said = piped(&compress, &table);
    assert!(said.contains("rows        200 of 2 values"), "{said}");
    assert!(
        said.contains("of peak 598.00000: the range of the data"),
        "{said}"
    );
    assert!(said.contains("pca") && !said.contains("jpeg"), "{said}");
    let file = fs::read(at("c.sae")).expect("a file");
    let again = piped(&["decompress", &at("run"), "-"], &file);
    assert!(again.starts_with("a,b\n"), "{again}");
    assert_eq!(numbers(&again).len(), 400);
    // No rows at all.
    fs::write(at("none.csv"), "a,b\n").expect("a table");
    let none = [
        "compress",
        &at("run"),
        &at("none.csv"),
        "--out",
        &at("n.sae"),
        "--compare",
    ];
    assert!(succeed(&none).contains("psnr        -"));
    assert_eq!(succeed(&["decompress", &at("run"), &at("n.sae")]), "a,b\n");
}

#[test]
fn what_does_not_fit_is_refused() {
    let folder = tempdir().expect("a folder for the test");
    let run = tiny_run(folder.path(), "run", &[]);
    let other = tiny_run(folder.path(), "other", &["--seed", "2"]);
    let at = |name: &str| text(&folder.path().join(name)).to_owned();
    succeed(&["compress", &run, "--out", &at("c.sae")]);
    let file = fs::read(at("c.sae")).expect("a file");
    fs::write(at("short.sae"), &file[..file.len() - 1]).expect("a file");
    let mut damaged = file.clone();
    damaged[100] ^= 4;
    fs::write(at("damaged.sae"), damaged).expect("a file");
    for (args, expected) in [
        (
            ["decompress", &other, &at("c.sae")],
            "c.sae: was compressed with another model; expected the one of fingerprint ",
        ),
        (
            ["decompress", &run, "README.md"],
            "README.md: holds no compressed codes; expected a file",
        ),
        (
            ["decompress", &run, &at("no.sae")],
            "no.sae: cannot be read: ",
        ),
        (
            ["decompress", &run, &at("short.sae")],
            "short.sae: ends in the middle, after 200 rows; expected a whole file",
        ),
        (
            ["decompress", &run, &at("damaged.sae")],
            "damaged.sae: is damaged after 0 rows: the checksum of a block is wrong",
        ),
        (["compress", &run, "README.md"], "README.md"),
    ] {
        let message = refuse(&[&args[..], &["--out", &at("out.npy")]].concat());
        assert!(message.contains(expected), "{message}");
        assert!(!Path::new(&at("out.npy")).exists());
    }
    assert_eq!(fs::read(at("c.sae")).expect("a file"), file);
}
