//! Accepts connections while there are places for them, and closes those that yield.
//!
//! Every connection is a task. What yields is aborted, which drops its socket; the newcomer does not wait for
//! that. While every place is held by a connection that only just arrived, newcomers wait in the kernel's
//! backlog.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::{AbortHandle, JoinSet, yield_now};
use tokio::time::{Instant, sleep, sleep_until};

use crate::Drain;
use crate::places::{Activity, Admission, PlaceId, PlaceLimits, Places, Proof};

/// Pause after a failed accept: without it a process that cannot open another file would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Connections that are accepted before those accepted have their turn: a burst is not only accepted, those
/// who came first may say whose connection it is. Each turn costs a look at all sockets, so it is not taken
/// for every single one.
const ACCEPTED_TOGETHER: usize = 8;

/// Why a connection was closed before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closed {
    /// Its source has as many as it may, and all of them arrived only just now.
    Refused,
    /// It yielded its place to another connection.
    Yielded,
}

/// The places of a listener, shared by its connections.
#[derive(Clone)]
pub struct Room(Arc<Shared>);

struct Shared {
    // A std Mutex: held for a few steps in trees and maps, never across an await.
    state: Mutex<State>,
    /// A place became free, or its connection may yield now.
    changed: Notify,
    started: Instant,
    closed: Box<dyn Fn(Closed) + Send + Sync>,
}

#[derive(Debug)]
struct State {
    places: Places,
    tasks: HashMap<PlaceId, AbortHandle>,
}

impl fmt::Debug for Room {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Room").field("state", &self.0.state).finish_non_exhaustive()
    }
}

/// The place of one connection, free again when this is dropped.
#[derive(Debug)]
pub struct HeldPlace {
    room: Room,
    id: PlaceId,
}

/// The connection does something else than waiting for its client while this lives.
#[derive(Debug)]
pub struct Doing {
    place: Arc<HeldPlace>,
    then: Activity,
}

impl Room {
    /// Makes a room whose places are free. `closed` hears of every connection that is closed before its time;
    /// it must not call the room.
    #[expect(clippy::disallowed_methods, reason = "a driver: the clock of its places begins here")]
    pub fn new(limits: PlaceLimits, closed: impl Fn(Closed) + Send + Sync + 'static) -> Self {
        let state = State { places: Places::new(limits), tasks: HashMap::new() };
        Self(Arc::new(Shared {
            state: Mutex::new(state),
            changed: Notify::new(),
            started: Instant::now(),
            closed: Box::new(closed),
        }))
    }

    /// Connections that have places.
    pub fn connections(&self) -> usize {
        self.state().places.len()
    }

    /// A place for a connection from an address, as soon as there is one; `None` closes the connection.
    /// Cancel-safe.
    async fn place(&self, address: IpAddr) -> Option<HeldPlace> {
        loop {
            // Subscribed before the places are looked at, so that no change is missed.
            let mut changed = pin!(self.0.changed.notified());
            changed.as_mut().enable();
            let admission = self.state().places.admit(address, self.now());
            let again_at = match admission {
                Admission::Taken { place, yields } => {
                    self.close(yields);
                    return Some(HeldPlace { room: self.clone(), id: place });
                }
                Admission::Refused => {
                    (self.0.closed)(Closed::Refused);
                    return None;
                }
                Admission::Wait(again_at) => again_at,
            };
            match again_at {
                Some(at) => tokio::select! {
                    () = changed => {}
                    () = sleep_until(self.0.started + at) => {}
                },
                None => changed.await,
            }
        }
    }

    /// Takes note of the task that serves a connection. It is aborted at once when the connection has yielded
    /// already.
    fn serves(&self, id: PlaceId, task: AbortHandle) {
        let mut state = self.state();
        if state.places.holds(id) {
            state.tasks.insert(id, task);
        } else {
            task.abort();
        }
    }

    fn close(&self, yields: Option<PlaceId>) {
        let Some(id) = yields else { return };
        let task = self.state().tasks.remove(&id);
        if let Some(task) = task {
            task.abort();
        }
        (self.0.closed)(Closed::Yielded);
    }

    /// Closes the connection that can best be missed: no other file can be opened.
    fn shed(&self) {
        let yields = self.state().places.shed();
        self.close(yields);
    }

    fn now(&self) -> Duration {
        self.0.started.elapsed()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HeldPlace {
    /// A request showed whose connection it is.
    pub fn prove(&self, proof: Proof) {
        let yields = {
            let now = self.room.now();
            self.room.state().places.prove(self.id, proof, now)
        };
        self.room.close(yields);
        self.room.0.changed.notify_one();
    }

    /// Returns true once a request showed whose connection it is.
    pub fn is_proven(&self) -> bool {
        self.room.state().places.is_proven(self.id)
    }

    /// A request is handled while the returned value lives.
    pub fn busy(self: &Arc<Self>) -> Doing {
        self.set(Activity::Busy);
        Doing { place: self.clone(), then: Activity::Silent }
    }

    /// It is being decided whose connection it is while the returned value lives; the request is handled
    /// before and after.
    pub fn judged(self: &Arc<Self>) -> Doing {
        self.set(Activity::Judged);
        Doing { place: self.clone(), then: Activity::Busy }
    }

    fn set(&self, activity: Activity) {
        let now = self.room.now();
        self.room.state().places.set_activity(self.id, activity, now);
    }
}

impl Drop for Doing {
    fn drop(&mut self) {
        self.place.set(self.then);
        self.place.room.0.changed.notify_one();
    }
}

impl Drop for HeldPlace {
    fn drop(&mut self) {
        let mut state = self.room.state();
        state.places.release(self.id);
        state.tasks.remove(&self.id);
        drop(state);
        self.room.0.changed.notify_one();
    }
}

/// Accepts connections until the drain starts, and returns those that are open then. Dropping the future, or
/// what it returns, closes them. The listener is closed when it returns.
pub async fn accept<Serving>(
    listener: TcpListener,
    room: &Room,
    drain: &Drain,
    serve: impl Fn(TcpStream, SocketAddr, HeldPlace) -> Serving,
) -> JoinSet<()>
where
    Serving: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new();
    let mut draining = pin!(drain.started());
    let mut accepted_together = 0;
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut draining => return connections,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "no connection could be accepted");
                room.shed();
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let place = tokio::select! {
            biased;
            () = &mut draining => return connections,
            place = room.place(address.ip()) => place,
        };
        let Some(place) = place else { continue };
        let id = place.id;
        let task = connections.spawn(serve(stream, address, place));
        room.serves(id, task);
        accepted_together += 1;
        if accepted_together == ACCEPTED_TOGETHER {
            accepted_together = 0;
            yield_now().await;
        }
    }
}

#[cfg(test)]
mod tests;
