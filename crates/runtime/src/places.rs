//! Places for connections: how many of a listener's connections may stay, and which one yields when there are
//! too many.
//!
//! ```text
//!            admit                prove
//!   accepted ─────> unproven ───────────────> proven: reader or agent
//!                      │                         │
//!                      └── yields to a newcomer  └── an idle one yields to another proven one
//! ```
//! A connection that has proved nothing never takes the place of one that has: both kinds have places of
//! their own. The oldest silent connection yields first, that of the largest crowd before others, so that
//! whoever opens many connections competes with itself. A connection whose identity is being decided does not
//! yield: the answer is ours to give.
//!
//! Pure: the caller passes the time and closes what yields.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::time::Duration;

use meshvane_shared::name::NodeName;

mod limits;
mod source;

pub use limits::{CROWD, PlaceLimits};
pub use source::Source;

/// A connection's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PlaceId(u64);

/// What becomes of a new connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// It has a place; another connection gave it up and must be closed, if one is named.
    Taken {
        /// The place.
        place: PlaceId,
        /// The connection to close.
        yields: Option<PlaceId>,
    },
    /// Its source has as many as it may, and all of them arrived only just now: it must be closed.
    Refused,
    /// No place is free, and none may be taken away yet. Worth another try at this time, or when anything
    /// changed.
    Wait(Option<Duration>),
}

/// Whose connection it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Proof {
    /// A reader's.
    Reader,
    /// An agent's; with its node, when the node is known beyond doubt.
    Agent(Option<NodeName>),
}

/// What a connection is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Activity {
    /// It waits for its client.
    #[default]
    Silent,
    /// A request is handled, or its answer is sent.
    Busy,
    /// It is being decided whose it is.
    Judged,
}

/// What a connection has proved.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Standing {
    Unproven,
    Proven(Proof),
}

#[derive(Debug)]
struct Place {
    source: Source,
    standing: Standing,
    activity: Activity,
    /// Unproven: when it was accepted. Proven: when it was last active.
    since: Duration,
}

/// Connections that are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Group {
    Unproven(Source),
    Readers(Source),
    Agent(NodeName),
    /// Agents whose nodes nothing proves.
    Agents(Source),
}

/// The connections of a group.
#[derive(Debug, Default)]
struct Members {
    count: usize,
    /// Those that may yield, in the order in which they do.
    candidates: BTreeSet<Candidate>,
}

/// The order in which connections yield.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Silent,
    Asking,
    IdleReader,
    BusyReader,
    IdleAgent,
}

type Candidate = (Rank, Duration, PlaceId);

/// The places of one listener.
#[derive(Debug)]
pub struct Places {
    limits: PlaceLimits,
    next: u64,
    held: HashMap<PlaceId, Place>,
    groups: HashMap<Group, Members>,
    /// Every connection that may yield, in the order in which they do.
    candidates: BTreeSet<Candidate>,
    /// Every source with unproven connections, by their count.
    crowds: BTreeSet<(usize, Source)>,
    unproven: usize,
    readers: usize,
    agents: usize,
}

impl Places {
    /// Makes places that are all free.
    pub fn new(limits: PlaceLimits) -> Self {
        Self {
            limits,
            next: 0,
            held: HashMap::new(),
            groups: HashMap::new(),
            candidates: BTreeSet::new(),
            crowds: BTreeSet::new(),
            unproven: 0,
            readers: 0,
            agents: 0,
        }
    }

    /// Gives a new connection a place.
    pub fn admit(&mut self, address: IpAddr, now: Duration) -> Admission {
        let source = Source::of(address);
        let of_source = self.count_of(&Group::Unproven(source));
        let yields = if of_source >= self.limits.unproven_per_source {
            let ripe = |since| self.has_had_its_grace(since, now);
            match self.oldest_of(&Group::Unproven(source), Rank::Asking, ripe) {
                Some(id) => Some(id),
                None => return Admission::Refused,
            }
        } else if self.unproven >= self.limits.unproven
            && let Some(id) = self.oldest_of_the_largest_crowd()
        {
            Some(id)
        } else if self.unproven >= self.limits.unproven {
            let oldest = [Rank::Silent, Rank::Asking].map(|rank| self.oldest(rank, rank));
            let ripe = oldest.iter().flatten().find(|(_, since, _)| self.has_had_its_grace(*since, now));
            let Some((_, _, id)) = ripe else {
                let first = oldest.iter().flatten().map(|(_, since, _)| *since + self.limits.grace).min();
                return Admission::Wait(first);
            };
            Some(*id)
        } else {
            None
        };
        if let Some(id) = yields {
            self.release(id);
        }
        let place = PlaceId(self.next);
        self.next += 1;
        let standing = Standing::Unproven;
        self.insert(place, Place { source, standing, activity: Activity::Silent, since: now });
        Admission::Taken { place, yields }
    }

