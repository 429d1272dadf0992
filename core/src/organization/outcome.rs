//! What became of an account of the roll.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::account::AccountState;
use super::failure::{FailureCode, FailureRecord};
use super::roll::{Account, SkipReason};
use crate::identifiers::account_id::AccountId;
use crate::report::BadRow;

/// How an account ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Its report lies in the bucket and can be read.
    Collected,
    /// It failed, and `code` says of what.
    Failed,
    /// It was left out on purpose, and `reason` says why.
    Skipped,
    /// Nothing was written about it.
    NoOutcome,
}

/// One account of the manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub code: Option<FailureCode>,
    /// What exactly happened when it failed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub message: Option<String>,
    /// Why it was skipped.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<SkipReason>,
    /// Its report, if one was stored: also one that can't be read.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub report: Option<ReportEntry>,
}

/// The report of an account, as it lies in the bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportEntry {
    /// Its key in the report bucket.
    pub key: String,
    /// When IAM generated it: up to four hours before it was collected.
    pub generated: DateTime<Utc>,
    /// When it was collected.
    pub collected: DateTime<Utc>,
    /// How old it was when it was collected, in seconds.
    pub age_seconds: i64,
    /// The SHA-256 of its bytes, in hexadecimal, computed from what lies in the bucket.
    pub sha256: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// How many rows it has, the header not counted.
    pub rows: u64,
    /// How many of them can't be read.
    pub bad_rows: u64,
    /// Where the first of those are and what is wrong with them.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub first_bad_rows: Vec<BadRow>,
}

/// What a run left about one account that has a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredReport {
    /// The report.
    pub entry: ReportEntry,
    /// What is wrong with it, when it does not count as collected.
    pub fault: Option<(FailureCode, String)>,
}

/// Everything this execution left under the day's prefix, by account. What other executions left
/// there has been told apart before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// The stored reports.
    pub reports: BTreeMap<AccountId, StoredReport>,
    /// The recorded failures.
    pub failures: BTreeMap<AccountId, FailureRecord>,
    /// How many reports and failures another execution wrote.
    pub of_other_executions: u64,
}

impl AccountOutcome {
    /// Whether it should have a report of this run and has none.
    pub fn is_missing(&self) -> bool {
        matches!(self.outcome, Outcome::Failed | Outcome::NoOutcome)
    }

    /// Its report, when that counts as collected and has rows that can't be read.
    pub fn report_with_bad_rows(&self) -> Option<&ReportEntry> {
        let report = self.report.as_ref()?;
        (self.outcome == Outcome::Collected && report.bad_rows > 0).then_some(report)
    }

    pub(crate) fn of(account: Account, evidence: &mut Evidence) -> Self {
        let Account { account_id, name, state, path, skip, .. } = account;
        let report = evidence.reports.remove(&account_id);
        let failure = evidence.failures.remove(&account_id);
        let mut outcome = Self {
            account_id,
            name,
            path,
            state,
            outcome: Outcome::NoOutcome,
            code: Some(FailureCode::NoOutcome),
            message: Some("the run ended with neither a report nor a failure of this account".to_owned()),
            reason: None,
            report: None,
        };
        let (ending, code, message) = match (skip, report, failure) {
            (Some(reason), _, _) => {
                outcome.reason = Some(reason);
                (Outcome::Skipped, None, None)
            }
            (None, Some(StoredReport { entry, fault: None }), _) => {
                outcome.report = Some(entry);
                (Outcome::Collected, None, None)
            }
            (None, Some(StoredReport { entry, fault: Some((code, message)) }), _) => {
                outcome.report = Some(entry);
                (Outcome::Failed, Some(code), Some(message))
            }
            (None, None, Some(failure)) => (Outcome::Failed, Some(failure.code), Some(failure.message)),
            (None, None, None) => return outcome,
        };
        Self { outcome: ending, code, message, ..outcome }
    }
}
