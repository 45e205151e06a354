//! A server on ports of the kernel's choice, in the test's own runtime, and its client.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Once;
use std::time::Duration;

use meshvane_server::app::{Addresses, App, PartEnded};
use meshvane_server::config::{AuthConfig, Config};
use meshvane_server::http::limits::Limits;
use meshvane_shared::setting::{Bind, LogLevel};
use reqwest::{Client, ClientBuilder, Method, RequestBuilder, Response};
use serde_json::Value;
use tempfile::{NamedTempFile, TempDir};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The agents' token of [`with_tokens`].
pub(crate) const AGENTS_TOKEN: &str = "agents-token";
/// The readers' token of [`with_tokens`].
pub(crate) const READERS_TOKEN: &str = "readers-token";

/// A running server.
pub(crate) struct Server {
    pub(crate) addresses: Addresses,
    pub(crate) client: Client,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), PartEnded>>,
}

/// Settings on ports of the kernel's choice that believe everybody.
pub(crate) fn open() -> Config {
    Config {
        ttl: Duration::from_secs(15),
        forget_after: Duration::from_hours(1),
        report_interval: Duration::from_mins(5),
        log_level: LogLevel::Info,
        bind: Bind::Address(Ipv4Addr::LOCALHOST.into()),
        http_port: 0,
        health_port: 0,
        metrics_port: 0,
        auth: AuthConfig::None,
        loopback_reads: true,
        tls: None,
        files_checked_every: Duration::ZERO,
        limits: Limits::default(),
    }
}

/// The same with an agents' and a readers' token.
pub(crate) fn with_tokens() -> Config {
    let (agents, readers) = (file(AGENTS_TOKEN), file(READERS_TOKEN));
    Config { auth: AuthConfig::Token { agents, readers: Some(readers) }, ..open() }
}

thread_local! {
    /// The files of a test. It has a thread of its own, with which they go.
    static FILES: TempDir = tempfile::tempdir().unwrap();
}

/// A file of its own for each call, for as long as the test runs.
pub(crate) fn file(content: impl AsRef<[u8]>) -> PathBuf {
    let file = FILES.with(|directory| NamedTempFile::new_in(directory)).unwrap();
    std::fs::write(file.path(), content).unwrap();
    file.into_temp_path().keep().unwrap()
}

/// A client builder that trusts nobody yet and asks no proxy.
pub(crate) fn client_builder() -> ClientBuilder {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    Client::builder().no_proxy().tls_certs_only([]).redirect(reqwest::redirect::Policy::none())
}

impl Server {
    /// Starts a server.
    pub(crate) async fn start(config: Config) -> Self {
        let app = App::bind(config).await.unwrap();
        let addresses = app.addresses();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(app.run(async move {
            let _ = stopped.await;
        }));
        Self { addresses, client: client_builder().build().unwrap(), stop, task }
    }

    /// Starts one that believes everybody.
    pub(crate) async fn open() -> Self {
        Self::start(open()).await
    }

    /// Tells it to stop, and waits until it has.
    pub(crate) async fn stop(self) -> Result<(), PartEnded> {
        self.begin_stop().await.unwrap()
    }

    /// Tells it to stop.
    pub(crate) fn begin_stop(self) -> JoinHandle<Result<(), PartEnded>> {
        self.stop.send(()).unwrap();
        self.task
    }

    /// A path of the API as a URL.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addresses.api)
    }

    /// A request to the API.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.url(path))
    }

    /// Gets a path.
    pub(crate) async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    /// Gets a path that must answer 200 with JSON.
    pub(crate) async fn json(&self, path: &str) -> Value {
        let response = self.get(path).await;
        assert_eq!(response.status(), 200, "{path}");
        response.json().await.unwrap()
    }

    /// Posts a body as it is, without a content type.
    pub(crate) async fn post(&self, path: &str, body: impl Into<reqwest::Body>) -> Response {
        self.request(Method::POST, path).body(body).send().await.unwrap()
    }

    /// Posts JSON that must be taken.
    pub(crate) async fn take(&self, path: &str, body: &Value) -> Value {
        let response = self.post(path, body.to_string()).await;
        let status = response.status();
        let text = response.text().await.unwrap();
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Everything that a post could change, without what changes by itself.
    pub(crate) async fn everything(&self) -> Value {
        let mut results = self.json("/api/v1/results").await;
        results["timestamp"] = Value::Null;
        let mut agents = self.json("/api/v1/agents").await;
        // What is shown of refusals is no belief in what was refused.
        if let Some(cluster) = agents["cluster"].as_object_mut() {
            cluster.remove("refused");
        }
        for agent in agents["agents"].as_array_mut().unwrap() {
            for name in ["heartbeat_age_ms", "round_age_ms", "clock_offset_ms"] {
                agent[name] = Value::Null;
            }
        }
        Value::Array(vec![results, agents])
    }
}

/// Sends bytes on a connection of their own and returns all that comes back until it is closed.
pub(crate) async fn raw(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    read_all(&mut stream).await
}

/// Reads until the connection is closed; a reset ends it as well.
pub(crate) async fn read_all(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

/// Connects from an address of this machine: 127.0.0.0/8 is many sources.
pub(crate) async fn connect_from(source: [u8; 4], to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((source, 0))).unwrap();
    socket.connect(to).await.unwrap()
}

/// Asks for something on a connection that stays open; returns the head of the answer, whose body is read too.
pub(crate) async fn ask(stream: &mut TcpStream, request: &str) -> std::io::Result<String> {
    stream.write_all(request.as_bytes()).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    stream.read_exact(&mut vec![0; length.map_or(0, |length| length.parse().unwrap())]).await?;
    Ok(head)
}

/// Gets a path on a connection that stays open, with this token if it is not empty.
pub(crate) async fn get_on(stream: &mut TcpStream, path: &str, token: &str) -> std::io::Result<String> {
    let token = if token.is_empty() { String::new() } else { format!("Authorization: Bearer {token}\r\n") };
    ask(stream, &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{token}\r\n")).await
}

/// A native heartbeat of a node.
pub(crate) fn heartbeat(number: u8) -> Value {
    serde_json::json!({
        "namespace": "kube-system", "node_ip": format!("10.0.0.{number}"), "pod_ip": format!("10.1.0.{number}"),
        "pod_name": format!("agent-{number}"), "node": format!("node-{number}"), "zone": "a", "client_port": 6100,
        "interval_ms": 5000, "probe_interval_ms": 5000, "boot_id": format!("boot-{number}"), "uptime_ms": 1000, "version": "0.1.0"
    })
}

/// A heartbeat as an original agent sends it.
pub(crate) fn original_heartbeat(number: u8) -> Value {
    serde_json::json!({
        "namespace": "kube-system", "node_ip": format!("192.168.1.{number}"), "pod_ip": format!("10.0.0.{number}"),
        "pod_name": format!("checker-{number}"), "timestamp": "2026-11-21T01:51:17.077788655Z"
    })
}
