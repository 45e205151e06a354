//! A forwarded port that comes back when its pod was replaced.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::task::JoinHandle;

/// Before it is tried again: the pod behind it is being made.
const PAUSE: Duration = Duration::from_millis(200);

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
                // It ends when the pod does.
                let _ended = child.wait().await;
                tokio::time::sleep(PAUSE).await;
            }
        });
        Self { address: free, task }
    }
}

impl Drop for Forward {
    fn drop(&mut self) {
        self.task.abort();
    }
}
