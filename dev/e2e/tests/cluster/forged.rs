//! Writes by those who may not write: each is refused, and changes nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use e2e::api::Api;
use serde_json::{Value, json};

use crate::command::{must, run};
use crate::installation::Installation;
use crate::kube::{self, Pod, apply, kubectl, pods, until};

e2e::tests!(
    forged_writes_are_refused_and_change_nothing,
    tokens_of_what_was_deleted_are_refused_soon,
    readers_need_the_role_and_the_proxy_of_the_api_server_is_told_how_to_read,
);

/// What was deleted may be believed for so long: 10 s by the API server itself, 10 s by our cache.
const REFUSED_WITHIN: Duration = Duration::from_secs(20);
/// The audience that the chart's agents ask for.
pub(crate) const AUDIENCE: &str = "meshvane";

/// A token of an account; `more` is what kubectl is told beside it.
pub(crate) fn token(namespace: &str, account: &str, more: &[&str]) -> String {
    let arguments = [&["-n", namespace, "create", "token", account], more].concat();
    kubectl(&arguments).trim().to_owned()
}

fn account(namespace: &str, name: &str) {
    apply(&format!(
        "apiVersion: v1\nkind: ServiceAccount\nmetadata:\n  name: {name}\n  namespace: {namespace}\n"
    ));
}

/// The bodies that agents post, as an agent of this node with this pod would.
pub(crate) fn bodies(node: &str, pod: &Pod) -> [(&'static str, Value); 5] {
    let heartbeat = json!({
        "namespace": "mesh-forged", "node_ip": "10.99.99.99", "pod_ip": pod.address, "pod_name": pod.name,
        "node": node, "client_port": 6100, "interval_ms": 5000, "boot_id": "forged", "uptime_ms": 1,
    });
    let round = json!({
        "node": node, "boot_id": "forged", "sequence": 1, "plan": {"epoch": "0000000000000000", "generation": 1},
        "interval_ms": 5000, "took_ms": 1, "cells": [], "targets": [],
    });
    let result = json!({"target_ip": "10.99.99.98", "status": "failed", "latency": 0});
    let results = json!({"source_ip": pod.address, "results": [result]});
    let service = json!({
        "source_ip": pod.address, "service_name": "forged.test", "status": "failed", "latency": 0,
    });
    [
        ("/api/v1/heartbeat", heartbeat),
        ("/api/v1/rounds", round),
        ("/api/v1/test-results/hosts", results.clone()),
        ("/api/v1/test-results/pods", results),
        ("/api/v1/test-results/service", service),
    ]
}

/// What a forged write could change.
pub(crate) async fn state(mesh: &Installation) -> Value {
    let agents: BTreeMap<String, Value> = mesh
        .api
        .agents()
        .await
        .into_iter()
        .map(|agent| {
            let known =
                json!([agent.boot_id, agent.pod, agent.pod_addresses, agent.host_addresses, agent.state]);
            (agent.node.to_string(), known)
        })
        .collect();
    let results: Value = mesh.api.get("/api/v1/results").await.unwrap();
    let forged = results.to_string().contains("10.99.99") || results.to_string().contains("forged");
    json!([agents, forged, mesh.watch.open()])
}

/// A token that claims the right things and is signed by nobody.
pub(crate) fn self_made(namespace: &str, pod: &Pod, expires: u64) -> String {
    let text = |value: Value| encoded(value.to_string().as_bytes());
    let claims = json!({
        "aud": [AUDIENCE], "exp": expires, "iat": 1_700_000_000, "iss": "https://kubernetes.default.svc.cluster.local",
        "sub": format!("system:serviceaccount:{namespace}:meshvane-agent"),
        "kubernetes.io": {"namespace": namespace, "node": {"name": pod.node, "uid": "1"},
            "pod": {"name": pod.name, "uid": "1"}, "serviceaccount": {"name": "meshvane-agent", "uid": "1"}},
    });
    format!("{}.{}.{}", text(json!({"alg": "RS256", "kid": "1"})), text(claims), encoded(&[7; 256]))
}

/// Base64 for URLs, without padding (RFC 4648 section 5), as tokens are written.
fn encoded(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let number = three
            .iter()
            .enumerate()
            .fold(0_u32, |all, (place, byte)| all | u32::from(*byte) << (16 - 8 * place));
        for digit in 0..=three.len() {
            let index = usize::try_from(number >> (18 - 6 * digit) & 63).unwrap();
            text.push(char::from(DIGITS[index]));
        }
    }
    text
}

