//! The plan: whom to probe, as an ordered list of targets named by (epoch, generation).

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::address::Family;
use crate::check::Plane;
use crate::name::{NodeName, Zone};

mod delta;

pub use delta::{DeltaError, PlanDelta};

/// Names a plan. Two plans with the same version have the same targets in the same order.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PlanVersion {
    /// One start of the server.
    pub epoch: Epoch,
    /// Counts the plans of that start, from 1.
    pub generation: u64,
}

/// One start of a server: a random 64-bit number, as 16 hexadecimal digits on the wire (JSON numbers lose such).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Epoch(pub u64);

impl fmt::Display for Epoch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", self.0)
    }
}

impl FromStr for Epoch {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.len() != 16 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err("an epoch is 16 hexadecimal digits".to_owned());
        }
        u64::from_str_radix(text, 16).map(Self).map_err(|_| "an epoch is 16 hexadecimal digits".to_owned())
    }
}

impl TryFrom<String> for Epoch {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Epoch> for String {
    fn from(epoch: Epoch) -> String {
        epoch.to_string()
    }
}

impl fmt::Display for PlanVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.epoch, self.generation)
    }
}

/// A member's plane in one address family: one column of the matrix.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Target {
    /// The member.
    pub node: NodeName,
    /// Which of its addresses.
    pub plane: Plane,
    /// The address; its family is the target's.
    pub address: IpAddr,
    /// The TCP port to connect to: a pod target names the peer's own `CLIENT_PORT`; a host target has none and gets
    /// the prober's `TEST_PORT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The member's zone, when it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<Zone>,
}

/// What stays the same of a target when its address changes; the order of a plan is the order of these.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetKey {
    /// The member.
    pub node: NodeName,
    /// Which of its addresses.
    pub plane: Plane,
    /// The address family.
    pub family: Family,
}

impl Target {
    /// The family of the target's address.
    pub fn family(&self) -> Family {
        Family::of(self.address)
    }

    /// The same as [`Target::key`], borrowed: where it stands in a plan.
    fn place(&self) -> (&NodeName, Plane, Family) {
        (&self.node, self.plane, self.family())
    }

    /// What stays the same of this target when its address changes.
    pub fn key(&self) -> TargetKey {
        TargetKey { node: self.node.clone(), plane: self.plane, family: self.family() }
    }
}

/// Whom to probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Names the plan.
    pub version: PlanVersion,
    /// The targets, ordered by [`TargetKey`], one for each key.
    pub targets: Vec<Target>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_epoch_survives_the_wire_whole() {
        let epoch = Epoch(u64::MAX - 1);
        let json = serde_json::to_string(&epoch).unwrap();
        assert_eq!(json, "\"fffffffffffffffe\"");
        assert_eq!(serde_json::from_str::<Epoch>(&json).unwrap(), epoch);
        assert!(serde_json::from_str::<Epoch>("\"12\"").is_err());
        assert!(serde_json::from_str::<Epoch>("\"+000000000000001\"").is_err());
    }
}
