//! Who may with `MESHVANE_AUTH=kubernetes`: over HTTP, against an API server that answers as the real one.

use axum::http::StatusCode;
use meshvane_server::config::{Config, TlsFiles};
use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::fake_kube::{AGENTS, FakeKube, claims, extra, pod, pod_address, token};
use crate::support::{Server, client_builder};

mod addresses;
mod outages;

/// Asks from an address of our own choice.
struct From {
    client: Client,
}

fn from(address: &str) -> From {
    From { client: client_builder().local_address(Some(address.parse().unwrap())).build().unwrap() }
}

impl From {
    async fn ask(
        &self,
        server: &Server,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: &str,
    ) -> (u16, Value) {
        let mut request = self.client.request(method, server.url(path)).body(body.to_owned());
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap_or_default())
    }

    async fn post(&self, server: &Server, path: &str, token: Option<&str>, body: &Value) -> (u16, Value) {
        self.ask(server, Method::POST, path, token, &body.to_string()).await
    }

    async fn get(&self, server: &Server, path: &str, token: Option<&str>) -> (u16, Value) {
        self.ask(server, Method::GET, path, token, "").await
    }
}

/// A heartbeat of an agent in its pod.
fn heartbeat(number: u8) -> Value {
    let mut body = crate::support::heartbeat(number);
    body["pod_ip"] = json!(pod_address(number));
    body
}

fn round(number: u8) -> Value {
    json!({
        "node": format!("node-{number}"), "boot_id": format!("boot-{number}"), "sequence": 1,
        "plan": {"epoch": "0000000000000000", "generation": 1}, "interval_ms": 5000, "targets": [], "cells": []
    })
}

async fn start(kube: &FakeKube) -> Server {
    Server::start(kube.config()).await
}

const HEARTBEAT: &str = "/api/v1/heartbeat";
const ROUNDS: &str = "/api/v1/rounds";

#[tokio::test]
async fn an_agent_in_its_pod_speaks_for_its_node() {
    let kube = FakeKube::start().await;
    let token = kube.agent(1);
    let server = start(&kube).await;
    let pod = from(&pod_address(1));
    assert_eq!(pod.post(&server, HEARTBEAT, Some(&token), &heartbeat(1)).await.0, 200);
    assert_eq!(pod.post(&server, ROUNDS, Some(&token), &round(1)).await.0, 200);
    assert_eq!(pod.get(&server, "/api/v1/plan?node=node-1", Some(&token)).await.0, 200);
    assert_eq!(kube.reviews(), 1, "the same token is asked about once");
    let (status, problem) = pod.get(&server, "/api/v1/plan?node=node-2", Some(&token)).await;
    assert_eq!((status, &problem["type"]), (403, &json!("/problems/forbidden")));
}

#[tokio::test]
async fn an_agent_whose_pod_is_new_is_awaited() {
    let kube = FakeKube::start().await;
    let server = start(&kube).await;
    let token = token(&claims(7));
    kube.confirm(&token, AGENTS, &extra(7), &["meshvane"]);
    let client = from(&pod_address(7));
    let body = heartbeat(7);
    let asked = client.post(&server, HEARTBEAT, Some(&token), &body);
    let appears = async { kube.put("pods", pod(7)) };
    let ((status, problem), ()) = tokio::join!(asked, appears);
    assert_eq!(status, 200, "{problem}");
}

/// A write that nobody should believe.
struct Forged {
    what: &'static str,
    source: String,
    token: Option<String>,
    path: &'static str,
    body: Value,
    status: u16,
}

fn forged(what: &'static str, status: u16, token: Option<String>) -> Forged {
    Forged { what, source: pod_address(1), token, path: HEARTBEAT, body: heartbeat(1), status }
}

