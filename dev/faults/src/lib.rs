//! The catalogue of faults: each has a name, a description and the findings that it opens. Values only.
//!
//! The lab breaks a cluster of network namespaces by these names, and the demo offers them as `--scenario` and compares what
//! the server finds.

mod catalogue;
mod expected;
mod places;

pub use catalogue::{Scenario, UnknownScenario};
pub use places::{Node, Places};
