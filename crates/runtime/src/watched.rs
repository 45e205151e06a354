//! Files that may change while the program runs: tokens and certificates.
//!
//! Such a file is looked at by a thread of its own. Opening, reading or even asking for its state can take for ever (a
//! network file system that is away), so no serving thread waits for it: it takes the value that was read last. What cannot
//! be used leaves that value in place, and the log says so once.

use std::fs::{File, OpenOptions};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Read as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::PathBuf;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use meshvane_shared::setting::SettingError;
use nix::fcntl::OFlag;

/// Files are not looked at more often than this: time enough that a file that is written twice in one tick of the kernel's
/// clock differs from what was read, at the latest at the look after.
const LOOK_EVERY_MIN: Duration = Duration::from_millis(10);
/// Stack of a thread that looks: reading certificates needs a few dozen KiB.
const STACK_BYTES: usize = 512 << 10;

/// A file that a setting names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchedFile {
    /// The setting.
    pub variable: &'static str,
    /// The file.
    pub path: PathBuf,
    /// What is longer is not the right file.
    pub bytes_max: usize,
}

/// Why the content of files cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileProblem {
    /// Which of the files, by its place in the list.
    pub file: usize,
    /// What is wrong with it.
    pub problem: String,
}

/// What one or several files say together, read again when they change.
#[derive(Debug)]
pub struct Watched<T> {
    current: Current<T>,
    /// Its end ends the thread.
    _stop: Sender<()>,
}

// A std mutex: held while a reference is copied.
type Current<T> = Arc<Mutex<Arc<T>>>;

impl<T: Send + Sync + 'static> Watched<T> {
    /// Reads the files, and looks at them again every so often. `parse` takes their contents in the same order.
    ///
    /// # Errors
    /// Names the setting and the file that cannot be used.
    pub fn open(
        files: Vec<WatchedFile>,
        every: Duration,
        parse: impl Fn(&[Vec<u8>]) -> Result<T, FileProblem> + Send + 'static,
    ) -> Result<Self, SettingError> {
        let thread_of = files.first().map_or("", |file| file.variable);
        let mut looker = Looker { files, parse, hasher: RandomState::new(), seen: None, problem: None };
        let first = looker.read().map_err(|problem| looker.setting_error(&problem))?;
        let current: Current<T> = Arc::new(Mutex::new(Arc::new(first)));
        let (stop, stopped) = channel();
        let (watched, every) = (current.clone(), every.max(LOOK_EVERY_MIN));
        let look = move || {
            while stopped.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
                looker.look_again(&watched);
            }
        };
        let spawned = thread::Builder::new().name("files".to_owned()).stack_size(STACK_BYTES).spawn(look);
        match spawned {
            Ok(_detached) => Ok(Self { current, _stop: stop }),
            Err(error) => {
                Err(SettingError::new(thread_of, format!("there is no thread to watch the file: {error}")))
            }
        }
    }

    /// What was read last.
    pub fn current(&self) -> Arc<T> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Looks at the files.
struct Looker<Parse> {
    files: Vec<WatchedFile>,
    parse: Parse,
    hasher: RandomState,
    seen: Option<Seen>,
    /// The problem that was logged, while it lasts.
    problem: Option<FileProblem>,
}

/// What was there at the last look.
struct Seen {
    states: Vec<FileState>,
    /// Of the contents: certificates are not held twice, and tokens no longer than needed.
    hash: u64,
    /// They were read once more after they had been seen like this: a second write in the same tick of the kernel's clock
    /// leaves a file's times as they are.
    confirmed: bool,
}

