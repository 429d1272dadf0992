//! What reports are judged by.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::{Args, ValueHint};

use super::rule_flags::RuleFlags;
use super::values::as_of;

/// How findings are judged.
#[derive(Debug, Default, Args)]
pub struct JudgingArguments {
    /// The time that ages are counted to, such as 2026-01-31 or 2026-01-31T06:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = as_of, help_heading = "Rules")]
    pub as_of: Option<DateTime<Utc>>,
    /// The exemptions: a file like exemptions.toml in the report bucket.
    #[arg(long, value_name = "FILE", help_heading = "Rules", value_hint = ValueHint::FilePath)]
    pub exemptions: Option<PathBuf>,
    #[command(flatten)]
    pub rules: RuleFlags,
}
