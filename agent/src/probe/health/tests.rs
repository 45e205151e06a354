use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// What is heard from a server that answers this, whatever it is asked.
async fn heard(answer: Vec<u8>) -> Answer {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serve = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 1024];
        let length = stream.read(&mut request).await.unwrap();
        assert!(request[..length].starts_with(b"GET /health HTTP/1.1\r\n"));
        // Who reads no further than its limit ends the connection early.
        let _ended_early = stream.write_all(&answer).await;
    };
    let (answer, ()) = tokio::join!(ask(address), serve);
    answer
}

fn json(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

#[tokio::test]
async fn a_node_that_names_itself_is_heard() {
    let node = NodeName::parse("node-9").unwrap();
    assert_eq!(
        heard(json(r#"{"status":"healthy","node":"node-9"}"#)).await,
        Answer::Agent(Some(node.clone()))
    );
    let closed =
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"status\":\"healthy\",\"node\":\"node-9\"}".to_vec();
    assert_eq!(heard(closed).await, Answer::Agent(Some(node)));
}

#[tokio::test]
async fn whoever_says_no_node_says_nothing() {
    assert_eq!(heard(json(r#"{"status":"healthy"}"#)).await, Answer::Agent(None));
    assert_eq!(heard(json(r#"{"status":"healthy","node":"not a name"}"#)).await, Answer::Agent(None));
    assert_eq!(heard(json("healthy")).await, Answer::Agent(None));
    assert_eq!(heard(b"SSH-2.0-OpenSSH_9.6\r\n".to_vec()).await, Answer::Agent(None));
    assert_eq!(heard(Vec::new()).await, Answer::Agent(None));
}

#[tokio::test]
async fn a_body_above_the_limit_is_not_read() {
    let padding = " ".repeat(BODY_BYTES_MAX);
    let long = format!("{{\"status\":\"healthy\",\"node\":\"node-9\"}}{padding}");
    assert_eq!(heard(json(&long)).await, Answer::Agent(None));
}

#[tokio::test]
async fn a_refused_connection_says_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    assert_eq!(ask(address).await, Answer::Agent(None));
}

#[tokio::test]
async fn interim_answers_without_end_are_read_up_to_a_limit() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serve = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _request = stream.read(&mut [0; 1024]).await.unwrap();
        let interim = b"HTTP/1.1 100 Continue\r\n\r\n".repeat(1_000);
        let mut written = 0;
        // Sixteen megabytes at most, should it read all of them.
        while written < 16 << 20 {
            match stream.write(&interim).await {
                Ok(length) => written += length,
                Err(_) => break,
            }
        }
        written
    };
    let (answer, written) = tokio::join!(ask(address), serve);
    assert_eq!(answer, Answer::Agent(None));
    // What the buffers of both kernels hold was never read.
    assert!(written < 12 << 20, "{written} bytes");
}

#[tokio::test]
async fn an_answer_after_an_interim_one_is_heard() {
    let mut answer = b"HTTP/1.1 100 Continue\r\n\r\n".to_vec();
    answer.extend(json(r#"{"status":"healthy","node":"node-9"}"#));
    assert_eq!(heard(answer).await, Answer::Agent(NodeName::parse("node-9").ok()));
}
