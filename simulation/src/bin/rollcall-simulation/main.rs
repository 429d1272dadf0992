//! `rollcall-simulation faults` simulates the nights of many seeds and fails if one violates an invariant;
//! `rollcall-simulation scale` measures nights of many sizes. `make soak` runs both.

mod faults;
mod scale;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Nights of Rollcall over a simulated AWS")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Nights with faults, each by its seed.
    Faults(faults::Arguments),
    /// Nights without faults, of more and more accounts.
    Scale(scale::Arguments),
    /// One night of `scale`, in this process: its row of the table.
    #[command(hide = true)]
    ScaleOnce(scale::Size),
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Faults(arguments) => faults::run(&arguments),
        Command::Scale(arguments) => scale::run(&arguments),
        Command::ScaleOnce(size) => scale::once(&size),
    }
}
