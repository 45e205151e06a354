//! The bodies of all reads after the same posts, frozen in files. A change of shape is a change that readers see.

use serde_json::{Value, json};

use crate::parallel::{plan_of, round};
use crate::support::{Server, heartbeat, original_heartbeat};

/// Fields that differ from run to run, wherever they stand.
const UNSTEADY: [&str; 9] = [
    "timestamp",
    "heartbeat_age_ms",
    "round_age_ms",
    "clock_offset_ms",
    "age_ms",
    "epoch",
    "generation",
    "since",
    "judging",
];

fn steady(mut value: Value) -> Value {
    match &mut value {
        Value::Object(fields) => {
            for (name, field) in fields.iter_mut() {
                let shown = UNSTEADY.contains(&name.as_str()) && !field.is_null();
                *field = if shown { json!("(differs)") } else { steady(field.take()) };
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| *value = steady(value.take())),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    value
}

async fn prepared() -> Server {
    let server = Server::open().await;
    for number in [1, 2] {
        server.take("/api/v1/heartbeat", &heartbeat(number)).await;
    }
    let plan = plan_of(&server, 2).await;
    let mut body = round(&plan, 1, 1);
    body["took_ms"] = json!(1200);
    server.take("/api/v1/rounds", &body).await;
    server.take("/api/v1/heartbeat", &original_heartbeat(9)).await;
    let result = json!({"source_ip": "10.0.0.9", "target_ip": "192.168.1.2", "ping_status": "reachable",
        "port_status": {"22": "open"}, "latency": "685.70ms", "test_duration": "2.06s",
        "timestamp": "2026-11-21T01:51:17.077788655Z"});
    for path in ["/api/v1/test-results/hosts", "/api/v1/test-results/pods"] {
        server.take(path, &json!({"source_ip": "10.0.0.9", "results": [result]})).await;
    }
    server.take("/api/v1/test-results/service", &json!({"source_ip": "10.0.0.9", "result": result})).await;
    server
}

#[tokio::test]
async fn the_bodies_of_all_reads_are_as_frozen() {
    let server = prepared().await;
    let mut differing = Vec::new();
    for (name, path) in [
        ("hosts", "/api/v1/hosts"),
        ("pods", "/api/v1/pods"),
        ("clients_count", "/api/v1/clients/count"),
        ("test_results_hosts", "/api/v1/test-results/hosts"),
        ("test_results_pods", "/api/v1/test-results/pods"),
        ("test_results_service", "/api/v1/test-results/service"),
        ("results", "/api/v1/results"),
        ("agents", "/api/v1/agents"),
        ("matrix_host", "/api/v1/matrix?plane=host"),
        ("findings", "/api/v1/findings"),
        ("report", "/api/v1/report?format=json"),
    ] {
        let found = serde_json::to_string_pretty(&steady(server.json(path).await)).unwrap() + "\n";
        let file = format!("{}/tests/it/golden/{name}.json", env!("CARGO_MANIFEST_DIR"));
        if std::fs::read_to_string(&file).unwrap_or_default() != found {
            let fresh = std::env::temp_dir().join(format!("meshvane-golden-{name}.json"));
            std::fs::write(&fresh, found).unwrap();
            differing.push(format!("{file} differs from what was answered, which is in {}", fresh.display()));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}
