//! `rollcall completions` and `rollcall man`.

use std::path::PathBuf;

use clap::Args;

/// Prints what a shell needs to complete this command
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  rollcall completions bash > ~/.local/share/bash-completion/completions/rollcall
  rollcall completions zsh > ~/.zfunc/_rollcall        (a folder of fpath)
  rollcall completions fish > ~/.config/fish/completions/rollcall.fish")]
pub struct CompletionsArguments {
    /// The shell.
    pub shell: clap_complete::Shell,
}

/// Prints the manual page, or writes that of every command into a folder
#[derive(Debug, Args)]
pub struct ManArguments {
    /// The folder, such as ~/.local/share/man/man1.
    #[arg(long, short, value_name = "DIR")]
    pub output: Option<PathBuf>,
}
