use std::collections::BTreeSet;
use std::time::Duration;

use crate::server::{Agent, Mood, Server, config, target};

/// Two peers whose port nobody has: their cells fail at once, so there is much to tell.
fn peers() -> Vec<meshvane_shared::plan::Target> {
    vec![target("node-1", Some(9)), target("node-2", Some(9)), target("node-3", Some(9))]
}

#[tokio::test]
async fn a_round_of_an_unknown_plan_is_sent_again_with_its_targets() {
    let server = Server::start(peers(), false).await;
    server.next_rounds([Mood::UnknownPlan]);
    let agent = Agent::start(config(server.address));
    let first = server.until(|told| told.rounds.first().map(|(_, body)| body.clone())).await;
    assert_eq!(first.targets.as_ref().map(Vec::len), Some(3));
    let refused = server.until(|told| Some(told.turned_away[0].1.clone())).await;
    assert_eq!((refused.sequence, refused.targets), (first.sequence, None));
    let second = server.until(|told| told.rounds.get(1).map(|(_, body)| body.clone())).await;
    assert_eq!(second.targets, None, "only the round that was turned away");
    agent.stop().await;
}

#[tokio::test]
async fn a_server_that_asks_to_wait_is_left_alone_for_that_time() {
    let server = Server::start(peers(), false).await;
    server.next_rounds([Mood::Busy(2)]);
    let agent = Agent::start(config(server.address));
    let busy_at = server.until(|told| told.turned_away.first().map(|(at, _)| *at)).await;
    let next_at = server.until(|told| told.rounds.first().map(|(at, _)| *at)).await;
    assert!(next_at - busy_at >= Duration::from_millis(1_990));
    agent.stop().await;
}

#[tokio::test]
async fn after_an_outage_the_newest_round_goes_first_and_none_is_lost() {
    let server = Server::start(peers(), false).await;
    server.all_rounds(Some(Mood::Failing));
    let agent = Agent::start(config(server.address));
    let turned_away = server
        .until(|told| {
            let sequence = told.turned_away.last()?.1.sequence;
            (sequence >= 4).then_some(sequence)
        })
        .await;
    server.all_rounds(None);
    let first = server.until(|told| told.rounds.first().map(|(_, body)| body.sequence)).await;
    assert!(first >= turned_away);
    let sequences: BTreeSet<u64> = server
        .until(|told| {
            let taken: BTreeSet<u64> = told.rounds.iter().map(|(_, body)| body.sequence).collect();
            (1..=first).all(|sequence| taken.contains(&sequence)).then_some(taken)
        })
        .await;
    assert!(sequences.len() >= 4);
    let (ledger, _) = agent.stop().await;
    assert_eq!((ledger.dropped, ledger.refused), (0, 0), "{ledger:?}");
    assert_eq!(ledger.produced, ledger.acknowledged + ledger.pending);
}

#[tokio::test]
async fn a_refused_round_is_not_sent_again() {
    let server = Server::start(peers(), false).await;
    server.next_rounds([Mood::Refusing]);
    let agent = Agent::start(config(server.address));
    let taken = server.until(|told| told.rounds.get(1).map(|(_, body)| body.sequence)).await;
    let refused = server.until(|told| told.turned_away.first().map(|(_, body)| body.sequence)).await;
    let (ledger, _) = agent.stop().await;
    assert_eq!((refused, ledger.refused), (1, 1), "{taken}");
    let again = server.until(|told| Some(told.rounds.iter().any(|(_, body)| body.sequence == refused))).await;
    assert!(!again);
}

#[tokio::test]
async fn a_round_waits_for_a_server_that_does_not_know_us_yet() {
    let server = Server::start(peers(), false).await;
    server.next_rounds([Mood::Unauthorized]);
    let agent = Agent::start(config(server.address));
    let first = server.until(|told| told.turned_away.first().map(|(_, body)| body.sequence)).await;
    server.until(|told| told.rounds.iter().any(|(_, body)| body.sequence == first).then_some(())).await;
    let (ledger, _) = agent.stop().await;
    assert_eq!((ledger.refused, ledger.dropped), (0, 0));
}

#[tokio::test]
async fn a_server_that_restarted_gets_the_newest_round_again_with_its_targets() {
    let server = Server::start(peers(), false).await;
    let mut config = config(server.address);
    // No second round comes in the time of the test.
    config.probe_interval = Duration::from_mins(10);
    let agent = Agent::start(config);
    let whole = server
        .until(|told| {
            let (_, body) = told.rounds.iter().find(|(_, body)| !body.partial)?;
            Some(body.clone())
        })
        .await;
    assert_eq!(whole.targets, None);
    let asked = server.until(|told| Some(told.plans_asked.len())).await;
    server.restart();
    let again = server
        .until(|told| {
            let (_, body) = told
                .rounds
                .iter()
                .find(|(_, body)| body.sequence == whole.sequence && body.targets.is_some())?;
            Some(body.clone())
        })
        .await;
    assert_eq!(again.cells, whole.cells);
    assert!(again.age_ms >= whole.age_ms);
    server.until(|told| (told.plans_asked.len() > asked).then_some(())).await;
    let (ledger, _) = agent.stop().await;
    assert_eq!(ledger.produced, ledger.acknowledged + ledger.pending);
}

#[tokio::test]
async fn a_look_is_answered_with_a_part_at_once() {
    let server = Server::start(peers(), false).await;
    let mut config = config(server.address);
    config.probe_interval = Duration::from_mins(10);
    let agent = Agent::start(config);
    // The burst of the refused ports is over when they are told as failed.
    let seen = server
        .until(|told| {
            let failed = told
                .rounds
                .iter()
                .any(|(_, body)| body.cells.iter().any(|cell| cell.outcome.read().is_unreached()));
            failed.then_some(told.rounds.len())
        })
        .await;
    server.ask_to_look("node-2");
    let part = server
        .until(|told| {
            let (_, body) = told.rounds[seen..].iter().find(|(_, body)| body.partial)?;
            Some(body.clone())
        })
        .await;
    assert!(part.cells.iter().any(|cell| cell.target == 1));
    agent.stop().await;
}
