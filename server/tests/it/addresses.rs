//! Which addresses a member may name.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Server, heartbeat};

/// Addresses that no node and no pod has, and one of each form that leads to such.
const REFUSED: [&str; 11] = [
    "0.0.0.0",
    "0.1.2.3",
    "255.255.255.255",
    "224.0.0.1",
    "ff02::1",
    "169.254.169.254",
    "fe80::1",
    "::ffff:169.254.169.254",
    "::169.254.169.254",
    "64:ff9b::169.254.169.254",
    "2002:a9fe:a9fe::1",
];

#[tokio::test]
async fn an_address_that_no_member_can_have_is_400_with_field_and_value_and_changes_nothing() {
    let server = Server::open().await;
    server.take("/api/v1/heartbeat", &heartbeat(1)).await;
    let before = server.everything().await;
    for address in REFUSED {
        let shown = address.parse::<std::net::IpAddr>().unwrap().to_canonical().to_string();
        for field in ["node_ip", "pod_ip", "host_addresses", "pod_addresses"] {
            let mut body = heartbeat(2);
            body[field] = if field.ends_with("addresses") { json!([address]) } else { json!(address) };
            let response = server.post("/api/v1/heartbeat", body.to_string()).await;
            assert_eq!(response.status(), 400, "{field}: {address}");
            let text = response.text().await.unwrap();
            assert!(text.contains(field) && text.contains(&shown), "{field}: {address}: {text}");
        }
    }
    assert_eq!(server.everything().await, before);
}

#[tokio::test]
async fn a_loopback_address_is_taken_only_from_this_machine() {
    let server = Server::open().await;
    for (number, address) in [(1, "127.0.1.1"), (2, "::1"), (3, "::ffff:127.0.0.9")] {
        let mut body = heartbeat(number);
        body["node_ip"] = json!(address);
        let forwarded = server
            .request(Method::POST, "/api/v1/heartbeat")
            .header("X-Forwarded-For", "10.0.0.7")
            .body(body.to_string());
        let response = forwarded.send().await.unwrap();
        assert_eq!(response.status(), 400, "{address}");
        let error: Value = response.json().await.unwrap();
        let text = error.to_string();
        assert!(text.contains("node_ip") && text.contains("is a loopback address"), "{text}");
        server.take("/api/v1/heartbeat", &body).await;
    }
    let ordinary = server
        .request(Method::POST, "/api/v1/heartbeat")
        .header("X-Forwarded-For", "10.0.0.7")
        .body(heartbeat(4).to_string());
    assert_eq!(ordinary.send().await.unwrap().status(), 200);
}
