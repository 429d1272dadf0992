//! How a task of a state machine fails.

/// The error's name, by which the state machine retries and catches, and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The name.
    pub error: String,
    /// The text.
    pub cause: String,
}

impl Failure {
    /// A failure.
    pub fn new(error: &str, cause: impl Into<String>) -> Self {
        Self { error: error.to_owned(), cause: cause.into() }
    }
}
