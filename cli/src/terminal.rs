//! The terminal: what is printed on it, in colour where that is wanted, and how wide it is.

pub mod escaping;
pub mod style;

use std::fmt::Display;
use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};

use anstream::AutoStream;
use anstyle::Style;

use crate::error::CommandError;
use escaping::{safe, wrapped};
use style::{ERROR, NOTE};

/// Columns make no sense in fewer columns than this.
const LEAST_WIDTH: usize = 60;

/// The width of the terminal that standard output goes to; `None` for a file or a pipe, where lines are not
/// cut.
pub fn width() -> Option<usize> {
    if !io::stdout().is_terminal() {
        return None;
    }
    let (terminal_size::Width(width), _) = terminal_size::terminal_size()?;
    Some(usize::from(width).max(LEAST_WIDTH))
}

/// Gives `write` standard output, with colour if it is to have some. When its reader has seen enough, as in
/// `rollcall ... | head`, that is not an error: it changes neither what was found nor the exit status.
///
/// # Errors
/// Every other error of standard output.
pub fn print(
    write: impl FnOnce(&mut BufWriter<AutoStream<StdoutLock<'static>>>) -> io::Result<()>,
) -> Result<(), CommandError> {
    let mut output = BufWriter::new(AutoStream::auto(io::stdout().lock()));
    match write(&mut output).and_then(|()| output.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// Prints an error on standard error.
pub fn error(message: &impl Display) {
    print_message(ERROR, "error", message);
}

/// Prints something worth knowing on standard error.
pub fn note(message: &impl Display) {
    print_message(NOTE, "note", message);
}

fn print_message(style: Style, word: &str, message: &impl Display) {
    let message = message.to_string();
    let message = safe(&message);
    let text = match terminal_size::terminal_size_of(io::stderr()) {
        // The word stands before the first line, and wrapping has to know of it.
        Some((terminal_size::Width(width), _)) => {
            let width = usize::from(width).max(LEAST_WIDTH);
            let lines = wrapped(&format!("{word}: {message}"), width).join("\n");
            lines[word.len()..].to_owned()
        }
        None => format!(": {message}"),
    };
    // When standard error is gone, there is nowhere left to report it.
    let _ = writeln!(anstream::stderr(), "{style}{word}{style:#}{text}");
}
