//! Wrong methods, unknown paths, trailing slashes.

use reqwest::Method;
use serde_json::{Value, json};

use crate::compatible::READ;
use crate::support::Server;

#[tokio::test]
async fn a_wrong_method_is_405_with_allow() {
    let server = Server::open().await;
    for (method, path, allow) in [
        (Method::GET, "/api/v1/heartbeat", "POST"),
        (Method::DELETE, "/api/v1/test-results/hosts", "POST, GET, HEAD"),
        (Method::PUT, "/api/v1/hosts", "GET, HEAD"),
        (Method::POST, "/api/v1/results", "GET, HEAD"),
        (Method::OPTIONS, "/api/v1/health", "GET, HEAD"),
    ] {
        let response = server.request(method.clone(), path).send().await.unwrap();
        assert_eq!(response.status(), 405, "{method} {path}");
        let allowed: Vec<_> = response.headers().get_all("allow").iter().collect();
        assert_eq!(allowed, [allow], "{method} {path}");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
    }
}

#[tokio::test]
async fn an_unknown_path_is_404_and_a_trailing_slash_is_moved() {
    let server = Server::open().await;
    for path in [
        "/",
        "/api/v1",
        "/api/v1/nodes",
        "/api/v2/hosts",
        "/api/v1/hosts/x",
        "/API/v1/hosts",
        "/metrics",
        "/livez",
    ] {
        let response = server.get(path).await;
        assert_eq!(response.status(), 404, "{path}");
        let problem: Value = response.json().await.unwrap();
        assert_eq!((&problem["type"], &problem["status"]), (&json!("/problems/not-found"), &json!(404)));
    }
    for path in READ {
        let response = server.get(&format!("{path}/")).await;
        assert_eq!(response.status(), 301, "{path}");
        assert_eq!(response.headers()["location"], path);
    }
    assert_eq!(server.post("/api/v1/heartbeat/", "{}").await.status(), 404);
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let server = Server::open().await;
    let response = server.request(Method::HEAD, "/api/v1/hosts").send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.text().await.unwrap(), "");
}
