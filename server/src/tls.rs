//! TLS of the API listener, with a certificate that may change while the server runs.
//!
//! The files are looked at during a handshake, at most once in a period: no ticker runs for them. A pair that does not
//! work leaves the old one in place, and the log says so once for each content.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use meshvane_shared::setting::SettingError;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;

use crate::clock::Clock;
use crate::config::TlsFiles;
use crate::mesh::time::Moment;

/// Makes the acceptor for a certificate and key.
///
/// # Errors
/// Names the setting whose file cannot be used.
pub fn acceptor(
    files: &TlsFiles,
    checked_every: Duration,
    clock: Arc<Clock>,
) -> Result<TlsAcceptor, SettingError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let certificate = ReloadedCertificate::open(files, checked_every, provider.clone(), clock)?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| SettingError::new("MESHVANE_TLS_CERT_FILE", error))?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(certificate));
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// The pair that is shown to clients.
struct ReloadedCertificate {
    files: TlsFiles,
    checked_every: Duration,
    provider: Arc<CryptoProvider>,
    clock: Arc<Clock>,
    // A std Mutex: held while two small files are read, never across an await.
    state: Mutex<State>,
}

struct State {
    shown: Arc<CertifiedKey>,
    /// What was read last, working or not.
    read: Option<Content>,
    checked: Moment,
}

#[derive(PartialEq, Eq)]
struct Content {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl fmt::Debug for ReloadedCertificate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The key itself never reaches a log.
        formatter.debug_struct("ReloadedCertificate").field("files", &self.files).finish_non_exhaustive()
    }
}

impl ReloadedCertificate {
    fn open(
        files: &TlsFiles,
        checked_every: Duration,
        provider: Arc<CryptoProvider>,
        clock: Arc<Clock>,
    ) -> Result<Self, SettingError> {
        let content = Content::read(files)?;
        let shown = Arc::new(content.certified(files, &provider)?);
        let state = Mutex::new(State { shown, read: Some(content), checked: clock.now().moment });
        Ok(Self { files: files.clone(), checked_every, provider, clock, state })
    }

    fn check(&self, state: &mut State) {
        let content = match Content::read(&self.files) {
            Ok(content) => content,
            Err(error) => {
                if state.read.take().is_some() {
                    tracing::error!(%error, "the certificate cannot be read; the old one stays");
                }
                return;
            }
        };
        if state.read.as_ref() == Some(&content) {
            return;
        }
        match content.certified(&self.files, &self.provider) {
            Ok(certified) => {
                tracing::info!(file = %self.files.certificate.display(), "the certificate changed");
                state.shown = Arc::new(certified);
            }
            Err(error) => tracing::error!(%error, "the new certificate does not work; the old one stays"),
        }
        state.read = Some(content);
    }
}

impl ResolvesServerCert for ReloadedCertificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let now = self.clock.now().moment;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if now.since(state.checked) >= self.checked_every {
            state.checked = now;
            self.check(&mut state);
        }
        Some(state.shown.clone())
    }
}

impl Content {
    fn read(files: &TlsFiles) -> Result<Self, SettingError> {
        let read = |variable, path: &Path| {
            std::fs::read(path)
                .map_err(|error| SettingError::new(variable, format!("{}: {error}", path.display())))
        };
        Ok(Self {
            certificate: read("MESHVANE_TLS_CERT_FILE", &files.certificate)?,
            key: read("MESHVANE_TLS_KEY_FILE", &files.key)?,
        })
    }

    /// The pair, when it works: the chain is there, the key can be used and belongs to the first certificate.
    fn certified(&self, files: &TlsFiles, provider: &CryptoProvider) -> Result<CertifiedKey, SettingError> {
        let wrong = |variable, path: &Path, problem: String| {
            SettingError::new(variable, format!("{}: {problem}", path.display()))
        };
        let certificate = |problem| wrong("MESHVANE_TLS_CERT_FILE", &files.certificate, problem);
        let key_error = |problem| wrong("MESHVANE_TLS_KEY_FILE", &files.key, problem);
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&self.certificate)
            .collect::<Result<_, _>>()
            .map_err(|error| certificate(error.to_string()))?;
        if chain.is_empty() {
            return Err(certificate(
                "holds no certificate: a PEM file with the chain is accepted".to_owned(),
            ));
        }
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|error| key_error(error.to_string()))?;
        CertifiedKey::from_der(chain, key, provider).map_err(|error| key_error(error.to_string()))
    }
}
