//! Calling the roll: every account gets its one outcome from what the run left about it.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use crate::identifiers::account_id::AccountId;
use crate::organization::coverage::Coverage;
use crate::organization::failure::{FailureCode, FailureRecord};
use crate::organization::outcome::{AccountOutcome, Outcome, ReportEntry};
use crate::organization::roll::{Account, Roll, RollSource, SkipReason};

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
    /// Files that may be reports and can't be read, of accounts that are not known, and why: one
    /// sentence each. Only the command is given such files.
    pub unreadable_files: Vec<String>,
}

/// The roll as it was called.
#[derive(Clone, Debug, PartialEq)]
pub struct RollCall {
    /// Where the accounts come from.
    pub source: RollSource,
    /// The organization's id, if the accounts come from one.
    pub organization_id: Option<String>,
    /// Every account of the roll, in the order of ids.
    pub accounts: Vec<AccountOutcome>,
    /// How many of them ended how.
    pub coverage: Coverage,
    /// How many reports and failures another execution wrote.
    pub of_other_executions: u64,
    /// Files that may be reports and can't be read, of accounts that are not known.
    pub unreadable_files: Vec<String>,
}

impl RollCall {
    /// Gives every account of `roll` its one outcome from `evidence`.
    pub fn of(roll: Roll, evidence: Evidence) -> Self {
        let Evidence { mut reports, mut failures, of_other_executions, unreadable_files } = evidence;
        let called = |account: Account| {
            let Account { account_id, name, state, path, skip, .. } = account;
            let outcome = outcome(skip, reports.remove(&account_id), failures.remove(&account_id));
            AccountOutcome { account_id, name, path, state, outcome, last_collected: None }
        };
        let accounts: Vec<AccountOutcome> = roll.accounts.into_iter().map(called).collect();
        Self {
            source: roll.source,
            organization_id: roll.organization_id,
            coverage: Coverage::of(&accounts),
            accounts,
            of_other_executions,
            unreadable_files,
        }
    }

    /// The same, and each account has the time of the report that an earlier run collected last.
    pub fn after(mut self, last_collected: impl Fn(&AccountId) -> Option<DateTime<Utc>>) -> Self {
        for account in &mut self.accounts {
            account.last_collected = last_collected(&account.account_id);
        }
        self
    }
}

/// A report counts before a failure of the same account: a failure may have been recorded of a write
/// that did reach the bucket, and what lies there is the truth.
fn outcome(
    skip: Option<SkipReason>,
    report: Option<StoredReport>,
    failure: Option<FailureRecord>,
) -> Outcome {
    match (skip, report, failure) {
        (Some(reason), _, _) => Outcome::Skipped { reason },
        (None, Some(StoredReport { entry, fault: None }), _) => Outcome::Collected { report: entry },
        (None, Some(StoredReport { entry, fault: Some((code, message)) }), _) => {
            Outcome::Failed { code, message, report: Some(entry) }
        }
        (None, None, Some(FailureRecord { code, message, .. })) => {
            Outcome::Failed { code, message, report: None }
        }
        (None, None, None) => Outcome::NoOutcome,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{account, failure, id, report, roll};

    fn called(accounts: Vec<Account>, evidence: Evidence) -> RollCall {
        RollCall::of(roll(accounts), evidence)
    }

    #[test]
    fn every_account_of_the_roll_has_exactly_one_outcome() {
        let skipped = Account { skip: Some(SkipReason::Suspended), ..account(4) };
        let code = FailureCode::RoleMissingOrDenied;
        let called = called(
            vec![account(1), account(2), account(3), skipped],
            Evidence {
                reports: [(id(1), report(1, 0))].into(),
                failures: [(id(2), failure(2, code, "no role"))].into(),
                of_other_executions: 5,
                ..Default::default()
            },
        );
        let outcomes: Vec<Outcome> = called.accounts.into_iter().map(|account| account.outcome).collect();
        assert_eq!(
            outcomes,
            [
                Outcome::Collected { report: report(1, 0).entry },
                Outcome::Failed { code, message: "no role".into(), report: None },
                Outcome::NoOutcome,
                Outcome::Skipped { reason: SkipReason::Suspended },
            ]
        );
        let Coverage { accounts, collected, failed, skipped, no_outcome, percent, .. } = called.coverage;
        assert_eq!((accounts, collected, failed, skipped, no_outcome, percent), (4, 1, 1, 1, 1, 33.33));
        assert_eq!(called.of_other_executions, 5);
    }

    #[test]
    fn a_stored_report_counts_before_a_failure_recorded_of_its_write() {
        let called = called(
            vec![account(1)],
            Evidence {
                reports: [(id(1), report(1, 0))].into(),
                failures: [(id(1), failure(1, FailureCode::StorageFailed, "no answer"))].into(),
                ..Default::default()
            },
        );
        assert_eq!(called.accounts[0].outcome, Outcome::Collected { report: report(1, 0).entry });
    }

    #[test]
    fn a_report_that_can_not_be_read_is_a_failure_and_keeps_its_entry() {
        let (code, message) = (FailureCode::ReportUnreadable, "the report is empty".to_owned());
        let unreadable = StoredReport { fault: Some((code, message.clone())), ..report(1, 0) };
        let called = called(
            vec![account(1)],
            Evidence { reports: [(id(1), unreadable)].into(), ..Default::default() },
        );
        let report = Some(report(1, 0).entry);
        assert_eq!(called.accounts[0].outcome, Outcome::Failed { code, message, report });
    }

    #[test]
    fn a_skipped_account_stays_skipped_whatever_lies_there() {
        let skipped = Account { skip: Some(SkipReason::Excluded), ..account(1) };
        let evidence = Evidence { reports: [(id(1), report(1, 0))].into(), ..Default::default() };
        let called = called(vec![skipped], evidence);
        assert_eq!(called.accounts[0].outcome, Outcome::Skipped { reason: SkipReason::Excluded });
    }

    #[test]
    fn a_hundred_percent_means_all() {
        let accounts = (0..30_000).map(account).collect();
        let reports = (1..30_000).map(|number| (id(number), report(number, 0))).collect();
        let coverage = called(accounts, Evidence { reports, ..Default::default() }).coverage;
        assert_eq!(coverage.missing(), 1);
        assert_eq!(coverage.percent, 99.99);
    }

    #[test]
    fn a_roll_of_skipped_accounts_is_not_a_hundred_percent() {
        let skipped = Account { skip: Some(SkipReason::Excluded), ..account(1) };
        assert_eq!(called(vec![skipped], Evidence::default()).coverage.percent, 0.0);
    }
}
