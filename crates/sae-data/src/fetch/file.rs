//! A file that is fetched.

use super::checksum::Checksum;

/// A gzip file that mirrors have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteFile {
    /// Its name, at every mirror and here.
    pub name: String,
    /// Its size as it was published.
    pub bytes: u64,
    /// How it is told from any other.
    pub checksum: Checksum,
}

/// What any file may be larger than it should.
const SLACK: u64 = 1 << 16;

impl RemoteFile {
    /// The most bytes that are taken from a mirror, whatever it says of itself. Half as much again as
    /// was published leaves room for a copy that was compressed in haste.
    pub(super) fn most_bytes(&self) -> u64 {
        self.bytes + self.bytes / 2 + SLACK
    }
}
