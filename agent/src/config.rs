//! Settings: read raw from the environment, then checked once into [`Config`]; nothing else reads the environment.
//!
//! Every error names the variable and says what is accepted. An empty value means unset. [`SETTINGS`] is the one table of
//! all settings; a test holds it to the struct that is read.

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use meshvane_shared::name::{Namespace, NodeName, PodName, ServiceAddress, Zone};
use meshvane_shared::setting::{Bind, LogLevel, SettingError, refuse_unknown};
use serde::Deserialize;

use crate::client::ServerUrl;

mod check;
mod command;
mod table;

pub use command::Command;
pub use table::SETTINGS;

/// Where the server is when nothing else is said: the chart's Service.
pub const DEFAULT_SERVER_URL: &str = "http://meshvane-server.kube-system.svc:8080";

/// The environment as it is, one field for each setting; the names are those of the variables in lower case.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(serde::Serialize))]
struct RawConfig {
    node_name: Option<String>,
    node_ip: Option<String>,
    host_ips: Option<String>,
    pod_ip: Option<String>,
    pod_ips: Option<String>,
    pod_name: Option<String>,
    namespace: Option<String>,
    server_url: Option<String>,
    heartbeat_interval: Option<String>,
    test_port: Option<String>,
    custom_service_name: Option<String>,
    custom_service_port: Option<String>,
    client_port: Option<String>,
    log_level: Option<String>,
    meshvane_probe_interval: Option<String>,
    meshvane_zone: Option<String>,
    meshvane_token_file: Option<String>,
    meshvane_auth: Option<String>,
    meshvane_tls_ca_file: Option<String>,
    meshvane_metrics_port: Option<String>,
    meshvane_health_port: Option<String>,
    meshvane_bind_address: Option<String>,
}

/// The checked settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Our node.
    pub node: NodeName,
    /// Its zone, when it is known.
    pub zone: Option<Zone>,
    /// Our pod.
    pub pod: PodName,
    /// Its namespace.
    pub namespace: Namespace,
    /// The node's addresses; at least one.
    pub host_addresses: Vec<IpAddr>,
    /// The pod's addresses; at least one.
    pub pod_addresses: Vec<IpAddr>,
    /// Where the server is.
    pub server_url: ServerUrl,
    /// Time between two heartbeats.
    pub heartbeat_interval: Duration,
    /// Time of one round.
    pub probe_interval: Duration,
    /// The TCP port that is tried on host addresses; `None` tries none.
    pub test_port: Option<u16>,
    /// The services to check.
    pub services: Vec<ServiceAddress>,
    /// Port of `/health`; 0 lets the kernel choose (tests).
    pub client_port: u16,
    /// Port of `/metrics`; 0 lets the kernel choose (tests).
    pub metrics_port: u16,
    /// Port of `/livez` and `/readyz`; 0 lets the kernel choose (tests).
    pub health_port: u16,
    /// Where to listen.
    pub bind: Bind,
    /// What is logged.
    pub log_level: LogLevel,
    /// How the server knows us.
    pub auth: Auth,
    /// The certificates that the server's must lead to. There exactly when the URL is https.
    pub tls_ca_file: Option<PathBuf>,
}

/// How the server knows us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Auth {
    /// By the token in this file.
    TokenFile(PathBuf),
    /// Not at all. Only when said explicitly.
    None,
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
        let (mut names, mut values) = (Vec::new(), Vec::new());
        for (name, value) in vars {
            // A name that is no UTF-8 cannot be one of ours.
            let Ok(name) = name.into_string() else { continue };
            if known.contains(&name.as_str()) {
                let value = value
                    .into_string()
                    .map_err(|_| SettingError::new(&name, "its value is not UTF-8: text is accepted"))?;
                if !value.is_empty() {
                    values.push((name.clone(), value));
                }
            }
            names.push(name);
        }
        refuse_unknown(names.iter().map(String::as_str), &known)?;
        let raw: RawConfig =
            envy::from_iter(values).map_err(|error| SettingError::new("the environment", error))?;
        raw.check()
    }
}

#[cfg(test)]
mod tests;
