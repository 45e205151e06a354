//! The API server of Kubernetes: the only place that knows kube and k8s-openapi.
//!
//! ```text
//!   http::guard ── Question ──> review ──> TokenReview, SubjectAccessReview ──> Review ──> auth decides
//!   watch ── pods of the agents, Nodes: reduced on arrival ──> collector (mesh::context)
//! ```

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use meshvane_shared::name::Namespace;
use meshvane_shared::setting::SettingError;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::clock::Clock;
use crate::collector::Collector;
use crate::config::{ApiServer, AuthConfig, KubernetesConfig};

mod objects;
mod review;
mod watch;

pub use review::{READ_PATH, Reviewer};
pub use watch::{PAGE, Watches};

/// A connection to the API server comes about in this time, or it is not there: it is in the same cluster.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);
/// The file of a namespace holds one name.
const NAMESPACE_MAX_BYTES: u64 = 253;

/// Our own namespace: as the settings say, or as Kubernetes tells every pod.
///
/// # Errors
/// When neither does.
fn namespace(config: &KubernetesConfig) -> Result<Namespace, SettingError> {
    if let Some(namespace) = &config.namespace {
        return Ok(namespace.clone());
    }
    let path = &config.api.namespace_file;
    read_namespace(path).map_err(|problem| {
        let problem = format!("is not set, and {} cannot be used: {problem}", path.display());
        SettingError::new("NAMESPACE", problem)
    })
}

fn read_namespace(path: &Path) -> Result<Namespace, String> {
    let size = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
    if size > NAMESPACE_MAX_BYTES {
        return Err("it is too long for a name".to_owned());
    }
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    Namespace::parse(text.trim()).map_err(|error| error.to_string())
}

/// The way to the API server.
#[derive(Clone)]
pub struct Connection {
    client: Client,
    config: KubernetesConfig,
    /// Our own namespace.
    pub namespace: Namespace,
}

impl Connection {
    /// Makes the client, when Kubernetes vouches for agents. Nothing is asked yet. Token and certificates are read again when
    /// they change.
    ///
    /// # Errors
    /// Names the setting that cannot be followed.
    pub fn open(auth: &AuthConfig) -> Result<Option<Self>, SettingError> {
        let config = match auth {
            AuthConfig::Kubernetes(config) => config.clone(),
            AuthConfig::Token { .. } | AuthConfig::None => return Ok(None),
        };
        Ok(Some(Self { client: connect(&config.api)?, namespace: namespace(&config)?, config }))
    }

    /// Asks about tokens.
    pub fn reviewer(&self) -> Reviewer {
        Reviewer::new(self.client.clone(), self.config.audience.clone())
    }

    /// Watches pods and Nodes.
    pub fn watches(self, collector: Arc<Collector>, clock: Arc<Clock>) -> Watches {
        let Self { client, config, namespace } = self;
        Watches { client, config, namespace, collector, clock }
    }
}

fn connect(api: &ApiServer) -> Result<Client, SettingError> {
    let problem = |text: String| SettingError::new("MESHVANE_AUTH", format!("the API server: {text}"));
    let url = api.url.parse().map_err(|_| problem(format!("{} is no URL", api.url)))?;
    let mut config = kube::Config::new(url);
    config.connect_timeout = Some(CONNECT_LIMIT);
    // The file is read again by the client; without certificates of its own it would look for the machine's, and an image has
    // none.
    config.root_cert = Some(match &api.ca_file {
        Some(path) => roots(path).map_err(|error| problem(format!("{}: {error}", path.display())))?,
        None => Vec::new(),
    });
    config.root_cert_file.clone_from(&api.ca_file);
    config.auth_info.token_file = api.token_file.as_ref().map(|path| path.display().to_string());
    // Each call has a limit of its own, and a watch ends by the server's clock.
    config.read_timeout = None;
    // Whoever asks decides whether to ask again.
    config.default_retry = false;
    Client::try_from(config).map_err(|error| problem(error.to_string()))
}

/// The certificates of a file, as the client takes them.
fn roots(path: &Path) -> Result<Vec<Vec<u8>>, String> {
    let content = std::fs::read(path).map_err(|error| error.to_string())?;
    let certificates = CertificateDer::pem_slice_iter(&content).map(|read| read.map(|found| found.to_vec()));
    let certificates: Vec<Vec<u8>> =
        certificates.collect::<Result<_, _>>().map_err(|error| error.to_string())?;
    if certificates.is_empty() {
        return Err("holds no certificate: PEM is accepted".to_owned());
    }
    Ok(certificates)
}

/// An error in one line, without the body of an answer, which may hold a token.
fn brief(error: &kube::Error) -> String {
    if let kube::Error::Api(status) = error {
        return format!("status {}, {}", status.code, status.reason);
    }
    if let kube::Error::SerdeError(_) = error {
        return "the answer cannot be read".to_owned();
    }
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = cause.to_string();
        source = cause.source();
    }
    meshvane_shared::limits::clean_free_text(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(ca_file: Option<&str>) -> ApiServer {
        ApiServer {
            url: "https://10.96.0.1:443".to_owned(),
            ca_file: ca_file.map(Into::into),
            ..ApiServer::default()
        }
    }

    #[tokio::test]
    async fn the_certificates_of_the_cluster_are_enough_and_must_be_there() {
        let path = tempfile::NamedTempFile::new().unwrap().into_temp_path();
        let text = path.to_str().unwrap();
        let certificate = rcgen::generate_simple_self_signed(vec!["kubernetes".to_owned()]).unwrap();
        std::fs::write(&path, certificate.cert.pem()).unwrap();
        assert!(connect(&api(Some(text))).is_ok());
        std::fs::write(&path, "nothing").unwrap();
        let error = connect(&api(Some(text))).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(text) && error.contains("PEM is accepted"), "{error}");
        let error = connect(&api(Some("/nonexistent/ca.crt"))).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("/nonexistent/ca.crt"), "{error}");
    }
}
