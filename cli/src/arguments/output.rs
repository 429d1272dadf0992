//! Which form findings are written in, and where to.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::format::Format;

/// How findings are written.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArguments {
    /// How to write the findings; by default as the ending of --output says, or else a table. Several are
    /// separated by commas, and go to a folder.
    #[arg(long, value_name = "FORMAT", value_delimiter = ',')]
    pub format: Vec<Format>,
    /// Where to write them: a file, or a folder (with a / at its end, unless it is there). The summary is
    /// still printed.
    #[arg(long, short, value_name = "FILE|DIR", value_hint = ValueHint::AnyPath)]
    pub output: Option<PathBuf>,
    /// Leave the findings out of the table: totals and coverage only.
    #[arg(long)]
    pub summary: bool,
    /// Print nothing but errors, and what --format asks for.
    #[arg(long, short)]
    pub quiet: bool,
}
