//! Services: a cell for each name server that is asked for the name, and one for each address that it gave.
//!
//! The name servers are the system's, told by [`Event::Resolvers`](super::Event::Resolvers) when they were
//! listed; one that is silent does not delay what another says. Of several that answer, the first
//! in the system's order gives the addresses, as it does to every program on the node. A service that is
//! given as an address needs no name server: it has the cell of that address, and none of a name.
//!
//! The cells of one service are spread over the round, and when one of them fails or returns the others are asked at once: what befalls
//! a service as a whole is met by the next of its cells.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use meshvane_shared::limits::{RESOLVERS_MAX, SERVICE_ADDRESSES_MAX, SERVICES_MAX};
use meshvane_shared::name::DnsName;
use meshvane_shared::outcome::{Cause, Outcome, Reached, Reason, ResolverDetail};
use meshvane_shared::wire::round::{
    ResolverBody, ResolverDetailBody, ServiceAddressBody, ServiceBody, TimedOutcome,
};

use super::cell::{Cell, CellId, Subject};
use super::report::timed;
use super::{Answer, Command, Part, Question, Schedule, ServiceAddress};

/// A configured service and what its name last resolved to.
#[derive(Debug)]
pub(super) struct Service {
    address: ServiceAddress,
    /// The name servers, in the system's order.
    resolvers: Vec<Resolver>,
    addresses: BTreeMap<IpAddr, CellId>,
}

#[derive(Debug)]
struct Resolver {
    server: IpAddr,
    cell: CellId,
    /// Its newest answer.
    found: Option<Found>,
    /// What it did when it last failed, beside the cause. An answer ends it.
    detail: Option<ResolverDetail>,
}

/// What a name server found.
#[derive(Debug, Clone, Default)]
pub(super) struct Found {
    /// Time that candidates of the search list took before the name that resolved.
    pub(super) searched: Duration,
    /// The addresses.
    pub(super) addresses: Vec<IpAddr>,
    /// The name of the search list that has them, when it is not the name itself.
    pub(super) resolved_as: Option<DnsName>,
}

impl Service {
    /// All of its cells.
    pub(super) fn cells(&self) -> impl Iterator<Item = &CellId> {
        self.resolvers.iter().map(|resolver| &resolver.cell).chain(self.addresses.values())
    }
}

impl Schedule {
    pub(super) fn add_services(&mut self) {
        let services = self.settings.services.iter().take(SERVICES_MAX).cloned();
        self.services = services
            .map(|address| Service { address, resolvers: Vec::new(), addresses: BTreeMap::new() })
            .collect();
    }

    /// The system's name servers may have changed: they are listed again once a round. So are the addresses
    /// of services.
    pub(super) fn list_resolvers(&mut self) {
        if !self.services.is_empty() {
            self.commands.push(Command::ListResolvers);
        }
    }

    /// These are the system's name servers now, in its order.
    pub(super) fn take_resolvers(&mut self, now: Duration, servers: &[IpAddr]) {
        let servers = servers.get(..servers.len().min(RESOLVERS_MAX)).unwrap_or_default();
        self.resolvers_listed = true;
        let mut added = Vec::new();
        for index in 0..self.services.len() {
            let Some(service) = self.services.get_mut(index) else {
                continue;
            };
            let name = service.address.name.clone();
            let servers = if name.address().is_some() { &[] } else { servers };
            let mut before = std::mem::take(&mut service.resolvers);
            let mut resolvers = Vec::with_capacity(servers.len());
            for server in servers {
                if let Some(place) = before.iter().position(|resolver| resolver.server == *server) {
                    resolvers.push(before.swap_remove(place));
                    continue;
                }
                let question = Question::Resolve { server: *server, name: name.clone() };
                let cell = self.add_cell(Subject::Name(index), question);
                added.push(cell);
                resolvers.push(Resolver { server: *server, cell, found: None, detail: None });
            }
            for gone in before {
                self.remove_cell(gone.cell);
            }
            if let Some(service) = self.services.get_mut(index) {
                service.resolvers = resolvers;
            }
            self.replace_addresses(now, index);
        }
        self.add_fresh(now, &added);
    }

