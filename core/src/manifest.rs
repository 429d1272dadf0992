//! `run.json`: the manifest that proves a run complete. Every account of the roll is in it exactly
//! once, with what became of it and, where there is a report, what the report's bytes hash to; and
//! what the run was judged by and came to. `docs/run.schema.json` describes it for other readers.

mod counts;

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

pub use counts::{AgeGroup, CredentialCounts, FindingCounts, RuleCounts};

use crate::account::{Account, AccountId, AccountState, SkipReason};
use crate::analysis::Assessment;
use crate::exemptions::ExemptionOutcome;
use crate::history::History;
use crate::outcome::{FailureCode, FailureRecord};
use crate::policy::Policy;
use crate::report::BadRow;
use crate::roll::{Roll, RollSource};
use crate::run::Run;

/// The version of the manifest's form; it grows when a reader must know of a change.
pub const SCHEMA_VERSION: u32 = 1;

/// `run.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The name of the execution.
    pub execution: String,
    /// The ARN of the execution; empty for a run from the command line.
    pub execution_arn: String,
    /// The UTC date the execution started on.
    pub date: NaiveDate,
    /// When the execution started.
    pub started: DateTime<Utc>,
    /// When the manifest was written.
    pub finished: DateTime<Utc>,
    /// The time that ages are counted to.
    pub as_of: DateTime<Utc>,
    /// Where the accounts come from.
    pub source: RollSource,
    /// The organization's id, if the accounts come from one.
    pub organization_id: Option<String>,
    /// How much was covered.
    pub coverage: Coverage,
    /// How the rules were set.
    pub policy: Policy,
    /// Which run this one was compared with.
    pub history: History,
    /// The exemptions, and what became of each.
    pub exemptions: ExemptionsRead,
    /// How many findings there are.
    pub findings: FindingCounts,
    /// How many users and keys there are.
    pub credentials: CredentialCounts,
    /// What else the analysis wrote under the day's prefix.
    pub outputs: Vec<WrittenFile>,
    /// Reports and failures under the day's prefix that another execution wrote, and that do not
    /// count here.
    pub of_other_executions: u64,
    /// Files that may be reports and can't be read, of accounts that nobody knows, and why: one sentence
    /// each. Only the command is given such files; no run has any.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub unreadable_files: Vec<String>,
    /// Every account of the roll, in the order of ids.
    pub accounts: Vec<AccountOutcome>,
}

/// The exemptions of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExemptionsRead {
    /// The SHA-256 of the file, in hexadecimal; `None` when there is no file.
    pub sha256: Option<String>,
    /// What became of each, in the order of the file.
    pub outcomes: Vec<ExemptionOutcome>,
}

/// A file that the analysis wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WrittenFile {
    /// Its key in the report bucket.
    pub key: String,
    /// The SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// Its size in bytes.
    pub bytes: u64,
}

/// How many accounts ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    /// Accounts on the roll.
    pub accounts: u64,
    /// With a report of this run.
    pub collected: u64,
    /// With a recorded failure, or a report that can't be read.
    pub failed: u64,
    /// Left out on purpose.
    pub skipped: u64,
    /// With neither report nor failure.
    pub no_outcome: u64,
    /// Rows, in all collected reports, that can't be read.
    pub bad_rows: u64,
    /// Collected, of those that were not skipped: percent with two decimals, rounded down, so that
    /// 100 means all.
    pub percent: f64,
}

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

impl Manifest {
    /// Calls the roll: gives every account of `roll` its one outcome from `evidence`.
    ///
    /// A report counts before a failure of the same account: a failure may have been recorded of a
    /// write that did reach the bucket, and what lies there is the truth.
    pub fn call_roll(run: &Run, roll: Roll, mut evidence: Evidence, finished: DateTime<Utc>) -> Self {
        let accounts: Vec<AccountOutcome> =
            roll.accounts.into_iter().map(|account| AccountOutcome::of(account, &mut evidence)).collect();
        Self {
            schema_version: SCHEMA_VERSION,
            execution: run.execution.clone(),
            execution_arn: run.execution_arn.clone(),
            date: run.date(),
            started: run.started,
            finished,
            as_of: run.as_of,
            source: roll.source,
            organization_id: roll.organization_id,
            coverage: Coverage::of(&accounts),
            policy: Policy::default(),
            history: History::default(),
            exemptions: ExemptionsRead::default(),
            findings: FindingCounts::default(),
            credentials: CredentialCounts::default(),
            outputs: Vec::new(),
            of_other_executions: evidence.of_other_executions,
            unreadable_files: Vec::new(),
            accounts,
        }
    }

