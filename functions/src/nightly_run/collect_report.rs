//! `CollectReport`: has one account's credential report generated and stores it.
//!
//! What happens to one account is an outcome and never an error: a report that is not there yet is
//! `Pending`, so that the state machine waits a minute and calls again, and everything that concerns this
//! account alone is `Failed` with a stable code, recorded in the bucket.

mod credential_report;
mod no_report;
mod suspended_since;

use std::time::Duration;

use aws_config::SdkConfig;
use chrono::NaiveDate;
use rollcall_core::evidence::bucket_layout;
use rollcall_core::identifiers::account_id::AccountId;
use rollcall_core::identifiers::arn::ArnAccount;
use rollcall_core::organization::failure::{FailureCode, FailureRecord, PendingReason};
use rollcall_core::organization::roll::ListedBy;
use rollcall_core::report;
use rollcall_core::text::time::format_time;
use serde::{Deserialize, Serialize};

use crate::aws::connection;
use crate::aws::member_session::MemberRole;
use crate::clock::Clock;
use crate::parameter::Parameter;
use crate::report_store::ReportStore;
use crate::report_store::store_error::StoreError;
use crate::settings;
use crate::step_error::StepError;

use credential_report::Report;
use no_report::NoReport;

/// Allows the two calls the collector makes.
const SESSION_POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:GenerateCredentialReport","iam:GetCredentialReport"],"Resource":"*"}]}"#;

/// How long one call to AWS may take with all its attempts: one that needs longer is pending, and
/// the one-minute wait is its back-off. A few of them must fit into the function's timeout.
pub const CALL_LIMIT: Duration = Duration::from_secs(20);

/// The step: its clients and settings.
#[derive(Debug)]
pub struct CollectReport {
    member_role: MemberRole,
    organizations: aws_sdk_organizations::Client,
    report_store: ReportStore,
    poll: Duration,
    clock: Clock,
}

/// What the state machine gives the step: an item of the map, and where its loop stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CollectReportInput {
    /// The account to collect.
    pub account_id: AccountId,
    /// Who listed it: only Organizations can be asked whether it was suspended since.
    pub listed_by: ListedBy,
    /// The name of the run's execution. (The map's child executions have names of their own.)
    pub execution: String,
    /// The run's date.
    pub date: NaiveDate,
    /// How many one-minute waits there have been.
    pub waits: u32,
    /// How many there may be; told by the state machine, which owns the loop.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub max_waits: u32,
    /// Set when an earlier call of the step ended in an error that no retry mended: it is recorded,
    /// and nothing is collected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lambda_error: Option<LambdaError>,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// An error as the state machine caught it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct LambdaError {
    /// Its name, such as `Lambda.Unknown`.
    pub error: String,
    /// Its text.
    #[serde(default)]
    pub cause: String,
}

impl LambdaError {
    /// One sentence. The cause of a function's own error is JSON with the error's text in it.
    pub fn message(&self) -> String {
        let Self { error, cause } = self;
        let cause = serde_json::from_str::<serde_json::Value>(cause)
            .ok()
            .and_then(|cause| Some(cause.get("errorMessage")?.as_str()?.to_owned()))
            .unwrap_or_else(|| cause.clone());
        format!("the collector ended with {error}: {cause}")
    }
}

/// What the step answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status")]
pub enum CollectReportOutput {
    /// The report lies in the bucket.
    Collected,
    /// Not ready; wait a minute and call again.
    Pending {
        /// Why.
        reason: PendingReason,
    },
    /// This account has no report in this run, and `failures/ACCOUNT.json` says so.
    Failed {
        /// Why.
        code: FailureCode,
        /// What exactly happened.
        message: String,
    },
}

impl CollectReport {
    /// The step with the settings of the environment.
    ///
    /// # Errors
    /// `InvalidSettings`.
    pub fn from_environment(config: &SdkConfig) -> Result<Self, StepError> {
        let poll = settings::required(Parameter::PollSeconds.variable())?;
        let poll = poll.parse().map_err(|_| StepError::PollSeconds { value: poll })?;
        let config = connection::with_call_limit(config, CALL_LIMIT);
        Ok(Self::new(
            &config,
            ReportStore::from_environment(&config)?,
            settings::required("MEMBER_ROLE_NAME")?,
            Duration::from_secs(poll),
            Clock::of_system(),
        ))
    }

    /// The step with the given bucket; it assumes `member_role_name` in other accounts, and polls
    /// for `poll` before it answers that a report is pending.
    pub fn new(
        config: &SdkConfig,
        report_store: ReportStore,
        member_role_name: String,
        poll: Duration,
        clock: Clock,
    ) -> Self {
        Self {
            member_role: MemberRole::new(config, member_role_name, SESSION_POLICY),
            organizations: aws_sdk_organizations::Client::new(config),
            report_store,
            poll,
            clock,
        }
    }

