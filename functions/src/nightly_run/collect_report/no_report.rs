//! Why an account has no report yet, or none in this run: what each failed call means for the account.

use rollcall_core::organization::failure::{FailureCode, PendingReason};

use crate::aws::api_error::{ApiError, ApiErrorKind};
use crate::aws::member_session::SessionError;
use crate::report_store::store_error::StoreError;

/// Why a call ends without a report.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoReport {
    Pending { reason: PendingReason, message: String },
    Failed { code: FailureCode, message: String },
}

impl NoReport {
    pub(super) fn state(reason: PendingReason, call: &str, state: &str) -> Self {
        Self::Pending { reason, message: format!("{call} answered {state}") }
    }

    /// What a failed call to IAM in the account means for the account.
    pub(super) fn of(error: ApiError) -> Self {
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
    pub(super) fn of_storage(error: StoreError) -> Self {
        let message = error.to_string();
        match error.is_passing() {
            true => Self::Pending { reason: PendingReason::StorageUnavailable, message },
            false => Self::Failed { code: FailureCode::StorageFailed, message },
        }
    }

    /// What it means for the account that there is no session in it.
    pub(super) fn of_session(error: SessionError) -> Self {
        match error {
            SessionError::RoleMissingOrDenied(error) => {
                Self::Failed { code: FailureCode::RoleMissingOrDenied, message: error.to_string() }
            }
            SessionError::DeniedByPolicy(error) => {
                Self::Failed { code: FailureCode::DeniedByPolicy, message: error.to_string() }
            }
            SessionError::Failed(error) => Self::of(error),
        }
    }
}
