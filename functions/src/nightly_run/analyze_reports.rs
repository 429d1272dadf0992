//! `AnalyzeReports`: calls the roll and judges the credentials. Reads everything this execution
//! wrote, applies the rules and the exemptions, compares with an earlier run, gives every account
//! its one outcome, and writes the findings and, last, `run.json`, which vouches for the rest.
//!
//! The truth about an account is what lies in the bucket, not what went through payloads: an
//! account with neither report nor failure of this execution is one without an outcome.

mod history;

use std::collections::HashMap;

use aws_config::SdkConfig;
use chrono::{DateTime, Utc};
use futures_util::{StreamExt, TryStreamExt, stream};
use rollcall_core::evidence::bucket_layout;
use rollcall_core::evidence::counts::FindingCounts;
use rollcall_core::evidence::manifest::{JudgedBy, Manifest};
use rollcall_core::evidence::metrics::{Measured, metrics};
use rollcall_core::evidence::tables;
use rollcall_core::formats::page::write_html;
use rollcall_core::formats::{csv, jsonl};
use rollcall_core::identifiers::account_id::AccountId;
use rollcall_core::identifiers::arn::ArnAccount;
use rollcall_core::judgement::analysis::{Analysis, Analyzer, Assessment, ReportAnalysis};
use rollcall_core::judgement::exemptions::Exemptions;
use rollcall_core::judgement::history::Earlier;
use rollcall_core::judgement::settings::RuleSettings;
use rollcall_core::organization::coverage::Coverage;
use rollcall_core::organization::failure::{FailureCode, FailureRecord};
use rollcall_core::organization::outcome::ReportEntry;
use rollcall_core::organization::roll::Roll;
use rollcall_core::organization::roll_call::{Evidence, RollCall, StoredReport};
use rollcall_core::organization::run::Run;
use rollcall_core::report::Tally;
use serde::{Deserialize, Serialize};

use crate::aws::api_error::ApiErrorKind;
use crate::clock::now;
use crate::report_store::store_error::StoreError;
use crate::report_store::{Checksum, ReportStore, StoredObject};
use crate::settings;
use crate::step_error::StepError;

use history::Past;

/// How many objects are read at a time.
const READ_AT_A_TIME: usize = 64;
/// How often an object that is cut off is read before it counts as unreadable.
const READ_TRIES: u32 = 3;

/// The step: its store, and how the rules are set.
#[derive(Debug)]
pub struct AnalyzeReports {
    report_store: ReportStore,
    settings: RuleSettings,
    partition: Option<String>,
    exemptions: Option<ExemptionsFile>,
    deployment: Option<String>,
    measured: Measured,
}

/// A file of exemptions that stands for the one in the store.
#[derive(Clone, Debug)]
pub struct ExemptionsFile {
    /// What errors call it.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// What a run came to, as it was written.
#[derive(Clone, Debug)]
pub struct Analyzed {
    /// The manifest.
    pub manifest: Manifest,
    /// The findings, and what became of those of the run before.
    pub assessment: Assessment,
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
    /// How many findings there are.
    pub findings: FindingCounts,
    /// The key of the manifest.
    pub manifest_key: String,
}

/// One object under the day's prefix.
enum Found {
    /// A report, and what it says unless something is wrong with it.
    Report(AccountId, Box<StoredReport>, Option<Box<ReportAnalysis>>),
    Failure(AccountId, FailureRecord),
    OfAnotherExecution,
}

/// What reading an object needs to know.
struct Context<'a> {
    run: &'a Run,
    analyzer: Analyzer<'a>,
    /// The names of the accounts to judge: a report of any other counts for nothing.
    names: HashMap<&'a AccountId, &'a str>,
}

