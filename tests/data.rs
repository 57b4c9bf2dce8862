//! Data in, codes out: one set of images in every format, and what models make of rows.

mod support;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use sae_data::Tensors;
use support::{npy, refuse, succeed, text};
use tempfile::tempdir;

/// Small shapes as IDX, `idx/train-images-idx3-ubyte` with its labels.
fn shapes(folder: &Path) -> String {
    let out = folder.join("idx");
    let mut args = vec!["data", "shapes", "--out", text(&out)];
    for set in ["size=8", "train=60", "test=20"] {
        args.extend(["--set", set]);
    }
    succeed(&args);
    text(&out.join("train-images-idx3-ubyte")).to_owned()
}

#[test]
fn mirrors_that_lack_a_set_are_refused() {
    let folder = tempdir().expect("a folder for the test");
    let (mirror, dir) = (folder.path().join("mirror"), folder.path().join("data/set"));
    let fetch = || {
        let args = ["--mirror", text(&mirror), "--dir", text(&dir)];
        refuse(&[&["data", "fetch", "mnist"], &args[..]].concat())
    };
    let message = fetch();
    assert!(
        message.ends_with("is neither a URL (http:// or https://) nor a folder that is there"),
        "{message}"
    );
    fs::create_dir(&mirror).expect("a folder");
    let message = fetch();
    assert!(
        message.contains("there is no file train-images-idx3-ubyte.gz"),
        "{message}"
    );
    for part in [
        "train-images-idx3",
        "train-labels-idx1",
        "t10k-images-idx3",
        "t10k-labels-idx1",
    ] {
        fs::write(mirror.join(format!("{part}-ubyte.gz")), "no digits").expect("a file");
    }
    let message = fetch();
    let sum = "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db";
    assert!(
        message.starts_with("train-images-idx3-ubyte.gz cannot be fetched")
            && message.contains(sum),
        "{message}"
    );
    assert!(
        !folder.path().join("data").exists(),
        "nothing is left behind"
    );
}

/// The weights that training on `train` leads to, all that `weights/` holds but the scaling.
fn weights(folder: &Path, name: &str, sets: &[String]) -> Vec<(String, Vec<u8>)> {
    let (config, run) = (folder.join(format!("{name}.toml")), folder.join(name));
    fs::write(
        &config,
        "[[layers]]\nhidden = 9\n[pretrain]\nepochs = 2\nbatch = 16\n[softmax]\nepochs = 2\n\
         [finetune]\nepochs = 2",
    )
    .expect("a configuration");
    let mut args = vec!["train", text(&config), "--out", text(&run)];
    sets.iter().for_each(|set| args.extend(["--set", set]));
    succeed(&args);
    support::weights(&run)
}

#[test]
fn every_format_leads_to_the_same_bits() {
    let folder = tempdir().expect("a folder for the test");
    let (path, images) = (folder.path(), shapes(folder.path()));
    let at = |name: &str| text(&path.join(name)).to_owned();
    for name in ["t.npy", "t.csv", "t.safetensors", "pictures"] {
        succeed(&[
            "data",
            "convert",
            &images,
            "--out",
            &at(name),
            "--labels",
            &at("y.csv"),
        ]);
        fs::remove_dir_all(path.join("pictures")).ok();
    }
    succeed(&["data", "convert", &images, "--out", &at("pictures")]);
    succeed(&["data", "convert", &images, "--out", &at("own.csv")]);
    let files = |source: &str, name: &str, more: &[&str]| -> Vec<String> {
        let mut sets = vec![
            format!("data.source=\"{source}\""),
            format!("data.files.train={}", at(name)),
        ];
        sets.extend(more.iter().map(|set| (*set).to_owned()));
        sets
    };
    let labels = format!("data.files.train_labels={}", at("y.csv"));
    let labels = labels.as_str();
    let expected = weights(path, "npy", &files("npy", "t.npy", &[labels]));
    assert!(expected.len() >= 3);
    for (name, sets) in [
        ("a", files("safetensors", "t.safetensors", &[labels])),
        (
            "b",
            files("images", "pictures", &["data.images.labels=true"]),
        ),
        (
            "c",
            files(
                "csv",
                "own.csv",
                &["data.table.label=label", "data.table.pixels=true"],
            ),
        ),
    ] {
        let found = weights(path, name, &sets);
        assert!(found == expected, "{} differs", sets[0]);
    }
    if cfg!(feature = "parquet") {
        succeed(&["data", "convert", &images, "--out", &at("own.parquet")]);
        let own = ["data.table.label=label", "data.table.pixels=true"];
        let found = weights(path, "d", &files("parquet", "own.parquet", &own));
        assert!(found == expected, "Parquet differs");
    }
}

