//! Who saw a finding, and the cells behind it.

use std::collections::BTreeSet;

use meshvane_shared::check::{CheckKind, Plane};
use meshvane_shared::name::Zone;
use meshvane_shared::outcome::Outcome;
use meshvane_shared::wire::findings::EVIDENCE_MAX;
use meshvane_shared::wire::matrix::CellWord;

use super::planes::Planes;
use super::silences::number;
use super::survey::{ANSWERS, SILENT, Survey};
use super::{Case, Evidence, Observers};
use crate::mesh::observe::Observed;

impl Observers {
    /// These nodes saw it, of so many that looked.
    pub(super) fn of(observed: &Observed<'_>, saw: impl IntoIterator<Item = usize>, of: usize) -> Self {
        let saw: BTreeSet<usize> = saw.into_iter().collect();
        let views = &observed.snapshot.nodes;
        let zones: BTreeSet<&Zone> =
            saw.iter().filter_map(|node| views.get(*node)?.member.zone.as_ref()).collect();
        Self { saw: saw.len(), of, zones: zones.len() }
    }

    /// These nodes saw it, and nobody else looked.
    pub(super) fn all(observed: &Observed<'_>, saw: impl IntoIterator<Item = usize>) -> Self {
        let all = Self::of(observed, saw, 0);
        Self { of: all.saw, ..all }
    }

    /// Those whom a plane does not answer, of those who look at it.
    pub(super) fn of_plane(survey: &Survey<'_>, planes: &Planes, node: usize, plane: Plane) -> Self {
        let silent: BTreeSet<usize> = planes.silences.observers(number(node, plane)).collect();
        let filtered = planes.get(node, plane).is_some_and(|view| view.filtered);
        let looks = |observer: usize| {
            let silent_checks = CheckKind::ON_PLANES.into_iter().filter(|check| {
                let mut columns = survey.observed.columns_at(node, plane);
                columns.any(|column| survey.mark(observer, column, *check) & SILENT != 0)
            });
            let marks = survey.cell(observer, node, plane);
            // One that has only the check that is filtered says nothing.
            let says = silent.contains(&observer) || !filtered || silent_checks.count() > 1;
            marks & ANSWERS != 0 || marks & SILENT != 0 && says
        };
        let views = survey.observed.snapshot.nodes.iter().enumerate();
        let of = views.filter(|(observer, view)| view.is_observer() && looks(*observer)).count();
        Self::of(survey.observed, silent, of)
    }
}

impl Case<'_> {
    /// Who does not reach a plane of a node.
    pub(super) fn observers_of(&self, node: usize, plane: Plane) -> Observers {
        Observers::of_plane(&self.survey, &self.planes, node, plane)
    }

    /// The looks at a plane of those whom it does not answer.
    pub(super) fn looks_at(
        &self,
        node: usize,
        plane: Plane,
    ) -> impl Iterator<Item = (usize, usize, Plane)> + '_ {
        let observers = self.planes.silences.observers(number(node, plane));
        observers.map(move |observer| (observer, node, plane))
    }
}

/// Failing cells of these pairs and planes, as many as a finding shows.
pub(super) fn evidence(
    observed: &Observed<'_>,
    looks: impl IntoIterator<Item = (usize, usize, Plane)>,
) -> Vec<Evidence> {
    let columns = looks
        .into_iter()
        .flat_map(|(from, to, plane)| observed.columns_at(to, plane).map(move |column| (from, column)));
    let cells = columns.flat_map(|(from, column)| CheckKind::ON_PLANES.map(|check| (from, column, check)));
    cells
        .filter_map(|(from, column, check)| failing_cell(observed, from, column, check))
        .take(EVIDENCE_MAX)
        .collect()
}

/// A failing cell as it was reported.
pub(super) fn failing_cell(
    observed: &Observed<'_>,
    from: usize,
    column: usize,
    check: CheckKind,
) -> Option<Evidence> {
    let cell = observed.cell(from, column, check);
    let timed = cell.timed.filter(|_| cell.word == CellWord::Unreached)?;
    let Outcome::Unreached(cause) = timed.outcome else {
        return None;
    };
    let at = observed.columns[column];
    Some(Evidence {
        from: observed.snapshot.nodes[from].member.node.clone(),
        to: observed.snapshot.nodes[at.node].member.node.to_string(),
        plane: Some(at.plane),
        check,
        family: Some(at.family()),
        cause: Some(cause),
        measured: timed.measured,
    })
}
