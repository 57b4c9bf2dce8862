use std::collections::BTreeMap;
use std::sync::Barrier;
use std::thread;

use tempfile::{TempDir, tempdir};

use super::marker::MARKER;
use super::*;

/// All files below a folder, with their bytes.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with(".sae-writer.json") {
            // It says who writes, and is gone with its process.
            continue;
        }
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => {
                let bytes = fs::read(&path).unwrap();
                found.insert(path, bytes);
            }
        }
    }
    found
}

fn names(folder: &Path) -> Vec<String> {
    let name = |path: &PathBuf| path.strip_prefix(folder).unwrap().display().to_string();
    files(folder).keys().map(name).collect()
}

fn choose(out: &Path, overwrite: bool) -> Result<Destination, FolderError> {
    Destination::choose(Some(out), "tiny", overwrite, &[])
}

fn new_run(out: &Path) -> RunFolder {
    RunFolder::create(choose(out, false).unwrap()).unwrap()
}

/// A folder with a complete run called `run`.
fn with_run() -> (TempDir, PathBuf) {
    let folder = tempdir().unwrap();
    let out = folder.path().join("run");
    let run = new_run(&out);
    run.write("config.toml", b"old").unwrap();
    run.write("weights/a.safetensors", b"old").unwrap();
    run.complete().unwrap();
    (folder, out)
}

/// The refusal of a run at `out`, after checking that it changes nothing in `folder`.
#[track_caller]
fn refused(folder: &Path, out: &Path, overwrite: bool, reads: &[PathBuf]) -> String {
    let before = files(folder);
    let chosen = Destination::choose(Some(out), "tiny", overwrite, reads);
    let error = chosen.and_then(RunFolder::create).unwrap_err();
    assert_eq!(files(folder), before);
    assert!(error.is_input(), "{error}");
    let message = error.to_string();
    assert!(message.starts_with(&out.display().to_string()), "{message}");
    message
}

#[test]
fn a_run_is_written_and_read_again() {
    let folder = tempdir().unwrap();
    let out = folder.path().join("some/run");
    let run = new_run(&out);
    run.write("config.toml", b"seed = 1").unwrap();
    run.write("config.toml", b"seed = 2").unwrap();
    run.write("weights/a.safetensors", b"w").unwrap();
    run.append("metrics.jsonl", b"1\n").unwrap();
    run.append("metrics.jsonl", b"2\n").unwrap();
    drop(run.complete().unwrap());

    let run = RunFolder::open(&out).unwrap();
    assert_eq!(run.path(), out);
    assert_eq!(run.read("config.toml").unwrap(), b"seed = 2");
    assert_eq!(run.read("metrics.jsonl").unwrap(), b"1\n2\n");
    assert!(run.has("weights/a.safetensors") && !run.has("loss.svg"));
    let marker = run.marker().unwrap();
    assert_eq!(marker.state, State::Complete);
    assert_eq!(marker.files.len(), 3);
    let error = run.read("loss.svg").unwrap_err();
    let expected = format!("{}: cannot be read", out.join("loss.svg").display());
    assert!(error.to_string().starts_with(&expected), "{error}");
}

#[cfg(unix)]
#[test]
fn files_are_readable_by_all() {
    use std::os::unix::fs::PermissionsExt;
    let (_folder, out) = with_run();
    for path in files(&out).keys() {
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o444, 0o444, "{}", path.display());
    }
}

#[test]
fn only_runs_are_opened_and_replaced() {
    let folder = tempdir().unwrap();
    let site = folder.path();
    assert!(matches!(RunFolder::open(site), Err(FolderError::NoRun(_))));
    fs::write(site.join("config.toml"), "precious").unwrap();
    for overwrite in [false, true] {
        let message = refused(site, site, overwrite, &[]);
        assert!(message.contains("is not an empty folder"), "{message}");
    }
    let file = site.join("config.toml");
    refused(site, &file, true, &[]);
    fs::write(site.join("data.json"), "{}").unwrap();
    fs::create_dir(site.join("weights")).unwrap();
    let message = refused(site, site, true, &[]);
    assert!(message.contains("remove it by hand"), "{message}");
    let opened = RunFolder::open(site).unwrap_err();
    assert!(opened.to_string().contains("older version"), "{opened}");
    fs::write(site.join(".sae-run.json"), "{}").unwrap();
    let error = choose(site, true).unwrap_err().to_string();
    assert!(error.contains("is no marker of a run"), "{error}");
}

