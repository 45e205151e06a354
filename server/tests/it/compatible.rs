//! The compatible API, row by row, as recorded from the original; where ours differs on purpose, ours.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Server, original_heartbeat};

const HEARTBEAT: &str = "/api/v1/heartbeat";
const HOSTS: &str = "/api/v1/test-results/hosts";
const PODS: &str = "/api/v1/test-results/pods";
const SERVICE: &str = "/api/v1/test-results/service";

/// Every compatible path that is read.
pub(crate) const READ: [&str; 8] = [
    "/api/v1/hosts",
    "/api/v1/pods",
    "/api/v1/clients/count",
    HOSTS,
    PODS,
    SERVICE,
    "/api/v1/results",
    "/api/v1/health",
];

fn result(target: &str) -> Value {
    json!({"source_ip": "10.0.0.1", "target_ip": target, "ping_status": "reachable", "port_status": {"22": "open"},
        "latency": "685.70ms", "test_duration": "2.01s", "timestamp": "2026-11-21T01:51:17.077788655Z"})
}

fn post_of(source: &str, results: &Value) -> Value {
    json!({"source_ip": source, "results": results})
}

#[tokio::test]
async fn every_answer_has_the_originals_content_type() {
    let server = Server::open().await;
    for path in READ {
        let response = server.get(path).await;
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(response.headers()["content-type"], "application/json; charset=utf-8", "{path}");
    }
    for path in [HEARTBEAT, HOSTS, PODS, SERVICE] {
        let response = server.post(path, "{}").await;
        assert_eq!(response.status(), 400, "{path}");
        assert_eq!(response.headers()["content-type"], "application/json; charset=utf-8", "{path}");
    }
}

#[tokio::test]
async fn empty_collections_are_empty_and_never_null() {
    let server = Server::open().await;
    for (path, expected) in [
        ("/api/v1/hosts", json!({"count": 0, "host_ips": []})),
        ("/api/v1/pods", json!({"count": 0, "pod_ips": []})),
        ("/api/v1/clients/count", json!({"active_client_count": 0})),
        (HOSTS, json!({"results": {}})),
        (PODS, json!({"results": {}})),
        (SERVICE, json!({"results": {}})),
        ("/api/v1/health", json!({"status": "healthy"})),
    ] {
        assert_eq!(server.json(path).await, expected, "{path}");
    }
    let results = server.json("/api/v1/results").await;
    for (name, expected) in [
        ("active_client_count", json!(0)),
        ("host_ips", json!([])),
        ("pod_ips", json!([])),
        ("host_test_results", json!({})),
        ("pod_test_results", json!({})),
        ("service_test_results", json!({})),
    ] {
        assert_eq!(results[name], expected, "{name}");
    }
}

#[tokio::test]
async fn a_heartbeat_makes_a_member_that_all_lists_show_in_order() {
    let server = Server::open().await;
    for number in [3, 1, 2] {
        let answer = server.take(HEARTBEAT, &original_heartbeat(number)).await;
        assert_eq!(answer["status"], "success");
        assert_eq!(answer["message"], "heartbeat received");
    }
    assert_eq!(
        server.json("/api/v1/hosts").await,
        json!({"count": 3, "host_ips": ["192.168.1.1", "192.168.1.2", "192.168.1.3"]})
    );
    assert_eq!(
        server.json("/api/v1/pods").await,
        json!({"count": 3, "pod_ips": ["10.0.0.1", "10.0.0.2", "10.0.0.3"]})
    );
}

#[tokio::test]
async fn every_living_client_is_counted_not_three_at_most() {
    let server = Server::open().await;
    for number in 1..=6 {
        server.take(HEARTBEAT, &original_heartbeat(number)).await;
    }
    assert_eq!(server.json("/api/v1/clients/count").await, json!({"active_client_count": 6}));
    assert_eq!(server.json("/api/v1/results").await["active_client_count"], 6);
}

