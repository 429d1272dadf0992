//! Everything that changed between two days.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, Utc};
use rollcall_core::identifiers::account_id::AccountId;
use rollcall_core::judgement::credential_changes::CredentialChange;
use serde::Serialize;

use super::findings::FindingChanges;
use crate::judge::Judged;

/// What changed.
#[derive(Debug, Serialize)]
pub(super) struct Changes {
    /// The earlier day.
    pub old: Side,
    /// The later one.
    pub new: Side,
    /// Findings.
    pub findings: FindingChanges,
    /// Credentials, by account.
    pub credentials: Vec<CredentialChange>,
    /// How many credentials can't be compared, by what one side or the other lacks.
    pub not_comparable: BTreeMap<&'static str, u64>,
    /// Accounts with a report on the earlier day only: it is not known what became of their findings.
    pub accounts_without_new_report: Vec<AccountId>,
    /// Accounts with a report on the later day only. All their findings are new.
    pub accounts_without_old_report: Vec<AccountId>,
    /// The names of accounts.
    #[serde(skip)]
    pub names: BTreeMap<AccountId, String>,
}

/// One of the two days.
#[derive(Debug, Serialize)]
pub(super) struct Side {
    /// Where it is.
    pub place: String,
    /// The time that its ages are counted to.
    pub as_of: DateTime<Utc>,
    /// How many accounts have a report.
    pub reports: u64,
}

impl Side {
    /// The side that `path` names.
    pub(super) fn of(path: &Path, side: &Judged) -> Self {
        Self {
            place: path.display().to_string(),
            as_of: side.manifest.as_of,
            reports: side.manifest.coverage.collected,
        }
    }
}

impl Changes {
    /// Whether nothing at all is different.
    pub(super) fn is_empty(&self) -> bool {
        self.findings.is_empty()
            && self.credentials.is_empty()
            && self.accounts_without_new_report.is_empty()
            && self.accounts_without_old_report.is_empty()
    }
}
