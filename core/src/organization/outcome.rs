//! What became of an account of the roll.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::identifiers::account_id::AccountId;
use crate::organization::account::AccountState;
use crate::organization::failure::FailureCode;
use crate::organization::roll::SkipReason;
use crate::report::BadRow;

/// What is said of an account that left nothing.
const NOTHING_LEFT: &str = "the run ended with neither a report nor a failure of this account";

/// How an account ended, with what belongs to that ending.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Its report lies in the bucket and can be read.
    Collected {
        /// The report.
        report: ReportEntry,
    },
    /// It failed.
    Failed {
        /// Why.
        code: FailureCode,
        /// What exactly happened.
        message: String,
        /// The stored report, when that is what is wrong.
        report: Option<ReportEntry>,
    },
    /// It was left out on purpose.
    Skipped {
        /// Why.
        reason: SkipReason,
    },
    /// Nothing was written about it.
    NoOutcome,
}

/// How an account ended, without what belongs to the ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum OutcomeKind {
    /// Its report lies in the bucket and can be read.
    Collected,
    /// It failed, and `code` says why.
    Failed,
    /// It was left out on purpose, and `reason` says why.
    Skipped,
    /// Nothing was written about it.
    NoOutcome,
}

/// One account of the manifest. [`super::account_entry`] writes and reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountOutcome {
    /// Its id.
    pub account_id: AccountId,
    /// Its name; empty when only the id is known. Untrusted text.
    pub name: String,
    /// The organizational units above it. Untrusted text.
    pub path: String,
    /// Where it was in its life when the roll was taken.
    pub state: AccountState,
    /// How it ended.
    pub outcome: Outcome,
    /// When IAM made the last report that an earlier run collected of it; `None` when no such run is
    /// known.
    pub last_collected: Option<DateTime<Utc>>,
}

/// The report of an account, as it lies in the bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ReportEntry {
    /// Its key in the report bucket.
    pub key: String,
    /// When IAM generated it: up to four hours before it was collected. It is there for every stored
    /// report; a file may not say it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub generated: Option<DateTime<Utc>>,
    /// When it was collected. It is there for every stored report; a file may not say it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub collected: Option<DateTime<Utc>>,
    /// How old it was when it was collected, in seconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub age_seconds: Option<i64>,
    /// When its file was written, where nothing says when IAM generated it. Only the command is given such
    /// files.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub file_modified: Option<DateTime<Utc>>,
    /// The SHA-256 of its bytes, in hexadecimal, computed from what lies in the bucket.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^[0-9a-f]{64}$")))]
    pub sha256: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// The id of the version that was read, in a bucket that keeps versions.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub version_id: Option<String>,
    /// How many rows it has, the header not counted.
    pub rows: u64,
    /// How many of them can't be read.
    pub bad_rows: u64,
    /// Where the first of those are and what is wrong with them.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    #[cfg_attr(feature = "schema", schemars(length(max = 20)))]
    pub first_bad_rows: Vec<BadRow>,
}

impl Outcome {
    /// Which of the four it is.
    pub fn kind(&self) -> OutcomeKind {
        match self {
            Self::Collected { .. } => OutcomeKind::Collected,
            Self::Failed { .. } => OutcomeKind::Failed,
            Self::Skipped { .. } => OutcomeKind::Skipped,
            Self::NoOutcome => OutcomeKind::NoOutcome,
        }
    }

    /// Why there is no report that counts, and what exactly happened; `None` when there is one, or
    /// when none was wanted.
    pub fn failure(&self) -> Option<(FailureCode, &str)> {
        match self {
            Self::Failed { code, message, .. } => Some((*code, message)),
            Self::NoOutcome => Some((FailureCode::NoOutcome, NOTHING_LEFT)),
            Self::Collected { .. } | Self::Skipped { .. } => None,
        }
    }

    /// The stored report, also one that can't be read.
    pub fn report(&self) -> Option<&ReportEntry> {
        match self {
            Self::Collected { report } => Some(report),
            Self::Failed { report, .. } => report.as_ref(),
            Self::Skipped { .. } | Self::NoOutcome => None,
        }
    }

    /// Why the account was skipped, when it was.
    pub fn skip_reason(&self) -> Option<SkipReason> {
        match self {
            Self::Skipped { reason } => Some(*reason),
            Self::Collected { .. } | Self::Failed { .. } | Self::NoOutcome => None,
        }
    }
}

impl AccountOutcome {
    /// Whether it counts as collected.
    pub fn is_collected(&self) -> bool {
        matches!(self.outcome, Outcome::Collected { .. })
    }

    /// Whether it should have a report of this run and has none that counts.
    pub fn is_missing(&self) -> bool {
        self.outcome.failure().is_some()
    }

    /// Its report, when that counts as collected and has rows that can't be read.
    pub fn report_with_bad_rows(&self) -> Option<&ReportEntry> {
        match &self.outcome {
            Outcome::Collected { report } if report.bad_rows > 0 => Some(report),
            _ => None,
        }
    }
}
