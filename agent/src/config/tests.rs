use std::collections::BTreeSet;

use super::*;

/// What a start needs.
const BASE: &[(&str, &str)] = &[
    ("NODE_NAME", "node-1"),
    ("NODE_IP", "192.0.2.1"),
    ("POD_IP", "198.51.100.1"),
    ("POD_NAME", "meshvane-agent-abcde"),
    ("NAMESPACE", "kube-system"),
    ("MESHVANE_AUTH", "none"),
];

fn read(vars: &[(&str, &str)]) -> Result<Config, SettingError> {
    Config::from_vars(vars.iter().map(|(name, value)| ((*name).into(), (*value).into())))
}

/// The base with some variables changed or added.
fn read_with(changes: &[(&str, &str)]) -> Result<Config, SettingError> {
    let is_changed = |name: &str| changes.iter().any(|(other, _)| *other == name);
    let mut vars: Vec<(&str, &str)> = BASE.iter().copied().filter(|(name, _)| !is_changed(name)).collect();
    vars.extend(changes);
    read(&vars)
}

fn error_of(changes: &[(&str, &str)]) -> String {
    read_with(changes).expect_err(&format!("{changes:?} was taken")).to_string()
}

fn check(name: &str, value: &str, rule: &str) {
    let mut changes = vec![(name, value)];
    match name {
        "MESHVANE_TLS_CA_FILE" => changes.push(("SERVER_URL", "https://server:8080")),
        "MESHVANE_TOKEN_FILE" => changes.push(("MESHVANE_AUTH", "")),
        _ => {}
    }
    let error = error_of(&changes);
    assert!(error.starts_with(&format!("{name}: ")), "{error}");
    assert!(error.contains(rule), "{name}={value:?}: {error}");
    assert!(!error.contains('\n'), "{error}");
}

#[test]
fn the_table_lists_every_setting_once_and_no_other() {
    let fields = serde_json::to_value(RawConfig::default()).unwrap();
    let fields: BTreeSet<String> =
        fields.as_object().unwrap().keys().map(|field| field.to_ascii_uppercase()).collect();
    let listed: BTreeSet<String> = SETTINGS.iter().map(|setting| setting.name.to_owned()).collect();
    assert_eq!((listed.len(), &listed), (SETTINGS.len(), &fields));
}

#[test]
fn every_listed_name_reaches_its_field() {
    for setting in SETTINGS {
        let raw: RawConfig = envy::from_iter([(setting.name.to_owned(), "x".to_owned())]).unwrap();
        let raw = serde_json::to_value(raw).unwrap();
        assert_eq!(raw[setting.name.to_ascii_lowercase()], "x", "{}", setting.name);
    }
}

#[test]
fn with_only_what_is_required_the_defaults_hold() {
    let config = read(BASE).unwrap();
    assert_eq!(config.server_url.to_string(), DEFAULT_SERVER_URL);
    assert_eq!(
        (config.heartbeat_interval, config.probe_interval),
        (Duration::from_secs(5), Duration::from_secs(5))
    );
    assert_eq!((config.test_port, config.client_port, config.metrics_port), (Some(22), 6100, 6101));
    assert_eq!(config.health_port, 6102);
    assert_eq!((config.bind, config.log_level, config.auth), (Bind::Everywhere, LogLevel::Info, Auth::None));
    assert!(config.services.is_empty() && config.zone.is_none() && config.tls_ca_file.is_none());
}

#[test]
fn every_setting_is_taken_when_it_is_right() {
    let config = read_with(&[
        ("HOST_IPS", "192.0.2.7, 2001:db8::7"),
        ("POD_IPS", "198.51.100.7,2001:db8:1::7"),
        ("SERVER_URL", "https://server.example:8443/"),
        ("MESHVANE_TLS_CA_FILE", "/ca.pem"),
        ("HEARTBEAT_INTERVAL", "10"),
        ("MESHVANE_PROBE_INTERVAL", "1500ms"),
        ("TEST_PORT", "0"),
        ("CUSTOM_SERVICE_NAME", "api.shop, db.shop:5432"),
        ("CUSTOM_SERVICE_PORT", "8080"),
        ("CLIENT_PORT", "7100"),
        ("MESHVANE_METRICS_PORT", "7101"),
        ("MESHVANE_HEALTH_PORT", "7102"),
        ("MESHVANE_ZONE", "zone-a"),
        ("MESHVANE_BIND_ADDRESS", "[::1]"),
        ("LOG_LEVEL", "debug"),
        ("MESHVANE_AUTH", ""),
        ("MESHVANE_TOKEN_FILE", "/token"),
    ])
    .unwrap();
    assert_eq!(config.host_addresses.len(), 2, "HOST_IPS goes before NODE_IP");
    assert_eq!(config.pod_addresses[0], IpAddr::from([198, 51, 100, 7]));
    assert_eq!(config.server_url.to_string(), "https://server.example:8443");
    assert_eq!(config.heartbeat_interval, Duration::from_secs(10));
    assert_eq!(config.probe_interval, Duration::from_millis(1_500));
    assert_eq!(config.test_port, None);
    let services: Vec<String> = config.services.iter().map(ToString::to_string).collect();
    assert_eq!(services, ["api.shop:8080", "db.shop:5432"]);
    assert_eq!((config.client_port, config.metrics_port, config.health_port), (7100, 7101, 7102));
    assert_eq!(config.zone, Some(Zone::parse("zone-a").unwrap()));
    assert_eq!(config.bind, Bind::Address(std::net::Ipv6Addr::LOCALHOST.into()));
    assert_eq!(config.auth, Auth::TokenFile("/token".into()));
    assert_eq!(config.log_level, LogLevel::Debug);
}

