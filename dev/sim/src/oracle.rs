//! Which findings a state of the mesh calls for, from the truth alone: which addresses answer which agents, and which agents are heard. Pure, without
//! time, and without a word of the judge's.
//!
//! The order is that of the design: the server cut off, zones that are silent, silent nodes, nodes, pairs and blocks, checks,
//! families, names. What an earlier step explains is not asked again. Where faults overlap so that several names are right, one
//! of several must be found, or anything may be said of the nodes concerned (`loose`).

use std::collections::BTreeSet;

use meshvane_shared::address::Family;
use meshvane_shared::check::{CheckKind, Plane};
use meshvane_shared::finding::FindingKey;
use meshvane_shared::wire::findings::{Direction, FindingKind, Scope};

use crate::mesh;
use crate::truth::{Flow, Reply, Truth};

mod blocks;
mod checks;
mod pattern;

pub(crate) use pattern::{About, Pattern, one_of};

/// What a state calls for.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Expectation {
    /// One of each of these must be open.
    pub(crate) must: Vec<Vec<Pattern>>,
    /// These may be open.
    pub(crate) may: Vec<Pattern>,
    /// Anything may be said of these nodes.
    pub(crate) loose: BTreeSet<usize>,
}

impl Expectation {
    /// Returns true when a finding is called for.
    pub(crate) fn wants(&self, key: &FindingKey) -> bool {
        self.must.iter().flatten().any(|pattern| pattern.is(key))
    }

    /// Returns true when nothing but that the server is cut off can be judged: what was open before stays as it is.
    pub(crate) fn is_blind(&self) -> bool {
        self.must.iter().flatten().any(|pattern| pattern.kind == FindingKind::MonitorBlind)
    }

    /// Returns true when a finding is called for or allowed.
    pub(crate) fn allows(&self, key: &FindingKey) -> bool {
        let touches = |node: &usize| key.nodes().contains(&&mesh::name(*node));
        self.wants(key) || self.may.iter().any(|pattern| pattern.is(key)) || self.loose.iter().any(touches)
    }
}

/// What the state calls for; `members` says which nodes the server knows.
pub(crate) fn expect(truth: &Truth, members: &[bool]) -> Expectation {
    let all: Vec<usize> = (0..members.len()).filter(|node| members[*node]).collect();
    let (heard, silent) = all.iter().partition(|node| truth.is_heard(**node));
    let mut oracle = Oracle {
        truth,
        all,
        heard,
        silent,
        sighted: Vec::new(),
        told: BTreeSet::new(),
        said: Expectation::default(),
    };
    oracle.sighted = oracle.sighted();
    if !oracle.server_is_cut_off() {
        oracle.silent_zones();
        oracle.silent_nodes();
        oracle.heard_nodes();
        oracle.pairs();
        oracle.checks();
        oracle.families();
        oracle.names();
        oracle.not_measurable();
    }
    oracle.said
}

/// A plane of a node.
type Side = (usize, Plane);

struct Oracle<'a> {
    truth: &'a Truth,
    /// The members.
    all: Vec<usize>,
    heard: Vec<usize>,
    silent: Vec<usize>,
    /// Heard agents that get at least one answer: the failures of the others say nothing of the nodes that they ask.
    sighted: Vec<usize>,
    /// Planes of nodes that a finding speaks of already.
    told: BTreeSet<Side>,
    said: Expectation,
}

