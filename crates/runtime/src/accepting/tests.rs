use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpSocket;
use tokio::time::timeout;

use super::*;
use crate::{DrainStarter, drain};

/// Longer than any step here takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// A listener whose connections stay silent for as long as they live; one from 127.0.0.9 proves to be an agent's.
struct Silent {
    address: SocketAddr,
    room: Room,
    yielded: Arc<AtomicUsize>,
    refused: Arc<AtomicUsize>,
    starter: DrainStarter,
    task: tokio::task::JoinHandle<usize>,
}

async fn silent(limits: PlaceLimits) -> Silent {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (yielded, refused) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
    let counts = (yielded.clone(), refused.clone());
    let room = Room::new(limits, move |closed| {
        let count = match closed {
            Closed::Yielded => &counts.0,
            Closed::Refused => &counts.1,
        };
        count.fetch_add(1, Ordering::Relaxed);
    });
    let (starter, drain) = drain();
    let task = tokio::spawn({
        let room = room.clone();
        async move {
            let serve = |mut stream: TcpStream, address: SocketAddr, place: HeldPlace| async move {
                if address.ip() == IpAddr::from([127, 0, 0, 9]) {
                    place.prove(Proof::Agent(None));
                }
                let _ = stream.read_u8().await;
            };
            accept(listener, &room, &drain, serve).await.len()
        }
    });
    Silent { address, room, yielded, refused, starter, task }
}

async fn connect(silent: &Silent, last: u8) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, last], 0))).unwrap();
    socket.connect(silent.address).await.unwrap()
}

/// Waits until the other side has closed the connection.
async fn is_closed(stream: &mut TcpStream) {
    let read = timeout(PATIENCE, stream.read_u8()).await.expect("the connection is closed");
    assert!(read.is_err());
}

#[tokio::test]
async fn the_oldest_connection_is_closed_for_the_next_one_and_a_proven_one_stays() {
    let limits = PlaceLimits { proven: 1, agents_per_source: 1, ..PlaceLimits::unproven(2, 2) };
    let silent = silent(limits).await;
    let mut agent = connect(&silent, 9).await;
    let mut first = connect(&silent, 1).await;
    let mut second = connect(&silent, 1).await;
    let _third = connect(&silent, 1).await;
    is_closed(&mut first).await;
    let _other = connect(&silent, 2).await;
    is_closed(&mut second).await;
    assert_eq!(silent.yielded.load(Ordering::Relaxed), 2);
    assert_eq!(silent.room.connections(), 3);
    assert!(timeout(Duration::from_millis(10), agent.read_u8()).await.is_err(), "the agent's was closed");
}

#[tokio::test]
async fn a_full_source_is_refused_and_others_wait_until_a_place_is_free() {
    let limits = PlaceLimits { grace: Duration::from_hours(1), ..PlaceLimits::unproven(2, 1) };
    let silent = silent(limits).await;
    let first = connect(&silent, 1).await;
    let mut again = connect(&silent, 1).await;
    is_closed(&mut again).await;
    assert_eq!(silent.refused.load(Ordering::Relaxed), 1);
    let _second = connect(&silent, 2).await;
    let mut third = connect(&silent, 3).await;
    assert!(timeout(Duration::from_millis(50), third.read_u8()).await.is_err(), "it was not to be closed");
    drop(first);
    // Whoever comes after the waiting one shows that it has its place: the same source has no second one.
    let mut fourth = connect(&silent, 3).await;
    is_closed(&mut fourth).await;
    silent.starter.start();
    assert_eq!(timeout(PATIENCE, silent.task).await.unwrap().unwrap(), 2);
    is_closed(&mut third).await;
}

#[tokio::test]
async fn without_files_the_oldest_silent_connection_is_closed_and_a_proven_one_stays() {
    let silent = silent(PlaceLimits { proven: 1, agents_per_source: 1, ..PlaceLimits::unproven(2, 2) }).await;
    let mut agent = connect(&silent, 9).await;
    let mut first = connect(&silent, 1).await;
    let is_ready = || {
        let state = silent.room.state();
        state.places.len() == 2 && state.tasks.keys().any(|id| state.places.is_proven(*id))
    };
    while !is_ready() {
        yield_now().await;
    }
    silent.room.shed();
    is_closed(&mut first).await;
    silent.room.shed();
    assert!(timeout(Duration::from_millis(10), agent.read_u8()).await.is_err(), "the agent's was closed");
    assert_eq!(silent.yielded.load(Ordering::Relaxed), 1);
}
