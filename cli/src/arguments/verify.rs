//! `rollcall verify`.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use super::aws::AwsArguments;

/// Checks that the day of a run holds together, from what lies there and nothing else
///
/// The roll in accounts.json and the accounts of run.json are the same, each once. Everything that run.json
/// names lies there with its SHA-256, and nothing else does. Its numbers are what they count. The findings are
/// what the reports give under the settings and exemptions of that day. One line a check, and what to do about
/// each that does not hold.
///
/// Exits with 0 only when every check holds, and with 2 otherwise.
#[derive(Debug, Args)]
#[command(after_long_help = VERIFY_PERMISSIONS)]
pub struct VerifyArguments {
    /// The folder of a day, or s3://BUCKET/DATE/.
    #[arg(value_hint = ValueHint::AnyPath)]
    pub day: PathBuf,
    /// How to write the checks.
    #[arg(long, value_name = "FORMAT", default_value = "table", help_heading = "Output")]
    pub format: VerifyFormat,
    /// The exemptions that the day was judged by, when they lie neither in the day nor beside it.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Rules")]
    pub exemptions: Option<PathBuf>,
    #[command(flatten)]
    pub aws: AwsArguments,
}

/// A form of checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum VerifyFormat {
    /// A line a check, for a person.
    Table,
    /// One document.
    Json,
}

const VERIFY_PERMISSIONS: &str = "\
Permissions of your credentials, for a day in a bucket:
  s3:ListBucket, s3:GetObject, and kms:Decrypt on the bucket's key
They are those of the auditor's policy.";