    /// Takes note of whose connection it is. Returns the connection that yields and must be closed, if there
    /// is one. Where no proven connection can yield, this one stays unproven.
    pub fn prove(&mut self, id: PlaceId, proof: Proof, now: Duration) -> Option<PlaceId> {
        match (&self.held.get(&id)?.standing, &proof) {
            (Standing::Proven(Proof::Agent(_)), _) | (Standing::Proven(Proof::Reader), Proof::Reader) => {
                return None;
            }
            (Standing::Proven(Proof::Reader), Proof::Agent(_)) | (Standing::Unproven, _) => {}
        }
        // Taken out while room is looked for, so that it cannot yield to itself.
        let mut place = self.take(id)?;
        let room = self.room_for(place.source, &proof);
        let yields = match room {
            Room::None => None,
            Room::Free => {
                (place.standing, place.since) = (Standing::Proven(proof), now);
                None
            }
            Room::Of(other) => {
                (place.standing, place.since) = (Standing::Proven(proof), now);
                self.release(other);
                Some(other)
            }
        };
        self.insert(id, place);
        yields
    }

    /// Takes note of what a connection is doing from now on.
    pub fn set_activity(&mut self, id: PlaceId, activity: Activity, now: Duration) {
        let Some(mut place) = self.take(id) else { return };
        place.activity = activity;
        if place.standing != Standing::Unproven {
            place.since = now;
        }
        self.insert(id, place);
    }

    /// Frees the place of a connection that ended; one that yielded has none any more.
    pub fn release(&mut self, id: PlaceId) {
        drop(self.take(id));
    }

    /// Frees the place of the connection that can best be missed, whatever its age: the program cannot open
    /// another file. An agent's stays.
    pub fn shed(&mut self) -> Option<PlaceId> {
        let (_, _, id) = self.oldest(Rank::Silent, Rank::IdleReader)?;
        self.release(id);
        Some(id)
    }

    /// Returns true for a connection that has proved something.
    pub fn is_proven(&self, id: PlaceId) -> bool {
        self.held.get(&id).is_some_and(|place| place.standing != Standing::Unproven)
    }

    /// Returns true while the connection has its place.
    pub fn holds(&self, id: PlaceId) -> bool {
        self.held.contains_key(&id)
    }

    /// Connections that have places.
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Returns true when no connection has a place.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    fn room_for(&self, source: Source, proof: &Proof) -> Room {
        let (group, limit, rank) = match proof {
            Proof::Reader => (Group::Readers(source), self.limits.readers_per_source, Rank::IdleReader),
            Proof::Agent(Some(node)) => (Group::Agent(node.clone()), self.limits.per_agent, Rank::IdleAgent),
            Proof::Agent(None) => (Group::Agents(source), self.limits.agents_per_source, Rank::IdleAgent),
        };
        if self.count_of(&group) >= limit {
            return self.oldest_of(&group, rank, |_| true).map_or(Room::None, Room::Of);
        }
        let is_full = self.readers + self.agents >= self.limits.proven;
        let last = match proof {
            Proof::Reader if is_full || self.readers >= self.limits.readers => Rank::IdleReader,
            Proof::Agent(_) if is_full => Rank::IdleAgent,
            Proof::Reader | Proof::Agent(_) => return Room::Free,
        };
        self.oldest(Rank::IdleReader, last).map_or(Room::None, |(_, _, id)| Room::Of(id))
    }

    fn has_had_its_grace(&self, since: Duration, now: Duration) -> bool {
        since + self.limits.grace <= now
    }

