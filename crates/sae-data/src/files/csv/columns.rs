//! Which columns of a table are inputs, and which holds the labels.

use std::path::Path;

use csv::ByteRecord;
use sae_kernels::Setting;

use super::config::{CsvConfig, Header};
use super::fields::{is_missing, number};
use super::lines::{Lines, is_standard_input};
use crate::DataError;
use crate::files::purpose::Purpose;

/// Words that a column of them may have.
const MOST_WORDS: usize = 1000;

/// An input: a column of numbers, or one word of a column of words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Input {
    pub column: usize,
    /// 1 where the field is this word, else 0.
    pub word: Option<Vec<u8>>,
}

/// The columns of a table and what they are for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Columns {
    /// The names of all columns; none without a line of names.
    names: Vec<String>,
    count: usize,
    pub inputs: Vec<Input>,
    pub label: Option<usize>,
}

impl Columns {
    /// Takes the line of names, where there is one, and makes inputs of all columns but the label
    /// and those to be ignored. Words are those of the model's names, where it has any, else those that
    /// the file has, for which it is read to its end.
    pub(super) fn choose(
        lines: &mut Lines,
        config: &CsvConfig,
        purpose: Purpose<'_>,
    ) -> Result<Self, DataError> {
        let (wanted, lenient) = match purpose {
            Purpose::Training => (&[][..], false),
            Purpose::Model(names) => (names, true),
        };
        let mut columns = Self {
            names: take_names(lines, config.header)?,
            count: lines.fields(),
            inputs: vec![],
            label: None,
        };
        let path = lines.path().to_owned();
        let find = |setting, name: &String| match columns.find(&path, setting, name) {
            Err(_) if lenient => Ok(None),
            found => found.map(Some),
        };
        let label = match config.label.is_empty() {
            true => None,
            false => find("label", &config.label)?,
        };
        let ignored = config.ignore.iter().map(|name| find("ignore", name));
        let ignored: Vec<Option<usize>> = ignored.collect::<Result<_, _>>()?;
        columns.label = label;
        let left = (0..columns.count)
            .filter(|&column| Some(column) != label && !ignored.contains(&Some(column)));
        let left: Vec<usize> = left.collect();
        let words = match (config.one_hot, wanted.is_empty()) {
            (false, _) => vec![vec![]; left.len()],
            (true, true) => columns.words_in(&path, config, &left)?,
            (true, false) => left
                .iter()
                .map(|&c| columns.words_among(c, wanted))
                .collect(),
        };
        let inputs = left.into_iter().zip(words).flat_map(|(column, words)| {
            let plain = words.is_empty().then_some(Input { column, word: None });
            let words = words.into_iter();
            plain.into_iter().chain(words.map(move |word| Input {
                column,
                word: Some(word),
            }))
        });
        columns.inputs = inputs.collect();
        match columns.inputs.is_empty() {
            true => Err(DataError::format(
                path,
                "has no column that is an input",
                "one at least",
            )),
            false => Ok(columns),
        }
    }

    /// The names of the inputs; none without a line of names.
    pub(super) fn input_names(&self) -> Vec<String> {
        let name = |input: &Input| {
            let column = self.names.get(input.column)?;
            Some(match &input.word {
                Some(word) => format!("{column}={}", String::from_utf8_lossy(word)),
                None => column.clone(),
            })
        };
        self.inputs.iter().filter_map(name).collect()
    }

    /// What a column is called in messages.
    pub(super) fn name(&self, column: usize) -> String {
        match self.names.get(column) {
            Some(name) => format!("column {} (`{name}`)", column + 1),
            None => format!("column {}", column + 1),
        }
    }

    /// The column of a name, or of a number from 1.
    fn find(&self, path: &Path, setting: &'static str, name: &str) -> Result<usize, DataError> {
        if let Some(column) = self.names.iter().position(|known| known == name) {
            return Ok(column);
        }
        if let Ok(number) = name.parse::<usize>()
            && (1..=self.count).contains(&number)
        {
            return Ok(number - 1);
        }
        let (path, count) = (path.display(), self.count);
        let expected = match self.names.is_empty() {
            true => format!("a number from 1 to {count}: {path} has no line of names"),
            false => {
                let names = self.names.join(", ");
                format!("a column of {path} ({names}), or its number from 1")
            }
        };
        Err(Setting::new(setting, format!("{name:?}"), expected)
            .within("csv")
            .into())
    }

    /// The words of `columns`, sorted, of which columns of numbers have none.
    fn words_in(
        &self,
        path: &Path,
        config: &CsvConfig,
        columns: &[usize],
    ) -> Result<Vec<Vec<Vec<u8>>>, DataError> {
        let mut found: Vec<Vec<Vec<u8>>> = vec![vec![]; columns.len()];
        if is_standard_input(path) {
            let found = "cannot be read twice, which csv.one_hot needs";
            return Err(DataError::format(path, found, "a file"));
        }
        let mut lines = Lines::open(path, config)?;
        take_names(&mut lines, config.header)?;
        while let Some(row) = lines.next()? {
            for (&column, words) in columns.iter().zip(&mut found) {
                let field = row.get(column).unwrap_or_default().trim_ascii();
                if number(field).is_some() || is_missing(field) {
                    continue;
                }
                if let Err(place) = words.binary_search_by(|word| word.as_slice().cmp(field)) {
                    words.insert(place, field.to_vec());
                }
                if words.len() > MOST_WORDS {
                    let column = self.name(column);
                    let found = format!("holds more than {MOST_WORDS} different words in {column}");
                    let expected = "numbers, or few words; csv.ignore leaves a column out";
                    return Err(DataError::format(path, found, expected));
                }
            }
        }
        Ok(found)
    }

    /// The words of a column among the names `column=word` of inputs.
    fn words_among(&self, column: usize, wanted: &[String]) -> Vec<Vec<u8>> {
        let name = self.names.get(column).map_or("", String::as_str);
        let words = wanted.iter().filter_map(|wanted| {
            let word = wanted.strip_prefix(name)?.strip_prefix('=')?;
            Some(word.as_bytes().to_vec())
        });
        words.collect()
    }
}

/// The names in the first line, each once, where there are any.
fn take_names(lines: &mut Lines, header: Header) -> Result<Vec<String>, DataError> {
    let is_row = |first: &ByteRecord| first.iter().any(|field| number(field).is_some());
    let has_names = match header {
        Header::Yes => true,
        Header::No => false,
        Header::Auto => lines.first().is_some_and(|first| !is_row(first)),
    };
    if !has_names {
        return Ok(vec![]);
    }
    let path = lines.path().to_owned();
    let first = lines.next()?.unwrap_or_default();
    let mut names: Vec<String> = Vec::new();
    for (column, field) in first.iter().enumerate() {
        let refuse = |problem: &str, expected: &str| {
            let found = format!("line 1, column {}: the name {problem}", column + 1);
            Err(DataError::format(&path, found, expected))
        };
        let Ok(name) = std::str::from_utf8(field) else {
            return refuse("is no UTF-8", "text in UTF-8");
        };
        let name = name.trim().to_owned();
        let expected = "a name of its own for every column (csv.header = \"no\" where the first \
                        line is a row)";
        if name.is_empty() {
            return refuse("is missing", expected);
        }
        if names.contains(&name) {
            return refuse(&format!("`{name}` is there twice"), expected);
        }
        names.push(name);
    }
    Ok(names)
}
