//! The program's log: who does not read it stops nothing, and who floods it is logged in few lines.

use std::fs::File;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use reqwest::Client;
use serde_json::{Value, json};

use crate::support::{client_builder, file, heartbeat};

/// The smallest pipe that the kernel makes.
const PIPE_BYTES: i32 = 4096;
/// Lines that do not fit such a pipe.
const HEARTBEATS: u8 = 80;
/// Above any answer of a server that answers.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// A server that believes everybody, on a loopback address that no other test process uses.
struct Program {
    child: Child,
    address: String,
    client: Client,
}

impl Program {
    fn start(number: u8, stderr: Stdio) -> Self {
        let pid = std::process::id();
        let address = format!("127.{}.{}.{number}", 64 + (pid >> 8 & 0x3f), pid & 0xff);
        let mut command = Command::new(env!("CARGO_BIN_EXE_meshvane-server"));
        command.env_clear().env("MESHVANE_AUTH", "none").env("MESHVANE_BIND_ADDRESS", &address);
        let child = command.stderr(stderr).spawn().unwrap();
        Self { child, address, client: client_builder().timeout(ANSWER_LIMIT).build().unwrap() }
    }

    async fn until_live(&self) {
        let url = format!("http://{}:8081/livez", self.address);
        while self.client.get(&url).send().await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn post(&self, heartbeat: &Value) {
        let url = format!("http://{}:8080/api/v1/heartbeat", self.address);
        let answer = self.client.post(url).body(heartbeat.to_string()).send().await.unwrap();
        assert_eq!(answer.status(), 200);
    }

    async fn metrics(&self) -> String {
        let url = format!("http://{}:8082/metrics", self.address);
        self.client.get(url).send().await.unwrap().text().await.unwrap()
    }

    async fn stop(mut self) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
        let ended = tokio::task::spawn_blocking(move || self.child.wait().unwrap());
        let ended = tokio::time::timeout(ANSWER_LIMIT, ended).await.expect("it ends");
        assert_eq!(ended.unwrap().code(), Some(0));
    }
}

#[tokio::test]
async fn a_log_that_is_not_read_stops_neither_the_server_nor_its_end() {
    let mut program = Program::start(11, Stdio::piped());
    let unread = program.child.stderr.take().unwrap();
    fcntl(&unread, FcntlArg::F_SETPIPE_SZ(PIPE_BYTES)).unwrap();
    program.until_live().await;
    for number in 1..=HEARTBEATS {
        program.post(&heartbeat(number)).await;
    }
    program.stop().await;
    drop(unread);
}

#[tokio::test]
async fn one_member_that_starts_all_the_time_is_logged_in_few_lines_and_none_is_warned_of() {
    let path = file("");
    let program = Program::start(12, File::create(&path).unwrap().into());
    program.until_live().await;
    for number in 0..200 {
        let mut heartbeat = heartbeat(1);
        heartbeat["boot_id"] = json!(format!("boot-{number}"));
        heartbeat["uptime_ms"] = json!(0);
        program.post(&heartbeat).await;
    }
    let metrics = program.metrics().await;
    program.stop().await;
    let log = std::fs::read_to_string(path).unwrap();
    let lines = |text: &str| log.lines().filter(|line| line.contains(text)).count();
    // Two in each ten seconds that the test takes.
    assert!((2..=20).contains(&lines("agent heard")), "{log}");
    assert_eq!(lines("MESHVANE_AUTH=none"), 1, "{log}");
    assert!(log.lines().last().unwrap().contains("stopped"), "{log}");
    assert!(metrics.contains("meshvane_log_lines_dropped_total{reason=\"unread\"} 0\n"), "{metrics}");
}
