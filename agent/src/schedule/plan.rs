//! Cells come and go with the plan.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use meshvane_shared::address::{check_probe_address, is_loopback};
use meshvane_shared::check::Plane;
use meshvane_shared::limits::TARGETS_MAX;
use meshvane_shared::plan::Target;

use super::cell::{Cell, CellId, Certain, Key, Subject};
use super::{FRESH_SPREAD, Plan, Question, REMEMBER_REMOVED, Schedule, Timer};

/// A failing cell that left the plan.
#[derive(Debug, Clone, Copy)]
pub(super) struct Remembered {
    certain: Option<Certain>,
    failing_since: Option<Duration>,
    left: Duration,
}

impl Schedule {
    pub(super) fn take_plan(&mut self, now: Duration, plan: Arc<Plan>) {
        if self.plan.as_ref().is_some_and(|current| current.version == plan.version) {
            return;
        }
        self.removed.retain(|_, remembered| now.saturating_sub(remembered.left) <= REMEMBER_REMOVED);
        let added = self.replace_targets(now, &plan);
        let is_first = self.plan.replace(plan).is_none();
        if is_first {
            self.add_services();
            self.start_first_round(now);
        } else {
            self.add_fresh(now, &added);
        }
    }

    /// Brings the cells in line with the plan's targets; returns those that are new.
    fn replace_targets(&mut self, now: Duration, plan: &Plan) -> Vec<CellId> {
        let mut known: BTreeMap<Key, CellId> = BTreeMap::new();
        for (id, cell) in self.cells.iter() {
            if let Subject::Target(_, target) = &cell.subject {
                let key = Key { target: target.clone(), question: cell.question.clone() };
                known.insert(key, *id);
            }
        }
        let (mut order, mut added) = (Vec::new(), Vec::new());
        self.refused = 0;
        for (index, target) in (0u32..).zip(plan.targets.iter().take(TARGETS_MAX)) {
            if target.node == self.settings.node {
                continue;
            }
            if !self.asks(target.address) {
                self.refused += 1;
                continue;
            }
            for question in questions(target, self.settings.test_port) {
                let key = Key { target: target.key(), question };
                let subject = Subject::Target(index, key.target.clone());
                let id = if let Some(id) = known.remove(&key) {
                    if let Some(cell) = self.cells.get_mut(&id) {
                        cell.subject = subject;
                    }
                    id
                } else {
                    let id = self.add_cell(subject, key.question.clone());
                    self.restore(id, &key);
                    added.push(id);
                    id
                };
                order.push(id);
            }
        }
        self.order = order;
        for (key, id) in known {
            self.remember(now, key, id);
            self.remove_cell(id);
        }
        added
    }

    /// Returns false for an address that no member can have, whatever a server says, and for a loopback address while our own
    /// are others: we would ask ourselves, and call the answer another node's.
    fn asks(&self, address: IpAddr) -> bool {
        check_probe_address(address).is_ok() && (self.settings.is_loopback || !is_loopback(address))
    }

    fn remember(&mut self, now: Duration, key: Key, id: CellId) {
        let Some(cell) = self.cells.get(&id).filter(|cell| cell.is_down()) else {
            return;
        };
        if self.removed.len() < TARGETS_MAX {
            let remembered =
                Remembered { certain: cell.certain, failing_since: cell.failing_since, left: now };
            self.removed.insert(key, remembered);
        }
    }

    fn restore(&mut self, id: CellId, key: &Key) {
        let Some(remembered) = self.removed.remove(key) else {
            return;
        };
        if let Some(cell) = self.cells.get_mut(&id) {
            cell.certain = remembered.certain;
            cell.failing_since = remembered.failing_since;
        }
    }

    pub(super) fn add_cell(&mut self, subject: Subject, question: Question) -> CellId {
        let id = CellId(self.number());
        self.cells.insert(id, Cell::new(subject, question));
        id
    }

    pub(super) fn remove_cell(&mut self, id: CellId) {
        self.cancel_flights(id, |_| true);
        self.cancel_health(id);
        self.cells.remove(&id);
        self.fresh.remove(&id);
        self.changed.remove(&id);
        if let Some(round) = &mut self.round {
            round.pending.remove(&id);
        }
    }

    /// New cells are probed within the promised second, spread over it.
    pub(super) fn add_fresh(&mut self, now: Duration, added: &[CellId]) {
        let count = u32::try_from(added.len()).unwrap_or(u32::MAX).max(1);
        for (position, id) in (0u32..).zip(added) {
            self.fresh.insert(*id);
            self.set_timer(now + FRESH_SPREAD * position / count, Timer::Due(*id, 0));
        }
    }
}

/// What is asked about a target: an echo, and a port when there is one.
fn questions(target: &Target, test_port: Option<u16>) -> impl Iterator<Item = Question> {
    let port = match target.plane {
        Plane::Host => target.port.or(test_port),
        Plane::Pod => target.port,
    };
    // The IPv4 address in either form has its turns once.
    let address = target.address.to_canonical();
    let tcp = port.map(|port| Question::Tcp(SocketAddr::new(address, port)));
    [Some(Question::Icmp(address)), tcp].into_iter().flatten()
}
