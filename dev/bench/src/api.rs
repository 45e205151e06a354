//! The server as a client sees it.

use std::time::Duration;

use lab::SERVER_PORT;
use meshvane_shared::paths;
use serde::de::DeserializeOwned;

use crate::clock::Stopwatch;
use crate::problem::Problem;
use crate::start::TOKEN;

/// A request without an answer after this has failed; the slowest answer of a healthy server takes a hundredth of it.
const REQUEST_LIMIT: Duration = Duration::from_secs(10);
/// A server that does not answer this long after its start does not come up.
const START_LIMIT: Duration = Duration::from_secs(10);
/// Distance between two looks whether it is up.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// One client with connections of its own, which shows the agents' token. It belongs to the runtime it was made in.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    http: reqwest::Client,
    base: String,
}

/// An answer, whatever it says.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: u16,
    /// The whole body.
    pub(crate) body: Vec<u8>,
}

/// What to ask.
#[derive(Debug)]
pub(crate) enum Method {
    /// For something.
    Get,
    /// To take this JSON.
    Post(Vec<u8>),
    /// To take this JSON, which is compressed.
    PostZipped(Vec<u8>),
}

impl Api {
    /// A client of the server at `base`, as `http://10.80.0.2:8080`.
    pub(crate) fn new(base: &str) -> Result<Self, Problem> {
        // Only the first one in the process is installed; the requests of these programs are plain HTTP.
        let _installed = rustls::crypto::ring::default_provider().install_default();
        let builder = reqwest::Client::builder().no_proxy().tls_certs_only([]).timeout(REQUEST_LIMIT);
        let http = builder.build().map_err(|source| Problem::Request { path: base.to_owned(), source })?;
        Ok(Self { http, base: base.to_owned() })
    }

    /// A client of the server, for use inside the server's own namespace.
    pub(crate) fn on_loopback() -> Result<Self, Problem> {
        Self::new(&format!("http://127.0.0.1:{SERVER_PORT}"))
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn ask(&self, method: Method, path: &str) -> Result<Answer, reqwest::Error> {
        let url = format!("{}{path}", self.base);
        let request = match method {
            Method::Get => self.http.get(url),
            Method::Post(body) => self.http.post(url).header("content-type", "application/json").body(body),
            Method::PostZipped(body) => {
                let request = self.http.post(url).header("content-type", "application/json");
                request.header("content-encoding", "gzip").body(body)
            }
        };
        let answer = request.bearer_auth(TOKEN).send().await?;
        let status = answer.status().as_u16();
        Ok(Answer { status, body: answer.bytes().await?.into() })
    }

    /// Gets a text.
    pub(crate) async fn text(&self, path: &str) -> Result<String, Problem> {
        Ok(String::from_utf8_lossy(&self.body(path).await?).into_owned())
    }

    /// Gets a body.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Problem> {
        serde_json::from_slice(&self.body(path).await?)
            .map_err(|source| Problem::Answer { path: path.to_owned(), source })
    }

    async fn body(&self, path: &str) -> Result<Vec<u8>, Problem> {
        let answer = self.ask(Method::Get, path).await;
        let answer = answer.map_err(|source| Problem::Request { path: path.to_owned(), source })?;
        if answer.status != 200 {
            let body = String::from_utf8_lossy(&answer.body).into_owned();
            return Err(Problem::Refused { path: path.to_owned(), status: answer.status, body });
        }
        Ok(answer.body)
    }

    /// Waits until the server answers.
    pub(crate) async fn wait_until_up(&self) -> Result<(), Problem> {
        let clock = Stopwatch::start();
        loop {
            let answer = self.ask(Method::Get, paths::HEALTH).await;
            match answer {
                Ok(answer) if answer.status == 200 => return Ok(()),
                Ok(_) | Err(_) if clock.elapsed() < START_LIMIT => tokio::time::sleep(LOOK_EVERY).await,
                Ok(answer) => {
                    let body = String::from_utf8_lossy(&answer.body).into_owned();
                    return Err(Problem::Refused {
                        path: paths::HEALTH.to_owned(),
                        status: answer.status,
                        body,
                    });
                }
                Err(source) => return Err(Problem::Request { path: paths::HEALTH.to_owned(), source }),
            }
        }
    }
}
