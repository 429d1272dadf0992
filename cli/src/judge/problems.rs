//! What could not be looked at, in sentences for a person.

use std::collections::HashMap;

use rollcall_core::evidence::manifest::Manifest;
use rollcall_core::identifiers::account_id::AccountId;

use crate::find::{Found, Origin};
use crate::read::Unread;

/// Everything that keeps a judgement from being complete: reports that can't be read, then those with
/// damaged rows, then what reading left open, then the accounts without a report.
pub(super) fn of(
    found: &Found,
    unread: &[Unread],
    left_open: Vec<String>,
    manifest: &Manifest,
    origins: &HashMap<AccountId, Origin>,
) -> Vec<String> {
    let mut problems: Vec<String> =
        unread.iter().map(|unread| format!("{}: {}", unread.address, unread.message)).collect();
    problems.extend(bad_rows(manifest, origins));
    problems.extend(left_open);
    let missing = manifest.coverage.missing();
    // Those whose report can't be read are named already.
    let named = unread.iter().filter(|unread| unread.account_id.is_some()).count() as u64;
    if missing > named {
        let none = without_report(missing, manifest.coverage.to_collect());
        problems.push(format!("{}: {none} that can be read", found.paths));
    }
    problems
}

/// A sentence for every report with rows that can't be read.
fn bad_rows(manifest: &Manifest, origins: &HashMap<AccountId, Origin>) -> impl Iterator<Item = String> {
    manifest.accounts.iter().filter_map(|account| {
        let report = account.report_with_bad_rows()?;
        let address = origins.get(&account.account_id).map_or_else(String::new, Origin::address);
        let first = report.first_bad_rows.first().map(|row| format!(": {row}")).unwrap_or_default();
        Some(format!(
            "{address}: {} of {} rows can't be read{first}: the report is damaged or cut off, fetch it again",
            report.bad_rows, report.rows
        ))
    })
}

/// How many accounts have no report.
pub fn without_report(missing: u64, all: u64) -> String {
    match (missing, all) {
        (1, 1) => "the only account has no report".to_owned(),
        (1, all) => format!("1 of {all} accounts has no report"),
        (missing, all) => format!("{missing} of {all} accounts have no report"),
    }
}
