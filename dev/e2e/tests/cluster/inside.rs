//! What an agent's own pod may not do: its address and its token are right, and what it says is not.

use serde_json::{Value, json};

use crate::command::nodes;
use crate::forged::{AUDIENCE, bodies, state, token};
use crate::installation::Installation;
use crate::kube::{Pod, pods};

e2e::tests!(
    what_a_pod_forges_is_refused_also_from_its_own_address,
    bodies_that_cannot_be_taken_are_refused_by_name
);

/// Longer than any limit of a request.
const PATIENCE: &str = "30";
/// More than any body may have: 2 MB.
const LARGE: usize = 2_000_000;
/// 64 MB that are small on the way, and more than a body may become.
const BOMB: &str = "head -c 64000000 /dev/zero | gzip -c";

/// Runs a line of shell in the network of a node's agent.
fn inside(node: &str, line: &str) -> String {
    let script = format!("nsenter --net=/proc/$(pgrep -o -f ^/meshvane-agent)/ns/net bash -c '{line}'");
    nodes(&["on", node, "bash", "-c", &script])
}

/// A command that asks and prints the status.
fn curl(token: Option<&str>, url: &str, more: &str) -> String {
    let bearer = token.map(|token| format!("-H \"Authorization: Bearer {token}\"")).unwrap_or_default();
    format!("curl -s -o /dev/null -w %{{http_code}} --max-time {PATIENCE} {bearer} {more} {url}")
}

/// Posts from an agent's own address; the status.
fn post(from: &Pod, token: Option<&str>, url: &str, body: &Value) -> String {
    let text = body.to_string().replace('"', "\\\"");
    let more = format!("-H \"Content-Type: application/json\" -d \"{text}\"");
    inside(&from.node, &curl(token, url, &more))
}

/// A token of an account, bound to a pod, as the kubelet gets it for that pod.
fn bound(namespace: &str, account: &str, pod: &Pod) -> String {
    let bound = ["--audience", AUDIENCE, "--bound-object-kind", "Pod", "--bound-object-name", &pod.name];
    token(namespace, account, &bound)
}

async fn what_a_pod_forges_is_refused_also_from_its_own_address() {
    let mesh = Installation::make("mesh-inside", &[]).await;
    let namespace = mesh.namespace.as_str();
    let agents = pods(namespace, "agent");
    let (own, other) = (&agents[0], &agents[1]);
    let server = pods(namespace, "server").remove(0);
    let url = |path: &str| format!("http://{}:8080{path}", server.address);
    let true_token = bound(namespace, "meshvane-agent", own);
    // The way and the token are good: what is refused below is refused for what it says.
    let plan = url(&format!("/api/v1/plan?node={}", own.node));
    assert_eq!(inside(&own.node, &curl(Some(&true_token), &plan, "")), "200");

    let before = state(&mesh).await;
    let mut kinds = 0;
    let mut answered = |what: &str, token: Option<&str>, path: &str, body: &Value, expected: &[&str]| {
        let status = post(own, token, &url(path), body);
        assert!(expected.contains(&&*status), "{what}, {path}: {status}");
        kinds += 1;
    };
    let tokens = [
        ("no token", None),
        ("garbage", Some("garbage".to_owned())),
        ("the token of another pod", Some(bound(namespace, "meshvane-agent", other))),
        ("the token of the server", Some(bound(namespace, "meshvane-server", &server))),
    ];
    for (what, token) in &tokens {
        for pod in [own, other] {
            for (path, body) in bodies(&pod.node, pod) {
                answered(what, token.as_deref(), path, &body, &["401", "403"]);
            }
        }
    }
    let true_token = Some(true_token.as_str());
    for (path, body) in bodies(&other.node, other) {
        answered("its token, about another node", true_token, path, &body, &["403"]);
    }
    let [(heartbeat, of_own), (rounds, round), ..] = bodies(&own.node, own);
    let with = |field: &str, value: Value| {
        let mut body = of_own.clone();
        body[field] = value;
        body
    };
    let address = |pod: &Pod| json!(pod.address);
    answered("another pod's address", true_token, heartbeat, &with("pod_ip", address(other)), &["403"]);
    answered("a host's address that is not its own", true_token, heartbeat, &of_own, &["403"]);
    // A plan that nobody was given says nothing about anybody, unless its targets come along.
    let mut without_targets = round.clone();
    without_targets["targets"] = Value::Null;
    answered("a round of a plan that is not its own", true_token, rounds, &without_targets, &["409"]);
    // An agent that was replaced speaks for nobody: that is no error, and changes nothing.
    answered("a round of another start of the agent", true_token, rounds, &round, &["200"]);
    for (path, body) in bodies(&own.node, own).into_iter().skip(2) {
        answered("as an original agent", true_token, path, &body, &["403"]);
    }
    println!("{kinds} forged writes from inside a pod, none of which changed anything");
    assert_eq!(state(&mesh).await, before);
    mesh.opened_were(&[]).await;
}

async fn bodies_that_cannot_be_taken_are_refused_by_name() {
    let mesh = Installation::make("mesh-bodies", &[]).await;
    let namespace = mesh.namespace.as_str();
    let own = pods(namespace, "agent").remove(0);
    let server = mesh.server_address();
    let rounds = format!("http://{server}:8080/api/v1/rounds");
    let held = bound(namespace, "meshvane-agent", &own);
    let before = (mesh.holes().await, mesh.server_memory());

    let send = "-H \"Content-Type: application/json\" --data-binary @-";
    let piped = |source: &str, more: &str| {
        inside(&own.node, &format!("{source} | {}", curl(Some(&held), &rounds, more)))
    };
    let zeroes = format!("head -c {LARGE} /dev/zero");
    assert_eq!(piped(&zeroes, send), "413", "two megabytes");
    let encoded = format!("{send} -H \"Content-Encoding: gzip\"");
    assert_eq!(piped(BOMB, &encoded), "413", "a small body that becomes a large one");
    let chunked = format!("{send} -H \"Transfer-Encoding: chunked\"");
    assert_eq!(piped(&zeroes, &chunked), "413", "one that does not say how long it is");
    let slow = inside(
        &own.node,
        &format!(
            "exec 3<>/dev/tcp/{server}/8080; printf \"POST /api/v1/rounds HTTP/1.1\\r\\nHost: {server}:8080\\r\\n\
             Authorization: Bearer {held}\\r\\nContent-Type: application/json\\r\\nContent-Length: 100\\r\\n\\r\\n{{\" >&3; \
             timeout {PATIENCE} head -c 12 <&3"
        ),
    );
    assert_eq!(slow, "HTTP/1.1 408", "one that never ends");

    mesh.pass(std::time::Duration::from_secs(10), &[]).await;
    let (holes, memory) = before;
    assert_eq!(mesh.holes().await, holes, "a round was lost");
    println!(
        "memory {:.1} MB before, {:.1} MB after",
        memory as f64 / 1e6,
        mesh.server_memory() as f64 / 1e6
    );
}