#[tokio::test]
async fn namespace_and_timestamp_may_be_missing_and_unknown_fields_are_ignored() {
    let server = Server::open().await;
    server
        .take(
            HEARTBEAT,
            &json!({"node_ip": "10.0.0.1", "pod_ip": "10.1.0.1", "pod_name": "a", "extra": {"x": [1]}}),
        )
        .await;
    assert_eq!(server.json("/api/v1/hosts").await["count"], 1);
}

#[tokio::test]
async fn a_heartbeat_without_a_required_field_is_refused_in_the_originals_words() {
    let server = Server::open().await;
    for name in ["pod_name", "node_ip", "pod_ip"] {
        for value in [None, Some(json!("")), Some(Value::Null)] {
            let mut body = original_heartbeat(1);
            match value {
                Some(value) => body[name] = value,
                None => drop(body.as_object_mut().unwrap().remove(name)),
            }
            let response = server.post(HEARTBEAT, body.to_string()).await;
            assert_eq!(response.status(), 400);
            let error: Value = response.json().await.unwrap();
            assert_eq!(error["code"], "INVALID_REQUEST");
            assert_eq!(error["message"], "missing required field");
            assert_eq!(error["details"], "pod_name, node_ip and pod_ip must not be empty");
        }
    }
    assert_eq!(server.json("/api/v1/hosts").await["count"], 0);
}

#[tokio::test]
async fn addresses_are_addresses() {
    let server = Server::open().await;
    for name in ["node_ip", "pod_ip"] {
        for value in [
            "x",
            "-c1",
            "node-1",
            "10.0.0",
            "10.0.0.1/24",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "ff02::1",
            "::",
        ] {
            let mut body = original_heartbeat(1);
            body[name] = json!(value);
            let response = server.post(HEARTBEAT, body.to_string()).await;
            assert_eq!(response.status(), 400, "{name}={value}");
            let error: Value = response.json().await.unwrap();
            assert_eq!(error["code"], "INVALID_REQUEST");
            assert!(error["details"].as_str().unwrap().contains(name), "{error}");
        }
    }
    assert_eq!(server.json("/api/v1/hosts").await["count"], 0);
}

#[tokio::test]
async fn the_case_of_names_does_not_matter_on_any_compatible_post() {
    let server = Server::open().await;
    server
        .take(HEARTBEAT, &json!({"Namespace": "n", "Node_IP": "10.0.0.1", "POD_IP": "10.1.0.1", "PodName": "no", "Pod_Name": "a"}))
        .await;
    assert_eq!(server.json("/api/v1/pods").await["pod_ips"], json!(["10.1.0.1"]));
    server
        .take(
            HOSTS,
            &json!({"SOURCE_IP": "10.1.0.1", "Results": [{"TARGET_IP": "10.0.0.2", "Ping_Status": "reachable", "PORT_STATUS": {"22": "open"}}]}),
        )
        .await;
    assert_eq!(server.json(HOSTS).await["results"]["10.1.0.1"]["10.0.0.2"]["ping"], "reachable");
    server.take(SERVICE, &json!({"Source_Ip": "10.1.0.1", "RESULT": {"PING_STATUS": "reachable"}})).await;
    assert_eq!(server.json(SERVICE).await["results"]["10.1.0.1"]["ping_status"], "reachable");
}

#[tokio::test]
async fn results_on_hosts_and_pods_are_kept_apart_by_source_and_target() {
    let server = Server::open().await;
    for (path, other) in [(HOSTS, PODS), (PODS, HOSTS)] {
        let before = server.json(other).await;
        let answer = server
            .take(path, &post_of("10.0.0.1", &json!([result("192.168.1.2"), result("192.168.1.3")])))
            .await;
        assert_eq!(answer, json!({"message": "test results saved", "status": "success"}));
        let status = json!({"ping": "reachable", "port_status": "open", "test_duration": "2.01s"});
        assert_eq!(
            server.json(path).await,
            json!({"results": {"10.0.0.1": {"192.168.1.2": status, "192.168.1.3": status}}})
        );
        assert_eq!(server.json(other).await, before);
    }
}

