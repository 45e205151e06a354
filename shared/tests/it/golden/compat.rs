//! Samples of the original tool's bodies.

use std::collections::BTreeMap;
use std::time::Duration;

use meshvane_shared::go_duration::GoDuration;
use meshvane_shared::wire::compat::{
    CLOSED, ClientsCountAnswer, ConnectivityResult, HealthAnswer, HostsAnswer, OPEN, PodsAnswer, REACHABLE,
    ResultMap, ResultsAnswer, STALE, ServiceResultBody, ServiceResultsAnswer, ServiceStatus,
    ServiceTestSummary, StatusAnswer, TestResultsAnswer, TestResultsBody, TestStatus, TestSummary, UNKNOWN,
    UNMEASURED, UNREACHABLE,
};
use meshvane_shared::wire::heartbeat::HeartbeatBody;

use super::compare::{Golden, Maps, golden, golden_with_maps};

/// In a result, the ports and the services.
const IN_RESULT: Maps = &[("port_status", 1), ("services", 1)];
/// In an answer, source address to target address.
const IN_RESULT_MAP: Maps = &[("results", 2)];
/// In an answer, source address to result.
const IN_SERVICE_RESULTS: Maps = &[("results", 1), ("port_status", 1), ("services", 1)];
/// All of these in one body.
const IN_RESULTS: Maps = &[
    ("host_test_results", 2),
    ("pod_test_results", 2),
    ("service_test_results", 1),
    ("port_status", 1),
    ("services", 1),
];

pub(super) fn all() -> Vec<Golden> {
    vec![
        golden("heartbeat_original", &heartbeat()),
        golden_with_maps("test_results_post", IN_RESULT, &test_results_post()),
        golden_with_maps("service_result_post", IN_RESULT, &service_result_post()),
        golden_with_maps("test_results", IN_RESULT_MAP, &TestResultsAnswer { results: result_map() }),
        golden_with_maps("service_results", IN_SERVICE_RESULTS, &service_results()),
        golden("hosts", &hosts()),
        golden("pods", &pods()),
        golden("clients_count", &ClientsCountAnswer { active_client_count: 2 }),
        golden("status", &status()),
        golden("health", &health()),
        golden_with_maps("results", IN_RESULTS, &results()),
        golden_with_maps("results_empty", IN_RESULTS, &results_empty()),
    ]
}

fn heartbeat() -> HeartbeatBody {
    HeartbeatBody {
        namespace: "kube-system".to_owned(),
        node_ip: "192.168.1.1".to_owned(),
        pod_ip: "10.0.0.1".to_owned(),
        pod_name: "k8snet-checker-agent-x".to_owned(),
        timestamp: "2026-11-21T01:51:17.077788655Z".to_owned(),
        ..HeartbeatBody::default()
    }
}

fn result(target: &str, ping: &str, port: &str) -> ConnectivityResult {
    ConnectivityResult {
        source_ip: "10.0.0.1".to_owned(),
        target_ip: target.to_owned(),
        ping_status: ping.to_owned(),
        port_status: Some(BTreeMap::from([(22, port.to_owned())])),
        latency: GoDuration(Duration::from_micros(685_700)),
        test_duration: GoDuration(Duration::from_millis(2_060)),
        timestamp: "2026-11-21T01:51:17.077788655Z".to_owned(),
        services: BTreeMap::new(),
    }
}

fn test_results_post() -> TestResultsBody {
    TestResultsBody {
        source_ip: "10.0.0.1".to_owned(),
        results: Some(vec![
            result("192.168.1.1", REACHABLE, OPEN),
            result("192.168.1.2", UNREACHABLE, CLOSED),
        ]),
    }
}

fn service_result_post() -> ServiceResultBody {
    ServiceResultBody {
        source_ip: "10.0.0.1".to_owned(),
        result: Some(result("10.96.0.10", REACHABLE, OPEN)),
    }
}

