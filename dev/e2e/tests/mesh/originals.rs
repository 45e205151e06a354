//! Original agents beside ours.

use std::time::Duration;

use e2e::mesh::{Mesh, TOKEN};
use meshvane_shared::paths;
use meshvane_shared::wire::compat::{HostsAnswer, ResultsAnswer};
use serde_json::json;

e2e::tests!(what_original_agents_post_stands_beside_ours_and_decides_nothing);

/// The address at which an original agent would be: nobody is there.
const NODE: &str = "10.80.1.200";
const POD: &str = "10.81.200.2";

async fn what_original_agents_post_stands_beside_ours_and_decides_nothing() {
    let mesh = Mesh::start(3).await;
    let results = json!({"source_ip": POD, "results": [
        {"source_ip": POD, "target_ip": "10.80.1.11", "ping_status": "unreachable", "port_status": {"22": "closed"},
         "latency": "685.70ms", "test_duration": "2.06s", "timestamp": "2026-11-21T01:51:17.077788655Z"}]});
    let service = json!({"source_ip": POD, "result": {"source_ip": POD, "target_ip": "10.96.0.10",
        "ping_status": "reachable", "port_status": {"53": "open"}, "latency": 1_000_000, "test_duration": "1.5s"}});
    for (path, body) in [
        (paths::TEST_RESULTS_HOSTS, &results),
        (paths::TEST_RESULTS_PODS, &results),
        (paths::TEST_RESULTS_SERVICE, &service),
    ] {
        assert_eq!(mesh.api.post(path, None, body).await.0, 401, "{path} without a token");
        let (status, text) = mesh.api.post(path, Some(TOKEN), body).await;
        assert_eq!(status, 200, "{path}: {text}");
        assert!(text.contains("\"status\":\"success\""), "{text}");
    }
    let all: ResultsAnswer = mesh.api.get(paths::RESULTS).await.unwrap();
    assert_eq!(all.host_test_results[POD]["10.80.1.11"].ping, "unreachable");
    assert_eq!(all.host_test_results["10.81.1.2"]["10.80.2.12"].ping, "reachable");
    assert_eq!(all.service_test_results[POD].target_ip, "10.96.0.10");
    assert_eq!(all.active_client_count, 3);
    // What came without a heartbeat lives for one TTL.
    mesh.until("the words of a stranger expire", Duration::from_secs(18), async |mesh| {
        let all: Option<ResultsAnswer> = mesh.api.get(paths::RESULTS).await;
        all.is_some_and(|all| !all.host_test_results.contains_key(POD))
    })
    .await;
    mesh.opened_were(&[]).await;
    let hosts: HostsAnswer = mesh.api.get(paths::HOSTS).await.unwrap();
    assert_eq!(hosts.count, 3);
    assert!(!hosts.host_ips.contains(&NODE.to_owned()));
}
