//! Places of connections: which one yields to a newcomer, on each listener.

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use allocation_counter::measure;
use meshvane_server::config::{AuthConfig, Config, TlsFiles};
use meshvane_server::http::limits::HEALTH_PER_SOURCE_MAX;
use rcgen::generate_simple_self_signed;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::{
    AGENTS_TOKEN, READERS_TOKEN, Server, ask, connect_from, file, get_on, heartbeat, open, with_tokens,
};

/// Longer than any step here takes.
const PATIENCE: Duration = Duration::from_secs(20);
/// Where an attacker is, and where others are.
const ATTACKER: [u8; 4] = [127, 0, 0, 66];
const AGENT: [u8; 4] = [127, 0, 0, 2];
const READER: [u8; 4] = [127, 0, 0, 3];

/// A server with few places and without grace, so that whoever must yield does so at once.
fn small(mut config: Config) -> Config {
    let places = &mut config.limits.places;
    (places.unproven, places.unproven_per_source) = (8, 2);
    (places.readers, places.readers_per_source) = (6, 3);
    places.grace = Duration::ZERO;
    config
}

/// Whether the other side has closed a connection; it has had its turn by then.
async fn is_closed(stream: &mut TcpStream) -> bool {
    timeout(Duration::from_millis(50), stream.read_u8()).await.is_ok_and(|read| read.is_err())
}

async fn count_open(streams: &mut [TcpStream]) -> usize {
    let mut open = 0;
    for stream in streams {
        open += usize::from(!is_closed(stream).await);
    }
    open
}

/// Silent connections of 16 sources, each more than one source may have.
async fn flood(to: SocketAddr) -> Vec<TcpStream> {
    let mut silent = Vec::new();
    for number in 0..16 {
        for _ in 0..4 {
            silent.push(connect_from([127, 0, 1, number], to).await);
        }
    }
    silent
}

