//! What a run left in the store: a report or a recorded failure of each account, and whatever earlier runs
//! of the day left beside them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use futures_util::{StreamExt, TryStreamExt, stream};
use rollcall_core::evidence::bucket_layout;
use rollcall_core::identifiers::account_id::AccountId;
use rollcall_core::judgement::analysis::{Analysis, Analyzer, ReportAnalysis};
use rollcall_core::organization::failure::{FailureCode, FailureRecord};
use rollcall_core::organization::outcome::ReportEntry;
use rollcall_core::organization::report_age::check_times;
use rollcall_core::organization::roll::Roll;
use rollcall_core::organization::roll_call::{Evidence, StoredReport};
use rollcall_core::organization::run::Run;
use rollcall_core::report::Tally;

use super::reading::{READ_AT_A_TIME, read_persistently};
use crate::clock::Clock;
use crate::report_store::ReportStore;
use crate::report_store::object::{Checksum, StoredObject};
use crate::step_error::StepError;

/// One object under the day's prefix.
enum Found {
    /// A report, and what it says unless something is wrong with it.
    Report(AccountId, Box<StoredReport>, Option<Box<ReportAnalysis>>),
    Failure(AccountId, FailureRecord),
    OfAnotherExecution,
}

/// The evidence of a run, and what is needed to read it.
pub(super) struct RunEvidence<'a> {
    store: &'a ReportStore,
    run: &'a Run,
    analyzer: Analyzer<'a>,
    clock: &'a Clock,
    /// The names of the accounts to judge: a report of any other counts for nothing.
    names: HashMap<&'a AccountId, &'a str>,
}

impl<'a> RunEvidence<'a> {
    /// The evidence of `run`, whose roll is given.
    pub(super) fn new(
        store: &'a ReportStore,
        run: &'a Run,
        roll: &'a Roll,
        analyzer: Analyzer<'a>,
        clock: &'a Clock,
    ) -> Self {
        let to_judge = roll.accounts.iter().filter(|account| account.skip.is_none());
        let names = to_judge.map(|account| (&account.account_id, &*account.name)).collect();
        Self { store, run, analyzer, clock, names }
    }

    /// Everything this execution left under the day's prefix. What the reports say goes to
    /// `analysis`, report by report, so that no more than those being read are held.
    pub(super) async fn read(&self, analysis: &mut Analysis<'_>) -> Result<Evidence, StepError> {
        let date = self.run.date();
        let mut objects: Vec<(AccountId, String)> = Vec::new();
        for key in self.store.list(&bucket_layout::reports(date)).await? {
            objects.extend(bucket_layout::report_account(date, &key).map(|account_id| (account_id, key)));
        }
        let reports = objects.len();
        for key in self.store.list(&bucket_layout::failures(date)).await? {
            objects.extend(bucket_layout::failure_account(date, &key).map(|account_id| (account_id, key)));
        }
        let mut found = stream::iter(objects.into_iter().enumerate())
            .map(|(index, (account_id, key))| self.find(account_id, key, index < reports))
            .buffer_unordered(READ_AT_A_TIME);
        let mut evidence = Evidence::default();
        while let Some(found) = found.try_next().await? {
            match found {
                Found::Report(account_id, report, judged) => {
                    evidence.reports.insert(account_id, *report);
                    if let Some(judged) = judged {
                        analysis.add(*judged);
                    }
                }
                Found::Failure(account_id, failure) => {
                    evidence.failures.insert(account_id, failure);
                }
                Found::OfAnotherExecution => evidence.of_other_executions += 1,
            }
        }
        Ok(evidence)
    }

