//! The process's arguments.

use std::ffi::OsString;

use meshvane_shared::setting::{SettingError, list};

use super::SETTINGS;

const USAGE: &str = "no argument (to run), --help or --version";

/// What the program is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Run with the settings of the environment.
    Run,
    /// Say how it is used.
    Help,
    /// Say its version.
    Version,
}

impl Command {
    /// Reads the process's arguments.
    ///
    /// # Errors
    /// Names the argument that is not known, and what is accepted.
    pub fn from_env() -> Result<Self, SettingError> {
        Self::read(std::env::args_os().skip(1))
    }

    fn read(mut arguments: impl Iterator<Item = OsString>) -> Result<Self, SettingError> {
        let wrong = |text: &OsString| SettingError::not_accepted("argument", &text.to_string_lossy(), USAGE);
        let Some(first) = arguments.next() else { return Ok(Self::Run) };
        let command = match first.to_str() {
            Some("--help" | "-h") => Self::Help,
            Some("--version" | "-V") => Self::Version,
            Some(_) | None => return Err(wrong(&first)),
        };
        arguments.next().map_or(Ok(command), |more| Err(wrong(&more)))
    }

    /// The text to print, where nothing else is to be done.
    pub fn text(self) -> Option<String> {
        let version = format!("meshvane-agent {}\n", env!("CARGO_PKG_VERSION"));
        match self {
            Self::Run => None,
            Self::Version => Some(version),
            Self::Help => Some(format!(
                "{version}Measures connectivity from one Kubernetes node and reports it.\n\n\
                 Usage: meshvane-agent [--help | --version]\n\n\
                 Without an argument it runs until SIGTERM or SIGINT, with these settings of the environment:\n\n{}",
                list(SETTINGS)
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_that_is_not_known_is_named_with_what_is_accepted() {
        let read = |words: &[&str]| Command::read(words.iter().map(OsString::from));
        assert_eq!(read(&[]), Ok(Command::Run));
        assert_eq!((read(&["--help"]), read(&["-h"])), (Ok(Command::Help), Ok(Command::Help)));
        assert_eq!((read(&["--version"]), read(&["-V"])), (Ok(Command::Version), Ok(Command::Version)));
        for words in [&["run"][..], &["--help", "run"], &["--version", "run"]] {
            let error = read(words).unwrap_err().to_string();
            assert_eq!(error, format!("argument: \"run\" is not accepted: {USAGE} is"));
        }
    }
}
