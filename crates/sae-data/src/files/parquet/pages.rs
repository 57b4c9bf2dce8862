//! The pages of a column, none of which announces more values than it has bytes for.

use parquet::basic::Type;
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::column::reader::{ColumnReader, get_column_reader};
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::RowGroupReader;
use parquet::schema::types::ColumnDescriptor;

/// What reads a column of a group of rows.
///
/// # Errors
///
/// Refuses a column that there is none of, or whose place in the file makes no sense.
pub(super) fn open_column(group: &dyn RowGroupReader, column: usize) -> Result<ColumnReader> {
    let about = group.metadata().schema_descr().column(column);
    let pages = CheckedPages {
        pages: group.get_column_page_reader(column)?,
        least_bits: least_bits(&about),
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

/// The library makes room for as many values of a dictionary as its page announces, and looks at the page's bytes
/// afterwards: damaged ones would take gigabytes.
struct CheckedPages {
    pages: Box<dyn PageReader>,
    least_bits: u64,
}

impl CheckedPages {
    fn check(&self, page: &Page) -> Result<()> {
        let Page::DictionaryPage {
            buf, num_values, ..
        } = page
        else {
            return Ok(());
        };
        let bits = 8 * buf.len() as u64;
        if u64::from(*num_values) * self.least_bits <= bits {
            return Ok(());
        }
        let message = format!(
            "a dictionary announces {num_values} values in {} bytes",
            buf.len()
        );
        Err(ParquetError::General(message))
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
    use parquet::basic::Encoding;

    use super::*;

    /// A column of one dictionary.
    struct Dictionary(Option<Page>);

    impl Iterator for Dictionary {
        type Item = Result<Page>;

        fn next(&mut self) -> Option<Self::Item> {
            self.get_next_page().transpose()
        }
    }

    impl PageReader for Dictionary {
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

    #[test]
    fn dictionaries_have_no_more_values_than_bytes() {
        let read = |num_values, bytes: usize, least_bits| {
            let page = Page::DictionaryPage {
                buf: vec![0; bytes].into(),
                num_values,
                encoding: Encoding::PLAIN,
                is_sorted: false,
            };
            let mut pages = CheckedPages {
                pages: Box::new(Dictionary(Some(page))),
                least_bits,
            };
            pages.get_next_page().map(|page| page.is_some())
        };
        assert!(read(5, 20, 32).unwrap());
        assert!(read(8, 1, 1).unwrap());
        for (values, bytes, bits) in [(6, 20, 32), (9, 1, 1), (u32::MAX, 18_000, 32), (1, 0, 8)] {
            let error = read(values, bytes, bits).unwrap_err().to_string();
            let expected = format!("a dictionary announces {values} values in {bytes} bytes");
            assert!(error.contains(&expected), "{error}");
        }
    }
}
