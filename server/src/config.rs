//! Settings: read raw from the environment, then checked once into [`Config`]; nothing else reads the environment.
//!
//! Every error names the variable and says what is accepted. An empty value means unset. [`SETTINGS`] is the one table of
//! all settings: the README's is generated from it, and a test holds it to the struct that is read.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use meshvane_shared::setting::{
    Bind, LogLevel, SettingError, is_injected_value, parse_duration, parse_number, refuse_unknown,
};
use serde::Deserialize;

use crate::http::limits::Limits;

mod auth;
mod check;
mod kubernetes;
mod table;

pub use check::{CheckConfig, CheckUrl, Command, help, version};
pub use kubernetes::{ApiServer, KubernetesConfig};
pub use table::SETTINGS;

use kubernetes::Injected;

/// Longest time to live and report interval that is accepted: a day. A member that may be silent for longer is not
/// monitored.
const PERIOD_MAX: Duration = Duration::from_hours(24);
/// Shortest of the two: no agent heartbeats more often, and no reader needs reports more often.
const PERIOD_MIN: Duration = Duration::from_secs(1);
/// Longest time for which a lost member is kept: 30 days, the size of a quarterly maintenance window with room.
const FORGET_AFTER_MAX: Duration = Duration::from_hours(30 * 24);
/// Time between two looks at a token or certificate file. Kubernetes itself takes up to a minute to project a changed Secret,
/// so some seconds more cost nothing; and a look each second took a twentieth of what an idle server costs.
const FILES_CHECKED_EVERY: Duration = Duration::from_secs(5);

/// The environment as it is, one field for each setting; the names are those of the variables in lower case.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
struct RawConfig {
    cache_key_second: Option<String>,
    log_level: Option<String>,
    http_port: Option<String>,
    report_interval: Option<String>,
    meshvane_forget_after: Option<String>,
    meshvane_token_file: Option<String>,
    meshvane_read_token_file: Option<String>,
    meshvane_auth: Option<String>,
    meshvane_loopback_reads: Option<String>,
    meshvane_bind_address: Option<String>,
    meshvane_health_port: Option<String>,
    meshvane_metrics_port: Option<String>,
    meshvane_tls_cert_file: Option<String>,
    meshvane_tls_key_file: Option<String>,
    namespace: Option<String>,
    meshvane_audience: Option<String>,
    meshvane_agent_service_account: Option<String>,
    meshvane_agent_node_selector: Option<String>,
    meshvane_agent_tolerations: Option<String>,
    meshvane_terminating_taints: Option<String>,
}

/// The checked settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// A member is lost when its heartbeat is this old.
    pub ttl: Duration,
    /// A lost member is forgotten when its heartbeat is this old. Longer than `ttl`.
    pub forget_after: Duration,
    /// Time between two reports in the log.
    pub report_interval: Duration,
    /// What is logged.
    pub log_level: LogLevel,
    /// Where to listen.
    pub bind: Bind,
    /// Port of the API; 0 lets the kernel choose (tests).
    pub http_port: u16,
    /// Port of `/livez` and `/readyz`.
    pub health_port: u16,
    /// Port of `/metrics`.
    pub metrics_port: u16,
    /// Who is believed.
    pub auth: AuthConfig,
    /// Whether loopback peers may read without a token.
    pub loopback_reads: bool,
    /// Certificate and key of the API, or none for plain HTTP.
    pub tls: Option<TlsFiles>,
    /// Time between two looks at a token or certificate file; no setting, tests shorten it.
    pub files_checked_every: Duration,
    /// Limits of the HTTP side; no setting, tests shorten them.
    pub limits: Limits,
}

/// Who is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthConfig {
    /// Writers show the agents' token; readers from elsewhere show either.
    Token {
        /// File with the agents' token.
        agents: PathBuf,
        /// File with the readers' token, when there is one.
        readers: Option<PathBuf>,
    },
    /// Kubernetes vouches: agents and readers show tokens of service accounts.
    Kubernetes(KubernetesConfig),
    /// Everybody, for reads and writes alike. Only when said explicitly.
    None,
}

/// A certificate chain and its key, PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain, the server's own certificate first.
    pub certificate: PathBuf,
    /// The key.
    pub key: PathBuf,
}

impl Config {
    /// Reads the process's environment.
    ///
    /// # Errors
    /// Names the first variable that is wrong.
    pub fn from_env() -> Result<Self, SettingError> {
        Self::from_vars(std::env::vars_os())
    }

