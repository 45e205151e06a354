use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta};
use serde_json::{Value, json};

use super::*;
use crate::mesh::context::AgentPod;

mod budget;

const AGENTS: &str = "system:serviceaccount:ns:meshvane-agent";
const POD: &str = "10.1.0.1";
const ELSEWHERE: &str = "10.9.9.9";
/// Tokens end an hour after the start.
const END: i64 = 3600;

fn at(seconds: i64) -> Now {
    Now {
        moment: Moment::from_millis(seconds * 1000),
        wall: DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds),
    }
}

fn accounts(source_bound: bool) -> Accounts {
    Accounts::new(Rules { audience: "meshvane".to_owned(), agents: AGENTS.to_owned(), source_bound })
}

/// A cluster with one agent's pod.
fn cluster() -> Cluster {
    let mut cluster = Cluster::default();
    let pod = AgentPod {
        name: "agent-1".into(),
        node: NodeName::parse("node-1").unwrap(),
        addresses: vec![ip(POD)],
        host_addresses: vec![ip("10.0.0.1")],
        changing: false,
    };
    cluster.pods.applied("pod-1".into(), pod);
    cluster
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn claims() -> Value {
    json!({
        "aud": ["meshvane"], "exp": END, "sub": AGENTS,
        "kubernetes.io": {"pod": {"name": "agent-1", "uid": "pod-1"}, "node": {"name": "node-1", "uid": "n"}}
    })
}

fn token(claims: &Value) -> Vec<u8> {
    format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string())).into_bytes()
}

fn good() -> Review {
    Review {
        authenticated: true,
        audiences: vec!["meshvane".to_owned()],
        username: AGENTS.to_owned(),
        bound: Some(("node-1".to_owned(), "pod-1".into())),
        may_read: false,
    }
}

/// What becomes of a request when the API server answers so; `None` must not be asked.
fn ask(
    accounts: &Accounts,
    cluster: &Cluster,
    (role, token, peer): (Role, &[u8], &str),
    answer: Option<Result<Review, Unavailable>>,
    now: Now,
) -> Result<Identity, Refused> {
    match (accounts.admit(role, token, ip(peer), cluster, now), answer) {
        (Admission::Decided(decided), None) => decided,
        (Admission::Ask(question), Some(answer)) => accounts.settle(&question, answer, cluster, now),
        (Admission::Decided(decided), Some(_)) => panic!("decided without asking: {decided:?}"),
        (Admission::Ask(_), None) => panic!("asks"),
    }
}

fn agent() -> Identity {
    Identity::Node(Arc::new(AgentIdentity { node: NodeName::parse("node-1").unwrap(), pod: "pod-1".into() }))
}

#[test]
fn most_of_what_is_wrong_is_refused_without_asking() {
    let with = |key: &str, value: Value| {
        let mut claims = claims();
        claims[key] = value;
        token(&claims)
    };
    let bound = |value: Value| with("kubernetes.io", value);
    for (role, token, peer, expected) in [
        (Role::Agent, b"agents-token".to_vec(), POD, Refused::NotAnAccountToken),
        (Role::Reader, b"a.b.c".to_vec(), POD, Refused::NotAnAccountToken),
        (Role::Agent, with("aud", json!(["https://kubernetes.default.svc"])), POD, Refused::OtherAudience),
        (Role::Reader, with("aud", json!("other")), POD, Refused::OtherAudience),
        (Role::Agent, with("exp", json!(10)), POD, Refused::Expired),
        (Role::Reader, with("exp", json!(-1)), POD, Refused::Expired),
        (Role::Agent, with("sub", json!("system:serviceaccount:ns:other")), POD, Refused::OtherAccount),
        (
            Role::Agent,
            with("sub", json!("system:serviceaccount:other:meshvane-agent")),
            POD,
            Refused::OtherAccount,
        ),
        (Role::Agent, with("sub", json!("")), POD, Refused::OtherAccount),
        (Role::Agent, bound(json!({})), POD, Refused::Unbound),
        (Role::Agent, bound(json!({"node": {"uid": "n"}})), POD, Refused::Unbound),
        (Role::Agent, bound(json!({"pod": {"uid": "pod-1"}})), POD, Refused::Unbound),
    ] {
        let refused = ask(&accounts(true), &cluster(), (role, &token, peer), None, at(10));
        assert_eq!(refused, Err(expected), "{role:?} {peer}");
    }
}

