//! The mesh as values and pure functions: who is a member, whom to probe, what was seen, what it means.
//!
//! ```text
//!   heartbeats ─> member ─> plan ──────────────────┐
//!   rounds ────> row ──────────────> snapshot ─> observe ─> diagnose ─> ledger
//! ```
//! Nothing here reads a clock, knows HTTP or a store: callers pass [`time::Now`].

pub mod member;
pub mod planning;
pub mod row;
pub mod time;