    /// A name server resolved the name: the addresses become the service's cells.
    pub(super) fn take_found(&mut self, now: Duration, name_cell: CellId, found: Found) {
        let asked = self.services.iter_mut().enumerate().find_map(|(index, service)| {
            let resolver = service.resolvers.iter_mut().find(|resolver| resolver.cell == name_cell)?;
            Some((index, resolver))
        });
        let Some((index, resolver)) = asked else {
            return;
        };
        resolver.found = Some(found);
        self.replace_addresses(now, index);
    }

    /// A name server answered: whatever more is to be said of its failure, or that there is none. What it did
    /// while it is down is news.
    pub(super) fn take_detail(&mut self, name_cell: CellId, answer: &Answer) {
        let detail = match answer {
            Answer::Unresolved { detail, .. } => *detail,
            Answer::Resolved { .. } | Answer::Failed(_) => None,
            Answer::Reached { .. } | Answer::Agent(_) | Answer::Unmeasured(_) => return,
        };
        let mut resolvers = self.services.iter_mut().flat_map(|service| &mut service.resolvers);
        let Some(resolver) = resolvers.find(|resolver| resolver.cell == name_cell) else {
            return;
        };
        let before = std::mem::replace(&mut resolver.detail, detail);
        if detail.is_some() && detail != before && self.cells.get(&name_cell).is_some_and(Cell::is_down) {
            self.changed.insert(name_cell);
            self.flush_wanted = true;
        }
    }

    /// What the first name server says that is not down; if all are, what the first of them said last. An
    /// address is itself.
    fn found(&self, service: &Service) -> Option<Found> {
        if let Some(address) = service.address.name.address() {
            return Some(Found { addresses: vec![address], ..Found::default() });
        }
        let is_up = |resolver: &&Resolver| self.cells.get(&resolver.cell).is_some_and(|cell| !cell.is_down());
        let answered = || service.resolvers.iter().filter(|resolver| resolver.found.is_some());
        answered().find(is_up).or_else(|| answered().next())?.found.clone()
    }

    fn replace_addresses(&mut self, now: Duration, index: usize) {
        let found = self.services.get(index).and_then(|service| self.found(service)).unwrap_or_default();
        let Some(service) = self.services.get_mut(index) else {
            return;
        };
        let port = service.address.port;
        let wanted: BTreeSet<IpAddr> = found.addresses.into_iter().take(SERVICE_ADDRESSES_MAX).collect();
        let before = std::mem::take(&mut service.addresses);
        let (mut cells, gone): (BTreeMap<_, _>, BTreeMap<_, _>) =
            before.into_iter().partition(|(address, _)| wanted.contains(address));
        let mut added = Vec::new();
        for address in wanted {
            if let Entry::Vacant(vacant) = cells.entry(address) {
                let question = Question::Tcp(SocketAddr::new(address, port));
                let id = self.add_cell(Subject::Address(index, address), question);
                vacant.insert(id);
                added.push(id);
            }
        }
        for id in gone.into_values() {
            self.remove_cell(id);
        }
        if let Some(service) = self.services.get_mut(index) {
            service.addresses = cells;
        }
        self.add_fresh(now, &added);
    }

    /// One cell of a service fails, or answers again: its other cells are asked now, out of their turn. What befell all of
    /// them shows at once, and not one after the other over a round.
    pub(super) fn ask_kin(&mut self, turned: CellId) {
        let service = match self.cells.get(&turned).map(|cell| &cell.subject) {
            Some(Subject::Name(index) | Subject::Address(index, _)) => self.services.get(*index),
            Some(Subject::Target(..)) | None => None,
        };
        let cells = service.into_iter().flat_map(Service::cells);
        let kin: Vec<CellId> = cells.filter(|id| **id != turned).copied().collect();
        for id in kin {
            self.enqueue(id, Part::Regular);
        }
    }

