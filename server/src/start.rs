//! From the environment and the arguments to an exit code.

use std::io::Write as _;
use std::process::ExitCode;

use runtime::{Log, Signals, telemetry};
use tokio::runtime::Builder;

use crate::app::{App, StartError};
use crate::check::check;
use crate::config::{CheckConfig, Command, Config, help, version};

/// The exit code of a wrong setting.
const WRONG_SETTING: u8 = 2;

/// Does what the arguments ask for: nothing asks to serve, `check` to ask a server whether all agents report;
/// `--help` and `--version` print a text.
///
/// A wrong argument or setting gives one line on standard error and exit code 2; any other failure gives one line and exit
/// code 1.
pub fn main_from_arguments() -> ExitCode {
    match Command::from_env() {
        Ok(Command::Serve) => main_from_env(),
        Ok(Command::Check(config)) => ask(&config),
        Ok(Command::Help) => tell(&help()),
        Ok(Command::Version) => tell(&version()),
        Err(error) => fail(&error, ExitCode::from(WRONG_SETTING)),
    }
}

/// Prints a text.
fn tell(text: &str) -> ExitCode {
    // Whoever closed standard output reads the exit code.
    let _ = std::io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
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
    serve(config)
}

/// Runs the server with these settings until SIGTERM or SIGINT.
///
/// A setting that cannot be followed gives one line on standard error and exit code 2; any other failure gives one line and
/// exit code 1.
pub fn serve(config: Config) -> ExitCode {
    let log = telemetry::start(config.log_level);
    // One thread: the server waits most of the time, and each worker thread costs memory that the user pays for.
    let runtime = match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail_in(&log, &error, ExitCode::FAILURE),
    };
    let code = runtime.block_on(run(config, &log));
    // A count for the metrics that is still under way is not waited for.
    runtime.shutdown_background();
    code
}

async fn run(config: Config, log: &Log) -> ExitCode {
    // Before anything else, so that no signal is lost while the program starts.
    let signals = match Signals::listen() {
        Ok(signals) => signals,
        Err(error) => return fail_in(log, &error, ExitCode::FAILURE),
    };
    let app = match App::bind(config).await {
        Ok(app) => app,
        Err(StartError::Setting(error)) => return fail_in(log, &error, ExitCode::from(WRONG_SETTING)),
        Err(error @ StartError::Listen { .. }) => return fail_in(log, &error, ExitCode::FAILURE),
    };
    match app.run(signals.received()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail_in(log, &error, ExitCode::FAILURE),
    }
}

/// Says why, in one line, after all that was logged before.
fn fail_in(log: &Log, problem: &dyn std::fmt::Display, code: ExitCode) -> ExitCode {
    log.say(&format!("meshvane-server: {problem}"));
    code
}

/// Says why, in one line, where there is no log yet.
fn fail(problem: &dyn std::fmt::Display, code: ExitCode) -> ExitCode {
    // When even standard error is closed, the exit code is all that is left to say.
    let _ = writeln!(std::io::stderr(), "meshvane-server: {problem}");
    code
}
