//! `AnalyzeReports`: calls the roll and judges the credentials. Reads everything this execution
//! wrote, applies the rules and the exemptions, compares with an earlier run, gives every account
//! its one outcome, and writes the findings and, last, `run.json`, which vouches for the rest.
//!
//! The truth about an account is what lies in the bucket, not what went through payloads: an
//! account with neither report nor failure of this execution is one without an outcome.

mod evidence;
mod history;
mod reading;

use aws_config::SdkConfig;
use rollcall_core::evidence::bucket_layout;
use rollcall_core::evidence::counts::FindingCounts;
use rollcall_core::evidence::manifest::{JudgedBy, Manifest};
use rollcall_core::evidence::metrics::{Measured, metrics};
use rollcall_core::evidence::tables;
use rollcall_core::formats::page::write_html;
use rollcall_core::formats::{csv, jsonl};
use rollcall_core::identifiers::account_id::AccountId;
use rollcall_core::identifiers::arn::ArnAccount;
use rollcall_core::judgement::analysis::{Analysis, Analyzer, Assessment};
use rollcall_core::judgement::exemptions::Exemptions;
use rollcall_core::judgement::history::Earlier;
use rollcall_core::judgement::settings::RuleSettings;
use rollcall_core::organization::coverage::Coverage;
use rollcall_core::organization::roll::Roll;
use rollcall_core::organization::roll_call::RollCall;
use rollcall_core::organization::run::Run;
use serde::{Deserialize, Serialize};

use crate::clock::Clock;
use crate::report_store::ReportStore;
use crate::report_store::object::Checksum;
use crate::settings;
use crate::step_error::StepError;

use evidence::RunEvidence;
use history::past::Past;

/// The step: its store, and how the rules are set.
#[derive(Debug)]
pub struct AnalyzeReports {
    report_store: ReportStore,
    settings: RuleSettings,
    partition: Option<String>,
    exemptions: Option<ExemptionsFile>,
    deployment: Option<String>,
    measured: Measured,
    clock: Clock,
}

/// A file of exemptions that stands for the one in the store.
#[derive(Clone, Debug)]
pub struct ExemptionsFile {
    /// What errors call it.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// The result of a run, as it was written.
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
        Ok(Self {
            deployment,
            measured,
            ..Self::new(report_store, settings::rule_settings()?, Clock::of_system())
        })
    }

    /// The step on the given bucket, with rules set by `settings`, that prints no metrics.
    pub fn new(report_store: ReportStore, settings: RuleSettings, clock: Clock) -> Self {
        Self {
            report_store,
            settings,
            partition: None,
            exemptions: None,
            deployment: None,
            measured: Measured::ForAlarms,
            clock,
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

    /// The same, for a caller that shows the result.
    ///
    /// # Errors
    /// As [`Self::run`].
    pub async fn analyze(&self, run: &Run) -> Result<Analyzed, StepError> {
        let date = run.date();
        let roll: Roll =
            self.report_store.read_json_of(&bucket_layout::accounts(date), &run.execution).await?;
        let (exemptions, exemptions_file) = self.exemptions().await?;
        let past = Past { store: &self.report_store, date, roll: &roll, settings: &self.settings };
        let (history, previous) = history::read(past).await?;

        let of_execution = ArnAccount::of_arn(&run.execution_arn).ok().map(|owner| owner.partition);
        let partition = self.partition.as_deref().or(of_execution.as_deref()).unwrap_or_default();
        let analyzer = Analyzer::new(&self.settings, &previous, run.as_of, date).in_partition(partition);
        let mut analysis = Analysis::new(analyzer);
        let of_run = RunEvidence::new(&self.report_store, run, &roll, analyzer, &self.clock);
        let evidence = of_run.read(&mut analysis).await?;
        let last_collected = |account_id: &AccountId| previous.last_collected(account_id);
        let roll_call = RollCall::of(roll, evidence).after(last_collected);
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
        let manifest =
            Manifest::of(run, roll_call, judged_by, assessment, self.clock.now()).vouching_for([csv, jsonl]);
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
        let key = bucket_layout::run(date);
        let manifest = self.as_written_before(&key, manifest).await;
        store.write_json(&key, &manifest, execution).await?;
        Ok(manifest)
    }

    /// An analysis that comes twice writes the same bytes: it has finished when the first did.
    async fn as_written_before(&self, key: &str, manifest: Manifest) -> Manifest {
        // What can't be read is written over, as it would be without a look at it.
        let Ok(true) = self.report_store.has(key).await else { return manifest };
        let Ok(Some(written)) = self.report_store.read(key).await else { return manifest };
        match serde_json::from_slice::<Manifest>(&written.bytes) {
            Ok(written) if manifest.is_of_the_same_analysis(&written) => written,
            _ => manifest,
        }
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
}

fn parse_exemptions(name: &str, bytes: Vec<u8>) -> Result<(Exemptions, Option<Vec<u8>>), StepError> {
    let exemptions = Exemptions::parse(name, &bytes).map_err(StepError::Exemptions)?;
    Ok((exemptions, Some(bytes)))
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

#[cfg(test)]
mod tests;