async fn forged_writes_are_refused_and_change_nothing() {
    let mesh = Installation::make("mesh-forged", &[]).await;
    let namespace = mesh.namespace.as_str();
    account(namespace, "somebody");
    account("default", "meshvane-agent");
    let agents = pods(namespace, "agent");
    let server = pods(namespace, "server").remove(0);
    let (one, other) = (&agents[0], &agents[1]);
    let audience = ["--audience", AUDIENCE];
    let bound = |account: &str, kind: &str, name: &str| {
        let bound = ["--bound-object-kind", kind, "--bound-object-name", name];
        token(namespace, account, &[&audience[..], &bound].concat())
    };
    let true_token = bound("meshvane-agent", "Pod", &one.name);
    let cut = true_token[..true_token.len() - 4].to_owned();
    let tokens: Vec<(&str, Option<String>)> = vec![
        ("no token", None),
        ("an empty one", Some(String::new())),
        ("garbage", Some("garbage".to_owned())),
        ("two dots", Some("a.b.c".to_owned())),
        ("signed by nobody", Some(self_made(namespace, one, 4_000_000_000))),
        ("expired", Some(self_made(namespace, one, 1_700_000_000))),
        ("a true one without the end of its signature", Some(cut)),
        ("for another audience", Some(token(namespace, "meshvane-agent", &["--audience", "other"]))),
        ("for the API server", Some(token(namespace, "meshvane-agent", &[]))),
        ("bound to nothing", Some(token(namespace, "meshvane-agent", &audience))),
        ("bound to a Node and no pod", Some(bound("meshvane-agent", "Node", &one.node))),
        ("of another account", Some(token(namespace, "somebody", &audience))),
        ("of the server's account, bound to its pod", Some(bound("meshvane-server", "Pod", &server.name))),
        ("of the same name in another namespace", Some(token("default", "meshvane-agent", &audience))),
        ("of a pod, from an address that is not the pod's", Some(true_token.clone())),
        (
            "of another pod, from an address that is not its own",
            Some(bound("meshvane-agent", "Pod", &other.name)),
        ),
    ];
    let before = state(&mesh).await;
    let direct = Api::new(format!("{}:8080", mesh.server_address()).parse().unwrap());
    let mut kinds = 0;
    // From another machine, and through a forwarded port, which may read without a token.
    for (way, api) in [("directly", &direct), ("by a forwarded port", &mesh.api)] {
        for (what, token) in &tokens {
            for (path, body) in bodies(&one.node, one) {
                let (status, answer) = api.post(path, token.as_deref(), &body).await;
                let told = format!("{what}, {path}, {way}: {status} {answer}");
                assert!(status == 401 || status == 403, "{told}");
                assert!(
                    token.as_ref().is_none_or(|token| token.len() < 20 || !answer.contains(token.as_str())),
                    "{told}"
                );
                kinds += 1;
            }
        }
    }
    println!("{kinds} forged writes of different kinds, all refused");
    assert!(kinds >= 40);
    assert_eq!(state(&mesh).await, before);
    let arguments = ["-n", namespace, "logs", "deploy/meshvane-server"];
    assert!(!kubectl(&arguments).contains(&true_token), "the log has a token");
    kubectl(&["-n", "default", "delete", "serviceaccount", "meshvane-agent"]);
    mesh.opened_were(&[]).await;
}

