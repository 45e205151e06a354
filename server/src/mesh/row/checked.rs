//! A round that was checked whole: only the check makes one, and only a checked round changes a row.

use std::sync::Arc;

use meshvane_shared::plan::Plan;
use meshvane_shared::wire::round::RoundBody;

use super::RoundError;
use super::apply::check_round;

/// A round each of whose fields can be, against the plan that it names.
#[derive(Debug, Clone, Copy)]
pub struct CheckedRound<'a> {
    plan: &'a Arc<Plan>,
    body: &'a RoundBody,
}

impl<'a> CheckedRound<'a> {
    /// Checks a round; `plan` is the one that it names.
    ///
    /// # Errors
    /// The first field that cannot be.
    pub fn check(plan: &'a Arc<Plan>, body: &'a RoundBody) -> Result<Self, RoundError> {
        check_round(body, plan)?;
        Ok(Self { plan, body })
    }

    /// The plan.
    pub fn plan(self) -> &'a Arc<Plan> {
        self.plan
    }

    /// The round.
    pub fn body(self) -> &'a RoundBody {
        self.body
    }
}