#[test]
fn an_old_run_is_replaced_when_the_new_one_is_whole() {
    let (folder, out) = with_run();
    let message = refused(folder.path(), &out, false, &[]);
    assert!(message.contains("already holds a run"), "{message}");

    fs::write(out.join("notes.txt"), "mine").unwrap();
    fs::write(out.join("weights/mine"), "mine").unwrap();
    let before = files(&out);
    let run = RunFolder::create(choose(&out, true).unwrap()).unwrap();
    run.write("config.toml", b"new").unwrap();
    run.write("weights/b.safetensors", b"new").unwrap();
    assert_eq!(files(&out), before);
    assert_eq!(run.path(), out);
    assert_eq!(run.read("config.toml").unwrap(), b"new");

    let run = run.complete().unwrap();
    assert_eq!(run.read("config.toml").unwrap(), b"new");
    let expected = [
        ".sae-run.json",
        "config.toml",
        "notes.txt",
        "weights/b.safetensors",
        "weights/mine",
    ];
    assert_eq!(names(&out), expected);
    run.write("loss.svg", b"<svg").unwrap();
    assert!(out.join("loss.svg").is_file());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn an_old_run_outlives_a_new_one_that_fails() {
    let (folder, out) = with_run();
    let before = files(folder.path());
    let run = RunFolder::create(choose(&out, true).unwrap()).unwrap();
    run.write("config.toml", b"new").unwrap();
    fs::remove_dir_all(run.file("")).unwrap();
    let error = run.write("loss.svg", b"new").unwrap_err().to_string();
    assert!(error.starts_with(&out.display().to_string()), "{error}");
    assert!(!error.contains(".new-"), "{error}");
    drop(run);
    assert_eq!(files(folder.path()), before);

    let run = RunFolder::create(choose(&out, true).unwrap()).unwrap();
    run.write("config.toml", b"new").unwrap();
    drop(run);
    assert_eq!(files(folder.path()), before);
}

#[test]
fn a_new_run_that_fails_stays_as_it_is() {
    let folder = tempdir().unwrap();
    let out = folder.path().join("run");
    let run = new_run(&out);
    run.write("config.toml", b"new").unwrap();
    drop(run);
    let run = RunFolder::open(&out).unwrap();
    assert_eq!(run.marker().unwrap().state, State::Running);
    assert!(run.has("config.toml"));
    assert!(choose(&out, true).is_ok());
}

#[test]
fn files_of_the_user_are_not_replaced() {
    let (folder, out) = with_run();
    let picture = out.join("features.png");
    fs::write(&picture, "mine").unwrap();
    let message = refused(folder.path(), &out, true, &[]);
    assert!(
        message.contains("features.png was not written by"),
        "{message}"
    );
    fs::remove_file(&picture).unwrap();

    let run = RunFolder::create(choose(&out, true).unwrap()).unwrap();
    run.write("weights/b.safetensors", b"new").unwrap();
    fs::write(out.join("weights/b.safetensors"), "mine").unwrap();
    let before = files(&out);
    let error = run.complete().unwrap_err();
    assert_eq!(files(&out), before);
    assert!(!error.is_input());
    let FolderError::NotReplaced { kept, .. } = error else {
        panic!("{error}");
    };
    let kept = RunFolder::open(&kept).unwrap();
    assert_eq!(kept.marker().unwrap().state, State::Complete);
    assert_eq!(kept.read("weights/b.safetensors").unwrap(), b"new");
}

/// A marker that was changed by hand removes nothing outside the folder.
#[cfg(unix)]
#[test]
fn nothing_outside_a_run_is_removed() {
    let (folder, out) = with_run();
    let elsewhere = folder.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    for name in ["a", "b", "c"] {
        fs::write(elsewhere.join(name), "precious").unwrap();
    }
    std::os::unix::fs::symlink(&elsewhere, out.join("link")).unwrap();
    let mut marker = Marker::read(&out, &out).unwrap().unwrap();
    let absolute = elsewhere.join("a").display().to_string();
    let names = [
        &absolute,
        "../elsewhere/b",
        "link/c",
        "link",
        "weights",
        "gone",
    ];
    let changed = names.map(|name| (name.to_owned(), None));
    marker.files.extend(changed);
    marker.write(&out, &out).unwrap();
    let before = files(&elsewhere);
    let run = RunFolder::create(choose(&out, true).unwrap()).unwrap();
    run.complete().unwrap();
    assert_eq!(files(&elsewhere), before);
    assert!(out.join("link").is_symlink());
    assert!(!out.join("config.toml").exists() && !out.join("weights").exists());
}

/// Who adds a file to a run that is whole keeps others away while that is done, and waits for nobody.
#[test]
fn one_process_at_a_time_writes_a_file() {
    let (_folder, out) = with_run();
    let another = RunFolder::open(&out).unwrap();
    let writer = RunFolder::resume(&out).unwrap();
    let error = another.write("report.html", b"new").unwrap_err();
    assert!(matches!(error, FolderError::Busy { .. }), "{error}");
    drop(writer);
    thread::scope(|scope| {
        for name in ["report.html", "figures/a.svg", "features.png"] {
            let another = &another;
            // On a slow disk one may have to wait for longer than it does by itself.
            scope.spawn(move || {
                while let Err(error) = another.write(name, name.as_bytes()) {
                    assert!(matches!(error, FolderError::Busy { .. }), "{error}");
                }
            });
        }
    });
    // None of them has lost another's seal.
    let marker = Marker::read(&out, &out).unwrap().unwrap();
    assert_eq!(marker.files.len(), 5);
    assert!(marker.files.values().all(Option::is_some), "{marker:?}");
}

/// Nothing waits for the other end of a pipe.
#[cfg(unix)]
#[test]
fn pipes_are_replaced_or_refused() {
    let (folder, out) = with_run();
    let pipe = |path: &Path| {
        let made = std::process::Command::new("mkfifo").arg(path).status();
        assert!(made.unwrap().success());
    };
    let run = RunFolder::resume(&out).unwrap();
    run.begin_again().unwrap();
    for name in ["report.html", "metrics.jsonl"] {
        pipe(&out.join(name));
    }
    pipe(&folder.path().join("pipe"));
    let link = out.join("weights/link");
    std::os::unix::fs::symlink(folder.path().join("pipe"), link).unwrap();
    run.write("report.html", b"new").unwrap();
    run.write_durably("weights/link", b"new").unwrap();
    assert_eq!(run.read("report.html").unwrap(), b"new");
    assert_eq!(run.read("weights/link").unwrap(), b"new");
    let error = run.append("metrics.jsonl", b"1\n").unwrap_err().to_string();
    assert!(error.contains("a device or a pipe"), "{error}");
}

/// A name without its file, as one whose writing failed, is forgotten when the run goes on, and does not keep it from
/// becoming whole.
#[test]
fn names_without_files_are_forgotten() {
    let (_folder, out) = with_run();
    fs::remove_file(out.join("weights/a.safetensors")).unwrap();
    let run = RunFolder::resume(&out).unwrap();
    run.begin_again().unwrap();
    assert_eq!(run.names().unwrap(), ["config.toml"]);
    run.write("weights/b", b"b").unwrap();
    run.discard("weights/b").unwrap();
    run.write("weights/c", b"c").unwrap();
    let run = run.complete().unwrap();
    assert_eq!(run.names().unwrap(), ["config.toml", "weights/c"]);
    // A whole run is locked no longer.
    RunFolder::open(&out).unwrap().write("a", b"a").unwrap();
}

/// What cannot be added to a whole run leaves it as it was.
#[test]
fn what_is_not_added_is_no_part_of_a_run() {
    let (_folder, out) = with_run();
    fs::create_dir(out.join("features.png")).unwrap();
    fs::remove_file(out.join("config.toml")).unwrap();
    fs::create_dir(out.join("config.toml")).unwrap();
    let before = fs::read(out.join(MARKER)).unwrap();
    let run = RunFolder::open(&out).unwrap();
    for name in ["features.png", "config.toml"] {
        run.write(name, b"new").unwrap_err();
        assert_eq!(fs::read(out.join(MARKER)).unwrap(), before);
    }
}

/// A run whose marker names what is elsewhere is not gone on with.
#[test]
fn names_out_of_the_folder_are_refused() {
    let (_folder, out) = with_run();
    let mut marker = Marker::read(&out, &out).unwrap().unwrap();
    marker.files.insert("../elsewhere".to_owned(), None);
    marker.write(&out, &out).unwrap();
    let run = RunFolder::resume(&out).unwrap();
    let error = run.begin_again().unwrap_err();
    assert!(matches!(error, FolderError::Outside(_)), "{error}");
}

#[test]
fn what_a_run_reads_is_not_replaced() {
    let (folder, out) = with_run();
    let config = out.join("weights/../config.toml");
    let message = refused(folder.path(), &out, true, std::slice::from_ref(&config));
    assert!(message.contains("cannot be replaced"), "{message}");
    assert!(message.contains("config.toml"), "{message}");
    assert!(check_here(Path::new(".")) && check_here(Path::new("/")));
    assert!(!check_here(&out));
}

/// Whether a folder is refused because the process is in it.
fn check_here(folder: &Path) -> bool {
    matches!(
        claim::check_not_needed(folder, &[]),
        Err(FolderError::InUse { .. })
    )
}

/// Lets threads choose and then claim at the same time.
fn race(
    threads: usize,
    choose: impl Fn() -> Destination + Sync,
) -> Vec<Result<RunFolder, FolderError>> {
    let barrier = Barrier::new(threads);
    let run = || {
        let chosen = choose();
        barrier.wait();
        RunFolder::create(chosen)
    };
    thread::scope(|scope| {
        let started: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        started.into_iter().map(|t| t.join().unwrap()).collect()
    })
}

#[test]
fn runs_without_a_path_get_folders_of_their_own() {
    let folder = tempdir().unwrap();
    let runs = folder.path().join("runs/tiny");
    let claimed = race(8, || Destination::numbered(runs.clone()).unwrap());
    let mut found: Vec<_> = claimed
        .iter()
        .map(|run| run.as_ref().unwrap().path().to_owned())
        .collect();
    found.sort();
    found.dedup();
    assert_eq!(found.len(), 8);
    assert!(found.contains(&runs) && found.contains(&folder.path().join("runs/tiny-8")));
}

#[test]
fn one_of_several_runs_gets_a_folder() {
    let (_folder, old) = with_run();
    for round in 0..20 {
        let fresh = old.with_file_name(format!("fresh-{round}"));
        for (out, overwrite) in [(&fresh, false), (&old, true)] {
            let claimed = race(4, || choose(out, overwrite).unwrap());
            let (won, lost): (Vec<_>, Vec<_>) = claimed.into_iter().partition(Result::is_ok);
            assert_eq!(won.len(), 1);
            for error in lost.into_iter().map(Result::unwrap_err) {
                assert!(error.is_input());
                assert!(
                    error
                        .to_string()
                        .contains("is being written by another run"),
                    "{error}"
                );
            }
            let error = choose(out, false).unwrap_err();
            assert!(matches!(error, FolderError::Busy { .. }), "{error}");
        }
    }
}

#[test]
fn places_that_cannot_be_written_are_wrong_input() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "mine").unwrap();
    let message = refused(folder.path(), &file.join("sub/run"), false, &[]);
    assert!(
        message.contains("cannot be written: not a directory"),
        "{message}"
    );
    for path in [
        file.join("f.png"),
        folder.path().join("nodir/f.png"),
        folder.path().to_owned(),
    ] {
        let error = write_file(&path, b"png").unwrap_err();
        assert!(error.is_input(), "{error}");
        let expected = format!("{}: cannot be written: ", path.display());
        let reason = error.to_string();
        let reason = reason.strip_prefix(&expected).unwrap();
        assert!(!reason.contains("tmp"), "{reason}");
    }
    assert_eq!(names(folder.path()), ["file"]);
}

#[cfg(unix)]
#[test]
fn a_read_only_folder_is_wrong_input() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempdir().unwrap();
    let closed = folder.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).unwrap();
    let probe = closed.join("probe");
    if fs::write(&probe, "").is_ok() {
        // Nothing is closed to the superuser.
        return;
    }
    refused(folder.path(), &closed, false, &[]);
    refused(folder.path(), &closed.join("run"), false, &[]);
    assert!(write_file(&probe, b"").unwrap_err().is_input());
}

#[cfg(target_os = "linux")]
#[test]
fn devices_are_written_to() {
    let full = Path::new("/dev/full");
    if full.exists() {
        assert!(!write_file(full, b"x").unwrap_err().is_input());
        assert!(!full.is_file());
    }
}

#[test]
fn default_names_are_safe() {
    assert_eq!(claim::file_name("tiny.v2"), "tiny.v2");
    assert_eq!(claim::file_name("../a b\u{1b}$\\"), "-.-a-b---");
    assert_eq!(claim::file_name(""), "run");
}