#[tokio::test]
async fn an_empty_list_of_results_is_taken_and_shown_as_an_empty_map() {
    let server = Server::open().await;
    for path in [HOSTS, PODS] {
        server.take(path, &post_of("10.0.0.1", &json!([]))).await;
        assert_eq!(server.json(path).await, json!({"results": {"10.0.0.1": {}}}), "{path}");
    }
}

#[tokio::test]
async fn missing_results_or_source_are_refused() {
    let server = Server::open().await;
    for path in [HOSTS, PODS] {
        for (body, field) in [
            (json!({"source_ip": "10.0.0.1"}), "results"),
            (json!({"source_ip": "10.0.0.1", "results": null}), "results"),
            (json!({"results": []}), "source_ip"),
            (json!({"source_ip": "", "results": []}), "source_ip"),
            (json!({"source_ip": null, "results": []}), "source_ip"),
        ] {
            let response = server.post(path, body.to_string()).await;
            assert_eq!(response.status(), 400, "{path} {body}");
            let error: Value = response.json().await.unwrap();
            assert_eq!(error["code"], "INVALID_REQUEST");
            assert_eq!(error["message"], "invalid request data");
            assert!(error["details"].as_str().unwrap().starts_with(field), "{error}");
        }
        assert_eq!(server.json(path).await, json!({"results": {}}));
    }
    assert_eq!(server.post(SERVICE, "{}").await.status(), 400);
}

#[tokio::test]
async fn odd_results_are_shown_as_the_original_shows_them() {
    let server = Server::open().await;
    let mut bare = json!({"target_ip": "192.168.1.2"});
    let check = async |result: &Value, expected: Value| {
        server.take(HOSTS, &post_of("10.0.0.1", &json!([result]))).await;
        assert_eq!(server.json(HOSTS).await["results"]["10.0.0.1"], expected, "{result}");
    };
    check(&bare, json!({"192.168.1.2": {"ping": "", "port_status": "unknown", "test_duration": "0ns"}}))
        .await;
    bare["port_status"] = json!({});
    check(&bare, json!({"192.168.1.2": {"ping": "", "port_status": "unknown", "test_duration": "0ns"}}))
        .await;
    bare["port_status"] = json!({"443": "closed", "22": "open", "8080": "closed"});
    check(&bare, json!({"192.168.1.2": {"ping": "", "port_status": "open", "test_duration": "0ns"}})).await;
    bare["test_duration"] = json!(62_500_000_000_u64);
    bare["ping_status"] = json!("unreachable");
    check(
        &bare,
        json!({"192.168.1.2": {"ping": "unreachable", "port_status": "open", "test_duration": "1m2.5s"}}),
    )
    .await;
    bare["target_ip"] = json!("");
    check(&bare, json!({})).await;
}

#[tokio::test]
async fn durations_come_out_in_the_originals_units() {
    let server = Server::open().await;
    for (sent, shown) in [
        (json!(0), "0ns"),
        (json!(999), "999ns"),
        (json!("1.5us"), "1.50µs"),
        (json!("685.70ms"), "685.70ms"),
        (json!("2.061s"), "2.06s"),
        (json!("1h2m3.5s"), "1h2m3.5s"),
    ] {
        server
            .take(PODS, &post_of("10.0.0.1", &json!([{"target_ip": "10.0.0.2", "test_duration": sent}])))
            .await;
        assert_eq!(server.json(PODS).await["results"]["10.0.0.1"]["10.0.0.2"]["test_duration"], shown);
    }
}

