//! What both programs need of the process they run in, each written once: how it is told to stop, where its log goes, how
//! it listens, which connections it keeps, how it shows that it lives, and files that change while it runs.

mod accepting;
mod apart;
mod descriptors;
mod listening;
mod liveness;
mod log_limit;
pub mod places;
mod shutdown;
pub mod telemetry;
mod watched;

pub use accepting::{Closed, Doing, HeldPlace, Room, accept};
pub use apart::apart;
pub use descriptors::{Wish, share_files};
pub use listening::{BACKLOG, listen};
pub use liveness::{BEAT, BEATS_MISSED_MAX, Liveness};
pub use log_limit::{LogLimit, LogRate};
pub use shutdown::{Drain, DrainStarter, Signals, drain};
pub use telemetry::Log;
pub use watched::{FileProblem, Watched, WatchedFile};
