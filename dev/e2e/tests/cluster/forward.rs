//! A forwarded port that comes back when its pod was replaced, or when what forwards it went deaf: kubectl goes on running
//! when its connection broke while the API server was away.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// Before it is tried again: the pod behind it is being made.
const PAUSE: Duration = Duration::from_millis(200);
/// Between two looks whether it works, and how long one may take.
const LOOK: Duration = Duration::from_secs(2);
/// So many looks without an answer end it: more than a server needs that is busy.
const LOOKS: u32 = 5;

/// A forwarded port.
#[derive(Debug)]
pub(crate) struct Forward {
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Forward {
    /// Forwards a free port of this machine to a service's port.
    pub(crate) fn open(namespace: &str, service: &str, port: u16) -> Self {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        let arguments = [
            "-n".to_owned(),
            namespace.to_owned(),
            "port-forward".to_owned(),
            format!("svc/{service}"),
            format!("{}:{port}", free.port()),
        ];
        let task = tokio::spawn(async move {
            loop {
                let mut command = Command::new("kubectl");
                command.args(&arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
                let mut child = command.kill_on_drop(true).spawn().unwrap();
                tokio::select! {
                    // It ends when the pod does.
                    _ended = child.wait() => {}
                    () = goes_deaf(free) => {
                        // It may have ended by itself just now.
                        let _ended = child.kill().await;
                    }
                }
                sleep(PAUSE).await;
            }
        });
        Self { address: free, task }
    }
}

/// Resolves when nothing has come back from the port for some looks.
async fn goes_deaf(address: SocketAddr) {
    let mut missed = 0;
    while missed < LOOKS {
        sleep(LOOK).await;
        let answers = timeout(LOOK, answers(address)).await.unwrap_or_default();
        missed = if answers { 0 } else { missed + 1 };
    }
}

/// Tells whether whoever is behind the port says anything at all: also one that speaks TLS has a word against this request.
async fn answers(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(address).await else { return false };
    let asked = stream.write_all(b"GET /livez HTTP/1.0\r\n\r\n").await;
    asked.is_ok() && stream.read_u8().await.is_ok()
}

impl Drop for Forward {
    fn drop(&mut self) {
        self.task.abort();
    }
}