async fn tokens_of_what_was_deleted_are_refused_soon() {
    let mesh = Installation::make("mesh-deleted", &[]).await;
    let namespace = mesh.namespace.as_str();
    // An account may read, until it is deleted; made anew under its name, the old token stays worthless.
    let reader = "reader";
    account(namespace, reader);
    bind_reader(namespace, reader);
    let held = token(namespace, reader, &["--audience", AUDIENCE]);
    let url = format!("http://{}:8080/api/v1/agents", mesh.server_address());
    assert_eq!(status(&url, &held), "200");
    kubectl(&["-n", namespace, "delete", "serviceaccount", reader]);
    let refused = async || status(&url, &held) == "401";
    let took = until("the deleted account's token is refused", REFUSED_WITHIN, refused).await;
    println!("refused {:.1} s after its account was deleted", took.as_secs_f64());
    account(namespace, reader);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(status(&url, &held), "401");

    // A pod's token, which the API server binds to it: a write of the pod's own is refused when it is gone.
    let pod = pods(namespace, "agent").remove(0);
    let bound = ["--audience", AUDIENCE, "--bound-object-kind", "Pod", "--bound-object-name", &pod.name];
    let held = token(namespace, "meshvane-agent", &bound);
    kubectl(&["-n", namespace, "delete", "pod", &pod.name]);
    let direct = Api::new(format!("{}:8080", mesh.server_address()).parse().unwrap());
    let (path, body) = bodies(&pod.node, &pod)[0].clone();
    until("the deleted pod's token is refused as unknown", REFUSED_WITHIN, async || {
        direct.post(path, Some(&held), &body).await.0 == 401
    })
    .await;
    mesh.full(kube::nodes().len()).await;
    mesh.opened_were(&[]).await;
    kubectl(&["delete", "clusterrolebinding", "mesh-suite-reader"]);
}

fn bind_reader(namespace: &str, account: &str) {
    apply(&format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata:\n  name: mesh-suite-reader\n\
         roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: meshvane-reader}}\n\
         subjects: [{{kind: ServiceAccount, name: {account}, namespace: {namespace}}}]\n"
    ));
}

fn status(url: &str, token: &str) -> String {
    let bearer = format!("Authorization: Bearer {token}");
    let arguments = ["-s", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", "10", "-H", &bearer, url];
    must("curl", &arguments, "")
}

async fn readers_need_the_role_and_the_proxy_of_the_api_server_is_told_how_to_read() {
    let mesh = Installation::make("mesh-readers", &[]).await;
    let namespace = mesh.namespace.as_str();
    for name in ["with-role", "without-role"] {
        account(namespace, name);
    }
    bind_reader(namespace, "with-role");
    let with = token(namespace, "with-role", &["--audience", AUDIENCE]);
    let without = token(namespace, "without-role", &["--audience", AUDIENCE]);
    let paths = [
        "agents",
        "matrix",
        "findings",
        "report",
        "hosts",
        "pods",
        "clients/count",
        "results",
        "test-results/hosts",
        "test-results/pods",
        "test-results/service",
    ];
    for path in paths {
        let url = format!("http://{}:8080/api/v1/{path}", mesh.server_address());
        assert_eq!(status(&url, &with), "200", "{path}");
        assert_eq!(status(&url, &without), "403", "{path}");
        assert_eq!(status(&url, "garbage"), "401", "{path}");
    }
    let proxied = format!("/api/v1/namespaces/{namespace}/services/meshvane-server:api/proxy/api/v1/report");
    let ran = run("kubectl", &["get", "--raw", &proxied], "");
    assert!(!ran.ok, "{}", ran.stdout);
    assert!(ran.stderr.contains("port-forward"), "{}", ran.stderr);
    kubectl(&["delete", "clusterrolebinding", "mesh-suite-reader"]);
    mesh.opened_were(&[]).await;
}
