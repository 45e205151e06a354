//! Who answers at an address: `GET /health` over a socket of our own.
//!
//! It is no verdict about the network. An answer without a node (the original's agents give one), an error and a silence
//! say nothing at all; only a node that names itself is heard.

use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::time::Duration;

use hyper::Request;
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, HOST};
use hyper_util::rt::TokioIo;
use meshvane_shared::name::NodeName;
use meshvane_shared::paths;
use meshvane_shared::wire::health::AgentHealthBody;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use super::Answer;

/// Bytes of an answer. Ours has 300; who sends more is no agent.
pub const BODY_BYTES_MAX: usize = 8 << 10;
/// Bytes of the header of an answer, as much again: no less is allowed to be set.
const HEADER_BYTES_MAX: usize = 8 << 10;
/// Bytes that are read of a connection, of whatever they consist: header, body and as much again for the framing. The library reads
/// interim answers (`100 Continue`, RFC 9110 section 15.2) without end; this leaves at most 1,300 of them.
pub const CONNECTION_BYTES_MAX: u64 = 32 << 10;

/// Asks who answers. Ends when the other side does; the schedule sees to its end otherwise.
pub async fn ask(address: SocketAddr) -> Answer {
    let node = exchange(address).await;
    if node.is_none() {
        tracing::trace!(%address, "nobody said who answers");
    }
    Answer::Agent(node)
}

/// Whatever goes wrong says nothing, so it has no error to tell.
async fn exchange(address: SocketAddr) -> Option<NodeName> {
    let stream = connect(address).await?;
    let mut client = http1::Builder::new();
    let client = client.max_buf_size(HEADER_BYTES_MAX);
    let (from_peer, to_peer) = tokio::io::split(stream);
    let stream = tokio::io::join(from_peer.take(CONNECTION_BYTES_MAX), to_peer);
    let (mut sender, connection) = client.handshake::<_, String>(TokioIo::new(stream)).await.ok()?;
    let request = Request::get(paths::AGENT_HEALTH)
        .header(HOST, address.to_string())
        .header(CONNECTION, "close")
        .body(String::new())
        .ok()?;
    let mut connection = pin!(connection);
    let mut answered = pin!(async {
        let answer = sender.send_request(request).await.ok()?;
        let body = read(answer.into_body()).await?;
        serde_json::from_slice::<AgentHealthBody>(&body).ok()?.node
    });
    tokio::select! {
        node = &mut answered => node,
        // The other side may close while the body waits to be read.
        _ = &mut connection => answered.await,
    }
}

async fn connect(address: SocketAddr) -> Option<TcpStream> {
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::STREAM.nonblocking().cloexec(), Some(Protocol::TCP)).ok()?;
    // The close is a reset, as that of the TCP probe: no TIME_WAIT here, no entry that outlives it on the way.
    socket.set_linger(Some(Duration::ZERO)).ok()?;
    // It is under way, or failed at once: which of them shows when the stream becomes writable.
    let _under_way = socket.connect(&address.into());
    let stream = TcpStream::from_std(socket.into()).ok()?;
    stream.writable().await.ok()?;
    stream.take_error().ok()?.is_none().then_some(stream)
}

/// Reads a body to its end, unless it is larger than an agent's can be.
async fn read(mut body: Incoming) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    while let Some(frame) = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let Ok(data) = frame.ok()?.into_data() else {
            continue;
        };
        if bytes.len() + data.len() > BODY_BYTES_MAX {
            return None;
        }
        bytes.extend_from_slice(&data);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests;