    async fn find(&self, account_id: AccountId, key: String, is_report: bool) -> Result<Found, StepError> {
        let object = match read_persistently(self.store, &key).await {
            Ok(Some(object)) => object,
            // Deleted since it was listed: whose it was can't be told any more.
            Ok(None) => return Ok(Found::OfAnotherExecution),
            // One object that can't be read is one account's failure and not the night's.
            Err(error) => {
                let failure = self.storage_failed(&account_id, error.to_string());
                return Ok(Found::Failure(account_id, failure));
            }
        };
        if !object.is_of(&self.run.execution) {
            return Ok(Found::OfAnotherExecution);
        }
        if is_report {
            return Ok(match self.stored_report(&account_id, key, &object) {
                Ok((report, judged)) => Found::Report(account_id, Box::new(report), judged.map(Box::new)),
                Err(message) => {
                    let failure = self.storage_failed(&account_id, message);
                    Found::Failure(account_id, failure)
                }
            });
        }
        let failure = serde_json::from_slice(&object.bytes).unwrap_or_else(|error| {
            self.storage_failed(&account_id, format!("the recorded failure can't be read: {error}"))
        });
        Ok(Found::Failure(account_id, failure))
    }

    /// What lies in the bucket as the report of `account_id`, what is wrong with it, and what it says if
    /// nothing is.
    fn stored_report(
        &self,
        account_id: &AccountId,
        key: String,
        object: &StoredObject,
    ) -> Result<(StoredReport, Option<ReportAnalysis>), String> {
        let StoredObject { bytes, metadata, .. } = object;
        let generated = time(metadata, bucket_layout::GENERATED_TIME)?;
        let collected = time(metadata, bucket_layout::COLLECTED_TIME)?;
        let sha256 = Checksum::of(bytes).hex();
        let (judged, fault) = match self.judged(account_id, [generated, collected], object, &sha256) {
            Ok(judged) => (judged, None),
            Err(fault) => (None, Some(fault)),
        };
        let Tally { rows, bad_rows, first_bad_rows } =
            judged.as_ref().map(|judged| judged.tally.clone()).unwrap_or_default();
        let entry = ReportEntry {
            key,
            generated: Some(generated),
            collected: Some(collected),
            age_seconds: Some((collected - generated).num_seconds()),
            file_modified: None,
            sha256,
            bytes: bytes.len() as u64,
            version_id: object.version_id.clone(),
            rows,
            bad_rows,
            first_bad_rows,
        };
        Ok((StoredReport { entry, fault }, judged))
    }

    /// What a stored report says, or what is wrong with it. A report of an account that is not to be judged says
    /// nothing.
    fn judged(
        &self,
        account_id: &AccountId,
        [generated, collected]: [DateTime<Utc>; 2],
        object: &StoredObject,
        sha256: &str,
    ) -> Result<Option<ReportAnalysis>, (FailureCode, String)> {
        let was_collected = object.metadata.get(bucket_layout::SHA256).map_or("none", |sum| sum);
        if was_collected != sha256 {
            let message =
                format!("the stored report's SHA-256 is {sha256}, and {was_collected} was collected");
            return Err((FailureCode::StorageFailed, message));
        }
        check_times(generated, collected)
            .map_err(|outdated| (FailureCode::ReportOutdated, outdated.to_string()))?;
        let Some(name) = self.names.get(account_id) else { return Ok(None) };
        let judged = self.analyzer.report(account_id, name, Some(generated), &object.bytes);
        judged.map(Some).map_err(|unreadable| (FailureCode::ReportUnreadable, unreadable.to_string()))
    }

    fn storage_failed(&self, account_id: &AccountId, message: String) -> FailureRecord {
        storage_failed(self.run, account_id, message, self.clock.now())
    }
}

pub(super) fn storage_failed(
    run: &Run,
    account_id: &AccountId,
    message: String,
    failed_at: DateTime<Utc>,
) -> FailureRecord {
    FailureRecord {
        account_id: account_id.clone(),
        execution: run.execution.clone(),
        code: FailureCode::StorageFailed,
        message,
        remedy: FailureCode::StorageFailed.remedy().to_owned(),
        waits: 0,
        failed_at,
    }
}

fn time(metadata: &HashMap<String, String>, name: &str) -> Result<DateTime<Utc>, String> {
    let value = metadata.get(name).map_or("", |value| value);
    DateTime::parse_from_rfc3339(value)
        .map(|time| time.to_utc())
        .map_err(|error| format!("the stored report's metadata {name} is {value:?}: {error}"))
}
