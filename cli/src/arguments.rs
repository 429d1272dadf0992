//! What a person may type: a file for each command, and one for each group of flags that several have.

pub mod analyze;
pub mod aws;
pub mod diff;
pub mod doctor;
pub mod exit_status;
pub mod format;
pub mod judging;
pub mod manual;
pub mod output;
pub mod rule_flags;
pub mod rules;
pub mod run;
mod values;
pub mod verify;

use clap::{Parser, Subcommand};
use colorchoice_clap::Color;

use analyze::AnalyzeArguments;
use diff::DiffArguments;
use doctor::DoctorArguments;
use manual::{CompletionsArguments, ManArguments};
use rules::{ExplainArguments, RulesArguments};
use run::RunArguments;
use verify::VerifyArguments;

/// Calls the roll of every IAM credential in an AWS organization.
///
/// Collects the IAM credential report of every account, flags stale keys and other risks, and proves
/// that no account is missing. Deployed, it does so every night; this command does the same by hand, and
/// analyzes reports that you already have.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true, disable_help_subcommand = true, max_term_width = 100, after_help = AFTER_HELP)]
#[command(mut_arg("color", |color| color.help(COLOR_HELP).help_heading("Output")))]
pub struct Arguments {
    #[command(flatten)]
    pub color: Color,
    #[command(subcommand)]
    pub command: Command,
}

const COLOR_HELP: &str = "When output has colour; auto is on a terminal, unless NO_COLOR is set";

const AFTER_HELP: &str = "\
Exit status:
  0  everything was looked at, and nothing is flagged
  1  something is flagged
  2  an error, or something could not be looked at
  130  a run was stopped with Ctrl-C

Examples:
  rollcall analyze reports/                  what is wrong in a folder of credential reports
  rollcall run --this-account                the report of the account you are in, judged
  rollcall explain access-key-stale          why it is a rule, and what to do about it";

#[derive(Debug, Subcommand)]
pub enum Command {
    Analyze(AnalyzeArguments),
    Run(Box<RunArguments>),
    Diff(Box<DiffArguments>),
    Verify(VerifyArguments),
    Doctor(DoctorArguments),
    Rules(RulesArguments),
    Explain(ExplainArguments),
    Completions(CompletionsArguments),
    Man(ManArguments),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_do_not_contradict_each_other() {
        Arguments::command().debug_assert();
    }
}
