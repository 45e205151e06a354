//! Forms of the report for people. Pure.

pub mod text;
