//! The limits of the HTTP side, each with its reason.

use std::time::Duration;

use runtime::places::PlaceLimits;

/// A request's head must be complete this long after its first byte: it fits one packet, so more is a
/// slow-loris attack.
pub const HEADER_TIME: Duration = Duration::from_secs(5);
/// A TLS handshake must be complete in this time: two round trips and a signature.
pub const HANDSHAKE_TIME: Duration = Duration::from_secs(5);
/// A connection without a request is closed after this. Clients drop idle connections after 60 s at the
/// latest; the server must be the later one, or a request meets a closing connection.
pub const IDLE_TIME: Duration = Duration::from_secs(75);
/// A request's body must be complete this long after its head: 1 MiB at 2 Mbit/s takes 4 s.
pub const BODY_TIME: Duration = Duration::from_secs(5);
/// A client that takes no byte of an answer for this long is gone: TCP has then retried five times.
pub const WRITE_TIME: Duration = Duration::from_secs(10);
/// Connections of the API in all: 5,000 agents hold two each (a long poll and a post), and readers get the
/// rest.
///
/// What they cost in memory: a silent connection is its socket and some KiB; with a request it is 28 KiB, for
/// a head in a buffer that grows to [`HEAD_MAX_BYTES`] and 8 KiB for the answer's head (measured: 512
/// unfinished heads of 3 kB are 14 MB). So what needs no agent's token takes at most (512 unproven + 256
/// readers) * 28 KiB = 21 MiB of the 256 MiB of the chart. Bodies have a budget of their own.
pub const CONNECTIONS_MAX: usize = 12_000;
/// Connections that have proved nothing, of all sources: those of the agents of a large mesh that start
/// together, for as long as their tokens are looked at. Few, because this is what anybody can make the server
/// hold.
pub const UNPROVEN_MAX: usize = 512;
/// Connections of one source that have proved nothing: a browser opens six; an agent needs two.
pub const UNPROVEN_PER_SOURCE_MAX: usize = 32;
/// Connections of readers, of all sources: dashboards and people. A reader's next connection takes the place
/// of the one that has been idle for longest.
pub const READERS_MAX: usize = 256;
/// Connections of readers, of one source: ten browsers behind one proxy, or behind one `kubectl
/// port-forward`.
pub const READERS_PER_SOURCE_MAX: usize = 64;
/// Connections of one agent that Kubernetes vouches for: it uses three, and some may hang where the network
/// was cut.
pub const PER_AGENT_MAX: usize = 16;
/// Connections of agents of one source address that show the shared token, or none where none is asked for: a long poll and
/// a post of each of 1,000 agents behind one address. Where a mesh behind one address is larger, idle ones yield to others.
/// So whoever holds the token takes 2,048 * 28 KiB = 56 MiB from one address.
pub const AGENTS_PER_SOURCE_MAX: usize = 2_048;
/// Long polls that are kept open for one source address, of those whose node nothing proves: half of
/// [`AGENTS_PER_SOURCE_MAX`], so that posts find places beside them. The oldest one above it is answered "nothing new"; an
/// agent asks again a second later (`EARLY_SPACING`).
pub const LONG_POLLS_PER_SOURCE_MAX: usize = AGENTS_PER_SOURCE_MAX / 2;
/// A connection that has proved nothing keeps its place for this long: a request follows its handshake within
/// a round trip, and a token is looked at within milliseconds. The time in which it is decided whose the
/// connection is does not count.
pub const UNPROVEN_GRACE: Duration = Duration::from_millis(250);
/// Connections of the health listener, all unproven: kubelets, load balancers and a person. It answers at
/// once, so a place is needed for a round trip.
pub const HEALTH_CONNECTIONS_MAX: usize = 256;
/// Connections of the health listener of one source: a kubelet has two, a probe of each kind.
pub const HEALTH_PER_SOURCE_MAX: usize = 16;
/// On the health listener, a request's head must be complete this long after its first byte: below the
/// shortest timeout of the chart's probes.
pub const HEALTH_HEADER_TIME: Duration = Duration::from_secs(1);
/// The health listener closes a connection without a request after this: above the period of most load
/// balancers (10 s).
pub const HEALTH_IDLE_TIME: Duration = Duration::from_secs(15);
/// Connections of the metrics listener: a pair of Prometheus servers keeps one each.
pub const METRICS_CONNECTIONS_MAX: usize = 64;
/// Connections of the metrics listener of one source: with eight, eight sources are needed to compete with a
/// scraper at all.
pub const METRICS_PER_SOURCE_MAX: usize = 8;
/// Files that are kept from connections: three listeners, standard streams, what two runtimes wait with (12),
/// token and certificate files (4), and the API server's watches and reviews (20).
pub const FILES_KEPT: usize = 40;
/// Connections that the health listener has where files are scarce: two sources' probes.
pub const HEALTH_CONNECTIONS_LEAST: usize = 8;
/// Connections that the metrics listener has where files are scarce.
pub const METRICS_CONNECTIONS_LEAST: usize = 4;
/// Connections that the API has where files are scarce: three agents and some readers.
pub const CONNECTIONS_LEAST: usize = 12;
/// Bytes of a request's head, the line and the headers: a service-account token has 2 KiB. hyper answers 431
/// above it.
pub const HEAD_MAX_BYTES: usize = 16 * 1024;
/// Bytes of a request's body as sent by a believed writer: a round on 5,000 targets without compression.
pub const BODY_MAX_BYTES: usize = 1024 * 1024;
/// The same after decompression; gzip shrinks a round to a tenth, and this bounds what a bomb can unpack.
pub const DECODED_MAX_BYTES: usize = 4 * 1024 * 1024;
/// Bytes of any body that is small by nature (a heartbeat, a service's result), before and after
/// decompression.
pub const SMALL_BODY_MAX_BYTES: usize = 64 * 1024;
/// Bytes, as sent, of all large bodies that arrive at the same time: twelve of the largest. Those after them
/// wait unread.
pub const LARGE_BODIES_MAX_BYTES: usize = 12 * BODY_MAX_BYTES;
/// The same of one writer: an agent sends one round at a time, and its former connection may not have ended
/// yet.
pub const LARGE_BODIES_PER_WRITER_BYTES: usize = 2 * BODY_MAX_BYTES;
/// Bytes of all small bodies that arrive at the same time: 3,000 heartbeats of 600 bytes.
pub const SMALL_BODIES_MAX_BYTES: usize = 2 * 1024 * 1024;
/// The same of one writer: 400 heartbeats from behind one address.
pub const SMALL_BODIES_PER_WRITER_BYTES: usize = 4 * SMALL_BODY_MAX_BYTES;
/// Bytes of a body, as sent and after decompression, up to which it is unpacked, parsed and taken on the thread that serves: a
/// round of a mesh of 300 nodes, some tenths of a millisecond. A longer one would keep heartbeats waiting (4 MiB: 30 ms and
/// more), so it goes to a thread of its own.
pub const BODY_AT_ONCE_MAX_BYTES: usize = SMALL_BODY_MAX_BYTES;
/// Long bodies that are unpacked, parsed and taken at the same time: each takes up to [`DECODED_MAX_BYTES`] and what is made
/// of it, and with a second one, nothing would be done sooner on the two processors that a server usually has.
pub const BODIES_ASIDE_MAX: usize = 1;
/// A body waits this long for its place: two of [`BODY_PACE_EVERY`], after which a stalled one has made room,
/// and as long again.
pub const BODY_WAIT: Duration = Duration::from_secs(2);
/// How often it is looked whether a body keeps its pace while another waits for its place.
pub const BODY_PACE_EVERY: Duration = Duration::from_millis(500);
/// Bytes that arrive in [`BODY_PACE_EVERY`] on the slowest link that is served, 2 Mbit/s, as for
/// [`BODY_TIME`].
pub const BODY_PACE_BYTES: usize = 125_000;
/// Bytes that are read and thrown away of a body whose sender has no right to write, so that it sees the refusal
/// and not a reset.
pub const UNBELIEVED_BODY_MAX_BYTES: usize = 64 * 1024;
/// Bytes that are read and thrown away of a believed writer's body that is too large, for the same reason.
pub const OVERSIZE_DISCARD_MAX_BYTES: usize = 8 * 1024 * 1024;
/// Levels of arrays and objects in a body: the deepest of ours has seven, and Go's decoder gives up at
/// 10,000.
pub const DEPTH_MAX: usize = 32;
/// Results in one post of an original agent: it tests each of 5,000 nodes once on either plane.
pub const RESULTS_MAX: usize = 10_000;
/// Bytes of one result of an original agent: it has about 250; this leaves room for many ports and bounds
/// what is unpacked.
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
    /// [`LONG_POLLS_PER_SOURCE_MAX`]
    pub long_polls_per_source: usize,
    /// Places of the API's connections.
    pub places: PlaceLimits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header_time: HEADER_TIME,
            idle_time: IDLE_TIME,
            body_time: BODY_TIME,
            body_wait: BODY_WAIT,
            write_time: WRITE_TIME,
            long_polls_per_source: LONG_POLLS_PER_SOURCE_MAX,
            places: PlaceLimits {
                unproven: UNPROVEN_MAX,
                unproven_per_source: UNPROVEN_PER_SOURCE_MAX,
                proven: CONNECTIONS_MAX - UNPROVEN_MAX,
                readers: READERS_MAX,
                readers_per_source: READERS_PER_SOURCE_MAX,
                per_agent: PER_AGENT_MAX,
                agents_per_source: AGENTS_PER_SOURCE_MAX,
                grace: UNPROVEN_GRACE,
            },
        }
    }
}

impl Limits {
    /// The same for the health listener, with places for so many connections.
    pub fn of_health(self, connections: usize) -> Self {
        let places = PlaceLimits::unproven(connections, HEALTH_PER_SOURCE_MAX.min(connections));
        Self {
            header_time: HEALTH_HEADER_TIME.min(self.header_time),
            idle_time: HEALTH_IDLE_TIME.min(self.idle_time),
            places,
            ..self
        }
    }

    /// The same for the metrics listener, with places for so many connections.
    pub fn of_metrics(self, connections: usize) -> Self {
        let per_source = METRICS_PER_SOURCE_MAX.min(connections);
        Self { places: PlaceLimits::unproven(connections, per_source), ..self }
    }

    /// The same for the API with places for no more than so many connections; half of them may be unproven.
    pub fn of_api(self, connections: usize) -> Self {
        let unproven = self.places.unproven.min(connections / 2);
        let proven = self.places.proven.min(connections - unproven);
        Self { places: PlaceLimits { unproven, proven, ..self.places }, ..self }
    }
}
