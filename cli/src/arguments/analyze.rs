//! `rollcall analyze`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::aws::AwsArguments;
use super::exit_status::ExitStatusArguments;
use super::judging::JudgingArguments;
use super::output::OutputArguments;

/// Flags risks in credential reports that you have, offline
///
/// Reads reports as IAM writes them. The account of a report is that of its ARNs; the name of its file
/// counts only when no row can be read.
///
/// The folder of a day, as a run wrote it, is more than its reports: it has the roll, so accounts without
/// a report are named. Unless flags say otherwise, its ages are counted to the day of the run, and its
/// rules are set as they were.
#[derive(Debug, Args)]
pub struct AnalyzeArguments {
    /// Files, folders, - for standard input, or s3://BUCKET/DATE/.
    #[arg(required = true, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub paths: Vec<PathBuf>,
    #[command(flatten)]
    pub output: OutputArguments,
    #[command(flatten)]
    pub judging: JudgingArguments,
    #[command(flatten)]
    pub exit_status: ExitStatusArguments,
    #[command(flatten)]
    pub aws: AwsArguments,
}
