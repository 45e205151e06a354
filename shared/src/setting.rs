//! Rules that settings of both programs share: durations, unknown names, and what Kubernetes injects.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

/// The prefix of settings that the original tool does not have.
pub const PREFIX: &str = "MESHVANE_";

/// Names how a setting is wrong: the variable, and what is accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable}: {problem}")]
pub struct SettingError {
    /// The environment variable.
    pub variable: String,
    /// What is wrong and what is accepted.
    pub problem: String,
}

impl SettingError {
    /// Makes an error about a variable.
    pub fn new(variable: &str, problem: impl fmt::Display) -> Self {
        Self { variable: variable.to_owned(), problem: problem.to_string() }
    }

    /// Makes an error about a value that is none of those that are accepted.
    pub fn not_accepted(variable: &str, text: &str, accepted: &str) -> Self {
        let hint = injected_hint(text);
        Self::new(variable, format!("{text:?} is not accepted: {accepted} is{hint}"))
    }
}

/// Parses `5s`, `2m`, `1500ms` or bare seconds, within a range.
///
/// # Errors
/// Names the variable and the accepted range.
pub fn parse_duration(
    variable: &str,
    text: &str,
    range: std::ops::RangeInclusive<Duration>,
) -> Result<Duration, SettingError> {
    let parsed = match text.parse::<u64>() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => humantime::parse_duration(text).ok(),
    };
    let accepted = || {
        let (low, high) =
            (humantime::format_duration(*range.start()), humantime::format_duration(*range.end()));
        format!("a duration from {low} to {high} is accepted, as 5s, 2m or bare seconds")
    };
    match parsed {
        Some(duration) if range.contains(&duration) => Ok(duration),
        Some(_) => Err(SettingError::new(variable, format!("{text:?} is out of range: {}", accepted()))),
        None => Err(SettingError::new(
            variable,
            format!("{text:?} is not a duration: {}{}", accepted(), injected_hint(text)),
        )),
    }
}

/// Parses a whole number within a range.
///
/// # Errors
/// Names the variable and the accepted range.
pub fn parse_number(
    variable: &str,
    text: &str,
    range: std::ops::RangeInclusive<u64>,
) -> Result<u64, SettingError> {
    let accepted = format!("a whole number from {} to {} is accepted", range.start(), range.end());
    match text.parse::<u64>() {
        Ok(number) if range.contains(&number) => Ok(number),
        Ok(_) => Err(SettingError::new(variable, format!("{text:?} is out of range: {accepted}"))),
        Err(_) => Err(SettingError::new(
            variable,
            format!("{text:?} is not a number: {accepted}{}", injected_hint(text)),
        )),
    }
}

/// Explains a value of the form that Kubernetes injects for a Service over a setting's name.
pub fn injected_hint(text: &str) -> &'static str {
    if is_injected_value(text) {
        "; Kubernetes set this for a Service of that name: set enableServiceLinks: false on the pod, or rename the Service"
    } else {
        ""
    }
}

/// Tells whether a value has the form that Kubernetes gives `{SERVICE}_PORT` variables.
pub fn is_injected_value(text: &str) -> bool {
    ["tcp://", "udp://", "sctp://"].iter().any(|scheme| text.starts_with(scheme))
}

/// Tells whether Kubernetes injects a variable of this name for a Service.
fn is_injected_name(name: &str) -> bool {
    name.ends_with("_SERVICE_HOST")
        || name.ends_with("_PORT")
        || name.contains("_SERVICE_PORT")
        || name.contains("_PORT_")
}

/// Refuses a variable with our prefix that no setting has, naming the nearest that one has.
///
/// What Kubernetes injects for Services passes; a misspelled `..._PORT` of ours therefore passes as well unless it is
/// close to a setting: those are refused too.
///
/// # Errors
/// Names the first unknown variable, in the order of the names.
pub fn refuse_unknown<'a>(names: impl Iterator<Item = &'a str>, known: &[&str]) -> Result<(), SettingError> {
    /// Edits between two names below which one is taken for a misspelling of the other.
    const NEAR: usize = 2;
    let mut ours: Vec<&str> = names.filter(|name| name.starts_with(PREFIX)).collect();
    ours.sort_unstable();
    for name in ours.into_iter().filter(|name| !known.contains(name)) {
        let nearest = known.iter().min_by_key(|candidate| strsim::damerau_levenshtein(name, candidate));
        let distance = nearest.map_or(usize::MAX, |candidate| strsim::damerau_levenshtein(name, candidate));
        if is_injected_name(name) && distance > NEAR {
            continue;
        }
        let hint = nearest.map(|nearest| format!(": did you mean {nearest}?")).unwrap_or_default();
        return Err(SettingError::new(name, format!("is not a setting{hint}")));
    }
    Ok(())
}

/// One environment variable, as the README's table shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// The variable.
    pub name: &'static str,
    /// The value when it is unset, or what that means.
    pub default: &'static str,
    /// What is accepted.
    pub accepted: &'static str,
    /// What it does.
    pub meaning: &'static str,
}

/// The settings as the text of `--help` lists them, in the order of the table.
pub fn list(settings: &[Setting]) -> String {
    let entry = |Setting { name, default, accepted, meaning }: &Setting| {
        format!("  {name}\n      {meaning}\n      Accepted: {accepted}. Default: {default}.\n")
    };
    settings.iter().map(entry).collect()
}

/// What is logged, `LOG_LEVEL`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogLevel {
    /// Failures of the program itself.
    Error,
    /// What an operator should look at.
    Warn,
    /// What happens: findings, reports, start and stop.
    Info,
    /// What the program decides.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// Parses `LOG_LEVEL`; unset is `info`.
    ///
    /// # Errors
    /// Names the levels there are.
    pub fn parse(value: Option<&str>) -> Result<Self, SettingError> {
        match value {
            None | Some("info") => Ok(Self::Info),
            Some("error") => Ok(Self::Error),
            Some("warn" | "warning") => Ok(Self::Warn),
            Some("debug") => Ok(Self::Debug),
            Some("trace") => Ok(Self::Trace),
            Some(other) => {
                Err(SettingError::not_accepted("LOG_LEVEL", other, "error, warn, info, debug or trace"))
            }
        }
    }
}

/// Where to listen, `MESHVANE_BIND_ADDRESS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bind {
    /// On every address of both families, or of IPv4 only where the kernel has no IPv6.
    Everywhere,
    /// On this address. `::` takes both families.
    Address(IpAddr),
}

impl Bind {
    /// Parses `MESHVANE_BIND_ADDRESS`, an address with or without brackets; unset is everywhere.
    ///
    /// # Errors
    /// Says what is accepted.
    pub fn parse(value: Option<&str>) -> Result<Self, SettingError> {
        let Some(text) = value else { return Ok(Self::Everywhere) };
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        let refuse = |_| {
            SettingError::not_accepted("MESHVANE_BIND_ADDRESS", text, "an IP address, as 10.0.0.1 or [::]")
        };
        bare.parse().map(Self::Address).map_err(refuse)
    }

    /// The address to try first.
    pub fn address(self) -> IpAddr {
        match self {
            Self::Everywhere => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
            Self::Address(address) => address,
        }
    }
}

#[cfg(test)]
mod tests;
