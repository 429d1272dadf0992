//! `AnalyzeReports`: calls the roll. Reads everything this execution wrote, gives every account its
//! one outcome, and writes `run.json`.
//!
//! The truth about an account is what lies in the bucket, not what went through payloads: an
//! account with neither report nor failure of this execution is one without an outcome.

use std::collections::HashMap;

use aws_config::SdkConfig;
use chrono::{DateTime, Utc};
use futures_util::{StreamExt, TryStreamExt, stream};
use rollcall_core::account::AccountId;
use rollcall_core::bucket_layout;
use rollcall_core::manifest::{Coverage, Evidence, Manifest, ReportEntry, StoredReport};
use rollcall_core::outcome::{FailureCode, FailureRecord};
use rollcall_core::report;
use rollcall_core::roll::Roll;
use rollcall_core::run::Run;
use serde::{Deserialize, Serialize};

use crate::api_error::{ApiError, ApiErrorKind};
use crate::clock::now;
use crate::report_bucket::{Checksum, ReportBucket, StoredObject};
use crate::settings;
use crate::step_error::StepError;

/// How many objects are read at a time.
const READ_AT_A_TIME: usize = 64;
/// How often an object that is cut off is read before it counts as unreadable.
const READ_TRIES: u32 = 3;

/// The step: its bucket.
#[derive(Debug)]
pub struct AnalyzeReports {
    report_bucket: ReportBucket,
}

/// What the state machine gives the step.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AnalyzeReportsInput {
    /// The run.
    pub run: Run,
}

/// What the step answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AnalyzeReportsOutput {
    /// How much was covered.
    pub coverage: Coverage,
    /// The key of the manifest.
    pub manifest_key: String,
}

/// One object under the day's prefix.
enum Found {
    Report(AccountId, StoredReport),
    Failure(AccountId, FailureRecord),
    OfAnotherExecution,
}

impl AnalyzeReports {
    /// The step with the settings of the environment.
    ///
    /// # Errors
    /// `InvalidSettings`.
    pub fn from_environment(config: &SdkConfig) -> Result<Self, StepError> {
        let bucket = settings::required("REPORT_BUCKET")?;
        Ok(Self::new(ReportBucket::new(config, bucket, settings::optional("KMS_KEY_ARN"))))
    }

    /// The step on the given bucket.
    pub fn new(report_bucket: ReportBucket) -> Self {
        Self { report_bucket }
    }

    /// Calls the roll of a run and writes its manifest.
    ///
    /// # Errors
    /// `RunReplaced`, `StorageFailed` or `ServiceUnavailable`.
    pub async fn run(&self, input: AnalyzeReportsInput) -> Result<AnalyzeReportsOutput, StepError> {
        let AnalyzeReportsInput { run } = input;
        let roll_key = bucket_layout::accounts(run.date());
        let roll: Roll = self.report_bucket.read_json_of(&roll_key, &run.execution).await?;
        let evidence = self.evidence(&run).await?;
        let manifest = Manifest::call_roll(&run, roll, evidence, now());
        let manifest_key = bucket_layout::run(run.date());
        self.report_bucket.write_json(&manifest_key, &manifest, &run.execution).await?;
        let coverage = manifest.coverage;
        tracing::info!(
            execution = run.execution,
            accounts = coverage.accounts,
            collected = coverage.collected,
            failed = coverage.failed,
            skipped = coverage.skipped,
            no_outcome = coverage.no_outcome,
            "the roll is called"
        );
        Ok(AnalyzeReportsOutput { coverage, manifest_key })
    }

    /// Everything this execution left under the day's prefix.
    async fn evidence(&self, run: &Run) -> Result<Evidence, StepError> {
        let date = run.date();
        let mut objects: Vec<(AccountId, String)> = Vec::new();
        for key in self.report_bucket.list(&bucket_layout::reports(date)).await? {
            objects.extend(bucket_layout::report_account(date, &key).map(|account_id| (account_id, key)));
        }
        let reports = objects.len();
        for key in self.report_bucket.list(&bucket_layout::failures(date)).await? {
            objects.extend(bucket_layout::failure_account(date, &key).map(|account_id| (account_id, key)));
        }
        let found: Vec<Found> = stream::iter(objects.into_iter().enumerate())
            .map(|(index, (account_id, key))| self.find(run, account_id, key, index < reports))
            .buffer_unordered(READ_AT_A_TIME)
            .try_collect()
            .await?;
        let mut evidence = Evidence::default();
        for found in found {
            match found {
                Found::Report(account_id, report) => {
                    evidence.reports.insert(account_id, report);
                }
                Found::Failure(account_id, failure) => {
                    evidence.failures.insert(account_id, failure);
                }
                Found::OfAnotherExecution => evidence.of_other_executions += 1,
            }
        }
        Ok(evidence)
    }

