//! The server of meshvane: collects what agents measure, judges it and serves it.

pub mod clock;
pub mod collector;
pub mod mesh;
