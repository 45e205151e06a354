//! What a request's head says about its maker, and what follows from it.

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::header::{AUTHORIZATION, FORWARDED, HOST};
use axum::http::request::Parts;

use super::inventory::Route;
use super::listener::Peer;
use super::state::ApiState;
use crate::auth::{Caller, Credential, Refused};

/// Headers by which a proxy says that it passes a request on, beside `Forwarded` (RFC 7239) and all that begin with
/// `X-Forwarded-`.
const FORWARDING_HEADERS: [&str; 3] = ["x-real-ip", "via", "x-original-forwarded-for"];

/// Lets a request in, or says why not; counts and logs that.
pub(super) fn admit(state: &Arc<ApiState>, route: &Route, head: &Parts) -> Result<(), Refused> {
    let now = state.clock.now().moment;
    let peer = head.extensions.get::<Peer>();
    // Without a peer (a router outside of our listener) nobody is near: loopback readers need a token as well.
    let address = peer.map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.address.ip());
    match state.gate.admit(route.access, &caller(head, address), now) {
        Ok(identity) => {
            if let Some(peer) = peer.filter(|_| identity.is_believed()) {
                peer.believe();
            }
            Ok(())
        }
        Err(refused) => {
            state.metrics.refused(refused);
            if let Some(unlogged) = state.refusals.note(now) {
                tracing::warn!(
                    peer = %address.to_canonical(), route = route.path, reason = refused.as_str(), unlogged,
                    "a request was refused"
                );
            }
            Err(refused)
        }
    }
}

fn caller(head: &Parts, peer: IpAddr) -> Caller<'_> {
    let forwarded = head.headers.keys().any(|name| {
        name == FORWARDED
            || name.as_str().starts_with("x-forwarded-")
            || FORWARDING_HEADERS.contains(&name.as_str())
    });
    // A value that is not text names no host of ours.
    let named = head.headers.get_all(HOST).iter().map(|value| value.to_str().unwrap_or(""));
    let hosts = named.chain(head.uri.authority().map(axum::http::uri::Authority::as_str)).collect();
    Caller { peer, credential: credential(head), forwarded, hosts }
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
