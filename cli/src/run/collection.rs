//! Collecting from every account: some at a time, and those that are not ready again after a wait.

use std::num::NonZeroUsize;

use futures_util::stream::{FuturesUnordered, StreamExt};
use rollcall_core::account::Owner;
use rollcall_functions::collect_report::{CollectReport, CollectReportInput, CollectReportOutput};
use tokio::sync::Semaphore;
use tokio::time::{Duration, sleep};

use super::progress::Progress;

/// How reports are collected.
pub(super) struct Collection {
    /// The step.
    pub step: CollectReport,
    /// Who collects.
    pub owner: Owner,
    /// How many accounts are asked at a time. One that waits is not asked.
    pub concurrency: NonZeroUsize,
    /// How long a wait is.
    pub wait: Duration,
    /// How many there are at most.
    pub max_waits: u32,
}

impl Collection {
    /// Collects from every account. Answers why not even the failure of an account could be recorded, for
    /// those of which it could not.
    pub(super) async fn run(&self, accounts: Vec<CollectReportInput>, progress: &Progress) -> Vec<String> {
        let slots = Semaphore::new(self.concurrency.get());
        let mut collecting: FuturesUnordered<_> =
            accounts.into_iter().map(|input| self.account(input, &slots, progress)).collect();
        let mut not_recorded = Vec::new();
        while let Some(error) = collecting.next().await {
            not_recorded.extend(error);
        }
        not_recorded
    }

    /// Collects from one account, and answers why that could not even be recorded.
    async fn account(
        &self,
        mut input: CollectReportInput,
        slots: &Semaphore,
        progress: &Progress,
    ) -> Option<String> {
        input.max_waits = self.max_waits;
        let account_id = input.account_id.to_string();
        loop {
            let output = {
                let _slot = slots.acquire().await.expect("nobody closes the semaphore");
                // Boxed, for it is large and most accounts are not being asked.
                Box::pin(self.step.run(&self.owner, input.clone())).await
            };
            match output {
                Ok(CollectReportOutput::Collected) => {
                    progress.collected(&account_id);
                    return None;
                }
                Ok(CollectReportOutput::Failed { code, message }) => {
                    progress.failed(&account_id, code, &message);
                    return None;
                }
                Ok(CollectReportOutput::Pending { reason }) => {
                    progress.waiting(&account_id, reason);
                    sleep(self.wait).await;
                    input.waits += 1;
                    progress.asked_again();
                }
                Err(error) => {
                    progress.not_recorded(&account_id);
                    return Some(format!("account {account_id}: {error}"));
                }
            }
        }
    }
}
