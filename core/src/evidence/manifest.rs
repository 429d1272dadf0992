//! `run.json`: the manifest that proves a run complete. Every account of the roll is in it exactly
//! once, with what became of it and, where there is a report, what the report's bytes hash to; and
//! what the run was judged by and came to. `docs/run.schema.json` describes it for other readers.

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};

use crate::evidence::counts::{CredentialCounts, FindingCounts};
use crate::identifiers::account_id::AccountId;
use crate::judgement::analysis::Assessment;
use crate::judgement::exemptions::ExemptionOutcome;
use crate::judgement::history::History;
use crate::judgement::settings::RuleSettings;
use crate::organization::coverage::Coverage;
use crate::organization::outcome::AccountOutcome;
use crate::organization::roll::RollSource;
use crate::organization::roll_call::RollCall;
use crate::organization::run::Run;

/// The version of the manifest's form; it grows when a reader must know of a change.
///
/// 1: up to release 0.2.0. Credentials that are unused for exactly the limit are not findings, findings do not say
/// when anything was created, and no versions of objects are recorded.
pub const SCHEMA_VERSION: u32 = 2;

/// The manifest of a run: what became of every account, what the run was judged by, and what it found.
/// It is written last under the day's prefix, so that everything it names is there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Manifest {
    /// Grows when a reader must know of a change.
    #[cfg_attr(feature = "schema", schemars(extend("enum" = [1, SCHEMA_VERSION])))]
    pub schema_version: u32,
    /// The name of the execution. Everything the run wrote carries it as metadata.
    pub execution: String,
    /// The ARN of the execution; empty for a run from the command line.
    pub execution_arn: String,
    /// The UTC date the execution started on: the prefix of everything the run wrote.
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
    /// How each rule was set: a limit in days, on, or off.
    #[serde(rename = "policy")]
    pub settings: RuleSettings,
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
    /// Files that may be reports and can't be read, of accounts that are not known, and why: one sentence
    /// each. Only the command is given such files; no run has any.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub unreadable_files: Vec<String>,
    /// Every account of the roll, in the order of ids.
    pub accounts: Vec<AccountOutcome>,
}

/// The exemptions of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ExemptionsRead {
    /// The SHA-256 of the file, in hexadecimal; nothing when there is no file.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^[0-9a-f]{64}$")))]
    pub sha256: Option<String>,
    /// What became of each, in the order of the file.
    pub outcomes: Vec<ExemptionOutcome>,
}

/// A file that the analysis wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WrittenFile {
    /// Its key in the report bucket.
    pub key: String,
    /// The SHA-256 of its bytes, in hexadecimal.
    #[cfg_attr(feature = "schema", schemars(regex(pattern = "^[0-9a-f]{64}$")))]
    pub sha256: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// The id of the version that was written, in a bucket that keeps versions.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub version_id: Option<String>,
}

/// What a run is judged by.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JudgedBy {
    /// How the rules are set.
    pub settings: RuleSettings,
    /// Which run it is compared with.
    pub history: History,
    /// The SHA-256 of the file of exemptions, in hexadecimal; `None` when there is no file.
    pub exemptions_sha256: Option<String>,
}

impl Manifest {
    /// The manifest of a run whose roll is called and whose analysis is settled. It vouches for no
    /// file yet.
    pub fn of(
        run: &Run,
        roll_call: RollCall,
        judged_by: JudgedBy,
        assessment: &Assessment,
        finished: DateTime<Utc>,
    ) -> Self {
        let RollCall { source, organization_id, accounts, coverage, of_other_executions, unreadable_files } =
            roll_call;
        let JudgedBy { settings, history, exemptions_sha256 } = judged_by;
        Self {
            schema_version: SCHEMA_VERSION,
            execution: run.execution.clone(),
            execution_arn: run.execution_arn.clone(),
            date: run.date(),
            started: run.started,
            finished,
            as_of: run.as_of,
            source,
            organization_id,
            coverage,
            settings,
            history,
            exemptions: ExemptionsRead { sha256: exemptions_sha256, outcomes: assessment.exemptions.clone() },
            findings: FindingCounts::of(assessment),
            credentials: CredentialCounts::from(&assessment.statistics),
            outputs: Vec::new(),
            of_other_executions,
            unreadable_files,
            accounts,
        }
    }

    /// The same, and it vouches for `files` too.
    pub fn vouching_for(mut self, files: impl IntoIterator<Item = WrittenFile>) -> Self {
        self.outputs.extend(files);
        self
    }

    /// Whether `other` is the manifest of the same analysis: only when it was written, and which versions the files
    /// have that it wrote, may differ.
    pub fn is_of_the_same_analysis(&self, other: &Self) -> bool {
        let versions = |manifest: &Self| {
            let mut outputs = manifest.outputs.clone();
            outputs.iter_mut().for_each(|output| output.version_id = None);
            outputs
        };
        versions(self) == versions(other)
            && Self { finished: other.finished, outputs: other.outputs.clone(), ..self.clone() } == *other
    }

    /// Whether the run was meant for every account of the deployment.
    pub fn is_of_whole_roll(&self) -> bool {
        self.source.is_of_whole_roll()
    }

    /// When IAM made the last report of each account that was collected before the run, as the run knew it.
    pub fn last_collected(&self) -> impl Iterator<Item = (AccountId, DateTime<Utc>)> {
        self.accounts.iter().filter_map(|account| Some((account.account_id.clone(), account.last_collected?)))
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
    use crate::organization::roll::{Account, SkipReason};
    use crate::organization::roll_call::Evidence;
    use crate::testing::{account, failure, id, manifest, report};

    #[test]
    fn it_reads_as_its_snapshot_says() {
        let skipped = Account { skip: Some(SkipReason::Suspended), ..account(4) };
        let manifest = manifest(
            vec![account(1), account(2), account(3), skipped],
            Evidence {
                reports: [(id(1), report(1, 0))].into(),
                failures: [(id(2), failure(2, FailureCode::RoleMissingOrDenied, "no role"))].into(),
                of_other_executions: 5,
                ..Default::default()
            },
        );
        insta::assert_snapshot!(serde_json::to_string_pretty(&manifest).unwrap());
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
