//! The forms of findings.

use std::path::Path;

use clap::ValueEnum;

use crate::error::CommandError;

/// A form of findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// By account, for a person.
    Table,
    /// For a spreadsheet.
    Csv,
    /// One document with the coverage, how the rules are set, and every finding.
    Json,
    /// A finding a line, exactly.
    Jsonl,
    /// The page for an auditor.
    Html,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// The AWS Security Finding Format, for BatchImportFindings of Security Hub; a folder gets a file for
    /// each call.
    Asff,
}

impl Format {
    /// The form that the name of a file asks for.
    ///
    /// # Errors
    /// When its ending is that of none.
    pub fn of_ending(path: &Path) -> Result<Self, CommandError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let endings = [
            (".sarif.json", Self::Sarif),
            (".asff.json", Self::Asff),
            (".sarif", Self::Sarif),
            (".csv", Self::Csv),
            (".jsonl", Self::Jsonl),
            (".json", Self::Json),
            (".html", Self::Html),
            (".txt", Self::Table),
        ];
        let found = endings.into_iter().find(|(ending, _)| name.ends_with(ending));
        found.map(|(_, format)| format).ok_or_else(|| {
            CommandError::new(format!(
                "--output {} does not say by its ending what to write: give --format, or one of the endings .csv, .json, .jsonl, .html, .sarif, .asff.json and .txt",
                path.display()
            ))
        })
    }

    /// Whether a file of this form may have an ending that stands for `other`. SARIF and ASFF are JSON.
    pub fn may_end_like(self, other: Self) -> bool {
        self == other || other == Self::Json && matches!(self, Self::Sarif | Self::Asff)
    }

    /// The name of its file in a folder.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Table => "findings.txt",
            Self::Csv => "findings.csv",
            Self::Json => "findings.json",
            Self::Jsonl => "findings.jsonl",
            Self::Html => "summary.html",
            Self::Sarif => "findings.sarif",
            Self::Asff => "findings.asff.json",
        }
    }
}