fn result_map() -> ResultMap {
    let cell = |target: &str, ping: &str, port: &str, duration| {
        let status = TestStatus {
            ping: ping.to_owned(),
            port_status: port.to_owned(),
            test_duration: GoDuration(duration),
        };
        (target.to_owned(), status)
    };
    let cells = [
        cell("192.168.1.1", REACHABLE, OPEN, Duration::from_micros(300)),
        cell("192.168.1.2", UNREACHABLE, CLOSED, Duration::from_millis(3_500)),
        cell("192.168.1.3", REACHABLE, UNKNOWN, Duration::from_millis(2_010)),
        cell("192.168.1.4", UNMEASURED, UNMEASURED, Duration::ZERO),
        cell("192.168.1.5", STALE, STALE, Duration::from_millis(62_500)),
    ];
    ResultMap::from([("10.0.0.1".to_owned(), BTreeMap::from(cells))])
}

/// What one of our agents gives for several services, and what the original gives for a post without a result.
fn service_results() -> ServiceResultsAnswer {
    let words = |name: &str, port: &str| ServiceStatus { name: name.to_owned(), port: port.to_owned() };
    let several = ConnectivityResult {
        services: BTreeMap::from([
            ("api.shop.svc:8443".to_owned(), words("reached", "unreached")),
            ("old.example.net:80".to_owned(), words("unreached", "unmeasured")),
        ]),
        ..result("10.96.0.10", REACHABLE, CLOSED)
    };
    let zero = serde_json::from_str("{}").unwrap();
    ServiceResultsAnswer {
        results: BTreeMap::from([("10.0.0.1".to_owned(), several), ("10.0.0.2".to_owned(), zero)]),
    }
}

fn hosts() -> HostsAnswer {
    HostsAnswer { count: 2, host_ips: ["192.168.1.1", "192.168.1.2"].map(str::to_owned).to_vec() }
}

fn pods() -> PodsAnswer {
    PodsAnswer { count: 2, pod_ips: ["10.0.0.1", "10.0.0.2"].map(str::to_owned).to_vec() }
}

fn status() -> StatusAnswer {
    StatusAnswer { message: "heartbeat received".to_owned(), status: "success".to_owned() }
}

fn health() -> HealthAnswer {
    HealthAnswer { status: "healthy".to_owned() }
}

fn results() -> ResultsAnswer {
    let summary = TestSummary {
        total_tests: 3,
        successful_tests: 1,
        failed_tests: 2,
        success_rate: 33.5,
        avg_test_duration: GoDuration(Duration::from_millis(1_500)),
        total_test_duration: GoDuration(Duration::from_millis(62_500)),
        unmeasured_tests: 2,
    };
    ResultsAnswer {
        timestamp: "2026-11-21T12:05:00Z".parse().unwrap(),
        active_client_count: 2,
        host_ips: hosts().host_ips,
        pod_ips: pods().pod_ips,
        host_test_results: result_map(),
        pod_test_results: result_map(),
        service_test_results: service_results().results,
        host_test_summary: summary.clone(),
        pod_test_summary: summary,
        service_test_summary: Some(ServiceTestSummary {
            service_name: "api.shop.svc,old.example.net".to_owned(),
            total_tests: 2,
            successful_tests: 1,
            failed_tests: 1,
            success_rate: 50.0,
            unmeasured_tests: 0,
        }),
    }
}

/// Collections are empty, never null.
fn results_empty() -> ResultsAnswer {
    ResultsAnswer {
        active_client_count: 0,
        host_ips: Vec::new(),
        pod_ips: Vec::new(),
        host_test_results: ResultMap::new(),
        pod_test_results: ResultMap::new(),
        service_test_results: BTreeMap::new(),
        host_test_summary: TestSummary::default(),
        pod_test_summary: TestSummary::default(),
        service_test_summary: None,
        ..results()
    }
}
