//! `rollcall`, the command: the nightly run without deploying anything, and the analysis of reports
//! that somebody has.
//!
//! It exits as grep and its kind do: 0 when nothing is flagged, 1 when something is, 2 when there was an
//! error, which every report that could not be read is.

mod analyze;
mod arguments;
mod aws_connection;
mod diff;
mod doctor;
mod ending;
mod error;
mod manual;
mod output;
mod place;
mod reports;
mod rules;
mod run;
mod table;
mod terminal;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};
use ending::Ending;
use error::CommandError;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    terminal::choose_color(arguments.color);
    match run(arguments.command) {
        Ok(ending) => ending.exit_code(),
        // Whoever reads has seen enough: `rollcall ... | head`.
        Err(error) if error.is_broken_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            terminal::error(&error);
            Ending::Error.exit_code()
        }
    }
}

/// Runs what talks to AWS or to stores, on this thread.
fn asynchronous<T>(work: impl Future<Output = Result<T, CommandError>>) -> Result<T, CommandError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CommandError::new(format!("the system gives no event queue: {error}")))?;
    runtime.block_on(work)
}

fn run(command: Command) -> Result<Ending, CommandError> {
    match command {
        Command::Analyze(arguments) => analyze::run(&arguments),
        Command::Run(arguments) => run::run(&arguments),
        Command::Diff(arguments) => diff::run(&arguments),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Rules(arguments) => rules::list(&arguments),
        Command::Explain(arguments) => rules::explain(&arguments),
        Command::Completions(arguments) => manual::completions(&arguments),
        Command::Man(arguments) => manual::pages(&arguments),
    }
}
