//! Taking heartbeats, and taking out members whose heartbeats ended long ago. A heartbeat is checked whole before anything
//! is remembered of it.

use std::sync::Arc;

use meshvane_shared::wire::heartbeat::{HeartbeatAnswer, HeartbeatBody};

use super::intake::full_refusal;
use super::{Collector, Refusal, lock};
use crate::mesh::member::{Heartbeat, HeartbeatError, Member};
use crate::mesh::row::Row;
use crate::mesh::time::Now;
use crate::store::{Entry, Update};

/// What became of a heartbeat in the store.
#[derive(Debug, Clone, Copy, Default)]
struct Heard {
    /// Another boot speaks for the node.
    superseded: bool,
    /// The member was silent before.
    came_back: bool,
    /// The plan or a finding may change by it.
    news: bool,
}

impl Collector {
    /// Takes a heartbeat, native or original.
    ///
    /// # Errors
    /// The field that is missing or wrong.
    pub fn heartbeat(&self, body: HeartbeatBody, now: Now) -> Result<HeartbeatAnswer, Refusal> {
        let heartbeat = Heartbeat::parse(body, now).map_err(|error| refuse_heartbeat(&error))?;
        let timing = self.timing();
        let node = heartbeat.node().clone();
        let full = self.store.is_full();
        let heard = self.store.update(&node, |held| {
            if held.is_none() && full {
                return (Update::Keep, Err(full_refusal()));
            }
            let prior = held.map(|entry| entry.member.as_ref());
            let Some(member) = Member::hear(prior, heartbeat, now.moment, &timing) else {
                return (Update::Keep, Ok(Heard { superseded: true, ..Heard::default() }));
            };
            let member = self.corrected(member, prior, now.moment);
            let came_back = prior.is_some() && member.steady_since == now.moment;
            let news = prior.is_none_or(|prior| is_news(prior, &member));
            self.journal.heartbeat(prior, &member, &timing, now.moment);
            let member = Arc::new(member);
            let entry = match held {
                Some(entry) => {
                    let row = entry.row.clone().map(|row| Row::with_interval(row, member.probe_interval));
                    Entry { member, row, ..entry.clone() }
                }
                None => Entry::of(member),
            };
            (Update::Put(entry), Ok(Heard { superseded: false, came_back, news }))
        })?;
        lock(&self.recall).heard(&node, now.moment);
        if heard.came_back {
            // What the others last saw of it is of the time before: they look again now.
            self.look_at([node].iter(), now);
        }
        if heard.came_back || heard.news {
            self.change_signal.send_replace(());
        }
        let version = lock(&self.plans).book.current().version.clone();
        let message = if heard.superseded {
            "another agent that started later speaks for this node"
        } else {
            "heartbeat received"
        };
        Ok(HeartbeatAnswer {
            message: message.to_owned(),
            status: "success".to_owned(),
            server_epoch: Some(version.epoch),
            plan_generation: Some(version.generation),
            superseded: heard.superseded,
        })
    }

    /// Takes out members that are gone.
    pub(super) fn forget(&self, now: Now) {
        let timing = self.timing();
        for entry in self.store.entries() {
            if entry.member.state(now.moment, &timing).is_some() {
                continue;
            }
            let gone = self.store.update(&entry.member.node, |held| match held {
                Some(held) if held.member.state(now.moment, &timing).is_none() => (Update::Remove, true),
                Some(_) | None => (Update::Keep, false),
            });
            if gone {
                self.journal.forgotten(&entry.member.node, now.moment);
            }
        }
    }
}

/// Returns true when the plan or a finding may change by this heartbeat.
fn is_news(prior: &Member, member: &Member) -> bool {
    prior.left != member.left
        || prior.host_addresses != member.host_addresses
        || prior.pod_addresses != member.pod_addresses
        || prior.client_port != member.client_port
        || prior.boot_id() != member.boot_id()
}

fn refuse_heartbeat(error: &HeartbeatError) -> Refusal {
    match error {
        HeartbeatError::Missing(_) => Refusal::MissingField(error.to_string()),
        HeartbeatError::Invalid { .. } => Refusal::InvalidField(error.to_string()),
    }
}
