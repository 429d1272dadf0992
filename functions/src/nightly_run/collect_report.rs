//! `CollectReport`: has one account's credential report generated and stores it.
//!
//! What happens to one account is an outcome and never an error: a report that is not there yet is
//! `Pending`, for the state machine to wait a minute and call again, and everything that concerns
//! this account alone is `Failed` with a stable code, recorded in the bucket.

mod member;

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_iam::types::ReportStateType;
use chrono::{DateTime, NaiveDate, Utc};
use rollcall_core::evidence::bucket_layout;
use rollcall_core::identifiers::account_id::AccountId;
use rollcall_core::identifiers::arn::ArnAccount;
use rollcall_core::organization::failure::{FailureCode, FailureRecord, PendingReason};
use rollcall_core::organization::roll::ListedBy;
use rollcall_core::report;
use rollcall_core::text::time::format_time;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use crate::aws::api_error::{ApiError, ApiErrorKind, Denial};
use crate::aws::connection;
use crate::aws::whole_answer::WholeAnswer;
use crate::clock::now;
use crate::parameter::Parameter;
use crate::report_store::ReportStore;
use crate::report_store::store_error::StoreError;
use crate::settings;
use crate::step_error::StepError;

use member::MemberRole;

/// The pause between polls inside one call: most reports are ready in two seconds.
const POLL_PAUSE: Duration = Duration::from_secs(2);

/// How long one call to AWS may take with all its attempts: one that needs longer is pending, and
/// the one-minute wait is its back-off. A few of them must fit into the function's timeout.
pub const CALL_LIMIT: Duration = Duration::from_secs(20);

/// The step: its clients and settings.
#[derive(Debug)]
pub struct CollectReport {
    member_role: MemberRole,
    report_store: ReportStore,
    poll: Duration,
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

/// A report as IAM served it.
struct Report {
    content: Vec<u8>,
    generated: DateTime<Utc>,
}

/// Why a call ends without a report.
#[derive(Debug, PartialEq, Eq)]
enum NoReport {
    Pending { reason: PendingReason, message: String },
    Failed { code: FailureCode, message: String },
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
        ))
    }

    /// The step with the given bucket; it assumes `member_role_name` in other accounts, and polls
    /// for `poll` before it answers that a report is pending.
    pub fn new(
        config: &SdkConfig,
        report_store: ReportStore,
        member_role_name: String,
        poll: Duration,
    ) -> Self {
        Self { member_role: MemberRole::new(config, member_role_name), report_store, poll }
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
        match self.member_role.assume(owner, account_id, "doctor").await {
            Ok(_) => Ok(()),
            Err(NoReport::Failed { code, message }) => Err((code, message)),
            Err(NoReport::Pending { reason, message }) => Err((reason.after_the_last_wait(), message)),
        }
    }

    /// Generate, then Get, until there is a report or the poll is over.
    async fn report(&self, owner: &ArnAccount, input: &CollectReportInput) -> Result<Report, NoReport> {
        let iam = self.member_role.iam(owner, input).await?;
        tracing::debug!("the role is assumed");
        let deadline = Instant::now() + self.poll;
        loop {
            let pending = match generate_and_get(&iam).await {
                Err(NoReport::Pending { reason, message }) if polling_helps(reason) => {
                    NoReport::Pending { reason, message }
                }
                other => return other,
            };
            tracing::debug!(?pending, "the report is not ready at this poll");
            if Instant::now() + POLL_PAUSE > deadline {
                return Err(pending);
            }
            sleep(POLL_PAUSE).await;
        }
    }

    async fn store(&self, input: &CollectReportInput, report: Report) -> Result<(), StoreError> {
        let Report { content, generated } = report;
        let key = bucket_layout::report(input.date, &input.account_id);
        let mut metadata = vec![
            (bucket_layout::ACCOUNT_ID, input.account_id.to_string()),
            (bucket_layout::GENERATED_TIME, format_time(generated)),
            (bucket_layout::COLLECTED_TIME, format_time(now())),
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
            failed_at: now(),
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

/// A rate that was passed is not passed any less by asking again in two seconds.
fn polling_helps(reason: PendingReason) -> bool {
    matches!(reason, PendingReason::Started | PendingReason::InProgress | PendingReason::Expired)
}

async fn generate_and_get(iam: &aws_sdk_iam::Client) -> Result<Report, NoReport> {
    const GENERATE: &str = "iam:GenerateCredentialReport";
    const GET: &str = "iam:GetCredentialReport";
    let generated = iam
        .generate_credential_report()
        .send()
        .await
        .map_err(|error| NoReport::of(ApiError::of(GENERATE, error)))?;
    let state = generated.state();
    match state {
        Some(ReportStateType::Complete) => {}
        Some(ReportStateType::Started) => {
            return Err(NoReport::state(PendingReason::Started, GENERATE, "STARTED"));
        }
        // A state that nobody knows yet is treated as one to wait for: the last wait ends it.
        other => {
            let state = other.map_or("no state", ReportStateType::as_str);
            return Err(NoReport::state(PendingReason::InProgress, GENERATE, state));
        }
    }
    let report = iam
        .get_credential_report()
        .customize()
        .interceptor(WholeAnswer("GetCredentialReport"))
        .send()
        .await
        .map_err(|error| NoReport::of(ApiError::of(GET, error)))?;
    let incomplete = |what| NoReport::of(ApiError::incomplete(GET, what));
    let content = report.content.ok_or_else(|| incomplete("content"))?.into_inner();
    let generated = report
        .generated_time
        .and_then(|time| DateTime::from_timestamp(time.secs(), 0))
        .ok_or_else(|| incomplete("the time the report was generated"))?;
    Ok(Report { content, generated })
}

impl NoReport {
    fn state(reason: PendingReason, call: &str, state: &str) -> Self {
        Self::Pending { reason, message: format!("{call} answered {state}") }
    }

    /// What a failed call to IAM in the account means for the account.
    fn of(error: ApiError) -> Self {
        let message = error.to_string();
        let reason = match error.kind {
            ApiErrorKind::Throttled => PendingReason::Throttled,
            ApiErrorKind::NoCapacity => PendingReason::NoCapacity,
            ApiErrorKind::ReportInProgress => PendingReason::InProgress,
            ApiErrorKind::ReportMissing => PendingReason::Expired,
            // A function's next try takes new credentials.
            ApiErrorKind::Unavailable | ApiErrorKind::CredentialsExpired => PendingReason::Unavailable,
            // The role was assumed, so it is there: what denies is a policy, explicit or for want of
            // an allow.
            ApiErrorKind::Denied(_) => {
                return Self::Failed { code: FailureCode::DeniedByPolicy, message };
            }
            ApiErrorKind::ConditionFailed | ApiErrorKind::ConditionConflict | ApiErrorKind::Other => {
                return Self::Failed { code: FailureCode::Internal, message };
            }
        };
        Self::Pending { reason, message }
    }

    /// What a report that could not be stored means for the account.
    fn of_storage(error: StoreError) -> Self {
        let message = error.to_string();
        match error.is_passing() {
            true => Self::Pending { reason: PendingReason::StorageUnavailable, message },
            false => Self::Failed { code: FailureCode::StorageFailed, message },
        }
    }

    /// What a failed call to STS for the account means for the account.
    fn of_assume_role(error: ApiError) -> Self {
        match error.kind {
            ApiErrorKind::Denied(Denial::NotAllowed | Denial::OfService) => {
                Self::Failed { code: FailureCode::RoleMissingOrDenied, message: error.to_string() }
            }
            _ => Self::of(error),
        }
    }
}

#[cfg(test)]
mod tests;
