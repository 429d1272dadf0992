//! What something that may be a report turns out to be.

use chrono::{DateTime, Utc};
use rollcall_core::identifiers::account_id::AccountId;
use rollcall_core::judgement::analysis::ReportAnalysis;
use rollcall_core::organization::failure::FailureCode;
use rollcall_core::organization::outcome::ReportEntry;

/// What something that may be a report turns out to be.
#[derive(Debug)]
pub(super) enum Reading {
    /// A report.
    Report(Box<Report>),
    /// A report, as it seems, and it can't be read.
    Unread(Unread),
    /// Another kind of file, in a folder that was searched: its address, and why it is not a credential report.
    NotAReport(String),
    /// A report in the folder of a day that another run left there.
    OfAnotherExecution,
}

/// A report that was read.
#[derive(Debug)]
pub struct Report {
    /// The account it is of.
    pub account_id: AccountId,
    /// Its place, time and size, as a manifest has them.
    pub entry: ReportEntry,
    /// What the rules make of it.
    pub analysis: ReportAnalysis,
    /// Where it is, by its place among the sources.
    pub source: usize,
    /// When IAM made it, or else when its file was written.
    pub time: DateTime<Utc>,
}

/// A report that can't be read.
#[derive(Debug)]
pub struct Unread {
    /// The account it is of, as far as its name says.
    pub account_id: Option<AccountId>,
    /// Where it is, for a person.
    pub address: String,
    /// Why it can't be read, and what to do.
    pub message: String,
    /// The code of the failure.
    pub code: FailureCode,
}
