//! From raw texts to the checked configuration.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use meshvane_shared::address::parse_probe_address;
use meshvane_shared::limits::{ADDRESSES_PER_PLANE_MAX, INTERVAL_MAX, INTERVAL_MIN, SERVICES_MAX};
use meshvane_shared::name::{NameError, Namespace, NodeName, PodName, ServiceAddress, Zone};
use meshvane_shared::setting::{
    Bind, LogLevel, SettingError, injected_hint, is_injected_value, parse_duration, parse_number,
};

use super::{Auth, Config, DEFAULT_SERVER_URL, RawConfig};
use crate::client::ServerUrl;

/// `MESHVANE_HEALTH_PORT` when it is unset and free.
const HEALTH_PORT: u16 = 6102;

impl RawConfig {
    pub(super) fn check(self) -> Result<Config, SettingError> {
        let node = required_name("NODE_NAME", self.node_name, "spec.nodeName", NodeName::parse)?;
        let host_addresses =
            addresses(("HOST_IPS", self.host_ips), ("NODE_IP", self.node_ip), "status.hostIP")?;
        let pod_addresses = addresses(("POD_IPS", self.pod_ips), ("POD_IP", self.pod_ip), "status.podIP")?;
        let pod = required_name("POD_NAME", self.pod_name, "metadata.name", PodName::parse)?;
        let namespace = required_name("NAMESPACE", self.namespace, "metadata.namespace", Namespace::parse)?;
        let zone = self
            .meshvane_zone
            .map(|text| Zone::parse(&text).map_err(|error| name_error("MESHVANE_ZONE", &text, &error)))
            .transpose()?;
        let server_url = server_url(self.server_url.as_deref().unwrap_or(DEFAULT_SERVER_URL))?;
        let heartbeat_interval = match self.heartbeat_interval {
            Some(text) => parse_duration("HEARTBEAT_INTERVAL", &text, INTERVAL_MIN..=INTERVAL_MAX)?,
            None => Duration::from_secs(5),
        };
        let probe_interval = match self.meshvane_probe_interval {
            Some(text) => parse_duration("MESHVANE_PROBE_INTERVAL", &text, INTERVAL_MIN..=INTERVAL_MAX)?,
            None => heartbeat_interval,
        };
        let test_port = port("TEST_PORT", self.test_port, 22, 0)?;
        let service_port = port("CUSTOM_SERVICE_PORT", self.custom_service_port, 80, 1)?;
        let services = services(self.custom_service_name.as_deref(), service_port)?;
        let client_port = port("CLIENT_PORT", self.client_port, 6100, 1)?;
        let metrics_port = port("MESHVANE_METRICS_PORT", self.meshvane_metrics_port, 6101, 1)?;
        let health_port = health_port(self.meshvane_health_port, [client_port, metrics_port])?;
        let taken = [("CLIENT_PORT", client_port)];
        refuse_taken("MESHVANE_METRICS_PORT", metrics_port, &taken)?;
        let taken = [("CLIENT_PORT", client_port), ("MESHVANE_METRICS_PORT", metrics_port)];
        refuse_taken("MESHVANE_HEALTH_PORT", health_port, &taken)?;
        let tls_ca_file = tls_ca_file(self.meshvane_tls_ca_file, &server_url)?;
        Ok(Config {
            node,
            zone,
            pod,
            namespace,
            host_addresses,
            pod_addresses,
            server_url,
            heartbeat_interval,
            probe_interval,
            test_port: (test_port != 0).then_some(test_port),
            services,
            client_port,
            metrics_port,
            health_port,
            bind: Bind::parse(self.meshvane_bind_address.as_deref())?,
            log_level: LogLevel::parse(self.log_level.as_deref())?,
            auth: auth(self.meshvane_auth.as_deref(), self.meshvane_token_file)?,
            tls_ca_file,
        })
    }
}

/// The port of health. Unset, it avoids the other two: a configuration from before this port goes on working.
fn health_port(value: Option<String>, others: [u16; 2]) -> Result<u16, SettingError> {
    let free = (HEALTH_PORT..=HEALTH_PORT + 2).find(|port| !others.contains(port)).unwrap_or(HEALTH_PORT);
    port("MESHVANE_HEALTH_PORT", value, free, 1)
}

fn refuse_taken(variable: &str, port: u16, taken: &[(&str, u16)]) -> Result<(), SettingError> {
    let Some((other, _)) = taken.iter().find(|(_, taken)| *taken == port) else {
        return Ok(());
    };
    let problem = format!("{port} is also the port of {other}: different ports are accepted");
    Err(SettingError::new(variable, problem))
}

fn name_error(variable: &str, text: &str, error: &NameError) -> SettingError {
    SettingError::new(variable, format!("{error}{}", injected_hint(text)))
}

fn required_name<T>(
    variable: &str,
    value: Option<String>,
    field: &str,
    parse: impl Fn(&str) -> Result<T, NameError>,
) -> Result<T, SettingError> {
    let Some(text) = value else {
        let problem = format!("is not set and required: in Kubernetes, a fieldRef to {field}");
        return Err(SettingError::new(variable, problem));
    };
    parse(&text).map_err(|error| name_error(variable, &text, &error))
}

