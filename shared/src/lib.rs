//! The language that agents and servers speak.
//!
//! Everything here is a value or a pure function: no I/O, no clock, no async. A name, an address or an
//! outcome is parsed once at the edge and trusted afterwards; what crosses the wire is in [`wire`], and
//! golden files freeze its shape.
//!
//! ```text
//!   name, address ─┐
//!   check, outcome ├─> plan (whom to probe) ─> matrix (what was found) ─> wire (how it is said)
//!   go_duration ───┘
//! ```
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod address;
pub mod check;
pub mod finding;
pub mod go_duration;
pub mod limits;
pub mod matrix;
pub mod name;
pub mod outcome;
pub mod paths;
pub mod plan;
pub mod setting;
pub mod wire;