#[tokio::test]
async fn a_port_that_is_no_number_is_refused() {
    let server = Server::open().await;
    for ports in [
        json!({"ssh": "open"}),
        json!({"22.5": "open"}),
        json!({"": "open"}),
        json!(["22"]),
        json!({"22": 1}),
    ] {
        let result = json!({"target_ip": "192.168.1.2", "port_status": ports});
        let response = server.post(HOSTS, post_of("10.0.0.1", &json!([result])).to_string()).await;
        assert_eq!(response.status(), 400, "{ports}");
        let response =
            server.post(SERVICE, json!({"source_ip": "10.0.0.1", "result": result}).to_string()).await;
        assert_eq!(response.status(), 400, "{ports}");
    }
    assert_eq!(server.json(HOSTS).await, json!({"results": {}}));
}

#[tokio::test]
async fn a_service_result_is_shown_as_it_was_posted() {
    let server = Server::open().await;
    server.take(SERVICE, &json!({"source_ip": "10.0.0.1", "result": result("10.96.0.10")})).await;
    let shown = server.json(SERVICE).await["results"]["10.0.0.1"].clone();
    for (name, value) in result("10.96.0.10").as_object().unwrap() {
        assert_eq!(&shown[name], value, "{name}");
    }
}

#[tokio::test]
async fn a_service_post_without_a_result_is_kept_as_a_zero_result() {
    let server = Server::open().await;
    for (source, body) in [
        ("10.0.0.1", json!({"source_ip": "10.0.0.1"})),
        ("10.0.0.2", json!({"source_ip": "10.0.0.2", "result": null})),
    ] {
        server.take(SERVICE, &body).await;
        let shown = server.json(SERVICE).await["results"][source].clone();
        assert_eq!(shown["port_status"], Value::Null);
        assert_eq!(shown["timestamp"], "0001-01-01T00:00:00Z");
        assert_eq!((&shown["ping_status"], &shown["target_ip"]), (&json!(""), &json!("")));
    }
}

#[tokio::test]
async fn all_results_in_one_body_hold_the_maps_and_the_summaries() {
    let server = Server::open().await;
    server.take(HEARTBEAT, &original_heartbeat(1)).await;
    let mut failed = result("192.168.1.3");
    failed["port_status"] = json!({"22": "closed"});
    server.take(HOSTS, &post_of("10.0.0.1", &json!([result("192.168.1.2"), failed]))).await;
    server.take(PODS, &post_of("10.0.0.1", &json!([result("10.0.0.2")]))).await;
    server.take(SERVICE, &json!({"source_ip": "10.0.0.1", "result": result("10.96.0.10")})).await;
    let all = server.json("/api/v1/results").await;
    for name in [
        "timestamp",
        "active_client_count",
        "host_ips",
        "pod_ips",
        "host_test_results",
        "pod_test_results",
        "service_test_results",
        "host_test_summary",
        "pod_test_summary",
        "service_test_summary",
    ] {
        assert!(!all[name].is_null(), "{name} is missing");
    }
    assert_eq!(all["host_test_results"], server.json(HOSTS).await["results"]);
    assert_eq!(all["pod_test_results"], server.json(PODS).await["results"]);
    assert_eq!(all["service_test_results"], server.json(SERVICE).await["results"]);
    let summary = &all["host_test_summary"];
    assert_eq!(
        (
            &summary["total_tests"],
            &summary["successful_tests"],
            &summary["failed_tests"],
            &summary["success_rate"]
        ),
        (&json!(2), &json!(1), &json!(1), &json!(50.0))
    );
    assert_eq!(
        (&summary["avg_test_duration"], &summary["total_test_duration"]),
        (&json!("2.01s"), &json!("4.02s"))
    );
}

#[tokio::test]
async fn the_content_type_of_a_post_does_not_matter() {
    let server = Server::open().await;
    for (number, kind) in
        (1_u8..).zip(["application/json", "text/plain", "application/x-www-form-urlencoded", "nonsense"])
    {
        let request = server.request(Method::POST, HEARTBEAT).header("content-type", kind);
        let response = request.body(original_heartbeat(number).to_string()).send().await.unwrap();
        assert_eq!(response.status(), 200, "{kind}");
    }
}
