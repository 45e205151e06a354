//! From the environment and the arguments to an exit code.

use std::io::Write as _;
use std::process::ExitCode;

use runtime::Signals;
use tokio::runtime::Builder;

use crate::app::{App, StartError};
use crate::check::check;
use crate::config::{CheckConfig, Command, Config};
use crate::telemetry;

/// The exit code of a wrong setting.
const WRONG_SETTING: u8 = 2;

/// Does what the arguments ask for: nothing asks to serve, `check` to ask a server whether all agents report.
///
/// A wrong argument or setting gives one line on standard error and exit code 2; any other failure gives one line and exit
/// code 1.
pub fn main_from_arguments() -> ExitCode {
    match Command::from_env() {
        Ok(Command::Serve) => main_from_env(),
        Ok(Command::Check(config)) => ask(&config),
        Err(error) => fail(&error, ExitCode::from(WRONG_SETTING)),
    }
}

/// Checks, and says what came of it in one line.
fn ask(config: &CheckConfig) -> ExitCode {
    let runtime = match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error, ExitCode::FAILURE),
    };
    match runtime.block_on(check(config)) {
        Ok(sentence) => {
            // Whoever closed standard output reads the exit code.
            let _ = writeln!(std::io::stdout(), "{sentence}");
            ExitCode::SUCCESS
        }
        Err(problem) => fail(&problem, ExitCode::FAILURE),
    }
}

/// Runs the server with the settings of the environment until SIGTERM or SIGINT.
///
/// A wrong setting gives one line on standard error and exit code 2; any other failure gives one line and exit code 1.
pub fn main_from_env() -> ExitCode {
    let config = match Config::from_env() {
        Ok(config) => config,
        Err(error) => return fail(&error, ExitCode::from(WRONG_SETTING)),
    };
    telemetry::start(config.log_level);
    // One thread: the server waits most of the time, and each worker thread costs memory that the user pays for.
    let runtime = match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error, ExitCode::FAILURE),
    };
    runtime.block_on(run(config))
}

async fn run(config: Config) -> ExitCode {
    // Before anything else, so that no signal is lost while the program starts.
    let signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => return fail(&error, ExitCode::FAILURE),
    };
    let app = match App::bind(config).await {
        Ok(app) => app,
        Err(StartError::Setting(error)) => return fail(&error, ExitCode::from(WRONG_SETTING)),
        Err(error @ StartError::Listen { .. }) => return fail(&error, ExitCode::FAILURE),
    };
    match app.run(signals.received()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error, ExitCode::FAILURE),
    }
}

/// Says why, in one line.
fn fail(problem: &dyn std::fmt::Display, code: ExitCode) -> ExitCode {
    // When even standard error is closed, the exit code is all that is left to say.
    let _ = writeln!(std::io::stderr(), "meshvane-server: {problem}");
    code
}
