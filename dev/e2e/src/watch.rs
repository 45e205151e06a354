//! Watches the findings for as long as the mesh lives, and keeps when each opened and was resolved.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use meshvane_shared::wire::findings::{FindingBody, FindingState};
use tokio::task::JoinHandle;

use crate::api::Api;
use crate::clock::Stopwatch;

/// Distance between two looks: a tenth of the shortest time that is asserted on.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// One finding, as it was seen.
#[derive(Clone, Debug)]
pub struct Seen {
    /// When it was first there, since the watch began.
    pub opened: Duration,
    /// When it was first resolved.
    pub resolved: Option<Duration>,
    /// The newest body.
    pub body: FindingBody,
}

/// A watch.
#[derive(Debug)]
pub struct Watch {
    /// Since it began.
    pub clock: Stopwatch,
    seen: Arc<Mutex<BTreeMap<String, Seen>>>,
    task: JoinHandle<()>,
}

impl Watch {
    /// Begins; must be called inside a runtime.
    pub fn start(api: Api) -> Self {
        let clock = Stopwatch::start();
        let seen: Arc<Mutex<BTreeMap<String, Seen>>> = Arc::default();
        let kept = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            loop {
                if let Some(body) = api.findings().await {
                    let now = clock.elapsed();
                    let mut kept = kept.lock().unwrap();
                    for finding in body.findings {
                        note(&mut kept, finding, now);
                    }
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        });
        Self { clock, seen, task }
    }

    /// Every finding that ever was, by id, in the order in which they opened.
    pub fn seen(&self) -> Vec<Seen> {
        let mut seen: Vec<Seen> = self.seen.lock().unwrap().values().cloned().collect();
        seen.sort_by_key(|seen| seen.opened);
        seen
    }

    /// The ids of those that opened after `since`, in that order.
    pub fn ids_since(&self, since: Duration) -> Vec<String> {
        self.seen().into_iter().filter(|seen| seen.opened >= since).map(|seen| seen.body.id).collect()
    }

    /// The ids of those that were open at any time from `since` on, in the order in which they opened.
    pub fn open_since(&self, since: Duration) -> Vec<String> {
        let was_open = |seen: &Seen| seen.resolved.is_none_or(|resolved| resolved > since);
        self.seen().into_iter().filter(was_open).map(|seen| seen.body.id).collect()
    }

    /// The ids of those that are open.
    pub fn open(&self) -> Vec<String> {
        self.seen().into_iter().filter(|seen| seen.resolved.is_none()).map(|seen| seen.body.id).collect()
    }

    /// A finding by id.
    pub fn find(&self, id: &str) -> Option<Seen> {
        self.seen.lock().unwrap().get(id).cloned()
    }
}

fn note(kept: &mut BTreeMap<String, Seen>, body: FindingBody, now: Duration) {
    let resolved = (body.state == FindingState::Resolved).then_some(now);
    let seen =
        kept.entry(body.id.clone()).or_insert(Seen { opened: now, resolved: None, body: body.clone() });
    seen.body = body;
    // A finding that is open again, after a restart of the server for instance, is not over.
    seen.resolved = resolved.map(|now| seen.resolved.unwrap_or(now));
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}
