//! The server of meshvane: collects what agents measure, judges it and serves it.

pub mod app;
pub mod auth;
pub mod check;
pub mod clock;
pub mod collector;
pub mod config;
pub mod http;
pub mod judge;
pub mod kube;
pub mod mesh;
pub mod metrics;
pub mod readiness;
pub mod render;
pub mod report;
pub mod reporter;
mod start;
pub mod store;
pub mod tls;
pub mod view;

pub use start::{main_from_arguments, main_from_env, serve};
