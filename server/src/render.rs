//! Forms of the report, and of the page about its findings, for people. Pure.

pub mod kinds;
pub mod text;
