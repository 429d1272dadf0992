//! Completions and manual pages, both made from the arguments.

use std::fs;
use std::io;

use clap::Command;

use crate::arguments::manual::{CompletionsArguments, ManArguments};
use crate::error::CommandError;
use crate::exit_status::ExitStatus;

/// Prints the completions for a shell.
pub fn completions(
    arguments: &CompletionsArguments,
    mut command: Command,
) -> Result<ExitStatus, CommandError> {
    let mut completions = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "rollcall", &mut completions);
    io::Write::write_all(&mut io::stdout(), &completions)?;
    Ok(ExitStatus::Clean)
}

/// Prints the manual page, or writes all of them.
pub fn pages(arguments: &ManArguments, command: Command) -> Result<ExitStatus, CommandError> {
    match &arguments.output {
        None => clap_mangen::Man::new(command).render(&mut io::stdout())?,
        Some(folder) => {
            fs::create_dir_all(folder)
                .and_then(|()| clap_mangen::generate_to(command, folder))
                .map_err(|error| CommandError::of_disk("writing manual pages into", folder, &error))?
        }
    }
    Ok(ExitStatus::Clean)
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, ValueEnum};

    use super::*;
    use crate::arguments::Arguments;

    #[test]
    fn every_shell_completes_every_command() {
        for shell in clap_complete::Shell::value_variants() {
            let mut completions = Vec::new();
            clap_complete::generate(*shell, &mut Arguments::command(), "rollcall", &mut completions);
            let completions = String::from_utf8(completions).unwrap();
            for command in Arguments::command().get_subcommands() {
                assert!(completions.contains(command.get_name()), "{shell} {}", command.get_name());
            }
        }
    }

    #[test]
    fn every_command_has_a_manual_page() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("man1");
        pages(&ManArguments { output: Some(output.clone()) }, Arguments::command()).unwrap();
        for command in Arguments::command().get_subcommands() {
            let page = fs::read_to_string(output.join(format!("rollcall-{}.1", command.get_name()))).unwrap();
            assert!(page.contains(".SH NAME"), "{page}");
        }
        assert!(output.join("rollcall.1").exists());
    }
}
