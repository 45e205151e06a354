//! Plans of former servers that agents still report on, and how much of them one writer may keep alive.
//!
//! Rows and [`Recall`](crate::mesh::recall::Recall) hold these plans; this list only knows them, so that equal plans are one
//! value. A plan is checked and compared first ([`ForeignPlans::offer`]) and listed once its round is taken
//! ([`ForeignPlans::keep`]): a refused round leaves nothing.

use std::sync::{Arc, Weak};

use meshvane_shared::plan::{Plan, PlanVersion, Target};

use crate::mesh::writer::Writer;

/// Bytes of foreign plans that one writer may keep alive. The largest plan, of 20,000 targets with names of 60 bytes, takes
/// 4 MB; agents behind one address that come back with two versions of it fit.
pub const FOREIGN_PER_WRITER_MAX_BYTES: usize = 8 * 1024 * 1024;

/// Bytes of a plan beside its targets, and of a shared text beside its letters: counters, lengths, and what the allocator adds.
const OVERHEAD_BYTES: usize = 32;

/// Foreign plans that something still holds.
#[derive(Debug, Default)]
pub struct ForeignPlans {
    living: Vec<Living>,
}

#[derive(Debug)]
struct Living {
    plan: Weak<Plan>,
    writer: Writer,
    bytes: usize,
}

/// A foreign plan that came with a round which is not taken yet.
#[derive(Debug)]
pub struct Offered {
    plan: Arc<Plan>,
    is_new: bool,
}

impl Offered {
    /// The plan.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }
}

/// The writer keeps too many foreign plans alive: its rows must move to a plan of this server first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this writer's rounds name too many different plans of former servers")]
pub struct TooManyPlans;

impl ForeignPlans {
    /// The plan with this version and these targets: the one that is alive already, or a new one when the writer may have one
    /// more. The targets are checked already.
    ///
    /// # Errors
    /// [`TooManyPlans`] above [`FOREIGN_PER_WRITER_MAX_BYTES`].
    pub fn offer(
        &mut self,
        writer: &Writer,
        version: &PlanVersion,
        targets: &[Target],
    ) -> Result<Offered, TooManyPlans> {
        self.living.retain(|living| living.plan.strong_count() > 0);
        let known = self.living.iter().filter_map(|living| living.plan.upgrade());
        if let Some(plan) = known.into_iter().find(|plan| plan.version == *version && plan.targets == targets)
        {
            return Ok(Offered { plan, is_new: false });
        }
        let held: usize =
            self.living.iter().filter(|living| living.writer == *writer).map(|living| living.bytes).sum();
        if held + bytes_of(targets) > FOREIGN_PER_WRITER_MAX_BYTES {
            return Err(TooManyPlans);
        }
        let plan = Arc::new(Plan { version: version.clone(), targets: targets.to_vec() });
        Ok(Offered { plan, is_new: true })
    }

    /// Lists an offered plan, now that a row holds it.
    pub fn keep(&mut self, writer: &Writer, offered: &Offered) {
        if offered.is_new {
            let bytes = bytes_of(&offered.plan.targets);
            self.living.push(Living { plan: Arc::downgrade(&offered.plan), writer: writer.clone(), bytes });
        }
    }
}

/// Memory that a plan of these targets takes.
pub(in crate::mesh) fn bytes_of(targets: &[Target]) -> usize {
    let texts = |target: &Target| {
        let zone = target.zone.as_ref().map_or(0, |zone| zone.as_str().len() + OVERHEAD_BYTES);
        target.node.as_str().len() + OVERHEAD_BYTES + zone
    };
    OVERHEAD_BYTES + targets.iter().map(|target| size_of::<Target>() + texts(target)).sum::<usize>()
}

#[cfg(test)]
mod tests {
    use meshvane_shared::check::Plane;
    use meshvane_shared::name::NodeName;
    use meshvane_shared::plan::Epoch;

    use super::*;

    fn version(generation: u64) -> PlanVersion {
        PlanVersion { epoch: Epoch(7), generation }
    }

    fn targets(count: usize) -> Vec<Target> {
        let target = |number: usize| Target {
            node: NodeName::parse(&format!("node-{number:0>40}")).unwrap(),
            plane: Plane::Host,
            address: "10.0.0.1".parse().unwrap(),
            port: None,
            zone: None,
        };
        (0..count).map(target).collect()
    }

    #[test]
    fn equal_plans_are_one_while_it_lives() {
        let (mut plans, writer) = (ForeignPlans::default(), Writer::at([10, 0, 0, 1].into()));
        let offered = plans.offer(&writer, &version(1), &targets(3)).unwrap();
        plans.keep(&writer, &offered);
        let again = plans.offer(&Writer::at([10, 0, 0, 2].into()), &version(1), &targets(3)).unwrap();
        assert!(Arc::ptr_eq(offered.plan(), again.plan()));
        for (version, count) in [(version(2), 3), (version(1), 2)] {
            let other = plans.offer(&writer, &version, &targets(count)).unwrap();
            assert!(!Arc::ptr_eq(offered.plan(), other.plan()));
        }
        drop((offered, again));
        plans.offer(&writer, &version(3), &targets(1)).unwrap();
        assert!(plans.living.is_empty(), "a plan that nothing holds is forgotten");
    }

    #[test]
    fn one_writer_keeps_no_more_alive_than_its_limit_and_others_are_free() {
        let (mut plans, writer) = (ForeignPlans::default(), Writer::at([10, 0, 0, 1].into()));
        let list = targets(10_000);
        let mut held = Vec::new();
        for generation in 0..100 {
            let Ok(offered) = plans.offer(&writer, &version(generation), &list) else { break };
            plans.keep(&writer, &offered);
            held.push(offered);
        }
        assert_eq!(held.len(), FOREIGN_PER_WRITER_MAX_BYTES / bytes_of(&list));
        let other = Writer::at([10, 0, 0, 2].into());
        assert!(plans.offer(&other, &version(100), &list).is_ok());
        assert!(plans.offer(&writer, &version(0), &list).is_ok(), "what lives already is no new plan");
        held.pop();
        assert!(plans.offer(&writer, &version(100), &list).is_ok());
    }
}
