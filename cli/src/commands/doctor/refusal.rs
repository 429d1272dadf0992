//! What to do when Organizations refuses.

use rollcall_functions::aws::api_error::{ApiError, ApiErrorKind, Denial};
use rollcall_functions::step_error::StepError;

use crate::check::Check;

/// The failed check of a call that Organizations refused.
pub fn refused(name: &'static str, error: &StepError) -> Check {
    let fix = match error {
        StepError::OrganizationsNotInUse(_) => {
            "use `rollcall run --this-account` or --account-ids, and deploy with the parameter AccountIds"
                .to_owned()
        }
        StepError::OrganizationsDenied(ApiError {
            kind: ApiErrorKind::Denied(Denial::NotAllowed), call, ..
        }) => format!("allow {} in the policies of that user or role", call.operation),
        StepError::OrganizationsDenied(_) => {
            "use credentials of the organization's management account, or of a delegated administrator account"
                .to_owned()
        }
        _ => "try again in a minute".to_owned(),
    };
    Check::failed(name, error.to_string(), fix)
}
