//! Findings as values: what one says, and of which part of the mesh.

use std::fmt;
use std::str::FromStr;

use crate::address::Family;
use crate::check::{CheckKind, Plane};
use crate::name::{NodeName, Zone};
use crate::wire::findings::{Direction, FindingBody, FindingKind, Scope, Subject};

/// What a finding says, and of what: the same fault has the same key while it lasts.
///
/// Its text is the one spelling of a finding in diaries, records and expectations: the kind, then `name=value` for the subject
/// and for each field that applies, as `plane_cut node=node-2 plane=pod` or
/// `group_cut groups=node-1,node-3|node-2 zones=zone-1`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FindingKey {
    /// What was seen.
    pub kind: FindingKind,
    /// The part of the mesh that it is about.
    pub subject: Subject,
    /// On which plane.
    pub plane: Option<Plane>,
    /// By which check.
    pub check: Option<CheckKind>,
    /// Which way.
    pub direction: Option<Direction>,
    /// In which family.
    pub family: Option<Family>,
    /// On which port.
    pub port: Option<u16>,
}

impl FindingKey {
    /// A key that says nothing beside its kind and subject.
    pub fn new(kind: FindingKind, subject: Subject) -> Self {
        Self { kind, subject, plane: None, check: None, direction: None, family: None, port: None }
    }

    /// The nodes that it is about.
    pub fn nodes(&self) -> Vec<&NodeName> {
        match &self.subject {
            Subject::Node { node } => vec![node],
            Subject::Pair { from, to } => vec![from, to],
            Subject::Groups { groups, .. } => groups.iter().flatten().collect(),
            Subject::Name { .. } | Subject::Scope { .. } => Vec::new(),
        }
    }
}

impl From<&FindingBody> for FindingKey {
    fn from(body: &FindingBody) -> Self {
        Self {
            kind: body.kind,
            subject: body.subject.clone(),
            plane: body.plane,
            check: body.check,
            direction: body.direction,
            family: body.family,
            port: body.port,
        }
    }
}

impl fmt::Display for FindingKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.kind.as_str())?;
        match &self.subject {
            Subject::Node { node } => write!(formatter, " node={node}")?,
            Subject::Pair { from, to } => write!(formatter, " pair={from}>{to}")?,
            Subject::Groups { groups, zones } => {
                let group = |group: &Vec<NodeName>| joined(group, ",");
                let groups: Vec<String> = groups.iter().map(group).collect();
                write!(formatter, " groups={}", groups.join("|"))?;
                if !zones.is_empty() {
                    write!(formatter, " zones={}", joined(zones, ","))?;
                }
            }
            Subject::Name { name } => write!(formatter, " name={name}")?,
            Subject::Scope { scope } => write!(formatter, " scope={}", scope_word(*scope))?,
        }
        if let Some(plane) = self.plane {
            write!(formatter, " plane={plane}")?;
        }
        if let Some(check) = self.check {
            write!(formatter, " check={check}")?;
        }
        if let Some(direction) = self.direction {
            write!(formatter, " direction={}", direction_word(direction))?;
        }
        if let Some(family) = self.family {
            write!(formatter, " family={family}")?;
        }
        match self.port {
            Some(port) => write!(formatter, " port={port}"),
            None => Ok(()),
        }
    }
}

impl FromStr for FindingKey {
    type Err = String;

    /// Reads the text that [`Display`](fmt::Display) writes.
    ///
    /// # Errors
    /// A sentence that names the word that cannot be read.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut words = text.split_whitespace();
        let kind = words.next().unwrap_or_default();
        let kind = FindingKind::ALL.into_iter().find(|known| known.as_str() == kind);
        let kind = kind.ok_or_else(|| format!("{text:?} does not begin with a kind of finding"))?;
        let subject = words.next().ok_or_else(|| format!("{text:?} has no subject"))?;
        let mut key = Self::new(kind, read_subject(subject)?);
        for word in words {
            let unknown = || format!("{word:?} is not a field of a finding");
            let (field, value) = word.split_once('=').ok_or_else(unknown)?;
            match (field, &mut key.subject) {
                ("zones", Subject::Groups { zones, .. }) => *zones = list(value, Zone::parse)?,
                ("plane", _) => key.plane = Some(one_of(word, value, &Plane::ALL, Plane::as_str)?),
                ("check", _) => key.check = Some(one_of(word, value, &CHECKS, CheckKind::as_str)?),
                ("direction", _) => key.direction = Some(one_of(word, value, &DIRECTIONS, direction_word)?),
                ("family", _) => key.family = Some(one_of(word, value, &FAMILIES, Family::as_str)?),
                ("port", _) => key.port = Some(value.parse().map_err(|_| unknown())?),
                _ => return Err(unknown()),
            }
        }
        Ok(key)
    }
}

