//! Taking a round: each cell keeps the newest of what was reported, whatever the order of arrival.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use meshvane_shared::address::check_probe_address;
use meshvane_shared::limits::{INTERVAL_MAX, INTERVAL_MIN, TARGETS_MAX};
use meshvane_shared::outcome::Outcome;
use meshvane_shared::plan::{Plan, Target, TargetKey};
use meshvane_shared::wire::round::{CellBody, RoundBody};

use super::cell::Cell;
use super::service::check_services;
use super::{CHECKS, CheckedRound, Numbered, Row, Standing, Stranger, cell_index};
use crate::mesh::time::Moment;

/// The row after a round, and what is worth knowing at once.
#[derive(Debug)]
pub struct Applied {
    /// The row.
    pub row: Row,
    /// What became of the round's number.
    pub numbered: Numbered,
    /// Cells that became suspect, failed or recovered.
    pub changes: Vec<Change>,
}

/// A cell that changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// The target's place in the row's plan.
    pub target: usize,
    /// How.
    pub kind: ChangeKind,
    /// When it was measured.
    pub measured: Moment,
}

/// How a cell changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// A probe had no answer, a burst is asking.
    Suspected,
    /// It fails now and did not.
    Failed,
    /// It answers now and did not; or its address does at least, which was silent.
    Recovered,
}

/// Why a round cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct RoundError {
    /// The field.
    pub field: String,
    /// Why.
    pub problem: String,
}

pub(super) fn wrong(field: impl Into<String>, problem: impl Into<String>) -> RoundError {
    RoundError { field: field.into(), problem: problem.into() }
}

/// Checks the target list that an agent sent for its plan.
///
/// # Errors
/// The first target that cannot be.
pub fn check_targets(targets: &[Target]) -> Result<(), RoundError> {
    if targets.len() > TARGETS_MAX {
        return Err(wrong("targets", format!("at most {TARGETS_MAX} are accepted")));
    }
    for (index, target) in targets.iter().enumerate() {
        check_probe_address(target.address)
            .map_err(|problem| wrong(format!("targets[{index}].address"), problem))?;
        if target.port == Some(0) {
            return Err(wrong(format!("targets[{index}].port"), "0 is not a port"));
        }
    }
    for (index, pair) in targets.windows(2).enumerate() {
        if pair[0].key() >= pair[1].key() {
            return Err(wrong(
                format!("targets[{}]", index + 1),
                "targets are ordered by node, plane and family, each once",
            ));
        }
    }
    Ok(())
}

/// Checks what a round says of itself and of its cells, against the plan that it names.
pub(super) fn check_round(body: &RoundBody, plan: &Plan) -> Result<(), RoundError> {
    if !(INTERVAL_MIN..=INTERVAL_MAX).contains(&Duration::from_millis(body.interval_ms)) {
        let problem = format!("{} to {} is accepted", INTERVAL_MIN.as_millis(), INTERVAL_MAX.as_millis());
        return Err(wrong("interval_ms", problem));
    }
    if body.sequence == 0 {
        return Err(wrong("sequence", "rounds are numbered from 1"));
    }
    let targets = plan.targets.len();
    if body.cells.len() > targets * CHECKS {
        return Err(wrong(
            "cells",
            format!("a plan of {targets} targets has at most {} cells", targets * CHECKS),
        ));
    }
    for (index, cell) in body.cells.iter().enumerate() {
        if usize::try_from(cell.target).is_ok_and(|target| target >= targets) {
            let problem = format!("{} is not in the plan of {targets} targets", cell.target);
            return Err(wrong(format!("cells[{index}].target"), problem));
        }
    }
    if body.strangers.len() > targets {
        let problem = format!("a plan of {targets} targets has at most as many strangers");
        return Err(wrong("strangers", problem));
    }
    for (index, stranger) in body.strangers.iter().enumerate() {
        if usize::try_from(stranger.target).is_ok_and(|target| target >= targets) {
            let problem = format!("{} is not in the plan of {targets} targets", stranger.target);
            return Err(wrong(format!("strangers[{index}].target"), problem));
        }
    }
    check_services(&body.services)
}

impl Row {
    /// Checks a round or a part of one and takes it; `plan` is the one that it names.
    ///
    /// # Errors
    /// The first field that cannot be; nothing changed then.
    pub fn take(
        prior: Option<&Self>,
        plan: &Arc<Plan>,
        body: &RoundBody,
        now: Moment,
    ) -> Result<Applied, RoundError> {
        Ok(Self::apply(prior, CheckedRound::check(plan, body)?, now))
    }

