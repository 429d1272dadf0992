//! `run.json`: the manifest that proves a run complete. Every account of the roll is in it exactly
//! once, with what became of it and, where there is a report, what the report's bytes hash to; and
//! what the run was judged by and came to. `docs/run.schema.json` describes it for other readers.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::evidence::counts::{CredentialCounts, FindingCounts};
use crate::judgement::analysis::Assessment;
use crate::judgement::exemptions::ExemptionOutcome;
use crate::judgement::history::History;
use crate::judgement::settings::RuleSettings;
use crate::organization::coverage::Coverage;
use crate::organization::outcome::{AccountOutcome, Evidence};
use crate::organization::roll::{Roll, RollSource};
use crate::organization::run::Run;

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
    pub policy: RuleSettings,
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
            policy: RuleSettings::default(),
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
        policy: &RuleSettings,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::organization::failure::FailureCode;
    use crate::organization::outcome::{Outcome, StoredReport};
    use crate::organization::roll::{Account, SkipReason};
    use crate::testing::{account, failure, id, manifest, report};

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
