//! The errors a step ends with. Their names are a contract with the state machine, which retries
//! or reports by name; their text is one sentence with the value, the place and the fix.
//!
//! What concerns one account is never among them: that is an outcome of the account.

use lambda_runtime::Diagnostic;
use rollcall_core::text::untrusted::shortened;

use crate::aws::api_error::ApiError;

/// How many bytes the message of an error may have. A payload of the state machine takes 256 KiB.
const MESSAGE_LIMIT: usize = 32_000;

/// Why a step could not do its work at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct StepError {
    /// What kind of error it is.
    pub name: StepErrorName,
    /// One sentence for a person.
    pub message: String,
}

/// The kinds of [`StepError`], as the state machine knows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepErrorName {
    /// The execution's input, or a step's, is not what it should be.
    InvalidInput,
    /// A parameter of the deployment is not what it should be.
    InvalidSettings,
    /// `exemptions.toml` is not what it should be.
    InvalidExemptions,
    /// The account is in no organization.
    OrganizationsNotInUse,
    /// The account may not ask Organizations.
    OrganizationsDenied,
    /// The deployment names another organization than the account is in.
    OrganizationMismatch,
    /// A root or organizational unit that does not exist.
    UnknownOrganizationalUnit,
    /// No account is left to collect.
    NoAccountToCollect,
    /// Another execution of the same day has replaced what this one wrote.
    RunReplaced,
    /// A bucket refused, or does not answer. Worth another try.
    StorageFailed,
    /// No message could be sent. Worth another try.
    MessageNotSent,
    /// Some messages could be sent and some not: another try would send the first ones twice.
    SomeMessagesNotSent,
    /// An AWS service is over its rate or out of order. Worth another try.
    ServiceUnavailable,
}

impl StepErrorName {
    /// Every name.
    pub const ALL: [Self; 13] = [
        Self::InvalidInput,
        Self::InvalidSettings,
        Self::InvalidExemptions,
        Self::OrganizationsNotInUse,
        Self::OrganizationsDenied,
        Self::OrganizationMismatch,
        Self::UnknownOrganizationalUnit,
        Self::NoAccountToCollect,
        Self::RunReplaced,
        Self::StorageFailed,
        Self::MessageNotSent,
        Self::SomeMessagesNotSent,
        Self::ServiceUnavailable,
    ];

    /// The name as the state machine sees it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidInput => "InvalidInput",
            Self::InvalidSettings => "InvalidSettings",
            Self::InvalidExemptions => "InvalidExemptions",
            Self::OrganizationsNotInUse => "OrganizationsNotInUse",
            Self::OrganizationsDenied => "OrganizationsDenied",
            Self::OrganizationMismatch => "OrganizationMismatch",
            Self::UnknownOrganizationalUnit => "UnknownOrganizationalUnit",
            Self::NoAccountToCollect => "NoAccountToCollect",
            Self::RunReplaced => "RunReplaced",
            Self::StorageFailed => "StorageFailed",
            Self::MessageNotSent => "MessageNotSent",
            Self::SomeMessagesNotSent => "SomeMessagesNotSent",
            Self::ServiceUnavailable => "ServiceUnavailable",
        }
    }

    /// The error of this name with `message`, which may repeat what somebody else wrote: it goes into a
    /// log and a message as it is.
    pub fn error(self, message: impl Into<String>) -> StepError {
        StepError { name: self, message: shortened(&message.into(), MESSAGE_LIMIT).into_owned() }
    }
}

/// A bucket that failed a whole step.
impl From<ApiError> for StepError {
    fn from(error: ApiError) -> Self {
        let name = match error.is_passing() {
            true => StepErrorName::ServiceUnavailable,
            false => StepErrorName::StorageFailed,
        };
        name.error(error.message)
    }
}

impl From<StepError> for Diagnostic {
    fn from(error: StepError) -> Self {
        Self { error_type: error.name.as_str().to_owned(), error_message: error.message }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    const DEFINITION: &str = include_str!("../../statemachine/credential-reports.asl.json");

    /// The errors the state machine retries or catches anywhere in `state`.
    fn error_names(state: &Value, names: &mut BTreeSet<String>) {
        match state {
            Value::Object(fields) => {
                for (key, value) in fields {
                    if key == "ErrorEquals" {
                        names.extend(
                            value.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()),
                        );
                    }
                    error_names(value, names);
                }
            }
            Value::Array(values) => values.iter().for_each(|value| error_names(value, names)),
            _ => (),
        }
    }

    #[test]
    fn every_error_the_state_machine_names_exists() {
        let mut names = BTreeSet::new();
        error_names(&serde_json::from_str(DEFINITION).unwrap(), &mut names);
        let ours: BTreeSet<String> = names
            .into_iter()
            .filter(|name| {
                let of_aws = ["States.", "Lambda.", "Runtime.", "Sandbox.", "SNS.", "Sns."];
                !of_aws.iter().any(|prefix| name.starts_with(prefix))
            })
            .collect();
        assert!(!ours.is_empty());
        for name in ours {
            assert!(
                StepErrorName::ALL.iter().any(|known| known.as_str() == name),
                "{name} is no error of a step"
            );
        }
    }

    #[test]
    fn an_error_tells_lambda_its_name_and_never_a_rust_type() {
        for name in StepErrorName::ALL {
            let diagnostic = Diagnostic::from(name.error("a sentence"));
            assert_eq!(diagnostic.error_type, format!("{name:?}"));
            assert_eq!(diagnostic.error_message, "a sentence");
        }
    }
}
