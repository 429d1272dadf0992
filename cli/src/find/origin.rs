//! Where something that may be a report lies.

use std::fs;
use std::path::PathBuf;

use rollcall_functions::report_store::ReportStore;

use crate::error::CommandError;

/// Something that may be a report.
#[derive(Clone, Debug)]
pub struct Source {
    /// Where it is.
    pub origin: Origin,
    /// Whether it is a report in the folder of a day.
    pub is_of_day: bool,
    /// Whether a path names it, and not merely a folder it lies in.
    pub is_named: bool,
}

/// Where a report is.
#[derive(Clone, Debug)]
pub enum Origin {
    /// A file.
    File(PathBuf),
    /// Standard input.
    StandardInput,
    /// An object in a store.
    Object(ReportStore, String),
}

impl Origin {
    /// Where it is, for a person.
    pub fn address(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::StandardInput => "standard input".to_owned(),
            Self::Object(store, key) => store.address(key),
        }
    }

    /// Reads its bytes again: each report has been read once, to be judged.
    ///
    /// # Errors
    /// When it is gone or can't be read, and for standard input.
    pub async fn read_again(&self) -> Result<Vec<u8>, CommandError> {
        let gone = || CommandError::new(format!("{} can't be read a second time", self.address()));
        match self {
            Self::File(path) => {
                fs::read(path).map_err(|error| CommandError::of_disk("reading", path, &error))
            }
            Self::StandardInput => Err(gone()),
            Self::Object(store, key) => Ok(store.read(key).await?.ok_or_else(gone)?.bytes),
        }
    }

    /// Whether it has the name of a CSV file.
    pub fn is_csv(&self) -> bool {
        self.file_name().to_ascii_lowercase().ends_with(".csv")
    }

    /// The last part of its path.
    pub fn file_name(&self) -> String {
        match self {
            Self::File(path) => path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            Self::StandardInput => String::new(),
            Self::Object(_, key) => key.rsplit('/').next().unwrap_or_default().to_owned(),
        }
    }
}
