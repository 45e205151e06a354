use std::time::Duration;

use meshvane_shared::outcome::Outcome;

use crate::server::{Agent, Server, config, target, with_token};

#[tokio::test]
async fn a_heartbeat_waits_neither_for_a_plan_nor_for_probes() {
    let server = Server::start(Vec::new(), true).await;
    let agent = Agent::start(config(server.address));
    let beats = server.until(|told| (told.heartbeats.len() >= 3).then(|| told.heartbeats.clone())).await;
    let (_, first) = &beats[0];
    assert_eq!(first.node.as_ref().unwrap().as_str(), "node-1");
    assert_eq!(first.client_port, Some(agent.client.port()));
    assert_eq!((first.interval_ms, first.probe_interval_ms), (Some(1_000), Some(1_000)));
    assert_eq!((first.node_ip.as_str(), first.leaving), ("127.0.0.1", false));
    assert!(beats[2].1.uptime_ms > first.uptime_ms);
    assert_eq!(beats[2].1.boot_id, first.boot_id);
    let plans = server.until(|told| Some(told.plans_asked.clone())).await;
    assert_eq!(plans.len(), 1, "the plan still hangs");
    assert_eq!((plans[0].node.as_deref(), plans[0].wait.as_deref()), (Some("node-1"), None));
    agent.stop().await;
}

#[tokio::test]
async fn a_stop_says_goodbye_brings_the_newest_round_and_is_quick() {
    let server = Server::start(vec![target("node-2", Some(9))], false).await;
    let agent = Agent::start(config(server.address));
    server.until(|told| told.rounds.first().map(|_| ())).await;
    let (ledger, took) = agent.stop().await;
    assert!(took < Duration::from_secs(5), "{took:?}");
    let last = server.until(|told| told.heartbeats.last().cloned()).await;
    assert!(last.1.leaving);
    assert_eq!(ledger.pending, 0, "{ledger:?}");
}

#[tokio::test]
async fn without_a_server_a_stop_is_quick_too() {
    let nowhere = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let agent = Agent::start(config(nowhere));
    tokio::task::yield_now().await;
    let (_, took) = agent.stop().await;
    assert!(took < Duration::from_secs(5), "{took:?}");
}

#[tokio::test]
async fn the_plan_is_kept_open_with_what_we_have() {
    let server = Server::start(vec![target("node-2", Some(9))], false).await;
    let agent = Agent::start(config(server.address));
    let second = server.until(|told| told.plans_asked.get(1).cloned()).await;
    assert_eq!(second.epoch.as_deref(), Some("0000000000000001"));
    assert_eq!((second.generation, second.wait.as_deref()), (Some(1), Some("30s")));
    agent.stop().await;
}

#[tokio::test]
async fn a_peer_that_listens_is_reached_and_one_that_refuses_is_confirmed_as_such() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let open = listener.local_addr().unwrap().port();
    let targets = vec![target("node-2", Some(open)), target("node-3", Some(9))];
    let server = Server::start(targets, false).await;
    let agent = Agent::start(config(server.address));
    let outcomes = server
        .until(|told| {
            let (_, body) = told.rounds.iter().rfind(|(_, body)| !body.partial)?;
            let tcp: Vec<(u32, Outcome)> = body
                .cells
                .iter()
                .filter(|cell| cell.port.is_some())
                .map(|cell| (cell.target, cell.outcome.read()))
                .collect();
            tcp.iter().any(|(_, outcome)| outcome.is_unreached()).then_some(tcp)
        })
        .await;
    assert!(matches!(outcomes[0], (0, Outcome::Reached(_))), "{outcomes:?}");
    let refused = Outcome::Unreached(meshvane_shared::outcome::Cause::Refused);
    assert_eq!(outcomes[1], (1, refused));
    agent.stop().await;
}

#[tokio::test]
async fn a_rotated_token_is_shown_without_a_restart() {
    let server = Server::start(Vec::new(), false).await;
    let path = tempfile::NamedTempFile::new().unwrap().into_temp_path();
    std::fs::write(&path, "first\n").unwrap();
    let agent = Agent::start(with_token(server.address, &path));
    server.until(|told| told.tokens.contains(&Some("Bearer first".to_owned())).then_some(())).await;
    std::fs::write(&path, "the-second\n").unwrap();
    server.until(|told| told.tokens.contains(&Some("Bearer the-second".to_owned())).then_some(())).await;
    agent.stop().await;
}
