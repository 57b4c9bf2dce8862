//! The lines of a table and their fields.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use csv::ByteRecord;
use flate2::bufread::MultiGzDecoder;

use crate::DataError;
use crate::files::table::{Delimiter, TableConfig};
use crate::files::{MOST_INPUTS, STANDARD_INPUT};

/// Bytes that a line may have, those in quotes included: no table has longer ones.
const MOST_LINE: usize = 64 << 20;

/// The lines of a table, each with as many fields as the first.
pub(super) struct Lines {
    path: PathBuf,
    lines: csv::Reader<LineLimit>,
    /// The first line, until it is taken.
    first: Option<ByteRecord>,
    fields: usize,
}

impl Lines {
    /// Opens a table, plain or compressed by gzip.
    pub(super) fn open(path: &Path, config: &TableConfig) -> Result<Self, DataError> {
        let mut text = text(path)?;
        let start = text
            .fill_buf()
            .map_err(|error| DataError::unreadable(path, error))?;
        if start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff") {
            return Err(DataError::format(
                path,
                "is text in UTF-16",
                "text in UTF-8",
            ));
        }
        const MARK: &[u8] = b"\xef\xbb\xbf";
        let marked = start.starts_with(MARK);
        let start = start.strip_prefix(MARK).unwrap_or(start);
        let delimiter = config.delimiter.byte();
        let delimiter = delimiter.unwrap_or_else(|| guess_delimiter(start));
        if marked {
            text.consume(MARK.len());
        }
        let mut lines = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter)
            .buffer_capacity(1 << 16)
            .from_reader(LineLimit { text, line: 0 });
        let mut first = ByteRecord::new();
        match lines.read_byte_record(&mut first) {
            Ok(true) if first.len() > MOST_INPUTS => {
                let found = format!("has {} columns", first.len());
                let expected = format!("at most {MOST_INPUTS}");
                Err(DataError::format(path, found, expected))
            }
            Ok(true) => Ok(Self {
                path: path.to_owned(),
                lines,
                fields: first.len(),
                first: Some(first),
            }),
            Ok(false) => Err(DataError::format(
                path,
                "is empty",
                "a table with at least one row",
            )),
            Err(error) => Err(damaged(path, error)),
        }
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Number of fields of every line.
    pub(super) fn fields(&self) -> usize {
        self.fields
    }

    /// The first line, unless it was taken.
    pub(super) fn first(&self) -> Option<&ByteRecord> {
        self.first.as_ref()
    }

    /// The next line that is not empty.
    pub(super) fn next(&mut self) -> Result<Option<ByteRecord>, DataError> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        let mut record = ByteRecord::new();
        self.lines.get_mut().line = 0;
        match self.lines.read_byte_record(&mut record) {
            Ok(false) => Ok(None),
            Ok(true) if record.len() == self.fields => Ok(Some(record)),
            Ok(true) => {
                let found = format!("line {} has {} fields", line_of(&record), record.len());
                let expected = format!("{}, as the first line has", self.fields);
                Err(DataError::format(&self.path, found, expected))
            }
            Err(error) => Err(damaged(&self.path, error)),
        }
    }
}

/// Whether a table comes from standard input, which can be read but once.
pub(super) fn is_standard_input(path: &Path) -> bool {
    path == Path::new(STANDARD_INPUT)
}

/// The number of a line, from 1.
pub(super) fn line_of(record: &ByteRecord) -> u64 {
    record.position().map_or(0, csv::Position::line)
}

fn text(path: &Path) -> Result<Box<dyn BufRead + Send>, DataError> {
    const BUFFER: usize = 1 << 16;
    let wrong = |error| DataError::unreadable(path, error);
    let file: Box<dyn Read + Send> = match is_standard_input(path) {
        true => Box::new(io::stdin()),
        false => Box::new(File::open(path).map_err(wrong)?),
    };
    let mut file = BufReader::with_capacity(BUFFER, file);
    let start = file.fill_buf().map_err(wrong)?;
    Ok(match start.starts_with(&[0x1f, 0x8b]) {
        true => Box::new(BufReader::with_capacity(BUFFER, MultiGzDecoder::new(file))),
        false => Box::new(file),
    })
}

/// The delimiter that the first line has most of, outside quotes, which begin with a field. Spaces, which may stand
/// beside another one, come last.
fn guess_delimiter(start: &[u8]) -> u8 {
    let mut counts = [0usize; Delimiter::KNOWN.len()];
    let place_of = |byte: u8| {
        Delimiter::KNOWN
            .iter()
            .position(|&(_, known)| known == byte)
    };
    let (mut quoted, mut opens) = (false, true);
    for &byte in start {
        let place = place_of(byte);
        // Two quotes within quotes stand for one.
        let doubled = byte == b'"' && quoted;
        match byte {
            b'"' if quoted || opens => quoted = !quoted,
            b'\n' if !quoted => break,
            _ if quoted => {}
            _ => place.into_iter().for_each(|place| counts[place] += 1),
        }
        opens = place.is_some() || doubled;
    }
    let ranked = |&(place, count): &(usize, usize)| match Delimiter::KNOWN[place].0 {
        Delimiter::Space => count.min(1),
        _ => 2 * count,
    };
    let best = counts.into_iter().enumerate().rev().max_by_key(ranked);
    best.map_or(b',', |(place, _)| Delimiter::KNOWN[place].1)
}

fn damaged(path: &Path, error: csv::Error) -> DataError {
    match error.into_kind() {
        csv::ErrorKind::Io(error) if error.kind() == io::ErrorKind::InvalidData => {
            DataError::format(path, error.to_string(), "lines of at most 64 MiB")
        }
        csv::ErrorKind::Io(error) => DataError::format(
            path,
            format!("cannot be read on: {error}"),
            "an undamaged file",
        ),
        _ => DataError::format(path, "is no table as text", "lines of fields"),
    }
}

/// Text whose lines are not endless, whatever a file unpacks to. What a line is only its reader knows, by its quotes:
/// it is counted what is read for one.
struct LineLimit {
    text: Box<dyn BufRead + Send>,
    /// Bytes that were read for the line.
    line: usize,
}

impl Read for LineLimit {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.text.read(bytes)?;
        self.line += read;
        match self.line > MOST_LINE {
            false => Ok(read),
            true => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("holds a line of more than {MOST_LINE} bytes"),
            )),
        }
    }
}
