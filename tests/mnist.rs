//! MNIST, where SAE_MNIST_DIR names the folder of its four files; skipped by name elsewhere.

mod support;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use sae_data::Dataset;
use support::{number, succeed, summary, text};

type Test = fn(&Path) -> Result<(), Failed>;
/// Whether a test can do with the folder.
type Suits = fn(&Path) -> bool;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let folder = std::env::var_os("SAE_MNIST_DIR").map(PathBuf::from);
    let tests: [(&str, Test, Suits); 4] = [
        ("mnist_is_read", is_read, |_| true),
        ("mnist_is_learned", is_learned, |_| true),
        ("mnist_is_fetched", is_fetched, is_packed),
        ("mnist_in_every_format", in_every_format, |_| true),
    ];
    let trials = tests.map(|(name, run, suits)| {
        let skipped = !folder.as_deref().is_some_and(suits);
        let folder = folder.clone().unwrap_or_default();
        Trial::test(name, move || run(&folder)).with_ignored_flag(skipped)
    });
    libtest_mimic::run(&arguments, trials.into()).exit_code()
}

const FILES: [&str; 4] = [
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
];

/// Whether the files are compressed, as mirrors have them.
fn is_packed(folder: &Path) -> bool {
    FILES.iter().all(|name| folder.join(name).is_file())
}

/// The sums in the program are those of MNIST, and a folder may be a mirror.
fn is_fetched(folder: &Path) -> Result<(), Failed> {
    let place = tempfile::tempdir()?;
    let dir = place.path().join("data/mnist");
    let args = ["data", "fetch", "mnist", "--dir", text(&dir)];
    let printed = succeed(&[&args[..], &["--mirror", text(folder)]].concat());
    assert!(printed.contains("the four files of mnist"), "{printed}");
    let names = std::fs::read_dir(&dir)?.map(|entry| Ok(entry?.file_name().into_string()));
    let names: Result<Vec<_>, std::io::Error> = names.collect();
    let mut names: Vec<_> = names?.into_iter().flatten().collect();
    names.sort();
    assert_eq!(names, FILES);
    // Nothing is asked of the network.
    succeed(&args);
    Ok(())
}