impl AnalyzeReports {
    /// The step with the settings of the environment.
    ///
    /// # Errors
    /// `InvalidSettings`.
    pub fn from_environment(config: &SdkConfig) -> Result<Self, StepError> {
        let report_store = ReportStore::from_environment(config)?;
        let deployment = settings::optional("DEPLOYMENT");
        let measured = match settings::optional("SHOW_DASHBOARD").as_deref() {
            Some("true") => Measured::ForDashboard,
            _ => Measured::ForAlarms,
        };
        Ok(Self { deployment, measured, ..Self::new(report_store, settings::rule_settings()?) })
    }

    /// The step on the given bucket, with rules set by `settings`, that prints no metrics.
    pub fn new(report_store: ReportStore, settings: RuleSettings) -> Self {
        Self {
            report_store,
            settings,
            partition: None,
            exemptions: None,
            deployment: None,
            measured: Measured::ForAlarms,
        }
    }

    /// The same step for accounts of `partition`. Without it, the ARN of the execution tells, if it has one.
    pub fn in_partition(self, partition: String) -> Self {
        Self { partition: Some(partition), ..self }
    }

    /// The same step with exemptions from a file of its own; those in the store do not count.
    pub fn with_exemptions(self, file: ExemptionsFile) -> Self {
        Self { exemptions: Some(file), ..self }
    }

    /// Calls the roll of a run, judges its reports, and writes findings and manifest.
    ///
    /// # Errors
    /// `RunReplaced`, `InvalidExemptions`, `StorageFailed` or `ServiceUnavailable`.
    pub async fn run(&self, input: AnalyzeReportsInput) -> Result<AnalyzeReportsOutput, StepError> {
        let Analyzed { manifest, .. } = self.analyze(&input.run).await?;
        let manifest_key = bucket_layout::run(manifest.date);
        Ok(AnalyzeReportsOutput { coverage: manifest.coverage, findings: manifest.findings, manifest_key })
    }

    /// The same, for a caller that shows what the run came to.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub async fn analyze(&self, run: &Run) -> Result<Analyzed, StepError> {
        let date = run.date();
        let roll: Roll =
            self.report_store.read_json_of(&bucket_layout::accounts(date), &run.execution).await?;
        let (exemptions, exemptions_file) = self.exemptions().await?;
        let past = Past { bucket: &self.report_store, date, roll: &roll, settings: &self.settings };
        let (history, previous) = past.read().await?;