    /// Takes a checked round or a part of one, arrived at `now`.
    ///
    /// A sequence number that was taken before, or is too late to tell, leaves the row as it is. A round of another boot
    /// begins a new row but keeps the cells.
    pub fn apply(prior: Option<&Self>, round: CheckedRound<'_>, now: Moment) -> Applied {
        let (plan, body) = (round.plan(), round.body());
        let mut row = match prior {
            Some(prior) => prior.clone(),
            None => Self::empty(plan.clone(), body.boot_id.clone(), now),
        };
        if row.boot != body.boot_id {
            row.boot = body.boot_id.clone();
            row.sequences = super::Sequences::default();
            row.taken = 0;
        }
        let ended = now.before(Duration::from_millis(body.age_ms));
        let numbered = row.sequences.take(body.sequence, ended);
        match numbered {
            Numbered::Taken | Numbered::Restarted => {}
            Numbered::Repeated | Numbered::TooLate => {
                return Applied { row, numbered, changes: Vec::new() };
            }
        }
        // An old round from an agent's backlog must not move a newer row back to an older plan.
        let is_newest = row.round_ended.is_none_or(|newest| ended >= newest);
        if is_newest && !Arc::ptr_eq(&row.plan, plan) {
            row.move_to(plan);
        }
        row.taken += 1;
        row.interval = Duration::from_millis(body.interval_ms);
        let changes = row.take_cells(plan, body, ended);
        let recoveries = changes.iter().filter(|change| change.kind == ChangeKind::Recovered);
        row.recovered = row.recovered.max(recoveries.map(|change| change.measured).max());
        if is_newest {
            row.take_services(body, ended);
            row.take_strangers(body, ended);
            if !body.partial {
                row.round_ended = Some(ended);
                row.overrun = body.overrun;
                row.rebase(ended);
            }
        }
        Applied { row, numbered, changes }
    }

    fn take_cells(&mut self, plan: &Arc<Plan>, body: &RoundBody, ended: Moment) -> Vec<Change> {
        let same_plan = Arc::ptr_eq(&self.plan, plan);
        let places: BTreeMap<TargetKey, usize> =
            if same_plan { BTreeMap::new() } else { places_of(&self.plan) };
        let mut changes = Vec::new();
        for cell in &body.cells {
            let Ok(target) = usize::try_from(cell.target) else {
                continue;
            };
            let Some(planned) = plan.targets.get(target) else {
                continue;
            };
            // A node does not test itself; an agent that says it did says nothing about the network.
            if planned.node == body.node {
                continue;
            }
            let target = if same_plan { Some(target) } else { places.get(&planned.key()).copied() };
            let (Some(target), Some(check)) = (target, cell.check.known()) else {
                continue;
            };
            let Some(index) = cell_index(target, check) else {
                continue;
            };
            let measured = ended.before(Duration::from_millis(cell.age_ms));
            let kind = self.take_cell(index, cell, measured, ended);
            changes.extend(kind.map(|kind| Change { target, kind, measured }));
        }
        changes
    }

    fn take_cell(
        &mut self,
        index: usize,
        body: &CellBody,
        measured: Moment,
        ended: Moment,
    ) -> Option<ChangeKind> {
        let held = self.cells.get_mut(index)?;
        let before = held.outcome();
        let was_suspect = held.suspect();
        let outcome = body.outcome.read();
        // Another port is another cell.
        let ever_reached = held.ever_reached() && held.port() == body.port;
        if before.is_some() && held.measured(self.reference) > measured {
            let old_answer = matches!(outcome, Outcome::Reached(_)) && held.port() == body.port;
            *held = held.reached_before(old_answer);
            return None;
        }
        let failing = self
            .standing
            .get(&index)
            .copied()
            .or(before
                .filter(|before| before.is_unreached())
                .map(|outcome| Standing { outcome, measured: held.measured(self.reference) }))
            .filter(|_| held.port() == body.port);
        *held = Cell::pack(outcome, measured, self.reference, body.port, body.suspect)
            .reached_before(ever_reached);
        let told = body.failing_for_ms.map(|millis| ended.before(Duration::from_millis(millis)));
        self.note_failure(index, outcome, measured, told, failing);
        let failed_before = failing.is_some();
        let answered_before = before.is_some_and(Outcome::shows_address_answers)
            || failing.is_some_and(|failure| failure.outcome.shows_address_answers());
        match outcome {
            Outcome::Unreached(_) if !failed_before => Some(ChangeKind::Failed),
            Outcome::Reached(_) if failed_before => Some(ChangeKind::Recovered),
            // The first that a node says that is on its way back: what it runs is not started yet.
            Outcome::Unreached(_) if !answered_before && outcome.shows_address_answers() => {
                Some(ChangeKind::Recovered)
            }
            _ if body.suspect && !was_suspect => Some(ChangeKind::Suspected),
            Outcome::Reached(_) | Outcome::Unreached(_) | Outcome::Unmeasured(_) => None,
        }
    }

