//! Who may while the API server is away, or takes long.

use meshvane_server::auth::{CHECKED_FOR, REVIEW_TIME};
use tokio::time::{sleep, timeout};

use super::*;

#[tokio::test]
async fn while_the_api_server_is_away_whom_it_confirmed_is_believed_and_nobody_else() {
    let kube = FakeKube::start().await;
    let (first, second) = (kube.agent(1), kube.agent(2));
    let mut config = kube.config();
    config.limits.body_time = std::time::Duration::from_secs(1);
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
