//! What both programs need of the process they run in, each written once: how it is told to stop, where its log goes, and
//! files that change while it runs.

mod log_limit;
mod shutdown;
pub mod telemetry;
mod watched;

pub use log_limit::{LogLimit, LogRate};
pub use shutdown::{Drain, DrainStarter, Signals, drain};
pub use telemetry::Log;
pub use watched::{FileProblem, Watched, WatchedFile};
