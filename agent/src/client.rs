//! Speaks HTTP to the server: the only place that knows the HTTP client.
//!
//! Certificates are checked against one file and nothing else: neither the system's roots nor a platform verifier is
//! loaded. The token and the certificates are those that were read last ([`Watched`]); nothing here waits for a file.

use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use meshvane_shared::limits::{CONNECT_LIMIT, PLAN_WAIT_MAX};
use meshvane_shared::name::NodeName;
use meshvane_shared::paths;
use meshvane_shared::plan::PlanVersion;
use meshvane_shared::setting::SettingError;
use meshvane_shared::wire::heartbeat::{HeartbeatAnswer, HeartbeatBody};
use meshvane_shared::wire::plan::PlanBody;
use meshvane_shared::wire::problem::{ErrorBody, Problem, UNKNOWN_PLAN};
use meshvane_shared::wire::round::{RoundAnswer, RoundBody};
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Method, StatusCode};
use runtime::Watched;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::clock::Clock;
use crate::config::{Auth, Config};

mod files;
mod resolver;
mod url;

use files::{read_roots, read_token, watch};
use resolver::Resolver;
pub use url::ServerUrl;

/// How long a round may take to be taken.
pub const ROUND_LIMIT: Duration = Duration::from_secs(5);
/// How long the plan may take beyond the wait that was asked for.
pub const PLAN_GRACE: Duration = Duration::from_secs(10);
/// Idle connections are dropped after this; the server keeps them for 75 s, so it never closes one that is being used.
pub const IDLE_LIMIT: Duration = Duration::from_mins(1);
/// Largest plan that is read: 20,000 targets of up to 600 bytes.
pub const PLAN_BODY_MAX: usize = 12 << 20;
/// Largest other answer that is read.
pub const ANSWER_BODY_MAX: usize = 64 << 10;
/// The longest wait that a server may ask for by `Retry-After`: beyond it the rounds would be too old.
pub const RETRY_AFTER_MAX: Duration = Duration::from_mins(1);
/// The shortest wait after 429, and the one where the server names no seconds: who answers "in 0 s" would be asked as fast as it answers.
pub const RETRY_AFTER_MIN: Duration = Duration::from_secs(1);

/// Why a call gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// No answer: no connection, no time, no readable body.
    #[error("no answer: {0}")]
    Unanswered(String),
    /// The server failed: status 5xx.
    #[error("the server failed with status {0}")]
    Failed(u16),
    /// The server has too much to do: status 429.
    #[error("the server asks to wait {} s", .0.as_secs())]
    Busy(Duration),
    /// The server does not know us: status 401 or 403.
    #[error("the server does not know us: {0}")]
    Unauthorized(String),
    /// The server does not know the plan of a round.
    #[error("the server does not know the plan")]
    UnknownPlan,
    /// The server will never take this.
    #[error("the server refused: status {status}, {detail}")]
    Refused {
        /// The status.
        status: u16,
        /// What the server says.
        detail: String,
    },
}

/// What is asked for with a plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PlanQuery {
    /// The plan that we have; without one the answer comes at once.
    pub have: Option<PlanVersion>,
    /// The newest look that we know.
    pub look: u64,
}

/// The server, as seen from here. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    node: NodeName,
    url: ServerUrl,
    token: Option<Watched<String>>,
    roots: Option<Watched<rustls::RootCertStore>>,
    resolver: Resolver,
    // A std mutex: held while a client is cloned or made, never across an await.
    http: Mutex<Http>,
}

#[derive(Debug)]
struct Http {
    client: reqwest::Client,
    /// The certificates that it was made for.
    trusts: Arc<rustls::RootCertStore>,
}

