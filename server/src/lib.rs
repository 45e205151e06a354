//! The server of meshvane: collects what agents measure, judges it and serves it.

pub mod clock;
pub mod collector;
pub mod judge;
pub mod mesh;
pub mod render;
pub mod report;
pub mod reporter;
pub mod store;
pub mod view;