/// Facts that the database's page and its many users state: the sizes, the first labels, and the
/// mean and standard deviation of the training pixels, 0.1307 and 0.3081.
fn is_read(folder: &Path) -> Result<(), Failed> {
    let read = |name: &str| {
        let file = |kind: &str| {
            let plain = folder.join(format!("{name}-{kind}-ubyte"));
            let packed = folder.join(format!("{name}-{kind}-ubyte.gz"));
            if plain.is_file() { plain } else { packed }
        };
        Dataset::read_idx(&file("images-idx3"), &file("labels-idx1"))
    };
    let (train, test) = (read("train")?, read("t10k")?);
    assert_eq!((train.rows(), test.rows()), (60_000, 10_000));
    assert_eq!((train.image.height, train.image.width), (28, 28));
    let labels = |set: &Dataset| set.labels.clone().ok_or("there are no labels");
    let (of_train, of_test) = (labels(&train)?, labels(&test)?);
    assert_eq!(of_train.values[..10], [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
    assert_eq!(of_test.values[..5], [7, 2, 1, 0, 4]);
    assert_eq!(of_train.classes.len(), 10);

    let (mut sum, mut squares) = (0.0, 0.0);
    let pixels = train.samples.all()?;
    for row in 0..train.rows() {
        for value in pixels.gather(&[row]) {
            sum += f64::from(value);
            squares += f64::from(value).powi(2);
        }
    }
    drop(pixels);
    let count = 60_000.0 * 784.0;
    let (mean, deviation) = (
        sum / count,
        (squares / count - (sum / count).powi(2)).sqrt(),
    );
    assert!((mean - 0.1307).abs() < 5e-5, "{mean}");
    assert!((deviation - 0.3081).abs() < 5e-5, "{deviation}");
    Ok(())
}

/// The 10,000 test images lead to the same weights from every format.
fn in_every_format(folder: &Path) -> Result<(), Failed> {
    let here = tempfile::tempdir()?;
    let at = |name: &str| text(&here.path().join(name)).to_owned();
    let find = |name: &str| {
        let plain = folder.join(name);
        if plain.is_file() {
            plain
        } else {
            folder.join(format!("{name}.gz"))
        }
    };
    let images = find("t10k-images-idx3-ubyte");
    let (images, labels) = (text(&images), at("y.csv"));
    let mut own = vec!["own.csv", "pictures"];
    own.extend(cfg!(feature = "parquet").then_some("own.parquet"));
    for name in own {
        succeed(&["data", "convert", images, "--out", &at(name)]);
    }
    for name in ["t.npy", "t.safetensors"] {
        succeed(&[
            "data",
            "convert",
            images,
            "--out",
            &at(name),
            "--labels",
            &labels,
        ]);
    }
    let separate = format!("data.files.train_labels={labels}");
    let idx = format!(
        "data.files.train_labels={}",
        text(&find("t10k-labels-idx1-ubyte"))
    );
    let in_table = ["data.table.label=label", "data.table.pixels=true"];
    let mut cases = vec![
        ("npy", at("t.npy"), vec![separate.as_str()]),
        ("npy", at("t.npy"), vec![idx.as_str()]),
        ("safetensors", at("t.safetensors"), vec![separate.as_str()]),
        ("csv", at("own.csv"), in_table.to_vec()),
        ("images", at("pictures"), vec!["data.images.labels=true"]),
    ];
    if cfg!(feature = "parquet") {
        cases.push(("parquet", at("own.parquet"), in_table.to_vec()));
    }
    let mut expected = None;
    for (number, (source, file, more)) in cases.into_iter().enumerate() {
        let weights = weights_of_run(&at(&format!("run{number}")), source, &file, &more)?;
        let first = expected.get_or_insert_with(|| weights.clone());
        assert!(weights == *first, "{source} differs");
    }
    Ok(())
}

/// All weights that a short run on a file leads to.
fn weights_of_run(
    run: &str,
    source: &str,
    file: &str,
    more: &[&str],
) -> Result<Vec<Vec<u8>>, Failed> {
    let (source, file) = (
        format!("data.source={source}"),
        format!("data.files.train={file}"),
    );
    let mut args = vec!["train", "configs/mnist.toml", "--out", run];
    let sets = [
        source.as_str(),
        &file,
        "data.validation=0.1",
        "control=false",
        "layers.0.hidden=24",
        "layers.1.hidden=16",
        "pretrain.epochs=1",
        "softmax.epochs=1",
        "finetune.epochs=1",
    ];
    sets.iter()
        .chain(more)
        .for_each(|set| args.extend(["--set", set]));
    succeed(&args);
    ["autoencoder-1", "autoencoder-2", "softmax", "finetune"]
        .map(|stage| std::fs::read(format!("{run}/weights/{stage}.safetensors")))
        .into_iter()
        .map(|read| read.map_err(Failed::from))
        .collect()
}

/// A small network learns a good deal in one epoch of fine-tuning.
fn is_learned(_: &Path) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let run = folder.path().join("run");
    let mut args = vec!["train", "configs/mnist.toml", "--out", text(&run)];
    for set in [
        "control=false",
        "layers.0.hidden=24",
        "layers.1.hidden=16",
        "pretrain.epochs=1",
        "softmax.epochs=2",
        "finetune.epochs=2",
        "finetune.learning_rate=0.005",
    ] {
        args.extend(["--set", set]);
    }
    succeed(&args);
    let accuracy = number(&summary(&run), "/after_finetuning/accuracy");
    assert!(accuracy > 0.8, "{accuracy}");
    Ok(())
}
