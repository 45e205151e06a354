//! Files that may change while we run: the token, and the certificates to trust.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

/// Largest file that is read: a bundle of a few hundred certificates.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// What a file says, read again when it changes. Content that cannot be used leaves the old one in place.
#[derive(Debug)]
pub(super) struct Changes<T> {
    path: PathBuf,
    read: fn(&[u8]) -> Result<T, String>,
    // A std mutex: held while a small file is read, never across an await.
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    value: T,
    seen: Option<Fingerprint>,
}

/// Tells one state of a file from another: a projected volume swaps the whole directory, so the inode changes.
type Fingerprint = (u64, u64, i64, i64);

impl<T: Clone> Changes<T> {
    /// Reads a file for the first time.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub(super) fn open(path: &Path, read: fn(&[u8]) -> Result<T, String>) -> Result<Self, String> {
        let seen = fingerprint(path).map_err(|error| error.to_string())?;
        let value = load(path, read)?;
        Ok(Self { path: path.to_owned(), read, state: Mutex::new(State { value, seen: Some(seen) }) })
    }

    /// What was read last.
    pub(super) fn current(&self) -> T {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).value.clone()
    }

    /// Looks whether the file changed; `true` when its new content was taken.
    ///
    /// # Errors
    /// When the file is gone or cannot be used; said again at each look until it can.
    pub(super) fn look(&self) -> Result<(T, bool), String> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = fingerprint(&self.path).map_err(|error| format!("{}: {error}", self.path.display()))?;
        if state.seen == Some(now) {
            return Ok((state.value.clone(), false));
        }
        // Forgotten first: content that cannot be used is an error at the next look too.
        state.seen = None;
        state.value =
            load(&self.path, self.read).map_err(|error| format!("{}: {error}", self.path.display()))?;
        state.seen = Some(now);
        Ok((state.value.clone(), true))
    }
}

fn fingerprint(path: &Path) -> io::Result<Fingerprint> {
    let metadata = std::fs::metadata(path)?;
    Ok((metadata.ino(), metadata.size(), metadata.mtime(), metadata.mtime_nsec()))
}

fn load<T>(path: &Path, read: fn(&[u8]) -> Result<T, String>) -> Result<T, String> {
    let size = std::fs::metadata(path).map_err(|error| error.to_string())?.size();
    if size > FILE_BYTES_MAX {
        return Err(format!("is longer than {FILE_BYTES_MAX} bytes"));
    }
    read(&std::fs::read(path).map_err(|error| error.to_string())?)
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