/// A run on a table of two columns that go together.
fn table_run(folder: &Path) -> String {
    let (table, config, run) = (
        folder.join("t.csv"),
        folder.join("c.toml"),
        folder.join("run"),
    );
    let row = |i: usize| {
        let a = (i * 37 % 101) as f64;
        format!(
            "{a},{},{}\n",
            3.0 * a + (i % 3) as f64,
            if a > 50.0 { "high" } else { "low" }
        )
    };
    let rows: String = (0..200).map(row).collect();
    fs::write(&table, format!("a,b,kind\n{rows}")).expect("a table");
    fs::write(
        &config,
        "[data]\nsource = \"csv\"\n[data.files]\ntrain = \"t.csv\"\n[data.table]\nlabel = \"kind\"\n\
         [data.scaling]\nkind = \"min_max\"\n[[layers]]\nhidden = 1\ndecoder = \"linear\"\n\
         beta = 0.0\nweight_decay = 0.0\n[pretrain]\nepochs = 200\nlearning_rate = 0.03\nbatch = 20",
    )
    .expect("a configuration");
    succeed(&["train", text(&config), "--out", text(&run)]);
    text(&run).to_owned()
}

/// The numbers of CSV, without its line of names.
fn numbers(csv: &str) -> Vec<Vec<f64>> {
    let number = |field: &str| field.parse().unwrap_or(f64::NAN);
    csv.lines()
        .skip(1)
        .map(|line| line.split(',').map(number).collect())
        .collect()
}

/// Codes, reconstructions and scores by hand from the weights in the model file: x' = (x − o)f + s,
/// y = σ(x'W1 + b), z' = yW2 + c, z = (z' − s)/f + o.
#[test]
fn results_are_those_of_the_weights() {
    let folder = tempdir().expect("a folder for the test");
    let run = table_run(folder.path());
    let model = format!("{run}/model.safetensors");
    let rows = folder.path().join("x.csv");
    fs::write(&rows, "a,b\n10,31\n80,0\n").expect("rows");

    let tensors = Tensors::from_bytes(&fs::read(&model).expect("a model")).expect("tensors");
    let get = |name: &str, rank: usize| {
        let name = format!("autoencoders.0.{name}");
        tensors.get(&name, rank).expect("a tensor").values.clone()
    };
    let (w1, b, w2, c) = (
        get("encoder.weight", 2),
        get("encoder.bias", 1),
        get("decoder.weight", 2),
        get("decoder.bias", 1),
    );
    let codes = numbers(&succeed(&["encode", &model, text(&rows)]));
    let again = numbers(&succeed(&["reconstruct", &model, text(&rows)]));
    let scores = numbers(&succeed(&["score", &model, text(&rows), "--per-input"]));
    let scaling = |name: &str| {
        tensors
            .get(&format!("scaling.{name}"), 1)
            .map(|t| t.values.clone())
    };
    let (offset, factor, shift) = (
        scaling("offset").expect("an offset"),
        scaling("factors").expect("factors"),
        scaling("shift").expect("a shift"),
    );
    for (row, x) in [[10.0, 31.0], [80.0, 0.0]].iter().enumerate() {
        let scaled = [0, 1].map(|i| (x[i] - offset[i]) * factor[i] + shift[0]);
        let sum = scaled[0] * w1[0] + scaled[1] * w1[1] + b[0];
        let code = 1.0 / (1.0 + (-sum).exp());
        assert!(
            (codes[row][0] - code).abs() < 1e-6,
            "{} {code}",
            codes[row][0]
        );
        let z = [0, 1].map(|i| code * w2[i] + c[i]);
        let mut squares = 0.0;
        for i in 0..2 {
            let unscaled = (z[i] - shift[0]) / factor[i] + offset[i];
            assert!(
                (again[row][i] - unscaled).abs() < 1e-4,
                "{} {unscaled}",
                again[row][i]
            );
            assert!((scores[row][1 + i] - (x[i] - unscaled).abs()).abs() < 1e-4);
            squares += (scaled[i] - z[i]).powi(2);
        }
        assert!((scores[row][0] - (squares / 2.0).sqrt()).abs() < 1e-6);
    }
    // b is far from 3a in the second row.
    assert!(scores[1][0] > 5.0 * scores[0][0]);
}

