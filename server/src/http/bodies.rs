//! How much the bodies that are arriving may take: all together, and those of one writer.
//!
//! A body gets a place for as many bytes as it may bring before the first one is read; until then it waits in its socket and
//! takes nothing here. Writers wait in their own line first, so one with many bodies does not stand before the others. A body
//! that arrives more slowly than the slowest link we serve gives up its place when another waits for it.
//!
//! What comes after a body has arrived (unpacking, parsing, taking) happens to one long body at a time, on a thread beside the
//! one that serves ([`Bodies::aside`]), so its memory is that of one body, and heartbeats are answered meanwhile. Short bodies
//! are taken on the thread that serves, where nothing waits between unpacking and taking: also one at a time.
//!
//! ```text
//!   in the socket ──place──> arriving ──whole──> short: taken at once
//!                                        └─────> long: waits for the place aside ──> unpacked, parsed, taken there
//! ```

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::limits::{
    BODIES_ASIDE_MAX, LARGE_BODIES_MAX_BYTES, LARGE_BODIES_PER_WRITER_BYTES, SMALL_BODIES_MAX_BYTES,
    SMALL_BODIES_PER_WRITER_BYTES,
};
use crate::mesh::writer::Writer;

/// The budgets of all bodies that are arriving. Small ones have one of their own: a heartbeat does not wait for rounds.
#[derive(Debug)]
pub struct Bodies {
    large: Arc<Budget>,
    small: Arc<Budget>,
    aside: Arc<Budget>,
}

impl Default for Bodies {
    fn default() -> Self {
        Self {
            large: Budget::new(LARGE_BODIES_MAX_BYTES, LARGE_BODIES_PER_WRITER_BYTES),
            small: Budget::new(SMALL_BODIES_MAX_BYTES, SMALL_BODIES_PER_WRITER_BYTES),
            aside: Budget::new(BODIES_ASIDE_MAX, BODIES_ASIDE_MAX),
        }
    }
}

impl Bodies {
    /// The budget of bodies that may be large.
    pub(super) fn large(&self) -> &Arc<Budget> {
        &self.large
    }

    /// The budget of bodies that are small by nature.
    pub(super) fn small(&self) -> &Arc<Budget> {
        &self.small
    }

    /// The place of the long body that is taken on the thread beside the one that serves. Writers wait in their own line first,
    /// so the next place goes to another writer when one waits, however many bodies one writer sends.
    pub(super) fn aside(&self) -> &Arc<Budget> {
        &self.aside
    }
}

/// A budget of bytes, and each writer's share of it.
#[derive(Debug)]
pub(super) struct Budget {
    all: Arc<Semaphore>,
    waiting: AtomicUsize,
    per_writer: usize,
    // A std Mutex: held for a few instructions, never across an await.
    shares: Mutex<BTreeMap<Writer, Arc<Share>>>,
}

/// What one writer may take.
#[derive(Debug)]
struct Share {
    bytes: Arc<Semaphore>,
    waiting: AtomicUsize,
}

/// The right of a body to arrive, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    entry: Entry,
    _of_writer: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

/// A writer's share while one of its bodies waits or arrives.
#[derive(Debug)]
struct Entry {
    budget: Arc<Budget>,
    writer: Writer,
    share: Arc<Share>,
}

impl Budget {
    fn new(all: usize, per_writer: usize) -> Arc<Self> {
        Arc::new(Self {
            all: Arc::new(Semaphore::new(all)),
            waiting: AtomicUsize::new(0),
            per_writer,
            shares: Mutex::default(),
        })
    }

    /// A place for a body of at most `bytes`, or none when there was none within `wait`. Cancel-safe: who leaves gives up its
    /// place in the line.
    pub(super) async fn place(
        self: &Arc<Self>,
        writer: Writer,
        bytes: usize,
        wait: Duration,
    ) -> Option<Place> {
        let bytes = u32::try_from(bytes.clamp(1, self.per_writer)).ok()?;
        let entry = self.enter(writer);
        let permits = async {
            let of_writer = line(&entry.share.bytes, &entry.share.waiting, bytes).await?;
            let of_all = line(&self.all, &self.waiting, bytes).await?;
            Some((of_writer, of_all))
        };
        let (of_writer, of_all) = timeout(wait, permits).await.ok().flatten()?;
        Some(Place { entry, _of_writer: of_writer, _of_all: of_all })
    }

    fn enter(self: &Arc<Self>, writer: Writer) -> Entry {
        let share =
            self.shares().entry(writer.clone()).or_insert_with(|| Share::new(self.per_writer)).clone();
        Entry { budget: self.clone(), writer, share }
    }

