//! The sandbox: entered again, within the one that the tests run in, as a program of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use lab::sandbox::MARKER;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::plays::PLAY;

pub(crate) const TESTS: &[(&str, fn())] = &[
    ("the_exit_code_comes_out_of_the_sandbox", exit_code),
    ("a_signal_to_the_outer_process_reaches_the_inner_one", signal),
    ("a_program_started_inside_does_not_enter_again", nested),
    ("a_listener_bound_outside_leads_to_the_servers_loopback", relay),
    ("a_kill_of_the_outer_process_leaves_nothing_behind", || {
        left_behind("kill");
    }),
    ("a_kill_of_the_inner_process_leaves_nothing_behind", || {
        left_behind("kill-inner");
    }),
    ("a_panic_leaves_nothing_behind", || left_behind("panic")),
    ("a_marker_that_is_not_ours_is_refused", bad_marker),
];

/// How often, 10 ms apart, it is looked whether processes are gone: dying takes the kernel some time.
const LOOKS: u32 = 1000;

/// This executable as a program that is in no sandbox yet.
fn outside(words: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg(PLAY).args(words).env_remove(MARKER).stdout(Stdio::piped()).process_group(0);
    command
}

fn exit_code() {
    assert_eq!(outside(&["exit", "7"]).status().unwrap().code(), Some(7));
    assert_eq!(outside(&["exit", "0"]).status().unwrap().code(), Some(0));
}

fn send(child: &Child, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
}

fn signal() {
    for (signal, code) in [(Signal::SIGINT, 130), (Signal::SIGTERM, 143)] {
        let mut child = outside(&["interrupted"]).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n");
        send(&child, signal);
        assert_eq!(child.wait().unwrap().code(), Some(code));
    }
}

fn nested() {
    let output = outside(&["nested"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let namespace = |word: &str| {
        text.lines().find_map(|line| line.strip_prefix(word)).unwrap_or_else(|| panic!("{text}")).to_owned()
    };
    assert!(output.status.success());
    assert_eq!(namespace("first "), namespace("nested "));
    let ours = std::fs::read_link("/proc/self/ns/net").unwrap();
    assert_ne!(namespace("first "), ours.display().to_string());
}

fn relay() {
    let mut child = outside(&["relay"]).spawn().unwrap();
    let mut address = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).unwrap();
    let mut connection = TcpStream::connect(address.trim()).unwrap();
    connection.write_all(b"who?").unwrap();
    let mut answer = [0; 9];
    connection.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"127.0.0.1");
    drop(connection);
    assert!(child.wait().unwrap().success());
}

fn left_behind(how: &str) {
    let token = format!("token-{how}");
    let mut child = outside(&["left-behind", how, &token]).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    match how {
        "kill" => {
            // A process that has just been executed has no command line for a moment.
            let all_four = (0..LOOKS).any(|_| {
                std::thread::sleep(Duration::from_millis(10));
                bearing(&token).len() == 4
            });
            assert!(all_four, "outer, init, inner, agent: {:?}", bearing(&token));
            send(&child, Signal::SIGKILL);
            assert_eq!(child.wait().unwrap().code(), None);
        }
        "kill-inner" => {
            // The agent plays another part; of the other three the youngest is inner.
            let three = bearing(&token).into_iter().filter(|(_, line)| line.contains("left-behind"));
            let inner = three.map(|(pid, _)| pid).max();
            kill(Pid::from_raw(inner.unwrap()), Signal::SIGKILL).unwrap();
            assert_eq!(child.wait().unwrap().code(), Some(137));
        }
        "panic" => assert_eq!(child.wait().unwrap().code(), Some(101)),
        other => panic!("{other}"),
    }
    for _ in 0..LOOKS {
        if bearing(&token).is_empty() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("left behind: {:?}", bearing(&token));
}

/// Living processes that have this word in their command line.
fn bearing(token: &str) -> Vec<(i32, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse() else {
            continue;
        };
        // A process may end between the two steps; then it is not there. A dead one has no command line.
        let line = std::fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default();
        if line.split('\0').any(|word| word == token) {
            found.push((pid, line));
        }
    }
    found
}

fn bad_marker() {
    let output = outside(&["exit", "0"]).env(MARKER, "yes").stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("LAB_SANDBOX is \"yes\"; unset it"), "{text}");
}
