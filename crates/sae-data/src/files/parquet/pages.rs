//! The pages of a column, none of which announces more values than it has bytes for.

use parquet::basic::{Encoding, Type};
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::column::reader::{ColumnReader, get_column_reader};
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::RowGroupReader;
use parquet::schema::types::{ColumnDescPtr, ColumnDescriptor};

use super::lengths::lengths;

/// Byte strings of a page, of which the library keeps the lengths: 64 MiB of them. Writers begin a page after some
/// thousands of rows, or with a group, which has a million.
const MOST_STRINGS: u32 = 1 << 24;

/// What reads a column of a group of rows.
///
/// # Errors
///
/// Refuses a column that there is none of, or whose place in the file makes no sense.
pub(super) fn open_column(group: &dyn RowGroupReader, column: usize) -> Result<ColumnReader> {
    let about = group.metadata().schema_descr().column(column);
    let pages = CheckedPages {
        pages: group.get_column_page_reader(column)?,
        column: about.clone(),
    };
    Ok(get_column_reader(about, Box::new(pages)))
}

/// Bits that a value of a dictionary takes at least.
fn least_bits(column: &ColumnDescriptor) -> u64 {
    match column.physical_type() {
        Type::BOOLEAN => 1,
        // Of bytes there is their number.
        Type::INT32 | Type::FLOAT | Type::BYTE_ARRAY => 32,
        Type::INT64 | Type::DOUBLE => 64,
        Type::INT96 => 96,
        Type::FIXED_LEN_BYTE_ARRAY => 8 * u64::try_from(column.type_length()).unwrap_or(0).max(1),
    }
}

/// The library makes room for as many values of a dictionary, and for as many lengths of byte strings, as a page
/// announces, and looks at the page's bytes afterwards: damaged ones would take gigabytes.
struct CheckedPages {
    pages: Box<dyn PageReader>,
    column: ColumnDescPtr,
}

impl CheckedPages {
    fn check(&self, page: &Page) -> Result<()> {
        let problem = match page {
            Page::DictionaryPage {
                buf, num_values, ..
            } => {
                let bits = 8 * buf.len() as u64;
                let fits = u64::from(*num_values) * least_bits(&self.column) <= bits;
                (!fits).then(|| {
                    let bytes = buf.len();
                    format!("a dictionary announces {num_values} values in {bytes} bytes")
                })
            }
            Page::DataPage { .. } | Page::DataPageV2 { .. } => {
                let most = page.num_values().min(MOST_STRINGS);
                let announced = strings(page, &self.column, most);
                announced.is_none().then(|| {
                    format!("the lengths of byte strings are damaged, or more than {most}")
                })
            }
        };
        match problem {
            None => Ok(()),
            Some(problem) => Err(ParquetError::General(problem)),
        }
    }
}

/// Looks at the lengths of byte strings that are packed as differences, before the library makes room for them; nothing
/// where they are damaged, or more than `most`.
fn strings(page: &Page, column: &ColumnDescriptor, most: u32) -> Option<()> {
    let lists = match page.encoding() {
        Encoding::DELTA_LENGTH_BYTE_ARRAY => 1,
        // Lengths of what each string has in common with the one before, and of the rest.
        Encoding::DELTA_BYTE_ARRAY => 2,
        _ => return Some(()),
    };
    let mut rest = values(page, column)?;
    for _ in 0..lists {
        (_, rest) = lengths(rest, u64::from(most))?;
    }
    Some(())
}

/// The bytes of a page behind its levels.
fn values<'a>(page: &'a Page, column: &ColumnDescriptor) -> Option<&'a [u8]> {
    match page {
        Page::DataPage {
            buf,
            num_values,
            def_level_encoding,
            rep_level_encoding,
            ..
        } => {
            let levels = [
                (column.max_rep_level(), rep_level_encoding),
                (column.max_def_level(), def_level_encoding),
            ];
            let mut used = levels.into_iter().filter(|&(most, _)| most > 0);
            used.try_fold(&buf[..], |rest, (most, encoding)| {
                rest.get(level_bytes(rest, most, *encoding, *num_values)?..)
            })
        }
        Page::DataPageV2 {
            buf,
            def_levels_byte_len,
            rep_levels_byte_len,
            ..
        } => {
            let levels = def_levels_byte_len.checked_add(*rep_levels_byte_len)?;
            buf.get(usize::try_from(levels).ok()?..)
        }
        Page::DictionaryPage { .. } => None,
    }
}

/// Bytes of the levels, of `most` at most, at the start of what is left of a page of the first version.
fn level_bytes(rest: &[u8], most: i16, encoding: Encoding, count: u32) -> Option<usize> {
    match encoding {
        Encoding::RLE => {
            let bytes = u32::from_le_bytes(*rest.first_chunk()?);
            usize::try_from(bytes).ok()?.checked_add(4)
        }
        #[expect(deprecated, reason = "old files have it")]
        Encoding::BIT_PACKED => {
            let bits = u16::BITS - most.unsigned_abs().leading_zeros();
            Some((count as usize).checked_mul(bits as usize)?.div_ceil(8))
        }
        _ => None,
    }
}

