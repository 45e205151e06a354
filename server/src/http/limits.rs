//! The limits of the HTTP side, each with its reason.

use std::time::Duration;

/// A request's head must be complete this long after its first byte: it fits one packet, so more is a slow-loris attack.
pub const HEADER_TIME: Duration = Duration::from_secs(5);
/// A TLS handshake must be complete in this time: two round trips and a signature.
pub const HANDSHAKE_TIME: Duration = Duration::from_secs(5);
/// A connection without a request is closed after this. Clients drop idle connections after 60 s at the latest; the server
/// must be the later one, or a request meets a closing connection.
pub const IDLE_TIME: Duration = Duration::from_secs(75);
/// A request's body must be complete this long after its head: 1 MiB at 2 Mbit/s takes 4 s.
pub const BODY_TIME: Duration = Duration::from_secs(5);
/// A client that takes no byte of an answer for this long is gone: TCP has then retried five times.
pub const WRITE_TIME: Duration = Duration::from_secs(10);
/// Connections of the API in all: 5,000 agents hold two each (a long poll and a post), and readers get the rest.
pub const CONNECTIONS_MAX: usize = 12_000;
/// Connections of one source address none of whose requests was believed yet: a browser opens six; an agent needs two.
pub const CONNECTIONS_PER_SOURCE_MAX: usize = 32;
/// Connections of the health listener: kubelets, load balancers and a person; it must answer when the API is full.
pub const HEALTH_CONNECTIONS_MAX: usize = 256;
/// Connections of the metrics listener: a pair of Prometheus servers keeps one each.
pub const METRICS_CONNECTIONS_MAX: usize = 64;
/// Connections that wait to be accepted: all agents come at once when the server restarts.
pub const BACKLOG: i32 = 4096;
/// Bytes of a request's head, the line and the headers: a service-account token has 2 KiB. hyper answers 431 above it.
pub const HEAD_MAX_BYTES: usize = 16 * 1024;
/// Bytes of a request's body as sent by a believed writer: a round on 5,000 targets without compression.
pub const BODY_MAX_BYTES: usize = 1024 * 1024;
/// The same after decompression; gzip shrinks a round to a tenth, and this bounds what a bomb can unpack.
pub const DECODED_MAX_BYTES: usize = 4 * 1024 * 1024;
/// Bytes of any body that is small by nature (a heartbeat, a service's result), before and after decompression.
pub const SMALL_BODY_MAX_BYTES: usize = 64 * 1024;
/// Bytes, as sent, of all large bodies that arrive at the same time: twelve of the largest. Those after them wait unread.
pub const LARGE_BODIES_MAX_BYTES: usize = 12 * BODY_MAX_BYTES;
/// The same of one writer: an agent sends one round at a time, and its former connection may not have ended yet.
pub const LARGE_BODIES_PER_WRITER_BYTES: usize = 2 * BODY_MAX_BYTES;
/// Bytes of all small bodies that arrive at the same time: 3,000 heartbeats of 600 bytes.
pub const SMALL_BODIES_MAX_BYTES: usize = 2 * 1024 * 1024;
/// The same of one writer: 400 heartbeats from behind one address.
pub const SMALL_BODIES_PER_WRITER_BYTES: usize = 4 * SMALL_BODY_MAX_BYTES;
/// A body waits this long for its place: two of [`BODY_PACE_EVERY`], after which a stalled one has made room, and as long again.
pub const BODY_WAIT: Duration = Duration::from_secs(2);
/// How often it is looked whether a body keeps its pace while another waits for its place.
pub const BODY_PACE_EVERY: Duration = Duration::from_millis(500);
/// Bytes that arrive in [`BODY_PACE_EVERY`] on the slowest link that is served, 2 Mbit/s, as for [`BODY_TIME`].
pub const BODY_PACE_BYTES: usize = 125_000;
/// Bytes that are read and thrown away of a body that nobody believes, so that its sender sees the refusal and not a reset.
pub const UNBELIEVED_BODY_MAX_BYTES: usize = 64 * 1024;
/// Bytes that are read and thrown away of a believed writer's body that is too large, for the same reason.
pub const OVERSIZE_DISCARD_MAX_BYTES: usize = 8 * 1024 * 1024;
/// Levels of arrays and objects in a body: the deepest of ours has seven, and Go's decoder gives up at 10,000.
pub const DEPTH_MAX: usize = 32;
/// Results in one post of an original agent: it tests each of 5,000 nodes once on either plane.
pub const RESULTS_MAX: usize = 10_000;
/// Bytes of one result of an original agent: it has about 250; this leaves room for many ports and bounds what is unpacked.
pub const RESULT_MAX_BYTES: usize = 16 * 1024;
/// Bytes of a query: the longest of ours has about 100.
pub const QUERY_MAX_BYTES: usize = 2048;

/// The limits that a test shortens; the program runs with the constants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// [`HEADER_TIME`]
    pub header_time: Duration,
    /// [`IDLE_TIME`]
    pub idle_time: Duration,
    /// [`BODY_TIME`]
    pub body_time: Duration,
    /// [`BODY_WAIT`]
    pub body_wait: Duration,
    /// [`WRITE_TIME`]
    pub write_time: Duration,
    /// [`CONNECTIONS_MAX`]
    pub connections: usize,
    /// [`CONNECTIONS_PER_SOURCE_MAX`]
    pub connections_per_source: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_time: HEADER_TIME,
            idle_time: IDLE_TIME,
            body_time: BODY_TIME,
            body_wait: BODY_WAIT,
            write_time: WRITE_TIME,
            connections: CONNECTIONS_MAX,
            connections_per_source: CONNECTIONS_PER_SOURCE_MAX,
        }
    }
}
