//! The tokens that were asked about, and what came of it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::{AgentIdentity, BELIEVED_AFTER_END, CHECKED_FOR, FAILED_FOR, Key, Question, REVIEW_TIME, Role};
use crate::auth::Refused;
use crate::auth::budget::Pace;
use crate::auth::sources::ReviewBudget;
use crate::mesh::context::Uid;
use crate::mesh::knocks::RENEWED_WITHIN;
use crate::mesh::time::{Moment, Now};

/// Reviews of unknown tokens that come from the very address of the pod that they name: one a second, and four at once, for an
/// agent that starts or whose token was renewed has a heartbeat, a plan and a round.
const OF_A_POD: Pace = Pace { every: Duration::from_secs(1), ahead: Duration::from_secs(3) };
/// Pods whose pace is kept.
const PACES_MAX: usize = 8_192;
/// Confirmed tokens that are kept: two of each agent while tokens are renewed, and readers.
const CONFIRMED_MAX: usize = 16_384;
/// Refused tokens that are kept, so that who knocks with the same one does not cost a review each time.
const REFUSED_MAX: usize = 4_096;

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) confirmed: HashMap<Key, Confirmed>,
    pub(super) refused: HashMap<Key, (Refused, Moment)>,
    failed: Option<Moment>,
    /// When the API server last answered again after it could not be asked; our own start until then, for it may have been away
    /// just before.
    back: Moment,
    trying: Option<Moment>,
    pub(super) unknown: ReviewBudget,
    pub(super) of_pods: HashMap<Uid, Moment>,
}

#[derive(Debug)]
pub(super) struct Confirmed {
    pub(super) who: Who,
    pub(super) checked: Moment,
    pub(super) asking: Option<Moment>,
    pub(super) believed_until: Moment,
}

#[derive(Debug, Clone)]
pub(super) enum Who {
    Agent(Arc<AgentIdentity>),
    Reader,
}

/// What is known of a token.
pub(super) enum Known {
    Refused(Refused),
    Believed(Who),
    AskAgain,
}

impl State {
    pub(super) fn recall(&mut self, key: &Key, now: Moment) -> Option<Known> {
        if let Some((refused, checked)) = self.refused.get(key)
            && now.since(*checked) < CHECKED_FOR
        {
            return Some(Known::Refused(*refused));
        }
        let is_away = self.is_away(now);
        let held = self.confirmed.get(key)?;
        let is_fresh = now.since(held.checked) < CHECKED_FOR;
        let is_asked = held.asking.is_some_and(|since| now.since(since) < REVIEW_TIME);
        let is_believed = (is_away || is_asked) && now < held.believed_until;
        Some(if is_fresh || is_believed { Known::Believed(held.who.clone()) } else { Known::AskAgain })
    }

    /// Tells whether the last review failed and it is not time yet to try again: one request tries, and waits for that, while
    /// the others go on.
    pub(super) fn is_away(&self, now: Moment) -> bool {
        let is_tried = self.trying.is_some_and(|since| now.since(since) < REVIEW_TIME);
        self.failed.is_some_and(|failed| is_tried || now.since(failed) < FAILED_FOR)
    }

    /// Notes that somebody asks.
    pub(super) fn asks(&mut self, now: Moment) {
        self.trying = self.failed.map(|_| now);
    }

    /// Notes that there was an answer.
    pub(super) fn answered(&mut self, now: Moment) {
        if self.failed.take().is_some() {
            self.back = now;
        }
        self.trying = None;
    }

    /// Notes that there was none.
    pub(super) fn unanswered(&mut self, now: Moment) {
        self.failed = Some(now);
        self.trying = None;
    }

    /// Believes a token for another while that ended before the kubelet could renew it, since the API server was away.
    pub(super) fn bridge(&mut self, question: &Question, now: Now) -> bool {
        let is_renewed_soon = now.moment.since(self.back) < RENEWED_WITHIN;
        if !is_renewed_soon || question.role != Role::Agent || question.expires > now.wall.timestamp() {
            return false;
        }
        let Some(held) = self.confirmed.get_mut(&question.key) else { return false };
        held.asking = None;
        held.checked = now.moment;
        true
    }

    pub(super) fn pace_of(&mut self, uid: &Uid, now: Moment) -> bool {
        if self.of_pods.len() >= PACES_MAX {
            self.of_pods.retain(|_, value| *value > now);
        }
        let Some(step) = OF_A_POD.step(self.of_pods.get(uid).copied(), now) else { return false };
        self.of_pods.insert(uid.clone(), step);
        true
    }

    pub(super) fn confirm(&mut self, question: &Question, who: Who, now: Now) {
        if self.confirmed.len() >= CONFIRMED_MAX {
            self.confirmed.retain(|_, held| now.moment < held.believed_until);
            if self.confirmed.len() >= CONFIRMED_MAX {
                // Those who come again are asked about again.
                self.confirmed.clear();
            }
        }
        let left = question.expires.saturating_sub(now.wall.timestamp());
        let left = Duration::from_secs(u64::try_from(left).unwrap_or(0)).saturating_add(BELIEVED_AFTER_END);
        let believed_until = now.moment.after(left);
        self.refused.remove(&question.key);
        self.confirmed
            .insert(question.key, Confirmed { who, checked: now.moment, asking: None, believed_until });
    }

    pub(super) fn refuse(&mut self, key: Key, refused: Refused, now: Moment) {
        self.confirmed.remove(&key);
        if self.refused.len() >= REFUSED_MAX {
            self.refused.retain(|_, (_, checked)| now.since(*checked) < CHECKED_FOR);
            if self.refused.len() >= REFUSED_MAX {
                self.refused.clear();
            }
        }
        self.refused.insert(key, (refused, now));
    }
}
