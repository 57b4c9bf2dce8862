//! From a file and `--set` arguments to a [`Config`], with errors that name their place.

use std::path::{Path, PathBuf};

use sae_data::shapes::ShapesConfig;
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use super::check::check_shapes;
use super::{Config, ConfigError};

/// A configuration with what is needed to say where a value came from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The values.
    pub config: Config,
    /// Where they came from.
    pub origin: Origin,
}

/// Where the values of a configuration came from.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    path: PathBuf,
    text: String,
    set: Vec<(String, String)>,
}

impl Loaded {
    /// Reads `path` and applies `set`, a list of `key=value`, in order.
    ///
    /// # Errors
    ///
    /// Refuses a file that cannot be read, text that is not TOML, unknown keys and values of the
    /// wrong type, naming the line or the argument.
    pub fn read(path: &Path, set: &[String]) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
            path: path.to_owned(),
            source,
        })?;
        let (config, origin) = parse(path, text, set)?;
        Ok(Self { config, origin })
    }
}

/// Settings of the shapes generator and their seed.
#[derive(Debug, Clone)]
pub struct ShapesSource {
    /// `[data.shapes]`.
    pub shapes: ShapesConfig,
    /// `seed`.
    pub seed: u64,
}

impl Loaded {
    /// The `[data.shapes]` table and the seed of a file, or their defaults, with `set` applied to
    /// the table.
    ///
    /// # Errors
    ///
    /// As [`Loaded::read`] and [`Loaded::check`].
    pub fn shapes(
        path: Option<&Path>,
        seed: Option<u64>,
        set: &[String],
    ) -> Result<ShapesSource, ConfigError> {
        let set: Vec<String> = set.iter().map(|s| format!("data.shapes.{s}")).collect();
        let Self { config, origin } = match path {
            Some(path) => Self::read(path, &set)?,
            None => {
                let (config, origin) = parse(Path::new("[data.shapes]"), String::new(), &set)?;
                Self { config, origin }
            }
        };
        check_shapes(&config.data.shapes, &origin, "data.shapes.")?;
        Ok(ShapesSource {
            shapes: config.data.shapes,
            seed: seed.unwrap_or(config.seed),
        })
    }
}

/// Parses `text` and applies `set`.
pub(super) fn parse(
    path: &Path,
    text: String,
    set: &[String],
) -> Result<(Config, Origin), ConfigError> {
    let mut origin = Origin {
        path: path.to_owned(),
        text,
        set: Vec::new(),
    };
    let mut config = toml::from_str(&origin.text).map_err(|error| ConfigError::Syntax {
        place: origin.at_offset(error.span().map(|span| span.start)),
        message: explain(error.message()),
    })?;
    let mut table: Table = toml::from_str(&origin.text).unwrap_or_default();
    for argument in set {
        let wrong = |message: String| ConfigError::Syntax {
            place: format!("--set {argument}"),
            message,
        };
        let (key, value) = argument
            .split_once('=')
            .ok_or_else(|| wrong("expected KEY=VALUE".to_owned()))?;
        let path = segments(key);
        assign(&mut table, &path, literal(value)).map_err(&wrong)?;
        config = table
            .clone()
            .try_into()
            .map_err(|error: toml::de::Error| wrong(explain(error.message())))?;
        origin.set.push((path.join("."), argument.clone()));
    }
    Ok((config, origin))
}

impl Origin {
    /// The error of a value outside its range; `key` is dotted, for example `layers.0.rho`.
    pub fn range(&self, key: &str, found: impl ToString, expected: impl ToString) -> ConfigError {
        ConfigError::Range {
            place: self.place(key),
            key: pretty(key),
            found: found.to_string(),
            expected: expected.to_string(),
        }
    }

    /// The argument or line that set `key`, or the file where it has its default.
    fn place(&self, key: &str) -> String {
        let below = |set: &str| key == set || key.starts_with(&format!("{set}."));
        match self.set.iter().rev().find(|(set, _)| below(set)) {
            Some((_, argument)) => format!("--set {argument}"),
            None => self.at_offset(offset_of(&self.text, key)),
        }
    }

