//! Long polls that are open, by source address, so that one holder of a shared token cannot take all connections.
//!
//! A long poll holds a connection and its buffers for up to half a minute, and the connection does not yield meanwhile. When a
//! source has as many as it may, its oldest one is answered "nothing new" for the next.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use runtime::places::Source;
use tokio::sync::oneshot;

/// The long polls that are open.
#[derive(Debug, Default)]
pub struct LongPolls {
    // A std Mutex: held for a few steps in a map and a tree, never across an await.
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    next: u64,
    /// By source, the oldest first.
    of: HashMap<Source, BTreeMap<u64, oneshot::Sender<()>>>,
}

/// A long poll that is open, counted until this is dropped.
#[derive(Debug)]
pub(super) struct Held<'a> {
    polls: &'a LongPolls,
    source: Source,
    number: u64,
    ended: oneshot::Receiver<()>,
}

impl LongPolls {
    /// Counts a long poll from an address. When its source has `most` already, the oldest of them ends.
    pub(super) fn hold(&self, address: IpAddr, most: usize) -> Held<'_> {
        let source = Source::of(address);
        let (end, ended) = oneshot::channel();
        let mut open = self.open();
        let number = open.next;
        open.next += 1;
        let of_source = open.of.entry(source).or_default();
        if of_source.len() >= most
            && let Some((_, oldest)) = of_source.pop_first()
        {
            // One that ends by itself just now does not hear it.
            let _ = oldest.send(());
        }
        of_source.insert(number, end);
        drop(open);
        Held { polls: self, source, number, ended }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held<'_> {
    /// Resolves when the poll must end for a newer one of its source. Cancel-safe.
    pub(super) async fn ended(&mut self) {
        // The sender is dropped only after it has sent, so an error says the same.
        let _ = (&mut self.ended).await;
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let mut open = self.polls.open();
        if let Some(of_source) = open.of.get_mut(&self.source) {
            of_source.remove(&self.number);
            if of_source.is_empty() {
                open.of.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    const ONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));
    const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));

    #[test]
    fn above_its_limit_the_oldest_poll_of_a_source_ends_and_no_other() {
        let polls = LongPolls::default();
        let mut of_other = polls.hold(OTHER, 2);
        let mut held: Vec<Held<'_>> = (0..4).map(|_| polls.hold(ONE, 2)).collect();
        let ended: Vec<bool> = held.iter_mut().map(|poll| poll.ended().now_or_never().is_some()).collect();
        assert_eq!(ended, [true, true, false, false]);
        assert!(of_other.ended().now_or_never().is_none());
    }

    #[test]
    fn a_poll_that_is_over_makes_room_and_leaves_nothing() {
        let polls = LongPolls::default();
        let mut first = polls.hold(ONE, 2);
        drop(polls.hold(ONE, 2));
        let second = polls.hold(ONE, 2);
        assert!(first.ended().now_or_never().is_none(), "two are open");
        drop((first, second));
        assert!(polls.open().of.is_empty());
    }
}