impl Oracle<'_> {
    fn must(&mut self, pattern: Pattern) {
        self.must_one_of(vec![pattern]);
    }

    fn must_one_of(&mut self, patterns: Vec<Pattern>) {
        if !self.said.must.contains(&patterns) {
            self.said.must.push(patterns);
        }
    }

    fn tell(&mut self, node: usize) {
        self.told.extend(Plane::ALL.map(|plane| (node, plane)));
    }

    fn is_told(&self, node: usize) -> bool {
        Plane::ALL.iter().any(|plane| self.told.contains(&(node, *plane)))
    }

    fn reply(&self, from: usize, to: usize, plane: Plane, family: Family, check: CheckKind) -> Option<Reply> {
        if check == CheckKind::Icmp && !self.truth.may_ping(from) {
            return None;
        }
        Some(self.truth.reply(Flow { from, to, plane, family, check }))
    }

    /// Whether an address of the plane answers in one of the families; `None` when the observer cannot tell.
    fn answers_in(&self, from: usize, to: usize, plane: Plane, families: &[Family]) -> Option<bool> {
        let mut sure = true;
        for family in families {
            match self.reply(from, to, plane, *family, CheckKind::Icmp) {
                Some(Reply::Yes) => return Some(true),
                Some(Reply::Refused | Reply::Silent) => {}
                None => sure = false,
            }
            if self.reply(from, to, plane, *family, CheckKind::Tcp) != Some(Reply::Silent) {
                return Some(true);
            }
        }
        sure.then_some(false)
    }

    fn answers(&self, from: usize, to: usize, plane: Plane) -> Option<bool> {
        self.answers_in(from, to, plane, &self.truth.mesh.families)
    }

    /// How many of the observers that can tell have an answer, and how many can tell.
    fn count(&self, observers: &[usize], to: usize, plane: Plane) -> (usize, usize) {
        let told = observers.iter().filter_map(|from| self.answers(*from, to, plane));
        told.fold((0, 0), |(yes, all), answers| (yes + usize::from(answers), all + 1))
    }

    fn sighted(&self) -> Vec<usize> {
        let sees = |from: &usize| {
            self.all
                .iter()
                .filter(|to| *to != from)
                .any(|to| Plane::ALL.iter().any(|plane| self.answers(*from, *to, *plane) != Some(false)))
        };
        let sighted: Vec<usize> = self.heard.iter().copied().filter(sees).collect();
        if sighted.is_empty() { self.heard.clone() } else { sighted }
    }

    /// The observers of a node.
    fn others(&self, node: usize) -> Vec<usize> {
        self.sighted.iter().copied().filter(|other| *other != node).collect()
    }

    /// Half of the members or more are silent, and what the others see does not say why.
    fn server_is_cut_off(&mut self) -> bool {
        if self.silent.len() < 2 || self.silent.len() * 2 < self.all.len() {
            return false;
        }
        let fails = |node: &usize| {
            Plane::ALL.iter().any(|plane| {
                let (yes, all) = self.count(&self.heard, *node, *plane);
                yes < all
            })
        };
        let explained = self.silent.iter().filter(|node| fails(node)).count();
        let blind = Pattern::scope(FindingKind::MonitorBlind, Scope::Server);
        if explained == 0 {
            // Agents that fall silent one after the other are agents that are down.
            let downs = self.silent.iter().map(|node| Pattern::node(FindingKind::AgentDown, *node));
            self.said.may.extend(downs);
            self.must(blind);
            return true;
        }
        if explained < self.silent.len() || self.heard.is_empty() {
            self.said.may.push(blind);
            self.said.loose.extend(&self.silent);
        }
        self.heard.is_empty()
    }

    fn is_dead(&self, node: usize) -> bool {
        let observers = self.others(node);
        Plane::ALL.iter().all(|plane| {
            let (yes, all) = self.count(&observers, node, *plane);
            all > 0 && yes == 0
        })
    }

    /// A whole zone is silent and answers nowhere: cut off or down.
    fn silent_zones(&mut self) {
        for zone in self.truth.mesh.zones_used() {
            let of_zone: Vec<usize> =
                self.truth.mesh.of_zone(zone).into_iter().filter(|node| self.all.contains(node)).collect();
            let dead = |node: &usize| self.silent.contains(node) && self.is_dead(*node);
            if of_zone.len() >= 2 && of_zone.iter().all(dead) {
                for node in &of_zone {
                    self.tell(*node);
                }
                self.must(Pattern::group(of_zone));
            }
        }
    }

    fn silent_nodes(&mut self) {
        for node in self.silent.clone() {
            if self.is_told(node) {
                continue;
            }
            self.tell(node);
            if self.truth.taken_by(node).is_some() {
                self.replaced(node);
                continue;
            }
            let observers = self.others(node);
            if observers.is_empty() {
                // No agent is left that could tell whether the node answers.
                self.must(Pattern::node(FindingKind::AgentDown, node));
                continue;
            }
            let [host, pod] = Plane::ALL.map(|plane| self.count(&observers, node, plane));
            let (none, all) = (|(yes, all)| all > 0 && yes == 0, |(yes, all)| all > 0 && yes == all);
            if none(host) && none(pod) {
                self.must(Pattern::node(FindingKind::NodeDown, node));
            } else if all(host) && none(pod) {
                self.must(Pattern::plane(node, Plane::Pod));
            } else if all(host) && all(pod) {
                self.must(Pattern::node(FindingKind::AgentDown, node));
            } else {
                self.said.loose.insert(node);
            }
        }
    }

    /// The agent at a node's address is another node's, which is found when an observer asks it for its node.
    fn replaced(&mut self, node: usize) {
        let observers = self.others(node);
        let replaced = Pattern::node(FindingKind::AgentReplaced, node);
        if !observers.is_empty()
            && Plane::ALL.iter().all(|plane| self.count(&observers, node, *plane).0 == observers.len())
        {
            // Until then it is an agent that is silent while its addresses answer.
            self.must_one_of(vec![Pattern::node(FindingKind::AgentDown, node), replaced.clone()]);
            self.must(replaced);
        } else {
            self.loosen(node);
        }
    }

    /// Nodes whose agents are heard and that all others fail to reach, or that reach none of them.
    fn heard_nodes(&mut self) {
        for node in self.heard.clone() {
            let observers = self.others(node);
            let peers: Vec<usize> = self.heard.iter().copied().filter(|other| *other != node).collect();
            if observers.is_empty() || peers.len() < 2 {
                continue;
            }
            let incoming = Plane::ALL.map(|plane| self.count(&observers, node, plane));
            let outgoing = Plane::ALL.map(|plane| {
                let told = peers.iter().filter_map(|to| self.answers(node, *to, plane));
                told.fold((0, 0), |(yes, all), answers| (yes + usize::from(answers), all + 1))
            });
            let none = |counts: [(usize, usize); 2]| counts.iter().all(|(yes, all)| *yes == 0 && *all > 0);
            let whole = |counts: [(usize, usize); 2]| counts.iter().all(|(yes, all)| yes == all);
            let one_way = |direction| Pattern {
                direction: Some(direction),
                ..Pattern::node(FindingKind::NodeOneWay, node)
            };
            match (none(incoming), none(outgoing)) {
                (true, true) => {
                    self.tell(node);
                    self.must(Pattern::group(vec![node]));
                }
                (true, false) => {
                    self.tell(node);
                    if whole(outgoing) { self.must(one_way(Direction::In)) } else { self.loosen(node) }
                }
                (false, true) if whole(incoming) => {
                    self.tell(node);
                    self.must(one_way(Direction::Out));
                }
                (false, true) => {
                    // Its pods are cut off: they are where its agent lives.
                    self.one_plane(node, incoming);
                    if !self.is_told(node) {
                        self.loosen(node);
                    }
                    self.tell(node);
                }
                (false, false) => self.one_plane(node, incoming),
            }
        }
    }

    fn one_plane(&mut self, node: usize, incoming: [(usize, usize); 2]) {
        for (plane, ((yes, all), (other_yes, other_all))) in
            Plane::ALL.into_iter().zip([(incoming[0], incoming[1]), (incoming[1], incoming[0])])
        {
            if all == 0 || yes > 0 {
                continue;
            }
            self.told.insert((node, plane));
            let everywhere =
                Pattern { plane: Some(plane), ..Pattern::scope(FindingKind::PlaneCut, Scope::All) };
            if other_yes == other_all {
                self.must_one_of(vec![Pattern::plane(node, plane), everywhere]);
            } else {
                self.loosen(node);
            }
        }
    }

    fn loosen(&mut self, node: usize) {
        self.said.loose.insert(node);
    }
}

#[cfg(test)]
mod tests;
