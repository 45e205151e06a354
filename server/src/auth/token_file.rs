//! A token in a file that may change while the server runs.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use meshvane_shared::setting::SettingError;
use runtime::{FileProblem, Watched, WatchedFile};
use subtle::ConstantTimeEq as _;

/// Longest token: service-account tokens have 1 to 2 KiB, so any token fits and a wrong file does not.
const TOKEN_MAX_BYTES: usize = 8 * 1024;

/// A token in a file. A file that cannot be used any more leaves the token as it was, and the log says so.
pub struct TokenFile {
    token: Watched<Vec<u8>>,
}

impl fmt::Debug for TokenFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The token itself never reaches a log.
        formatter.debug_struct("TokenFile").finish_non_exhaustive()
    }
}

impl TokenFile {
    /// Reads the token, and looks at its file again every so often.
    ///
    /// # Errors
    /// Names the variable, the file and what is wrong with it.
    pub fn open(variable: &'static str, path: &Path, checked_every: Duration) -> Result<Self, SettingError> {
        let file = WatchedFile { variable, path: path.to_owned(), bytes_max: TOKEN_MAX_BYTES };
        let token = Watched::open(vec![file], checked_every, |contents| {
            let content = contents.first().map(Vec::as_slice).unwrap_or_default();
            parse(content).map_err(|problem| FileProblem { file: 0, problem })
        })?;
        Ok(Self { token })
    }

    /// Returns true when the file held this token at the last look. Its time does not depend on where the two differ, only on
    /// whether their lengths do.
    pub fn matches(&self, candidate: &[u8]) -> bool {
        self.token.current().ct_eq(candidate).into()
    }
}

/// Reads a token: one line of visible ASCII, for it must fit a header.
fn parse(content: &[u8]) -> Result<Vec<u8>, String> {
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
