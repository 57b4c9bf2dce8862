//! What lies in a folder that is read.

use std::fs;
use std::path::Path;

/// Whether it is to be read as a file: a pipe would be waited for. A link that leads nowhere is, so that it is missed.
pub(super) fn may_be_file(path: &Path) -> bool {
    fs::metadata(path).map_or(true, |about| about.is_file())
}
