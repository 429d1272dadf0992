//! What to do when Organizations refuses.

use rollcall_functions::step_error::{StepError, StepErrorName};

use crate::check::Check;

/// The failed check of a call that Organizations refused.
pub fn refused(name: &'static str, error: &StepError) -> Check {
    match error.name {
        StepErrorName::OrganizationsNotInUse => Check::failed(
            name,
            "this account is in no organization",
            "use `rollcall run --this-account` or --account-ids, and deploy with the parameter AccountIds",
        ),
        StepErrorName::OrganizationsDenied => {
            // The step's words end in what to do about a deployment.
            if let Some((text, fix)) = error.message.split_once(": allow ") {
                let fix = fix.split(", or set the parameter").next().unwrap_or_default();
                return Check::failed(name, text, format!("allow {fix}"));
            }
            let text = error.message.split(": deploy in ").next().unwrap_or_default();
            Check::failed(
                name,
                text,
                "use credentials of the organization's management account, or of a delegated administrator account",
            )
        }
        _ => Check::failed(name, &error.message, "try again in a minute"),
    }
}
