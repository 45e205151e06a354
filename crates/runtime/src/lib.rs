//! What both programs need of the process they run in, each written once: how it is told to stop.

mod shutdown;

pub use shutdown::{Drain, DrainStarter, Signals, drain};