/// Reads the list, or the single address when there is no list. Both are parsed, so that neither is wrong in silence.
fn addresses(
    (list_name, list): (&str, Option<String>),
    (single_name, single): (&str, Option<String>),
    field: &str,
) -> Result<Vec<IpAddr>, SettingError> {
    let single = single.map(|text| parse_list(single_name, &text, 1)).transpose()?;
    let list = list.map(|text| parse_list(list_name, &text, ADDRESSES_PER_PLANE_MAX)).transpose()?;
    list.or(single).ok_or_else(|| {
        let problem = format!(
            "is not set and required, unless {list_name} is: in Kubernetes, a fieldRef to {field} (or {field}s)"
        );
        SettingError::new(single_name, problem)
    })
}

fn parse_list(variable: &str, text: &str, limit: usize) -> Result<Vec<IpAddr>, SettingError> {
    let accepted = match limit {
        1 => "an IP address of one host is accepted".to_owned(),
        _ => format!("up to {limit} IP addresses, joined by commas, are accepted"),
    };
    let mut addresses = Vec::new();
    for part in text.split(',') {
        let address = parse_probe_address(part.trim()).map_err(|error| {
            SettingError::new(variable, format!("{error}: {accepted}{}", injected_hint(text)))
        })?;
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.len() > limit {
        let problem = format!("{} addresses are too many: {accepted}", addresses.len());
        return Err(SettingError::new(variable, problem));
    }
    Ok(addresses)
}

fn server_url(text: &str) -> Result<ServerUrl, SettingError> {
    let accepted = "a URL of the form http://host:port or https://host:port is accepted";
    ServerUrl::parse(text).map_err(|problem| {
        SettingError::new("SERVER_URL", format!("{problem}: {accepted}{}", injected_hint(text)))
    })
}

fn port(variable: &str, value: Option<String>, default: u16, lowest: u64) -> Result<u16, SettingError> {
    let Some(text) = value else { return Ok(default) };
    let number = parse_number(variable, &text, lowest..=u64::from(u16::MAX))?;
    Ok(u16::try_from(number).expect("the range ends at the highest port"))
}

fn services(value: Option<&str>, default_port: u16) -> Result<Vec<ServiceAddress>, SettingError> {
    const NAME: &str = "CUSTOM_SERVICE_NAME";
    let Some(text) = value else { return Ok(Vec::new()) };
    let mut services = Vec::new();
    for part in text.split(',') {
        let service = ServiceAddress::parse(part.trim(), default_port).map_err(|error| {
            let accepted =
                "names, addresses, name:port or [IPv6 address]:port, joined by commas, are accepted";
            SettingError::new(NAME, format!("{error}: {accepted}{}", injected_hint(text)))
        })?;
        if !services.contains(&service) {
            services.push(service);
        }
    }
    if services.len() > SERVICES_MAX {
        let problem = format!("{} services are too many: up to {SERVICES_MAX} are accepted", services.len());
        return Err(SettingError::new(NAME, problem));
    }
    Ok(services)
}

fn auth(mode: Option<&str>, token_file: Option<String>) -> Result<Auth, SettingError> {
    const AUTH: &str = "MESHVANE_AUTH";
    const TOKEN: &str = "MESHVANE_TOKEN_FILE";
    match (mode, token_file) {
        (None, Some(text)) => Ok(Auth::TokenFile(path(TOKEN, text)?)),
        (Some("none"), None) => Ok(Auth::None),
        (Some("none"), Some(_)) => {
            Err(SettingError::new(AUTH, format!("none contradicts {TOKEN}: one of the two")))
        }
        (Some(other), _) => Err(SettingError::not_accepted(
            AUTH,
            other,
            "none (for a server that believes everybody), or unset",
        )),
        (None, None) => Err(SettingError::new(
            TOKEN,
            format!(
                "is not set, so the server could not know us: a file with the token is accepted, or {AUTH}=none for a server \
                 that believes everybody"
            ),
        )),
    }
}

fn tls_ca_file(value: Option<String>, server_url: &ServerUrl) -> Result<Option<PathBuf>, SettingError> {
    const CA: &str = "MESHVANE_TLS_CA_FILE";
    match value {
        Some(text) if server_url.is_https() => path(CA, text).map(Some),
        Some(_) => Err(SettingError::new(
            CA,
            "is set, but SERVER_URL is not https, so nothing would be encrypted: both or neither is accepted",
        )),
        None if server_url.is_https() => Err(SettingError::new(
            CA,
            "is not set though SERVER_URL is https: a PEM file with the certificates to trust is accepted",
        )),
        None => Ok(None),
    }
}

fn path(variable: &str, text: String) -> Result<PathBuf, SettingError> {
    if is_injected_value(&text) {
        return Err(SettingError::not_accepted(variable, &text, "a path of a file"));
    }
    Ok(PathBuf::from(text))
}
