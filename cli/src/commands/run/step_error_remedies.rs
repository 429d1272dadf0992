//! What to do about a step's error, for a person at the command line: it speaks of flags.

use rollcall_core::text::untrusted::shortened;
use rollcall_functions::aws::api_error::{ApiError, ApiErrorKind, Denial};
use rollcall_functions::parameter::Parameter;
use rollcall_functions::step_error::{StepError, StepErrorName};

use crate::aws_connection::HOW_TO_GET_CREDENTIALS;
use crate::error::CommandError;

/// How many bytes an error may have that repeats what others wrote.
const MESSAGE_LIMIT: usize = 32_000;

/// The error in one sentence, with the value, the place and the fix.
pub(super) fn command_error(error: StepError) -> CommandError {
    let fact = match &error {
        StepError::OrganizationMismatch { expected, actual } => format!(
            "{} is {expected:?} and this account is in organization {actual:?}",
            flag(Parameter::OrganizationId)
        ),
        _ => error.to_string(),
    };
    let sentence = match remedy(&error) {
        _ if error.api().is_some_and(|api| api.kind == ApiErrorKind::CredentialsExpired) => {
            format!("the AWS credentials have expired ({fact}): {HOW_TO_GET_CREDENTIALS}")
        }
        Some(remedy) => format!("{fact}: {remedy}"),
        None => fact,
    };
    CommandError::new(shortened(&sentence, MESSAGE_LIMIT))
}

/// What to do, where the fact does not say it.
fn remedy(error: &StepError) -> Option<String> {
    Some(match error {
        StepError::OrganizationsNotInUse(_) => {
            "give --this-account or --account-ids, or use credentials of the organization's management or delegated administrator account".to_owned()
        }
        StepError::OrganizationsDenied(ApiError {
            kind: ApiErrorKind::Denied(Denial::NotAllowed), call, ..
        }) => format!(
            "allow {} in the policies of that user or role, or give --this-account or --account-ids",
            call.operation
        ),
        StepError::OrganizationsDenied(_) => {
            "use credentials of the organization's management account or of a delegated administrator account, or give --this-account or --account-ids".to_owned()
        }
        StepError::OrganizationMismatch { .. } => {
            "correct it, or use credentials of the right account".to_owned()
        }
        StepError::UnknownOrganizationalUnit { .. } => {
            format!("correct {}", flag(Parameter::OrganizationalUnitIds))
        }
        StepError::NoAccountToCollect { .. } => format!(
            "look at the flags {}, {} and {}",
            flag(Parameter::IncludeAccountIds),
            flag(Parameter::ExcludeAccountIds),
            flag(Parameter::OrganizationalUnitIds)
        ),
        StepError::Gone { .. } | StepError::Damaged { .. } => "start the run again".to_owned(),
        StepError::RunReplaced { .. } => "start one run at a time".to_owned(),
        error if error.name() == StepErrorName::StorageFailed => {
            "check --output, and that you may write and list there".to_owned()
        }
        _ => return None,
    })
}

/// The flag that gives the command what the parameter gives a deployment.
fn flag(parameter: Parameter) -> &'static str {
    match parameter {
        Parameter::AccountIds => "--account-ids",
        Parameter::ExcludeAccountIds => "--exclude-account-ids",
        Parameter::IncludeAccountIds => "--include-account-ids",
        Parameter::OrganizationId => "--organization-id",
        Parameter::OrganizationalUnitIds => "--organizational-unit-ids",
        // The command polls for as long as it sees fit.
        Parameter::PollSeconds => "--wait-seconds",
    }
}
