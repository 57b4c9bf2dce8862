//! Data sets from the network, or from a folder that has them: files get their names when they are whole
//! and right, and what was interrupted is continued.

mod checksum;
mod data_set;
mod error;
mod file;
#[cfg(feature = "fetch")]
mod http;
mod mirror;
mod part;
mod reply;

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

pub use self::checksum::Checksum;
pub use self::data_set::DataSet;
pub use self::error::FetchError;
pub use self::file::RemoteFile;
pub use self::mirror::Mirror;

use self::part::Part;
use self::reply::Reply;
use crate::WriteError;
use crate::message::escaped;

/// What happens to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event<'a> {
    /// It is there, and right.
    Kept,
    /// A mirror begins to send it.
    Started {
        /// Which one.
        mirror: &'a Mirror,
        /// The bytes that were there before, after which it goes on.
        from: u64,
    },
    /// So many bytes of it are there.
    Received(u64),
    /// A mirror failed; what follows is the same one again or the next one.
    Failed {
        /// Which one.
        mirror: &'a Mirror,
        /// Why.
        reason: &'a str,
    },
    /// It is whole and in its place.
    Finished,
}

/// Who is told what happens to which file.
pub type Listener<'a> = &'a mut dyn FnMut(&RemoteFile, Event<'_>);

/// How often one mirror is asked for one file, as long as each answer brings more of it.
const ATTEMPTS: usize = 5;
/// Bytes that are read at once.
const BUFFER: usize = 1 << 16;

/// Why bytes no longer come.
enum Stop {
    /// It is the mirror's fault.
    Mirror(String),
    /// Other mirrors would not help.
    Here(FetchError),
}

impl<E: Into<FetchError>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Here(error.into())
    }
}

/// Fetches the files that are not in a folder yet, each from the first mirror that has it right.
///
/// # Errors
///
/// Refuses a folder with other files of these names, and mirrors on disk that lack a file. Fails where no
/// mirror has a file, and where nothing can be written. Files that are whole stay, and what there is of
/// the next one, too, as `NAME.part`.
pub fn fetch(
    files: &[RemoteFile],
    mirrors: &[Mirror],
    folder: &Path,
    listener: Listener<'_>,
) -> Result<(), FetchError> {
    let missing = missing(files, folder, &mut *listener)?;
    check(mirrors, &missing)?;
    let made = make(folder)?;
    for file in missing {
        if let Err(error) = fetch_file(file, mirrors, folder, &mut *listener) {
            // Folders in which there is something stay.
            made.iter().for_each(|folder| drop(fs::remove_dir(folder)));
            return Err(error);
        }
        listener(file, Event::Finished);
    }
    Ok(())
}

/// The files that are not there. What is there under their names and is something else is never
/// replaced: who knows what it is.
fn missing<'a>(
    files: &'a [RemoteFile],
    folder: &Path,
    listener: Listener<'_>,
) -> Result<Vec<&'a RemoteFile>, FetchError> {
    let mut missing = Vec::new();
    for file in files {
        let path = folder.join(&file.name);
        let fault = match File::open(&path) {
            Ok(found) => file.checksum.fault(found),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                missing.push(file);
                continue;
            }
            Err(error) => Err(error),
        };
        match fault.map_err(|error| FetchError::unreadable(&path, error))? {
            Some(fault) => return Err(FetchError::Other { path, fault }),
            None => listener(file, Event::Kept),
        }
    }
    Ok(missing)
}

/// Refuses mirrors that cannot have the files.
fn check(mirrors: &[Mirror], files: &[&RemoteFile]) -> Result<(), FetchError> {
    let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
    let names = names.join(", ");
    for mirror in mirrors {
        let lacks = |folder: &PathBuf, file: &RemoteFile| !folder.join(&file.name).is_file();
        match mirror {
            Mirror::Folder(folder) => {
                if let Some(file) = files.iter().find(|file| lacks(folder, file)) {
                    return Err(FetchError::Missing {
                        folder: folder.clone(),
                        name: file.name.clone(),
                        expected: names,
                    });
                }
            }
            Mirror::Url(_) if cfg!(feature = "fetch") || files.is_empty() => {}
            Mirror::Url(_) => {
                let mirror = mirror.to_string();
                return Err(FetchError::NoClient { names, mirror });
            }
        }
    }
    Ok(())
}

