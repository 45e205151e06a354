//! What a request's head says about its maker, and what follows from it.

use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::http::header::{AUTHORIZATION, HOST, HeaderName, VIA};
use axum::http::request::Parts;
use runtime::places::Proof;
use tokio::time::{sleep, timeout};

use super::inventory::{Door, Route};
use super::listener::Peer;
use super::state::ApiState;
use crate::auth::{
    Admission, Caller, Credential, Identity, Question, Refused, Unavailable, is_loopback_peer,
};

/// Headers by which a proxy says that it passes a request on for somebody else, beside `Via` (RFC 9110 section 7.6.3), `Forwarded`
/// (RFC 7239) and all whose name holds that word: what nginx, `HAProxy`, Envoy, Traefik and the large content
/// networks and clouds name the client in.
const FORWARDING_HEADERS: [&str; 16] = [
    "ali-cdn-real-ip",
    "cdn-src-ip",
    "cf-connecting-ip",
    "cf-connecting-ipv6",
    "cf-pseudo-ipv4",
    "client-ip",
    "fastly-client-ip",
    "fly-client-ip",
    "true-client-ip",
    "wl-proxy-client-ip",
    "x-appengine-user-ip",
    "x-azure-clientip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-envoy-external-address",
    "x-real-ip",
];

/// How long an agent waits whose pod the API server knows and we do not yet: it tells us of a pod within a second.
const POD_AWAITED: Duration = Duration::from_secs(2);

/// How long the holder of a token that the API server confirmed waits for its next review, which takes milliseconds. Longer,
/// and agents would be late (`LATE_GRACE`) whenever the API server hangs.
const CONFIRMED_WAITS: Duration = Duration::from_millis(500);

/// Lets a request in, or says why not. Cancel-safe.
pub(super) async fn admit(state: &Arc<ApiState>, route: &Route, head: &Parts) -> Result<Identity, Refused> {
    // Health and metrics are open to all. Health has a thread of its own, which must not wait for what the main one holds.
    if route.door != Door::Api {
        return Ok(Identity::Unasked);
    }
    let peer = head.extensions.get::<Peer>();
    let judged = peer.map(Peer::judged);
    let caller = caller(head, address(head));
    let decided = match decide(state, route, &caller).await {
        Err(Refused::PodUnknown) => await_pod(state, route, &caller).await,
        decided => decided,
    };
    match &decided {
        Err(Refused::OtherAddress) => note_other_address(state, &caller),
        Err(refused) if refused.passes() => note_knock(state, &caller),
        Ok(_) | Err(_) => {}
    }
    let identity = decided?;
    if let Some(peer) = peer
        && let Some(proof) = proof(state, &identity, peer)
    {
        peer.prove(proof);
    }
    drop(judged);
    Ok(identity)
}

/// What a request proves about its connection. Where everybody is believed, a member has sent heartbeats from there, or it
/// comes from this machine.
fn proof(state: &ApiState, identity: &Identity, peer: &Peer) -> Option<Proof> {
    let address = peer.address.ip();
    match identity {
        Identity::Everybody if state.vouched.holds(address, state.clock.now().moment) => {
            Some(Proof::Agent(None))
        }
        Identity::Everybody => is_loopback_peer(address).then_some(Proof::Reader),
        Identity::Agent | Identity::Node(_) | Identity::Reader | Identity::Loopback | Identity::Unasked => {
            identity.proof()
        }
    }
}

/// An agent that will be let in is there already.
fn note_knock(state: &ApiState, caller: &Caller<'_>) {
    if let Some(node) = state.collector.cluster(|cluster| state.gate.node_behind(caller, cluster)) {
        state.collector.note_knock(&node, state.clock.now());
    }
}

/// An agent whose token is good comes from a wrong address: operators learn which node's it is.
fn note_other_address(state: &ApiState, caller: &Caller<'_>) {
    if let Some(node) = state.gate.confirmed_node(caller) {
        state.collector.note_refused(&node, caller.peer, state.clock.now());
    }
}

/// Counts and logs a refusal.
pub(super) fn note(state: &ApiState, route: &Route, head: IpAddr, refused: Refused) {
    state.metrics.refused(refused);
    if let Some(unlogged) = state.refusals.note(refused, head, state.clock.now().moment) {
        tracing::warn!(
            peer = %head.to_canonical(), route = route.path, reason = refused.as_str(), unlogged,
            "a request was refused"
        );
    }
}

/// Where a request comes from. Without a peer (a router outside of our listener) nobody is near: loopback readers need a
/// token as well.
pub(super) fn address(head: &Parts) -> IpAddr {
    head.extensions.get::<Peer>().map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.address.ip())
}

