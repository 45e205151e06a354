//! Rules about services: names that do not resolve, and ports behind them that do not answer.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use meshvane_shared::address::Family;
use meshvane_shared::check::CheckKind;
use meshvane_shared::limits::PROBE_HARD_LIMIT;
use meshvane_shared::name::{DnsName, ServiceAddress};
use meshvane_shared::outcome::{Cause, Outcome, Reason, ResolverDetail};
use meshvane_shared::wire::findings::{EVIDENCE_MAX, FindingKind, Severity, Subject};

use super::message::{self, NameScope};
use super::planes::start_of_newest;
use super::triage::Role;
use super::{Case, Evidence, Finding, FindingKey, Observers};
use crate::mesh::observe::is_overdue;
use crate::mesh::row::{Row, Service, Timed};
use crate::mesh::time::Moment;

/// What observers say of one thing.
#[derive(Debug, Default)]
struct Words {
    failed: Vec<(usize, Timed)>,
    worked: Vec<(usize, Moment)>,
    /// Why it failed, and what the name server did beside: how many say so.
    why: BTreeMap<(Cause, Option<ResolverDetail>), usize>,
    /// Somebody is still asking for the first time.
    pending: bool,
}

impl Words {
    fn add(&mut self, observer: usize, timed: Timed, detail: Option<ResolverDetail>) {
        match timed.outcome {
            Outcome::Reached(_) => self.worked.push((observer, timed.measured)),
            Outcome::Unreached(cause) => {
                self.failed.push((observer, timed));
                *self.why.entry((cause, detail)).or_default() += 1;
            }
            Outcome::Unmeasured(Reason::NotYet) => self.pending = true,
            Outcome::Unmeasured(_) => {}
        }
    }

    fn since(&self) -> Option<Moment> {
        let begins: Vec<Moment> = self.failed.iter().map(|(_, timed)| begin(timed)).collect();
        start_of_newest(&begins)
    }

    /// Everybody has looked since it began to fail, or had the time of a whole probe. Who sees it may grow later: the finding
    /// stays the same one.
    fn is_settled(&self, case: &Case<'_>) -> bool {
        let Some(since) = self.since() else { return true };
        let have_looked = !self.pending && self.worked.iter().all(|(_, at)| *at > since);
        have_looked || case.observed.snapshot.now.moment.since(since) > PROBE_HARD_LIMIT
    }

    fn observers(&self, case: &Case<'_>) -> Observers {
        let saw = self.failed.iter().map(|(observer, _)| *observer);
        Observers::of(case.observed, saw, self.failed.len() + self.worked.len())
    }

    /// The cause that most give, and the detail that most give with it.
    fn why(&self) -> Option<(Cause, Option<ResolverDetail>)> {
        let of_cause = |cause: Cause| -> usize {
            self.why.iter().filter(|((other, _), _)| *other == cause).map(|(_, count)| count).sum()
        };
        self.why.iter().max_by_key(|((cause, _), count)| (of_cause(*cause), **count)).map(|(why, _)| *why)
    }
}

fn begin(timed: &Timed) -> Moment {
    timed.failing_since.unwrap_or(timed.measured)
}

/// The rows that say something about services: of agents that are heard, and not cut off themselves.
fn rows<'a>(case: &Case<'a>) -> Vec<(usize, &'a Row)> {
    let views = case.observed.snapshot.nodes.iter().enumerate();
    views
        .filter(|(node, view)| view.is_observer() && !is_cut_off(case, *node))
        .filter_map(|(node, view)| Some((node, view.row.as_deref()?)))
        .collect()
}

fn is_cut_off(case: &Case<'_>, node: usize) -> bool {
    let by_role = match case.triage.roles[node] {
        Role::Sound | Role::Deaf => false,
        Role::Unclear | Role::Down | Role::DownWithZone | Role::Mute | Role::CutOff | Role::PlaneCut(_) => {
            true
        }
    };
    by_role || case.cut_off_from_some.contains(&node) || case.is_held(node)
}

/// What counts of an outcome. A failure that cannot be measured now stands; so does one of an agent whose rounds are overdue.
fn counted(case: &Case<'_>, observer: usize, row: &Row, timed: Timed) -> Option<Timed> {
    let snapshot = case.observed.snapshot;
    let now = snapshot.now.moment;
    let is_fresh = now.since(timed.measured) <= row.stale_after();
    let standing = match timed.outcome {
        Outcome::Unmeasured(_) => timed.standing_failure(),
        Outcome::Unreached(_) => Some(timed),
        Outcome::Reached(_) => None,
    };
    if is_fresh {
        standing.or(Some(timed))
    } else {
        standing.filter(|_| is_overdue(now, &snapshot.nodes[observer], row))
    }
}