        let of_execution = ArnAccount::of_arn(&run.execution_arn).ok().map(|owner| owner.partition);
        let partition = self.partition.as_deref().or(of_execution.as_deref()).unwrap_or_default();
        let analyzer = Analyzer::new(&self.settings, &previous, run.as_of, date).in_partition(partition);
        let mut analysis = Analysis::new(analyzer);
        let context = Context {
            run,
            analyzer,
            names: roll
                .accounts
                .iter()
                .filter(|account| account.skip.is_none())
                .map(|account| (&account.account_id, &*account.name))
                .collect(),
        };
        let evidence = self.evidence(&context, &mut analysis).await?;
        let roll_call = RollCall::of(roll, evidence);
        let assessment = analysis.settle(&roll_call, &exemptions);
        let exemptions_sha256 = exemptions_file.as_deref().map(|bytes| Checksum::of(bytes).hex());
        let judged_by = JudgedBy { settings: self.settings.clone(), history, exemptions_sha256 };
        let manifest = self.write(run, roll_call, judged_by, exemptions_file, &assessment).await?;
        log(&manifest);
        // CloudWatch makes metrics of this line in the function's log.
        if let Some(line) =
            self.deployment.as_deref().and_then(|name| metrics(&manifest, name, self.measured))
        {
            println!("{line}");
        }
        Ok(Analyzed { manifest, assessment })
    }

    /// Writes everything the run found. The manifest comes last: where it is, everything it names is.
    async fn write(
        &self,
        run: &Run,
        roll_call: RollCall,
        judged_by: JudgedBy,
        exemptions: Option<Vec<u8>>,
        assessment: &Assessment,
    ) -> Result<Manifest, StepError> {
        let (store, date, execution) = (&self.report_store, run.date(), &run.execution);
        let Assessment { findings, resolved, .. } = assessment;
        let csv = store.write_file(bucket_layout::findings_csv(date), "text/csv", execution, |mut output| {
            csv::write_csv(findings, &mut output)
        });
        let csv = csv.await?;
        let jsonl = store.write_file(
            bucket_layout::findings_jsonl(date),
            "application/jsonl",
            execution,
            |mut output| jsonl::write_jsonl(findings, &mut output),
        );
        let jsonl = jsonl.await?;
        let manifest = Manifest::of(run, roll_call, judged_by, assessment, now()).vouching_for([csv, jsonl]);
        let summary = store.write_file(
            bucket_layout::summary(date),
            "text/html; charset=utf-8",
            execution,
            |mut output| write_html(&manifest, findings, resolved, &mut output),
        );
        let summary = summary.await?;
        let accounts = store.write_file(
            bucket_layout::accounts_table(date),
            "application/jsonl",
            execution,
            |mut output| tables::write_accounts(&manifest, &mut output),
        );
        let accounts = accounts.await?;
        let mut manifest = manifest.vouching_for([summary, accounts]);
        // People change the file, and a day is to prove by itself what it was judged by.
        if let Some(bytes) = exemptions {
            let copy =
                store.write_file(bucket_layout::exemptions(date), "application/toml", execution, |output| {
                    output.write_all(&bytes)
                });
            manifest = manifest.vouching_for([copy.await?]);
        }
        // Athena reads buckets, and no folder on a disk.
        if store.is_bucket() {
            let findings = store.address(&bucket_layout::findings_jsonl(date));
            let symlink = store.write_file(
                bucket_layout::findings_table(date),
                "text/plain",
                execution,
                |mut output| tables::write_symlink(&findings, &mut output),
            );
            manifest = manifest.vouching_for([symlink.await?]);
        }
        store.write_json(&bucket_layout::run(date), &manifest, execution).await?;
        Ok(manifest)
    }

    /// The exemptions, and the bytes of their file when there is one. A file that can't be read is
    /// never taken for no exemptions.
    async fn exemptions(&self) -> Result<(Exemptions, Option<Vec<u8>>), StepError> {
        if let Some(file) = &self.exemptions {
            return parse_exemptions(&file.name, file.bytes.clone());
        }
        let key = bucket_layout::EXEMPTIONS;
        if !self.report_store.has(key).await? {
            return Ok((Exemptions::default(), None));
        }
        let place = self.report_store.address(key);
        let object = self.report_store.read(key).await?;
        let object = object.ok_or_else(|| StepError::DeletedMeanwhile { address: place.clone() })?;
        parse_exemptions(&place, object.bytes)
    }

    /// Everything this execution left under the day's prefix. What the reports say goes to
    /// `analysis`, report by report, so that no more than those being read are held.
    async fn evidence(
        &self,
        context: &Context<'_>,
        analysis: &mut Analysis<'_>,
    ) -> Result<Evidence, StepError> {
        let date = context.run.date();
        let mut objects: Vec<(AccountId, String)> = Vec::new();
        for key in self.report_store.list(&bucket_layout::reports(date)).await? {
            objects.extend(bucket_layout::report_account(date, &key).map(|account_id| (account_id, key)));
        }
        let reports = objects.len();
        for key in self.report_store.list(&bucket_layout::failures(date)).await? {
            objects.extend(bucket_layout::failure_account(date, &key).map(|account_id| (account_id, key)));
        }
        let mut found = stream::iter(objects.into_iter().enumerate())
            .map(|(index, (account_id, key))| self.find(context, account_id, key, index < reports))
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

    async fn find(
        &self,
        context: &Context<'_>,
        account_id: AccountId,
        key: String,
        is_report: bool,
    ) -> Result<Found, StepError> {
        let run = context.run;
        let object = match read_again_and_again(&self.report_store, &key).await {
            Ok(Some(object)) => object,
            // Deleted since it was listed: nobody can say any more whose it was.
            Ok(None) => return Ok(Found::OfAnotherExecution),
            // One object that can't be read is one account's failure and not the night's.
            Err(error) => {
                let failure = storage_failed(run, &account_id, error.to_string());
                return Ok(Found::Failure(account_id, failure));
            }
        };
        if !object.is_of(&run.execution) {
            return Ok(Found::OfAnotherExecution);
        }
        if is_report {
            return Ok(match stored_report(context, &account_id, key, &object) {
                Ok((report, judged)) => Found::Report(account_id, Box::new(report), judged.map(Box::new)),
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
}

/// Reads an object, once more when it is cut off.
async fn read_again_and_again(store: &ReportStore, key: &str) -> Result<Option<StoredObject>, StoreError> {
    let mut tries = 0;
    loop {
        tries += 1;
        match store.read(key).await {
            Err(StoreError::Bucket { error, .. })
                if error.kind == ApiErrorKind::Unavailable && tries < READ_TRIES => {}
            other => return other,
        }
    }
}

fn parse_exemptions(name: &str, bytes: Vec<u8>) -> Result<(Exemptions, Option<Vec<u8>>), StepError> {
    let exemptions = Exemptions::parse(name, &bytes).map_err(StepError::Exemptions)?;
    Ok((exemptions, Some(bytes)))
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

/// What lies in the bucket as the report of `account_id`, what is wrong with it, and what it says if
/// nothing is.
fn stored_report(
    context: &Context<'_>,
    account_id: &AccountId,
    key: String,
    object: &StoredObject,
) -> Result<(StoredReport, Option<ReportAnalysis>), String> {
    let StoredObject { bytes, metadata, .. } = object;
    let generated = time(metadata, bucket_layout::GENERATED_TIME)?;
    let collected = time(metadata, bucket_layout::COLLECTED_TIME)?;
    let sha256 = Checksum::of(bytes).hex();
    let (judged, fault) = match metadata.get(bucket_layout::SHA256) {
        Some(collected) if *collected == sha256 => {
            let report = |name: &&str| context.analyzer.report(account_id, name, Some(generated), bytes);
            match context.names.get(account_id).map(report) {
                None => (None, None),
                Some(Ok(judged)) => (Some(judged), None),
                Some(Err(unreadable)) => {
                    (None, Some((FailureCode::ReportUnreadable, unreadable.to_string())))
                }
            }
        }
        collected => {
            let collected = collected.map_or("none", |sum| sum);
            let message = format!("the stored report's SHA-256 is {sha256}, and {collected} was collected");
            (None, Some((FailureCode::StorageFailed, message)))
        }
    };
    let Tally { rows, bad_rows, first_bad_rows } =
        judged.as_ref().map(|judged| judged.tally.clone()).unwrap_or_default();
    let entry = ReportEntry {
        key,
        generated,
        collected,
        age_seconds: (collected - generated).num_seconds(),
        sha256,
        bytes: bytes.len() as u64,
        rows,
        bad_rows,
        first_bad_rows,
    };
    Ok((StoredReport { entry, fault }, judged))
}

fn log(manifest: &Manifest) {
    let Coverage { accounts, collected, failed, skipped, no_outcome, .. } = manifest.coverage;
    // The sentence that run.json has of the history may repeat what stands in a report.
    let compared_with = manifest.history.compared_with.as_ref().map(Earlier::date);
    tracing::info!(
        accounts,
        collected,
        failed,
        skipped,
        no_outcome,
        findings = manifest.findings.total,
        new = manifest.findings.new,
        resolved = manifest.findings.resolved,
        compared_with = compared_with.map(|date| date.to_string()),
        passed_over = manifest.history.passed_over.len(),
        "the roll is called"
    );
}

fn time(metadata: &HashMap<String, String>, name: &str) -> Result<DateTime<Utc>, String> {
    let value = metadata.get(name).map_or("", |value| value);
    DateTime::parse_from_rfc3339(value)
        .map(|time| time.to_utc())
        .map_err(|error| format!("the stored report's metadata {name} is {value:?}: {error}"))
}

#[cfg(test)]
mod tests;