#[test]
fn files_and_streams_hold_the_same() {
    let folder = tempdir().expect("a folder for the test");
    let run = table_run(folder.path());
    let at = |name: &str| text(&folder.path().join(name)).to_owned();
    let printed = numbers(&succeed(&["encode", &run, &at("t.csv")]));
    assert_eq!(printed.len(), 200);
    for name in ["c.npy", "c.safetensors", "c.csv", "c.tsv"] {
        assert_eq!(
            succeed(&["encode", &run, &at("t.csv"), "--out", &at(name)]),
            ""
        );
        let again = numbers(&succeed(&["decode", &run, &at(name)]));
        assert_eq!(again.len(), 200, "{name}");
        let direct = numbers(&succeed(&["reconstruct", &run, &at("t.csv")]));
        assert_eq!(again, direct, "{name}");
    }
    let mut child = Command::new(env!("CARGO_BIN_EXE_sae"))
        .args(["encode", &run, "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut input = child.stdin.take().expect("a pipe");
    let bytes = fs::read(at("t.csv")).expect("a table");
    input.write_all(&bytes).expect("it reads");
    drop(input);
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(numbers(&String::from_utf8_lossy(&output.stdout)), printed);
    // No rows, and the run's own test rows.
    fs::write(at("none.csv"), "a,b\n").expect("a table");
    assert_eq!(succeed(&["encode", &run, &at("none.csv")]), "code0\n");
    assert_eq!(numbers(&succeed(&["encode", &run])).len(), 40);
}

#[test]
fn classes_and_anomalies_are_named() {
    let folder = tempdir().expect("a folder for the test");
    let run = table_run(folder.path());
    let at = |name: &str| text(&folder.path().join(name)).to_owned();
    let predicted = succeed(&["predict", &run, &at("t.csv")]);
    let mut lines = predicted.lines();
    assert_eq!(lines.next(), Some("class,p(high),p(low)"));
    assert!(lines.all(|line| line.starts_with("high,") || line.starts_with("low,")));
    fs::write(at("odd.csv"), "a,b\n10,31\n10,250\n").expect("a table");
    let args = ["score", &run, &at("odd.csv"), "--contamination", "0.01"];
    let scored = numbers(&succeed(&args));
    assert_eq!((scored[0][1], scored[1][1]), (0.0, 1.0));
    let strict = Command::new(env!("CARGO_BIN_EXE_sae"))
        .args(args)
        .arg("--strict")
        .output()
        .expect("it runs");
    assert_eq!(strict.status.code(), Some(1));
    let said = String::from_utf8_lossy(&strict.stderr);
    assert!(
        said.starts_with("1 of 2 rows are anomalies: their scores are above 0."),
        "{said}"
    );
}

#[test]
fn rows_that_do_not_fit_are_refused() {
    let folder = tempdir().expect("a folder for the test");
    let run = table_run(folder.path());
    let model = format!("{run}/model.safetensors");
    let at = |name: &str| text(&folder.path().join(name)).to_owned();
    for (table, expected) in [
        (
            "b,a\n1,2\n",
            "column 1 of the data is `b`; expected `a`: the order is that of the",
        ),
        (
            "a,c\n1,2\n",
            "the data have no column `b`; expected the columns that the model was",
        ),
        (
            "a,b,c\n1,2,3\n",
            "the data have a column `c`, on which the model was not trained",
        ),
        ("1,2,3\n", "the data have 3 values per row; expected 2"),
        (
            "a,b\n1,2\n3,x\n",
            "line 3, column 2 (`b`): `x` is no number",
        ),
    ] {
        fs::write(at("x.csv"), table).expect("a table");
        let message = refuse(&["encode", &model, &at("x.csv"), "--out", &at("out.npy")]);
        assert!(message.contains(expected), "{message}");
        assert!(!Path::new(&at("out.npy")).exists());
    }
    fs::write(at("x.csv"), "a,b\n1,2\n").expect("a table");
    for (args, expected) in [
        (
            vec!["encode", &model],
            "is a model file, which has no data of its own; expected DATA",
        ),
        (vec!["encode", &model, "no.csv"], "no.csv: cannot be read"),
        (
            vec!["encode", &model, &at("x.csv"), "--out", &at("c.xyz")],
            "tells no format",
        ),
        (
            vec!["decode", &model, &at("x.csv")],
            "the codes have 2 values per row; expected 1",
        ),
        (
            vec!["score", &model, &at("x.csv"), "--contamination", "1"],
            "contamination is 1; expected a share in [0, 1)",
        ),
    ] {
        let message = refuse(&args);
        assert!(message.contains(expected), "{message}");
    }
    let names: Vec<_> = fs::read_dir(folder.path())
        .expect("a folder")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    assert!(names.iter().all(|name| !name.starts_with('.')), "{names:?}");
}

#[test]
fn a_configuration_is_made_that_works() {
    let folder = tempdir().expect("a folder for the test");
    table_run(folder.path());
    let at = |name: &str| text(&folder.path().join(name)).to_owned();
    succeed(&["init", &at("t.csv"), "--out", &at("new.toml")]);
    let made = fs::read_to_string(at("new.toml")).expect("a configuration");
    assert!(
        made.contains("label = \"kind\"") && made.contains("kind = \"min_max\""),
        "{made}"
    );
    succeed(&[
        "train",
        &at("new.toml"),
        "--out",
        &at("new"),
        "--set",
        "pretrain.epochs=3",
        "--set",
        "softmax.epochs=2",
        "--set",
        "finetune.epochs=2",
    ]);
    let message = refuse(&["init", &at("t.csv"), "--out", &at("new.toml")]);
    assert!(message.contains("is there already"), "{message}");
    let said = succeed(&["data", "inspect", &at("t.csv"), "--against", &at("t.csv")]);
    assert!(said.contains("200 rows of 4 inputs"), "{said}");
    assert!(
        said.contains("200 rows that are in the other file, too"),
        "{said}"
    );
}

/// The pump's planted faults, of which no single column tells: all are found, and few others.
#[test]
fn planted_anomalies_are_found() {
    let folder = tempdir().expect("a folder for the test");
    let run = text(&folder.path().join("run")).to_owned();
    succeed(&["train", "configs/table.toml", "--out", &run]);
    let later = "configs/table/pump-later.csv";
    let scored = numbers(&succeed(&[
        "score",
        &run,
        later,
        "--contamination",
        "0.01",
        "--set",
        "data.table.label=fault",
    ]));
    let table = fs::read_to_string(support::root().join(later)).expect("readings");
    let faults = table.lines().skip(1).map(|line| !line.ends_with(",ok"));
    let (mut found, mut false_alarms, mut all) = (0, 0, 0);
    for (is_fault, score) in faults.zip(&scored) {
        let flagged = score[1] > 0.0;
        all += u32::from(is_fault);
        found += u32::from(is_fault && flagged);
        false_alarms += u32::from(!is_fault && flagged);
    }
    assert_eq!((scored.len(), all, found), (300, 15, 15));
    assert!(false_alarms <= 6, "{false_alarms}");
}

/// Three folds of the pump's readings: each is tested on a third, and can be repeated by itself.
#[test]
fn folds_are_runs_of_their_own() {
    let folder = tempdir().expect("a folder for the test");
    let out = folder.path().join("cv");
    let short = ["--set", "pretrain.epochs=20", "--quiet"];
    let args = [
        "crossval",
        "configs/table.toml",
        "--folds",
        "3",
        "--out",
        text(&out),
    ];
    let printed = succeed(&[&args[..], &short].concat());
    assert!(printed.contains("test RMSE of autoencoder 1"), "{printed}");
    let bytes = fs::read(out.join("crossval.json")).expect("figures");
    let figures: serde_json::Value = serde_json::from_slice(&bytes).expect("JSON");
    let mut values = Vec::new();
    for fold in 1..=3 {
        let run = out.join(format!("fold-{fold}"));
        let rmse = support::number(&support::summary(&run), "/layers/0/test/rmse");
        values.push(rmse);
        assert_eq!(
            support::number(&figures, &format!("/0/values/{}", fold - 1)),
            rmse
        );
    }
    let mean = values.iter().sum::<f64>() / 3.0;
    let squares: f64 = values.iter().map(|v| (v - mean).powi(2)).sum();
    assert!((support::number(&figures, "/0/mean") - mean).abs() < 1e-15);
    assert!((support::number(&figures, "/0/deviation") - (squares / 2.0).sqrt()).abs() < 1e-15);
    // Of 1000 rows.
    let sizes: Vec<u64> = (1..=3)
        .map(|fold| {
            let path = out.join(format!("fold-{fold}/data.json"));
            let bytes = fs::read(path).expect("facts");
            let facts: serde_json::Value = serde_json::from_slice(&bytes).expect("JSON");
            facts["test"].as_u64().expect("a number")
        })
        .collect();
    assert_eq!(sizes, [334, 333, 333]);
    let again = folder.path().join("again");
    let config = out.join("fold-2/config.toml");
    succeed(&["train", text(&config), "--out", text(&again)]);
    let rmse = support::number(&support::summary(&again), "/layers/0/test/rmse");
    assert_eq!(rmse, values[1]);

    // Those that are there stay as they are; the others are run.
    let kept = fs::read(out.join("fold-1/summary.json")).expect("a summary");
    fs::remove_dir_all(out.join("fold-2")).expect("a run");
    let resumed = succeed(&[&args[..], &short, &["--resume"]].concat());
    assert_eq!(resumed, printed);
    assert_eq!(
        fs::read(out.join("fold-1/summary.json")).expect("a summary"),
        kept
    );
}

fn write(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) -> String {
    let path = folder.join(name);
    fs::write(&path, bytes).expect("a file");
    text(&path).to_owned()
}

/// What a model makes of numbers beyond its precision would be no number, and what a header announces
/// without a byte behind it no memory could hold.
#[test]
fn numbers_and_sizes_that_mean_nothing_are_refused() {
    let folder = tempdir().expect("a folder for the test");
    let path = folder.path();
    let large = [1.0f64, 1e300].map(f64::to_le_bytes).concat();
    let large = write(path, "large.npy", npy("<f8", "(1, 2)", &large));
    let out = path.join("out.csv");
    let message = refuse(&["data", "convert", &large, "--out", text(&out)]);
    assert!(!out.exists());
    assert!(
        message.contains("holds 1e300 in row 0, column 1 (counted from 0); expected numbers that"),
        "{message}"
    );
    for (name, shape) in [
        ("a.npy", "(0, 1000000000000)"),
        ("b.npy", "(0, 1000000, 100000)"),
    ] {
        let wide = write(path, name, npy("|u1", shape, &[]));
        for command in ["convert", "inspect"] {
            let message = refuse(&["data", command, &wide]);
            assert!(message.contains("has rows of 10000"), "{message}");
        }
    }
}

#[test]
fn a_table_is_read_as_it_was_meant() {
    let folder = tempdir().expect("a folder for the test");
    let path = folder.path();
    // In a column of words numbers are words.
    let mixed = write(path, "mixed.csv", "a,k\n1,x\n2,3\n3,y\n");
    let read = succeed(&[
        "data",
        "convert",
        &mixed,
        "--set",
        "data.table.one_hot=true",
    ]);
    assert_eq!(read, "a,k=3,k=x,k=y\n1,0,1,0\n2,1,0,0\n3,0,0,1\n");
    // pandas writes row numbers without a name.
    let pandas = write(path, "pandas.csv", ",a,b\n0,1,2\n1,3,4\n");
    let message = refuse(&["data", "convert", &pandas]);
    assert!(
        message.contains("table.ignore = [\"1\"] to leave it out"),
        "{message}"
    );
    let ignore = "data.table.ignore=[\"1\"]";
    let read = succeed(&["data", "convert", &pandas, "--set", ignore]);
    assert_eq!(read, "a,b\n1,2\n3,4\n");
    // Tables with other columns are not compared.
    let message = refuse(&[
        "data",
        "inspect",
        &pandas,
        "--against",
        &mixed,
        "--set",
        ignore,
    ]);
    assert!(
        message.contains("expected those of the others"),
        "{message}"
    );
    // What is read is not written over.
    let message = refuse(&["data", "convert", &mixed, "--out", &mixed]);
    assert!(message.contains("is what is read"), "{message}");
}

/// What was said of the data is in the configuration, and in the model's file.
#[test]
fn how_rows_are_read_is_kept() {
    let folder = tempdir().expect("a folder for the test");
    let path = folder.path();
    let row = |i: usize| format!("{i},{},{},{}\n", i % 7, i * 5 % 9, ["u", "v"][i % 2]);
    let rows: String = (0..60).map(row).collect();
    let table = write(path, "t.csv", format!("id,a,b,kind\n{rows}"));
    let (config, run) = (text(&path.join("c.toml")).to_owned(), path.join("run"));
    let sets = ["data.table.ignore=[\"id\"]", "data.table.one_hot=true"];
    succeed(&[
        "init", &table, "--out", &config, "--set", sets[0], "--set", sets[1],
    ]);
    let mut args = vec!["train", &config, "--out", text(&run)];
    args.extend(["--set", "pretrain.epochs=2"]);
    succeed(&args);
    let file = text(&run.join("model.safetensors")).to_owned();
    let by_run = succeed(&["score", text(&run), &table]);
    assert_eq!(by_run.lines().count(), 61);
    assert_eq!(succeed(&["score", &file, &table]), by_run);
}