/// Tokens that the API server does not know, or knows as somebody else's.
fn forged_tokens(kube: &FakeKube) -> Vec<Forged> {
    let with = |key: &str, value: Value| {
        let mut claims = claims(1);
        claims["jti"] = json!(format!("{key} {value}"));
        claims[key] = value;
        token(&claims)
    };
    // The API server confirms these, and they are not an agent's all the same.
    let confirmed = |what: &str, username: &str, extra: &Value, audiences: &[&str]| {
        let token = with("jti", json!(what));
        kube.confirm(&token, username, extra, audiences);
        Some(token)
    };
    let without = |key: &str| {
        let mut extra = extra(1);
        extra.as_object_mut().unwrap().remove(&format!("authentication.kubernetes.io/{key}")).unwrap();
        extra
    };
    let other = "system:serviceaccount:kube-system:default";
    let cut = token(&claims(1));
    vec![
        forged("no token", 401, None),
        forged("garbage", 401, Some("garbage".to_owned())),
        forged("the token of the other way", 401, Some(crate::support::AGENTS_TOKEN.to_owned())),
        forged("two parts", 401, Some(cut.rsplit_once('.').unwrap().0.to_owned())),
        forged("four parts", 401, Some(format!("{cut}.x"))),
        forged("not base64", 401, Some("e30.%%%.c2ln".to_owned())),
        forged("not JSON", 401, Some("e30.bm90.c2ln".to_owned())),
        forged("another signature", 401, Some(cut.replace("c2lnbmF0dXJl", "Zm9yZ2Vk"))),
        forged("invented, of a pod that is", 401, Some(with("jti", json!("x")))),
        forged(
            "an invented pod",
            401,
            Some(with("kubernetes.io", json!({"pod": {"uid": "p"}, "node": {"uid": "n"}}))),
        ),
        forged("another audience", 401, Some(with("aud", json!(["https://kubernetes.default.svc"])))),
        forged("no audience", 401, Some(with("aud", json!([])))),
        forged("expired", 401, Some(with("exp", json!(1_700_000_000)))),
        forged("without an end", 401, Some(with("exp", Value::Null))),
        forged("another account", 403, Some(with("sub", json!(other)))),
        forged("another namespace", 403, Some(with("sub", json!("system:serviceaccount:x:meshvane-agent")))),
        forged("a person", 403, Some(with("sub", json!("admin")))),
        forged("no account", 403, Some(with("sub", json!("")))),
        forged("bound to nothing", 403, Some(with("kubernetes.io", json!({})))),
        forged("bound to a node alone", 403, Some(with("kubernetes.io", json!({"node": {"uid": "n"}})))),
        forged("bound to a pod alone", 403, Some(with("kubernetes.io", json!({"pod": {"uid": "pod-1"}})))),
        forged("confirmed as another's", 403, confirmed("a", other, &extra(1), &["meshvane"])),
        forged("confirmed without pod", 403, confirmed("b", AGENTS, &without("pod-name"), &["meshvane"])),
        forged("confirmed without uid", 403, confirmed("c", AGENTS, &without("pod-uid"), &["meshvane"])),
        forged("confirmed without node", 403, confirmed("d", AGENTS, &without("node-name"), &["meshvane"])),
        forged("confirmed unbound", 403, confirmed("e", AGENTS, &json!({}), &["meshvane"])),
        forged("confirmed for others", 401, confirmed("f", AGENTS, &extra(1), &["other"])),
    ]
}