impl Client {
    /// Makes a client.
    ///
    /// # Errors
    /// Names the setting whose file cannot be used.
    pub fn new(config: &Config, clock: Clock) -> Result<Self, SettingError> {
        let token = match &config.auth {
            Auth::TokenFile(path) => Some(watch("MESHVANE_TOKEN_FILE", path, read_token)?),
            Auth::None => None,
        };
        let roots = config
            .tls_ca_file
            .as_deref()
            .map(|path| watch("MESHVANE_TLS_CA_FILE", path, read_roots))
            .transpose()?;
        let trusts =
            roots.as_ref().map_or_else(|| Arc::new(rustls::RootCertStore::empty()), Watched::current);
        let resolver = Resolver::new(clock);
        let client =
            build(&trusts, &resolver).map_err(|error| SettingError::new("MESHVANE_TLS_CA_FILE", error))?;
        Ok(Self {
            shared: Arc::new(Shared {
                node: config.node.clone(),
                url: config.server_url.clone(),
                token,
                roots,
                resolver,
                http: Mutex::new(Http { client, trusts }),
            }),
        })
    }

    /// Sends a heartbeat.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn heartbeat(
        &self,
        body: &HeartbeatBody,
        limit: Duration,
    ) -> Result<HeartbeatAnswer, CallError> {
        let request = self.request(Method::POST, paths::HEARTBEAT, limit).json(body);
        read(self.call(request).await?, ANSWER_BODY_MAX).await
    }

    /// Sends a round.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn round(&self, body: &RoundBody, limit: Duration) -> Result<RoundAnswer, CallError> {
        let request = self.request(Method::POST, paths::ROUNDS, limit);
        read(self.call(encode(request, body)?).await?, ANSWER_BODY_MAX).await
    }

    /// Asks for the plan, and waits for news when we have one. `None`: no news.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn plan(&self, query: &PlanQuery) -> Result<Option<PlanBody>, CallError> {
        let mut target = format!("{}?node={}&look={}", paths::PLAN, self.shared.node, query.look);
        let mut limit = PLAN_GRACE;
        if let Some(have) = &query.have {
            let wait = PLAN_WAIT_MAX.as_secs();
            let known =
                format!("&epoch={}&generation={}&wait={wait}s&delta=true", have.epoch, have.generation);
            target.push_str(&known);
            limit += PLAN_WAIT_MAX;
        }
        let response = self.call(self.request(Method::GET, &target, limit)).await?;
        if response.status() == StatusCode::NOT_MODIFIED {
            return Ok(None);
        }
        read(response, PLAN_BODY_MAX).await.map(Some)
    }

    fn request(&self, method: Method, target: &str, limit: Duration) -> reqwest::RequestBuilder {
        let shared = &self.shared;
        let request = self.http().request(method, format!("{}{target}", shared.url)).timeout(limit);
        match &shared.token {
            Some(token) => request.bearer_auth(token.current()),
            None => request,
        }
    }

    /// Sends a request. After a refusal the next one goes by a new connection: an old one keeps the source address
    /// that it had when it began, also when the translation that changed it is repaired.
    async fn call(&self, request: reqwest::RequestBuilder) -> Result<reqwest::Response, CallError> {
        let answer = call(request).await;
        if matches!(answer, Err(CallError::Unauthorized(_))) {
            self.reconnect();
        }
        answer
    }

    /// Drops the connections that nothing uses at the moment.
    fn reconnect(&self) {
        let mut http = self.shared.http.lock().unwrap_or_else(PoisonError::into_inner);
        match build(&http.trusts, &self.shared.resolver) {
            Ok(client) => http.client = client,
            Err(error) => tracing::debug!(error, "the old connections stay"),
        }
    }

    fn http(&self) -> reqwest::Client {
        let mut http = self.shared.http.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(roots) = self.shared.roots.as_ref().map(Watched::current)
            && !Arc::ptr_eq(&roots, &http.trusts)
        {
            match build(&roots, &self.shared.resolver) {
                Ok(client) => http.client = client,
                Err(error) => {
                    tracing::error!(error, "new certificates cannot be used; the old ones stay");
                }
            }
            http.trusts = roots;
        }
        http.client.clone()
    }
}

