//! A file, beyond whose end nothing can be read.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};

use bytes::Bytes;
use parquet::errors::Result;
use parquet::file::reader::{ChunkReader, Length};

/// A Parquet file. The library passes over what it does not know by reading it, and where a file has ended reads on:
/// damaged ones that announce two thousand million values of a list would take minutes.
pub(super) struct Source(File);

impl Source {
    pub(super) fn new(file: File) -> Self {
        Self(file)
    }
}

impl Length for Source {
    fn len(&self) -> u64 {
        Length::len(&self.0)
    }
}

impl ChunkReader for Source {
    type T = BufReader<Ending<File>>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        let mut file = self.0.try_clone()?;
        file.seek(SeekFrom::Start(start))?;
        Ok(BufReader::new(Ending(file)))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        self.0.get_bytes(start, length)
    }
}

/// To read on after the end is an error.
pub(super) struct Ending<R>(R);

impl<R: Read> Read for Ending<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 if !buffer.is_empty() => Err(io::ErrorKind::UnexpectedEof.into()),
            read => Ok(read),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_an_error() {
        let mut reader = BufReader::new(Ending(&[1u8, 2, 3][..]));
        let mut two = [0; 2];
        reader.read_exact(&mut two).unwrap();
        assert_eq!(two, [1, 2]);
        assert_eq!(reader.read(&mut []).unwrap(), 0);
        // As the library does what it passes over.
        let skip =
            |reader: &mut dyn Read, count| io::copy(&mut reader.take(count), &mut io::sink());
        assert_eq!(skip(&mut reader, 1).unwrap(), 1);
        let error = skip(&mut reader, 1).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