    /// The first of the source with the most unproven connections, if those are a crowd. It yields without
    /// any grace.
    fn oldest_of_the_largest_crowd(&self) -> Option<PlaceId> {
        let (_, source) = self.crowds.last().filter(|(count, _)| *count >= CROWD)?;
        self.oldest_of(&Group::Unproven(*source), Rank::Asking, |_| true)
    }

    /// The first that yields, between two ranks.
    fn oldest(&self, first: Rank, last: Rank) -> Option<Candidate> {
        let from = (first, Duration::ZERO, PlaceId(0));
        self.candidates.range(from..).next().copied().filter(|(rank, _, _)| *rank <= last)
    }

    /// The first of a group that yields, up to a rank and of an age.
    fn oldest_of(&self, group: &Group, last: Rank, of_age: impl Fn(Duration) -> bool) -> Option<PlaceId> {
        let mut candidates = self.groups.get(group)?.candidates.iter();
        let ripe = candidates.find(|(rank, since, _)| *rank <= last && of_age(*since));
        ripe.map(|(_, _, id)| *id)
    }

    fn count_of(&self, group: &Group) -> usize {
        self.groups.get(group).map_or(0, |members| members.count)
    }

    fn insert(&mut self, id: PlaceId, place: Place) {
        *self.count(&place.standing) += 1;
        let (group, candidate) = (group(&place), candidate(id, &place));
        let members = self.groups.entry(group.clone()).or_default();
        members.count += 1;
        members.candidates.extend(candidate);
        let after = members.count;
        self.note_crowd(&group, after - 1, after);
        self.candidates.extend(candidate);
        self.held.insert(id, place);
    }

    fn take(&mut self, id: PlaceId) -> Option<Place> {
        let place = self.held.remove(&id)?;
        *self.count(&place.standing) -= 1;
        let (group, candidate) = (group(&place), candidate(id, &place));
        if let Some(members) = self.groups.get_mut(&group) {
            members.count -= 1;
            if let Some(candidate) = &candidate {
                members.candidates.remove(candidate);
            }
            let after = members.count;
            if after == 0 {
                self.groups.remove(&group);
            }
            self.note_crowd(&group, after + 1, after);
        }
        if let Some(candidate) = candidate {
            self.candidates.remove(&candidate);
        }
        Some(place)
    }

    fn note_crowd(&mut self, group: &Group, before: usize, after: usize) {
        if let Group::Unproven(source) = group {
            self.crowds.remove(&(before, *source));
            if after > 0 {
                self.crowds.insert((after, *source));
            }
        }
    }

    fn count(&mut self, standing: &Standing) -> &mut usize {
        match standing {
            Standing::Unproven => &mut self.unproven,
            Standing::Proven(Proof::Reader) => &mut self.readers,
            Standing::Proven(Proof::Agent(_)) => &mut self.agents,
        }
    }
}

/// Room for one more proven connection.
#[derive(Debug, Clone, Copy)]
enum Room {
    Free,
    /// That of a connection which yields.
    Of(PlaceId),
    /// No connection yields: the other one stays unproven.
    None,
}

fn group(place: &Place) -> Group {
    match &place.standing {
        Standing::Unproven => Group::Unproven(place.source),
        Standing::Proven(Proof::Reader) => Group::Readers(place.source),
        Standing::Proven(Proof::Agent(Some(node))) => Group::Agent(node.clone()),
        Standing::Proven(Proof::Agent(None)) => Group::Agents(place.source),
    }
}

/// The connection's turn to yield, if it ever does.
fn candidate(id: PlaceId, place: &Place) -> Option<Candidate> {
    let rank = match (&place.standing, place.activity) {
        (Standing::Unproven, Activity::Silent) => Rank::Silent,
        (Standing::Unproven, Activity::Busy) => Rank::Asking,
        (Standing::Proven(Proof::Reader), Activity::Silent) => Rank::IdleReader,
        (Standing::Proven(Proof::Reader), Activity::Busy | Activity::Judged) => Rank::BusyReader,
        (Standing::Proven(Proof::Agent(_)), Activity::Silent) => Rank::IdleAgent,
        (Standing::Unproven, Activity::Judged)
        | (Standing::Proven(Proof::Agent(_)), Activity::Busy | Activity::Judged) => return None,
    };
    Some((rank, place.since, id))
}

#[cfg(test)]
mod tests;
