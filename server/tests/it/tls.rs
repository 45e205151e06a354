//! TLS of the API, and certificates that change.

use std::path::Path;
use std::time::Duration;

use meshvane_server::app::{App, StartError};
use meshvane_server::config::{Config, TlsFiles};
use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use reqwest::Certificate;
use tokio::net::TcpStream;

use crate::support::{Server, client_builder, file, open};

fn pair() -> CertifiedKey<KeyPair> {
    generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap()
}

fn files(pair: &CertifiedKey<KeyPair>) -> TlsFiles {
    TlsFiles { certificate: file(pair.cert.pem()), key: file(pair.signing_key.serialize_pem()) }
}

/// Whether a client that trusts only this certificate gets an answer; each time on a new connection.
async fn trusted(server: &Server, pair: &CertifiedKey<KeyPair>) -> bool {
    let root = Certificate::from_pem(pair.cert.pem().as_bytes()).unwrap();
    let client = client_builder().tls_certs_only([root]).build().unwrap();
    let url = format!("https://{}/api/v1/health", server.addresses.api);
    client.get(url).send().await.is_ok_and(|response| response.status() == 200)
}

/// Waits until the server shows a pair: its files are looked at every few milliseconds.
async fn is_shown(server: &Server, pair: &CertifiedKey<KeyPair>) {
    let shown = async { while !trusted(server, pair).await {} };
    tokio::time::timeout(Duration::from_secs(30), shown).await.expect("the changed pair is shown");
}

#[tokio::test]
async fn the_api_speaks_tls_and_health_does_not() {
    let pair = pair();
    let server = Server::start(Config { tls: Some(files(&pair)), ..open() }).await;
    assert!(trusted(&server, &pair).await);
    assert!(!trusted(&server, &self::pair()).await, "a client accepted a certificate that it does not trust");
    assert!(server.client.get(server.url("/api/v1/health")).send().await.is_err(), "plain HTTP was answered");
    let live = format!("http://{}/livez", server.addresses.health);
    assert_eq!(server.client.get(live).send().await.unwrap().status(), 200);
    server.stop().await.unwrap();
}

#[tokio::test]
async fn a_changed_pair_is_shown_and_a_broken_one_leaves_the_old() {
    let (first, second, third) = (pair(), pair(), pair());
    let files = files(&first);
    let config = Config { tls: Some(files.clone()), files_checked_every: Duration::ZERO, ..open() };
    let server = Server::start(config).await;
    assert!(trusted(&server, &first).await);
    // Half of a change: the key does not belong to the certificate.
    std::fs::write(&files.certificate, second.cert.pem()).unwrap();
    assert!(trusted(&server, &first).await);
    std::fs::write(&files.key, second.signing_key.serialize_pem()).unwrap();
    is_shown(&server, &second).await;
    assert!(!trusted(&server, &first).await);
    for broken in ["", "no PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        std::fs::write(&files.certificate, broken).unwrap();
        assert!(trusted(&server, &second).await, "{broken:?}");
    }
    std::fs::remove_file(&files.key).unwrap();
    assert!(trusted(&server, &second).await);
    std::fs::write(&files.certificate, third.cert.pem()).unwrap();
    std::fs::write(&files.key, third.signing_key.serialize_pem()).unwrap();
    is_shown(&server, &third).await;
}

#[tokio::test]
async fn a_pair_that_does_not_work_is_named_at_the_start() {
    let good = pair();
    let TlsFiles { certificate, key } = files(&good);
    let check = async |certificate: &Path, key: &Path, expected: &str| {
        let tls = Some(TlsFiles { certificate: certificate.to_owned(), key: key.to_owned() });
        match App::bind(Config { tls, ..open() }).await {
            Err(StartError::Setting(error)) => assert!(error.to_string().starts_with(expected), "{error}"),
            Err(error) => panic!("{error}"),
            Ok(_) => panic!("it started"),
        }
    };
    check(Path::new("/nonexistent"), &key, "MESHVANE_TLS_CERT_FILE: /nonexistent: ").await;
    check(&certificate, Path::new("/nonexistent"), "MESHVANE_TLS_KEY_FILE: /nonexistent: ").await;
    check(&file(""), &key, "MESHVANE_TLS_CERT_FILE: ").await;
    check(&certificate, &file(""), "MESHVANE_TLS_KEY_FILE: ").await;
    check(&certificate, &file(pair().signing_key.serialize_pem()), "MESHVANE_TLS_KEY_FILE: ").await;
}

#[tokio::test]
async fn a_client_that_never_shakes_hands_does_not_hold_up_the_stop() {
    let server = Server::start(Config { tls: Some(files(&pair())), ..open() }).await;
    let silent = TcpStream::connect(server.addresses.api).await.unwrap();
    let started = tokio::time::timeout(Duration::from_secs(20), server.stop()).await;
    started.unwrap().unwrap();
    drop(silent);
}
