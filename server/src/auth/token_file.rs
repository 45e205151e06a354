//! A token in a file that may change while the server runs.
//!
//! The file is looked at when a token is compared, at most once in a period: no ticker runs for it. A file that cannot be
//! used any more leaves the token as it was, and the log says so once.

use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use meshvane_shared::setting::SettingError;
use subtle::ConstantTimeEq as _;

use crate::mesh::time::Moment;

/// Longest token: service-account tokens have 1 to 2 KiB, so any token fits and a wrong file does not.
const TOKEN_MAX_BYTES: usize = 8 * 1024;

/// A token in a file.
pub struct TokenFile {
    path: PathBuf,
    checked_every: Duration,
    // A std Mutex: held while a file of a few bytes is read, never across an await.
    state: Mutex<State>,
}

struct State {
    token: Vec<u8>,
    checked: Moment,
    broken: bool,
}

impl fmt::Debug for TokenFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The token itself never reaches a log.
        formatter.debug_struct("TokenFile").field("path", &self.path).finish_non_exhaustive()
    }
}

impl TokenFile {
    /// Reads the token.
    ///
    /// # Errors
    /// Names the variable, the file and what is wrong with it.
    pub fn open(
        variable: &str,
        path: &Path,
        checked_every: Duration,
        now: Moment,
    ) -> Result<Self, SettingError> {
        let token = read(path)
            .map_err(|problem| SettingError::new(variable, format!("{}: {problem}", path.display())))?;
        let state = Mutex::new(State { token, checked: now, broken: false });
        Ok(Self { path: path.to_owned(), checked_every, state })
    }

    /// Tells whether the file holds this token. Its time does not depend on where the two differ, only on whether their
    /// lengths do.
    pub fn matches(&self, candidate: &[u8], now: Moment) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if now.since(state.checked) >= self.checked_every {
            state.checked = now;
            self.check(&mut state);
        }
        state.token.ct_eq(candidate).into()
    }

    fn check(&self, state: &mut State) {
        match read(&self.path) {
            Ok(token) => {
                if token != state.token {
                    tracing::info!(file = %self.path.display(), "the token changed");
                    state.token = token;
                }
                state.broken = false;
            }
            Err(problem) => {
                if !state.broken {
                    tracing::error!(file = %self.path.display(), problem, "the token file cannot be used; the old token stays");
                }
                state.broken = true;
            }
        }
    }
}

/// Reads a token: one line of visible ASCII, for it must fit a header.
fn read(path: &Path) -> Result<Vec<u8>, String> {
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    let mut content = Vec::new();
    file.take(TOKEN_MAX_BYTES as u64 + 1).read_to_end(&mut content).map_err(|error| error.to_string())?;
    if content.len() > TOKEN_MAX_BYTES {
        return Err(format!("the file is longer than {TOKEN_MAX_BYTES} bytes, so it is no token"));
    }
    let token = content.trim_ascii();
    if token.is_empty() {
        return Err("the file is empty: a token is accepted".to_owned());
    }
    if !token.iter().all(u8::is_ascii_graphic) {
        return Err("a token of visible ASCII characters on one line is accepted".to_owned());
    }
    Ok(token.to_vec())
}

#[cfg(test)]
pub(super) mod tests;
