//! Answers on our three ports: who we are, whether we live, and what we counted. The only place that knows
//! the web framework.
//!
//! A connection carries one request. When a port has as many connections as it may, the oldest one yields to
//! the next: accepting never stops, so a peer's connect never fails for what others send us.

use std::future::ready;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use meshvane_shared::paths;
use runtime::places::PlaceLimits;
use runtime::{Drain, Liveness, Room, Wish};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::courier::Mailbox;
use crate::identity::Identity;
use crate::metrics::{self, Metrics};
use crate::readiness::{NotReady, Readiness};

/// Connections of `CLIENT_PORT` that are served together. Each carries one small request and costs 20 KiB for
/// a moment.
pub const CONNECTIONS_MAX: usize = 128;
/// Those of one source: a peer has one or two, and peers behind one address hold each for a round trip.
pub const CONNECTIONS_PER_SOURCE_MAX: usize = 16;
/// Connections of the metrics port: a pair of Prometheus servers has two.
pub const METRICS_CONNECTIONS_MAX: usize = 32;
/// Those of one source.
pub const METRICS_PER_SOURCE_MAX: usize = 8;
/// Connections of the health port: the kubelet has two, a probe of each kind.
pub const HEALTH_CONNECTIONS_MAX: usize = 64;
/// Those of one source.
pub const HEALTH_PER_SOURCE_MAX: usize = 8;
/// Time from the connection to the first byte of a request, and from there to the end of its header.
pub const HEADER_LIMIT: Duration = Duration::from_secs(5);
/// Time for a whole connection.
pub const CONNECTION_LIMIT: Duration = Duration::from_secs(10);
/// Bytes of a request's header.
pub const HEADER_BYTES_MAX: usize = 8 << 10;
/// Files that are kept from these connections: probes in flight (64 of each of three engines), questions to
/// residents (16), sockets of ICMP (2), three listeners, standard streams, the server's connections (8), what
/// two runtimes wait with (12), and some for files that are read.
pub const FILES_KEPT: usize = 240;

/// The places of each port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortPlaces {
    /// `CLIENT_PORT`
    pub client: PlaceLimits,
    /// `MESHVANE_METRICS_PORT`
    pub metrics: PlaceLimits,
    /// `MESHVANE_HEALTH_PORT`
    pub health: PlaceLimits,
}

impl PortPlaces {
    /// Gives each port the connections for which there are files; health comes first.
    pub fn within_files() -> Self {
        let [health, client, metrics] = runtime::share_files(
            FILES_KEPT,
            [
                Wish { wanted: HEALTH_CONNECTIONS_MAX, least: 4 },
                Wish { wanted: CONNECTIONS_MAX, least: 8 },
                Wish { wanted: METRICS_CONNECTIONS_MAX, least: 2 },
            ],
        );
        let places = |all: usize, per_source: usize| PlaceLimits::unproven(all, per_source.min(all));
        Self {
            client: places(client, CONNECTIONS_PER_SOURCE_MAX),
            metrics: places(metrics, METRICS_PER_SOURCE_MAX),
            health: places(health, HEALTH_PER_SOURCE_MAX),
        }
    }
}

/// What the client port answers: who we are, and health for charts from before the health port.
///
/// # Panics
/// Never: the body is made of texts.
pub fn client_router(identity: &Arc<Identity>, liveness: &Liveness, readiness: &Readiness) -> Router {
    let health = serde_json::to_string(&identity.health()).expect("names and texts are JSON");
    let json = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
    health_router(liveness, readiness).route(paths::AGENT_HEALTH, get(move || ready((json, health.clone()))))
}

/// What the health port answers. It has a thread of its own: `/livez` says whether the main thread gets on,
/// which it shows every [`runtime::BEAT`], and `/readyz` whether every part is up.
pub fn health_router(liveness: &Liveness, readiness: &Readiness) -> Router {
    let (liveness, readiness) = (liveness.clone(), readiness.clone());
    Router::new()
        .route(
            paths::LIVEZ,
            get(move || ready(said(liveness.is_alive(), "not alive: the main thread is stuck\n"))),
        )
        .route(paths::READYZ, get(move || ready(said(readiness.is_ready(), "not ready\n"))))
}

fn said(is_well: bool, otherwise: &'static str) -> (StatusCode, &'static str) {
    if is_well { (StatusCode::OK, "ok\n") } else { (StatusCode::SERVICE_UNAVAILABLE, otherwise) }
}

/// What the metrics port answers.
pub fn metrics_router(metrics: Metrics, mailbox: Arc<Mailbox>) -> Router {
    let kind = [(header::CONTENT_TYPE, metrics::MEDIA_TYPE)];
    Router::new().route(paths::METRICS, get(move || ready((kind, metrics::text(&metrics, &mailbox)))))
}

/// Serves a router until the drain starts, or until the runtime cannot watch the socket; connections that are
/// open then are closed.
pub async fn serve(
    listener: TcpListener,
    places: PlaceLimits,
    router: Router,
    drain: Drain,
    not_ready: NotReady,
) {
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(%error, "the listening socket cannot be watched");
            return;
        }
    };
    drop(not_ready);
    // What yields is no news: whoever opens many connections competes with itself.
    let room = Room::new(places, |_closed| {});
    let connections = runtime::accept(listener, &room, &drain, |stream, _, place| {
        let router = router.clone();
        async move {
            answer(stream, router).await;
            drop(place);
        }
    });
    drop(connections.await);
}

async fn answer(stream: TcpStream, router: Router) {
    // A peer's probe connects and says nothing: it costs no buffers.
    let Ok(Ok(())) = timeout(HEADER_LIMIT, stream.readable()).await else {
        return;
    };
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
