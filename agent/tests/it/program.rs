//! The program itself: what a wrong setting does.

use std::process::{Command, Output};

const BASE: &[(&str, &str)] = &[
    ("NODE_NAME", "node-1"),
    ("NODE_IP", "127.0.0.1"),
    ("POD_IP", "127.0.0.1"),
    ("POD_NAME", "agent-1"),
    ("NAMESPACE", "test"),
    ("MESHVANE_AUTH", "none"),
];

fn run(changes: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_meshvane-agent"));
    command.env_clear().envs(BASE.iter().copied());
    command.envs(changes.iter().copied());
    command.output().unwrap()
}

#[test]
fn a_wrong_setting_is_one_line_on_standard_error_and_exit_code_2() {
    let check = |changes: &[(&str, &str)], variable: &str| {
        let output = run(changes);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.starts_with(&format!("meshvane-agent: {variable}: ")), "{error}");
        assert_eq!((error.lines().count(), output.stdout.len()), (1, 0), "{error}");
    };
    check(&[("NODE_NAME", "")], "NODE_NAME");
    check(&[("HEARTBEAT_INTERVAL", "soon")], "HEARTBEAT_INTERVAL");
    check(&[("CLIENT_PORT", "tcp://10.96.0.7:6100")], "CLIENT_PORT");
    check(&[("MESHVANE_PROBE_INTERVALL", "5s")], "MESHVANE_PROBE_INTERVALL");
    check(&[("MESHVANE_AUTH", "")], "MESHVANE_TOKEN_FILE");
    let missing_token = [("MESHVANE_AUTH", ""), ("MESHVANE_TOKEN_FILE", "/nonexistent/token")];
    check(&missing_token, "MESHVANE_TOKEN_FILE");
    let missing_ca = [("SERVER_URL", "https://127.0.0.1:1"), ("MESHVANE_TLS_CA_FILE", "/nonexistent/ca")];
    check(&missing_ca, "MESHVANE_TLS_CA_FILE");
}

#[test]
fn a_port_that_is_taken_is_named_and_exit_code_1() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = run(&[("CLIENT_PORT", &port), ("MESHVANE_BIND_ADDRESS", "127.0.0.1")]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("CLIENT_PORT: cannot listen on port"), "{error}");
}

#[test]
fn help_and_version_are_told_on_standard_output() {
    let told = |argument: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_meshvane-agent"));
        command.env_clear().arg(argument).output().unwrap()
    };
    let help = told("--help");
    assert_eq!((help.status.code(), help.stderr.len()), (Some(0), 0));
    let text = String::from_utf8(help.stdout).unwrap();
    for setting in meshvane_agent::config::SETTINGS {
        assert!(text.contains(&format!("\n  {}\n      {}", setting.name, setting.meaning)), "{text}");
    }
    let version = told("--version");
    assert_eq!(version.status.code(), Some(0));
    let expected = format!("meshvane-agent {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(String::from_utf8(version.stdout).unwrap(), expected);
    let wrong = told("--hlep");
    let error = String::from_utf8(wrong.stderr).unwrap();
    assert_eq!((wrong.status.code(), wrong.stdout.len(), error.lines().count()), (Some(2), 0, 1), "{error}");
}
