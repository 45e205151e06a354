use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::time::{advance, timeout};

use super::*;

const BUFFER: usize = 16;

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn pair() -> (DuplexStream, Paced<DuplexStream>, Pace) {
    let (client, server) = duplex(BUFFER);
    let pace = Pace::new();
    let limits = Limits {
        header_time: seconds(5),
        idle_time: seconds(75),
        write_time: seconds(10),
        ..Limits::default()
    };
    (client, Paced::new(server, pace.clone(), &limits), pace)
}

/// Reads one byte; time runs by itself while nobody else has anything to do.
async fn read(stream: &mut Paced<DuplexStream>) -> io::Result<u8> {
    stream.read_u8().await
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_lives_for_its_time_and_a_begun_head_for_its_own() {
    let (mut client, mut server, _) = pair();
    assert!(timeout(seconds(74), read(&mut server)).await.is_err(), "it broke off before its time");
    client.write_u8(1).await.unwrap();
    assert_eq!(read(&mut server).await.unwrap(), 1);
    assert!(timeout(Duration::from_millis(4_900), read(&mut server)).await.is_err());
    client.write_u8(2).await.unwrap();
    assert_eq!(read(&mut server).await.unwrap(), 2);
    // The second byte did not start the head's time anew.
    let ended = timeout(Duration::from_millis(200), read(&mut server)).await.unwrap();
    assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::TimedOut);
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_a_byte_ends_after_the_idle_time() {
    let (_client, mut server, _) = pair();
    let ended = timeout(seconds(76), read(&mut server)).await.unwrap();
    assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::TimedOut);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_handled_may_take_its_time_and_the_idle_time_begins_after_it() {
    let (_client, mut server, pace) = pair();
    let handling = pace.begin();
    assert!(timeout(seconds(300), read(&mut server)).await.is_err());
    drop(handling);
    assert!(timeout(seconds(74), read(&mut server)).await.is_err());
    assert!(timeout(seconds(2), read(&mut server)).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_is_left_and_a_slow_one_is_not() {
    let (mut client, mut server, _) = pair();
    server.write_all(&[0; BUFFER]).await.unwrap();
    assert!(timeout(seconds(9), server.write_u8(0)).await.is_err());
    assert_eq!(client.read_u8().await.unwrap(), 0);
    server.write_u8(0).await.unwrap();
    let ended = timeout(seconds(11), server.write_u8(0)).await.unwrap();
    assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::TimedOut);
}

#[tokio::test(start_paused = true)]
async fn a_written_byte_starts_the_idle_time_anew() {
    let (_client, mut server, _) = pair();
    assert!(timeout(seconds(70), read(&mut server)).await.is_err());
    server.write_u8(0).await.unwrap();
    advance(seconds(10)).await;
    assert!(timeout(seconds(60), read(&mut server)).await.is_err());
    assert!(timeout(seconds(6), read(&mut server)).await.is_ok());
}
