//! The server's address, as a setting gives it.

use std::fmt;

/// A base URL: scheme, host and port, nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerUrl {
    text: String,
    https: bool,
}

impl ServerUrl {
    /// Parses a base URL. One slash at its end is taken away.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let url = reqwest::Url::parse(text).map_err(|error| format!("{text:?} is not a URL ({error})"))?;
        let https = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(format!("{text:?} is neither http nor https")),
        };
        if url.host_str().is_none_or(str::is_empty) {
            return Err(format!("{text:?} has no host"));
        }
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        if !bare || !url.username().is_empty() || url.password().is_some() {
            return Err(format!("{text:?} has more than a host and a port"));
        }
        Ok(Self { text: url.as_str().trim_end_matches('/').to_owned(), https })
    }

    /// Tells whether the connection is encrypted.
    pub fn is_https(&self) -> bool {
        self.https
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}
