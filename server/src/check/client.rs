//! Gets `/agents` from a server: one connection for each look.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, HOST};
use hyper::rt::{Read, Write};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use meshvane_shared::paths;
use meshvane_shared::wire::agents::AgentsBody;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::config::{CheckConfig, CheckUrl};

/// One look takes at most this long.
const LOOK_LIMIT: Duration = Duration::from_secs(5);
/// Largest answer: 5,000 members of 1 KiB, thrice.
const ANSWER_MAX_BYTES: usize = 16 << 20;

/// Asks a server.
pub(super) struct Client<'a> {
    config: &'a CheckConfig,
    tls: Option<TlsConnector>,
}

impl<'a> Client<'a> {
    /// Reads the certificates.
    ///
    /// # Errors
    /// Why they cannot be used.
    pub(super) fn open(config: &'a CheckConfig) -> Result<Self, String> {
        let tls = match (&config.ca_file, config.url.tls) {
            (Some(path), true) => {
                let wrong = |problem: String| format!("MESHVANE_TLS_CA_FILE: {}: {problem}", path.display());
                let content = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
                Some(connector(&content).map_err(wrong)?)
            }
            (None, true) => {
                return Err("MESHVANE_TLS_CA_FILE is not set, so no certificate is trusted".to_owned());
            }
            (_, false) => None,
        };
        Ok(Self { config, tls })
    }

    /// Gets the members.
    ///
    /// # Errors
    /// What is in the way, in words.
    pub(super) async fn agents(&self) -> Result<AgentsBody, String> {
        match timeout(LOOK_LIMIT, self.ask()).await {
            Ok(answer) => answer,
            Err(_) => Err("the server does not answer".to_owned()),
        }
    }

    async fn ask(&self) -> Result<AgentsBody, String> {
        let CheckUrl { host, port, .. } = &self.config.url;
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let stream =
            TcpStream::connect((bare, *port)).await.map_err(|error| format!("{host}:{port}: {error}"))?;
        let response = match &self.tls {
            None => send(TokioIo::new(stream), self.request()?).await?,
            Some(connector) => {
                let name = ServerName::try_from(bare.to_owned()).map_err(|_| format!("{host} is no name"))?;
                let stream = connector.connect(name, stream).await.map_err(|error| error.to_string())?;
                send(TokioIo::new(stream), self.request()?).await?
            }
        };
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_MAX_BYTES).collect().await;
        let body = body.map_err(|_| "the answer broke off".to_owned())?.to_bytes();
        if !status.is_success() {
            let text = meshvane_shared::limits::clean_free_text(&String::from_utf8_lossy(&body));
            return Err(format!("the server answers {}: {text}", status.as_u16()));
        }
        serde_json::from_slice(&body).map_err(|error| format!("the answer cannot be read: {error}"))
    }

    fn request(&self) -> Result<Request<Empty<Bytes>>, String> {
        let CheckUrl { host, port, .. } = &self.config.url;
        let mut request = Request::get(paths::AGENTS).header(HOST, format!("{host}:{port}"));
        if let Some(path) = &self.config.token_file {
            let wrong = |problem: &str| format!("MESHVANE_TOKEN_FILE: {}: {problem}", path.display());
            // Read each time: Kubernetes renews it.
            let token = std::fs::read_to_string(path).map_err(|error| wrong(&error.to_string()))?;
            request = request.header(AUTHORIZATION, format!("Bearer {}", token.trim()));
        }
        request.body(Empty::new()).map_err(|error| error.to_string())
    }
}

async fn send<T: Read + Write + Unpin + Send + 'static>(
    stream: T,
    request: Request<Empty<Bytes>>,
) -> Result<Response<hyper::body::Incoming>, String> {
    let (mut sender, connection) = http1::handshake(stream).await.map_err(|error| error.to_string())?;
    // It ends with the answer: the sender is dropped then.
    tokio::spawn(connection);
    sender.send_request(request).await.map_err(|error| error.to_string())
}

fn connector(pem: &[u8]) -> Result<TlsConnector, String> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    if roots.is_empty() {
        return Err("holds no certificate: PEM is accepted".to_owned());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
