//! The original tool's bodies, field for field. Fields of ours are added, none is renamed.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::go_duration::GoDuration;

/// The wall clock of a result that has none, Go's zero time.
pub const ZERO_TIME: &str = "0001-01-01T00:00:00Z";

/// `ping` and `ping_status` of a target that answered.
pub const REACHABLE: &str = "reachable";
/// `ping` and `ping_status` of a target that did not answer.
pub const UNREACHABLE: &str = "unreachable";
/// `port_status` of a port that answered.
pub const OPEN: &str = "open";
/// `port_status` of a port that did not.
pub const CLOSED: &str = "closed";
/// `port_status` of a result without ports; the original says so too.
pub const UNKNOWN: &str = "unknown";
/// Value of ours, in both fields: the check could not be done. Original agents never say it.
pub const UNMEASURED: &str = "unmeasured";
/// Value of ours, in both fields: no fresh data.
pub const STALE: &str = "stale";

/// `POST /test-results/hosts` and `/pods`.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct TestResultsBody {
    /// The reporting pod's address.
    #[serde(default)]
    pub source_ip: String,
    /// The results. Missing or null is an error, empty is not.
    pub results: Option<Vec<ConnectivityResult>>,
}

/// `POST /test-results/service`.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct ServiceResultBody {
    /// The reporting pod's address.
    #[serde(default)]
    pub source_ip: String,
    /// The result. The original stores a zero result when it is missing.
    #[serde(default)]
    pub result: Option<ConnectivityResult>,
}

/// One result of an original agent, and the value of `GET /test-results/service`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct ConnectivityResult {
    /// The reporting pod's address.
    pub source_ip: String,
    /// The tested address.
    pub target_ip: String,
    /// `reachable` or `unreachable`.
    pub ping_status: String,
    /// Port to `open` or `closed`; null in a zero result.
    pub port_status: Option<BTreeMap<i64, String>>,
    /// The original's latency: process time divided by three.
    pub latency: GoDuration,
    /// Time that the test took.
    pub test_duration: GoDuration,
    /// The agent's wall clock, RFC 3339.
    #[serde(default = "zero_time")]
    pub timestamp: String,
    /// Added: each service by its `name:port`, since our agents check several.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub services: BTreeMap<String, ServiceStatus>,
}

fn zero_time() -> String {
    ZERO_TIME.to_owned()
}

/// Added: one of several services in a [`ConnectivityResult`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct ServiceStatus {
    /// `reached`, `unreached`, `unmeasured` or `stale`, of the name's resolution.
    pub name: String,
    /// The same of the port, the worst of the addresses; `unmeasured` when there was no address to ask.
    pub port: String,
}

/// One cell of `GET /test-results/hosts` and `/pods`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct TestStatus {
    /// `reachable`, `unreachable`, or one of ours.
    pub ping: String,
    /// `open`, `closed`, `unknown`, or one of ours.
    pub port_status: String,
    /// Time that the test took.
    pub test_duration: GoDuration,
}

/// Source address to target address to status.
pub type ResultMap = BTreeMap<String, BTreeMap<String, TestStatus>>;

/// `GET /test-results/hosts` and `/pods`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct TestResultsAnswer {
    /// The map.
    pub results: ResultMap,
}

/// `GET /test-results/service`.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct ServiceResultsAnswer {
    /// Source address to result.
    pub results: BTreeMap<String, ConnectivityResult>,
}

/// `GET /hosts`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct HostsAnswer {
    /// How many.
    pub count: usize,
    /// Sorted.
    pub host_ips: Vec<String>,
}

/// `GET /pods`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct PodsAnswer {
    /// How many.
    pub count: usize,
    /// Sorted.
    pub pod_ips: Vec<String>,
}

/// `GET /clients/count`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
pub struct ClientsCountAnswer {
    /// How many members are heard.
    pub active_client_count: usize,
}

/// The answer to a compatible `POST`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct StatusAnswer {
    /// A sentence.
    pub message: String,
    /// `success`.
    pub status: String,
}

/// `GET /api/v1/health`, and `GET /health` on the agent.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub struct HealthAnswer {
    /// `healthy`.
    pub status: String,
}

/// Totals of one plane, as the original's README documents them.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
pub struct TestSummary {
    /// Results that were measured.
    pub total_tests: usize,
    /// Those with an answer to ping and an open port.
    pub successful_tests: usize,
    /// The others.
    pub failed_tests: usize,
    /// 0 to 100.
    pub success_rate: f64,
    /// Mean time of a test.
    pub avg_test_duration: GoDuration,
    /// Sum of the times.
    pub total_test_duration: GoDuration,
    /// Added: results that could not be measured or are stale; they are in none of the counts above.
    pub unmeasured_tests: usize,
}

/// Totals of the services, as the original's README documents them.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
pub struct ServiceTestSummary {
    /// The services' names, joined by commas.
    pub service_name: String,
    /// Results that were measured.
    pub total_tests: usize,
    /// Those whose name resolved and whose port answered.
    pub successful_tests: usize,
    /// The others.
    pub failed_tests: usize,
    /// 0 to 100.
    pub success_rate: f64,
    /// Added: results that could not be measured or are stale.
    pub unmeasured_tests: usize,
}

/// `GET /results`: what the original's code returns and what its README promises, in one object.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct ResultsAnswer {
    /// When it was made.
    pub timestamp: DateTime<Utc>,
    /// How many members are heard.
    pub active_client_count: usize,
    /// As in `GET /hosts`.
    pub host_ips: Vec<String>,
    /// As in `GET /pods`.
    pub pod_ips: Vec<String>,
    /// As in `GET /test-results/hosts`.
    pub host_test_results: ResultMap,
    /// As in `GET /test-results/pods`.
    pub pod_test_results: ResultMap,
    /// As in `GET /test-results/service`.
    pub service_test_results: BTreeMap<String, ConnectivityResult>,
    /// Totals.
    pub host_test_summary: TestSummary,
    /// Totals.
    pub pod_test_summary: TestSummary,
    /// Totals; null without a service.
    pub service_test_summary: Option<ServiceTestSummary>,
}
