//! What the API shows of a snapshot. Pure: each function draws one body.

pub mod agents;
pub mod compat;
pub mod matrix;
