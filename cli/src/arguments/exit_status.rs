//! When a command that finds something exits with 1.

use clap::Args;
use rollcall_core::judgement::rules::Severity;

use super::values::severity;

/// What makes the command exit with 1.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Exit status")]
pub struct ExitStatusArguments {
    /// Exit with 1 only for findings of this severity or worse.
    #[arg(long, value_name = "SEVERITY", default_value = "low", value_parser = severity())]
    pub fail_on: Severity,
    /// Exit with 0 also when something is flagged. Errors still exit with 2.
    #[arg(long)]
    pub exit_zero: bool,
}
