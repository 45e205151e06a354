//! The listeners of nodes, on [`HOST_PORT`](super::HOST_PORT), and of services: they accept and close.
//!
//! One thread serves all nodes. A connect needs no turn of it: the kernel completes connections up to the
//! backlog by itself, so the port answers promptly however busy the machine is.

use std::net::{Ipv6Addr, SocketAddr, TcpListener};
use std::thread::JoinHandle;
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::LabError;
use crate::netns::Netns;
use crate::spec::MAX_NODES;

/// Connections the kernel completes ahead of us: every node of the largest cluster, some times over.
const BACKLOG: i32 = 1024;
/// How long accepting rests when there are no descriptors left, rather than spin.
const PAUSE: Duration = Duration::from_millis(20);

#[derive(Debug)]
pub(super) struct Acceptor {
    /// `None` only while dropping. Room for the listener of every node there can be.
    listeners: Option<mpsc::Sender<TcpListener>>,
    thread: Option<JoinHandle<()>>,
}

impl Acceptor {
    pub(super) fn start() -> Result<Self, LabError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(LabError::system("making the runtime of the nodes' listeners"))?;
        let (sender, receiver) = mpsc::channel(MAX_NODES);
        let thread = std::thread::Builder::new()
            .name("lab-acceptor".to_owned())
            .spawn(move || runtime.block_on(accept_on_all(receiver)))
            .map_err(LabError::system("starting a thread"))?;
        Ok(Acceptor { listeners: Some(sender), thread: Some(thread) })
    }

    /// Listens on this port in this namespace, from the return of this call on.
    pub(super) fn listen(&self, place: &Netns, port: u16) -> Result<(), LabError> {
        let bound = place.run(|| bind(port))?;
        let listener = bound.map_err(LabError::system(format!("listening on port {port}")))?;
        let sender = self.listeners.as_ref().ok_or(LabError::Closed)?;
        sender.try_send(listener).map_err(|_| LabError::Closed)
    }
}

impl Drop for Acceptor {
    fn drop(&mut self) {
        self.listeners = None;
        if let Some(thread) = self.thread.take() {
            // A panic of that thread was printed when it happened.
            let _ended = thread.join();
        }
    }
}

fn bind(port: u16) -> std::io::Result<TcpListener> {
    let any = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
    let socket = Socket::new(Domain::IPV6, Type::STREAM, None)?;
    socket.set_only_v6(false)?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&any.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

async fn accept_on_all(mut listeners: mpsc::Receiver<TcpListener>) {
    let mut tasks = JoinSet::new();
    while let Some(listener) = listeners.recv().await {
        if let Ok(listener) = tokio::net::TcpListener::from_std(listener) {
            tasks.spawn(accept_and_close(listener));
        }
    }
}

async fn accept_and_close(listener: tokio::net::TcpListener) {
    loop {
        match listener.accept().await {
            Ok((connection, _)) => drop(connection),
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}
