//! Who may: by token, by loopback, by name of the host.

use std::time::Duration;

use meshvane_server::config::AuthConfig;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{AGENTS_TOKEN, READERS_TOKEN, Server, file, heartbeat, open, raw, with_tokens};

const READS: [&str; 12] = [
    "/api/v1/plan",
    "/api/v1/hosts",
    "/api/v1/pods",
    "/api/v1/clients/count",
    "/api/v1/test-results/hosts",
    "/api/v1/test-results/pods",
    "/api/v1/test-results/service",
    "/api/v1/results",
    "/api/v1/agents",
    "/api/v1/matrix",
    "/api/v1/findings",
    "/api/v1/report",
];
const WRITES: [&str; 5] = [
    "/api/v1/heartbeat",
    "/api/v1/test-results/hosts",
    "/api/v1/test-results/pods",
    "/api/v1/test-results/service",
    "/api/v1/rounds",
];

async fn status(
    server: &Server,
    method: Method,
    path: &str,
    authorization: Option<&str>,
) -> (u16, Option<String>, Value) {
    let mut request = server.request(method.clone(), path);
    if method == Method::POST {
        request = request.body("{}");
    }
    if let Some(value) = authorization {
        request = request.header("authorization", value);
    }
    let response = request.send().await.unwrap();
    let asks = response.headers().get("www-authenticate").map(|value| value.to_str().unwrap().to_owned());
    (response.status().as_u16(), asks, response.json().await.unwrap_or_default())
}