const DIRECTIONS: [Direction; 3] = [Direction::Out, Direction::In, Direction::Both];
const CHECKS: [CheckKind; 3] = [CheckKind::Icmp, CheckKind::Tcp, CheckKind::Dns];
const FAMILIES: [Family; 2] = [Family::Ipv4, Family::Ipv6];

fn direction_word(direction: Direction) -> &'static str {
    match direction {
        Direction::Out => "out",
        Direction::In => "in",
        Direction::Both => "both",
    }
}

fn scope_word(scope: Scope) -> &'static str {
    match scope {
        Scope::Server => "server",
        Scope::All => "all",
    }
}

fn joined<T: fmt::Display>(items: &[T], by: &str) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(by)
}

fn one_of<T: Copy>(word: &str, value: &str, all: &[T], text: fn(T) -> &'static str) -> Result<T, String> {
    let found = all.iter().copied().find(|one| text(*one) == value);
    found.ok_or_else(|| format!("{word:?} has a value that is not known"))
}

fn list<T, E: fmt::Display>(text: &str, parse: impl Fn(&str) -> Result<T, E>) -> Result<Vec<T>, String> {
    text.split(',').map(|item| parse(item).map_err(|error| error.to_string())).collect()
}

fn read_subject(word: &str) -> Result<Subject, String> {
    let node = |text: &str| NodeName::parse(text).map_err(|error| error.to_string());
    let unknown = || format!("{word:?} is not the subject of a finding");
    let (field, value) = word.split_once('=').ok_or_else(unknown)?;
    match field {
        "node" => Ok(Subject::Node { node: node(value)? }),
        "pair" => {
            let (from, to) = value.split_once('>').ok_or_else(unknown)?;
            Ok(Subject::Pair { from: node(from)?, to: node(to)? })
        }
        "groups" => {
            let groups =
                value.split('|').map(|group| list(group, NodeName::parse)).collect::<Result<_, _>>()?;
            Ok(Subject::Groups { groups, zones: Vec::new() })
        }
        "name" => Ok(Subject::Name { name: value.to_owned() }),
        "scope" => {
            let scope = one_of(word, value, &[Scope::Server, Scope::All], scope_word)?;
            Ok(Subject::Scope { scope })
        }
        _ => Err(unknown()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_back_from_its_text() {
        for text in [
            "node_down node=node-2",
            "plane_cut node=node-2 plane=pod",
            "pair_cut pair=node-2>node-3 plane=host",
            "group_cut groups=node-1,node-3|node-2 zones=zone-1,zone-2 direction=out",
            "group_cut groups=node-1|node-2,node-3",
            "family_cut scope=all family=ipv6",
            "icmp_filtered node=node-2 plane=pod check=icmp family=ipv4",
            "port_refused node=node-2 port=10256",
            "service_unreachable name=api.shop.test port=8443",
            "monitor_blind scope=server",
        ] {
            assert_eq!(text.parse::<FindingKey>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_word_that_cannot_be_read_is_named() {
        for (text, word) in [
            ("node_dow node=node-2", "node_dow"),
            ("node_down", "no subject"),
            ("node_down node-2", "node-2"),
            ("node_down node=Node_2", "Node_2"),
            ("pair_cut pair=node-2", "pair=node-2"),
            ("plane_cut node=node-2 plane=sky", "plane=sky"),
            ("plane_cut node=node-2 zones=zone-1", "zones=zone-1"),
            ("port_refused node=node-2 port=70000", "port=70000"),
            ("port_refused node=node-2 pod", "pod"),
        ] {
            let error = text.parse::<FindingKey>().unwrap_err();
            assert!(error.contains(word), "{text:?}: {error}");
        }
    }
}
