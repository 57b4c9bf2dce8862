//! Every key of a configuration: its range, and its place in `docs/config.md`.

use sae::Experiment;
use sae::train::{Optimizer, Schedule};

/// The error that a configuration leads to.
fn message(text: &str) -> String {
    let refused = Experiment::parse("a.toml", text, &[]);
    refused.expect_err(text).to_string()
}

#[test]
fn every_range_is_checked() {
    let cases = [
        (
            "[[layers]]\nrho = 0.0",
            "a.toml:2: layers[0].rho is 0; expected a number in (0, 1)",
        ),
        ("[[layers]]\nrho = 1.0", "a.toml:2: layers[0].rho is 1"),
        (
            "[[layers]]\nhidden = 0",
            "a.toml:2: layers[0].hidden is 0; expected at least 1",
        ),
        ("[[layers]]\nbeta = -3", "a.toml:2: layers[0].beta is -3"),
        (
            "[[layers]]\nweight_decay = inf",
            "a.toml:2: layers[0].weight_decay is inf",
        ),
        ("layers = []", "a.toml:1: layers is a list of 0"),
        (
            "[head]\nweight_decay = -1",
            "a.toml:2: head.weight_decay is -1",
        ),
        (
            "[head]\ncorruption = \"masking\"\ncorruption_amount = 1.0",
            "a.toml:3: head.corruption_amount is 1; expected a share in (0, 1)",
        ),
        (
            "[pretrain]\nlearning_rate = 0",
            "a.toml:2: pretrain.learning_rate is 0",
        ),
        (
            "[pretrain]\nlearning_rate = nan",
            "a.toml:2: pretrain.learning_rate is NaN",
        ),
        ("[softmax]\nepochs = 0", "a.toml:2: softmax.epochs is 0"),
        ("[finetune]\nbatch = 0", "a.toml:2: finetune.batch is 0"),
        ("[finetune]\nbeta2 = 1.0", "a.toml:2: finetune.beta2 is 1"),
        (
            "[finetune]\ntolerance = -1",
            "a.toml:2: finetune.tolerance is -1",
        ),
        (
            "[finetune]\ntolerance = 0.1\npatience = 0",
            "a.toml:3: finetune.patience is 0",
        ),
        ("[[layers]]\nl1 = -1", "a.toml:2: layers[0].l1 is -1"),
        (
            "[[layers]]\nreconstruction = \"cross_entropy\"\ndecoder = \"tanh\"",
            "a.toml:2: layers[0].reconstruction is cross_entropy with a tanh decoder; expected \
             squared_error, or a sigmoid decoder",
        ),
        (
            "[[layers]]\nencoder = \"tanh\"\n[[layers]]\nreconstruction = \"cross_entropy\"",
            "a.toml:4: layers[1].reconstruction is cross_entropy; expected squared_error with a \
             tanh or linear decoder: it is to reconstruct codes of tanh units, which lie in [-1, 1]",
        ),
        (
            "[[layers]]\ntop_k = 101\nbeta = 0",
            "a.toml:2: layers[0].top_k is 101",
        ),
        (
            "[[layers]]\nencoder = \"relu\"",
            "a.toml: layers[0].beta is 3 with relu units; expected 0: KL",
        ),
        (
            "[[layers]]\nbeta = 1\ntop_k = 5",
            "a.toml:2: layers[0].beta is 1 with top_k 5; expected 0: top_k already",
        ),
        (
            "[[layers]]\nencoder = \"tanh\"\nbeta = 0\ntop_k = 5",
            "a.toml:4: layers[0].top_k is 5; expected no top_k with tanh",
        ),
        (
            "[[layers]]\nencoder = \"tanh\"\n[[layers]]\nhidden = 5",
            "a.toml: layers[1].decoder is sigmoid; expected tanh or linear: it is to \
             reconstruct codes of tanh units, which lie in [-1, 1]",
        ),
        (
            "[[layers]]\ncorruption = \"masking\"\ncorruption_amount = 1.5",
            "a.toml:3: layers[0].corruption_amount is 1.5",
        ),
        (
            "[[layers]]\n[layers.pretrain]\nepochs = 0",
            "a.toml:3: layers[0].pretrain.epochs is 0",
        ),
        (
            "[pretrain]\noptimizer = \"lbfgs\"",
            "a.toml: pretrain.batch is 256 with a line search; expected \"full\"",
        ),
        (
            "[pretrain]\noptimizer = \"cg\"",
            "a.toml: pretrain.batch is 256 with a line search; expected \"full\": lbfgs and cg",
        ),
        (
            "[data]\nsource = \"patches\"",
            "a.toml: classifier is true; expected false with data.source = \"patches\"",
        ),
        (
            "[data.patches]\nsize = 0\n[data]\nsource = \"patches\"",
            "a.toml:2: data.patches.size is 0; expected at least 1",
        ),
        (
            "[data.scaling]\nkind = \"min_max\"\nhigh = -1",
            "a.toml:3: data.scaling.high is -1 with low = 0; expected",
        ),
        (
            "[data.scaling]\nkind = \"min_max\"\ntruncate = true",
            "a.toml:3: data.scaling.truncate is true with kind = \"min_max\"; expected false",
        ),
        (
            "[data.scaling]\nkind = \"zca\"\nepsilon = -1",
            "a.toml:3: data.scaling.epsilon is -1",
        ),
        (
            "[data.scaling]\nkind = \"zca\"",
            "a.toml: layers[0].decoder is sigmoid; expected linear: it is to reconstruct \
             scaled inputs, which have no bounds",
        ),
        (
            "[data.scaling]\nkind = \"min_max\"\nlow = -1",
            "a.toml: layers[0].decoder is sigmoid; expected tanh or linear: it is to \
             reconstruct scaled inputs, which lie in [-1, 1]",
        ),
        (
            "[pretrain]\nbatch = \"full\"\nrho_hat = \"running\"",
            "a.toml:3: pretrain.rho_hat is an estimate with the full batch",
        ),
        (
            "[pretrain]\ngradient_tolerance = 1e-3",
            "a.toml:2: pretrain.gradient_tolerance is set with batch = 256",
        ),
        (
            "[finetune]\nvalidation_patience = 3",
            "a.toml:2: finetune.validation_patience is 3 without validation samples",
        ),
        (
            "[softmax]\nrho_hat = \"full\"",
            "a.toml:2: softmax.rho_hat is set; expected \"batch\": a classifier has no",
        ),
        (
            "[softmax]\nschedule = \"exponential\"\nschedule_factor = 2.0",
            "a.toml:3: softmax.schedule_factor is 2; expected a number in (0, 1)",
        ),
        (
            "threads = 5000",
            "a.toml:1: threads is 5000; expected 0 to 1024",
        ),
        ("[data]\nvalidation = 1.0", "a.toml:2: data.validation is 1"),
        ("[data.shapes]\nsize = 2", "a.toml:2: data.shapes.size is 2"),
        (
            "[data.shapes]\nblur = [2, 1]",
            "a.toml:2: data.shapes.blur is [2, 1]",
        ),
    ];
    for (text, expected) in cases {
        let found = message(text);
        assert!(found.starts_with(expected), "{found}");
    }
}