fn post_heartbeat(token: &str) -> String {
    let body = heartbeat(1).to_string();
    let length = body.len();
    format!(
        "POST /api/v1/heartbeat HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

#[tokio::test]
async fn the_oldest_connection_of_a_source_that_proves_nothing_yields_to_its_next() {
    let server = Server::start(small(with_tokens())).await;
    let mut streams = Vec::new();
    for _ in 0..3 {
        let mut stream = connect_from(ATTACKER, server.addresses.api).await;
        assert!(get_on(&mut stream, "/api/v1/health", "").await.unwrap().starts_with("HTTP/1.1 200"));
        streams.push(stream);
    }
    assert!(is_closed(&mut streams[0]).await, "the oldest one is open");
    // A wrong token proves nothing, and costs the next one its place.
    let mut wrong = connect_from(ATTACKER, server.addresses.api).await;
    assert!(get_on(&mut wrong, "/api/v1/hosts", "wrong").await.unwrap().starts_with("HTTP/1.1 401"));
    assert_eq!(count_open(&mut streams).await, 1);
}

#[tokio::test]
async fn connections_that_only_just_arrived_are_not_closed_for_the_next_which_is_refused() {
    let mut config = small(with_tokens());
    config.limits.places.grace = Duration::from_hours(1);
    let server = Server::start(config).await;
    let mut first = [(); 2].map(|()| None);
    for stream in &mut first {
        *stream = Some(connect_from(ATTACKER, server.addresses.api).await);
    }
    let mut third = connect_from(ATTACKER, server.addresses.api).await;
    assert!(timeout(PATIENCE, third.read_u8()).await.unwrap().is_err());
    for stream in first.iter_mut().flatten() {
        assert!(get_on(stream, "/api/v1/health", "").await.unwrap().starts_with("HTTP/1.1 200"));
    }
}

#[tokio::test]
async fn above_all_unproven_places_the_next_one_waits_for_the_grace_of_the_oldest() {
    let mut config = small(with_tokens());
    (config.limits.places.unproven, config.limits.places.grace) = (1, Duration::from_hours(1));
    let server = Server::start(config).await;
    let first = connect_from(ATTACKER, server.addresses.api).await;
    let mut second = connect_from(READER, server.addresses.api).await;
    let mut asked = Box::pin(get_on(&mut second, "/api/v1/health", ""));
    assert!(timeout(Duration::from_millis(50), &mut asked).await.is_err(), "it was served without a place");
    drop(first);
    assert!(timeout(PATIENCE, asked).await.unwrap().unwrap().starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_new_agent_and_a_new_reader_are_served_while_silent_connections_take_all_places() {
    let server = Server::start(small(with_tokens())).await;
    let mut silent = flood(server.addresses.api).await;
    let mut agent = connect_from(AGENT, server.addresses.api).await;
    let answer = timeout(PATIENCE, ask(&mut agent, &post_heartbeat(AGENTS_TOKEN))).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let mut reader = connect_from(READER, server.addresses.api).await;
    let answer = timeout(PATIENCE, get_on(&mut reader, "/api/v1/hosts", READERS_TOKEN)).await.unwrap();
    assert!(answer.unwrap().starts_with("HTTP/1.1 200"));
    // Whatever comes later takes nothing from those who have shown who they are.
    let mut later = flood(server.addresses.api).await;
    assert!(ask(&mut agent, &post_heartbeat(AGENTS_TOKEN)).await.unwrap().starts_with("HTTP/1.1 200"));
    assert!(get_on(&mut reader, "/api/v1/hosts", READERS_TOKEN).await.unwrap().starts_with("HTTP/1.1 200"));
    assert_eq!(count_open(&mut silent).await + count_open(&mut later).await, 8);
}

#[tokio::test]
async fn a_reader_takes_no_more_places_than_its_source_may_have_and_nothing_from_agents() {
    let server = Server::start(small(with_tokens())).await;
    let mut agent = connect_from(AGENT, server.addresses.api).await;
    assert!(ask(&mut agent, &post_heartbeat(AGENTS_TOKEN)).await.unwrap().starts_with("HTTP/1.1 200"));
    let mut other = connect_from(READER, server.addresses.api).await;
    assert!(get_on(&mut other, "/api/v1/hosts", READERS_TOKEN).await.unwrap().starts_with("HTTP/1.1 200"));
    let mut many = Vec::new();
    for _ in 0..10 {
        let mut stream = connect_from(ATTACKER, server.addresses.api).await;
        let answer = get_on(&mut stream, "/api/v1/hosts", READERS_TOKEN).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        many.push(stream);
    }
    assert_eq!(count_open(&mut many).await, 3);
    for stream in [&mut agent, &mut other] {
        assert!(!is_closed(stream).await);
    }
}

#[tokio::test]
async fn agents_behind_one_address_keep_all_their_connections() {
    let server = Server::start(small(with_tokens())).await;
    let mut agents = Vec::new();
    for _ in 0..20 {
        let mut stream = connect_from(AGENT, server.addresses.api).await;
        assert!(ask(&mut stream, &post_heartbeat(AGENTS_TOKEN)).await.unwrap().starts_with("HTTP/1.1 200"));
        agents.push(stream);
    }
    assert_eq!(count_open(&mut agents).await, 20);
}

#[tokio::test]
async fn where_clients_show_no_identity_a_member_counts_and_others_do_not() {
    let server = Server::start(small(Config { auth: AuthConfig::None, ..open() })).await;
    let mut heart = connect_from(AGENT, server.addresses.api).await;
    assert!(ask(&mut heart, &post_heartbeat("any")).await.unwrap().starts_with("HTTP/1.1 200"));
    // Its other connection says nothing about itself, but comes from where the heartbeats come from.
    let mut planner = connect_from(AGENT, server.addresses.api).await;
    assert!(get_on(&mut planner, "/api/v1/plan", "").await.unwrap().starts_with("HTTP/1.1 200"));
    let mut stranger = connect_from(READER, server.addresses.api).await;
    assert!(get_on(&mut stranger, "/api/v1/hosts", "").await.unwrap().starts_with("HTTP/1.1 200"));
    let _silent = flood(server.addresses.api).await;
    assert!(is_closed(&mut stranger).await, "a stranger's connection took part in the competition");
    assert!(!is_closed(&mut heart).await && !is_closed(&mut planner).await);
}

#[tokio::test]
async fn a_forwarded_port_is_not_shut_by_silent_connections() {
    for config in [with_tokens(), Config { auth: AuthConfig::None, ..open() }] {
        let server = Server::start(small(config)).await;
        let mut forwarded = TcpStream::connect(server.addresses.api).await.unwrap();
        assert!(get_on(&mut forwarded, "/api/v1/hosts", "").await.unwrap().starts_with("HTTP/1.1 200"));
        let _silent = flood(server.addresses.api).await;
        assert!(get_on(&mut forwarded, "/api/v1/hosts", "").await.unwrap().starts_with("HTTP/1.1 200"));
    }
}

#[tokio::test]
async fn a_tls_handshake_that_does_not_go_on_is_an_unproven_connection() {
    let pair = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let files = TlsFiles { certificate: file(pair.cert.pem()), key: file(pair.signing_key.serialize_pem()) };
    let server = Server::start(small(Config { tls: Some(files), ..with_tokens() })).await;
    let mut first = connect_from(ATTACKER, server.addresses.api).await;
    first.write_all(b"\x16\x03\x01").await.unwrap();
    let _second = connect_from(ATTACKER, server.addresses.api).await;
    let _third = connect_from(ATTACKER, server.addresses.api).await;
    assert!(timeout(Duration::from_secs(2), first.read_u8()).await.expect("it yields at once").is_err());
}

/// What a probe of the chart's server allows: its timeout.
fn probe_timeout(probe: &str) -> Duration {
    let template = concat!(env!("CARGO_MANIFEST_DIR"), "/../chart/meshvane/templates/server.yaml");
    let template = std::fs::read_to_string(template).unwrap();
    let (_, probe) = template.split_once(&format!("{probe}:")).unwrap();
    let (_, seconds) = probe.split_once("timeoutSeconds: ").unwrap();
    Duration::from_secs(seconds.lines().next().unwrap().parse().unwrap())
}

/// Probes as a kubelet does, on a connection of its own and within the chart's time. Blocks this thread, on which the
/// server's API and judge run: health must not need it.
fn probe(health: SocketAddr, path: &str, allowed: Duration) -> String {
    #[expect(clippy::disallowed_methods, reason = "a kubelet's patience is real time")]
    let begun = Instant::now();
    let mut stream = std::net::TcpStream::connect_timeout(&health, allowed).unwrap();
    stream.set_read_timeout(Some(allowed)).unwrap();
    stream
        .write_all(format!("GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").as_bytes())
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(begun.elapsed() < allowed, "{path} took {:?}", begun.elapsed());
    answer
}

#[tokio::test]
async fn silent_connections_of_one_or_of_many_addresses_do_not_silence_health() {
    let server = Server::start(with_tokens()).await;
    let (live, ready) = (probe_timeout("livenessProbe"), probe_timeout("readinessProbe"));
    let mut silent = Vec::new();
    let mut last = 0;
    for round in 0..3 {
        for number in 0..=u8::MAX {
            let source = if round == 0 { ATTACKER } else { [127, 0, 2, number % 20 + 1] };
            silent.push(connect_from(source, server.addresses.health).await);
            last = number;
        }
        assert!(probe(server.addresses.health, "/livez", live).starts_with("HTTP/1.1 200"), "{round} {last}");
        assert!(probe(server.addresses.health, "/readyz", ready).starts_with("HTTP/1.1 200"), "{round}");
    }
}

#[tokio::test]
async fn a_client_of_health_that_does_not_finish_its_head_is_shown_out_within_the_chart_s_timeout() {
    let server = Server::start(with_tokens()).await;
    let mut slow = connect_from(ATTACKER, server.addresses.health).await;
    slow.write_all(b"GET /livez HTTP/1.1\r\n").await.unwrap();
    let closed = timeout(probe_timeout("readinessProbe"), slow.read_u8()).await;
    assert!(closed.expect("closed in time").is_err());
}

#[tokio::test]
async fn one_source_has_few_connections_of_health() {
    let server = Server::start(with_tokens()).await;
    let mut silent = Vec::new();
    for _ in 0..20 {
        silent.push(connect_from(ATTACKER, server.addresses.health).await);
    }
    assert_eq!(count_open(&mut silent).await, HEALTH_PER_SOURCE_MAX);
}

/// What a silent connection may take, at both of its ends and with what the runtime needs of them: far less than the 16 KiB
/// of the library's buffers.
const RESTING_BYTES: i64 = 8 * 1024;

#[test]
fn a_connection_that_was_answered_and_rests_takes_no_buffers() {
    const CONNECTIONS: i64 = 64;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = runtime.block_on(Server::start(with_tokens()));
    let mut resting = Vec::new();
    let held = measure(|| {
        runtime.block_on(async {
            for _ in 0..CONNECTIONS {
                let mut stream = connect_from(AGENT, server.addresses.api).await;
                assert!(
                    ask(&mut stream, &post_heartbeat(AGENTS_TOKEN))
                        .await
                        .unwrap()
                        .starts_with("HTTP/1.1 200")
                );
                resting.push(stream);
            }
            // Another one is answered, so that the server has had its turn with all of them.
            server.get("/api/v1/health").await;
        });
    });
    let each = held.bytes_current / CONNECTIONS;
    assert!(each < RESTING_BYTES, "{each} bytes for each connection");
}

#[tokio::test]
async fn two_addresses_do_not_shut_a_scraper_out_of_metrics() {
    let server = Server::start(with_tokens()).await;
    let mut silent = Vec::new();
    for number in 0..160 {
        silent.push(connect_from([127, 0, 3, number % 2 + 1], server.addresses.metrics).await);
    }
    let mut scraper = connect_from(READER, server.addresses.metrics).await;
    let answer = timeout(PATIENCE, get_on(&mut scraper, "/metrics", "")).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(count_open(&mut silent).await, 16, "eight of each address");
    assert!(!is_closed(&mut scraper).await);
}
