//! Accepting connections and serving them, within limits.
//!
//! Every connection is a task with a place ([`runtime::places`]): when the drain starts the listener takes no
//! more, tells each connection to finish its request, and returns when the last one is closed. Dropping the
//! future aborts them all.
//!
//! ```text
//!   accepted ──> TLS handshake ──> resting ──first byte──> hyper ──┐
//!    (place, unproven)               ^                             │ answers sent
//!                                    └─────────────────────────────┘
//! ```

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use futures_util::FutureExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use meshvane_shared::setting::Bind;
use runtime::{Closed, Drain, Room};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

use super::inventory::Door;
use super::limits::{HANDSHAKE_TIME, HEAD_MAX_BYTES, Limits};
use crate::metrics::{ConnectionRefusal, Metrics};

mod answer;
mod pace;
mod peer;

use answer::{Held, Sent};
use pace::{Pace, Paced};
pub use peer::Peer;

/// A socket that listens, and its address.
#[derive(Debug)]
pub struct Bound {
    /// Whose routes it serves.
    pub door: Door,
    /// Where it listens; the port is the real one when 0 was asked for.
    pub address: SocketAddr,
    listener: std::net::TcpListener,
}

/// Listens on a port.
///
/// # Errors
/// The address that was tried, and why it is not to be had.
pub fn bind(door: Door, bind: Bind, port: u16) -> io::Result<Bound> {
    let listener = runtime::listen(bind, port)?;
    let address = listener.local_addr()?;
    Ok(Bound { door, address, listener })
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
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// When to stop.
    pub drain: Drain,
}

/// Serves until the drain starts and the last connection is closed, or until the runtime cannot watch the
/// socket.
pub async fn serve(bound: Bound, service: Service) {
    let Bound { door, listener, .. } = bound;
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(%error, listener = door.as_str(), "the listening socket cannot be watched");
            return;
        }
    };
    let metrics = service.metrics.clone();
    let room = Room::new(service.limits.places, move |closed| {
        metrics.connection_refused(match closed {
            Closed::Refused => ConnectionRefusal::SourceLimit,
            Closed::Yielded => ConnectionRefusal::Yielded,
        });
    });
    let drain = service.drain.clone();
    let mut connections = runtime::accept(listener, &room, &drain, |stream, address, place| {
        let service = service.clone();
        async move {
            let open = service.metrics.connection(door.as_str());
            connection(stream, Peer::new(address, place), service).await;
            drop(open);
        }
    })
    .await;
    while connections.join_next().await.is_some() {}
}

async fn connection(stream: TcpStream, peer: Peer, service: Service) {
    // An answer is one write, so there is nothing for Nagle's algorithm to gather. A failure only costs time.
    let _ = stream.set_nodelay(true);
    let Some(acceptor) = service.tls.clone() else {
        return serve_http(stream, peer, service).await;
    };
    // In boxes: a plain connection would have the size of an encrypted one otherwise.
    let shaken = tokio::select! {
        shaken = Box::pin(timeout(HANDSHAKE_TIME, acceptor.accept(stream))) => shaken,
        () = service.drain.started() => return,
    };
    match shaken {
        Ok(Ok(stream)) => Box::pin(serve_http(stream, peer, service)).await,
        Ok(Err(error)) => {
            service.metrics.connection_refused(ConnectionRefusal::Handshake);
            tracing::debug!(peer = %peer.address, %error, "a TLS handshake failed");
        }
        Err(_) => service.metrics.connection_refused(ConnectionRefusal::Handshake),
    }
}

async fn serve_http<S>(stream: S, peer: Peer, service: Service)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let pace = Pace::new();
    let mut stream = Paced::new(stream, pace.clone(), &service.limits);
    loop {
        let begun = tokio::select! {
            begun = stream.begun() => begun,
            () = service.drain.started() => return,
        };
        if begun.is_err() {
            return;
        }
        // In a box, which a resting connection has not.
        match Box::pin(requests(stream, &pace, &peer, &service)).await {
            Some(resting) => stream = resting,
            None => return,
        }
    }
}

/// Serves requests until the connection rests, and returns its stream then.
async fn requests<S>(stream: Paced<S>, pace: &Pace, peer: &Peer, service: &Service) -> Option<Paced<S>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let handler = service_fn({
        let (router, peer, pace) = (service.router.clone(), peer.clone(), pace.clone());
        move |request: hyper::Request<Incoming>| answer(router.clone(), request, peer.clone(), &pace)
    });
    let mut builder = http1::Builder::new();
    // Paced keeps the time: hyper's own timeout for the head also counts the idle time before it.
    builder.header_read_timeout(None).max_buf_size(HEAD_MAX_BYTES);
    let mut connection = builder.serve_connection(TokioIo::new(stream), handler);
    let ended = tokio::select! {
        ended = poll_fn(|context| match connection.poll_unpin(context) {
            Poll::Ready(ended) => Poll::Ready(Some(ended)),
            Poll::Pending if pace.is_resting() => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }) => ended,
        () = service.drain.started() => {
            if !pace.is_handling() {
                return None;
            }
            let mut connection = pin!(connection);
            connection.as_mut().graceful_shutdown();
            note_end(peer, connection.await);
            return None;
        }
    };
    if let Some(ended) = ended {
        note_end(peer, ended);
        return None;
    }
    let parts = connection.into_parts();
    let mut stream = parts.io.into_inner();
    stream.read_again(parts.read_buf);
    Some(stream)
}

fn note_end(peer: &Peer, ended: hyper::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!(peer = %peer.address, %error, "a connection broke");
    }
}

/// Answers a request. What it is counts from now on, and not from when the returned future is polled first.
fn answer(
    router: Router,
    request: hyper::Request<Incoming>,
    peer: Peer,
    pace: &Pace,
) -> impl Future<Output = Result<Response, Infallible>> + use<> {
    let (handling, answering) = pace.begin();
    let busy = peer.busy();
    let mut request: Request = request.map(|body| Body::new(Sent::new(body, pace.clone())));
    request.extensions_mut().insert(peer);
    async move {
        let response = router.oneshot(request).await?;
        drop(handling);
        Ok(response.map(|body| Body::new(Held::new(body, (answering, busy)))))
    }
}