#[test]
fn settings_that_do_not_go_together() {
    for (text, expected) in [
        (
            "fused = \"always\"\ngradient = \"autodiff\"",
            "a.toml:1: fused is \"always\" with gradient",
        ),
        (
            "fused = \"always\"\nbackend = \"ndarray\"",
            "a.toml:1: fused is \"always\" with backend",
        ),
        (
            "precision = \"tf32\"",
            "a.toml:1: precision is tf32; expected f32, or backend = \"wgpu\"",
        ),
        (
            "backend = \"wgpu\"\nprecision = \"tf32\"\nfused = \"never\"",
            "a.toml:2: precision is tf32",
        ),
        (
            "[pretrain]\nschedule = \"cosine\"\nlearning_rate = 2",
            "a.toml:3: pretrain.learning_rate is 2",
        ),
        (
            "instruction_set = \"neon\"\nthreads = 1",
            "a.toml:1: instruction_set is neon",
        ),
    ] {
        if cfg!(target_arch = "aarch64") && text.contains("neon") {
            continue;
        }
        let found = message(text);
        assert!(found.starts_with(expected), "{found}");
    }
}

/// A layer's own table takes what it lacks from `[pretrain]`.
#[test]
fn layers_inherit_their_training() {
    let text = "[pretrain]\nepochs = 7\noptimizer = \"sgd\"\n[[layers]]\n[layers.pretrain]\nlearning_rate = 0.5";
    let experiment = Experiment::parse("a.toml", text, &[]).expect("a valid file");
    let own = experiment.layers[0]
        .pretrain
        .expect("the layer has a table");
    assert_eq!(
        (own.epochs, own.optimizer, own.learning_rate),
        (7, Optimizer::Sgd, 0.5)
    );
    assert_eq!(own.schedule, Schedule::Constant);
}

#[test]
fn what_is_written_is_read() {
    let mut experiment = Experiment::default();
    experiment.layers[0].pretrain = Some(experiment.pretrain);
    let text = experiment.to_toml().expect("a default can be written");
    let read = Experiment::parse("a.toml", &text, &[]).expect("what is written is valid");
    assert_eq!(read, experiment);
}

/// A row of a table of `docs/config.md`: key, default, meaning.
struct Row {
    key: String,
    default: String,
    meaning: String,
}

