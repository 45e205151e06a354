//! A thread that stalls, whatever stops it: it is no silence of the network, and its length is no round trip.

use std::net::Ipv4Addr;
use std::time::Duration;

use meshvane_shared::check::CheckKind;
use meshvane_shared::outcome::Outcome;
use tokio::net::TcpListener;

use crate::server::{Agent, Server, config, target};

/// Longer than a probe is waited for.
const STALL: Duration = Duration::from_millis(1_300);
/// Connections that the peer takes before the thread runs freely again.
const STALLS: usize = 5;

#[tokio::test]
async fn a_thread_that_stalls_while_answers_wait_calls_no_peer_unreachable() {
    let peer = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = peer.local_addr().unwrap().port();
    let server = Server::start(vec![target("node-2", Some(port))], false).await;
    let agent = Agent::start(config(server.address));
    for _ in 0..STALLS {
        // The handshake is done, and whoever asked has not seen it: all of this runs on one thread.
        let _connection = peer.accept().await.unwrap();
        std::thread::sleep(STALL);
    }
    let seen = server
        .until(|told| {
            let cells = told.rounds.iter().flat_map(|(_, body)| &body.cells);
            let tcp = cells.filter(|cell| cell.check.known() == Some(CheckKind::Tcp));
            let outcomes: Vec<Outcome> = tcp.map(|cell| cell.outcome.read()).collect();
            // Two rounds after the last stall.
            let reached = outcomes.iter().filter(|outcome| matches!(outcome, Outcome::Reached(_)));
            (reached.count() >= 2).then_some(outcomes)
        })
        .await;
    for outcome in seen {
        match outcome {
            Outcome::Reached(reached) => assert!(!reached.late && !reached.retransmitted, "{reached:?}"),
            Outcome::Unmeasured(_) => {}
            Outcome::Unreached(cause) => panic!("{cause:?}"),
        }
    }
    agent.stop().await;
}
