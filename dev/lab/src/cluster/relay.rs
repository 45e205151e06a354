//! A door from the network outside to a port of the server's loopback.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;

use super::Cluster;
use crate::LabError;
use crate::spec::Where;

/// Connections relayed at a time: a browser opens six to a host, and some scripts beside it. More wait in the
/// listener's backlog.
pub const MAX_RELAYED: usize = 256;
/// How long accepting rests when there are no descriptors left, rather than spin.
const PAUSE: Duration = Duration::from_millis(20);

/// Relays until it is dropped.
#[derive(Debug)]
pub struct Relay {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Cluster {
    /// Serves connections accepted on `listener`, which is bound in the network outside, by copying bytes to
    /// 127.0.0.1:`port` connected from inside the server's namespace: the server sees a loopback peer.
    /// A connection is closed at once while nothing listens there.
    pub fn relay(&self, listener: TcpListener, port: u16) -> Result<Relay, LabError> {
        let netns = self.inner.netns(Where::Server)?;
        listener
            .set_nonblocking(true)
            .map_err(LabError::system("making the relayed listener non-blocking"))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(LabError::system("making the relay's runtime"))?;
        let (stop, stopped) = oneshot::channel();
        let (started, ready) = std::sync::mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("lab-relay".to_owned())
            .spawn(move || {
                let joined = netns.join().and_then(|()| {
                    let _entered = runtime.enter();
                    tokio::net::TcpListener::from_std(listener)
                        .map_err(LabError::system("watching the relayed listener"))
                });
                let listener = match joined {
                    Ok(listener) => listener,
                    Err(error) => {
                        let _unheard = started.send(Err(error));
                        return;
                    }
                };
                let _unheard = started.send(Ok(()));
                runtime.block_on(async {
                    tokio::select! {
                        () = serve(listener, port) => {}
                        _ = stopped => {}
                    }
                });
            })
            .map_err(LabError::system("starting a thread"))?;
        ready.recv().map_err(|_| LabError::Closed)??;
        Ok(Relay { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A panic of that thread was printed when it happened.
            let _ended = thread.join();
        }
    }
}

async fn serve(listener: tokio::net::TcpListener, port: u16) {
    let places = Arc::new(Semaphore::new(MAX_RELAYED));
    let mut connections = JoinSet::new();
    loop {
        let place = Arc::clone(&places).acquire_owned().await.expect("the semaphore is never closed");
        match listener.accept().await {
            Ok((outside, _)) => {
                connections.spawn(async move {
                    copy(outside, port).await;
                    drop(place);
                });
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn copy(mut outside: TcpStream, port: u16) {
    // Either end may break off at any time; that is no event of ours.
    if let Ok(mut inside) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await {
        let _copied = tokio::io::copy_bidirectional(&mut outside, &mut inside).await;
    }
}
