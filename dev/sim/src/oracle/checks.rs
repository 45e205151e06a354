//! What fails though the address answers: echo, ports, families; names and services; what agents cannot measure.

use faults::NameAnswer;
use meshvane_shared::address::Family;
use meshvane_shared::check::{CheckKind, Plane};
use meshvane_shared::wire::findings::{FindingKind, Scope};

use super::{About, Oracle, Pattern};
use crate::mesh;
use crate::truth::Reply;

impl Oracle<'_> {
    /// Whether a check of a plane fails from all observers though the address answers them: `None` when it does not, or when
    /// only some see it.
    fn fails(&mut self, node: usize, plane: Plane, check: CheckKind) -> Option<Reply> {
        if self.told.contains(&(node, plane)) {
            return None;
        }
        let families = self.truth.mesh.families.clone();
        let mut worst = None;
        let (mut seen, mut of) = (0, 0);
        for from in self.others(node).into_iter().filter(|from| !self.is_told(*from)) {
            // Where no family answers it is the pair that fails; one family alone is a matter of families.
            let up: Vec<Family> = families
                .iter()
                .copied()
                .filter(|family| self.answers_in(from, node, plane, &[*family]) == Some(true))
                .collect();
            let replies: Vec<Reply> =
                up.iter().filter_map(|family| self.reply(from, node, plane, *family, check)).collect();
            if replies.is_empty() {
                continue;
            }
            of += 1;
            if replies.iter().all(|reply| *reply != Reply::Yes) {
                seen += 1;
                worst = worst.max(replies.into_iter().max());
            }
        }
        if seen > 0 && seen < of {
            self.loosen(node);
        }
        worst.filter(|_| seen == of)
    }

    pub(super) fn checks(&mut self) {
        let nodes: Vec<usize> =
            self.all.iter().copied().filter(|node| !self.others(*node).is_empty()).collect();
        let mut echo = Vec::new();
        let mut ports = Vec::new();
        for node in nodes.iter().copied() {
            let silent = self.silent.contains(&node);
            let lost = Plane::ALL.map(|plane| self.fails(node, plane, CheckKind::Icmp).is_some());
            if lost != [false; 2] {
                echo.push((node, lost));
            }
            // The port of an agent that is not heard is part of that.
            let planes = if silent { &Plane::ALL[..1] } else { &Plane::ALL[..] };
            for plane in planes {
                if let Some(reply) = self.fails(node, *plane, CheckKind::Tcp) {
                    ports.push((node, *plane, reply));
                }
            }
        }
        self.echo(&nodes, &echo);
        self.ports(&nodes, &ports);
    }

    fn echo(&mut self, nodes: &[usize], echo: &[(usize, [bool; 2])]) {
        let plane = |lost: [bool; 2]| match lost {
            [true, false] => Some(Plane::Host),
            [false, true] => Some(Plane::Pod),
            _ => None,
        };
        // Planes with a finding of their own say nothing here; what the others lose may be one loss of the whole mesh.
        let union =
            Plane::ALL.map(|plane| echo.iter().any(|(_, lost)| lost[usize::from(plane == Plane::Pod)]));
        let fits = |node: &usize| {
            let lost = echo.iter().find(|(other, _)| other == node).map_or([false; 2], |(_, lost)| *lost);
            (0..2).all(|side| lost[side] == union[side] || self.told.contains(&(*node, Plane::ALL[side])))
        };
        let everywhere = nodes.iter().all(fits);
        let all = Pattern { plane: plane(union), ..Pattern::scope(FindingKind::IcmpFiltered, Scope::All) };
        for (node, lost) in echo {
            let own = Pattern { plane: plane(*lost), ..Pattern::node(FindingKind::IcmpFiltered, *node) };
            self.one_or_all(nodes, own, everywhere.then(|| all.clone()));
        }
    }

    fn ports(&mut self, nodes: &[usize], ports: &[(usize, Plane, Reply)]) {
        let clear = nodes.iter().filter(|node| !self.told.contains(&(**node, Plane::Host))).count();
        let everywhere = ports.len() >= clear && ports.iter().all(|(_, _, reply)| *reply == ports[0].2);
        for (node, plane, reply) in ports {
            let kind =
                if *reply == Reply::Refused { FindingKind::PortRefused } else { FindingKind::PortFiltered };
            let port = Some(if *plane == Plane::Host { mesh::HOST_PORT } else { mesh::CLIENT_PORT });
            let own = Pattern { port, ..Pattern::node(kind, *node) };
            let all = everywhere.then(|| Pattern { port, ..Pattern::scope(kind, Scope::All) });
            self.one_or_all(nodes, own, all);
        }
    }

    /// A finding of a node, or of all nodes together where all have it; of two nodes nothing tells one from both.
    fn one_or_all(&mut self, nodes: &[usize], own: Pattern, all: Option<Pattern>) {
        let clear = nodes.iter().filter(|node| !self.is_told(**node)).count();
        match all {
            Some(all) if clear > 2 && clear == nodes.len() => self.must(all),
            Some(all) => self.must_one_of(vec![own, all]),
            None => self.must(own),
        }
    }

    /// One family fails where the other works.
    pub(super) fn families(&mut self) {
        let families = self.truth.mesh.families.clone();
        let [one, other] = families[..] else { return };
        for (family, works) in [(one, other), (other, one)] {
            let mut cut = Vec::new();
            for node in self.all.clone() {
                let lost = Plane::ALL.map(|plane| self.lacks(node, plane, family, works));
                if lost != [false; 2] {
                    cut.push((node, lost));
                }
            }
            let few = self.heard.len() <= 2;
            let everywhere = cut.len() == self.all.len() || few && !cut.is_empty();
            for (node, lost) in &cut {
                let plane = match lost {
                    [true, false] => Some(Plane::Host),
                    [false, true] => Some(Plane::Pod),
                    _ => None,
                };
                let own =
                    Pattern { plane, family: Some(family), ..Pattern::node(FindingKind::FamilyCut, *node) };
                let all = Pattern {
                    plane,
                    family: Some(family),
                    ..Pattern::scope(FindingKind::FamilyCut, Scope::All)
                };
                if everywhere {
                    let of_each =
                        self.all.iter().map(|node| Pattern { about: About::Node(*node), ..own.clone() });
                    self.must_one_of(if few { of_each.chain([all]).collect() } else { vec![all] });
                } else {
                    self.must(own);
                }
            }
        }
    }

    fn lacks(&mut self, node: usize, plane: Plane, family: Family, works: Family) -> bool {
        if self.told.contains(&(node, plane)) {
            return false;
        }
        let (mut seen, mut of) = (0, 0);
        for from in self.others(node) {
            if self.answers_in(from, node, plane, &[works]) != Some(true) {
                continue;
            }
            let Some(answers) = self.answers_in(from, node, plane, &[family]) else { continue };
            of += 1;
            seen += usize::from(!answers);
        }
        of > 0 && seen == of
    }

    pub(super) fn names(&mut self) {
        if !self.truth.mesh.has_service {
            return;
        }
        let failed = Pattern::new(FindingKind::NameFailed, About::Name);
        let port = Some(mesh::SERVICE_PORT);
        let unreachable = Pattern { port, ..Pattern::new(FindingKind::ServiceUnreachable, About::Name) };
        let (mut name, mut service) = (false, false);
        for node in self.heard.clone() {
            let answers: Vec<NameAnswer> =
                (0..mesh::NAME_SERVERS.len()).map(|server| self.truth.name_answer(node, server)).collect();
            let wrong = answers
                .iter()
                .any(|answer| !matches!(answer, NameAnswer::Right | NameAnswer::Slow | NameAnswer::Lie));
            let nowhere = answers.contains(&NameAnswer::Lie) || self.truth.service_reply(node) != Reply::Yes;
            if self.is_told(node) {
                // The node's own finding explains what it fails to reach.
                continue;
            }
            name |= wrong;
            // A name that fails leaves no address to ask, or the one of before.
            service |= nowhere && !wrong;
            if wrong {
                self.said.may.push(unreachable.clone());
            }
        }
        if name {
            self.must(failed);
        }
        if service {
            self.must(unreachable);
        }
    }

    pub(super) fn not_measurable(&mut self) {
        let blind: Vec<usize> =
            self.heard.iter().copied().filter(|node| !self.truth.may_ping(*node)).collect();
        if self.all.len() < 2 {
            // There is nothing to ask.
            return;
        }
        let all = blind.len() == self.heard.len();
        for node in blind {
            let own = Pattern::node(FindingKind::NotMeasurable, node);
            let everywhere = Pattern::scope(FindingKind::NotMeasurable, Scope::All);
            self.must_one_of(if all { vec![own, everywhere] } else { vec![own] });
        }
    }
}
