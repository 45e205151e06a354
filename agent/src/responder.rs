//! Answers on our two ports: who we are, and what we counted. The only place that knows the web framework.
//!
//! A connection carries one request. Above the limit of connections we stop accepting and the kernel goes on to complete
//! handshakes in the backlog, so a peer's connect never fails for our load.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use meshvane_shared::paths;
use runtime::Drain;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::courier::Mailbox;
use crate::identity::Identity;
use crate::metrics::{self, Metrics};
use crate::readiness::{NotReady, Readiness};
use meshvane_shared::setting::Bind;

/// Handshakes that the kernel completes for us while we are busy: a mesh of thousands may connect within one second.
pub const BACKLOG: i32 = 4096;
/// Connections that are served together. Each is a few kilobytes and, as it carries one small request, short.
pub const CONNECTIONS_MAX: usize = 128;
/// Time from the connection to the end of the request's header.
pub const HEADER_LIMIT: Duration = Duration::from_secs(5);
/// Time for a whole connection.
pub const CONNECTION_LIMIT: Duration = Duration::from_secs(10);
/// Bytes of a request's header.
pub const HEADER_BYTES_MAX: usize = 8 << 10;
/// How long to wait when no connection can be accepted for want of files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Opens a listening socket.
///
/// # Errors
/// What the kernel says.
pub fn listen(bind: Bind, port: u16) -> io::Result<TcpListener> {
    match open(SocketAddr::new(bind.address(), port)) {
        Err(error) if bind == Bind::Everywhere && is_without_ipv6(&error) => {
            open(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port))
        }
        opened => opened,
    }
}

/// A kernel without IPv6 knows no such family, or has no address of it.
fn is_without_ipv6(error: &io::Error) -> bool {
    use nix::errno::Errno;
    matches!(
        error.raw_os_error().map(Errno::from_raw),
        Some(Errno::EAFNOSUPPORT | Errno::EADDRNOTAVAIL | Errno::EPROTONOSUPPORT)
    )
}

fn open(address: SocketAddr) -> io::Result<TcpListener> {
    let socket =
        Socket::new(Domain::for_address(address), Type::STREAM.nonblocking().cloexec(), Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// What the client port answers.
///
/// # Panics
/// Never: the body is made of texts.
pub fn client_router(identity: &Arc<Identity>, readiness: &Readiness) -> Router {
    let health = serde_json::to_string(&identity.health()).expect("names and texts are JSON");
    let readiness = readiness.clone();
    let json = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
    Router::new()
        .route(paths::AGENT_HEALTH, get(move || std::future::ready((json, health.clone()))))
        .route(paths::LIVEZ, get(|| std::future::ready("ok\n")))
        .route(
            paths::READYZ,
            get(move || {
                std::future::ready(if readiness.is_ready() {
                    (StatusCode::OK, "ok\n")
                } else {
                    (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
                })
            }),
        )
}

/// What the metrics port answers.
pub fn metrics_router(metrics: Metrics, mailbox: Arc<Mailbox>) -> Router {
    let kind = [(header::CONTENT_TYPE, metrics::MEDIA_TYPE)];
    Router::new()
        .route(paths::METRICS, get(move || std::future::ready((kind, metrics::text(&metrics, &mailbox)))))
}

/// Serves a router until the drain starts; connections that are open then are closed.
///
/// # Panics
/// Never: the places are not closed while they are handed out.
pub async fn serve(listener: TcpListener, router: Router, drain: Drain, not_ready: NotReady) {
    drop(not_ready);
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    let drained = drain.started();
    tokio::pin!(drained);
    loop {
        let place = tokio::select! {
            () = &mut drained => return,
            place = Arc::clone(&places).acquire_owned() => {
                place.expect("the semaphore is never closed")
            }
        };
        let accepted = tokio::select! {
            () = &mut drained => return,
            accepted = listener.accept() => accepted,
        };
        // Those that ended are forgotten, so the set holds no more than the limit and this one.
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, _)) => {
                let router = router.clone();
                connections.spawn(async move {
                    answer(stream, router).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::debug!(%error, "no connection could be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn answer(stream: TcpStream, router: Router) {
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_LIMIT)
        .max_buf_size(HEADER_BYTES_MAX)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    match timeout(CONNECTION_LIMIT, connection).await {
        Ok(Ok(())) => {}
        // Peers connect and say nothing: that is their probe, and no news.
        Ok(Err(error)) => tracing::trace!(%error, "a connection ended early"),
        Err(_) => tracing::debug!("a connection took too long"),
    }
}
