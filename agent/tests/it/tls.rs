//! Encryption: who is trusted, and who is not.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use meshvane_agent::client::{CallError, Client};
use meshvane_agent::config::{Auth, Config};
use meshvane_shared::wire::heartbeat::HeartbeatBody;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use crate::server::config;

const ANSWER: &str = r#"{"message":"heard","status":"success"}"#;

/// A server with a certificate of its own for 127.0.0.1; returns its port and the certificate.
async fn start() -> (u16, String) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let pem = made.cert.pem();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(tls));
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            // A client that does not trust us ends the handshake.
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut request = vec![0u8; 16 << 10];
            let _read = stream.read(&mut request).await.unwrap();
            let length = ANSWER.len();
            let answer =
                format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{ANSWER}");
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
        }
    });
    (port, pem)
}

fn client(port: u16, ca_file: &std::path::Path) -> Client {
    let plain = config((Ipv4Addr::LOCALHOST, 1).into());
    let url = format!("https://127.0.0.1:{port}");
    let config = Config {
        server_url: meshvane_agent::client::ServerUrl::parse(&url).unwrap(),
        tls_ca_file: Some(ca_file.to_owned()),
        auth: Auth::None,
        ..plain
    };
    Client::new(&config, meshvane_agent::clock::Clock::start()).unwrap()
}

#[tokio::test]
async fn only_certificates_of_the_file_are_trusted_and_a_new_file_is_read() {
    let (port, pem) = start().await;
    let (_, other_pem) = start().await;
    let path = tempfile::NamedTempFile::new().unwrap().into_temp_path();
    std::fs::write(&path, other_pem).unwrap();
    let client = client(port, &path);
    let limit = Duration::from_secs(5);
    let body = HeartbeatBody::default();
    let untrusted = client.heartbeat(&body, limit).await;
    assert!(
        matches!(&untrusted, Err(CallError::Unanswered(text)) if text.contains("certificate")),
        "{untrusted:?}"
    );
    std::fs::write(&path, format!("{pem}\n")).unwrap();
    // The file is looked at once a second.
    let trusted = async { while client.heartbeat(&body, limit).await.is_err() {} };
    tokio::time::timeout(Duration::from_secs(30), trusted).await.expect("the new certificate is trusted");
    std::fs::write(&path, "broken").unwrap();
    let kept = client.heartbeat(&body, limit).await;
    assert_eq!(kept.unwrap().status, "success", "the old certificates stay");
}
