//! What becomes of an account in a run: collected, pending or failed, and why.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use strum::VariantArray;

use crate::identifiers::account_id::AccountId;

/// Why an account failed. The names are a contract: messages, `run.json` and runbooks use them.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    strum::Display,
    strum::IntoStaticStr,
    strum::VariantArray,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum FailureCode {
    /// The role can't be assumed; STS does not say whether it is missing or its trust refuses.
    RoleMissingOrDenied,
    /// The role was reached, or asked for, and a policy denies the call.
    DeniedByPolicy,
    /// The report was still not ready after the last wait.
    ReportTimedOut,
    /// What lies in the bucket, or what IAM answered, is not a credential report.
    ReportUnreadable,
    /// What lies in the bucket is a report that IAM can't have served when it was collected.
    ReportOutdated,
    /// The account was suspended or closed after the roll was taken.
    AccountSuspended,
    /// The report was fetched and could not be stored, or what is stored is not what was fetched.
    StorageFailed,
    /// IAM or STS still refused for its rate limits after the last wait.
    Throttled,
    /// The run ended with neither a report nor a failure of this account.
    NoOutcome,
    /// A fault of Rollcall, or of AWS, that has no code of its own.
    Internal,
}

impl FailureCode {
    /// Every code, in the order messages list them.
    pub const ALL: &'static [Self] = Self::VARIANTS;

    /// The code as it is written everywhere.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// What to do about it: one sentence or two, for a person.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::RoleMissingOrDenied => {
                "Deploy templates/member-role.yml into the account (a StackSet instance may be \
                 missing or outdated), and check that its CollectorRoleArn and OrganizationId are \
                 those of this deployment. If every account fails with this, allow sts:AssumeRole to \
                 the role of the collector."
            }
            Self::DeniedByPolicy => {
                "Allow iam:GenerateCredentialReport and iam:GetCredentialReport to the role that the \
                 message names: look at its policies, its permissions boundary and the service control \
                 policies above the account."
            }
            Self::ReportTimedOut => {
                "Start the run again; if it happens every night, open a case with \
                 AWS Support, for IAM does not finish the report."
            }
            Self::ReportUnreadable => {
                "Look at the stored report and at the message; if IAM really writes it this way, \
                 report it to Rollcall with the header line."
            }
            Self::ReportOutdated => {
                "Start the run again; if it happens again, look in CloudTrail for who answered or stored \
                 the report, because IAM serves none that is older than four hours."
            }
            Self::AccountSuspended => {
                "Nothing to do if the account is being closed; otherwise settle its suspension \
                 with AWS Support."
            }
            Self::StorageFailed => {
                "Check the report bucket's policy, its KMS key and the collector's permissions on \
                 both, then start the run again."
            }
            Self::Throttled => {
                "Start the run again, and lower MaxConcurrency if many accounts \
                 are throttled."
            }
            Self::NoOutcome => {
                "Open the execution's Map Run, find the child execution of this account and what \
                 ended it, then start the run again."
            }
            Self::Internal => {
                "Look up the execution in the log of CollectReport, and report the message to \
                 Rollcall if it is not an outage of AWS."
            }
        }
    }
}

/// Why a report is not there yet. Each is a reason to wait a minute, never a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PendingReason {
    /// GenerateCredentialReport started a report.
    Started,
    /// GenerateCredentialReport, or Get, found one being made.
    InProgress,
    /// GetCredentialReport found none, or one too old, although one was said to be complete.
    Expired,
    /// IAM has no capacity to launch a report (`LimitExceeded`).
    NoCapacity,
    /// IAM or STS is over its rate (`Throttling`).
    Throttled,
    /// IAM or STS has a fault of its own (5xx, no answer).
    Unavailable,
    /// The report is there and the bucket is over its rate or out of order.
    StorageUnavailable,
}

impl PendingReason {
    /// What an account that was still pending for this reason after the last wait has failed of.
    pub fn after_the_last_wait(self) -> FailureCode {
        match self {
            Self::Throttled => FailureCode::Throttled,
            Self::StorageUnavailable => FailureCode::StorageFailed,
            Self::Started | Self::InProgress | Self::Expired | Self::NoCapacity | Self::Unavailable => {
                FailureCode::ReportTimedOut
            }
        }
    }
}

/// `failures/ACCOUNT.json`: the recorded failure of one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureRecord {
    /// The account.
    pub account_id: AccountId,
    /// The name of the execution that recorded it.
    pub execution: String,
    /// Why it failed.
    pub code: FailureCode,
    /// What exactly happened: one sentence.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
    /// How many one-minute waits there had been.
    pub waits: u32,
    /// When it was recorded.
    pub failed_at: DateTime<Utc>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_written_the_same_in_json_and_in_messages() {
        for &code in FailureCode::ALL {
            assert_eq!(serde_json::to_string(&code).unwrap(), format!("\"{code}\""));
        }
    }

    #[test]
    fn every_code_says_what_to_do() {
        for &code in FailureCode::ALL {
            assert!(code.remedy().ends_with('.'), "{code}");
            assert!(!code.remedy().contains("  "), "{code}");
        }
    }

    #[test]
    fn what_an_account_was_pending_for_last_is_what_it_failed_of() {
        assert_eq!(PendingReason::Throttled.after_the_last_wait(), FailureCode::Throttled);
        assert_eq!(PendingReason::StorageUnavailable.after_the_last_wait(), FailureCode::StorageFailed);
        for reason in [
            PendingReason::Started,
            PendingReason::InProgress,
            PendingReason::Expired,
            PendingReason::NoCapacity,
            PendingReason::Unavailable,
        ] {
            assert_eq!(reason.after_the_last_wait(), FailureCode::ReportTimedOut);
        }
    }
}