/// Makes a folder; returns those that were not there, the innermost first.
fn make(folder: &Path) -> Result<Vec<&Path>, WriteError> {
    let all = folder.ancestors();
    let made = all.take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists());
    let made = made.collect();
    fs::create_dir_all(folder).map_err(|error| WriteError::new(folder, error))?;
    Ok(made)
}

fn fetch_file(
    file: &RemoteFile,
    mirrors: &[Mirror],
    folder: &Path,
    listener: Listener<'_>,
) -> Result<(), FetchError> {
    let mut part = Part::open(folder, &file.name)?;
    let place = folder.join(&file.name);
    // The process may have ended between the last byte and the name.
    if part.length() > 0 && part.fault(file)?.is_none() {
        return Ok(part.finish(&place)?);
    }
    let mut reasons = Vec::new();
    for mirror in mirrors {
        match fetch_from(mirror, file, &mut part, &mut *listener) {
            Ok(()) => return Ok(part.finish(&place)?),
            Err(Stop::Here(error)) => {
                part.leave();
                return Err(error);
            }
            Err(Stop::Mirror(reason)) => reasons.push(format!("{mirror}: {reason}")),
        }
    }
    part.leave();
    Err(FetchError::Failed {
        name: file.name.clone(),
        reasons,
        remote: mirrors
            .iter()
            .any(|mirror| matches!(mirror, Mirror::Url(_))),
    })
}

/// Fetches a file from one mirror, which may need several attempts: a connection breaks, or what was
/// there before turns out to be the start of something else.
fn fetch_from(
    mirror: &Mirror,
    file: &RemoteFile,
    part: &mut Part,
    listener: Listener<'_>,
) -> Result<(), Stop> {
    let mut attempt = 1;
    loop {
        let before = part.length();
        let reason = match receive(mirror, file, part, &mut *listener) {
            Ok(()) => match part.fault(file)? {
                None => return Ok(()),
                Some(fault) => {
                    part.clear()?;
                    fault
                }
            },
            Err(Stop::Mirror(reason)) => reason,
            Err(here) => return Err(here),
        };
        let reason = escaped(&reason);
        listener(
            file,
            Event::Failed {
                mirror,
                reason: &reason,
            },
        );
        if part.length() == before || attempt == ATTEMPTS {
            return Err(Stop::Mirror(reason));
        }
        attempt += 1;
    }
}

/// Takes what a mirror sends, and no more than the file can have.
fn receive(
    mirror: &Mirror,
    file: &RemoteFile,
    part: &mut Part,
    listener: Listener<'_>,
) -> Result<(), Stop> {
    let mut body = match mirror
        .open(&file.name, part.length())
        .map_err(Stop::Mirror)?
    {
        Reply::Rest(body) => body,
        Reply::Whole(body) => {
            part.clear()?;
            body
        }
        Reply::NoRest => {
            part.clear()?;
            return Err(Stop::Mirror("it cannot continue what is there".to_owned()));
        }
    };
    let from = part.length();
    listener(file, Event::Started { mirror, from });
    let mut buffer = vec![0; BUFFER];
    loop {
        let count = match body.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(Stop::Mirror(error.to_string())),
        };
        if part.length() + count as u64 > file.most_bytes() {
            part.clear()?;
            let (bytes, most) = (file.bytes, file.most_bytes());
            let reason = format!("it sends more than {most} bytes; expected about {bytes}");
            return Err(Stop::Mirror(reason));
        }
        part.append(&buffer[..count])?;
        listener(file, Event::Received(part.length()));
    }
}
