//! Collecting from every account: some at a time, and those that are not ready again after a wait.

use std::num::NonZeroUsize;

use futures_util::stream::{FuturesUnordered, StreamExt};
use rollcall_core::identifiers::arn::ArnAccount;
use rollcall_core::organization::failure::{FailureCode, PendingReason};
use rollcall_functions::aws::api_error::{ApiError, ApiErrorKind};
use rollcall_functions::nightly_run::collect_report::{
    CollectReport, CollectReportInput, CollectReportOutput,
};
use tokio::sync::Semaphore;
use tokio::time::{Duration, sleep};

use super::progress::Progress;

/// How reports are collected.
pub(super) struct Collection {
    /// The step.
    pub step: CollectReport,
    /// Who collects.
    pub owner: ArnAccount,
    /// How many accounts are asked at a time. One that waits is not asked.
    pub concurrency: NonZeroUsize,
    /// How long a wait is.
    pub wait: Duration,
    /// How many there are at most.
    pub max_waits: u32,
    /// Whom to ask whether the credentials still hold.
    pub sts: aws_sdk_sts::Client,
}

/// The credentials ran out. That is not a failure of an account, but no more can be collected.
pub(super) struct CredentialsExpired;

impl Collection {
    /// Collects from every account. Returns a sentence for each account whose failure could not be recorded.
    pub(super) async fn run(
        &self,
        accounts: Vec<CollectReportInput>,
        progress: &Progress,
    ) -> Result<Vec<String>, CredentialsExpired> {
        let slots = Semaphore::new(self.concurrency.get());
        let mut collecting: FuturesUnordered<_> =
            accounts.into_iter().map(|input| self.account(input, &slots, progress)).collect();
        let mut not_recorded = Vec::new();
        while let Some(account) = collecting.next().await {
            not_recorded.extend(account?);
        }
        Ok(not_recorded)
    }

    /// Collects from one account. Returns a sentence when its failure could not be recorded.
    async fn account(
        &self,
        mut input: CollectReportInput,
        slots: &Semaphore,
        progress: &Progress,
    ) -> Result<Option<String>, CredentialsExpired> {
        input.max_waits = self.max_waits;
        let account_id = input.account_id.to_string();
        loop {
            let output = {
                let _slot = slots.acquire().await.expect("the semaphore is never closed");
                // Boxed, because it is large and most accounts are not being asked.
                Box::pin(self.step.run(&self.owner, input.clone())).await
            };
            match output {
                Ok(CollectReportOutput::Collected) => {
                    progress.collected();
                    return Ok(None);
                }
                Ok(CollectReportOutput::Failed { code, message }) => {
                    if code == FailureCode::ReportTimedOut && self.credentials_have_expired().await {
                        return Err(CredentialsExpired);
                    }
                    progress.failed(&account_id, code, &message);
                    return Ok(None);
                }
                Ok(CollectReportOutput::Pending { reason }) => {
                    // To the collector credentials that ran out are an outage, because a function's never
                    // run out. Waiting would turn every account that is left into a failure.
                    if reason == PendingReason::Unavailable && self.credentials_have_expired().await {
                        return Err(CredentialsExpired);
                    }
                    progress.waiting(&account_id, reason);
                    sleep(self.wait).await;
                    input.waits += 1;
                    progress.asked_again();
                }
                Err(error) => {
                    progress.not_recorded();
                    return Ok(Some(format!("account {account_id}: {error}")));
                }
            }
        }
    }

    async fn credentials_have_expired(&self) -> bool {
        let Err(error) = self.sts.get_caller_identity().send().await else { return false };
        ApiError::of("sts:GetCallerIdentity", error).kind == ApiErrorKind::CredentialsExpired
    }
}
