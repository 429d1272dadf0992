//! `rollcall`, the command.

use clap::Parser;

/// Calls the roll of every IAM credential in an AWS organization.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Arguments {}

fn main() {
    Arguments::parse();
}
