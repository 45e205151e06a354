//! Every body that crosses the wire, and nothing else that is serialized.
//!
//! Rules: unknown fields are ignored, new fields are optional, a word that is not known becomes
//! [`tolerant::Tolerant::Unknown`] and never an error, durations are integers with the unit in the name. Agents and
//! server are rolled out separately, so each side reads what the other one's older and newer versions say; the golden
//! files in `tests/golden` freeze the shapes.

pub mod agents;
mod bounded;
pub mod compat;
pub mod findings;
pub mod health;
pub mod heartbeat;
pub mod matrix;
pub mod outcome;
pub mod plan;
pub mod problem;
pub mod report;
pub mod round;
pub mod tolerant;
