//! Errors of the command: one sentence with the value, the place and the fix.

use std::fmt;
use std::io;
use std::path::Path;

use rollcall_functions::report_store::store_error::StoreError;

/// Why the command could not do what it was asked.
#[derive(Debug)]
pub struct CommandError {
    message: String,
    is_broken_pipe: bool,
}

impl CommandError {
    /// An error of this sentence.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), is_broken_pipe: false }
    }

    /// The disk failed at `doing` something, such as `reading`, with `path`.
    pub fn of_disk(doing: &str, path: &Path, error: &io::Error) -> Self {
        Self::new(format!("{doing} {} failed: {error}", path.display()))
    }

    /// Whether the reader of the output has gone.
    pub fn is_broken_pipe(&self) -> bool {
        self.is_broken_pipe
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
            is_broken_pipe: error.kind() == io::ErrorKind::BrokenPipe,
        }
    }
}

impl From<StoreError> for CommandError {
    fn from(error: StoreError) -> Self {
        Self::new(error.to_string())
    }
}
