//! The catalogue of faults: each has a name, a description, the findings that it opens, and its effect.
//! Values only.
//!
//! The lab breaks a cluster of network namespaces by these names, and the demo offers them as `--scenario`
//! and compares what the server finds. The simulator plays the effects in virtual time.

mod catalogue;
mod effect;
mod expected;
mod places;

pub use catalogue::{Scenario, UnknownScenario};
pub use effect::{Block, Effect, NameAnswer, Nodes, Rule};
pub use places::{Node, Places};