    fn shares(&self) -> MutexGuard<'_, BTreeMap<Writer, Arc<Share>>> {
        // What it guards is whole after every call that could panic.
        self.shares.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self { bytes: Arc::new(Semaphore::new(bytes)), waiting: AtomicUsize::new(0) })
    }
}

impl Place {
    /// Returns true while another body waits for these bytes.
    pub(super) fn is_awaited(&self) -> bool {
        self.entry.share.waiting.load(Ordering::Relaxed) > 0
            || self.entry.budget.waiting.load(Ordering::Relaxed) > 0
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut shares = self.budget.shares();
        // The map holds one, this entry another: a third is another body of this writer.
        if Arc::strong_count(&self.share) <= 2 {
            shares.remove(&self.writer);
        }
    }
}

/// Waits for permits, first come, first served, and is counted meanwhile.
async fn line(semaphore: &Arc<Semaphore>, waiting: &AtomicUsize, bytes: u32) -> Option<OwnedSemaphorePermit> {
    struct Counted<'a>(&'a AtomicUsize);
    impl Drop for Counted<'_> {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::Relaxed);
        }
    }
    waiting.fetch_add(1, Ordering::Relaxed);
    let _counted = Counted(waiting);
    semaphore.clone().acquire_many_owned(bytes).await.ok()
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    const WAIT: Duration = Duration::from_secs(2);

    fn writer(last: u8) -> Writer {
        Writer::at(IpAddr::from([10, 0, 0, last]))
    }

    /// A budget of three bodies of 10 bytes, two of them of one writer.
    fn budget() -> Arc<Budget> {
        Budget::new(30, 20)
    }

    #[tokio::test(start_paused = true)]
    async fn a_writer_waits_in_its_own_line_and_others_pass() {
        let budget = budget();
        let first = budget.place(writer(1), 10, WAIT).await.unwrap();
        let second = budget.place(writer(1), 10, WAIT).await.unwrap();
        assert!(budget.place(writer(1), 10, WAIT).await.is_none(), "a third one of the same writer");
        assert!(!first.is_awaited());
        let third = tokio::spawn({
            let budget = budget.clone();
            async move { budget.place(writer(1), 10, WAIT).await.is_some() }
        });
        tokio::task::yield_now().await;
        assert!(first.is_awaited() && second.is_awaited());
        let other = budget.place(writer(2), 10, WAIT).await.unwrap();
        assert!(!other.is_awaited(), "it holds nothing that the first writer waits for");
        drop(first);
        assert!(third.await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn the_whole_budget_holds_all_writers() {
        let budget = budget();
        let mut places = Vec::new();
        for last in 1..=3 {
            places.push(budget.place(writer(last), 10, WAIT).await.unwrap());
        }
        let late = tokio::spawn({
            let budget = budget.clone();
            async move { budget.place(writer(4), 10, WAIT).await.is_some() }
        });
        tokio::task::yield_now().await;
        assert!(places.iter().all(Place::is_awaited));
        places.pop();
        assert!(late.await.unwrap());
        assert!(!places[0].is_awaited());
    }

    #[tokio::test(start_paused = true)]
    async fn the_next_place_aside_goes_to_another_writer_before_the_same_one_has_a_second() {
        let bodies = Bodies::default();
        let first = bodies.aside().place(writer(1), 1, WAIT).await.unwrap();
        let (told, mut turns) = tokio::sync::mpsc::unbounded_channel();
        for last in [1, 1, 2] {
            let (aside, told) = (bodies.aside().clone(), told.clone());
            tokio::spawn(async move {
                let place = aside.place(writer(last), 1, WAIT).await;
                told.send(place.is_some().then_some(last)).unwrap();
            });
            tokio::task::yield_now().await;
        }
        drop(first);
        let turns = [turns.recv().await, turns.recv().await, turns.recv().await];
        assert_eq!(turns, [Some(Some(2)), Some(Some(1)), Some(Some(1))]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_writer_is_forgotten_when_its_last_body_is_gone() {
        let budget = budget();
        let first = budget.place(writer(1), 10, WAIT).await.unwrap();
        let second = budget.place(writer(1), 10, WAIT).await.unwrap();
        assert!(budget.place(writer(1), 10, WAIT).await.is_none());
        drop(first);
        assert_eq!(budget.shares().len(), 1);
        drop(second);
        assert_eq!((budget.shares().len(), budget.all.available_permits()), (0, 30));
    }
}