    fn at_offset(&self, offset: Option<usize>) -> String {
        let path = self.path.display();
        match offset {
            None => path.to_string(),
            Some(offset) => {
                let before = &self.text.as_bytes()[..offset.min(self.text.len())];
                let line = 1 + before.iter().filter(|&&byte| byte == b'\n').count();
                format!("{path}:{line}")
            }
        }
    }
}

/// Splits `layers[0].rho` or `layers.0.rho` into its names.
fn segments(key: &str) -> Vec<String> {
    key.replace('[', ".")
        .replace(']', "")
        .split('.')
        .map(|name| name.trim().to_owned())
        .collect()
}

/// `layers.0.rho` as `layers[0].rho`.
fn pretty(key: &str) -> String {
    let mut text = String::new();
    for name in key.split('.') {
        if name.bytes().all(|b| b.is_ascii_digit()) {
            text.push_str(&format!("[{name}]"));
        } else {
            if !text.is_empty() {
                text.push('.');
            }
            text.push_str(name);
        }
    }
    text
}

/// A TOML value; what is not one is a string, so that quotes are not needed in a shell.
fn literal(text: &str) -> Value {
    let line = format!("value = {text}");
    toml::from_str::<Table>(&line)
        .ok()
        .and_then(|mut table| table.remove("value"))
        .unwrap_or_else(|| Value::String(text.to_owned()))
}

fn assign(table: &mut Table, path: &[String], value: Value) -> Result<(), String> {
    let (last, parents) = path.split_last().ok_or("expected KEY=VALUE")?;
    let mut place = None;
    for (depth, name) in parents.iter().enumerate() {
        let here = path[..=depth].join(".");
        place = Some(match place {
            None => table
                .entry(name.clone())
                .or_insert_with(|| Value::Table(Table::new())),
            Some(parent) => child(parent, name, &here)?,
        });
    }
    match place {
        None => {
            table.insert(last.clone(), value);
        }
        Some(Value::Table(parent)) => {
            parent.insert(last.clone(), value);
        }
        Some(parent) => *child(parent, last, &path.join("."))? = value,
    }
    Ok(())
}

/// The value called `name` in `parent`; `here` is its whole key, for the error.
fn child<'a>(parent: &'a mut Value, name: &str, here: &str) -> Result<&'a mut Value, String> {
    match parent {
        Value::Table(table) => Ok(table
            .entry(name.to_owned())
            .or_insert_with(|| Value::Table(Table::new()))),
        Value::Array(array) => {
            let length = array.len();
            let index: Option<usize> = name.parse().ok();
            index.and_then(|i| array.get_mut(i)).ok_or(format!(
                "{} does not exist; the file has {length} there, counted from 0",
                pretty(here)
            ))
        }
        _ => Err(format!("{} is not a table", pretty(here))),
    }
}

