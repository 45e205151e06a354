//! The paths of the API, said once.

/// `POST`: a heartbeat.
pub const HEARTBEAT: &str = "/api/v1/heartbeat";
/// `POST` by original agents, and `GET`: results on hosts.
pub const TEST_RESULTS_HOSTS: &str = "/api/v1/test-results/hosts";
/// `POST` by original agents, and `GET`: results on pods.
pub const TEST_RESULTS_PODS: &str = "/api/v1/test-results/pods";
/// `POST` by original agents, and `GET`: results on services.
pub const TEST_RESULTS_SERVICE: &str = "/api/v1/test-results/service";
/// `GET`: host addresses of the members that are heard.
pub const HOSTS: &str = "/api/v1/hosts";
/// `GET`: pod addresses of the members that are heard.
pub const PODS: &str = "/api/v1/pods";
/// `GET`: how many members are heard.
pub const CLIENTS_COUNT: &str = "/api/v1/clients/count";
/// `GET`: lists, result maps and summaries in one body.
pub const RESULTS: &str = "/api/v1/results";
/// `GET`: the original's health answer.
pub const HEALTH: &str = "/api/v1/health";
/// `GET`: whom to probe; answers a long poll.
pub const PLAN: &str = "/api/v1/plan";
/// `POST`: a round of an agent.
pub const ROUNDS: &str = "/api/v1/rounds";
/// `GET`: the members.
pub const AGENTS: &str = "/api/v1/agents";
/// `GET`: the matrix.
pub const MATRIX: &str = "/api/v1/matrix";
/// `GET`: the findings.
pub const FINDINGS: &str = "/api/v1/findings";
/// `GET`: the report, as text or JSON.
pub const REPORT: &str = "/api/v1/report";
/// `GET` on the health port: the process runs.
pub const LIVEZ: &str = "/livez";
/// `GET` on the health port: the process can do its work.
pub const READYZ: &str = "/readyz";
/// `GET` on the metrics port: Prometheus text.
pub const METRICS: &str = "/metrics";
/// `GET` on the agent's `CLIENT_PORT`: who answers here.
pub const AGENT_HEALTH: &str = "/health";
