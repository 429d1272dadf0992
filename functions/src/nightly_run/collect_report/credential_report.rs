//! The two calls to IAM that have a credential report made and get it, and how they are repeated within one call of
//! the step.

use std::time::Duration;

use aws_sdk_iam::types::ReportStateType;
use chrono::{DateTime, Utc};
use rollcall_core::organization::failure::PendingReason;
use tokio::time::{Instant, sleep};

use super::no_report::NoReport;
use crate::aws::api_error::ApiError;
use crate::aws::whole_answer::WholeAnswer;

/// The pause between polls inside one call: most reports are ready in two seconds.
const POLL_PAUSE: Duration = Duration::from_secs(2);

/// A report as IAM served it.
pub(super) struct Report {
    pub(super) content: Vec<u8>,
    pub(super) generated: DateTime<Utc>,
}

/// Generate, then Get, until there is a report or `limit` is over.
pub(super) async fn poll(iam: &aws_sdk_iam::Client, limit: Duration) -> Result<Report, NoReport> {
    let deadline = Instant::now() + limit;
    loop {
        let pending = match generate_and_get(iam).await {
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

/// A rate that was passed is not passed any less by asking again in two seconds.
fn polling_helps(reason: PendingReason) -> bool {
    matches!(reason, PendingReason::Started | PendingReason::InProgress | PendingReason::Expired)
}

/// Has the report made, and gets it if that was quick enough.
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
        // An unknown state is treated as one to wait for: the last wait ends it.
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