async fn decide(state: &Arc<ApiState>, route: &Route, caller: &Caller<'_>) -> Result<Identity, Refused> {
    let now = state.clock.now();
    let admission = state.collector.cluster(|cluster| state.gate.admit(route.access, caller, cluster, now));
    let question = match admission {
        Admission::Decided(decided) => return decided,
        Admission::Ask(question) => Arc::new(question),
    };
    if !question.is_again() {
        return review(state, &question).await;
    }
    // The review goes on when nobody waits for it any more: what comes of it counts for the next request.
    let reviewed = tokio::spawn({
        let (state, question) = (state.clone(), question.clone());
        async move { review(&state, &question).await }
    });
    if let Ok(Ok(decided)) = timeout(CONFIRMED_WAITS, reviewed).await {
        return decided;
    }
    let now = state.clock.now();
    state.collector.cluster(|cluster| state.gate.believe(&question, cluster, now))
}

async fn review(state: &ApiState, question: &Question) -> Result<Identity, Refused> {
    let answer = match &state.reviewer {
        Some(reviewer) => reviewer.review(question).await,
        None => Err(Unavailable),
    };
    state.metrics.token_review(answer.is_ok());
    let now = state.clock.now();
    state.collector.cluster(|cluster| state.gate.settle(question, answer, cluster, now))
}

/// Decides again when the cluster's state changed, for a while.
async fn await_pod(state: &Arc<ApiState>, route: &Route, caller: &Caller<'_>) -> Result<Identity, Refused> {
    let mut time_over = pin!(sleep(POD_AWAITED));
    loop {
        // Subscribed before it is decided, so that no change is missed.
        let changed = state.collector.cluster_changed();
        match decide(state, route, caller).await {
            Err(Refused::PodUnknown) => {}
            decided => return decided,
        }
        tokio::select! {
            () = changed => {}
            () = &mut time_over => return Err(Refused::PodUnknown),
        }
    }
}

/// Returns true when a request was made on this machine and no proxy passed it on.
pub(super) fn is_local(head: &Parts) -> bool {
    let caller = caller(head, address(head));
    is_loopback_peer(caller.peer) && !caller.forwarded
}

fn caller(head: &Parts, peer: IpAddr) -> Caller<'_> {
    let forwarded = head.headers.keys().any(is_forwarding);
    // A value that is not text names no host of ours.
    let named = head.headers.get_all(HOST).iter().map(|value| value.to_str().unwrap_or(""));
    let hosts = named.chain(head.uri.authority().map(axum::http::uri::Authority::as_str)).collect();
    Caller { peer, credential: credential(head), forwarded, hosts }
}

/// Returns true for a header that only a proxy adds.
fn is_forwarding(name: &HeaderName) -> bool {
    let text = name.as_str();
    name == VIA || text.contains("forwarded") || FORWARDING_HEADERS.contains(&text)
}

fn credential(head: &Parts) -> Credential<'_> {
    let mut values = head.headers.get_all(AUTHORIZATION).iter();
    let (Some(value), second) = (values.next(), values.next()) else {
        return Credential::Absent;
    };
    // The scheme's case does not matter (RFC 9110 section 11.1).
    match (value.as_bytes().split_at_checked(7), second) {
        (Some((scheme, token)), None) if scheme.eq_ignore_ascii_case(b"bearer ") && !token.is_empty() => {
            Credential::Bearer(token.trim_ascii())
        }
        (Some(_) | None, _) => Credential::Unusable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_that_a_proxy_adds_shows_that_a_request_was_passed_on() {
        let check = |name: &str, expected: bool| {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            assert_eq!(is_forwarding(&name), expected, "{name}");
        };
        for name in [
            "Forwarded",
            "Via",
            "X-Forwarded-For",
            "X-Forwarded-Host",
            "X-Forwarded-Proto",
            "X-Original-Forwarded-For",
            "X-Forwarded",
            "X-Envoy-External-Address",
            "X-Real-IP",
            "X-Client-IP",
            "X-Cluster-Client-IP",
            "Client-IP",
            "True-Client-IP",
            "CF-Connecting-IP",
            "CF-Connecting-IPv6",
            "Fastly-Client-IP",
            "Fly-Client-IP",
            "WL-Proxy-Client-IP",
            "X-Azure-ClientIP",
            "X-AppEngine-User-IP",
        ] {
            check(name, true);
        }
        for name in
            ["Host", "Accept", "User-Agent", "Authorization", "X-Request-Id", "Traceparent", "Forward"]
        {
            check(name, false);
        }
    }
}
