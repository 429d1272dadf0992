//! `rollcall`, the command: the nightly run without deploying anything, and the analysis of reports from
//! anywhere.
//!
//! A path that a person gives goes one way: [`find`] says what lies under it, [`read`] reads the reports,
//! [`judge`] calls the roll and settles the findings, and [`write`](mod@write) writes them.
//!
//! The command exits as grep and its kind do: 0 when nothing is flagged, 1 when something is, 2 when there
//! was an error, which every report that could not be read is.

mod arguments;
mod asynchronous;
mod aws_connection;
mod check;
mod commands;
mod difference;
mod error;
mod exit_status;
mod find;
mod judge;
mod read;
mod report_store;
mod terminal;
mod write;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use arguments::{Arguments, Command};
use commands::{analyze, diff, doctor, manual, rules, run, verify};
use error::CommandError;
use exit_status::ExitStatus;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    arguments.color.write_global();
    match execute(arguments.command) {
        Ok(status) => status.exit_code(),
        // The reader has seen enough: `rollcall ... | head`.
        Err(error) if error.is_broken_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            terminal::error(&error);
            match error.signal() {
                // As a shell reports it: 130 after Ctrl-C.
                Some(number) => ExitCode::from(128 + number),
                None => ExitStatus::Error.exit_code(),
            }
        }
    }
}

fn execute(command: Command) -> Result<ExitStatus, CommandError> {
    match command {
        Command::Analyze(arguments) => analyze::run(&arguments),
        Command::Run(arguments) => run::run(&arguments),
        Command::Diff(arguments) => diff::run(&arguments),
        Command::Verify(arguments) => verify::run(&arguments),
        Command::Doctor(arguments) => doctor::run(&arguments),
        Command::Rules(arguments) => rules::list(&arguments),
        Command::Explain(arguments) => rules::explain(&arguments),
        Command::Completions(arguments) => manual::completions(&arguments, Arguments::command()),
        Command::Man(arguments) => manual::pages(&arguments, Arguments::command()),
    }
}