impl Iterator for CheckedPages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl PageReader for CheckedPages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let page = self.pages.get_next_page()?;
        page.iter().try_for_each(|page| self.check(page))?;
        Ok(page)
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.pages.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.pages.skip_next_page()
    }

    fn at_record_boundary(&mut self) -> Result<bool> {
        self.pages.at_record_boundary()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parquet::schema::types::{ColumnPath, Type as SchemaType};

    use super::*;

    /// A column of one page.
    struct Only(Option<Page>);

    impl Iterator for Only {
        type Item = Result<Page>;

        fn next(&mut self) -> Option<Self::Item> {
            self.get_next_page().transpose()
        }
    }

    impl PageReader for Only {
        fn get_next_page(&mut self) -> Result<Option<Page>> {
            Ok(self.0.take())
        }

        fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
            Ok(None)
        }

        fn skip_next_page(&mut self) -> Result<()> {
            Ok(())
        }
    }

    /// What comes of a page of a column whose values may be missing.
    fn read(page: Page, kind: Type) -> std::result::Result<bool, String> {
        let kind = SchemaType::primitive_type_builder("a", kind).with_length(1);
        let (kind, path) = (Arc::new(kind.build().unwrap()), ColumnPath::from("a"));
        let mut pages = CheckedPages {
            pages: Box::new(Only(Some(page))),
            column: Arc::new(ColumnDescriptor::new(kind, 1, 0, path)),
        };
        let page = pages.get_next_page().map_err(|error| error.to_string());
        page.map(|page| page.is_some())
    }

    #[test]
    fn dictionaries_have_no_more_values_than_bytes() {
        let read = |num_values, bytes: usize, kind| {
            let page = Page::DictionaryPage {
                buf: vec![0; bytes].into(),
                num_values,
                encoding: Encoding::PLAIN,
                is_sorted: false,
            };
            read(page, kind)
        };
        assert!(read(5, 20, Type::FLOAT).unwrap());
        assert!(read(8, 1, Type::BOOLEAN).unwrap());
        for (values, bytes, kind) in [
            (6, 20, Type::FLOAT),
            (9, 1, Type::BOOLEAN),
            (u32::MAX, 18_000, Type::INT32),
            (1, 0, Type::FIXED_LEN_BYTE_ARRAY),
        ] {
            let error = read(values, bytes, kind).unwrap_err();
            let expected = format!("a dictionary announces {values} values in {bytes} bytes");
            assert!(error.contains(&expected), "{error}");
        }
    }

    /// A page of `num_values` values, of both versions, with one byte of levels.
    fn pages(num_values: u32, encoding: Encoding, lengths: &[u8]) -> [Page; 2] {
        let buf = |start: &[u8]| [start, lengths].concat().into();
        let first = Page::DataPage {
            buf: buf(&[1, 0, 0, 0, 9]),
            num_values,
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let second = Page::DataPageV2 {
            buf: buf(&[9]),
            num_values,
            encoding,
            num_nulls: 0,
            num_rows: num_values,
            def_levels_byte_len: 1,
            rep_levels_byte_len: 0,
            is_compressed: false,
            statistics: None,
        };
        [first, second]
    }

    /// 2^41 lengths would take 8 TiB, and end the process.
    #[test]
    fn byte_strings_have_no_more_lengths_than_there_are_values() {
        const ONE: [u8; 5] = [0x80, 0x01, 0x04, 1, 6];
        const TOO_MANY: [u8; 10] = [0x80, 0x01, 0x04, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40, 0];
        let both = |second: &[u8]| [&ONE, second].concat();
        for (encoding, sound, damaged) in [
            (
                Encoding::DELTA_LENGTH_BYTE_ARRAY,
                ONE.to_vec(),
                TOO_MANY.to_vec(),
            ),
            (Encoding::DELTA_BYTE_ARRAY, both(&ONE), both(&TOO_MANY)),
        ] {
            for page in pages(1, encoding, &sound) {
                assert!(read(page, Type::BYTE_ARRAY).unwrap());
            }
            for values in [1, u32::MAX] {
                for page in pages(values, encoding, &damaged) {
                    let error = read(page, Type::BYTE_ARRAY).unwrap_err();
                    let most = values.min(MOST_STRINGS);
                    let expected = format!("byte strings are damaged, or more than {most}");
                    assert!(error.contains(&expected), "{error}");
                }
            }
            for page in pages(1, encoding, &[]) {
                assert!(read(page, Type::BYTE_ARRAY).is_err());
            }
        }
        // Other encodings have no such lengths.
        for page in pages(1, Encoding::PLAIN, &TOO_MANY) {
            assert!(read(page, Type::BYTE_ARRAY).unwrap());
        }
    }
}