#[test]
fn the_answer_of_the_api_server_is_checked_in_every_part() {
    let unbound = Review { bound: None, ..good() };
    let strange = Review { bound: Some(("Not A Node".to_owned(), "pod-1".into())), ..good() };
    let other_pod = Review { bound: Some(("node-1".to_owned(), "pod-9".into())), ..good() };
    for (answer, expected) in [
        (good(), Ok(agent())),
        (Review { authenticated: false, ..good() }, Err(Refused::NotConfirmed)),
        (Review { audiences: Vec::new(), ..good() }, Err(Refused::OtherAudience)),
        (Review { audiences: vec!["other".to_owned()], ..good() }, Err(Refused::OtherAudience)),
        (
            Review { username: "system:serviceaccount:ns:other".to_owned(), ..good() },
            Err(Refused::OtherAccount),
        ),
        (unbound, Err(Refused::Unbound)),
        (strange, Err(Refused::Unbound)),
        (other_pod, Err(Refused::PodUnknown)),
    ] {
        let shown = (Role::Agent, &*token(&claims()), POD);
        let decided = ask(&accounts(true), &cluster(), shown, Some(Ok(answer.clone())), at(10));
        assert_eq!(decided, expected, "{answer:?}");
    }
}

#[test]
fn a_reader_needs_the_right_to_read_and_no_pod() {
    let account = json!({"aud": "meshvane", "exp": END, "sub": "system:serviceaccount:x:prometheus"});
    let review = |may_read| Review {
        username: "system:serviceaccount:x:prometheus".to_owned(),
        bound: None,
        may_read,
        ..good()
    };
    for (may_read, expected) in [(true, Ok(Identity::Reader)), (false, Err(Refused::MayNotRead))] {
        let shown = (Role::Reader, &*token(&account), ELSEWHERE);
        assert_eq!(ask(&accounts(true), &cluster(), shown, Some(Ok(review(may_read))), at(10)), expected);
    }
}

#[test]
fn an_answer_counts_for_a_while_and_then_one_request_asks_again() {
    let (accounts, cluster, token) = (accounts(true), cluster(), token(&claims()));
    let shown = (Role::Agent, &*token, POD);
    assert_eq!(ask(&accounts, &cluster, shown, Some(Ok(good())), at(10)), Ok(agent()));
    assert_eq!(ask(&accounts, &cluster, shown, None, at(17)), Ok(agent()));
    let Admission::Ask(question) = accounts.admit(Role::Agent, &token, ip(POD), &cluster, at(18)) else {
        panic!("does not ask");
    };
    assert_eq!(ask(&accounts, &cluster, shown, None, at(18)), Ok(agent()), "the others go on");
    let deleted = Review { authenticated: false, ..good() };
    assert_eq!(accounts.settle(&question, Ok(deleted), &cluster, at(18)), Err(Refused::NotConfirmed));
    assert_eq!(ask(&accounts, &cluster, shown, None, at(19)), Err(Refused::NotConfirmed));
    assert_eq!(
        ask(&accounts, &cluster, shown, Some(Ok(good())), at(26)),
        Ok(agent()),
        "asked again after a refusal"
    );
}

#[test]
fn a_question_that_nobody_waits_for_is_asked_again() {
    let (accounts, cluster, token) = (accounts(true), cluster(), token(&claims()));
    let shown = (Role::Agent, &*token, POD);
    assert_eq!(ask(&accounts, &cluster, shown, Some(Ok(good())), at(0)), Ok(agent()));
    drop(accounts.admit(Role::Agent, &token, ip(POD), &cluster, at(8)));
    assert_eq!(ask(&accounts, &cluster, shown, None, at(10)), Ok(agent()));
    assert_eq!(ask(&accounts, &cluster, shown, Some(Ok(good())), at(11)), Ok(agent()));
}

#[test]
fn a_deleted_pod_is_refused_at_once() {
    let (accounts, mut cluster, token) = (accounts(true), cluster(), token(&claims()));
    let shown = (Role::Agent, &*token, POD);
    assert_eq!(ask(&accounts, &cluster, shown, Some(Ok(good())), at(10)), Ok(agent()));
    cluster.pods.deleted(&"pod-1".into());
    assert_eq!(ask(&accounts, &cluster, shown, None, at(11)), Err(Refused::PodGone));
    assert_eq!(
        ask(&accounts, &cluster, (Role::Agent, &renewed(END), POD), None, at(11)),
        Err(Refused::PodGone)
    );
}

