//! TLS of the API listener, with a certificate that may change while the server runs. A pair that does not work leaves the old
//! one in place, and the log says so.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use meshvane_shared::setting::SettingError;
use runtime::{FileProblem, Watched, WatchedFile};
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;

use crate::config::TlsFiles;

/// Longest file: a chain of a hundred certificates, and any key.
const PEM_MAX_BYTES: usize = 256 << 10;
/// The places of the two files in what is read.
const CERTIFICATE: usize = 0;
const KEY: usize = 1;

/// Makes the acceptor for a certificate and key.
///
/// # Errors
/// Names the setting whose file cannot be used.
pub fn acceptor(files: &TlsFiles, checked_every: Duration) -> Result<TlsAcceptor, SettingError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let certificate = ReloadedCertificate::open(files, checked_every, provider.clone())?;
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
    pair: Watched<Arc<CertifiedKey>>,
}

impl fmt::Debug for ReloadedCertificate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The key itself never reaches a log.
        formatter.debug_struct("ReloadedCertificate").finish_non_exhaustive()
    }
}

impl ReloadedCertificate {
    fn open(
        files: &TlsFiles,
        checked_every: Duration,
        provider: Arc<CryptoProvider>,
    ) -> Result<Self, SettingError> {
        let file =
            |variable, path: &Path| WatchedFile { variable, path: path.to_owned(), bytes_max: PEM_MAX_BYTES };
        let files = vec![
            file("MESHVANE_TLS_CERT_FILE", &files.certificate),
            file("MESHVANE_TLS_KEY_FILE", &files.key),
        ];
        let pair = Watched::open(files, checked_every, move |contents| {
            let content = |file: usize| contents.get(file).map(Vec::as_slice).unwrap_or_default();
            certified(content(CERTIFICATE), content(KEY), &provider).map(Arc::new)
        })?;
        Ok(Self { pair })
    }
}

impl ResolvesServerCert for ReloadedCertificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.pair.current()))
    }
}

/// The pair, when it works: the chain is there, the key can be used and belongs to the first certificate.
fn certified(certificate: &[u8], key: &[u8], provider: &CryptoProvider) -> Result<CertifiedKey, FileProblem> {
    let wrong = |file, problem: String| FileProblem { file, problem };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(certificate)
        .collect::<Result<_, _>>()
        .map_err(|error| wrong(CERTIFICATE, error.to_string()))?;
    if chain.is_empty() {
        let problem = "holds no certificate: a PEM file with the chain is accepted".to_owned();
        return Err(wrong(CERTIFICATE, problem));
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| wrong(KEY, error.to_string()))?;
    CertifiedKey::from_der(chain, key, provider).map_err(|error| wrong(KEY, error.to_string()))
}
