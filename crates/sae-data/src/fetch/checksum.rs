//! What tells whether a file is the one that was meant.

use std::io::{self, BufReader, ErrorKind, Read};

use flate2::bufread::MultiGzDecoder;
use sha2::{Digest, Sha256};

/// What a gzip file must be. SHA-256 throughout, as 64 small hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checksum {
    /// Of what the file unpacks to. The better one where it is known: it is the same however the file
    /// was compressed, and copies that were compressed anew are common.
    Content {
        /// The sum.
        sha256: String,
        /// How many bytes the file unpacks to; what goes on after them is not read.
        bytes: u64,
    },
    /// Of the file as it is.
    File {
        /// The sum.
        sha256: String,
    },
}

impl Checksum {
    /// What is wrong with a file, if anything.
    ///
    /// # Errors
    ///
    /// Fails where the file cannot be read.
    pub(super) fn fault(&self, file: impl Read) -> io::Result<Option<String>> {
        match self {
            Self::Content { sha256, bytes } => content_fault(file, sha256, *bytes),
            Self::File { sha256 } => {
                let mut sum = Sha256::new();
                io::copy(&mut BufReader::new(file), &mut sum)?;
                Ok(difference("its SHA-256", sum, sha256))
            }
        }
    }
}

fn content_fault(file: impl Read, sha256: &str, bytes: u64) -> io::Result<Option<String>> {
    let mut sum = Sha256::new();
    let mut content = MultiGzDecoder::new(BufReader::new(file)).take(bytes + 1);
    match io::copy(&mut content, &mut sum) {
        Ok(count) if count > bytes => Ok(Some(format!(
            "it unpacks to more than {bytes} bytes; expected SHA-256 {sha256} of what it unpacks to"
        ))),
        Ok(_) => Ok(difference("the SHA-256 of what it unpacks to", sum, sha256)),
        Err(error) if is_of_the_decoder(&error) => Ok(Some(format!(
            "it is no whole gzip file ({error}); expected SHA-256 {sha256} of what it unpacks to"
        ))),
        Err(error) => Err(error),
    }
}

fn is_of_the_decoder(error: &io::Error) -> bool {
    use ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    matches!(error.kind(), InvalidData | InvalidInput | UnexpectedEof)
}

fn difference(what: &str, sum: Sha256, expected: &str) -> Option<String> {
    let found = format!("{:x}", sum.finalize());
    (found != expected).then(|| format!("{what} is {found}; expected {expected}"))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    /// SHA-256 of `abc`, the first example of FIPS 180.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn packed(bytes: &[u8], level: Compression) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), level);
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn sums_are_those_of_the_standard() {
        let sha256 = ABC.to_owned();
        let sum = Checksum::File { sha256 };
        assert_eq!(sum.fault(&b"abc"[..]).unwrap(), None);
        let fault = sum.fault(&b"abd"[..]).unwrap().unwrap();
        assert!(fault.starts_with("its SHA-256 is a52d159f"), "{fault}");
        assert!(fault.ends_with(&format!("; expected {ABC}")), "{fault}");
    }

    #[test]
    fn the_content_counts_and_not_how_it_is_packed() {
        let (sha256, bytes) = (ABC.to_owned(), 3);
        let sum = Checksum::Content { sha256, bytes };
        for level in [Compression::none(), Compression::best()] {
            assert_eq!(sum.fault(&packed(b"abc", level)[..]).unwrap(), None);
        }
        for (wrong, said) in [
            (packed(b"abd", Compression::fast()), "is a52d159f"),
            (packed(b"abcd", Compression::fast()), "more than 3 bytes"),
            (b"abc".to_vec(), "no whole gzip file"),
            (packed(b"abc", Compression::fast())[..12].to_vec(), "whole"),
        ] {
            let fault = sum.fault(&wrong[..]).unwrap().unwrap();
            assert!(fault.contains(said) && fault.contains(ABC), "{fault}");
        }
    }
}
