//! The data sets that can be fetched.

use std::fmt;
use std::str::FromStr;

use super::checksum::Checksum;
use super::file::RemoteFile;
use super::mirror::Mirror;

/// A data set of four IDX files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataSet {
    /// Handwritten digits.
    Mnist,
    /// Articles of clothing.
    FashionMnist,
}

/// The names of the files, of all sets alike, and how many bytes each unpacks to.
const FILES: [(&str, u64); 4] = [
    ("train-images-idx3-ubyte.gz", 47_040_016),
    ("train-labels-idx1-ubyte.gz", 60_008),
    ("t10k-images-idx3-ubyte.gz", 7_840_016),
    ("t10k-labels-idx1-ubyte.gz", 10_008),
];

/// Sizes of the files of MNIST, and sums of what they unpack to.
const MNIST: [(u64, &str); 4] = [
    (
        9_912_422,
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    (
        28_881,
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    (
        1_648_877,
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    (
        4_542,
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
];

/// Sizes and sums of the files of Fashion-MNIST as they were published; sums of what they unpack to
/// were not.
const FASHION_MNIST: [(u64, &str); 4] = [
    (
        26_421_880,
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    ),
    (
        29_515,
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    ),
    (
        4_422_102,
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    ),
    (
        5_148,
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    ),
];

impl DataSet {
    /// The names of all of them.
    pub const NAMES: [&str; 2] = ["mnist", "fashion-mnist"];

    /// The folder for its files, below the current one.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Mnist => "data/mnist",
            Self::FashionMnist => "data/fashion-mnist",
        }
    }

    /// Its files.
    pub fn files(self) -> Vec<RemoteFile> {
        let published = match self {
            Self::Mnist => MNIST,
            Self::FashionMnist => FASHION_MNIST,
        };
        let file = |((name, content), (bytes, sha256)): ((&str, u64), (u64, &str))| RemoteFile {
            name: name.to_owned(),
            bytes,
            checksum: self.checksum(sha256.to_owned(), content),
        };
        FILES.into_iter().zip(published).map(file).collect()
    }

    fn checksum(self, sha256: String, bytes: u64) -> Checksum {
        match self {
            Self::Mnist => Checksum::Content { sha256, bytes },
            Self::FashionMnist => Checksum::File { sha256 },
        }
    }

    /// Where its files are to be had, the first choice first.
    pub fn mirrors(self) -> Vec<Mirror> {
        let urls = match self {
            Self::Mnist => [
                "https://ossci-datasets.s3.amazonaws.com/mnist/",
                "https://storage.googleapis.com/cvdf-datasets/mnist/",
            ],
            // The first has no TLS; what comes from it is checked like all else.
            Self::FashionMnist => [
                "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
                "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
            ],
        };
        urls.map(|url| Mirror::Url(url.to_owned())).into()
    }
}

impl fmt::Display for DataSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mnist => Self::NAMES[0],
            Self::FashionMnist => Self::NAMES[1],
        })
    }
}

impl FromStr for DataSet {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let all = [Self::Mnist, Self::FashionMnist];
        let found = all.into_iter().find(|set| set.to_string() == name);
        found.ok_or_else(|| format!("expected one of {}", Self::NAMES.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_sums_are_sums() {
        for name in DataSet::NAMES {
            let set: DataSet = name.parse().unwrap();
            assert_eq!(set.to_string(), name);
            for file in set.files() {
                let (Checksum::Content { sha256, .. } | Checksum::File { sha256 }) = file.checksum;
                let digit = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
                assert!(sha256.len() == 64 && sha256.chars().all(digit), "{sha256}");
            }
        }
        assert!("MNIST".parse::<DataSet>().is_err());
    }
}
