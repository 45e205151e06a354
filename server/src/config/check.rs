//! Settings of `meshvane-server check`: arguments, and the names that an agent's settings have.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use meshvane_shared::setting::{SettingError, list, parse_duration};

use super::SETTINGS;

/// What the program is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Serve.
    Serve,
    /// Ask a server whether all agents report.
    Check(CheckConfig),
    /// Say how the program is used.
    Help,
    /// Say its version.
    Version,
}

/// Settings of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckConfig {
    /// The server.
    pub url: CheckUrl,
    /// A reader's token; none is needed on loopback.
    pub token_file: Option<PathBuf>,
    /// Certificates to trust, for https.
    pub ca_file: Option<PathBuf>,
    /// How long to wait.
    pub wait: Duration,
}

/// Where a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckUrl {
    /// By TLS.
    pub tls: bool,
    /// Its name or address; an IPv6 address in brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
}

const USAGE: &str = "no argument (to serve), check [--url http://HOST:PORT] [--wait 2m], --help or --version";
const URL: &str = "http://localhost:8080";
/// An image must be pulled and a pod started on every node.
const WAIT: Duration = Duration::from_mins(2);
/// Longest wait: an hour; more is monitoring.
const WAIT_MAX: Duration = Duration::from_hours(1);

impl Command {
    /// Reads the process's arguments, and the environment where they ask for a check.
    ///
    /// # Errors
    /// Names what is wrong, and what is accepted.
    pub fn from_env() -> Result<Self, SettingError> {
        Self::read(std::env::args_os().skip(1), |name| std::env::var_os(name))
    }

    fn read(
        mut arguments: impl Iterator<Item = OsString>,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, SettingError> {
        let wrong = |text: &str| SettingError::not_accepted("argument", text, USAGE);
        match arguments.next() {
            None => return Ok(Self::Serve),
            Some(first) if first == "check" => {}
            Some(first) if first == "--help" || first == "-h" => return alone(Self::Help, arguments),
            Some(first) if first == "--version" || first == "-V" => return alone(Self::Version, arguments),
            Some(first) => return Err(wrong(&first.to_string_lossy())),
        }
        let file = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let mut config = CheckConfig {
            url: CheckUrl::parse(URL)?,
            token_file: file("MESHVANE_TOKEN_FILE"),
            ca_file: file("MESHVANE_TLS_CA_FILE"),
            wait: WAIT,
        };
        while let Some(name) = arguments.next() {
            let name = name.to_string_lossy().into_owned();
            let value = arguments.next().and_then(|value| value.into_string().ok());
            match (name.as_str(), value) {
                ("--url", Some(value)) => config.url = CheckUrl::parse(&value)?,
                ("--wait", Some(value)) => {
                    config.wait = parse_duration("--wait", &value, Duration::from_secs(1)..=WAIT_MAX)?;
                }
                (_, _) => return Err(wrong(&name)),
            }
        }
        Ok(Self::Check(config))
    }
}

/// A command that takes no more words.
fn alone(command: Command, mut rest: impl Iterator<Item = OsString>) -> Result<Command, SettingError> {
    let wrong = |more: OsString| SettingError::not_accepted("argument", &more.to_string_lossy(), USAGE);
    rest.next().map_or(Ok(command), |more| Err(wrong(more)))
}

/// The text of `--version`.
pub fn version() -> String {
    format!("meshvane-server {}\n", env!("CARGO_PKG_VERSION"))
}

/// The text of `--help`.
pub fn help() -> String {
    format!(
        "{}Collects what agents measure, judges it and serves it.\n\n\
         Usage: meshvane-server [--help | --version]\n       \
         meshvane-server check [--url http://HOST:PORT] [--wait 2m]\n\n\
         check waits until every node that should have an agent has one that reports; MESHVANE_TOKEN_FILE and\n\
         MESHVANE_TLS_CA_FILE name its token and the certificates that it trusts.\n\n\
         Without an argument it serves until SIGTERM or SIGINT, with these settings of the environment:\n\n{}",
        version(),
        list(SETTINGS)
    )
}

impl CheckUrl {
    fn parse(text: &str) -> Result<Self, SettingError> {
        let wrong = || SettingError::not_accepted("--url", text, "http://HOST[:PORT] or https://HOST[:PORT]");
        let (tls, rest, default) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest, 443),
            (None, Some(rest)) => (false, rest, 80),
            (None, None) => return Err(wrong()),
        };
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        // A colon within brackets belongs to an IPv6 address.
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().map_err(|_| wrong())?),
            Some(_) | None => (authority, default),
        };
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-[]:".contains(&byte);
        if host.is_empty() || port == 0 || !host.bytes().all(is_host) {
            return Err(wrong());
        }
        Ok(Self { tls, host: host.to_owned(), port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Result<Command, String> {
        let file = |name: &str| (name == "MESHVANE_TOKEN_FILE").then(|| OsString::from("/token"));
        Command::read(arguments.iter().map(OsString::from), file).map_err(|error| error.to_string())
    }

    #[test]
    fn without_arguments_it_serves() {
        assert_eq!(read(&[]), Ok(Command::Serve));
        assert_eq!((read(&["--help"]), read(&["-V"])), (Ok(Command::Help), Ok(Command::Version)));
    }

    #[test]
    fn a_check_asks_the_server_of_the_url() {
        for (text, tls, host, port) in [
            ("http://server.ns.svc:8080", false, "server.ns.svc", 8080),
            ("https://server/", true, "server", 443),
            ("http://[fd00::1]:80", false, "[fd00::1]", 80),
            ("http://[fd00::1]", false, "[fd00::1]", 80),
        ] {
            let Ok(Command::Check(config)) = read(&["check", "--url", text, "--wait", "5s"]) else {
                panic!("{text}")
            };
            assert_eq!(config.url, CheckUrl { tls, host: host.to_owned(), port });
            assert_eq!(config.wait, Duration::from_secs(5));
            assert_eq!(config.token_file, Some(PathBuf::from("/token")));
        }
        assert!(matches!(read(&["check"]), Ok(Command::Check(_))));
    }

    #[test]
    fn what_is_wrong_is_refused_with_what_is_accepted() {
        for (arguments, expected) in [
            (&["serve"][..], "check [--url"),
            (&["--hlep"], "--help or --version"),
            (&["--help", "check"], "\"check\" is not accepted"),
            (&["check", "--url"], "check [--url"),
            (&["check", "x"], "check [--url"),
            (&["check", "--url", "server:8080"], "http://HOST"),
            (&["check", "--url", "http://a/b"], "http://HOST"),
            (&["check", "--url", "http://:80"], "http://HOST"),
            (&["check", "--url", "http://a:x"], "http://HOST"),
            (&["check", "--wait", "soon"], "--wait"),
        ] {
            let error = read(arguments).unwrap_err();
            assert!(error.contains(expected), "{arguments:?}: {error}");
        }
    }
}
