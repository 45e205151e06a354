//! The API over HTTP: the only place that knows axum and status codes.
//!
//! ```text
//!   listener ──> inventory (who may) ──> one file per resource ──> collector
//!      │             │                          │
//!      │             └── refused ───────────────┴── fault ──> error (status and body)
//!      └ limits: connections, header, idle, write      bodies: memory; body: size, time, gzip, depth
//! ```
//! [`inventory::ROUTES`] is the one list of routes; the routers are built from it, so that a route without a rule about who
//! may use it cannot exist.

mod agents;
mod bodies;
mod body;
mod compat_lists;
pub mod error;
mod findings;
mod folded;
mod guard;
mod health;
mod heartbeat;
pub mod inventory;
pub mod limits;
pub mod listener;
mod matrix;
mod metrics;
mod plan;
mod query;
mod reply;
mod report;
mod results;
mod rounds;
mod state;
mod test_results;
mod vouched;

pub use bodies::Bodies;
pub use inventory::router;
pub use plan::{LongPolls, PlanAnswers};
pub use state::{ApiState, RefusalNotes};
pub use vouched::Vouched;
