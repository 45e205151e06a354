//! Files that may change while we run: the token, and the certificates to trust.

use std::path::Path;
use std::time::Duration;

use meshvane_shared::setting::SettingError;
use runtime::{FileProblem, Watched, WatchedFile};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// Largest file that is read: a bundle of a few hundred certificates.
const FILE_BYTES_MAX: usize = 1 << 20;
/// Time between two looks at a file. Kubernetes itself takes up to a minute to project a changed Secret, so some seconds
/// more cost nothing; and a look each second took a twentieth of what an idle agent costs.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Reads a file that a setting names, and looks at it from then on.
///
/// # Errors
/// Names the setting, the file and what is wrong with it.
pub(super) fn watch<T: Send + Sync + 'static>(
    variable: &'static str,
    path: &Path,
    read: fn(&[u8]) -> Result<T, String>,
) -> Result<Watched<T>, SettingError> {
    let file = WatchedFile { variable, path: path.to_owned(), bytes_max: FILE_BYTES_MAX };
    Watched::open(vec![file], LOOK_EVERY, move |contents| {
        let content = contents.first().map(Vec::as_slice).unwrap_or_default();
        read(content).map_err(|problem| FileProblem { file: 0, problem })
    })
}

/// Reads a token: one line of visible ASCII, as a header takes it.
pub(super) fn read_token(bytes: &[u8]) -> Result<String, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "is not text".to_owned())?;
    let token = text.trim();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("holds no token: one line of visible ASCII characters is accepted".to_owned());
    }
    Ok(token.to_owned())
}

/// Reads the certificates to trust.
pub(super) fn read_roots(bytes: &[u8]) -> Result<rustls::RootCertStore, String> {
    let mut store = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(bytes) {
        let certificate = certificate.map_err(|error| format!("is not PEM: {error}"))?;
        store
            .add(certificate)
            .map_err(|error| format!("holds a certificate that cannot be used: {error}"))?;
    }
    if store.is_empty() {
        return Err("holds no certificate: PEM is accepted".to_owned());
    }
    Ok(store)
}