#[test]
fn whom_the_api_server_confirmed_is_believed_while_it_is_away_until_an_hour_after_the_end() {
    let (accounts, cluster, token) = (accounts(true), cluster(), token(&claims()));
    let shown = (Role::Agent, &*token, POD);
    let away = Some(Err(Unavailable));
    assert_eq!(ask(&accounts, &cluster, shown, Some(Ok(good())), at(10)), Ok(agent()));
    assert_eq!(ask(&accounts, &cluster, shown, away.clone(), at(1000)), Ok(agent()));
    assert_eq!(ask(&accounts, &cluster, shown, None, at(1000)), Ok(agent()), "asks again at once");
    assert_eq!(ask(&accounts, &cluster, shown, away.clone(), at(END + 3599)), Ok(agent()));
    assert_eq!(
        ask(&accounts, &cluster, shown, away.clone(), at(END + 3600)),
        Err(Refused::ReviewUnavailable)
    );
    let unknown = renewed(99_999);
    let shown = (Role::Agent, &*unknown, POD);
    assert_eq!(ask(&accounts, &cluster, shown, away, at(END + 3700)), Err(Refused::ReviewUnavailable));
    assert_eq!(ask(&accounts, &cluster, shown, None, at(END + 3700)), Err(Refused::ReviewUnavailable));
    assert_eq!(ask(&accounts, &cluster, shown, Some(Ok(good())), at(END + 3701)), Ok(agent()));
}

#[test]
fn while_the_api_server_is_away_one_request_tries_and_the_others_go_on() {
    let (accounts, cluster, first, second) = (accounts(true), cluster(), token(&claims()), renewed(END));
    for token in [&first, &second] {
        assert_eq!(ask(&accounts, &cluster, (Role::Agent, token, POD), Some(Ok(good())), at(0)), Ok(agent()));
    }
    let away = Some(Err(Unavailable));
    assert_eq!(ask(&accounts, &cluster, (Role::Agent, &first, POD), away, at(20)), Ok(agent()));
    assert_eq!(ask(&accounts, &cluster, (Role::Agent, &second, POD), None, at(20)), Ok(agent()));
    let Admission::Ask(trial) = accounts.admit(Role::Agent, &first, ip(POD), &cluster, at(21)) else {
        panic!("does not try again");
    };
    assert_eq!(ask(&accounts, &cluster, (Role::Agent, &second, POD), None, at(22)), Ok(agent()));
    assert_eq!(accounts.settle(&trial, Ok(good()), &cluster, at(22)), Ok(agent()));
    let gone = Some(Ok(Review { authenticated: false, ..good() }));
    let decided = ask(&accounts, &cluster, (Role::Agent, &second, POD), gone, at(22));
    assert_eq!(decided, Err(Refused::NotConfirmed), "it is back, and everybody is asked about again");
}

#[test]
fn a_known_token_that_ended_is_refused_when_the_api_server_says_so() {
    let (accounts, cluster, token) = (accounts(true), cluster(), token(&claims()));
    let shown = (Role::Agent, &*token, POD);
    assert_eq!(ask(&accounts, &cluster, shown, Some(Ok(good())), at(END - 1)), Ok(agent()));
    let ended = Review { authenticated: false, ..good() };
    assert_eq!(ask(&accounts, &cluster, shown, Some(Ok(ended)), at(END + 10)), Err(Refused::Expired));
}

#[test]
fn a_token_that_ends_soon_after_our_own_start_is_believed_until_the_kubelet_renewed_it() {
    let (accounts, cluster, token) = (accounts(true), cluster(), renewed(60));
    let shown = (Role::Agent, &*token, POD);
    let ended = || Some(Ok(Review { authenticated: false, ..good() }));
    assert_eq!(ask(&accounts, &cluster, shown, Some(Ok(good())), at(50)), Ok(agent()));
    assert_eq!(ask(&accounts, &cluster, shown, ended(), at(70)), Ok(agent()));
    assert_eq!(ask(&accounts, &cluster, shown, ended(), at(180)), Err(Refused::Expired));
    let another = renewed(61);
    let decided = ask(&accounts, &cluster, (Role::Agent, &another, POD), None, at(70));
    assert_eq!(decided, Err(Refused::Expired), "nobody ever confirmed it");
}

#[test]
fn an_agent_from_another_address_is_refused_and_known_by_its_node_once_its_token_is_confirmed() {
    for peer in [ELSEWHERE, "10.0.0.1"] {
        let (accounts, cluster, token) = (accounts(true), cluster(), token(&claims()));
        assert_eq!(accounts.confirmed_node(&token), None);
        let shown = (Role::Agent, &*token, peer);
        let decided = ask(&accounts, &cluster, shown, Some(Ok(good())), at(10));
        assert_eq!(decided, Err(Refused::OtherAddress));
        assert_eq!(accounts.confirmed_node(&token).as_ref().map(NodeName::as_str), Some("node-1"));
        assert_eq!(ask(&accounts, &cluster, shown, None, at(11)), Err(Refused::OtherAddress));
    }
}

