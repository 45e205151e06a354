//! Why nothing could be measured. A promise that was not kept is no problem but a result.

use std::io;

use lab::LabError;

/// What kept a program from measuring.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Problem {
    /// The cluster could not be built, or a process not be started or read.
    #[error(transparent)]
    Lab(#[from] LabError),
    /// A system call of ours.
    #[error("{action}: {source}")]
    System {
        /// What was tried.
        action: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// A request outside the load had no answer.
    #[error("{path}: {}", chain(source))]
    Request {
        /// What was asked for.
        path: String,
        /// What the client said.
        source: reqwest::Error,
    },
    /// A request outside the load was refused.
    #[error("{path}: {status}: {body}")]
    Refused {
        /// What was asked for.
        path: String,
        /// The status.
        status: u16,
        /// What the server said.
        body: String,
    },
    /// An answer outside the load was not what it should be.
    #[error("{path}: the answer cannot be read: {source}")]
    Answer {
        /// What was asked for.
        path: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// What was to be measured was not there.
    #[error("{0}")]
    NotThere(String),
}

impl Problem {
    /// For `map_err`: a failed system call and what it was for.
    pub(crate) fn system<E: Into<io::Error>>(action: impl Into<String>) -> impl FnOnce(E) -> Self {
        let action = action.into();
        move |source| Self::System { action, source: source.into() }
    }
}

/// An error with all that caused it: the client's own text says only that a request failed.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}
