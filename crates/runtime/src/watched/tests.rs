use std::os::unix::fs::symlink;
use std::path::Path;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use tempfile::TempDir;

use super::*;

const BYTES_MAX: usize = 100;

fn named(path: &Path) -> Vec<WatchedFile> {
    vec![WatchedFile { variable: "A_FILE", path: path.to_owned(), bytes_max: BYTES_MAX }]
}

/// Anything but "wrong".
fn parse(contents: &[Vec<u8>]) -> Result<String, FileProblem> {
    let text: Vec<String> = contents.iter().map(|one| String::from_utf8_lossy(one).into_owned()).collect();
    match text.iter().position(|text| text == "wrong") {
        Some(file) => Err(FileProblem { file, problem: "is wrong".to_owned() }),
        None => Ok(text.join("+")),
    }
}

type Parse = fn(&[Vec<u8>]) -> Result<String, FileProblem>;

fn looker(files: Vec<WatchedFile>) -> Looker<Parse> {
    Looker { files, parse, hasher: RandomState::new(), seen: None, problem: None }
}

fn open_in(directory: &TempDir) -> Result<Watched<String>, SettingError> {
    Watched::open(named(&directory.path().join("file")), Duration::ZERO, parse)
}

type Make = fn(&Path);

/// Each way in which a file is no file, made at a path.
fn no_files() -> [(&'static str, Make); 7] {
    [
        ("No such file", |_| {}),
        ("is no regular file", |path| mkfifo(path, Mode::from_bits_truncate(0o600)).unwrap()),
        ("is no regular file", |path| std::fs::create_dir(path).unwrap()),
        ("is no regular file", |path| symlink("/dev/zero", path).unwrap()),
        ("the file is longer than 100 bytes", |path| std::fs::write(path, [b'x'; BYTES_MAX + 1]).unwrap()),
        ("the file is longer than 100 bytes", |path| {
            File::create(path).unwrap().set_len(10_000_000_000).unwrap();
        }),
        ("is wrong", |path| std::fs::write(path, "wrong").unwrap()),
    ]
}

#[test]
fn what_is_no_file_is_refused_at_the_start_by_variable_and_path() {
    for (problem, make) in no_files() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        make(&path);
        let error = open_in(&directory).unwrap_err().to_string();
        assert!(error.starts_with(&format!("A_FILE: {}: ", path.display())), "{error}");
        assert!(error.contains(problem), "{error}");
    }
}

#[test]
fn what_is_no_file_any_more_leaves_what_was_read_before_until_it_is_one_again() {
    for (problem, make) in no_files() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        std::fs::write(&path, "first").unwrap();
        let mut looker = looker(named(&path));
        let current = Arc::new(Mutex::new(Arc::new(looker.read().unwrap())));
        std::fs::remove_file(&path).unwrap();
        make(&path);
        looker.look_again(&current);
        assert_eq!(current.lock().unwrap().as_str(), "first", "{problem}");
        assert!(looker.problem.as_ref().unwrap().problem.contains(problem), "{:?}", looker.problem);
        if path.is_dir() {
            std::fs::remove_dir(&path).unwrap();
        } else if path.symlink_metadata().is_ok() {
            std::fs::remove_file(&path).unwrap();
        }
        std::fs::write(&path, "second").unwrap();
        looker.look_again(&current);
        assert_eq!((current.lock().unwrap().as_str(), &looker.problem), ("second", &None));
    }
}

#[test]
fn a_file_is_read_when_it_changed_and_once_more() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    std::fs::write(&path, "one").unwrap();
    let mut looker = looker(named(&path));
    assert_eq!(looker.read(), Ok("one".to_owned()));
    let mut look = || {
        let value = looker.look().unwrap();
        (value, looker.seen.as_ref().unwrap().confirmed)
    };
    assert_eq!(look(), (None, true));
    std::fs::write(&path, "two").unwrap();
    assert_eq!(look(), (Some("two".to_owned()), false));
    assert_eq!(look(), (None, true));
    // Another file with the same content, as a projected volume brings.
    std::fs::rename(&path, directory.path().join("old")).unwrap();
    std::fs::write(&path, "two").unwrap();
    assert_eq!(look(), (None, false));
}

#[test]
fn several_files_are_one_value_and_the_wrong_one_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let paths = ["one", "two"].map(|name| directory.path().join(name));
    for path in &paths {
        std::fs::write(path, path.file_name().unwrap().as_encoded_bytes()).unwrap();
    }
    let files = || {
        let file = |(variable, path): (_, &PathBuf)| WatchedFile {
            variable,
            path: path.clone(),
            bytes_max: BYTES_MAX,
        };
        ["FIRST", "SECOND"].into_iter().zip(&paths).map(file).collect::<Vec<_>>()
    };
    assert_eq!(looker(files()).read(), Ok("one+two".to_owned()));
    std::fs::write(&paths[1], "wrong").unwrap();
    let error = Watched::open(files(), Duration::ZERO, parse).unwrap_err().to_string();
    assert!(error.starts_with("SECOND: "), "{error}");
}

#[test]
fn the_thread_takes_over_a_change_and_ends_with_the_value() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("file");
    std::fs::write(&path, "first").unwrap();
    let (looked, looks) = channel();
    let watched = Watched::open(named(&path), Duration::ZERO, move |contents: &[Vec<u8>]| {
        // The test may be over already.
        let _gone = looked.send(());
        parse(contents)
    })
    .unwrap();
    assert_eq!(watched.current().as_str(), "first");
    looks.recv().unwrap();
    std::fs::write(&path, "second").unwrap();
    // A write that was seen half done is seen whole at a later look.
    while watched.current().as_str() != "second" {
        thread::yield_now();
    }
    drop(watched);
    while looks.recv().is_ok() {}
}