#[test]
fn a_forged_token_from_another_address_names_no_node() {
    let (accounts, cluster, token) = (accounts(true), cluster(), token(&claims()));
    let unknown = Some(Ok(Review { authenticated: false, ..good() }));
    let decided = ask(&accounts, &cluster, (Role::Agent, &token, ELSEWHERE), unknown, at(10));
    assert_eq!((decided, accounts.confirmed_node(&token)), (Err(Refused::NotConfirmed), None));
}

#[test]
fn an_agent_that_is_refused_is_known_to_be_there_by_the_address_of_its_pod() {
    let (accounts, mut cluster, ended) = (accounts(true), cluster(), renewed(-1));
    let behind = |cluster: &Cluster, token: &[u8], peer: &str| accounts.node_behind(token, ip(peer), cluster);
    assert_eq!(behind(&cluster, &ended, POD).as_ref().map(NodeName::as_str), Some("node-1"));
    assert_eq!(behind(&cluster, &ended, ELSEWHERE), None);
    assert_eq!(behind(&cluster, b"garbage", POD), None);
    cluster.pods.deleted(&"pod-1".into());
    assert_eq!(behind(&cluster, &ended, POD), None);
}

#[test]
fn a_token_that_ended_while_the_api_server_was_away_is_believed_until_the_kubelet_renewed_it() {
    let (accounts, cluster, token) = (accounts(true), cluster(), token(&claims()));
    let shown = (Role::Agent, &*token, POD);
    let ended = || Some(Ok(Review { authenticated: false, ..good() }));
    assert_eq!(ask(&accounts, &cluster, shown, Some(Ok(good())), at(END - 300)), Ok(agent()));
    assert_eq!(ask(&accounts, &cluster, shown, Some(Err(Unavailable)), at(END - 200)), Ok(agent()));
    for late in [10, 18, 189] {
        assert_eq!(ask(&accounts, &cluster, shown, ended(), at(END + late)), Ok(agent()));
    }
    assert_eq!(ask(&accounts, &cluster, shown, ended(), at(END + 198)), Err(Refused::Expired));
}

#[test]
fn a_token_that_is_revoked_while_the_api_server_is_away_is_refused_when_it_is_back() {
    let (accounts, cluster, token) = (accounts(true), cluster(), token(&claims()));
    let shown = (Role::Agent, &*token, POD);
    let revoked = Some(Ok(Review { authenticated: false, ..good() }));
    assert_eq!(ask(&accounts, &cluster, shown, Some(Ok(good())), at(10)), Ok(agent()));
    assert_eq!(ask(&accounts, &cluster, shown, Some(Err(Unavailable)), at(100)), Ok(agent()));
    assert_eq!(ask(&accounts, &cluster, shown, revoked, at(110)), Err(Refused::NotConfirmed));
}

#[test]
fn with_tls_an_agent_may_come_from_another_address() {
    let shown = (Role::Agent, &*token(&claims()), ELSEWHERE);
    assert_eq!(ask(&accounts(false), &cluster(), shown, Some(Ok(good())), at(10)), Ok(agent()));
}

#[test]
fn a_pod_that_was_not_seen_yet_is_asked_about_and_waits() {
    let shown = (Role::Agent, &*token(&claims()), POD);
    let decided = ask(&accounts(true), &Cluster::default(), shown, Some(Ok(good())), at(10));
    assert_eq!(decided, Err(Refused::PodUnknown));
    let mut cluster = cluster();
    let pod = cluster.pods.get(&"pod-1".into()).unwrap().clone();
    cluster.pods.applied("pod-1".into(), AgentPod { addresses: Vec::new(), ..pod });
    let decided = ask(&accounts(true), &cluster, shown, Some(Ok(good())), at(10));
    assert_eq!(decided, Err(Refused::PodUnknown), "a pod without an address yet");
}

/// Another token of the same pod.
fn renewed(end: i64) -> Vec<u8> {
    let mut claims = claims();
    claims["jti"] = json!("2");
    claims["exp"] = json!(end);
    token(&claims)
}

/// A forged token: its claims are right, and nobody signed them.
fn forged(number: usize) -> Vec<u8> {
    let mut claims = claims();
    claims["kubernetes.io"]["pod"]["uid"] = json!(format!("forged-{number}"));
    token(&claims)
}

#[test]
fn a_token_reaches_no_log() {
    let token = token(&claims());
    let Admission::Ask(question) = accounts(true).admit(Role::Agent, &token, ip(POD), &cluster(), at(10))
    else {
        panic!("does not ask");
    };
    assert!(!format!("{question:?}").contains(&question.token));
}
