//! Runs the real agents' schedules and the real server in virtual time, breaks things, and holds what the server finds
//! to an oracle that knows what was broken. See [`cli`] for the commands.
//!
//! ```text
//!   seed ─> incident (mesh, weather, faults with their times)
//!             │                │
//!             v                v
//!           world            oracle: which findings must be open by when, which may, which never
//!   agents <──> network        │
//!      └──> server ─> edges ─> trial: missing, late, never, left open
//! ```

mod agent;
mod cli;
mod diary;
mod incident;
mod mesh;
mod network;
mod oracle;
mod output;
mod random;
mod record;
mod seeds;
mod server;
mod survey;
mod trial;
mod truth;
mod world;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
