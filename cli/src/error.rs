//! Errors of the command: one sentence with the value, the place and the fix.

use std::fmt;
use std::io;
use std::path::Path;

use rollcall_functions::report_store::store_error::StoreError;

/// Why the command could not do what it was asked.
#[derive(Debug)]
pub struct CommandError {
    message: String,
    ending: Ending,
}

/// What the error does to the exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Usual,
    /// The reader of the output has gone.
    BrokenPipe,
    /// A signal of this number ended the command.
    Signal(u8),
}

impl CommandError {
    /// An error of this sentence.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), ending: Ending::Usual }
    }

    /// The disk failed at `doing` something, such as `reading`, with `path`.
    pub fn of_disk(doing: &str, path: &Path, error: &io::Error) -> Self {
        Self::new(format!("{doing} {} failed: {error}", path.display()))
    }

    /// Whether the reader of the output has gone.
    pub fn is_broken_pipe(&self) -> bool {
        self.ending == Ending::BrokenPipe
    }

    /// The same error of a command that a signal of this number ended.
    pub fn of_signal(self, number: u8) -> Self {
        Self { ending: Ending::Signal(number), ..self }
    }

    /// The number of the signal that ended the command, if one did.
    pub fn signal(&self) -> Option<u8> {
        match self.ending {
            Ending::Signal(number) => Some(number),
            Ending::Usual | Ending::BrokenPipe => None,
        }
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

/// Standard output could not be written.
impl From<io::Error> for CommandError {
    fn from(error: io::Error) -> Self {
        Self {
            message: format!("writing the output failed: {error}"),
            ending: match error.kind() {
                io::ErrorKind::BrokenPipe => Ending::BrokenPipe,
                _ => Ending::Usual,
            },
        }
    }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        Self::new(error.to_string())
    }
}
