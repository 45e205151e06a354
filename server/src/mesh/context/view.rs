//! What a watch has shown: objects by uid, how fresh that is, and who went lately.

use std::collections::{BTreeMap, VecDeque};

use super::Uid;
use crate::mesh::time::Moment;

/// Deleted objects that are remembered: more agents' pods than a rollout of 2,000 nodes with a tenth unavailable ends at once.
const GONE_KEPT: usize = 1024;
/// Objects of one kind that are kept: as many as there may be members, and their successors in a rollout.
const OBJECTS_MAX: usize = 20_000;

/// How much a view is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Standing {
    /// Nobody watches: the server is not in Kubernetes.
    #[default]
    Unasked,
    /// It was never had.
    Unknown,
    /// We may not look.
    Forbidden,
    /// It is as the API server has it.
    Live,
    /// The API server has not been heard since.
    Old {
        /// When it was last heard.
        since: Moment,
    },
}

/// What a watch has shown.
#[derive(Debug)]
pub struct View<T> {
    held: BTreeMap<Uid, T>,
    /// A list that is not complete yet.
    listing: BTreeMap<Uid, T>,
    gone: VecDeque<(Uid, T)>,
    standing: Standing,
    version: u64,
}

impl<T> Default for View<T> {
    fn default() -> Self {
        Self {
            held: BTreeMap::new(),
            listing: BTreeMap::new(),
            gone: VecDeque::new(),
            standing: Standing::Unasked,
            version: 0,
        }
    }
}

impl<T: PartialEq> View<T> {
    /// How much it is worth.
    pub fn standing(&self) -> Standing {
        self.standing
    }

    /// Moves with every change.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Tells whether it was ever had.
    pub fn is_known(&self) -> bool {
        match self.standing {
            Standing::Unasked | Standing::Unknown | Standing::Forbidden => false,
            Standing::Live | Standing::Old { .. } => true,
        }
    }

    /// Every object.
    pub fn all(&self) -> impl Iterator<Item = &T> {
        self.held.values()
    }

    /// An object.
    pub fn get(&self, uid: &Uid) -> Option<&T> {
        self.held.get(uid)
    }

    /// The objects that were deleted lately, the newest last.
    pub fn gone(&self) -> impl Iterator<Item = (&Uid, &T)> {
        self.gone.iter().map(|(uid, object)| (uid, object))
    }

    /// Tells whether an object was deleted lately.
    pub fn is_gone(&self, uid: &Uid) -> bool {
        self.gone.iter().any(|(gone, _)| gone == uid)
    }

    /// A watch begins: until its first list is complete, nothing is known.
    pub fn asked(&mut self) {
        if self.standing == Standing::Unasked {
            self.standing = Standing::Unknown;
        }
    }

    /// A list begins.
    pub fn list_began(&mut self) {
        self.listing.clear();
    }

    /// An object of a list.
    pub fn listed(&mut self, uid: Uid, object: T) {
        if self.listing.len() < OBJECTS_MAX {
            self.listing.insert(uid, object);
        }
    }

    /// The list is complete: what it lacks was deleted.
    pub fn list_ended(&mut self) {
        self.standing = Standing::Live;
        let listed = std::mem::take(&mut self.listing);
        if listed == self.held {
            return;
        }
        let before = std::mem::replace(&mut self.held, listed);
        for (uid, object) in before {
            if !self.held.contains_key(&uid) {
                self.bury(uid, object);
            }
        }
        self.version += 1;
    }

    /// An object is new, or changed.
    pub fn applied(&mut self, uid: Uid, object: T) {
        self.standing = Standing::Live;
        if self.held.get(&uid) == Some(&object) {
            return;
        }
        if self.held.len() < OBJECTS_MAX || self.held.contains_key(&uid) {
            self.held.insert(uid, object);
            self.version += 1;
        }
    }

    /// An object was deleted, or is none of ours any more.
    pub fn deleted(&mut self, uid: &Uid) {
        self.standing = Standing::Live;
        if let Some((uid, object)) = self.held.remove_entry(uid) {
            self.bury(uid, object);
            self.version += 1;
        }
    }

    /// The API server was heard.
    pub fn heard(&mut self) {
        if self.is_known() {
            self.standing = Standing::Live;
        }
    }

    /// The API server was not heard. Returns whether that is news.
    pub fn missed(&mut self, now: Moment) -> bool {
        if self.standing == Standing::Live {
            self.standing = Standing::Old { since: now };
            return true;
        }
        false
    }

    /// The API server forbids it. What was seen before stays for as long as that is worth something. Returns whether that is
    /// news.
    pub fn forbidden(&mut self, now: Moment) -> bool {
        if self.is_known() {
            return self.missed(now);
        }
        let news = self.standing != Standing::Forbidden;
        self.standing = Standing::Forbidden;
        news
    }

    fn bury(&mut self, uid: Uid, object: T) {
        self.gone.push_back((uid, object));
        while self.gone.len() > GONE_KEPT {
            self.gone.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Moment {
        Moment::from_millis(seconds * 1000)
    }

    fn list(view: &mut View<u8>, objects: &[(&str, u8)]) {
        view.list_began();
        for (uid, object) in objects {
            view.listed(Uid::from(*uid), *object);
        }
        view.list_ended();
    }

    #[test]
    fn a_list_replaces_what_was_held_and_buries_what_it_lacks() {
        let mut view = View::default();
        view.asked();
        assert_eq!((view.standing(), view.is_known()), (Standing::Unknown, false));
        list(&mut view, &[("a", 1), ("b", 2)]);
        let version = view.version();
        list(&mut view, &[("a", 1), ("b", 2)]);
        assert_eq!(view.version(), version, "nothing changed");
        list(&mut view, &[("b", 3)]);
        assert!(view.version() > version);
        assert_eq!(view.all().copied().collect::<Vec<_>>(), [3]);
        assert!(view.is_gone(&"a".into()) && !view.is_gone(&"b".into()));
        view.deleted(&"b".into());
        assert_eq!(view.gone().map(|(uid, _)| &*uid.0).collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn a_list_that_breaks_off_changes_nothing() {
        let mut view = View::default();
        list(&mut view, &[("a", 1)]);
        view.list_began();
        view.listed("b".into(), 2);
        assert!(view.missed(at(1)));
        assert_eq!(view.get(&"a".into()), Some(&1));
        list(&mut view, &[("a", 1)]);
        assert_eq!(view.get(&"b".into()), None, "the broken list leaks into the next one");
    }

    #[test]
    fn a_view_grows_old_when_the_api_server_is_silent_and_says_so_once() {
        let mut view = View::default();
        list(&mut view, &[("a", 1)]);
        assert!(view.missed(at(5)));
        assert!(!view.missed(at(9)));
        assert_eq!(view.standing(), Standing::Old { since: at(5) });
        view.heard();
        assert_eq!(view.standing(), Standing::Live);
    }

    #[test]
    fn what_is_forbidden_is_not_known_and_a_right_that_was_taken_away_leaves_the_last_view() {
        let mut view: View<u8> = View::default();
        view.asked();
        assert!(view.forbidden(at(1)));
        assert!(!view.forbidden(at(2)));
        view.heard();
        assert!(!view.is_known());
        list(&mut view, &[("a", 1)]);
        assert!(view.forbidden(at(3)));
        assert_eq!(view.standing(), Standing::Old { since: at(3) });
    }
}