/// What an agent must not do with its own, good token.
fn forged_writes(good: &str, reader: &str) -> Vec<Forged> {
    let token = || Some(good.to_owned());
    let at = |what, source: &str| Forged { source: source.to_owned(), ..forged(what, 403, token()) };
    let with = |what, key: &str, value: Value| {
        let mut body = heartbeat(1);
        body[key] = value;
        Forged { body, ..forged(what, 403, token()) }
    };
    let to = |what, path, status, token, body: Value| Forged { path, body, ..forged(what, status, token) };
    let results = json!({"source_ip": pod_address(1), "results": []});
    let service = json!({"source_ip": pod_address(1), "result": {}});
    vec![
        at("another pod's address", &pod_address(2)),
        at("an address of nobody", "127.0.9.9"),
        at("the node's own address", "127.0.0.1"),
        with("another node", "node", json!("node-2")),
        with("a node that is not there", "node", json!("node-99")),
        with("no node, as an original agent", "node", Value::Null),
        with("another node's address", "node_ip", json!("10.0.0.2")),
        with("another pod's address within", "pod_ip", json!(pod_address(2))),
        with("an address of the outside", "host_addresses", json!(["192.0.2.1"])),
        with("its own address and another", "pod_addresses", json!([pod_address(1), "192.0.2.1"])),
        with("its node's address as its own", "pod_ip", json!("10.0.0.1")),
        with("a goodbye of another node", "node", json!("node-3")),
        to("another node's round", ROUNDS, 403, token(), round(2)),
        to("an anonymous round", ROUNDS, 401, None, round(1)),
        to(
            "results of an original agent on hosts",
            "/api/v1/test-results/hosts",
            403,
            token(),
            results.clone(),
        ),
        to(
            "results of an original agent on pods",
            "/api/v1/test-results/pods",
            403,
            token(),
            results.clone(),
        ),
        to(
            "results of an original agent on a service",
            "/api/v1/test-results/service",
            403,
            token(),
            service,
        ),
        to("anonymous results", "/api/v1/test-results/pods", 401, None, results),
        to("a reader's heartbeat", HEARTBEAT, 403, Some(reader.to_owned()), heartbeat(1)),
        to("a reader's round", ROUNDS, 403, Some(reader.to_owned()), round(1)),
    ]
}

fn reader(kube: &FakeKube, name: &str) -> String {
    let username = format!("system:serviceaccount:monitoring:{name}");
    let token = token(&json!({"aud": ["meshvane"], "exp": 4_000_000_000_u64, "sub": username}));
    kube.confirm(&token, &username, &json!({}), &["meshvane"]);
    token
}

#[tokio::test]
async fn no_forged_write_is_taken_and_none_changes_anything() {
    let kube = FakeKube::start().await;
    let good = kube.agent(1);
    kube.agent(2);
    kube.let_read("system:serviceaccount:monitoring:prometheus");
    let reader = reader(&kube, "prometheus");
    let mut table = forged_tokens(&kube);
    table.extend(forged_writes(&good, &reader));
    assert!(table.len() >= 40, "{}", table.len());
    let pod = from(&pod_address(1));
    for write in table {
        // A server of its own for each: what one pod may have reviewed in a while is another test's.
        let server = start(&kube).await;
        assert_eq!(pod.post(&server, HEARTBEAT, Some(&good), &heartbeat(1)).await.0, 200);
        let before = server.everything().await;
        let (status, answer) =
            from(&write.source).post(&server, write.path, write.token.as_deref(), &write.body).await;
        assert_eq!(status, write.status, "{}: {answer}", write.what);
        assert_eq!(server.everything().await, before, "{}", write.what);
        assert_eq!(pod.post(&server, HEARTBEAT, Some(&good), &heartbeat(1)).await.0, 200, "{}", write.what);
    }
}

#[tokio::test]
async fn a_deleted_pod_is_refused_when_the_server_sees_it_go() {
    let kube = FakeKube::start().await;
    let good = kube.agent(1);
    let server = start(&kube).await;
    let client = from(&pod_address(1));
    assert_eq!(client.post(&server, HEARTBEAT, Some(&good), &heartbeat(1)).await.0, 200);
    kube.delete("pods", "agent-1");
    // The answer to the first review still counts; the watch is what ends it.
    let refused = async {
        loop {
            let (status, answer) = client.post(&server, ROUNDS, Some(&good), &round(1)).await;
            match status {
                200 => tokio::task::yield_now().await,
                _ => return (status, answer),
            }
        }
    };
    let (status, answer) = refused.await;
    assert_eq!(status, 401, "{answer}");
    assert!(answer["detail"].as_str().unwrap().contains("pod was deleted"), "{answer}");
    assert_eq!(kube.reviews(), 1);
}