    /// Collects the report of one account. `owner` is the collector's own account, which is asked
    /// with its own credentials: a StackSet never reaches it.
    ///
    /// # Errors
    /// `StorageFailed` when not even the failure could be recorded.
    pub async fn run(
        &self,
        owner: &ArnAccount,
        input: CollectReportInput,
    ) -> Result<CollectReportOutput, StepError> {
        if let Some(error) = &input.lambda_error {
            return self.fail(&input, FailureCode::Internal, error.message()).await;
        }
        let no_report = match self.report(owner, &input).await {
            Ok(report) => match self.store(&input, report).await {
                Ok(()) => return Ok(CollectReportOutput::Collected),
                Err(error) => NoReport::of_storage(error),
            },
            Err(no_report) => no_report,
        };
        match no_report {
            NoReport::Failed { code, message } => self.fail(&input, code, message).await,
            NoReport::Pending { reason, message } if input.waits >= input.max_waits => {
                let message = format!("no report after {} waits, last: {message}", input.waits);
                self.fail(&input, reason.after_the_last_wait(), message).await
            }
            NoReport::Pending { reason, message } => {
                tracing::info!(
                    waits = input.waits,
                    reason = ?reason,
                    detail = message,
                    "the report is not ready"
                );
                Ok(CollectReportOutput::Pending { reason })
            }
        }
    }

    /// Tries the role in an account without collecting anything.
    ///
    /// # Errors
    /// The code that collecting would fail with, and what exactly happened.
    pub async fn try_role(
        &self,
        owner: &ArnAccount,
        account_id: &AccountId,
    ) -> Result<(), (FailureCode, String)> {
        let opened = self.member_role.open(owner, account_id, "doctor").await;
        opened.map(|_| ()).map_err(|error| match NoReport::of_session(error) {
            NoReport::Failed { code, message } => (code, message),
            NoReport::Pending { reason, message } => (reason.after_the_last_wait(), message),
        })
    }

    /// Generate, then Get, until there is a report or the poll is over.
    async fn report(&self, owner: &ArnAccount, input: &CollectReportInput) -> Result<Report, NoReport> {
        let session = match self.member_role.open(owner, &input.account_id, &input.execution).await {
            Ok(session) => session,
            Err(error) => return Err(self.no_session(input, NoReport::of_session(error)).await),
        };
        let iam = session.iam();
        tracing::debug!("the role is assumed");
        credential_report::poll(&iam, self.poll).await
    }

    /// Why the account has no report when there is no session in it.
    async fn no_session(&self, input: &CollectReportInput, no_report: NoReport) -> NoReport {
        match (&no_report, input.listed_by) {
            (NoReport::Failed { .. }, ListedBy::Organizations) => {
                suspended_since::ask(&self.organizations, &input.account_id, no_report).await
            }
            // It will be tried again, or Organizations did not list it.
            _ => no_report,
        }
    }

    async fn store(&self, input: &CollectReportInput, report: Report) -> Result<(), StoreError> {
        let Report { content, generated } = report;
        let key = bucket_layout::report(input.date, &input.account_id);
        let mut metadata = vec![
            (bucket_layout::ACCOUNT_ID, input.account_id.to_string()),
            (bucket_layout::GENERATED_TIME, format_time(generated)),
            (bucket_layout::COLLECTED_TIME, format_time(self.clock.now())),
        ];
        // What IAM served is stored whatever it is: evidence first. Whether it can be read is for
        // the analysis to say, from what lies in the bucket.
        if let Ok(tally) = report::read(&content, &input.account_id, |_| ()) {
            metadata.push((bucket_layout::ROWS, tally.rows.to_string()));
        }
        let bytes = content.len();
        self.report_store.write(&key, "text/csv", content, &input.execution, &metadata).await?;
        tracing::info!(waits = input.waits, bytes, "the report is collected");
        Ok(())
    }

    /// Records a failure, and answers it.
    async fn fail(
        &self,
        input: &CollectReportInput,
        code: FailureCode,
        message: String,
    ) -> Result<CollectReportOutput, StepError> {
        tracing::warn!(waits = input.waits, code = code.as_str(), detail = message, "the account failed");
        let record = FailureRecord {
            account_id: input.account_id.clone(),
            execution: input.execution.clone(),
            code,
            message: message.clone(),
            remedy: code.remedy().to_owned(),
            waits: input.waits,
            failed_at: self.clock.now(),
        };
        self.report_store
            .write_json(&bucket_layout::failure(input.date, &input.account_id), &record, &input.execution)
            .await
            .map_err(|error| StepError::FailureNotRecorded {
                account_id: input.account_id.clone(),
                code,
                failure: message.clone(),
                error: Box::new(error),
            })?;
        Ok(CollectReportOutput::Failed { code, message })
    }
}

#[cfg(test)]
mod tests;
