//! The program itself: exit codes, its one line about a wrong setting, signals.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{client_builder, connect_from, file};

fn program(vars: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_meshvane-server"));
    command.env_clear().envs(vars.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn fails(vars: &[(&str, &str)]) -> (Option<i32>, String) {
    let Output { status, stderr, stdout } = program(vars).output().unwrap();
    assert!(stdout.is_empty());
    (status.code(), String::from_utf8(stderr).unwrap())
}

/// A loopback address that no other test process uses, so that fixed ports are free on it.
fn own_address(number: u8) -> String {
    let pid = std::process::id();
    format!("127.{}.{}.{number}", 64 + (pid >> 8 & 0x3f), pid & 0xff)
}

#[test]
fn a_wrong_setting_is_one_line_and_exit_code_2() {
    let token = file("token");
    let token = token.to_str().unwrap();
    let empty = file("");
    let empty = empty.to_str().unwrap();
    for (vars, expected) in [
        (&[][..], "MESHVANE_TOKEN_FILE: is not set"),
        (&[("MESHVANE_AUTH", "off")], "MESHVANE_AUTH: \"off\" is not accepted"),
        (&[("MESHVANE_AUTH", "none"), ("MESHVANE_TOKEN_FILE", token)], "MESHVANE_AUTH: none contradicts"),
        (&[("MESHVANE_AUTH", "none"), ("HTTP_PORT", "0")], "HTTP_PORT: \"0\" is out of range"),
        (
            &[("MESHVANE_AUTH", "none"), ("HTTP_PORT", "tcp://10.0.0.1:80")],
            "HTTP_PORT: \"tcp://10.0.0.1:80\" is not a number",
        ),
        (
            &[("MESHVANE_AUTH", "none"), ("CACHE_KEY_SECOND", "soon")],
            "CACHE_KEY_SECOND: \"soon\" is not a duration",
        ),
        (&[("MESHVANE_AUTH", "none"), ("MESHVANE_HEALT_PORT", "1")], "MESHVANE_HEALT_PORT: is not a setting"),
        (&[("MESHVANE_TOKEN_FILE", "/nonexistent")], "MESHVANE_TOKEN_FILE: /nonexistent: No such file"),
        (&[("MESHVANE_TOKEN_FILE", empty)], "MESHVANE_TOKEN_FILE: "),
        (
            &[("MESHVANE_AUTH", "none"), ("MESHVANE_TLS_CERT_FILE", token), ("MESHVANE_TLS_KEY_FILE", token)],
            "MESHVANE_TLS_CERT_FILE: ",
        ),
    ] {
        let (code, said) = fails(vars);
        assert_eq!(code, Some(2), "{vars:?}: {said}");
        assert!(said.starts_with(&format!("meshvane-server: {expected}")), "{vars:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn a_taken_port_is_one_line_and_exit_code_1() {
    let address = own_address(1);
    let taken = std::net::TcpListener::bind(format!("{address}:8082")).unwrap();
    let (code, said) = fails(&[("MESHVANE_AUTH", "none"), ("MESHVANE_BIND_ADDRESS", &address)]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("MESHVANE_METRICS_PORT: cannot listen on"), "{said}");
    drop(taken);
}

/// Waits for the line that says that it serves, and returns it. Closes its standard error then: a program that cannot log
/// any more goes on.
fn serving(child: &mut Child) -> String {
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    lines.map(Result::unwrap).find(|line| line.contains("serving")).expect("it ended before it served")
}

#[test]
fn sigterm_and_sigint_stop_it_with_exit_code_0() {
    for (number, signal) in [(2, Signal::SIGTERM), (3, Signal::SIGINT)] {
        let address = own_address(number);
        let mut child =
            program(&[("MESHVANE_AUTH", "none"), ("MESHVANE_BIND_ADDRESS", &address)]).spawn().unwrap();
        let line = serving(&mut child);
        assert!(line.contains(&format!("api={address}:8080")), "{line}");
        kill(Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0), "{signal}");
    }
}

#[tokio::test]
async fn the_program_serves_on_its_three_ports() {
    let address = own_address(4);
    let mut child =
        program(&[("MESHVANE_AUTH", "none"), ("MESHVANE_BIND_ADDRESS", &address)]).spawn().unwrap();
    serving(&mut child);
    let client = client_builder().build().unwrap();
    for url in [":8080/api/v1/health", ":8081/livez", ":8081/readyz", ":8082/metrics"] {
        let response = client.get(format!("http://{address}{url}")).send().await;
        assert_eq!(response.unwrap().status(), 200, "{url}");
    }
    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[tokio::test]
async fn with_few_files_it_says_what_it_needs_and_health_answers_beside_many_connections() {
    let address = own_address(5);
    let mut child = Command::new("sh")
        .args(["-c", "ulimit -n 64; exec \"$0\"", env!("CARGO_BIN_EXE_meshvane-server")])
        .env_clear()
        .envs([("MESHVANE_AUTH", "none"), ("MESHVANE_BIND_ADDRESS", &address), ("PATH", "/usr/bin:/bin")])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let warnings: Vec<String> = lines
        .take_while(|line| !line.contains("serving"))
        .filter(|line| line.contains("the limit of open files is low"))
        .collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("limit=64") && warnings[0].contains("needed=12360"), "{}", warnings[0]);
    let mut silent = Vec::new();
    for number in 0..84 {
        silent.push(
            connect_from([127, 0, 4, number % 42 + 1], format!("{address}:8080").parse().unwrap()).await,
        );
    }
    let client = client_builder().build().unwrap();
    for url in [":8081/livez", ":8081/readyz", ":8082/metrics", ":8080/api/v1/health"] {
        let response =
            client.get(format!("http://{address}{url}")).timeout(Duration::from_secs(5)).send().await;
        assert_eq!(response.unwrap().status(), 200, "{url}");
    }
    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn help_and_version_are_told_on_standard_output() {
    let told = |argument: &str| program(&[]).arg(argument).output().unwrap();
    let help = told("--help");
    assert_eq!((help.status.code(), help.stderr.len()), (Some(0), 0));
    let text = String::from_utf8(help.stdout).unwrap();
    for setting in meshvane_server::config::SETTINGS {
        assert!(text.contains(&format!("\n  {}\n      {}", setting.name, setting.meaning)), "{text}");
    }
    let version = told("--version");
    assert_eq!(version.status.code(), Some(0));
    let expected = format!("meshvane-server {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(String::from_utf8(version.stdout).unwrap(), expected);
    let wrong = told("--hlep");
    let error = String::from_utf8(wrong.stderr).unwrap();
    assert_eq!((wrong.status.code(), wrong.stdout.len(), error.lines().count()), (Some(2), 0, 1), "{error}");
}