    async fn find(
        &self,
        run: &Run,
        account_id: AccountId,
        key: String,
        is_report: bool,
    ) -> Result<Found, StepError> {
        let object = match self.read_again_and_again(&key).await {
            Ok(Some(object)) => object,
            // Deleted since it was listed: nobody can say any more whose it was.
            Ok(None) => return Ok(Found::OfAnotherExecution),
            // One object that can't be read is one account's failure and not the night's.
            Err(error) => {
                let failure = storage_failed(run, &account_id, error.message);
                return Ok(Found::Failure(account_id, failure));
            }
        };
        if !object.is_of(&run.execution) {
            return Ok(Found::OfAnotherExecution);
        }
        if is_report {
            return Ok(match stored_report(&account_id, key, &object) {
                Ok(report) => Found::Report(account_id, report),
                Err(message) => {
                    let failure = storage_failed(run, &account_id, message);
                    Found::Failure(account_id, failure)
                }
            });
        }
        let failure = serde_json::from_slice(&object.bytes).unwrap_or_else(|error| {
            storage_failed(run, &account_id, format!("the recorded failure can't be read: {error}"))
        });
        Ok(Found::Failure(account_id, failure))
    }

    async fn read_again_and_again(&self, key: &str) -> Result<Option<StoredObject>, ApiError> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.report_bucket.read(key).await {
                Err(ApiError { kind: ApiErrorKind::Unavailable, .. }) if tries < READ_TRIES => {}
                other => return other,
            }
        }
    }
}

fn storage_failed(run: &Run, account_id: &AccountId, message: String) -> FailureRecord {
    FailureRecord {
        account_id: account_id.clone(),
        execution: run.execution.clone(),
        code: FailureCode::StorageFailed,
        message,
        remedy: FailureCode::StorageFailed.remedy().to_owned(),
        waits: 0,
        failed_at: now(),
    }
}

/// What lies in the bucket as the report of `account_id`, and what is wrong with it.
fn stored_report(account_id: &AccountId, key: String, object: &StoredObject) -> Result<StoredReport, String> {
    let StoredObject { bytes, metadata } = object;
    let generated = time(metadata, bucket_layout::GENERATED_TIME)?;
    let collected = time(metadata, bucket_layout::COLLECTED_TIME)?;
    let sha256 = Checksum::of(bytes).hex();
    let (tally, fault) = match report::read(bytes, account_id, |_| ()) {
        Ok(tally) => (tally, None),
        Err(unreadable) => {
            (report::Tally::default(), Some((FailureCode::ReportUnreadable, unreadable.to_string())))
        }
    };
    let fault = match metadata.get(bucket_layout::SHA256) {
        Some(collected) if *collected == sha256 => fault,
        collected => Some((
            FailureCode::StorageFailed,
            format!(
                "the stored report's SHA-256 is {sha256}, and {} was collected",
                collected.map_or("none", |sum| sum)
            ),
        )),
    };
    let entry = ReportEntry {
        key,
        generated,
        collected,
        age_seconds: (collected - generated).num_seconds(),
        sha256,
        bytes: bytes.len() as u64,
        rows: tally.rows,
        bad_rows: tally.bad_rows,
        first_bad_rows: tally.first_bad_rows,
    };
    Ok(StoredReport { entry, fault })
}

fn time(metadata: &HashMap<String, String>, name: &str) -> Result<DateTime<Utc>, String> {
    let value = metadata.get(name).map_or("", |value| value);
    DateTime::parse_from_rfc3339(value)
        .map(|time| time.to_utc())
        .map_err(|error| format!("the stored report's metadata {name} is {value:?}: {error}"))
}

#[cfg(test)]
mod tests;
