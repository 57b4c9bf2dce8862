use std::path::Path;

use serde::Deserialize;

use super::*;

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Config {
    seed: u64,
    backend: Backend,
    radius: [f64; 2],
    dir: String,
    layers: Vec<Layer>,
    pretrain: Training,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Layer {
    hidden: usize,
    #[serde(default)]
    rho: f64,
    #[serde(default)]
    slope: [f64; 1],
    pretrain: Option<Training>,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Training {
    epochs: u32,
    learning_rate: f64,
    nesterov: bool,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Backend {
    #[default]
    Flex,
    Wgpu,
}

fn load(text: &str, set: &[&str]) -> Result<Loaded<Config>, ConfigError> {
    let set: Vec<String> = set.iter().map(|s| (*s).to_owned()).collect();
    parse(Path::new("a.toml"), text.to_owned(), &set, inherit_pretrain)
}

#[track_caller]
fn refused(text: &str, set: &[&str], expected: &str) {
    assert_eq!(load(text, set).unwrap_err().to_string(), expected);
}

#[test]
fn an_empty_file_is_the_default() {
    assert_eq!(load("", &[]).unwrap().value, Config::default());
}

#[test]
fn unknown_keys_name_line_and_nearest_key() {
    let known = "(known: epochs, learning_rate, nesterov)";
    refused(
        "seed = 1\n\n[pretrain]\nlearning_rat = 0.1\n",
        &[],
        &format!("a.toml:4: unknown key `learning_rat`; did you mean `learning_rate`? {known}"),
    );
    refused(
        "",
        &["pretrain.zzzzzzzzzzz=3"],
        &format!("--set pretrain.zzzzzzzzzzz=3: unknown key `zzzzzzzzzzz` {known}"),
    );
    let known = "(known: seed, backend, radius, dir, layers, pretrain)";
    refused(
        "\n[lay]\n",
        &[],
        &format!("a.toml:2: unknown key `lay` {known}"),
    );
    let long = load(&format!("{} = 1", "k".repeat(1_000_000)), &[]);
    assert!(long.unwrap_err().to_string().len() < 200);
}

#[test]
fn wrong_types_name_line_key_and_expectation() {
    let cases = [
        (
            "epochs = \"many\"",
            "epochs is \"many\"; expected a whole number from 0 to 4294967295",
        ),
        (
            "epochs = -1",
            "epochs is -1; expected a whole number from 0 to 4294967295",
        ),
        (
            "nesterov = 1979-05-27",
            "nesterov is 1979-05-27; expected true or false",
        ),
        (
            "learning_rate = [1]",
            "learning_rate is an array of 1; expected a number",
        ),
    ];
    for (line, expected) in cases {
        let text = format!("seed = 1\n[pretrain]\n{line}\n");
        refused(&text, &[], &format!("a.toml:3: pretrain.{expected}"));
    }
    refused(
        "seed = 2.5",
        &[],
        "a.toml:1: seed is 2.5; expected a whole number >= 0",
    );
    refused(
        "pretrain = 3",
        &[],
        "a.toml:1: pretrain is 3; expected a table",
    );
    refused(
        "layers = [\n3]",
        &[],
        "a.toml:2: layers[0] is 3; expected a table",
    );
    refused(
        "backend = 3",
        &[],
        "a.toml:1: backend is 3; expected a string",
    );
    refused(
        "radius = [1]",
        &[],
        "a.toml:1: radius is an array of 1; expected an array of length 2",
    );
    refused(
        "radius = [1, 2, 3]",
        &[],
        "a.toml:1: radius is an array of 3; expected fewer values",
    );
    refused(
        "[[layers]]\nhidden = 1\n[[layers]]\nhidden = 1\nslope = [1, 2]",
        &[],
        "a.toml:5: layers[1].slope is an array of 2; expected fewer values",
    );
    refused(
        "backend = {}",
        &[],
        "a.toml:1: backend is a table; expected a string",
    );
    refused(
        "[pretrain]\nlearning_rate = 1e999",
        &[],
        "a.toml:2: pretrain.learning_rate: floating-point number overflowed",
    );
    refused(
        "layers = [{ rho = 1 }]",
        &[],
        "a.toml:1: layers[0]: missing key `hidden`",
    );
    refused(
        "backend = \"flax\"",
        &[],
        "a.toml:1: backend: unknown value `flax`; did you mean `flex`? (known: flex, wgpu)",
    );
    refused(
        "seed = 1\n[layers]\nhidden = 3",
        &[],
        "a.toml:2: layers is a table; expected an array; write `[[layers]]` for a list of tables",
    );
    refused(
        "",
        &["layers.hidden=3"],
        "--set layers.hidden=3: layers is a table; expected an array; write `[[layers]]` for a list of tables",
    );
}

#[test]
fn text_that_is_not_toml_names_its_line() {
    refused("seed = 1\nseed = 2", &[], "a.toml:2: duplicate key `seed`");
    let found = load("\nseed = \n", &[]).unwrap_err().to_string();
    assert!(found.starts_with("a.toml:2: "), "{found}");
    let nested = format!("dir = {}", "[".repeat(100_000));
    assert!(load(&nested, &[]).is_err());
}

#[test]
fn whole_numbers_end_where_those_of_toml_do() {
    let expected = "seed is 9223372036854775808; expected 0 to 9223372036854775807";
    refused(
        "\nseed = 9223372036854775808",
        &[],
        &format!("a.toml:2: {expected}"),
    );
    let set = "seed=9223372036854775808";
    refused("", &[set], &format!("--set {set}: {expected}"));
    let set = "radius=[1, 99999999999999999999999999999999999999999]";
    refused(
        "",
        &[set],
        &format!(
            "--set {set}: radius[1] is 99999999999999999999999999999999999999999; expected 0 to 9223372036854775807"
        ),
    );
    assert_eq!(
        load("", &["seed=9223372036854775807"]).unwrap().value.seed,
        u64::MAX / 2
    );
    assert!(load("", &["pretrain.learning_rate=1e999"]).is_err());
}

#[test]
fn arguments_override_the_file() {
    let text = "[[layers]]\nhidden = 5\n[[layers]]\nhidden = 4\n";
    let set = [
        "layers.1.hidden=7",
        "layers[0].rho=0.2",
        "dir=some/dir",
        "backend=wgpu",
        "radius=[1, 2.5]",
        "seed=1",
        "seed=2",
    ];
    let config = load(text, &set).unwrap().value;
    assert_eq!(config.layers[1].hidden, 7);
    assert_eq!(config.layers[0].rho, 0.2);
    assert_eq!(config.dir, "some/dir");
    assert_eq!(config.backend, Backend::Wgpu);
    assert_eq!(config.radius, [1.0, 2.5]);
    assert_eq!(config.seed, 2);
    refused(
        text,
        &["layers.2.hidden=7"],
        "--set layers.2.hidden=7: layers[2] does not exist; there are 2, counted from 0",
    );
    refused(
        "seed = 3",
        &["seed.x=1"],
        "--set seed.x=1: seed is not a table",
    );
}

#[test]
fn arguments_are_one_line_each() {
    refused("", &["seed"], "--set seed: expected KEY=VALUE on one line");
    refused(
        "",
        &["seed=3\nbackend=\u{1b}wgpu"],
        "--set seed=3\\u{a}backend=\\u{1b}wgpu: expected KEY=VALUE on one line",
    );
    refused(
        "",
        &["seed.=3"],
        "--set seed.=3: expected KEY=VALUE on one line",
    );
    let deep = format!("{}=1", "a.".repeat(100_000));
    assert!(load("", &[&deep]).unwrap_err().to_string().len() < 200);
}

#[test]
fn ranges_name_the_line_or_the_argument() {
    let text = "seed = 1\n[[layers]]\nhidden = 5\nrho = 0\n";
    let range = |set: &[&str], key| {
        load(text, set)
            .unwrap()
            .origin
            .range(key, 0, "more")
            .to_string()
    };
    assert_eq!(
        range(&[], "layers.0.rho"),
        "a.toml:4: layers[0].rho is 0; expected more"
    );
    assert_eq!(
        range(&[], "pretrain.epochs"),
        "a.toml: pretrain.epochs is 0; expected more"
    );
    assert_eq!(
        range(&["layers=[{hidden=1,rho=2}]"], "layers.0.rho"),
        "--set layers=[{hidden=1,rho=2}]: layers[0].rho is 0; expected more"
    );
}

#[test]
fn layers_inherit_what_they_do_not_say() {
    let text = "[pretrain]\nepochs = 7\nlearning_rate = 0.5\n\
                [[layers]]\nhidden = 1\n[layers.pretrain]\nepochs = 9\n\
                [[layers]]\nhidden = 1\n";
    let Loaded { value, origin } = load(text, &["pretrain.nesterov=true"]).unwrap();
    let own = value.layers[0].pretrain.as_ref().unwrap();
    assert_eq!(
        (own.epochs, own.learning_rate, own.nesterov),
        (9, 0.5, true)
    );
    assert_eq!(value.layers[1].pretrain, None);
    let range = |key| origin.range(key, 0, "more").to_string();
    assert_eq!(
        range("layers.0.pretrain.epochs"),
        "a.toml:7: layers[0].pretrain.epochs is 0; expected more"
    );
    assert_eq!(
        range("layers.0.pretrain.learning_rate"),
        "a.toml:3: pretrain.learning_rate is 0; expected more"
    );
    refused(
        &text.replace("0.5", "'fast'"),
        &[],
        "a.toml:3: pretrain.learning_rate is \"fast\"; expected a number",
    );
}

#[test]
fn files_that_hold_no_text_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |path: &Path| {
        let error = read::<Config>(path, &[], inherit_pretrain).unwrap_err();
        error
            .to_string()
            .replace(&folder.path().display().to_string(), "DIR")
    };
    assert_eq!(
        refused(folder.path()),
        "DIR: is a folder; expected a TOML file"
    );
    let file = folder.path().join("a.toml");
    assert!(refused(&file).starts_with("DIR/a.toml: cannot be read: "));
    std::fs::write(&file, b"dir = '\xff'").unwrap();
    assert_eq!(
        refused(&file),
        "DIR/a.toml: is not text in UTF-8 (at byte 7)"
    );
    std::fs::write(&file, "seed = 4").unwrap();
    let loaded = read::<Config>(&file, &[], inherit_pretrain).unwrap();
    assert_eq!(loaded.value.seed, 4);
}
