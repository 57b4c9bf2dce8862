//! Which columns of a table are inputs, and which holds the labels.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use sae_kernels::Setting;

use super::config::TableConfig;
use super::fields::number;
use crate::DataError;
use crate::files::purpose::Purpose;

/// Words that a column of them may have.
const MOST_WORDS: usize = 1000;

/// An input: a column of numbers, or one word of a column of words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::files) struct Input {
    pub column: usize,
    /// 1 where the field is this word, else 0.
    pub word: Option<Vec<u8>>,
}

/// The columns of a table and what they are for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::files) struct Columns {
    path: PathBuf,
    /// The names of all columns; none where they have none.
    names: Vec<String>,
    count: usize,
    pub inputs: Vec<Input>,
    pub label: Option<usize>,
}

/// Words of columns, each in order.
pub(in crate::files) type Words = Vec<Vec<Vec<u8>>>;

impl Columns {
    /// Of a table with `count` columns, which have names or none; nothing is chosen yet.
    pub(in crate::files) fn new(path: &Path, names: Vec<String>, count: usize) -> Self {
        Self {
            path: path.to_owned(),
            names,
            count,
            inputs: vec![],
            label: None,
        }
    }

    /// Makes inputs of all columns but the label and those to be ignored. Words are those of the model's
    /// names, where it has any, else those that the file has, which `words_in` finds in some columns.
    pub(in crate::files) fn choose(
        mut self,
        config: &TableConfig,
        purpose: Purpose<'_>,
        words_in: impl FnOnce(&Self, &[usize]) -> Result<Words, DataError>,
    ) -> Result<Self, DataError> {
        let (wanted, lenient) = match purpose {
            Purpose::Training => (&[][..], false),
            Purpose::Model(names) => (names, true),
        };
        let find = |setting, name: &String| match self.find(setting, name) {
            Err(_) if lenient => Ok(None),
            found => found.map(Some),
        };
        let label = match config.label.is_empty() {
            true => None,
            false => find("label", &config.label)?,
        };
        let ignored = config.ignore.iter().map(|name| find("ignore", name));
        let ignored: Vec<Option<usize>> = ignored.collect::<Result<_, _>>()?;
        let left = (0..self.count)
            .filter(|&column| Some(column) != label && !ignored.contains(&Some(column)));
        let left: Vec<usize> = left.collect();
        let words = match (config.one_hot, wanted.is_empty()) {
            (false, _) => vec![vec![]; left.len()],
            (true, true) => words_in(&self, &left)?,
            (true, false) => left.iter().map(|&c| self.words_among(c, wanted)).collect(),
        };
        let inputs = left.into_iter().zip(words).flat_map(|(column, words)| {
            let plain = words.is_empty().then_some(Input { column, word: None });
            let words = words.into_iter();
            plain.into_iter().chain(words.map(move |word| Input {
                column,
                word: Some(word),
            }))
        });
        (self.inputs, self.label) = (inputs.collect(), label);
        let unnamed = |input: &&Input| self.names.get(input.column).is_some_and(String::is_empty);
        if let Some(Input { column, .. }) = self.inputs.iter().find(unnamed) {
            let number = column + 1;
            let found = format!("line 1, column {number}: the name is missing");
            let expected = format!(
                "a name of its own for every column, or table.ignore = [\"{number}\"] to leave it out \
                 (table.header = \"no\" where the first line is a row)"
            );
            return Err(DataError::format(self.path, found, expected));
        }
        match self.inputs.is_empty() {
            true => Err(DataError::format(
                self.path,
                "has no column that is an input",
                "one at least",
            )),
            false => Ok(self),
        }
    }

    /// The names of the inputs; none without a line of names.
    pub(in crate::files) fn input_names(&self) -> Vec<String> {
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
    pub(in crate::files) fn name(&self, column: usize) -> String {
        match self.names.get(column) {
            Some(name) => format!("column {} (`{name}`)", column + 1),
            None => format!("column {}", column + 1),
        }
    }

    /// The column of a name, or of a number from 1.
    fn find(&self, setting: &'static str, name: &str) -> Result<usize, DataError> {
        if let Some(column) = self.names.iter().position(|known| known == name) {
            return Ok(column);
        }
        if let Ok(number) = name.parse::<usize>()
            && (1..=self.count).contains(&number)
        {
            return Ok(number - 1);
        }
        let (path, count) = (self.path.display(), self.count);
        let expected = match self.names.is_empty() {
            true => format!("a number from 1 to {count}: {path} has no line of names"),
            false => {
                let names = self.names.join(", ");
                format!("a column of {path} ({names}), or its number from 1")
            }
        };
        Err(Setting::new(setting, format!("{name:?}"), expected)
            .within("table")
            .into())
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

/// The different fields of a column, on the way to its words: of a column of numbers there are none, but
/// where some field is no number, all are words.
#[derive(Debug, Clone, Default)]
pub(in crate::files) struct Vocabulary {
    fields: BTreeSet<Vec<u8>>,
    has_word: bool,
    /// More fields than words may be, so that it must be a column of numbers.
    is_full: bool,
}

impl Vocabulary {
    /// Looks at a field that is there.
    ///
    /// # Errors
    ///
    /// Refuses more words than a column may have.
    pub(in crate::files) fn add(
        &mut self,
        columns: &Columns,
        column: usize,
        field: &[u8],
    ) -> Result<(), DataError> {
        self.has_word |= number(field).is_none();
        if !self.is_full && !self.fields.contains(field) {
            self.fields.insert(field.to_vec());
            self.is_full = self.fields.len() > MOST_WORDS;
        }
        if !(self.is_full && self.has_word) {
            return Ok(());
        }
        let column = columns.name(column);
        let found = format!("holds more than {MOST_WORDS} different words in {column}");
        let expected = "numbers, or few words; table.ignore leaves a column out";
        Err(DataError::format(&columns.path, found, expected))
    }

    /// The words, in order; none of a column of numbers.
    pub(in crate::files) fn words(self) -> Vec<Vec<u8>> {
        match self.has_word {
            true => self.fields.into_iter().collect(),
            false => vec![],
        }
    }
}
