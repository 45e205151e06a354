//! Measures connectivity from one Kubernetes node and reports it.
//!
//! [`main_from_arguments`] is the whole program; [`app::App`] is the same for those that bring their own
//! configuration.
//!
//! ```text
//!   pure      schedule  outbox  backoff
//!   drivers   prober    courier planner  heartbeat  responder
//!   doors     probe (sockets)   names (name servers)   client (HTTP to the server)
//! ```

use std::io::Write as _;
use std::process::ExitCode;

use ::runtime::{Log, Signals, telemetry};
use tokio::runtime::Builder;

pub mod app;
pub mod backoff;
pub mod client;
pub mod clock;
pub mod config;
pub mod courier;
pub mod heartbeat;
pub mod identity;
pub mod metrics;
pub mod names;
pub mod outbox;
pub mod planner;
pub mod probe;
pub mod prober;
pub mod readiness;
pub mod responder;
pub mod schedule;
pub mod server_epoch;

/// Exit code for a setting that is wrong, as shells use it for wrong usage.
pub const EXIT_USAGE: u8 = 2;
/// Does what the arguments ask for: nothing asks to run, `--help` and `--version` print a text.
///
/// A wrong argument is one line on standard error and exit code 2.
pub fn main_from_arguments() -> ExitCode {
    match config::Command::from_env() {
        Ok(command) => match command.text() {
            Some(text) => {
                // Whoever closed standard output reads the exit code.
                let _unread = std::io::stdout().write_all(text.as_bytes());
                ExitCode::SUCCESS
            }
            None => main_from_env(),
        },
        Err(error) => fail_early(&error),
    }
}

/// Runs an agent as the environment says, until SIGTERM or SIGINT.
///
/// A wrong setting is one line on standard error and exit code 2; anything else that keeps the agent from running, 1.
pub fn main_from_env() -> ExitCode {
    let config = match config::Config::from_env() {
        Ok(config) => config,
        Err(error) => return fail_early(&error),
    };
    let log = telemetry::start(config.log_level);
    let runtime = match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&log, &error, 1),
    };
    runtime.block_on(run(config, &log))
}

async fn run(config: config::Config, log: &Log) -> ExitCode {
    let signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => return fail(log, &error, 1),
    };
    let app = match app::App::bind(config) {
        Ok(app) => app,
        Err(error @ app::AppError::Setting(_)) => return fail(log, &error, EXIT_USAGE),
        Err(error) => return fail(log, &error, 1),
    };
    match app.run(signals.received()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(log, &error, 1),
    }
}

/// Says what is wrong with the arguments or settings, while there is no log yet.
fn fail_early(error: &dyn std::fmt::Display) -> ExitCode {
    // Where standard error is closed, the code must say it alone.
    let _unheard = writeln!(std::io::stderr(), "meshvane-agent: {error}");
    ExitCode::from(EXIT_USAGE)
}

fn fail(log: &Log, error: &dyn std::fmt::Display, code: u8) -> ExitCode {
    log.say(&format!("meshvane-agent: {error}"));
    ExitCode::from(code)
}
