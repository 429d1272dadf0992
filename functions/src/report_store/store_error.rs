//! How a store fails: S3 refused or did not answer, or the disk failed.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::aws::api_error::{ApiError, ApiErrorKind, Denial};

/// Why a store could not be read or written.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// S3 refused, or did not answer.
    #[error("{error}{}", whose(error, expected_owner))]
    Bucket {
        /// The call that failed.
        #[source]
        error: ApiError,
        /// The account that the bucket has to belong to, if one was named. S3 refuses a bucket of another
        /// account in the words of every other refusal.
        expected_owner: Option<Box<str>>,
    },
    /// The disk failed.
    #[error(transparent)]
    Disk(#[from] DiskError),
}

/// Something that could not be done with a path.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{doing} {} failed: {source}", path.display())]
pub struct DiskError {
    doing: &'static str,
    path: PathBuf,
    source: Arc<io::Error>,
}

impl StoreError {
    /// Whether it passes by itself, and the same may work in a moment.
    pub fn is_passing(&self) -> bool {
        self.api().is_some_and(ApiError::is_passing)
    }

    /// The call that failed, where the store is a bucket.
    pub fn api(&self) -> Option<&ApiError> {
        match self {
            Self::Bucket { error, .. } => Some(error),
            Self::Disk(_) => None,
        }
    }
}

fn whose(error: &ApiError, expected_owner: &Option<Box<str>>) -> String {
    match (error.kind, expected_owner) {
        (ApiErrorKind::Denied(Denial::NotAllowed | Denial::OfService), Some(owner)) => format!(
            " (the policies of this role, of the bucket and of its key have to allow it, and the bucket has to be one of account {owner})"
        ),
        _ => String::new(),
    }
}

impl DiskError {
    /// The disk failed at `doing` something, such as `writing`, with `path`.
    pub fn new(doing: &'static str, path: &Path, error: impl Into<io::Error>) -> Self {
        Self { doing, path: path.to_owned(), source: Arc::new(error.into()) }
    }
}
