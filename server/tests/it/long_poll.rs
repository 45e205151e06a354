//! The plan and its long poll.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::support::{Server, heartbeat, open, read_all};

/// Longer than any step here takes, shorter than the longest poll.
const PATIENCE: Duration = Duration::from_secs(20);

async fn known(server: &Server) -> (String, Value) {
    let response = server.get("/api/v1/plan").await;
    assert_eq!(response.status(), 200);
    let tag = response.headers()["etag"].to_str().unwrap().to_owned();
    (tag, response.json().await.unwrap())
}

fn of(plan: &Value) -> String {
    format!(
        "epoch={}&generation={}&look={}",
        plan["epoch"].as_str().unwrap(),
        plan["generation"],
        plan["look_number"]
    )
}

#[tokio::test]
async fn a_plan_has_a_tag_and_is_not_sent_again_to_who_has_it() {
    let server = Server::open().await;
    let (tag, plan) = known(&server).await;
    assert_eq!(tag, format!("\"{}-{}\"", plan["epoch"].as_str().unwrap(), plan["generation"]));
    assert_eq!(plan["epoch"].as_str().unwrap().len(), 16);
    let check = |response: Response, expected: u16| {
        assert_eq!(response.status(), expected);
        assert_eq!(response.headers()["etag"], tag.as_str());
    };
    check(server.get(&format!("/api/v1/plan?{}", of(&plan))).await, 304);
    let request = server.request(Method::GET, "/api/v1/plan").header("if-none-match", &tag);
    check(request.send().await.unwrap(), 304);
    let request =
        server.request(Method::GET, "/api/v1/plan").header("if-none-match", "\"0000000000000001-1\"");
    check(request.send().await.unwrap(), 200);
    check(server.get("/api/v1/plan?epoch=0000000000000001&generation=1").await, 200);
}

#[tokio::test]
async fn a_poll_without_news_ends_with_304_when_its_time_is_over() {
    let server = Server::open().await;
    let (_, plan) = known(&server).await;
    let response =
        timeout(PATIENCE, server.get(&format!("/api/v1/plan?{}&wait=50ms", of(&plan)))).await.unwrap();
    assert_eq!(response.status(), 304);
}

#[tokio::test]
async fn a_poll_ends_with_the_new_plan_when_a_member_comes() {
    let server = Server::open().await;
    let (_, plan) = known(&server).await;
    let url = server.url(&format!("/api/v1/plan?{}&wait=30", of(&plan)));
    let poll = tokio::spawn(server.client.get(url).send());
    server.take("/api/v1/heartbeat", &heartbeat(1)).await;
    let response = timeout(PATIENCE, poll).await.unwrap().unwrap().unwrap();
    assert_eq!(response.status(), 200);
    let news: Value = response.json().await.unwrap();
    assert!(news["generation"].as_u64() > plan["generation"].as_u64());
    assert_eq!(news["targets"][0]["node"], "node-1");
}

#[tokio::test]
async fn above_its_limit_one_poll_of_a_source_ends_without_news_and_the_others_wait() {
    let mut config = open();
    config.limits.long_polls_per_source = 2;
    let server = Server::start(config).await;
    let (_, plan) = known(&server).await;
    let mut polls = JoinSet::new();
    for _ in 0..3 {
        polls.spawn(server.client.get(server.url(&format!("/api/v1/plan?{}&wait=30", of(&plan)))).send());
    }
    let mut next = async || timeout(PATIENCE, polls.join_next()).await.unwrap().unwrap().unwrap().unwrap();
    assert_eq!(next().await.status(), 304);
    server.take("/api/v1/heartbeat", &heartbeat(1)).await;
    assert_eq!([next().await.status(), next().await.status()], [200, 200]);
}

#[tokio::test]
async fn who_says_so_gets_what_changed_of_the_plan_instead_of_all_of_it() {
    let server = Server::open().await;
    server.take("/api/v1/heartbeat", &heartbeat(1)).await;
    let (_, empty) = known(&server).await;
    let first = server.get(&format!("/api/v1/plan?{}&wait=20s", of(&empty))).await;
    let first: Value = first.json().await.unwrap();
    let poll = |more: &str| {
        let url = server.url(&format!("/api/v1/plan?{}&wait=20s{more}", of(&first)));
        tokio::spawn(server.client.get(url).send())
    };
    let (with, without) = (poll("&delta=true"), poll("&delta=false"));
    server.take("/api/v1/heartbeat", &heartbeat(2)).await;
    let read = async |poll: tokio::task::JoinHandle<reqwest::Result<Response>>| -> Value {
        timeout(PATIENCE, poll).await.unwrap().unwrap().unwrap().json().await.unwrap()
    };
    let (news, whole) = (read(with).await, read(without).await);
    assert_eq!(news["targets"], Value::Null);
    assert_eq!(news["delta"]["since"], first["generation"]);
    assert_eq!(news["delta"]["added"][0]["node"], "node-2");
    assert_eq!(news["delta"]["count"], whole["targets"].as_array().unwrap().len());
    assert_eq!(whole["delta"], Value::Null);
    assert_eq!(news["generation"], whole["generation"]);
}

#[tokio::test]
async fn a_wrong_parameter_is_named() {
    let server = Server::open().await;
    for (query, name) in [
        ("wait=31s", "wait"),
        ("wait=31", "wait"),
        ("wait=-1", "wait"),
        ("wait=soon", "wait"),
        ("epoch=xyz&generation=1", "epoch"),
        ("epoch=0000000000000001", "generation"),
        ("generation=1", "epoch"),
        ("epoch=0000000000000001&generation=x", "generation"),
        ("look=x", "look"),
        ("look=-1", "look"),
        ("node=Node_1", "node"),
        ("delta=yes", "delta"),
        ("wait=1&wait=2", "wait"),
    ] {
        let response = server.get(&format!("/api/v1/plan?{query}")).await;
        assert_eq!(response.status(), 400, "{query}");
        let problem: Value = response.json().await.unwrap();
        assert_eq!(problem["type"], "/problems/invalid-parameter");
        assert!(problem["detail"].as_str().unwrap().starts_with(&format!("{name}: ")), "{problem}");
    }
}

#[tokio::test]
async fn a_stop_ends_an_open_poll_with_304_and_the_server_with_it() {
    let server = Server::open().await;
    let (_, plan) = known(&server).await;
    let mut stream = TcpStream::connect(server.addresses.api).await.unwrap();
    // The poll comes right behind a request that is answered: when the answer is here, the poll is being handled.
    let requests = format!(
        "GET /api/v1/health HTTP/1.1\r\nHost: a\r\n\r\nGET /api/v1/plan?{}&wait=30s HTTP/1.1\r\nHost: a\r\n\r\n",
        of(&plan)
    );
    stream.write_all(requests.as_bytes()).await.unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    let task = server.begin_stop();
    let rest = timeout(PATIENCE, read_all(&mut stream)).await.unwrap();
    assert!(rest.contains("HTTP/1.1 304 "), "{rest}");
    timeout(PATIENCE, task).await.unwrap().unwrap().unwrap();
}