#[test]
fn a_time_is_bare_seconds_or_has_its_unit() {
    for name in ["HEARTBEAT_INTERVAL", "MESHVANE_PROBE_INTERVAL"] {
        for (value, expected) in
            [("7", 7_000), ("7s", 7_000), ("2m", 120_000), ("1h", 3_600_000), ("1500ms", 1_500)]
        {
            let config = read_with(&[(name, value)]).unwrap();
            assert_eq!(config.probe_interval, Duration::from_millis(expected), "{name}={value}");
        }
    }
}

#[test]
fn a_service_may_be_an_address() {
    let config =
        read_with(&[("CUSTOM_SERVICE_NAME", "10.90.0.100:8088, [fd00::1]:53, fd00::1, FD00::1")]).unwrap();
    let services: Vec<String> = config.services.iter().map(ToString::to_string).collect();
    assert_eq!(services, ["10.90.0.100:8088", "[fd00::1]:53", "[fd00::1]:80"]);
}

#[test]
fn an_empty_value_means_unset_for_every_setting() {
    for setting in SETTINGS {
        let without: Vec<(&str, &str)> =
            BASE.iter().copied().filter(|(name, _)| *name != setting.name).collect();
        let mut with_empty = without.clone();
        with_empty.push((setting.name, ""));
        assert_eq!(read(&with_empty), read(&without), "{}", setting.name);
    }
}

#[test]
fn what_is_required_and_missing_is_named() {
    for (missing, rule) in [
        ("NODE_NAME", "spec.nodeName"),
        ("NODE_IP", "unless HOST_IPS is"),
        ("POD_IP", "unless POD_IPS is"),
        ("POD_NAME", "metadata.name"),
        ("NAMESPACE", "metadata.namespace"),
    ] {
        check(missing, "", rule);
    }
    let error = error_of(&[("MESHVANE_AUTH", "")]);
    assert!(error.starts_with("MESHVANE_TOKEN_FILE: is not set"), "{error}");
    assert!(error.contains("MESHVANE_AUTH=none"), "{error}");
    let error = error_of(&[("SERVER_URL", "https://server:8080")]);
    assert!(error.starts_with("MESHVANE_TLS_CA_FILE: is not set"), "{error}");
}

