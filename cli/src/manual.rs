//! Completions and manual pages, both made from the arguments.

use std::fs;
use std::io;

use clap::CommandFactory;

use crate::arguments::{Arguments, CompletionsArguments, ManArguments};
use crate::ending::Ending;
use crate::error::CommandError;

/// Prints the completions for a shell.
pub fn completions(arguments: &CompletionsArguments) -> Result<Ending, CommandError> {
    let mut completions = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "rollcall", &mut completions);
    io::Write::write_all(&mut io::stdout(), &completions)?;
    Ok(Ending::Clean)
}

/// Prints the manual page, or writes all of them.
pub fn pages(arguments: &ManArguments) -> Result<Ending, CommandError> {
    let command = Arguments::command();
    match &arguments.output {
        None => clap_mangen::Man::new(command).render(&mut io::stdout())?,
        Some(folder) => {
            fs::create_dir_all(folder)
                .and_then(|()| clap_mangen::generate_to(command, folder))
                .map_err(|error| CommandError::of_disk("writing manual pages into", folder, &error))?
        }
    }
    Ok(Ending::Clean)
}
