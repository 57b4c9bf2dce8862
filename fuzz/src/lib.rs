//! What the fuzz targets share: bytes as a file of some name, all of whose rows are read. Whatever the
//! bytes are, that gives rows or an error, and no panic.

pub mod runs;

use std::fs;
use std::path::Path;

use sae_data::{DataConfig, Purpose};

/// Rows that are read at most: more show nothing new.
const MOST_ROWS: usize = 10_000;

/// Reads bytes as a file called `name`, once as they are and once as what settings may make of them.
pub fn read_rows(name: &str, bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join(name), bytes).expect("a file");
    read(&folder.path().join(name), &DataConfig::default());
    let mut config = DataConfig::default();
    config.table.label = "1".to_owned();
    config.table.one_hot = true;
    config.table.fill_missing = Some(0.0);
    config.arrays.labels = "y".to_owned();
    read(&folder.path().join(name), &config);
}

/// Reads bytes as a picture in a folder.
pub fn read_picture(name: &str, bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join(name), bytes).expect("a file");
    read(folder.path(), &DataConfig::default());
    let mut config = DataConfig::default();
    (config.images.size, config.images.patch) = ([4, 6], 2);
    read(folder.path(), &config);
}

fn read(path: &Path, config: &DataConfig) {
    let Ok(mut reader) = config.open(path, Purpose::Training) else {
        return;
    };
    let mut rows = 0;
    while rows < MOST_ROWS
        && let Ok(Some(chunk)) = reader.read(100)
    {
        rows += chunk.samples.rows();
        assert!(chunk.samples.rows() > 0 && chunk.samples.rows() <= 100);
        assert_eq!(chunk.samples.width(), reader.layout().inputs);
        assert_eq!(chunk.samples.first_not_finite(), None);
    }
}
