//! How many connections each source address holds that nobody vouches for yet.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts connections by source. An entry lives as long as one of its connections, so the map is bounded by those.
#[derive(Debug, Clone)]
pub(super) struct Sources {
    limit: usize,
    // A std Mutex: held for a few instructions, never across an await.
    counts: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// A connection's place in the count of its source; given up when the connection ends, or earlier when it is believed.
#[derive(Debug)]
pub(super) struct Place {
    source: IpAddr,
    sources: Sources,
    held: AtomicBool,
}

/// Who is at the other end of a request's connection.
#[derive(Debug, Clone)]
pub struct Peer {
    /// The address, as the kernel tells it.
    pub address: SocketAddr,
    place: Option<Arc<Place>>,
}

impl Peer {
    pub(super) fn new(address: SocketAddr, place: Option<Place>) -> Self {
        Self { address, place: place.map(Arc::new) }
    }

    /// A request of the connection was believed: it does not count against its source any more.
    pub fn believe(&self) {
        if let Some(place) = &self.place {
            place.give_up();
        }
    }
}

impl Sources {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, counts: Arc::default() }
    }

    /// Takes a place for a connection, or none when the source holds too many.
    pub(super) fn admit(&self, source: IpAddr) -> Option<Place> {
        let mut counts = self.counts();
        let count = counts.entry(source).or_default();
        if *count >= self.limit {
            return None;
        }
        *count += 1;
        Some(Place { source, sources: self.clone(), held: AtomicBool::new(true) })
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    fn give_up(&self) {
        if !self.held.swap(false, Ordering::Relaxed) {
            return;
        }
        let mut counts = self.sources.counts();
        if let Some(count) = counts.get_mut(&self.source) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.source);
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.give_up();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(sources: &Sources, text: &str) -> Option<Peer> {
        let source: IpAddr = text.parse().unwrap();
        sources.admit(source).map(|place| Peer::new(SocketAddr::new(source, 1), Some(place)))
    }

    #[test]
    fn a_source_is_held_to_its_limit_until_it_is_believed_or_hangs_up() {
        let sources = Sources::new(2);
        let (first, second) = (peer(&sources, "10.0.0.1").unwrap(), peer(&sources, "10.0.0.1").unwrap());
        assert!(peer(&sources, "10.0.0.1").is_none());
        assert!(peer(&sources, "10.0.0.2").is_some());
        first.believe();
        first.believe();
        let third = peer(&sources, "10.0.0.1").unwrap();
        assert!(peer(&sources, "10.0.0.1").is_none());
        drop(first);
        assert!(peer(&sources, "10.0.0.1").is_none(), "a believed connection was counted down twice");
        drop((second, third));
        assert!(sources.counts().is_empty());
    }
}
