//! Fetching small made-up data sets, from folders and from servers that do not always behave.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

#[cfg(feature = "fetch")]
mod remote;
#[cfg(feature = "fetch")]
mod server;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use sae_data::fetch::{Checksum, Event, FetchError, Mirror, RemoteFile, fetch};
use sha2::{Digest, Sha256};
use tempfile::{TempDir, tempdir};

/// Bytes that do not compress, the same ones for the same seed.
fn noise(seed: u32, count: usize) -> Vec<u8> {
    let next = |state: &mut u32| {
        *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Some((*state >> 24) as u8)
    };
    let mut state = seed;
    std::iter::from_fn(|| next(&mut state))
        .take(count)
        .collect()
}

fn sha256(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

fn packed(content: &[u8], level: Compression) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), level);
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// A file that is known by its own sum.
fn file(name: &str, bytes: &[u8]) -> RemoteFile {
    let sha256 = sha256(bytes);
    RemoteFile {
        name: name.to_owned(),
        bytes: bytes.len() as u64,
        checksum: Checksum::File { sha256 },
    }
}

/// What was told, in words.
fn told(event: Event<'_>) -> Option<String> {
    Some(match event {
        Event::Kept => "kept".to_owned(),
        Event::Started { from, .. } => format!("from {from}"),
        Event::Received(_) => return None,
        Event::Failed { reason, .. } => format!("failed: {reason}"),
        Event::Finished => "finished".to_owned(),
    })
}

/// A folder that files are fetched into, which is not there at first.
struct Place {
    _above: TempDir,
    folder: PathBuf,
}

impl Place {
    fn new() -> Self {
        let above = tempdir().unwrap();
        let folder = above.path().join("data/set");
        Self {
            _above: above,
            folder,
        }
    }

    /// Fetches; returns what was told on the way.
    fn fetch(
        &self,
        files: &[RemoteFile],
        mirrors: &[Mirror],
    ) -> (Vec<String>, Result<(), FetchError>) {
        let mut events = Vec::new();
        let result = fetch(files, mirrors, &self.folder, &mut |_, event| {
            events.extend(told(event));
        });
        (events, result)
    }

    /// The names in the folder.
    fn names(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(&self.folder) else {
            return vec![];
        };
        let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
        let mut names: Vec<String> = entries.map(|entry| name(entry.unwrap())).collect();
        names.sort();
        names
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.folder.join(name)).unwrap()
    }

    /// Puts a file into the folder.
    fn put(&self, name: &str, bytes: &[u8]) {
        fs::create_dir_all(&self.folder).unwrap();
        fs::write(self.folder.join(name), bytes).unwrap();
    }

    fn is_there(&self) -> bool {
        // The folder above it was not there either.
        self.folder.parent().is_some_and(Path::exists)
    }
}

/// A folder with files.
fn mirror_of(files: &[(&str, &[u8])]) -> (TempDir, Mirror) {
    let folder = tempdir().unwrap();
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    let mirror = Mirror::parse(folder.path().to_str().unwrap()).unwrap();
    (folder, mirror)
}

#[test]
fn files_come_from_a_folder_and_are_kept() {
    let (place, a, b) = (Place::new(), noise(1, 300_000), noise(2, 10));
    let (_folder, mirror) = mirror_of(&[("a.gz", &a), ("b.gz", &b)]);
    let files = [file("a.gz", &a), file("b.gz", &b)];
    let (events, result) = place.fetch(&files, std::slice::from_ref(&mirror));
    result.unwrap();
    assert_eq!(events, ["from 0", "finished", "from 0", "finished"]);
    assert_eq!(place.names(), ["a.gz", "b.gz"]);
    assert!(place.read("a.gz") == a && place.read("b.gz") == b);

    let (events, result) = place.fetch(&files, &[mirror]);
    result.unwrap();
    assert_eq!(events, ["kept", "kept"]);
}

#[test]
fn copies_that_were_compressed_otherwise_are_right() {
    let (place, content) = (Place::new(), noise(1, 5000));
    let (_folder, mirror) = mirror_of(&[("a.gz", &packed(&content, Compression::none()))]);
    let (sha256, bytes) = (sha256(&content), content.len() as u64);
    let files = [RemoteFile {
        name: "a.gz".to_owned(),
        bytes,
        checksum: Checksum::Content { sha256, bytes },
    }];
    place.fetch(&files, &[mirror]).1.unwrap();
    assert_eq!(place.names(), ["a.gz"]);
}

#[test]
fn a_folder_without_a_file_is_refused_before_anything_is_made() {
    let (place, a) = (Place::new(), noise(1, 10));
    let (folder, mirror) = mirror_of(&[("a.gz", &a)]);
    let error = place
        .fetch(&[file("a.gz", &a), file("b.gz", &a)], &[mirror])
        .1
        .unwrap_err();
    assert!(error.is_input() && !place.is_there());
    let expected = "there is no file b.gz; expected a folder with a.gz, b.gz";
    assert_eq!(
        error.to_string(),
        format!("{}: {expected}", folder.path().display())
    );
}

#[test]
fn a_wrong_file_in_a_folder_leaves_nothing() {
    let (place, right, wrong) = (Place::new(), noise(1, 10), noise(2, 10));
    let (_folder, mirror) = mirror_of(&[("a.gz", &wrong)]);
    let error = place
        .fetch(&[file("a.gz", &right)], &[mirror])
        .1
        .unwrap_err();
    let message = error.to_string();
    let sums = format!(
        "its SHA-256 is {}; expected {}",
        sha256(&wrong),
        sha256(&right)
    );
    assert!(
        message.starts_with("a.gz cannot be fetched: ") && message.ends_with(&sums),
        "{message}"
    );
    assert!(error.is_input() && !place.is_there());
}

#[test]
fn another_file_of_the_name_is_not_replaced() {
    let (place, a) = (Place::new(), noise(1, 10));
    let (_folder, mirror) = mirror_of(&[("a.gz", &a)]);
    place.put("a.gz", b"mine");
    let error = place.fetch(&[file("a.gz", &a)], &[mirror]).1.unwrap_err();
    assert!(error.is_input());
    assert!(
        error
            .to_string()
            .contains("a.gz is there already, but its SHA-256 is"),
        "{error}"
    );
    assert_eq!(place.read("a.gz"), b"mine");
}

#[test]
fn two_processes_do_not_write_the_same_file() {
    let (place, a) = (Place::new(), noise(1, 10));
    let (_folder, mirror) = mirror_of(&[("a.gz", &a)]);
    place.put("a.gz.part", b"");
    let other = fs::File::open(place.folder.join("a.gz.part")).unwrap();
    other.lock().unwrap();
    let (files, mirrors) = ([file("a.gz", &a)], [mirror]);
    let error = place.fetch(&files, &mirrors).1.unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("a.gz.part is being written by another process")
    );
    drop(other);
    place.fetch(&files, &mirrors).1.unwrap();
    assert_eq!(place.names(), ["a.gz"]);
}

#[cfg(not(feature = "fetch"))]
#[test]
fn without_a_client_it_is_said_what_to_do() {
    let (place, a) = (Place::new(), noise(1, 10));
    let mirror = Mirror::parse("https://localhost/sets").unwrap();
    let error = place.fetch(&[file("a.gz", &a)], &[mirror]).1.unwrap_err();
    assert!(error.is_input() && !place.is_there());
    let message = error.to_string();
    assert!(
        message.contains("get a.gz from https://localhost/sets/"),
        "{message}"
    );
}
