//! The server's API as a user calls it.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use meshvane_shared::address::Family;
use meshvane_shared::paths;
use meshvane_shared::wire::agents::{AgentBody, AgentsBody};
use meshvane_shared::wire::findings::FindingsBody;
use meshvane_shared::wire::matrix::{CellWord, MatrixBody};
use serde::de::DeserializeOwned;

/// A request that takes longer has no answer: the server was killed, or is not up yet.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(3);
/// What is asked to see the whole mesh.
pub const VIEWS: [&str; 4] =
    ["plane=host&check=icmp", "plane=host&check=tcp", "plane=pod&check=icmp", "plane=pod&check=tcp"];

fn builder() -> reqwest::ClientBuilder {
    // Only the first one in the process is installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().timeout(REQUEST_TIMEOUT)
}

/// The value of a series in the text of `/metrics`.
pub fn series_in(text: &str, series: &str) -> f64 {
    let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("no series {series} in\n{text}")).parse().unwrap()
}

/// What the agent at this address says of itself, as the text of its `/metrics`.
pub async fn agent_metrics(address: IpAddr) -> String {
    let port = 6101; // by default
    Api::new(SocketAddr::new(address, port)).text("/metrics").await.unwrap()
}

/// A client.
#[derive(Clone, Debug)]
pub struct Api {
    client: reqwest::Client,
    base: String,
}

impl Api {
    /// A client of the server at this address.
    pub fn new(address: SocketAddr) -> Self {
        Self { client: builder().build().unwrap(), base: format!("http://{address}") }
    }

    /// A client of the server of this name at this address, over TLS with one of these certificates (PEM) and no other.
    pub fn over_tls(name: &str, address: SocketAddr, trusted: &[String]) -> Self {
        let roots = trusted.iter().map(|pem| reqwest::Certificate::from_pem(pem.as_bytes()).unwrap());
        // Each request meets the certificate of its time.
        let client = builder().tls_certs_only(roots).pool_max_idle_per_host(0).resolve(name, address);
        Self { client: client.build().unwrap(), base: format!("https://{name}:{}", address.port()) }
    }

    /// Gets a body; `None` when there is no answer, or another one than 200.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Option<T> {
        let answer = self.client.get(format!("{}{path}", self.base)).send().await.ok()?;
        if answer.status() != 200 {
            return None;
        }
        answer.json().await.ok()
    }

    /// Gets a body as text.
    pub async fn text(&self, path: &str) -> Option<String> {
        self.client.get(format!("{}{path}", self.base)).send().await.ok()?.text().await.ok()
    }

    /// Posts a body; the status, and the answer's text.
    pub async fn post(&self, path: &str, token: Option<&str>, body: &serde_json::Value) -> (u16, String) {
        let mut request = self.client.post(format!("{}{path}", self.base)).json(body);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// The members.
    pub async fn agents(&self) -> Vec<AgentBody> {
        self.get::<AgentsBody>(paths::AGENTS).await.map(|body| body.agents).unwrap_or_default()
    }

    /// The member of this name.
    pub async fn agent(&self, node: &str) -> Option<AgentBody> {
        self.agents().await.into_iter().find(|agent| agent.node.as_str() == node)
    }

    /// All findings, open and resolved.
    pub async fn findings(&self) -> Option<FindingsBody> {
        self.get(&format!("{}?state=all", paths::FINDINGS)).await
    }

    /// One matrix.
    pub async fn matrix(&self, query: &str) -> Option<MatrixBody> {
        self.get(&format!("{}?{query}", paths::MATRIX)).await
    }

    /// Tells whether every cell between these many nodes, on both planes, by both checks, in both families, is reached.
    pub async fn is_full_mesh(&self, nodes: usize) -> bool {
        self.is_full_mesh_in(nodes, &[Family::Ipv4, Family::Ipv6]).await
    }

    /// The same in these families.
    pub async fn is_full_mesh_in(&self, nodes: usize, families: &[Family]) -> bool {
        for view in VIEWS {
            for family in families {
                let Some(matrix) = self.matrix(&format!("{view}&family={}", family.as_str())).await else {
                    return false;
                };
                let cells = matrix.cells.iter().flatten();
                let reached = cells.filter(|cell| cell.outcome == CellWord::Reached).count();
                if matrix.from.len() != nodes || reached != nodes * (nodes - 1) {
                    return false;
                }
            }
        }
        true
    }
}