/// Tells one state of a file from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileState {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl<T, Parse: Fn(&[Vec<u8>]) -> Result<T, FileProblem>> Looker<Parse> {
    /// Reads the files for the first time.
    fn read(&mut self) -> Result<T, FileProblem> {
        let (opened, states) = self.open_all()?;
        let contents = self.read_all(opened)?;
        let value = (self.parse)(&contents)?;
        self.seen = Some(Seen { states, hash: self.hasher.hash_one(&contents), confirmed: false });
        Ok(value)
    }

    /// Reads the files if they changed. `None` when there is nothing new.
    fn look(&mut self) -> Result<Option<T>, FileProblem> {
        let (opened, states) = self.open_all()?;
        let same = self.seen.as_ref().filter(|seen| seen.states == states);
        if same.is_some_and(|seen| seen.confirmed) {
            return Ok(None);
        }
        let confirmed = same.is_some();
        let contents = self.read_all(opened)?;
        let hash = self.hasher.hash_one(&contents);
        let is_known = self.seen.as_ref().is_some_and(|seen| seen.hash == hash);
        let value = if is_known { None } else { Some((self.parse)(&contents)?) };
        self.seen = Some(Seen { states, hash, confirmed });
        Ok(value)
    }

    fn open_all(&self) -> Result<(Vec<File>, Vec<FileState>), FileProblem> {
        let named = self.files.iter().enumerate();
        let opened = named.map(|(file, named)| open(named).map_err(|problem| FileProblem { file, problem }));
        opened.collect()
    }

    fn read_all(&self, opened: Vec<File>) -> Result<Vec<Vec<u8>>, FileProblem> {
        let files = opened.into_iter().zip(&self.files).enumerate();
        let read = |(file, (opened, named)): (usize, (File, &WatchedFile))| {
            read(opened, named.bytes_max).map_err(|problem| FileProblem { file, problem })
        };
        files.map(read).collect()
    }

    fn look_again(&mut self, current: &Current<T>) {
        match self.look() {
            Ok(value) => {
                let was_broken = self.problem.take().is_some();
                let is_new = value.is_some();
                if let Some(value) = value {
                    *current.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(value);
                }
                if is_new || was_broken {
                    let variables =
                        self.files.iter().map(|file| file.variable).collect::<Vec<_>>().join(", ");
                    tracing::info!(changed = is_new, "{variables}: read again");
                }
            }
            Err(problem) if self.problem.as_ref() == Some(&problem) => {}
            Err(problem) => {
                let error = self.setting_error(&problem);
                tracing::error!(%error, "a file cannot be used; what was read before stays");
                self.problem = Some(problem);
            }
        }
    }

    fn setting_error(&self, problem: &FileProblem) -> SettingError {
        let FileProblem { file, problem } = problem;
        match self.files.get(*file) {
            Some(file) => SettingError::new(file.variable, format!("{}: {problem}", file.path.display())),
            None => SettingError::new("files", problem),
        }
    }
}

/// Opens a file without waiting for anybody: a FIFO without a writer is open at once, and refused as what it is. A file that is
/// too long is not read at all.
fn open(named: &WatchedFile) -> Result<(File, FileState), String> {
    let flags = OFlag::O_NONBLOCK | OFlag::O_CLOEXEC | OFlag::O_NOCTTY;
    let opened = OpenOptions::new().read(true).custom_flags(flags.bits()).open(&named.path);
    let file = opened.map_err(|error| error.to_string())?;
    let metadata = file.metadata().map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        return Err("is no regular file".to_owned());
    }
    if metadata.len() > named.bytes_max as u64 {
        return Err(too_long(named.bytes_max));
    }
    let state = FileState {
        device: metadata.dev(),
        inode: metadata.ino(),
        size: metadata.size(),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
        changed: (metadata.ctime(), metadata.ctime_nsec()),
    };
    Ok((file, state))
}

fn read(file: File, bytes_max: usize) -> Result<Vec<u8>, String> {
    let mut content = Vec::new();
    let read: io::Result<usize> = file.take(bytes_max as u64 + 1).read_to_end(&mut content);
    read.map_err(|error| error.to_string())?;
    if content.len() > bytes_max {
        return Err(too_long(bytes_max));
    }
    Ok(content)
}

fn too_long(bytes_max: usize) -> String {
    format!("the file is longer than {bytes_max} bytes")
}

#[cfg(test)]
mod tests;
