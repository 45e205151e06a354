//! The server through a real client: every row of the compatible API, the native one, identity, limits, start and stop.

#![expect(
    clippy::unwrap_used,
    reason = "all of this is test code, which the lint knows only inside of test functions"
)]

mod accounts;
mod addresses;
mod auth;
mod bodies;
mod compatible;
mod context;
mod fake_kube;
mod findings_page;
mod golden;
mod hostile;
mod limits;
mod log;
mod long_poll;
mod native;
mod observability;
mod parallel;
mod places;
mod program;
mod routing;
mod stop;
mod support;
mod tls;
