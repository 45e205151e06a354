//! Who may while the API server is away, or takes long.

use std::time::Duration;

use meshvane_server::auth::{CHECKED_FOR, REVIEW_TIME};
use tokio::time::{sleep, timeout};

use super::*;

#[tokio::test]
async fn while_the_api_server_is_away_whom_it_confirmed_is_believed_and_nobody_else() {
    let kube = FakeKube::start().await;
    let (first, second) = (kube.agent(1), kube.agent(2));
    let mut config = kube.config();
    config.limits.body_time = Duration::from_secs(1);
    let server = Server::start(config).await;
    let (one, two) = (from(&pod_address(1)), from(&pod_address(2)));
    assert_eq!(one.post(&server, HEARTBEAT, Some(&first), &heartbeat(1)).await.0, 200);
    kube.break_down(Some(StatusCode::INTERNAL_SERVER_ERROR));
    assert_eq!(one.post(&server, HEARTBEAT, Some(&first), &heartbeat(1)).await.0, 200);
    let request = two.client.post(server.url(HEARTBEAT)).bearer_auth(&second).body(heartbeat(2).to_string());
    let response = request.send().await.unwrap();
    assert_eq!(
        (response.status().as_u16(), response.headers()["retry-after"].as_bytes()),
        (503, b"1".as_slice())
    );
    let health = format!("http://{}/readyz", server.addresses.health);
    assert_eq!(
        server.client.get(health).send().await.unwrap().status(),
        200,
        "readiness needs no API server"
    );
}

#[tokio::test]
async fn an_api_server_that_hangs_makes_nobody_late_whom_it_confirmed_and_its_answer_still_counts() {
    let kube = FakeKube::start().await;
    let (first, second) = (kube.agent(1), kube.agent(2));
    let server = Server::start(kube.config()).await;
    let (one, two) = (from(&pod_address(1)), from(&pod_address(2)));
    let posts = async |from: &From, number: u8, token: &str| {
        let body = heartbeat(number);
        let post = from.post(&server, HEARTBEAT, Some(token), &body);
        timeout(REVIEW_TIME, post).await.expect("it is not kept for as long as a review may take").0
    };
    assert_eq!(posts(&one, 1, &first).await, 200);
    assert_eq!(posts(&two, 2, &second).await, 200);
    // An answer counts for so long; then it is asked again.
    sleep(CHECKED_FOR).await;
    kube.slow_down(REVIEW_TIME / 3);
    kube.revoke(&second);
    assert_eq!(posts(&one, 1, &first).await, 200);
    assert_eq!(posts(&two, 2, &second).await, 200, "nobody knows yet");
    while posts(&two, 2, &second).await != 401 {}
    kube.slow_down(REVIEW_TIME * 10);
    sleep(CHECKED_FOR).await;
    assert_eq!(posts(&one, 1, &first).await, 200);
}

#[tokio::test]
async fn an_agent_whose_token_ended_is_not_called_down_while_it_asks_to_be_let_in() {
    let kube = FakeKube::start().await;
    let good = kube.agent(1);
    let mut claims = claims(1);
    claims["exp"] = json!(1_700_000_000);
    let ended = token(&claims);
    let server = Server::start(Config { ttl: Duration::from_secs(1), ..kube.config() }).await;
    let pod = from(&pod_address(1));
    let mut body = heartbeat(1);
    body["interval_ms"] = json!(1_000);
    assert_eq!(pod.post(&server, HEARTBEAT, Some(&good), &body).await.0, 200);
    let look = async || {
        let agents = server.json("/api/v1/agents").await;
        let findings = server.json("/api/v1/findings").await;
        (agents["agents"][0]["state"].clone(), findings["judging"].clone(), findings["findings"].clone())
    };
    let mut looks = 0;
    while looks < 20 {
        let (status, problem) = pod.post(&server, HEARTBEAT, Some(&ended), &body).await;
        assert_eq!(status, 401, "{problem}");
        let (state, judging, findings) = look().await;
        assert_eq!(findings, json!([]));
        looks += usize::from(state == "lost" && judging == true);
    }
    // It asks no more: after a while it is silent.
    while look().await.2[0]["id"] != "agent_down/node-1" {
        sleep(Duration::from_millis(50)).await;
    }
}