#[test]
fn a_wrong_value_is_refused_in_one_line_that_names_the_variable_and_the_rule() {
    for value in ["Node_1", "-a", &"a".repeat(254), "node 1"] {
        check("NODE_NAME", value, "RFC 1123");
        check("POD_NAME", value, "RFC 1123");
        check("NAMESPACE", value, "RFC 1123");
    }
    for name in ["NODE_IP", "POD_IP"] {
        for value in ["node-1", "10.0.0", "10.0.0.1,10.0.0.2", "0.0.0.0", "ff02::1", "-c1"] {
            check(name, value, "an IP address of one host is accepted");
        }
    }
    for name in ["HOST_IPS", "POD_IPS"] {
        for value in ["10.0.0", "10.0.0.1,,10.0.0.2", "10.0.0.1,x", "1.1.1.1,1.1.1.2,1.1.1.3,1.1.1.4,1.1.1.5"]
        {
            check(name, value, "up to 4 IP addresses, joined by commas, are accepted");
        }
    }
    for value in
        ["server:8080", "ftp://server", "http://", "http://server/path", "http://u:p@server", "http://s?x"]
    {
        check("SERVER_URL", value, "http://host:port or https://host:port is accepted");
    }
    for name in ["HEARTBEAT_INTERVAL", "MESHVANE_PROBE_INTERVAL"] {
        for value in ["soon", "1.5", "-1", "-1s", "0", "999ms", "3601", "2h", "99999999999999999999"] {
            check(name, value, "from 1s to 1h is accepted");
        }
    }
    for value in ["ssh", "-1", "65536", "22.0"] {
        check("TEST_PORT", value, "from 0 to 65535 is accepted");
    }
    for name in ["CUSTOM_SERVICE_PORT", "CLIENT_PORT", "MESHVANE_METRICS_PORT", "MESHVANE_HEALTH_PORT"] {
        for value in ["http", "-1", "0", "65536"] {
            check(name, value, "from 1 to 65535 is accepted");
        }
    }
    for value in
        ["a b", "api:0", "api:http", "api,,db", "-x", "api:80:90", "[fd00::1", "10.0.0", "0.0.0.0:80"]
    {
        check("CUSTOM_SERVICE_NAME", value, "joined by commas, are accepted");
    }
    let many: Vec<String> = (0..65).map(|index| format!("s{index}")).collect();
    check("CUSTOM_SERVICE_NAME", &many.join(","), "up to 64 are accepted");
    for value in ["verbose", "INFO", "1"] {
        check("LOG_LEVEL", value, "error, warn, info, debug or trace");
    }
    for value in ["-a", "a b", &"z".repeat(64)] {
        check("MESHVANE_ZONE", value, "a Kubernetes label value");
    }
    for value in ["None", "token", "off"] {
        check("MESHVANE_AUTH", value, "none (for a server that believes everybody), or unset is");
    }
    for value in ["localhost", "10.0.0", "[::", "10.0.0.1:80"] {
        check("MESHVANE_BIND_ADDRESS", value, "an IP address, as 10.0.0.1 or [::] is");
    }
}

#[test]
fn a_value_that_kubernetes_injects_is_explained_for_every_setting() {
    for setting in SETTINGS {
        check(setting.name, "tcp://10.96.0.7:8080", "enableServiceLinks: false");
    }
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    let both = error_of(&[("MESHVANE_TOKEN_FILE", "/token")]);
    assert!(both.starts_with("MESHVANE_AUTH: none contradicts MESHVANE_TOKEN_FILE"), "{both}");
    let plain = error_of(&[("MESHVANE_TLS_CA_FILE", "/ca.pem")]);
    assert!(plain.starts_with("MESHVANE_TLS_CA_FILE: is set, but SERVER_URL is not https"), "{plain}");
    let ports = error_of(&[("CLIENT_PORT", "6101")]);
    assert!(ports.starts_with("MESHVANE_METRICS_PORT: 6101 is also the port of CLIENT_PORT"), "{ports}");
    for (taken, other) in [("6100", "CLIENT_PORT"), ("6101", "MESHVANE_METRICS_PORT")] {
        let ports = error_of(&[("MESHVANE_HEALTH_PORT", taken)]);
        let expected = format!("MESHVANE_HEALTH_PORT: {taken} is also the port of {other}");
        assert!(ports.starts_with(&expected), "{ports}");
    }
}

#[test]
fn an_older_configuration_that_has_the_port_of_health_goes_on_working() {
    let config = read_with(&[("CLIENT_PORT", "6102"), ("MESHVANE_METRICS_PORT", "6103")]).unwrap();
    assert_eq!(config.health_port, 6104);
}

#[test]
fn a_misspelled_name_with_our_prefix_is_refused_with_the_nearest() {
    for setting in SETTINGS.iter().filter(|setting| setting.name.starts_with("MESHVANE_")) {
        let mut misspelled = setting.name.to_owned();
        let last = misspelled.pop().unwrap();
        misspelled.push('X');
        let error = error_of(&[(misspelled.as_str(), "1")]);
        assert_eq!(
            error,
            format!("{misspelled}: is not a setting: did you mean {}?", setting.name),
            "{last}"
        );
    }
    assert!(read_with(&[("MESHVANE_SERVER_SERVICE_HOST", "10.0.0.1"), ("OTHER", "x")]).is_ok());
}

#[test]
fn a_value_that_is_no_text_is_refused() {
    use std::os::unix::ffi::OsStringExt;
    let vars = BASE
        .iter()
        .filter(|(name, _)| *name != "NODE_NAME")
        .map(|(name, value)| (OsString::from(name), OsString::from(value)))
        .chain([("NODE_NAME".into(), OsString::from_vec(vec![0xff]))]);
    let error = Config::from_vars(vars).unwrap_err().to_string();
    assert!(error.starts_with("NODE_NAME: "), "{error}");
}
