//! The catalogue of faults: each has a name and a description. Values only.
//!
//! The lab breaks a cluster of network namespaces by these names, and the demo offers them as `--scenario`.

mod catalogue;

pub use catalogue::{Scenario, UnknownScenario};
