//! Bodies that arrive slowly, or not whole: what they take of the server, and who has to wait for them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use allocation_counter::measure;
use meshvane_server::http::limits::{LARGE_BODIES_MAX_BYTES, SMALL_BODIES_MAX_BYTES};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use crate::support::{Server, heartbeat, open, read_all};

/// All of a body but its last byte, for all connections.
static PIECE: [u8; 1024 * 1024 - 1] = [b' '; 1024 * 1024 - 1];

/// A connection from an address of the loopback network.
async fn connect(to: SocketAddr, last: u8) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::new(IpAddr::from([127, 0, 1, last]), 0)).unwrap();
    socket.connect(to).await.unwrap()
}

/// Posts a round of 1 MiB whose last byte never comes, and waits for the answer or the end of the connection.
async fn post_unfinished(to: SocketAddr, last: u8) -> String {
    let (mut from, mut into) = connect(to, last).await.into_split();
    let head = "POST /api/v1/rounds HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1048576\r\n\r\n";
    into.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    tokio::select! {
        _ = from.read_exact(&mut answer) => {}
        // The server may hang up before all of it is sent.
        () = async { let _ = into.write_all(&PIECE).await; std::future::pending::<()>().await } => {}
    }
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn unfinished_bodies_of_many_writers_take_no_more_than_their_budget() {
    const WRITERS: u8 = 40;
    const CONNECTIONS: usize = 400;
    /// Both ends of a connection: buffers, tasks, and what the runtime needs of them.
    const CONNECTION_BYTES: usize = 64 * 1024;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let taken = measure(|| {
        runtime.block_on(async {
            let mut config = open();
            config.limits.body_time = Duration::from_millis(500);
            config.limits.body_wait = Duration::from_millis(200);
            let server = Server::start(config).await;
            let mut posts = JoinSet::new();
            for number in 0..CONNECTIONS {
                let last = u8::try_from(number).map_or(1, |number| 1 + number % WRITERS);
                posts.spawn(post_unfinished(server.addresses.api, last));
            }
            let answers = posts.join_all().await;
            assert!(answers.iter().any(|answer| answer == "HTTP/1.1 408"), "{answers:?}");
            assert!(answers.iter().all(|answer| !answer.starts_with("HTTP/1.1 2")), "{answers:?}");
            server.take("/api/v1/heartbeat", &heartbeat(1)).await;
        });
    });
    let most = LARGE_BODIES_MAX_BYTES + SMALL_BODIES_MAX_BYTES + CONNECTIONS * CONNECTION_BYTES;
    assert!(taken.bytes_max <= most as u64, "{} bytes, of {most}", taken.bytes_max);
}

#[tokio::test]
async fn a_writer_with_many_unfinished_bodies_keeps_no_other_out() {
    let server = Server::open().await;
    let mut posts = JoinSet::new();
    for _ in 0..30 {
        posts.spawn(post_unfinished(server.addresses.api, 1));
    }
    // The honest one comes from 127.0.0.1, another address; it needs a place for a round and for a heartbeat.
    assert_ne!(Ipv4Addr::LOCALHOST, Ipv4Addr::new(127, 0, 1, 1));
    for number in 1..=20 {
        server.take("/api/v1/heartbeat", &heartbeat(number)).await;
        let plan = serde_json::json!({"epoch": "00000000000000ab", "generation": 1});
        let round = serde_json::json!({"node": format!("node-{number}"), "boot_id": format!("boot-{number}"), "sequence": 1,
            "plan": plan, "interval_ms": 5000, "targets": [], "cells": []});
        server.take("/api/v1/rounds", &round).await;
    }
    posts.abort_all();
}

#[tokio::test]
async fn a_body_without_a_place_is_429_with_a_time_and_may_be_sent_again() {
    let mut config = open();
    config.limits.body_wait = Duration::from_millis(50);
    config.limits.body_time = Duration::from_mins(1);
    let server = Server::start(config).await;
    let mut held = JoinSet::new();
    for _ in 0..2 {
        held.spawn(post_unfinished(server.addresses.api, 1));
    }
    let body = " ".repeat(1024);
    let request = format!(
        "POST /api/v1/rounds HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    // Until both hold their places, a third body of the same writer is looked at, and is none.
    let answer = loop {
        let mut third = connect(server.addresses.api, 1).await;
        third.write_all(request.as_bytes()).await.unwrap();
        let mut status = [0; 13];
        third.read_exact(&mut status).await.unwrap();
        if &status != b"HTTP/1.1 400 " {
            // Ends only when the server closes.
            break String::from_utf8_lossy(&status).into_owned() + &read_all(&mut third).await;
        }
    };
    assert!(answer.starts_with("HTTP/1.1 429 "), "{answer}");
    assert!(answer.contains("retry-after: 1\r\n") && answer.contains("connection: close\r\n"), "{answer}");
    assert!(answer.contains("/problems/busy"), "{answer}");
    held.abort_all();
    while held.join_next().await.is_some() {}
    let again = server.post("/api/v1/rounds", body).await;
    assert_eq!(again.status(), 400, "it is looked at now");
}
