//! `rollcall diff`.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::{Args, ValueEnum, ValueHint};
use rollcall_core::judgement::rules::Severity;

use super::aws::AwsArguments;
use super::judging::JudgingArguments;
use super::values::{as_of, severity};

/// Tells what changed between two days
///
/// New, resolved and changed findings, and credentials that appeared, were switched on or off, or lost
/// MFA, also where no rule is broken. Both sides are judged by the same rules. What one side does not say
/// is no change: it is counted.
///
/// Exits with 1 when there is any difference.
#[derive(Debug, Args)]
pub struct DiffArguments {
    /// The earlier day: the folder of a day, a folder of reports, a report, or s3://BUCKET/DATE/.
    #[arg(value_hint = ValueHint::AnyPath)]
    pub old: PathBuf,
    /// The later one.
    #[arg(value_hint = ValueHint::AnyPath)]
    pub new: PathBuf,
    /// How to write the changes.
    #[arg(long, value_name = "FORMAT", default_value = "table", help_heading = "Output")]
    pub format: DiffFormat,
    /// The time that ages of OLD are counted to; by default the day of its run, or now.
    #[arg(long, value_name = "TIME", value_parser = as_of, help_heading = "Rules")]
    pub old_as_of: Option<DateTime<Utc>>,
    #[command(flatten)]
    pub judging: JudgingArguments,
    /// Exit with 1 only for new findings of this severity or worse, and not for every difference.
    #[arg(long, value_name = "SEVERITY", value_parser = severity(), help_heading = "Exit status")]
    pub fail_on: Option<Severity>,
    /// Exit with 0 also when there is a difference. Errors still exit with 2.
    #[arg(long, help_heading = "Exit status")]
    pub exit_zero: bool,
    #[command(flatten)]
    pub aws: AwsArguments,
}

/// A form of changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DiffFormat {
    /// By account, for a person.
    Table,
    /// One document.
    Json,
}