    /// Adds what the run was judged by and what it found. `exemptions_sha256` is that of the file,
    /// if there is one.
    pub fn assess(
        &mut self,
        policy: &Policy,
        history: History,
        exemptions_sha256: Option<String>,
        assessment: &Assessment,
    ) {
        self.policy = policy.clone();
        self.history = history;
        self.exemptions =
            ExemptionsRead { sha256: exemptions_sha256, outcomes: assessment.exemptions.clone() };
        self.findings = FindingCounts::of(assessment);
        self.credentials = CredentialCounts::from(&assessment.statistics);
    }

    /// Whether the run was meant for every account of the deployment, and not for some that its
    /// input named, or whose reports somebody had at hand.
    pub fn is_of_whole_roll(&self) -> bool {
        !matches!(self.source, RollSource::ExecutionInput | RollSource::Reports)
    }

    /// Whether the run is one of the nights: of the whole roll, and judged by its own day.
    pub fn is_a_night(&self) -> bool {
        self.is_of_whole_roll() && self.as_of.date_naive() == self.date
    }
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

    fn of(account: Account, evidence: &mut Evidence) -> Self {
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

impl Coverage {
    fn of(accounts: &[AccountOutcome]) -> Self {
        let count = |outcome| accounts.iter().filter(|account| account.outcome == outcome).count() as u64;
        let mut coverage = Self {
            accounts: accounts.len() as u64,
            collected: count(Outcome::Collected),
            failed: count(Outcome::Failed),
            skipped: count(Outcome::Skipped),
            no_outcome: count(Outcome::NoOutcome),
            bad_rows: accounts
                .iter()
                .filter_map(AccountOutcome::report_with_bad_rows)
                .map(|report| report.bad_rows)
                .sum(),
            percent: 0.0,
        };
        // Hundredths of a percent in whole numbers: a rounded 100.00 would hide a missing account.
        let hundredths = (coverage.collected * 10_000).checked_div(coverage.to_collect()).unwrap_or(0);
        coverage.percent = hundredths as f64 / 100.0;
        coverage
    }

    /// Accounts that should have a report of this run: those that were not skipped.
    pub fn to_collect(&self) -> u64 {
        self.accounts - self.skipped
    }

    /// Accounts that should have a report of this run and have none.
    pub fn missing(&self) -> u64 {
        self.failed + self.no_outcome
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::run::parse_as_of;

    pub(crate) fn id(number: u64) -> AccountId {
        format!("{number:012}").parse().unwrap()
    }

    pub(crate) fn run() -> Run {
        Run {
            execution: "night-1".into(),
            execution_arn: "arn:aws:states:eu-central-1:999999999999:execution:rollcall:night-1".into(),
            started: parse_as_of("2026-01-31T01:00:00Z").unwrap(),
            as_of: parse_as_of("2026-01-31T01:00:00Z").unwrap(),
        }
    }

    pub(crate) fn account(number: u64) -> Account {
        Account {
            name: format!("account {number}"),
            state: AccountState::Active,
            path: "Root/Workloads".into(),
            ..Account::of_id(id(number))
        }
    }

    pub(crate) fn roll(accounts: Vec<Account>) -> Roll {
        Roll {
            execution: "night-1".into(),
            started: run().started,
            as_of: run().started,
            taken: run().started,
            source: RollSource::Organization,
            organization_id: Some("o-exampleorg".into()),
            accounts,
        }
    }

    pub(crate) fn report(number: u64, bad_rows: u64) -> StoredReport {
        StoredReport {
            entry: ReportEntry {
                key: format!("2026-01-31/reports/credentialReport_{number:012}.csv"),
                generated: run().started,
                collected: run().started,
                age_seconds: 0,
                sha256: "0".repeat(64),
                bytes: 100,
                rows: 10,
                bad_rows,
                first_bad_rows: vec![],
            },
            fault: None,
        }
    }

    pub(crate) fn failure(number: u64, code: FailureCode, message: &str) -> FailureRecord {
        FailureRecord {
            account_id: id(number),
            execution: "night-1".into(),
            code,
            message: message.into(),
            remedy: code.remedy().into(),
            waits: 0,
            failed_at: run().started,
        }
    }

    pub(crate) fn manifest(accounts: Vec<Account>, evidence: Evidence) -> Manifest {
        Manifest::call_roll(&run(), roll(accounts), evidence, parse_as_of("2026-01-31T01:10:00Z").unwrap())
    }

    fn outcomes(manifest: &Manifest) -> Vec<(Outcome, Option<FailureCode>)> {
        manifest.accounts.iter().map(|account| (account.outcome, account.code)).collect()
    }

    #[test]
    fn every_account_of_the_roll_has_exactly_one_outcome() {
        let skipped = Account { skip: Some(SkipReason::Suspended), ..account(4) };
        let manifest = manifest(
            vec![account(1), account(2), account(3), skipped],
            Evidence {
                reports: [(id(1), report(1, 0))].into(),
                failures: [(id(2), failure(2, FailureCode::RoleMissingOrDenied, "no role"))].into(),
                of_other_executions: 5,
            },
        );
        assert_eq!(
            outcomes(&manifest),
            [
                (Outcome::Collected, None),
                (Outcome::Failed, Some(FailureCode::RoleMissingOrDenied)),
                (Outcome::NoOutcome, Some(FailureCode::NoOutcome)),
                (Outcome::Skipped, None),
            ]
        );
        assert_eq!(manifest.accounts[3].reason, Some(SkipReason::Suspended));
        let Coverage { accounts, collected, failed, skipped, no_outcome, percent, .. } = manifest.coverage;
        assert_eq!((accounts, collected, failed, skipped, no_outcome, percent), (4, 1, 1, 1, 1, 33.33));
        assert_eq!(manifest.of_other_executions, 5);
        insta::assert_snapshot!(serde_json::to_string_pretty(&manifest).unwrap());
    }

    #[test]
    fn a_stored_report_counts_before_a_failure_recorded_of_its_write() {
        let manifest = manifest(
            vec![account(1)],
            Evidence {
                reports: [(id(1), report(1, 0))].into(),
                failures: [(id(1), failure(1, FailureCode::StorageFailed, "no answer"))].into(),
                of_other_executions: 0,
            },
        );
        assert_eq!(outcomes(&manifest), [(Outcome::Collected, None)]);
    }

    #[test]
    fn a_report_that_can_not_be_read_is_a_failure_and_stays_in_the_manifest() {
        let unreadable = StoredReport {
            fault: Some((FailureCode::ReportUnreadable, "the report is empty".into())),
            ..report(1, 0)
        };
        let manifest = manifest(
            vec![account(1)],
            Evidence { reports: [(id(1), unreadable)].into(), ..Default::default() },
        );
        assert_eq!(outcomes(&manifest), [(Outcome::Failed, Some(FailureCode::ReportUnreadable))]);
        assert!(manifest.accounts[0].report.is_some());
    }

    #[test]
    fn a_hundred_percent_means_all() {
        let accounts = (0..30_000).map(account).collect();
        let reports = (1..30_000).map(|number| (id(number), report(number, 0))).collect();
        let manifest = manifest(accounts, Evidence { reports, ..Default::default() });
        assert_eq!(manifest.coverage.missing(), 1);
        assert_eq!(manifest.coverage.percent, 99.99);
    }

    #[test]
    fn a_roll_of_skipped_accounts_is_not_a_hundred_percent() {
        let manifest =
            manifest(vec![Account { skip: Some(SkipReason::Excluded), ..account(1) }], Evidence::default());
        assert_eq!(manifest.coverage.percent, 0.0);
    }

    #[test]
    fn what_was_written_reads_back() {
        let written = manifest(
            vec![account(1), account(2)],
            Evidence { reports: [(id(1), report(1, 3))].into(), ..Default::default() },
        );
        let json = serde_json::to_string(&written).unwrap();
        assert_eq!(serde_json::from_str::<Manifest>(&json).unwrap(), written);
    }
}
