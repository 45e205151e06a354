//! The mesh as values and pure functions: who is a member, whom to probe, what was seen, what it means.
//!
//! ```text
//!   heartbeats ─> member ─> plan ──────────────────┐
//!   rounds ────> row ──────────────> snapshot ─> observe ─> diagnose ─> ledger
//! ```
//! Nothing here reads a clock, knows HTTP or a store: callers pass [`time::Now`].

pub mod context;
pub mod diagnose;
pub mod kinds;
pub mod knocks;
pub mod ledger;
pub mod look;
pub mod member;
pub mod observe;
pub mod original;
#[cfg(test)]
pub(crate) mod picture;
pub mod planning;
pub mod recall;
pub mod row;
pub mod second_server;
pub mod snapshot;
pub mod time;
pub mod totals;
pub mod writer;