/// A name does not resolve: everywhere, from some nodes, or by one of its name servers.
pub(super) fn name_failed(case: &mut Case<'_>) {
    let mut names: BTreeMap<String, (Words, BTreeMap<IpAddr, Words>)> = BTreeMap::new();
    for (observer, row) in rows(case) {
        for service in row.services.iter().filter(|service| !service.needs_no_name()) {
            let (name, servers) = names.entry(service.address.name.to_string()).or_default();
            if let Some(timed) = counted(case, observer, row, service.resolution)
                && !name.failed.iter().any(|(known, _)| *known == observer)
                && !name.worked.iter().any(|(known, _)| *known == observer)
            {
                name.add(observer, timed, service.detail());
                for (server, timed) in &service.resolvers {
                    if let Some(timed) = counted(case, observer, row, *timed) {
                        servers.entry(*server).or_default().add(observer, timed, service.detail_of(*server));
                    }
                }
            }
        }
    }
    for (name, (words, servers)) in names {
        let failing: BTreeMap<IpAddr, Words> =
            servers.into_iter().filter(|(_, words)| !words.failed.is_empty()).collect();
        if !words.failed.is_empty() {
            let scope = if words.worked.is_empty() { NameScope::Everywhere } else { NameScope::Some };
            add_name(case, &name, &words, &failing, scope);
        } else if let Some((server, words)) = failing.iter().next() {
            add_name(case, &name, words, &failing, NameScope::Server(*server));
        }
    }
}

fn add_name(
    case: &mut Case<'_>,
    name: &str,
    words: &Words,
    servers: &BTreeMap<IpAddr, Words>,
    scope: NameScope,
) {
    if !words.is_settled(case) || servers.values().any(|words| !words.is_settled(case)) {
        case.diagnosis.held_kinds.insert(FindingKind::NameFailed);
        return;
    }
    let observers = words.observers(case);
    let why = words.why();
    case.add(Finding {
        key: FindingKey::new(FindingKind::NameFailed, Subject::Name { name: name.to_owned() }),
        severity: Severity::Warning,
        observers: Some(observers),
        since: words.since().unwrap_or(case.observed.snapshot.now.moment),
        context: Vec::new(),
        sentence: message::name_failed(name, why, scope, observers),
        evidence: evidence(case, name, words, CheckKind::Dns),
    });
}

/// The name resolves, the port behind it does not answer.
pub(super) fn service_unreachable(case: &mut Case<'_>) {
    let mut services: BTreeMap<ServiceAddress, (Words, Option<&DnsName>)> = BTreeMap::new();
    for (observer, row) in rows(case) {
        for service in &row.services {
            if let Some(timed) = connects(case, observer, row, service) {
                let (words, resolved_as) = services.entry(service.address.clone()).or_default();
                words.add(observer, timed, None);
                if timed.outcome.is_unreached() {
                    *resolved_as = resolved_as.or(service.resolved_as.as_ref());
                }
            }
        }
    }
    for (service, (words, resolved_as)) in services {
        if words.failed.is_empty() {
            continue;
        }
        if !words.is_settled(case) {
            case.diagnosis.held_kinds.insert(FindingKind::ServiceUnreachable);
            continue;
        }
        let (observers, why) = (words.observers(case), words.why().map(|(cause, _)| cause));
        let name = service.name.to_string();
        let evidence = evidence(case, &name, &words, CheckKind::Tcp);
        case.add(Finding {
            key: FindingKey {
                port: Some(service.port),
                ..FindingKey::new(FindingKind::ServiceUnreachable, Subject::Name { name: name.clone() })
            },
            severity: Severity::Warning,
            observers: Some(observers),
            since: words.since().unwrap_or(case.observed.snapshot.now.moment),
            context: Vec::new(),
            sentence: message::service_unreachable(&service, resolved_as, why, observers),
            evidence,
        });
    }
}

/// What connecting to a service came to: a failure of any address, but for a family that fails everywhere. Who has not come
/// so far says so.
fn connects(case: &Case<'_>, observer: usize, row: &Row, service: &Service) -> Option<Timed> {
    let resolution = service.resolution;
    let needs_name = !service.needs_no_name();
    if needs_name && is_not_yet(&resolution) {
        let age = case.observed.snapshot.now.moment.since(resolution.measured);
        return (age <= row.stale_after()).then_some(resolution);
    }
    // A name that cannot be asked for now leaves its addresses known.
    if needs_name && (resolution.outcome.is_unreached() || resolution.standing.is_some()) {
        return None;
    }
    let cut: BTreeSet<Family> = case
        .diagnosis
        .findings
        .iter()
        .filter(|finding| finding.key.kind == FindingKind::FamilyCut)
        .filter_map(|finding| finding.key.family)
        .collect();
    let held = case.diagnosis.held_kinds.contains(&FindingKind::FamilyCut);
    let is_whole = |address: &IpAddr| !cut.contains(&Family::of(*address));
    let known: Vec<Timed> = service
        .connects
        .iter()
        .filter(|(address, _)| is_whole(address))
        .filter_map(|(_, timed)| counted(case, observer, row, *timed))
        .collect();
    let works = known.iter().copied().find(|timed| matches!(timed.outcome, Outcome::Reached(_)));
    let fails = known.iter().copied().find(|timed| timed.outcome.is_unreached());
    let pending = known.iter().copied().find(is_not_yet);
    if held && works.is_some() { works } else { fails.or(works).or(pending) }
}

fn is_not_yet(timed: &Timed) -> bool {
    timed.outcome == Outcome::Unmeasured(Reason::NotYet)
}

fn evidence(case: &Case<'_>, name: &str, words: &Words, check: CheckKind) -> Vec<Evidence> {
    let cell = |(observer, timed): &(usize, Timed)| Evidence {
        from: case.name(*observer),
        to: name.to_owned(),
        plane: None,
        check,
        family: None,
        cause: match timed.outcome {
            Outcome::Unreached(why) => Some(why),
            Outcome::Reached(_) | Outcome::Unmeasured(_) => None,
        },
        measured: timed.measured,
    };
    words.failed.iter().take(EVIDENCE_MAX).map(cell).collect()
}