    /// Keeps account of how long a cell fails. What cannot be measured is no end of a failure: it stands, with its beginning, until
    /// something answers.
    fn note_failure(
        &mut self,
        index: usize,
        outcome: Outcome,
        measured: Moment,
        told: Option<Moment>,
        failing: Option<Standing>,
    ) {
        match outcome {
            Outcome::Unreached(_) => {
                let held = self.failing_since.get(&index).copied().filter(|_| failing.is_some());
                self.failing_since.insert(index, told.or(held).unwrap_or(measured));
                self.standing.remove(&index);
            }
            Outcome::Unmeasured(_) if failing.is_some() => {
                self.standing.extend(failing.map(|failure| (index, failure)));
            }
            Outcome::Unmeasured(_) | Outcome::Reached(_) => {
                self.failing_since.remove(&index);
                self.standing.remove(&index);
            }
        }
    }

    /// Moves the row to another plan: cells follow their targets, a target whose address changed begins anew.
    fn move_to(&mut self, plan: &Arc<Plan>) {
        let places = places_of(&self.plan);
        let mut cells = vec![Cell::NONE; plan.targets.len() * CHECKS];
        let (mut failing_since, mut standing) = (BTreeMap::new(), BTreeMap::new());
        for (to, target) in plan.targets.iter().enumerate() {
            let Some(from) = places.get(&target.key()).copied() else {
                continue;
            };
            if self.plan.targets[from].address != target.address {
                continue;
            }
            for check in 0..CHECKS {
                cells[to * CHECKS + check] = self.cells[from * CHECKS + check];
                if let Some(since) = self.failing_since.get(&(from * CHECKS + check)) {
                    failing_since.insert(to * CHECKS + check, *since);
                }
                if let Some(failure) = self.standing.get(&(from * CHECKS + check)) {
                    standing.insert(to * CHECKS + check, *failure);
                }
            }
        }
        self.move_strangers(plan);
        self.cells = cells;
        self.failing_since = failing_since;
        self.standing = standing;
        self.plan = plan.clone();
    }

    /// Moves what is known of strangers along with their targets.
    fn move_strangers(&mut self, plan: &Plan) {
        let places = places_of(plan);
        let strangers = std::mem::take(&mut self.strangers).into_iter().filter_map(|stranger| {
            let target = self.plan.targets.get(stranger.target)?;
            let to = places.get(&target.key()).copied()?;
            (plan.targets[to].address == target.address).then_some(Stranger { target: to, ..stranger })
        });
        self.strangers = strangers.collect();
        self.strangers.sort_unstable_by_key(|stranger| stranger.target);
    }

    /// A whole round says all that there is to say of strangers; a part adds to it. The row's plan is that of the body.
    fn take_strangers(&mut self, body: &RoundBody, ended: Moment) {
        let held = std::mem::take(&mut self.strangers);
        let mut strangers: BTreeMap<usize, Stranger> = BTreeMap::new();
        if body.partial {
            strangers.extend(held.into_iter().map(|stranger| (stranger.target, stranger)));
        }
        for stranger in &body.strangers {
            let Ok(target) = usize::try_from(stranger.target) else {
                continue;
            };
            let Some(planned) = self.plan.targets.get(target) else {
                continue;
            };
            // The planned node is no stranger, and a node does not test itself.
            if planned.node == stranger.node || planned.node == body.node {
                continue;
            }
            let measured = ended.before(Duration::from_millis(stranger.age_ms));
            strangers.insert(target, Stranger { target, node: stranger.node.clone(), measured });
        }
        self.strangers = strangers.into_values().collect();
    }

    /// Holds all cells against a newer reference, so that offsets stay small.
    fn rebase(&mut self, reference: Moment) {
        for cell in &mut self.cells {
            *cell = cell.rebased(self.reference, reference);
        }
        self.reference = reference;
    }
}

fn places_of(plan: &Plan) -> BTreeMap<TargetKey, usize> {
    plan.targets.iter().enumerate().map(|(index, target)| (target.key(), index)).collect()
}
