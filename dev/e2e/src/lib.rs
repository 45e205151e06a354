//! Tests of the whole program: a real server and real agents in the lab's namespaces, judged by what the API says.
//!
//! A test starts a [`mesh::Mesh`], breaks something, and says which findings there were. The mesh's [`watch::Watch`] keeps
//! every finding that ever opened, so a wrong one that came and went is a failure too.

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "all of this is test code, which the lints know only by the attributes of the usual harness; a test panics to fail"
)]

pub mod api;
pub mod clock;
pub mod harness;
pub mod kubernetes;
pub mod mesh;
pub mod program;
pub mod watch;
