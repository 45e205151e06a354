//! Accepting connections and serving them, within limits.
//!
//! Every connection is a task of the listener's own [`JoinSet`]: when the drain starts the listener takes no more, tells each
//! connection to finish its request, and returns when the last one is closed. Dropping the future aborts them all.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use runtime::Drain;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

use super::inventory::Door;
use super::limits::{BACKLOG, HANDSHAKE_TIME, HEAD_MAX_BYTES, Limits};
use crate::metrics::{ConnectionRefusal, Metrics};
use meshvane_shared::setting::Bind;

mod pace;
mod sources;

use pace::{Pace, Paced};
pub use sources::Peer;
use sources::Sources;

/// Pause after a failed accept: without it a process that is out of file descriptors would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A socket that listens, and its address.
#[derive(Debug)]
pub struct Bound {
    /// Whose routes it serves.
    pub door: Door,
    /// Where it listens; the port is the real one when 0 was asked for.
    pub address: SocketAddr,
    listener: TcpListener,
}

/// Listens on a port.
///
/// # Errors
/// The address that was tried, and why it is not to be had.
pub fn bind(door: Door, bind: Bind, port: u16) -> io::Result<Bound> {
    let address = SocketAddr::new(bind.address(), port);
    let listener = match (open(address), bind) {
        (Ok(listener), _) => listener,
        // A kernel without IPv6 has no socket for it, one with IPv6 switched off has no address.
        (Err(error), Bind::Everywhere) if lacks_ipv6(&error) => {
            open(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port))?
        }
        (Err(error), _) => {
            return Err(io::Error::new(error.kind(), format!("cannot listen on {address}: {error}")));
        }
    };
    let address = listener.local_addr()?;
    Ok(Bound { door, address, listener })
}

fn lacks_ipv6(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrNotAvailable
        || error.kind() == io::ErrorKind::Unsupported
        || is_family_unknown(error)
}

/// `EAFNOSUPPORT`, for which the standard library has no kind.
fn is_family_unknown(error: &io::Error) -> bool {
    error.raw_os_error() == Some(nix::errno::Errno::EAFNOSUPPORT as i32)
}

fn open(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    // A restarted server takes its port back while old connections linger in TIME_WAIT.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// What a listener serves with.
#[derive(Clone)]
pub struct Service {
    /// Answers.
    pub router: Router,
    /// Encrypts, on the API listener with a certificate.
    pub tls: Option<TlsAcceptor>,
    /// How much a connection may be, and take.
    pub limits: Limits,
    /// Whether connections are counted for each source; on the health listener they are not.
    pub by_source: bool,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// When to stop.
    pub drain: Drain,
}

/// Serves until the drain starts and the last connection is closed.
pub async fn serve(bound: Bound, service: Service) {
    let Bound { door, listener, .. } = bound;
    let slots = Arc::new(Semaphore::new(service.limits.connections));
    let sources = Sources::new(service.limits.connections_per_source);
    let mut connections = JoinSet::new();
    let drain = service.drain.clone();
    let mut draining = pin!(drain.started());
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut draining => break,
            Some(_) = connections.join_next() => continue,
            accepted = accept(&listener, &slots) => accepted,
        };
        let (stream, address, slot) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, listener = door.as_str(), "no connection could be accepted");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Some(peer) = admit(&sources, address, service.by_source) else {
            service.metrics.connection_refused(ConnectionRefusal::SourceLimit);
            continue;
        };
        let service = service.clone();
        connections.spawn(async move {
            let open = service.metrics.connection(door.as_str());
            connection(stream, peer, service).await;
            drop((open, slot));
        });
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

type Slot = tokio::sync::OwnedSemaphorePermit;

/// Takes the next connection once there is room for it. Cancel-safe.
async fn accept(listener: &TcpListener, slots: &Arc<Semaphore>) -> io::Result<(TcpStream, SocketAddr, Slot)> {
    let slot = slots.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (stream, address) = listener.accept().await?;
    Ok((stream, address, slot))
}

/// The peer, or none when its address has too many connections that nobody vouches for.
fn admit(sources: &Sources, address: SocketAddr, by_source: bool) -> Option<Peer> {
    let source: IpAddr = address.ip().to_canonical();
    if by_source {
        sources.admit(source).map(|place| Peer::new(address, Some(place)))
    } else {
        Some(Peer::new(address, None))
    }
}

async fn connection(stream: TcpStream, peer: Peer, service: Service) {
    // An answer is one write, so there is nothing for Nagle's algorithm to gather. A failure only costs time.
    let _ = stream.set_nodelay(true);
    let Some(acceptor) = service.tls.clone() else {
        return serve_http(stream, peer, service).await;
    };
    let shaken = tokio::select! {
        shaken = timeout(HANDSHAKE_TIME, acceptor.accept(stream)) => shaken,
        () = service.drain.started() => return,
    };
    match shaken {
        Ok(Ok(stream)) => serve_http(stream, peer, service).await,
        Ok(Err(error)) => {
            service.metrics.connection_refused(ConnectionRefusal::Handshake);
            tracing::debug!(peer = %peer.address, %error, "a TLS handshake failed");
        }
        Err(_) => service.metrics.connection_refused(ConnectionRefusal::Handshake),
    }
}

async fn serve_http(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: Peer,
    service: Service,
) {
    let pace = Pace::new();
    let io = TokioIo::new(Paced::new(stream, pace.clone(), &service.limits));
    let (router, address) = (service.router, peer.address);
    let handler = service_fn({
        let pace = pace.clone();
        move |request: hyper::Request<Incoming>| answer(router.clone(), request, peer.clone(), pace.clone())
    });
    let mut builder = http1::Builder::new();
    // Paced keeps the time: hyper's own timeout for the head also counts the idle time before it.
    builder.header_read_timeout(None).max_buf_size(HEAD_MAX_BYTES);
    let mut connection = pin!(builder.serve_connection(io, handler));
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = service.drain.started() => {
            if !pace.is_handling() {
                return;
            }
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(peer = %address, %error, "a connection broke");
    }
}

async fn answer(
    router: Router,
    request: hyper::Request<Incoming>,
    peer: Peer,
    pace: Pace,
) -> Result<Response, Infallible> {
    let _handling = pace.begin();
    let mut request: Request = request.map(Body::new);
    request.extensions_mut().insert(peer);
    router.oneshot(request).await
}

#[cfg(test)]
mod tests;
