//! Where files are fetched from.

use std::fmt;
use std::fs::File;
use std::path::PathBuf;

use super::error::FetchError;
#[cfg(feature = "fetch")]
use super::http;
use super::reply::Reply;
use crate::message::{escaped, shown_path};

/// A place that has files under their names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mirror {
    /// A URL that ends in `/`.
    Url(String),
    /// A folder on disk.
    Folder(PathBuf),
}

impl Mirror {
    /// The mirror that a text means, a URL or a folder that is there.
    ///
    /// # Errors
    ///
    /// Refuses what is neither.
    pub fn parse(text: &str) -> Result<Self, FetchError> {
        let after = ["http://", "https://"].iter().find_map(|scheme| {
            let start = text.get(..scheme.len())?;
            start
                .eq_ignore_ascii_case(scheme)
                .then(|| &text[scheme.len()..])
        });
        let folder = PathBuf::from(text);
        match after {
            Some(after) if is_host(after) => {
                Ok(Self::Url(format!("{}/", text.trim_end_matches('/'))))
            }
            None if folder.is_dir() => Ok(Self::Folder(folder)),
            _ => Err(FetchError::NoMirror(text.to_owned())),
        }
    }

    /// Asks for a file, from a place in it on.
    ///
    /// # Errors
    ///
    /// Says why there is no answer with the file.
    pub(super) fn open(&self, name: &str, from: u64) -> Result<Reply, String> {
        match self {
            Self::Folder(folder) => match File::open(folder.join(name)) {
                Ok(file) => Ok(Reply::Whole(Box::new(file))),
                Err(error) => Err(error.to_string()),
            },
            Self::Url(url) => get(&format!("{url}{name}"), from),
        }
    }
}

#[cfg(feature = "fetch")]
fn get(url: &str, from: u64) -> Result<Reply, String> {
    http::get(url, from)
}

#[cfg(not(feature = "fetch"))]
fn get(_: &str, _: u64) -> Result<Reply, String> {
    Err("this program was built without the feature `fetch`".to_owned())
}

/// Whether what follows `https://` begins with a host's name and holds nothing that no URL holds.
fn is_host(text: &str) -> bool {
    let starts = |c: char| c.is_ascii_alphanumeric() || c == '[';
    text.starts_with(starts) && text.chars().all(|c| c.is_ascii_graphic())
}

impl fmt::Display for Mirror {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => f.write_str(&escaped(url)),
            Self::Folder(folder) => f.write_str(&shown_path(folder)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mirror_is_a_url_or_a_folder() {
        let url = |text: &str| Ok::<_, String>(Mirror::Url(text.to_owned()));
        let parse = |text: &str| Mirror::parse(text).map_err(|error| error.to_string());
        assert_eq!(parse("http://a.b/c"), url("http://a.b/c/"));
        assert_eq!(parse("HTTPS://[::1]:8080//"), url("HTTPS://[::1]:8080/"));
        assert_eq!(parse("."), Ok(Mirror::Folder(".".into())));
        for wrong in ["http://", "http://a b", "ftp://a.b", "no/such", "", "https"] {
            let message = parse(wrong).unwrap_err();
            assert!(message.starts_with(&format!("{wrong:?} is")), "{message}");
        }
    }
}
