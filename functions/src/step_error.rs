//! The errors a step ends with. Their names are a contract with the state machine, which retries or reports
//! by name. An error says what happened, with the value and the place; what to do about it depends on who
//! ran the step, and stands at the edge that shows it: [`lambda`](crate::lambda) speaks of the template's
//! parameters, the command of its flags.
//!
//! What concerns one account alone is never among them: that is an outcome of the account.

use std::io;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use rollcall_core::identifiers::account_id::{AccountId, InvalidAccountId};
use rollcall_core::identifiers::arn::InvalidArn;
use rollcall_core::judgement::exemptions::InvalidExemptions;
use rollcall_core::judgement::settings::InvalidSetting;
use rollcall_core::organization::failure::FailureCode;
use rollcall_core::organization::roll::UnknownAccounts;
use rollcall_core::text::time::{InvalidAsOf, format_time};

use crate::aws::api_error::ApiError;
use crate::parameter::Parameter;
use crate::report_store::store_error::StoreError;

/// Why a step could not do its work at all.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StepError {
    /// Lambda gave the function an ARN that names no account.
    #[error("the function's own ARN: {0}")]
    FunctionArn(#[source] InvalidArn),
    /// The state machine gave the step something else than its input.
    #[error("the step's input: {0}")]
    StepInput(#[source] Arc<serde_json::Error>),
    /// A person started the execution with an input that it does not take.
    #[error("the execution's input: {0}")]
    ExecutionInput(#[source] InvalidExecutionInput),
    /// The time that ages are counted to is not a time.
    #[error(transparent)]
    AsOf(InvalidAsOf),
    /// The execution's input names accounts that are not on the roll.
    #[error(transparent)]
    UnknownAccounts(UnknownAccounts),
    /// A variable of the function's environment is missing.
    #[error("the environment variable {variable} is not set")]
    MissingVariable {
        /// Its name.
        variable: &'static str,
    },
    /// A parameter that takes account ids has something else.
    #[error("{error}")]
    AccountIds {
        /// The parameter.
        parameter: Parameter,
        /// What it has.
        #[source]
        error: InvalidAccountId,
    },
    /// A rule is set to what it does not take.
    #[error(transparent)]
    RuleSetting(InvalidSetting),
    /// The seconds to poll for are not a number of seconds.
    #[error("{} is {value:?}", Parameter::PollSeconds)]
    PollSeconds {
        /// What was given instead.
        value: String,
    },
    /// The file of exemptions has mistakes.
    #[error(transparent)]
    Exemptions(InvalidExemptions),
    /// The account is in no organization.
    #[error("this account is in no organization")]
    OrganizationsNotInUse(#[source] ApiError),
    /// The account may not ask Organizations.
    #[error(transparent)]
    OrganizationsDenied(ApiError),
    /// Organizations does not answer, or answers something unknown.
    #[error(transparent)]
    OrganizationsFailed(ApiError),
    /// Organizations listed an account without an account id.
    #[error("organizations:ListAccounts answered an account whose {0}")]
    ListedAccount(#[source] InvalidAccountId),
    /// The deployment is for another organization than the account is in.
    #[error("{} is {expected:?} and this account is in organization {actual:?}", Parameter::OrganizationId)]
    OrganizationMismatch {
        /// The id that was given.
        expected: String,
        /// The id of the organization that the account is in.
        actual: String,
    },
    /// A root or organizational unit that does not exist.
    #[error("the organization has no root or organizational unit {id:?}")]
    UnknownOrganizationalUnit {
        /// The id that was given.
        id: String,
    },
    /// No account is left to collect.
    #[error("none of the {accounts} accounts on the roll is to be collected")]
    NoAccountToCollect {
        /// How many accounts are on the roll.
        accounts: usize,
    },
    /// The store refused, or does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is to be stored could not be written to the disk for temporary files.
    #[error("{address} could not be prepared on the disk for temporary files: {error}")]
    NotPrepared {
        /// Where it was to be stored.
        address: String,
        /// What the disk said.
        #[source]
        error: Arc<io::Error>,
    },
    /// Something that this run wrote is not there.
    #[error("{address} is gone")]
    Gone {
        /// Where it lay.
        address: String,
    },
    /// Something that this run wrote can't be read.
    #[error("{address}: {error}")]
    Damaged {
        /// Where it lies.
        address: String,
        /// What is wrong with it.
        #[source]
        error: Arc<serde_json::Error>,
    },
    /// An object was there, and then was not.
    #[error("{address} was deleted while it was read")]
    DeletedMeanwhile {
        /// Where it lay.
        address: String,
    },
    /// Another execution of the state machine has not ended.
    #[error("execution {execution}, which started at {}, is still running", format_time(*started))]
    AnotherRunIsRunning {
        /// Its name.
        execution: String,
        /// When it started.
        started: DateTime<Utc>,
    },
    /// Whether the execution before has ended can't be told.
    #[error("it can't be told whether execution {execution} has ended: {error}")]
    OtherRunUnknown {
        /// Its name.
        execution: String,
        /// Why not.
        #[source]
        error: ApiError,
    },
    /// The record of the run that has the lock can't be read.
    #[error("{address}: {error}")]
    LockDamaged {
        /// Where it lies.
        address: String,
        /// What is wrong with it.
        #[source]
        error: Arc<serde_json::Error>,
    },
    /// Another execution of the same day has replaced what this one wrote.
    #[error(
        "{address} was written by {} while execution {execution} was running",
        writer.as_deref().unwrap_or("an unknown writer")
    )]
    RunReplaced {
        /// What was replaced.
        address: String,
        /// The execution that wrote it, where it says so.
        writer: Option<String>,
        /// The execution of this run.
        execution: String,
    },
    /// An account failed, and its failure could not be recorded.
    #[error("{failure}; and {error}")]
    FailureNotRecorded {
        /// The account.
        account_id: AccountId,
        /// The code of its failure.
        code: FailureCode,
        /// What exactly happened to it.
        failure: String,
        /// Why that could not be recorded.
        #[source]
        error: Box<StoreError>,
    },
    /// Some messages, or all, could not be sent.
    #[error("{}", failures.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    MessagesNotSent {
        /// How many were sent.
        sent: usize,
        /// Why each of the others was not.
        failures: Vec<ApiError>,
    },
}

/// What is wrong with the input that a person gave an execution.
#[derive(Clone, Debug, thiserror::Error)]
pub enum InvalidExecutionInput {
    /// serde would take a list for the fields in their order, and `[]` for the whole organization.
    #[error("it is a list")]
    List,
    /// It names accounts, and none.
    #[error("\"accounts\" is empty")]
    NoAccounts,
    /// It has another form.
    #[error("{0}")]
    Form(#[source] Arc<serde_json::Error>),
}

/// The kinds of [`StepError`], as the state machine knows them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::EnumIter, strum::IntoStaticStr)]
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
    /// Another execution of the state machine is running, or it can't be told whether one is.
    AnotherRunIsRunning,
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

impl StepError {
    /// The name by which the state machine knows it.
    pub fn name(&self) -> StepErrorName {
        match self {
            Self::FunctionArn(_)
            | Self::StepInput(_)
            | Self::ExecutionInput(_)
            | Self::AsOf(_)
            | Self::UnknownAccounts(_) => StepErrorName::InvalidInput,
            Self::MissingVariable { .. }
            | Self::AccountIds { .. }
            | Self::RuleSetting(_)
            | Self::PollSeconds { .. } => StepErrorName::InvalidSettings,
            Self::Exemptions(_) => StepErrorName::InvalidExemptions,
            Self::OrganizationsNotInUse(_) => StepErrorName::OrganizationsNotInUse,
            Self::OrganizationsDenied(_) => StepErrorName::OrganizationsDenied,
            Self::OrganizationMismatch { .. } => StepErrorName::OrganizationMismatch,
            Self::UnknownOrganizationalUnit { .. } => StepErrorName::UnknownOrganizationalUnit,
            Self::NoAccountToCollect { .. } => StepErrorName::NoAccountToCollect,
            Self::OtherRunUnknown { error, .. } if error.is_passing() => StepErrorName::ServiceUnavailable,
            Self::AnotherRunIsRunning { .. } | Self::OtherRunUnknown { .. } => {
                StepErrorName::AnotherRunIsRunning
            }
            Self::RunReplaced { .. } => StepErrorName::RunReplaced,
            Self::OrganizationsFailed(_) | Self::ListedAccount(_) | Self::DeletedMeanwhile { .. } => {
                StepErrorName::ServiceUnavailable
            }
            Self::Store(error) if error.is_passing() => StepErrorName::ServiceUnavailable,
            Self::Store(_)
            | Self::NotPrepared { .. }
            | Self::Gone { .. }
            | Self::Damaged { .. }
            | Self::LockDamaged { .. }
            | Self::FailureNotRecorded { .. } => StepErrorName::StorageFailed,
            Self::MessagesNotSent { sent: 0, .. } => StepErrorName::MessageNotSent,
            Self::MessagesNotSent { .. } => StepErrorName::SomeMessagesNotSent,
        }
    }

    /// The call to AWS that failed, where it was one.
    pub fn api(&self) -> Option<&ApiError> {
        match self {
            Self::OrganizationsNotInUse(error)
            | Self::OrganizationsDenied(error)
            | Self::OrganizationsFailed(error)
            | Self::OtherRunUnknown { error, .. } => Some(error),
            Self::Store(error) => error.api(),
            Self::FailureNotRecorded { error, .. } => error.api(),
            Self::MessagesNotSent { failures, .. } => failures.first(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;
    use strum::IntoEnumIterator;

    use super::*;

    /// The definition of each state machine.
    const DEFINITIONS: [&str; 1] = [include_str!("../../statemachine/credential-reports.asl.json")];

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
    fn every_error_that_a_state_machine_names_exists() {
        for definition in DEFINITIONS {
            let mut names = BTreeSet::new();
            error_names(&serde_json::from_str(definition).unwrap(), &mut names);
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
                    StepErrorName::iter().any(|known| known.to_string() == name),
                    "no step ends with {name}"
                );
            }
        }
    }
}
