use std::collections::BTreeSet;

use meshvane_shared::name::Namespace;

use super::*;

fn read(vars: &[(&str, &str)]) -> Result<Config, SettingError> {
    Config::from_vars(vars.iter().map(|(name, value)| ((*name).into(), (*value).into())))
}

/// Reads one setting beside what a start needs.
fn read_one(name: &str, value: &str) -> Result<Config, SettingError> {
    let base = match name {
        "MESHVANE_AUTH" => vec![],
        "MESHVANE_TOKEN_FILE" | "MESHVANE_READ_TOKEN_FILE" => vec![("MESHVANE_TOKEN_FILE", "/token")],
        _ => vec![("MESHVANE_AUTH", "none")],
    };
    let mut vars: Vec<(&str, &str)> = base.into_iter().filter(|(other, _)| *other != name).collect();
    vars.push((name, value));
    read(&vars)
}

#[test]
fn the_table_lists_every_setting_once_and_no_other() {
    let fields = serde_json::to_value(RawConfig::default()).unwrap();
    let fields: BTreeSet<String> =
        fields.as_object().unwrap().keys().map(|field| field.to_ascii_uppercase()).collect();
    let listed: BTreeSet<String> = SETTINGS.iter().map(|setting| setting.name.to_owned()).collect();
    assert_eq!(listed, fields);
    assert_eq!(listed.len(), SETTINGS.len(), "a setting is listed twice");
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
fn without_settings_but_auth_the_defaults_hold() {
    let config = read(&[("MESHVANE_AUTH", "none")]).unwrap();
    let seconds = Duration::from_secs;
    assert_eq!(
        (config.ttl, config.report_interval, config.forget_after),
        (seconds(15), seconds(300), seconds(3600))
    );
    assert_eq!((config.http_port, config.health_port, config.metrics_port), (8080, 8081, 8082));
    assert_eq!(
        (config.log_level, config.bind, config.auth),
        (LogLevel::Info, Bind::Everywhere, AuthConfig::None)
    );
    assert!(config.loopback_reads && config.tls.is_none());
}

#[test]
fn an_empty_value_means_unset_for_every_setting() {
    for setting in SETTINGS {
        let rest: &[(&str, &str)] = if setting.name == "MESHVANE_AUTH" {
            &[("MESHVANE_TOKEN_FILE", "/token")]
        } else {
            &[("MESHVANE_AUTH", "none")]
        };
        let mut with_empty = rest.to_vec();
        with_empty.push((setting.name, ""));
        assert_eq!(read(&with_empty), read(rest), "{}", setting.name);
        assert!(read(rest).is_ok());
    }
}

#[test]
fn a_time_is_bare_seconds_or_has_its_unit() {
    for (value, expected) in
        [("7", 7_000), ("7s", 7_000), ("2m", 120_000), ("1h", 3_600_000), ("1500ms", 1_500)]
    {
        let config =
            read(&[("MESHVANE_AUTH", "none"), ("CACHE_KEY_SECOND", value), ("REPORT_INTERVAL", value)]);
        let config = config.unwrap();
        let expected = Duration::from_millis(expected);
        assert_eq!((config.ttl, config.report_interval), (expected, expected), "{value}");
    }
}

#[test]
fn a_wrong_value_is_refused_in_one_line_that_names_the_variable_and_the_rule() {
    let check = |name: &str, value: &str, rule: &str| {
        let error = read_one(name, value).expect_err(&format!("{name}={value:?} was taken")).to_string();
        assert!(error.starts_with(&format!("{name}: ")), "{error}");
        assert!(error.contains(rule), "{name}={value:?}: {error}");
        assert!(!error.contains('\n'), "{error}");
    };
    for name in ["CACHE_KEY_SECOND", "REPORT_INTERVAL"] {
        for value in ["abc", "1.5", "-1", "0", "999ms", "86401", "25h", "99999999999999999999", " 15"] {
            check(name, value, "from 1s to 1day is accepted");
        }
        check(name, "tcp://10.0.0.1:80", "enableServiceLinks");
    }
    for name in ["HTTP_PORT", "MESHVANE_HEALTH_PORT", "MESHVANE_METRICS_PORT"] {
        for value in ["http", "80.5", "-1", "0", "65536"] {
            check(name, value, "from 1 to 65535 is accepted");
        }
        check(name, "tcp://10.0.0.1:80", "enableServiceLinks");
    }
    for value in ["verbose", "INFO", "1", "tcp://10.0.0.1:80"] {
        check("LOG_LEVEL", value, "error, warn, info, debug or trace");
    }
    for value in ["soon", "-1s", "31d", "0", "tcp://10.0.0.1:80"] {
        check("MESHVANE_FORGET_AFTER", value, "from 1s to 30days is accepted");
    }
    for value in ["Upper", "a b", "-a", "a/b"] {
        check("NAMESPACE", value, "a namespace");
        check("MESHVANE_AGENT_SERVICE_ACCOUNT", value, "a name of Kubernetes");
    }
    check("NAMESPACE", "a.b", "a namespace");
    check("MESHVANE_AUDIENCE", "two words", "visible ASCII");
    check("MESHVANE_AGENT_NODE_SELECTOR", "a in (b)", "key!=value");
    for value in ["Exists", "{}", r#"[{"operator":"Exits"}]"#, r#"[{"value":"a"}]"#] {
        check("MESHVANE_AGENT_TOLERATIONS", value, "a JSON list of tolerations");
    }
    for value in [",", "a b", "a=b"] {
        check("MESHVANE_TERMINATING_TAINTS", value, "keys of taints");
    }
    check("MESHVANE_FORGET_AFTER", "15s", "longer than CACHE_KEY_SECOND (15 s)");
    for value in ["None", "token", "Kubernetes", "tcp://10.0.0.1:80"] {
        check("MESHVANE_AUTH", value, "kubernetes, none (anyone may read and write), or unset");
    }
    for value in ["yes", "1", "True", "tcp://10.0.0.1:80"] {
        check("MESHVANE_LOOPBACK_READS", value, "true or false");
    }
    for value in ["localhost", "10.0.0", "[::", "10.0.0.1:80", "tcp://10.0.0.1:80"] {
        check("MESHVANE_BIND_ADDRESS", value, "an IP address");
    }
    for name in ["MESHVANE_TOKEN_FILE", "MESHVANE_READ_TOKEN_FILE"] {
        check(name, "tcp://10.0.0.1:80", "a path of a file");
    }
}

#[test]
fn every_setting_is_refused_with_an_injected_value() {
    for setting in SETTINGS {
        let tls = [
            ("MESHVANE_TLS_CERT_FILE", "/cert"),
            ("MESHVANE_TLS_KEY_FILE", "/key"),
            ("MESHVANE_AUTH", "none"),
        ];
        let error = if setting.name.starts_with("MESHVANE_TLS") {
            let vars: Vec<_> = tls
                .into_iter()
                .map(|(name, value)| (name, if name == setting.name { "tcp://10.0.0.1:80" } else { value }))
                .collect();
            read(&vars)
        } else {
            read_one(setting.name, "tcp://10.0.0.1:80")
        }
        .unwrap_err();
        assert_eq!(error.variable, setting.name);
        assert!(error.problem.contains("Kubernetes set this"), "{error}");
    }
}

#[test]
fn every_misspelled_setting_of_ours_is_refused_with_the_right_name() {
    for setting in SETTINGS.iter().filter(|setting| setting.name.starts_with("MESHVANE_")) {
        let mut misspelled = setting.name.to_owned();
        misspelled.remove(misspelled.len() - 2);
        let error = read(&[("MESHVANE_AUTH", "none"), (misspelled.as_str(), "1")]).unwrap_err();
        assert_eq!(error.variable, misspelled);
        assert!(error.problem.contains(&format!("did you mean {}?", setting.name)), "{error}");
    }
}

#[test]
fn what_kubernetes_injects_for_services_is_not_ours() {
    let config = read(&[
        ("MESHVANE_AUTH", "none"),
        ("MESHVANE_SERVER_SERVICE_HOST", "10.0.0.1"),
        ("MESHVANE_SERVER_PORT", "tcp://10.0.0.1:8080"),
        ("http_port", "not ours"),
    ]);
    assert!(config.is_ok(), "{config:?}");
}

#[test]
fn it_does_not_start_without_saying_who_is_believed() {
    let check = |vars: &[(&str, &str)], expected: &str| {
        let error = read(vars).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    };
    check(&[], "MESHVANE_TOKEN_FILE: is not set, so no agent could be believed");
    check(&[("MESHVANE_READ_TOKEN_FILE", "/r")], "MESHVANE_TOKEN_FILE: is not set");
    check(
        &[("MESHVANE_AUTH", "none"), ("MESHVANE_TOKEN_FILE", "/t")],
        "MESHVANE_AUTH: none contradicts MESHVANE_TOKEN_FILE",
    );
    check(
        &[("MESHVANE_AUTH", "none"), ("MESHVANE_READ_TOKEN_FILE", "/r")],
        "MESHVANE_AUTH: none contradicts MESHVANE_READ_TOKEN_FILE",
    );
    check(
        &[("MESHVANE_AUTH", "kubernetes"), ("MESHVANE_TOKEN_FILE", "/t")],
        "MESHVANE_AUTH: kubernetes contradicts MESHVANE_TOKEN_FILE",
    );
    check(&[("MESHVANE_AUTH", "kubernetes")], "MESHVANE_AUTH: kubernetes is for a server in a pod");
    check(
        &[("MESHVANE_AUTH", "none"), ("MESHVANE_AUDIENCE", "a")],
        "MESHVANE_AUDIENCE: means something with MESHVANE_AUTH=kubernetes alone",
    );
}

#[test]
fn in_a_pod_kubernetes_vouches_and_says_where_it_is() {
    let pod = [
        ("MESHVANE_AUTH", "kubernetes"),
        ("KUBERNETES_SERVICE_HOST", "fd00::1"),
        ("KUBERNETES_SERVICE_PORT", "6443"),
    ];
    let AuthConfig::Kubernetes(config) = read(&pod).unwrap().auth else { panic!("believes others") };
    assert_eq!(config.api.url, "https://[fd00::1]:6443");
    assert_eq!(
        (&*config.audience, &*config.agent_account, config.namespace),
        ("meshvane", "meshvane-agent", None)
    );
    assert_eq!(config.agent_tolerations, serde_json::from_str(r#"[{"operator":"Exists"}]"#).unwrap());
    for taint in [
        "ToBeDeletedByClusterAutoscaler",
        "karpenter.sh/disrupted",
        "karpenter.sh/disruption",
        "aws-node-termination-handler/spot-itn",
        "cloud.google.com/impending-node-termination",
        "node.cloudprovider.kubernetes.io/shutdown",
    ] {
        assert!(config.terminating_taints.iter().any(|known| known == taint), "{taint}");
    }
    let named = [("KUBERNETES_SERVICE_HOST", "10.96.0.1"), ("NAMESPACE", "kube-system")];
    let AuthConfig::Kubernetes(config) = read(&[pod[0], named[0], named[1]]).unwrap().auth else { panic!() };
    assert_eq!(
        (&*config.api.url, config.namespace.as_ref().map(Namespace::as_str)),
        ("https://10.96.0.1:443", Some("kube-system"))
    );
}

#[test]
fn colliding_ports_are_refused_by_both_names() {
    let check = |vars: &[(&str, &str)], expected: &str| {
        let vars: Vec<_> = vars.iter().copied().chain([("MESHVANE_AUTH", "none")]).collect();
        assert_eq!(
            read(&vars).unwrap_err().to_string(),
            format!("{expected}: three different ports are accepted")
        );
    };
    check(&[("HTTP_PORT", "8081")], "MESHVANE_HEALTH_PORT: 8081 is also the port of HTTP_PORT");
    check(&[("MESHVANE_METRICS_PORT", "8080")], "MESHVANE_METRICS_PORT: 8080 is also the port of HTTP_PORT");
    check(
        &[("MESHVANE_METRICS_PORT", "8081")],
        "MESHVANE_METRICS_PORT: 8081 is also the port of MESHVANE_HEALTH_PORT",
    );
}

#[test]
fn tls_needs_both_files() {
    let check = |name: &str, expected: &str| {
        let error = read(&[("MESHVANE_AUTH", "none"), (name, "/file")]).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    };
    check("MESHVANE_TLS_CERT_FILE", "MESHVANE_TLS_KEY_FILE: is not set though MESHVANE_TLS_CERT_FILE is");
    check("MESHVANE_TLS_KEY_FILE", "MESHVANE_TLS_CERT_FILE: is not set though MESHVANE_TLS_KEY_FILE is");
}

#[test]
fn a_long_ttl_moves_the_default_of_forgetting() {
    let config = read(&[("MESHVANE_AUTH", "none"), ("CACHE_KEY_SECOND", "7200")]).unwrap();
    assert_eq!(config.forget_after, Duration::from_hours(4));
}

#[test]
fn a_value_that_is_not_text_is_refused_by_name() {
    use std::os::unix::ffi::OsStringExt as _;
    let error = Config::from_vars([("LOG_LEVEL".into(), OsString::from_vec(vec![0xff]))]).unwrap_err();
    assert_eq!(error.to_string(), "LOG_LEVEL: the value is not UTF-8 text");
}
