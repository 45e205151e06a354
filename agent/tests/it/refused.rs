//! A server that refuses: what the agent reads of it, and how it comes back.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use meshvane_agent::client::{CallError, Client};
use meshvane_shared::wire::heartbeat::HeartbeatBody;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::server::config;

const HEARD: &str = r#"{"message":"heard","status":"success"}"#;
const REFUSED: &str =
    r#"{"code":"FORBIDDEN","message":"this identity may not do that","details":"from another address"}"#;

/// A server behind an address translation: connections that begin before the translation is repaired are
/// refused for ever, and kept open.
async fn start(repaired: Arc<AtomicBool>) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (status, body) =
                if repaired.load(Ordering::Relaxed) { ("200 OK", HEARD) } else { ("403 Forbidden", REFUSED) };
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
            tokio::spawn(answer_all(stream, answer));
        }
    });
    address
}

async fn answer_all(mut stream: TcpStream, answer: String) {
    let mut request = vec![0u8; 16 << 10];
    // The head and the small body of a heartbeat arrive together, or the body right after.
    while stream.read(&mut request).await.is_ok_and(|read| read > 0) {
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn a_refused_agent_reads_why_and_comes_back_by_a_new_connection() {
    let repaired = Arc::new(AtomicBool::new(false));
    let address = start(Arc::clone(&repaired)).await;
    let client = Client::new(&config(address), meshvane_agent::clock::Clock::start()).unwrap();
    let body = HeartbeatBody::default();
    let beat = || client.heartbeat(&body, Duration::from_secs(5));
    let why = CallError::Unauthorized("status 403, from another address".to_owned());
    assert_eq!(beat().await, Err(why));
    repaired.store(true, Ordering::Relaxed);
    assert_eq!(beat().await.map(|answer| answer.status), Ok("success".to_owned()));
}