/// The byte at which the value of `key` stands in `text`.
fn offset_of(text: &str, key: &str) -> Option<usize> {
    let document = DeTable::parse(text).ok()?;
    let mut names = key.split('.');
    let mut place: &Spanned<DeValue<'_>> = document.get_ref().get(names.next()?)?;
    for name in names {
        place = match place.get_ref() {
            DeValue::Table(table) => table.get(name)?,
            DeValue::Array(array) => array.get(name.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    Some(place.span().start)
}

/// The parser's message, with the nearest known key where a key is unknown.
fn explain(message: &str) -> String {
    let message = message.trim();
    let names: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let ("unknown field" | "unknown variant", Some((found, known))) = (
        message.split('`').next().unwrap_or("").trim(),
        names.split_first(),
    ) else {
        // Names of Rust's types are no help to anybody else.
        return message
            .replace("expected usize", "expected a whole number >= 0")
            .replace("expected u64", "expected a whole number >= 0")
            .replace("expected f64", "expected a number");
    };
    let nearest = known
        .iter()
        .map(|name| (strsim::damerau_levenshtein(found, name), name))
        .min();
    let hint = match nearest {
        Some((distance, name)) if distance <= name.len().max(3) / 2 => {
            format!("; did you mean `{name}`?")
        }
        _ => String::new(),
    };
    let what = if message.starts_with("unknown field") {
        "key"
    } else {
        "value"
    };
    format!(
        "unknown {what} `{found}`{hint} (known: {})",
        known.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str, set: &[&str]) -> Result<(Config, Origin), ConfigError> {
        let set: Vec<String> = set.iter().map(|s| (*s).to_owned()).collect();
        parse(Path::new("a.toml"), text.to_owned(), &set)
    }

    fn message(text: &str, set: &[&str]) -> String {
        load(text, set).unwrap_err().to_string()
    }

    #[test]
    fn an_empty_file_is_the_default() {
        assert_eq!(load("", &[]).unwrap().0, Config::default());
    }

    #[test]
    fn defaults_survive_a_round_trip() {
        let text = toml::to_string_pretty(&Config::default()).unwrap();
        assert_eq!(load(&text, &[]).unwrap().0, Config::default());
    }

    #[test]
    fn unknown_keys_name_line_and_nearest_key() {
        let found = message("seed = 1\n\n[pretrain]\nlearning_rat = 0.1\n", &[]);
        assert!(
            found.starts_with("a.toml:4: unknown key `learning_rat`"),
            "{found}"
        );
        assert!(found.contains("did you mean `learning_rate`?"), "{found}");
        let found = message("[data.shapes]\nnoize = [0, 0.1]\n", &[]);
        assert!(found.contains("did you mean `noise`?"), "{found}");
        let found = message("", &["pretrain.epoch=3"]);
        assert!(
            found.starts_with("--set pretrain.epoch=3: unknown key `epoch`"),
            "{found}"
        );
        let found = message("zzzzzzzzzzzz = 1\n", &[]);
        assert!(!found.contains("did you mean"), "{found}");
    }

    #[test]
    fn wrong_types_name_line_and_expectation() {
        let found = message("seed = 1\n[pretrain]\nepochs = \"many\"\n", &[]);
        assert!(found.starts_with("a.toml:3: "), "{found}");
        assert!(found.contains("many"), "{found}");
        let found = message("[softmax]\nbatch = \"half\"\n", &[]);
        assert!(found.contains("a number of samples or \"full\""), "{found}");
        let found = message("backend = \"flax\"\n", &[]);
        assert!(found.contains("did you mean `flex`?"), "{found}");
        assert!(message("seed = \n", &[]).starts_with("a.toml:1: "));
    }

    #[test]
    fn arguments_override_the_file() {
        let text = "[[layers]]\nhidden = 5\n[[layers]]\nhidden = 4\n";
        let set = [
            "layers.1.hidden=7",
            "layers[0].rho=0.2",
            "data.idx.dir=some/dir",
            "pretrain.batch=full",
            "data.shapes.kinds=[\"star\", \"cross\"]",
        ];
        let (config, _) = load(text, &set).unwrap();
        assert_eq!(config.layers[1].hidden, 7);
        assert_eq!(config.layers[0].rho, 0.2);
        assert_eq!(config.data.idx.dir, "some/dir");
        assert_eq!(config.pretrain.batch, crate::config::schema::Batch::Full);
        assert_eq!(config.data.shapes.kinds.len(), 2);
        let found = message(text, &["layers.2.hidden=7"]);
        assert!(found.contains("layers[2] does not exist"), "{found}");
        assert!(message("", &["seed"]).contains("expected KEY=VALUE"));
        assert!(message("seed = 3", &["seed.x=1"]).contains("seed.x is not a table"));
    }

    #[test]
    fn ranges_name_the_line_or_the_argument() {
        let text = "seed = 1\n[[layers]]\nhidden = 5\nrho = 0\n";
        let (_, origin) = load(text, &[]).unwrap();
        let range = origin.range("layers.0.rho", 0, "more").to_string();
        assert_eq!(range, "a.toml:4: layers[0].rho is 0; expected more");
        assert_eq!(origin.place("pretrain.epochs"), "a.toml");
        let (_, origin) = load(text, &["layers.0.rho=2"]).unwrap();
        assert_eq!(origin.place("layers.0.rho"), "--set layers.0.rho=2");
    }
}
