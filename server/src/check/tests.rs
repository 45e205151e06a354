use serde_json::{Value, json};

use super::*;

fn agent(node: &str, state: &str, rounds: u64) -> Value {
    json!({"node": node, "state": state, "context": [], "host_addresses": [], "pod_addresses": [], "rounds": rounds})
}

fn judged(agents: &[Value], cluster: &Value) -> Result<String, String> {
    judge(&serde_json::from_value(json!({"agents": agents, "cluster": cluster})).unwrap())
}

fn cluster(state: &str, uncovered: &[&str], awaited: &[&str]) -> Value {
    json!({
        "pods": {"state": "live"}, "nodes": {"state": state}, "uncovered": uncovered, "awaited": awaited,
        "not_covered": ["windows"]
    })
}

#[test]
fn all_is_well_when_every_agent_is_heard_and_has_reported() {
    let (one, two) = (agent("a", "alive", 1), agent("b", "alive", 7));
    assert_eq!(judged(std::slice::from_ref(&one), &Value::Null), Ok("the one agent reports".to_owned()));
    let all = [one, two, agent("c", "leaving", 0)];
    assert_eq!(judged(&all, &cluster("live", &[], &[])), Ok("all 2 agents report".to_owned()));
    assert_eq!(judged(&all, &cluster("forbidden", &[], &[])), Ok("all 2 agents report".to_owned()));
}

#[test]
fn what_is_missing_is_named() {
    let fine = agent("a", "alive", 1);
    let check = |agents: &[Value], cluster: Value, expected: &str| {
        assert_eq!(judged(agents, &cluster), Err(expected.to_owned()));
    };
    check(&[], Value::Null, "no agent was heard");
    check(&[fine.clone(), agent("b", "late", 1)], Value::Null, "not heard in time: b");
    check(&[fine.clone(), agent("b", "lost", 0)], Value::Null, "not heard in time: b");
    check(&[fine.clone(), agent("b", "alive", 0)], Value::Null, "no round from: b");
    check(std::slice::from_ref(&fine), cluster("unknown", &[], &[]), "the server has not seen the Nodes yet");
    check(std::slice::from_ref(&fine), cluster("live", &["b"], &["c"]), "no agent on: b, c");
    let many = ["b", "c", "d", "e", "f", "g", "h"];
    check(&[fine], cluster("live", &many, &[]), "no agent on: b, c, d, e, f and 2 more");
}