    pub(super) fn service_body(&self, service: &Service, now: Duration) -> ServiceBody {
        let addresses = service.addresses.iter().filter_map(|(address, id)| {
            Some(ServiceAddressBody { address: *address, tcp: timed(self.cells.get(id)?, now) })
        });
        let resolvers: Vec<ResolverBody> = service
            .resolvers
            .iter()
            .filter_map(|resolver| {
                let resolution = timed(self.cells.get(&resolver.cell)?, now);
                Some(ResolverBody { address: resolver.server, resolution })
            })
            .collect();
        let details = service.resolvers.iter().zip(&resolvers).filter_map(|(resolver, body)| {
            let detail = resolver.detail.filter(|_| body.resolution.outcome.read().is_unreached())?;
            Some(ResolverDetailBody { address: resolver.server, detail })
        });
        let details = details.collect();
        let found = self.found(service).unwrap_or_default();
        let searched = u32::try_from(found.searched.as_micros()).unwrap_or(u32::MAX);
        ServiceBody {
            name: service.address.name.clone(),
            port: service.address.port,
            resolution: match service.address.name.address() {
                Some(_) => needs_none(),
                None => self.resolution(&resolvers),
            },
            addresses: addresses.collect(),
            answers: u32::try_from(found.addresses.len()).unwrap_or(u32::MAX),
            resolvers,
            details,
            search_us: (searched > 0).then_some(searched),
            resolved_as: found.resolved_as,
        }
    }

    /// What all name servers together show of a name.
    fn resolution(&self, resolvers: &[ResolverBody]) -> TimedOutcome {
        let best = resolvers.iter().max_by_key(|resolver| merit(resolver.resolution.outcome.read()));
        let Some(best) = best else {
            let reason = if self.resolvers_listed { Reason::NoResource } else { Reason::NotYet };
            return TimedOutcome {
                outcome: Outcome::Unmeasured(reason).into(),
                age_ms: 0,
                failing_for_ms: None,
            };
        };
        // The name as a whole fails since the last name server that resolved it began to fail.
        let failing_for_ms = best
            .resolution
            .failing_for_ms
            .and_then(|_| resolvers.iter().filter_map(|resolver| resolver.resolution.failing_for_ms).min());
        TimedOutcome { failing_for_ms, ..best.resolution.clone() }
    }
}

/// The resolution of an address: there was none to do. Older servers judge the port of a name that is
/// reached.
fn needs_none() -> TimedOutcome {
    let reached = Reached { rtt_us: None, late: false, retransmitted: false };
    TimedOutcome { outcome: Outcome::Reached(reached).into(), age_ms: 0, failing_for_ms: None }
}

/// Of several outcomes of one name, the one that stands for all has the most: an answer, and of those the fastest; then one
/// that was not measured, since it might have been an answer; then the failure that says most.
fn merit(outcome: Outcome) -> (u8, std::cmp::Reverse<u32>) {
    let (rank, time) = match outcome {
        Outcome::Reached(reached) => (5, reached.rtt_us.unwrap_or(u32::MAX)),
        Outcome::Unmeasured(_) => (4, 0),
        // NXDOMAIN and an empty answer are a name server's word about the name (RFC 1035 section 4.1.1, RFC 2308).
        Outcome::Unreached(Cause::Name { rcode: 0 | 3 }) => (3, 0),
        Outcome::Unreached(Cause::Name { .. }) => (2, 0),
        Outcome::Unreached(
            Cause::Refused | Cause::Reset | Cause::Rejected { .. } | Cause::Tls | Cause::Protocol,
        ) => (1, 0),
        Outcome::Unreached(Cause::Timeout | Cause::NoRoute | Cause::ResolverTimeout | Cause::Unspecified) => {
            (0, 0)
        }
    };
    (rank, std::cmp::Reverse(time))
}
