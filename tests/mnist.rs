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
    let tests: [(&str, Test, Suits); 3] = [
        ("mnist_is_read", is_read, |_| true),
        ("mnist_is_learned", is_learned, |_| true),
        ("mnist_is_fetched", is_fetched, is_packed),
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
