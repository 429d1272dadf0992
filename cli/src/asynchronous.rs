//! Running what talks to AWS or to stores.

use crate::error::CommandError;

/// Runs `work` to its end, on this thread.
pub fn asynchronous<T>(work: impl Future<Output = Result<T, CommandError>>) -> Result<T, CommandError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| CommandError::new(format!("the system gives no event queue: {error}")))?;
    runtime.block_on(work)
}