#[tokio::test]
async fn with_a_certificate_an_agent_may_come_through_a_proxy() {
    let kube = FakeKube::start().await;
    let good = kube.agent(1);
    let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let certificate = crate::support::file(certified.cert.pem());
    let key = crate::support::file(certified.signing_key.serialize_pem());
    let config = Config { tls: Some(TlsFiles { certificate, key }), ..kube.config() };
    let server = Server::start(config).await;
    let roots = [reqwest::Certificate::from_pem(certified.cert.pem().as_bytes()).unwrap()];
    let client = client_builder().tls_certs_only(roots).build().unwrap();
    let url = format!("https://localhost:{}{HEARTBEAT}", server.addresses.api.port());
    let request = client.post(url).bearer_auth(&good).body(heartbeat(1).to_string());
    assert_eq!(request.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_reader_from_elsewhere_needs_the_right_to_get_one_path() {
    let kube = FakeKube::start().await;
    kube.let_read("system:serviceaccount:monitoring:prometheus");
    let (may, may_not) = (reader(&kube, "prometheus"), reader(&kube, "other"));
    let agent = kube.agent(1);
    let server = start(&kube).await;
    let elsewhere = from("127.0.9.9");
    for path in ["/api/v1/agents", "/api/v1/findings", "/api/v1/results", "/api/v1/plan"] {
        for (token, expected) in
            [(None, 401), (Some("garbage"), 401), (Some(&*may), 200), (Some(&*may_not), 403)]
        {
            let (status, answer) = elsewhere.get(&server, path, token).await;
            assert_eq!(status, expected, "{path} {token:?}: {answer}");
        }
    }
    assert!(kube.asked_paths().iter().all(|path| path == "/meshvane.io/read"), "{:?}", kube.asked_paths());
    let (status, _) = from(&pod_address(1)).get(&server, "/api/v1/findings", Some(&agent)).await;
    assert_eq!(status, 403, "an agent reads its plan and nothing else");
    assert_eq!(server.get("/api/v1/findings").await.status(), 200, "loopback needs no token");
    assert_eq!(server.get("/api/v1/health").await.status(), 200);
}

#[tokio::test]
async fn the_proxy_of_the_api_server_is_told_of_port_forward() {
    let kube = FakeKube::start().await;
    let server = start(&kube).await;
    for source in ["127.0.0.1", "127.0.9.9"] {
        let request =
            from(source).client.get(server.url("/api/v1/agents")).header("x-forwarded-for", "10.0.0.1");
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 403, "{source}");
        assert_eq!(response.headers()["content-type"], "text/plain; charset=utf-8", "kubectl shows no other");
        let text = response.text().await.unwrap();
        assert!(text.contains("kubectl port-forward") && text.contains("proxy"), "{text}");
    }
}

#[tokio::test]
async fn without_the_right_to_see_nodes_agents_are_heard() {
    let kube = FakeKube::start().await;
    kube.forbid_nodes();
    let good = kube.agent(1);
    let server = start(&kube).await;
    assert_eq!(from(&pod_address(1)).post(&server, HEARTBEAT, Some(&good), &heartbeat(1)).await.0, 200);
}

#[tokio::test]
async fn after_a_restart_an_agent_makes_nobody_probe_what_kubernetes_does_not_know() {
    let kube = FakeKube::start().await;
    let good = kube.agent(1);
    kube.agent(2);
    let server = start(&kube).await;
    let target = |number: u8, address: &str| json!({"node": format!("node-{number}"), "plane": "host", "address": address});
    let targets = json!([target(1, "10.0.0.1"), target(2, "10.0.0.2"), target(3, "192.0.2.1")]);
    let mut brought = round(1);
    brought["targets"] = targets;
    let pod = from(&pod_address(1));
    assert_eq!(pod.post(&server, ROUNDS, Some(&good), &brought).await.0, 200);
    assert_eq!(pod.post(&server, HEARTBEAT, Some(&good), &heartbeat(1)).await.0, 200);
    // Whoever is alone is believed about whom it remembers; the judge makes members of those.
    let nodes = async {
        loop {
            let agents = server.json("/api/v1/agents").await;
            let nodes: Vec<Value> =
                agents["agents"].as_array().unwrap().iter().map(|agent| agent["node"].clone()).collect();
            if nodes.len() > 1 {
                return nodes;
            }
            tokio::task::yield_now().await;
        }
    };
    assert_eq!(nodes.await, ["node-1", "node-2"]);
}
