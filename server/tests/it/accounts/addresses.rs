//! Agents whose source address is translated on the way to the server.

use super::*;
use crate::support::{ask, connect_from, read_all};

/// An address that is no pod's: that of a gateway.
const GATEWAY: &str = "127.0.9.9";

/// What `GET /agents` says of agents that are refused.
async fn refused(server: &Server) -> Value {
    server.json("/api/v1/agents").await["cluster"]["refused"].clone()
}

#[tokio::test]
async fn an_agent_behind_a_gateway_is_shown_as_refused_with_its_node() {
    let kube = FakeKube::start().await;
    let good = kube.agent(1);
    let server = start(&kube).await;
    let gateway = from(GATEWAY);
    let (status, error) = gateway.post(&server, HEARTBEAT, Some(&good), &heartbeat(1)).await;
    assert_eq!((status, &error["code"]), (403, &json!("FORBIDDEN")));
    assert!(error["details"].as_str().unwrap().contains("address translation"), "{error}");
    let expected = json!([{"node": "node-1", "reason": "other_address", "from": GATEWAY}]);
    assert_eq!(refused(&server).await, expected);
    assert_eq!(gateway.post(&server, ROUNDS, Some(&good), &round(1)).await.0, 403);
    assert_eq!(kube.reviews(), 1, "the same token is asked about once");
    let pod = from(&pod_address(1));
    assert_eq!(pod.post(&server, HEARTBEAT, Some(&good), &heartbeat(1)).await.0, 200);
}

#[tokio::test]
async fn a_forged_token_shows_no_agent_as_refused() {
    let kube = FakeKube::start().await;
    kube.agent(1);
    let server = start(&kube).await;
    let mut invented = claims(1);
    invented["jti"] = json!("invented");
    let (status, _) = from(GATEWAY).post(&server, HEARTBEAT, Some(&token(&invented)), &heartbeat(1)).await;
    assert_eq!((status, refused(&server).await), (401, Value::Null));
}

#[tokio::test]
async fn the_connection_of_a_refused_writer_is_closed() {
    let kube = FakeKube::start().await;
    let good = kube.agent(1);
    let server = start(&kube).await;
    for (path, token, expected) in
        [(HEARTBEAT, &*good, "403"), (ROUNDS, &*good, "403"), (ROUNDS, "garbage", "401")]
    {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(format!("{GATEWAY}:0").parse().unwrap()).unwrap();
        let mut stream = socket.connect(server.addresses.api).await.unwrap();
        let head = format!("POST {path} HTTP/1.1\r\nHost: server\r\nAuthorization: Bearer {token}\r\n");
        let request = format!("{head}Content-Length: 2\r\n\r\n{{}}");
        tokio::io::AsyncWriteExt::write_all(&mut stream, request.as_bytes()).await.unwrap();
        // Ends only when the server closes.
        let answer = read_all(&mut stream).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {expected}")), "{answer}");
        assert!(answer.to_lowercase().contains("\r\nconnection: close\r\n"), "{answer}");
    }
}

#[tokio::test]
async fn an_agent_whose_token_is_being_looked_at_keeps_its_place_among_many_that_ask() {
    let kube = FakeKube::start().await;
    let good = kube.agent(1);
    let mut config = kube.config();
    let places = &mut config.limits.places;
    (places.unproven, places.unproven_per_source, places.grace) = (8, 2, std::time::Duration::ZERO);
    let server = Server::start(config).await;
    from(&pod_address(1)).get(&server, "/api/v1/health", None).await;
    kube.slow_down(std::time::Duration::from_millis(500));
    let body = heartbeat(1).to_string();
    let head = format!("POST {HEARTBEAT} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {good}\r\n");
    let request = format!("{head}Content-Length: {}\r\n\r\n{body}", body.len());
    let source: std::net::Ipv4Addr = pod_address(1).parse().unwrap();
    let mut agent = connect_from(source.octets(), server.addresses.api).await;
    tokio::io::AsyncWriteExt::write_all(&mut agent, request.as_bytes()).await.unwrap();
    // Requests whose bodies never come are thrown away for a while: those connections are busy, and not silent.
    let unfinished = format!("POST {HEARTBEAT} HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n");
    let mut asking = Vec::new();
    for number in 0..32 {
        let mut stream = connect_from([127, 0, 7, number], server.addresses.api).await;
        let _sent = tokio::io::AsyncWriteExt::write_all(&mut stream, unfinished.as_bytes()).await;
        asking.push(stream);
    }
    let answer = ask(&mut agent, "").await.expect("it is answered");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}