fn build(roots: &Arc<rustls::RootCertStore>, resolver: &Resolver) -> Result<reqwest::Client, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots.clone())
        .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .dns_resolver(resolver.clone())
        .connect_timeout(CONNECT_LIMIT)
        .pool_idle_timeout(IDLE_LIMIT)
        .user_agent(concat!("meshvane-agent/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| chain(&error))
}

fn encode(
    request: reqwest::RequestBuilder,
    body: &impl Serialize,
) -> Result<reqwest::RequestBuilder, CallError> {
    let json = serde_json::to_vec(body)
        .map_err(|error| CallError::Refused { status: 0, detail: error.to_string() })?;
    Ok(request.header(reqwest::header::CONTENT_TYPE, "application/json").body(json))
}

async fn call(request: reqwest::RequestBuilder) -> Result<reqwest::Response, CallError> {
    let response = request.send().await.map_err(|error| CallError::Unanswered(chain(&error)))?;
    let status = response.status();
    if status.is_success() || status == StatusCode::NOT_MODIFIED {
        return Ok(response);
    }
    let retry_after = retry_after(response.headers());
    let said =
        body(response, ANSWER_BODY_MAX).await.map_or_else(|_| Said::default(), |bytes| Said::read(&bytes));
    Err(judge(status, retry_after, &said))
}

/// What the body of an error says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    /// The type of a problem; clients decide by it.
    kind: Option<String>,
    /// In words, cleaned; empty when the body is none of ours.
    detail: String,
}

impl Said {
    /// Reads a problem, or the original's error, which the compatible endpoints answer.
    fn read(bytes: &[u8]) -> Self {
        let (kind, text) = if let Ok(problem) = serde_json::from_slice::<Problem>(bytes) {
            (Some(problem.kind), problem.detail.unwrap_or(problem.title))
        } else if let Ok(error) = serde_json::from_slice::<ErrorBody>(bytes) {
            (None, error.details.unwrap_or(error.message))
        } else {
            return Self::default();
        };
        Self { kind, detail: meshvane_shared::limits::clean_free_text(&text) }
    }
}

fn judge(status: StatusCode, retry_after: Duration, said: &Said) -> CallError {
    let detail = if said.detail.is_empty() {
        status.canonical_reason().unwrap_or("the server does not say why").to_owned()
    } else {
        said.detail.clone()
    };
    match status {
        StatusCode::TOO_MANY_REQUESTS => CallError::Busy(retry_after),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            CallError::Unauthorized(format!("status {}, {detail}", status.as_u16()))
        }
        StatusCode::CONFLICT if said.kind.as_deref() == Some(UNKNOWN_PLAN) => CallError::UnknownPlan,
        // A client that did not finish in time may try again.
        StatusCode::REQUEST_TIMEOUT => CallError::Unanswered(detail),
        _ if status.is_client_error() => CallError::Refused { status: status.as_u16(), detail },
        _ => CallError::Failed(status.as_u16()),
    }
}

fn retry_after(headers: &HeaderMap) -> Duration {
    headers
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.parse().ok())
        .map_or(RETRY_AFTER_MIN, Duration::from_secs)
        .clamp(RETRY_AFTER_MIN, RETRY_AFTER_MAX)
}

async fn read<T: DeserializeOwned>(response: reqwest::Response, limit: usize) -> Result<T, CallError> {
    let bytes = body(response, limit).await?;
    serde_json::from_slice(&bytes)
        .map_err(|error| CallError::Unanswered(format!("the answer cannot be read: {error}")))
}

async fn body(mut response: reqwest::Response, limit: usize) -> Result<Vec<u8>, CallError> {
    let mut bytes = Vec::new();
    loop {
        let chunk = response.chunk().await.map_err(|error| CallError::Unanswered(chain(&error)))?;
        let Some(chunk) = chunk else { return Ok(bytes) };
        if bytes.len() + chunk.len() > limit {
            return Err(CallError::Unanswered(format!("the answer is longer than {limit} bytes")));
        }
        bytes.extend_from_slice(&chunk);
    }
}

/// The whole story of an error: the client's own first line says only that sending failed.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let _infallible = write!(text, ": {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests;
