//! The agent against a small server on port 0, through its real client.
#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "helpers of tests: a failure is a panic, and the limits under test are in real time"
)]

mod delivery;
mod hostile;
mod lifecycle;
mod program;
mod refused;
mod responder;
mod server;
mod stall;
mod tls;