#[tokio::test]
async fn every_write_needs_the_agents_token_even_from_loopback() {
    let server = Server::start(with_tokens()).await;
    for path in WRITES {
        for (authorization, expected) in [
            (None, 401),
            (Some("Bearer wrong".to_owned()), 401),
            (Some(format!("Bearer {READERS_TOKEN}")), 401),
            (Some(format!("Basic {AGENTS_TOKEN}")), 401),
            (Some(AGENTS_TOKEN.to_owned()), 401),
            (Some("Bearer".to_owned()), 401),
            (Some(format!("Bearer {AGENTS_TOKEN}x")), 401),
            (Some(format!("Bearer {AGENTS_TOKEN}")), 400),
            (Some(format!("bearer {AGENTS_TOKEN}")), 400),
        ] {
            let (status, asks, error) = status(&server, Method::POST, path, authorization.as_deref()).await;
            assert_eq!(status, expected, "{path} {authorization:?}");
            assert_eq!(
                asks.is_some_and(|asks| asks.starts_with("Bearer")),
                expected == 401,
                "{path} {authorization:?}"
            );
            if expected == 401 {
                let says = if path == "/api/v1/rounds" { &error["detail"] } else { &error["details"] };
                assert!(says.as_str().unwrap().contains("MESHVANE_TOKEN_FILE"), "{path}: {error}");
            }
        }
    }
    let authorization = format!("Bearer {AGENTS_TOKEN}");
    let request = server.request(Method::POST, "/api/v1/heartbeat").header("authorization", &authorization);
    assert_eq!(request.body(heartbeat(1).to_string()).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn every_read_is_open_to_loopback_and_to_both_tokens_and_not_to_a_wrong_one() {
    let server = Server::start(with_tokens()).await;
    for path in READS {
        for (authorization, expected) in [
            (None, 200),
            (Some("Bearer wrong".to_owned()), 401),
            (Some(format!("Bearer {READERS_TOKEN}")), 200),
            (Some(format!("Bearer {AGENTS_TOKEN}")), 200),
        ] {
            let (status, _, _) = status(&server, Method::GET, path, authorization.as_deref()).await;
            assert_eq!(status, expected, "{path} {authorization:?}");
        }
    }
}

#[tokio::test]
async fn with_loopback_reads_off_every_read_needs_a_token_and_health_does_not() {
    let server =
        Server::start(meshvane_server::config::Config { loopback_reads: false, ..with_tokens() }).await;
    for path in READS {
        let (status_without, asks, error) = status(&server, Method::GET, path, None).await;
        assert_eq!((status_without, asks.as_deref()), (401, Some("Bearer")), "{path}: {error}");
        let (status_with, _, _) =
            status(&server, Method::GET, path, Some(&format!("Bearer {READERS_TOKEN}"))).await;
        assert_eq!(status_with, 200, "{path}");
    }
    assert_eq!(server.get("/api/v1/health").await.status(), 200);
}

#[tokio::test]
async fn a_loopback_peer_is_127_0_0_1_and_no_other_of_its_network() {
    let mut config = with_tokens();
    config.bind = meshvane_shared::setting::Bind::Address("0.0.0.0".parse().unwrap());
    let server = Server::start(config).await;
    let url = format!("http://127.0.0.1:{}/api/v1/hosts", server.addresses.api.port());
    for (local, expected) in [("127.0.0.1", 200), ("127.0.0.2", 401), ("127.0.0.6", 401)] {
        let client =
            crate::support::client_builder().local_address(Some(local.parse().unwrap())).build().unwrap();
        let response = client.get(&url).send().await.unwrap();
        assert_eq!(response.status(), expected, "{local}");
        if expected == 401 {
            assert!(response.text().await.unwrap().contains("kubectl port-forward"));
        }
    }
}

#[tokio::test]
async fn a_dual_stack_listener_sees_both_loopbacks_as_such() {
    let mut config = with_tokens();
    config.bind = meshvane_shared::setting::Bind::Everywhere;
    let server = Server::start(config).await;
    let port = server.addresses.api.port();
    let mut urls = vec![format!("http://127.0.0.1:{port}/api/v1/hosts")];
    // A kernel without IPv6 has no [::1], and the listener fell back to IPv4.
    if server.addresses.api.is_ipv6() {
        urls.push(format!("http://[::1]:{port}/api/v1/hosts"));
    }
    for url in urls {
        assert_eq!(server.client.get(&url).send().await.unwrap().status(), 200, "{url}");
    }
}

#[tokio::test]
async fn a_forwarded_request_is_not_from_loopback() {
    let server = Server::start(with_tokens()).await;
    for name in ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Via"]
    {
        let request = server.request(Method::GET, "/api/v1/hosts").header(name, "for=127.0.0.1");
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 403, "{name}");
        let request = server
            .request(Method::GET, "/api/v1/hosts")
            .header(name, "for=127.0.0.1")
            .bearer_auth(READERS_TOKEN);
        assert_eq!(request.send().await.unwrap().status(), 200, "{name}");
    }
}

#[tokio::test]
async fn a_rebound_name_is_refused_with_what_to_do() {
    let server = Server::start(with_tokens()).await;
    for (host, expected) in [
        ("Host: localhost:8080\r\n", "200"),
        ("Host: 127.0.0.1\r\n", "200"),
        ("Host: [::1]:8080\r\n", "200"),
        ("Host: evil.example\r\n", "403"),
        ("Host: localhost.evil.example\r\n", "403"),
        ("Host: 192.168.0.1\r\n", "403"),
        ("Host: \r\n", "403"),
        ("", "403"),
        ("Host: localhost\r\nHost: evil.example\r\n", "403"),
    ] {
        let request = format!("GET /api/v1/hosts HTTP/1.1\r\n{host}Connection: close\r\n\r\n");
        let answer = raw(server.addresses.api, &request).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {expected} ")), "{host:?}: {answer}");
        if expected == "403" {
            assert!(
                answer.contains("http://localhost") && answer.contains("kubectl port-forward"),
                "{answer}"
            );
        }
    }
    let absolute =
        "GET http://evil.example/api/v1/hosts HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    assert!(raw(server.addresses.api, absolute).await.starts_with("HTTP/1.1 403 "));
    let with_token = format!(
        "GET /api/v1/hosts HTTP/1.1\r\nHost: meshvane.example\r\nAuthorization: Bearer {READERS_TOKEN}\r\nConnection: close\r\n\r\n"
    );
    assert!(raw(server.addresses.api, &with_token).await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn without_auth_anybody_reads_and_writes() {
    let server = Server::open().await;
    let request = server
        .request(Method::POST, "/api/v1/heartbeat")
        .header("x-forwarded-for", "10.0.0.7")
        .bearer_auth("any");
    assert_eq!(request.body(heartbeat(1).to_string()).send().await.unwrap().status(), 200);
    let request = server.request(Method::GET, "/api/v1/hosts").header("host", "evil.example");
    assert_eq!(request.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_refusal_is_said_in_the_endpoints_own_dialect() {
    let server = Server::start(with_tokens()).await;
    let (_, _, compatible) = status(&server, Method::POST, "/api/v1/heartbeat", None).await;
    assert_eq!(
        (&compatible["code"], &compatible["message"]),
        (&json!("UNAUTHORIZED"), &json!("a token is needed"))
    );
    let (_, _, native) = status(&server, Method::POST, "/api/v1/rounds", None).await;
    assert_eq!(
        (&native["type"], &native["status"], &native["title"]),
        (&json!("/problems/unauthorized"), &json!(401), &json!("a token is needed"))
    );
}

#[tokio::test]
async fn a_refused_writer_with_a_body_sees_the_refusal() {
    let server = Server::start(with_tokens()).await;
    let response = server.post("/api/v1/rounds", vec![b'x'; 60_000]).await;
    assert_eq!(response.status(), 401);
}

#[tokio::test]
async fn a_changed_token_counts_without_a_restart() {
    let path = file("first");
    let auth = AuthConfig::Token { agents: path.clone(), readers: None };
    let server = Server::start(meshvane_server::config::Config {
        auth,
        files_checked_every: Duration::ZERO,
        ..open()
    })
    .await;
    let post = async |token: &str| {
        let request = server.request(Method::POST, "/api/v1/heartbeat").bearer_auth(token);
        request.body(heartbeat(1).to_string()).send().await.unwrap().status().as_u16()
    };
    assert_eq!((post("first").await, post("second").await), (200, 401));
    std::fs::write(&path, "second\n").unwrap();
    let counts = async { while post("second").await != 200 {} };
    tokio::time::timeout(Duration::from_secs(30), counts).await.expect("the new token counts");
    assert_eq!(post("first").await, 401);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(post("second").await, 200);
    // Reading it would wait for a writer for ever.
    mkfifo(&path, Mode::S_IRUSR).unwrap();
    for _ in 0..50 {
        assert_eq!(post("second").await, 200);
    }
}