/// The keys that the page describes, whole, for example `pretrain.epochs`.
fn documented() -> Vec<Row> {
    let page = include_str!("../../../docs/config.md");
    let mut rows = Vec::new();
    let mut tables = vec![String::new()];
    for line in page.lines() {
        if line.starts_with("## ") || line.starts_with("### ") {
            let name = |part: &str| part.trim_matches(['[', ']']).to_owned();
            let quoted = line.split('`').skip(1).step_by(2);
            tables = quoted
                .filter(|part| part.starts_with('['))
                .map(name)
                .collect();
            if line == "## Top level" {
                tables = vec![String::new()];
            }
        }
        let cells: Vec<&str> = line
            .split(" | ")
            .map(|cell| cell.trim_matches(['|', ' ']))
            .collect();
        if !line.starts_with("| `") || cells.len() != 3 || cells[1] == "content" {
            continue;
        }
        let unquoted = |cell: &str| -> Vec<String> {
            cell.split('`')
                .skip(1)
                .step_by(2)
                .map(str::to_owned)
                .collect()
        };
        let (keys, defaults) = (unquoted(cells[0]), unquoted(cells[1]));
        for table in &tables {
            for (index, key) in keys.iter().enumerate() {
                rows.push(Row {
                    key: if table.is_empty() {
                        key.clone()
                    } else {
                        format!("{table}.{key}")
                    },
                    default: defaults.get(index).cloned().unwrap_or_default(),
                    meaning: cells[2].to_owned(),
                });
            }
        }
    }
    rows
}

/// The keys that there are, with their defaults.
fn implemented() -> Vec<(String, String)> {
    fn walk(path: &str, value: &toml::Value, found: &mut Vec<(String, String)>) {
        let below = |key: &str| {
            if path.is_empty() {
                key.to_owned()
            } else {
                format!("{path}.{key}")
            }
        };
        match value {
            toml::Value::Table(table) => {
                table
                    .iter()
                    .for_each(|(key, value)| walk(&below(key), value, found));
            }
            toml::Value::Array(list)
                if list.iter().all(toml::Value::is_table) && !list.is_empty() =>
            {
                list.iter().for_each(|value| walk(path, value, found));
            }
            other => found.push((path.to_owned(), other.to_string())),
        }
    }
    let text = Experiment::default()
        .to_toml()
        .expect("a default can be written");
    let table: toml::Table = text.parse().expect("what is written is TOML");
    let mut found = Vec::new();
    walk("", &toml::Value::Table(table), &mut found);
    found
}

/// Keys without a default of their own, which are not written out.
const OPTIONAL: [&str; 3] = [
    "instruction_set",
    "layers.pretrain",
    "data.table.fill_missing",
];

#[test]
fn the_page_describes_every_key_and_its_default() {
    let (rows, keys) = (documented(), implemented());
    for (key, default) in &keys {
        let row = rows.iter().find(|row| row.key == *key);
        let row = row.unwrap_or_else(|| panic!("{key} is not described"));
        let same = |a: &str, b: &str| a == b || a.parse::<f64>().is_ok_and(|a| b.parse() == Ok(a));
        let fits =
            same(&row.default, default) || row.default.replace(' ', "") == default.replace(' ', "");
        assert!(fits, "{key} is {default}, described as {}", row.default);
    }
    for row in &rows {
        let known = keys.iter().any(|(key, _)| *key == row.key) || OPTIONAL.contains(&&*row.key);
        assert!(known, "{} is described but does not exist", row.key);
    }
}

/// The ranges that the page states are those that are checked: what lies just outside is refused.
#[test]
fn the_page_states_the_ranges() {
    let mut probed = 0;
    for row in documented() {
        for (stated, outside) in [
            ("in (0, 1)", &["0.0", "1.0", "nan"][..]),
            ("in [0, 1)", &["-0.1", "1.0", "nan"]),
            (", ≥ 0", &["-1.0", "inf", "nan"]),
            (", > 0", &["0.0", "-1.0", "inf", "nan"]),
            (", at least 1", &["0", "-1"]),
            ("up to 1024", &["1025"]),
        ] {
            if !row.meaning.contains(stated) {
                continue;
            }
            for value in outside {
                let key = row.key.replace("layers.", "layers.0.");
                let set = format!("{key}={value}");
                let text =
                    "[[layers]]\ncorruption = \"masking\"\n[head]\ncorruption = \"masking\"\n";
                let refused = Experiment::parse("a.toml", text, std::slice::from_ref(&set));
                let error = refused.expect_err(&set).to_string();
                assert!(error.starts_with(&format!("--set {set}: ")), "{error}");
                probed += 1;
            }
        }
    }
    assert!(probed > 60, "only {probed} values were tried");
}
