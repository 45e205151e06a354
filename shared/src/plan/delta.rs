//! What turns one plan into a later one of the same server start.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use super::{Plan, PlanVersion, Target};

/// What turns the plan of one generation into that of another. A target whose address, port or zone changed is removed and
/// added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanDelta {
    /// The generation that it is to be applied to.
    pub since: u64,
    /// Places of that plan's targets that are gone, ascending.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<u32>,
    /// Targets that are new, in the order of a plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<Target>,
    /// How many targets the plan has then.
    pub count: u32,
}

/// Why a delta cannot be applied; the whole plan is to be asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeltaError {
    /// It is for another plan.
    #[error("the delta is for generation {since}, the plan is of generation {have}")]
    OtherPlan {
        /// For which.
        since: u64,
        /// What there is.
        have: u64,
    },
    /// A place that is removed is not there, or not in order.
    #[error("removed: {place} is not a place of the plan, or not in order")]
    NoSuchPlace {
        /// The place.
        place: u32,
    },
    /// What is added is there already.
    #[error("added: a target of {node} is there already")]
    Twice {
        /// The node of the target.
        node: String,
    },
    /// What comes out is not what was meant.
    #[error("count: {count} targets are said, {found} come out")]
    WrongCount {
        /// As said.
        count: u32,
        /// As found.
        found: usize,
    },
}

impl PlanDelta {
    /// What turns one plan into the other. Both are in order.
    pub fn between(from: &Plan, to: &Plan) -> Self {
        let mut delta = Self {
            since: from.version.generation,
            removed: Vec::new(),
            added: Vec::new(),
            count: u32::try_from(to.targets.len()).unwrap_or(u32::MAX),
        };
        let mut old = (0_u32..).zip(&from.targets).peekable();
        let mut new = to.targets.iter().peekable();
        loop {
            let order = match (old.peek(), new.peek()) {
                (None, None) => return delta,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((_, old)), Some(new)) => old.place().cmp(&new.place()),
            };
            let gone = if order == Ordering::Greater { None } else { old.next() };
            let come = if order == Ordering::Less { None } else { new.next() };
            if gone.map(|(_, target)| target) == come {
                continue;
            }
            delta.removed.extend(gone.map(|(place, _)| place));
            delta.added.extend(come.cloned());
        }
    }

    /// Tells whether it is shorter on the wire than the whole plan: an added target takes as much there as here, a place
    /// less than a tenth of it.
    pub fn is_worth_it(&self) -> bool {
        let whole = usize::try_from(self.count).unwrap_or(usize::MAX);
        self.added.len() + self.removed.len() / 10 < whole
    }

    /// Makes the later plan.
    ///
    /// # Errors
    /// The delta is not for this plan.
    pub fn apply(&self, plan: &Plan, generation: u64) -> Result<Plan, DeltaError> {
        if self.since != plan.version.generation {
            return Err(DeltaError::OtherPlan { since: self.since, have: plan.version.generation });
        }
        let mut targets = Vec::with_capacity(plan.targets.len() + self.added.len());
        let mut removed = self.removed.iter().copied().peekable();
        for (place, target) in (0_u32..).zip(&plan.targets) {
            if removed.next_if_eq(&place).is_none() {
                targets.push(target.clone());
            }
        }
        if let Some(place) = removed.next() {
            return Err(DeltaError::NoSuchPlace { place });
        }
        targets.extend(self.added.iter().cloned());
        targets.sort_by(|one, other| one.place().cmp(&other.place()));
        if let Some(pair) = targets.windows(2).find(|pair| pair[0].place() == pair[1].place()) {
            return Err(DeltaError::Twice { node: pair[1].node.to_string() });
        }
        if targets.len() != usize::try_from(self.count).unwrap_or(usize::MAX) {
            return Err(DeltaError::WrongCount { count: self.count, found: targets.len() });
        }
        Ok(Plan { version: PlanVersion { epoch: plan.version.epoch, generation }, targets })
    }
}

#[cfg(test)]
mod tests;