    /// Reads settings from pairs of name and value.
    ///
    /// # Errors
    /// Names the first variable that is wrong.
    pub fn from_vars(vars: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Self, SettingError> {
        let known: Vec<&str> = SETTINGS.iter().map(|setting| setting.name).collect();
        let mut values: Vec<(String, String)> = Vec::new();
        let mut names: Vec<String> = Vec::new();
        let mut injected = Injected::default();
        for (name, value) in vars {
            // A name that is not UTF-8 is none of ours.
            let Ok(name) = name.into_string() else { continue };
            injected.take(&name, &value);
            if known.contains(&name.as_str()) {
                let value = value
                    .into_string()
                    .map_err(|_| SettingError::new(&name, "the value is not UTF-8 text"))?;
                if !value.is_empty() {
                    values.push((name.clone(), value));
                }
            }
            names.push(name);
        }
        refuse_unknown(names.iter().map(String::as_str), &known)?;
        let raw: RawConfig =
            envy::from_iter(values).map_err(|error| SettingError::new("environment", error))?;
        raw.check(&injected)
    }
}

impl RawConfig {
    fn check(self, injected: &Injected) -> Result<Config, SettingError> {
        let ttl = period("CACHE_KEY_SECOND", self.cache_key_second.as_deref(), Duration::from_secs(15))?;
        let report_interval =
            period("REPORT_INTERVAL", self.report_interval.as_deref(), Duration::from_mins(5))?;
        let log_level = LogLevel::parse(self.log_level.as_deref())?;
        let forget_after = forget_after(self.meshvane_forget_after.as_deref(), ttl)?;
        let ports = Ports {
            http: port("HTTP_PORT", self.http_port.as_deref(), 8080)?,
            health: port("MESHVANE_HEALTH_PORT", self.meshvane_health_port.as_deref(), 8081)?,
            metrics: port("MESHVANE_METRICS_PORT", self.meshvane_metrics_port.as_deref(), 8082)?,
        };
        ports.refuse_collisions()?;
        let auth = self.auth(injected)?;
        let tls = tls(self.meshvane_tls_cert_file, self.meshvane_tls_key_file)?;
        let loopback_reads = loopback_reads(self.meshvane_loopback_reads.as_deref())?;
        let bind = Bind::parse(self.meshvane_bind_address.as_deref())?;
        Ok(Config {
            ttl,
            forget_after,
            report_interval,
            log_level,
            bind,
            http_port: ports.http,
            health_port: ports.health,
            metrics_port: ports.metrics,
            auth,
            loopback_reads,
            tls,
            files_checked_every: FILES_CHECKED_EVERY,
            limits: Limits::default(),
        })
    }
}

/// The three ports, which must differ.
struct Ports {
    http: u16,
    health: u16,
    metrics: u16,
}

impl Ports {
    fn refuse_collisions(&self) -> Result<(), SettingError> {
        let named = [
            ("HTTP_PORT", self.http),
            ("MESHVANE_HEALTH_PORT", self.health),
            ("MESHVANE_METRICS_PORT", self.metrics),
        ];
        for (index, (name, port)) in named.iter().enumerate() {
            if let Some((other, _)) = named[..index].iter().find(|(_, taken)| taken == port) {
                let problem =
                    format!("{port} is also the port of {other}: three different ports are accepted");
                return Err(SettingError::new(name, problem));
            }
        }
        Ok(())
    }
}

fn period(variable: &str, value: Option<&str>, default: Duration) -> Result<Duration, SettingError> {
    value.map_or(Ok(default), |text| parse_duration(variable, text, PERIOD_MIN..=PERIOD_MAX))
}

fn port(variable: &str, value: Option<&str>, default: u16) -> Result<u16, SettingError> {
    let Some(text) = value else { return Ok(default) };
    let number = parse_number(variable, text, 1..=u64::from(u16::MAX))?;
    Ok(u16::try_from(number).expect("the range was checked to end at the last port"))
}

fn forget_after(value: Option<&str>, ttl: Duration) -> Result<Duration, SettingError> {
    const NAME: &str = "MESHVANE_FORGET_AFTER";
    const DEFAULT: Duration = Duration::from_hours(1);
    // Without a value a long TTL moves the default, so that one variable is enough to change the TTL.
    let Some(text) = value else {
        return Ok(DEFAULT.max(ttl * 2));
    };
    let forget_after = parse_duration(NAME, text, Duration::from_secs(1)..=FORGET_AFTER_MAX)?;
    if forget_after <= ttl {
        let problem = format!(
            "{text:?} is not longer than CACHE_KEY_SECOND ({} s): a longer time is accepted",
            ttl.as_secs()
        );
        return Err(SettingError::new(NAME, problem));
    }
    Ok(forget_after)
}

fn loopback_reads(value: Option<&str>) -> Result<bool, SettingError> {
    match value {
        None | Some("true") => Ok(true),
        Some("false") => Ok(false),
        Some(other) => Err(SettingError::not_accepted("MESHVANE_LOOPBACK_READS", other, "true or false")),
    }
}

fn tls(certificate: Option<String>, key: Option<String>) -> Result<Option<TlsFiles>, SettingError> {
    const CERTIFICATE: &str = "MESHVANE_TLS_CERT_FILE";
    const KEY: &str = "MESHVANE_TLS_KEY_FILE";
    let missing = |missing, present| {
        SettingError::new(missing, format!("is not set though {present} is: both or neither is accepted"))
    };
    match (certificate, key) {
        (None, None) => Ok(None),
        (Some(certificate), Some(key)) => {
            Ok(Some(TlsFiles { certificate: path(CERTIFICATE, certificate)?, key: path(KEY, key)? }))
        }
        (None, Some(_)) => Err(missing(CERTIFICATE, KEY)),
        (Some(_), None) => Err(missing(KEY, CERTIFICATE)),
    }
}

fn path(variable: &str, text: String) -> Result<PathBuf, SettingError> {
    if is_injected_value(&text) {
        return Err(SettingError::not_accepted(variable, &text, "a path of a file"));
    }
    Ok(PathBuf::from(text))
}

#[cfg(test)]
mod tests;
