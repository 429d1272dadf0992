//! What to do about a step's error, for a person who deployed the template: it speaks of parameters.

use rollcall_core::text::untrusted::shortened;

use crate::aws::api_error::{ApiError, ApiErrorKind, Denial};
use crate::parameter::Parameter;
use crate::step_error::StepError;

/// How many bytes the message of an error may have. A payload of the state machine takes 256 KiB.
const MESSAGE_LIMIT: usize = 32_000;

/// The error in one sentence, with the value, the place and the fix. It may repeat what others wrote, and
/// goes into a log and a message as it is.
pub fn sentence(error: &StepError) -> String {
    let fact = match error {
        StepError::PollSeconds { .. } | StepError::OrganizationMismatch { .. } => {
            format!("the parameter {error}")
        }
        StepError::MessagesNotSent { failures, .. } => {
            failures.iter().map(not_sent).collect::<Vec<_>>().join("; ")
        }
        _ => error.to_string(),
    };
    let sentence = match remedy(error) {
        Some(remedy) => format!("{fact}{remedy}"),
        None => fact,
    };
    shortened(&sentence, MESSAGE_LIMIT).into_owned()
}

/// What to do, where the fact does not say it, with the sign that parts it from the fact.
fn remedy(error: &StepError) -> Option<String> {
    let remedy = match error {
        StepError::ExecutionInput(_) => {
            return Some(
                "; it takes {\"accounts\": [\"111122223333\"], \"asOf\": \"2026-01-31\"}, both optional"
                    .to_owned(),
            );
        }
        StepError::UnknownAccounts(_) => "correct \"accounts\" in the execution's input".to_owned(),
        StepError::MissingVariable { .. } => "deploy the function with template.yml".to_owned(),
        StepError::AccountIds { parameter, .. } => correct(parameter),
        StepError::RuleSetting(invalid) => correct(&invalid.rule.parameter()),
        StepError::PollSeconds { .. } => {
            "give a whole number of seconds from 0 to 40 and deploy again".to_owned()
        }
        StepError::OrganizationsNotInUse(_) => format!(
            "set the parameter {} to the accounts to collect, or deploy in the organization's management or delegated administrator account",
            Parameter::AccountIds
        ),
        StepError::OrganizationsDenied(ApiError {
            kind: ApiErrorKind::Denied(Denial::NotAllowed),
            call,
            ..
        }) => format!(
            "allow {} in the policies of that user or role, or set the parameter {}",
            call.operation,
            Parameter::AccountIds
        ),
        StepError::OrganizationsDenied(_) => format!(
            "deploy in the organization's management account or a delegated administrator account, or set the parameter {}",
            Parameter::AccountIds
        ),
        StepError::OrganizationMismatch { .. } => {
            "correct the parameter or deploy in the right account".to_owned()
        }
        StepError::UnknownOrganizationalUnit { .. } => correct(&Parameter::OrganizationalUnitIds),
        StepError::NoAccountToCollect { .. } => format!(
            "look at the parameters {}, {} and {}, and at \"accounts\" in the execution's input",
            Parameter::IncludeAccountIds,
            Parameter::ExcludeAccountIds,
            Parameter::OrganizationalUnitIds
        ),
        StepError::Gone { .. } | StepError::Damaged { .. } => "start the run again".to_owned(),
        StepError::AnotherRunIsRunning { .. } => {
            "wait for it to end, or stop it, and start the run again".to_owned()
        }
        StepError::OtherRunUnknown { .. } => {
            "allow states:DescribeExecution to this role, and start the run again".to_owned()
        }
        StepError::LockDamaged { .. } => "delete that object, and start the run again".to_owned(),
        StepError::RunReplaced { .. } => "start one run at a time".to_owned(),
        // They say it themselves, or pass.
        StepError::FunctionArn(_)
        | StepError::StepInput(_)
        | StepError::AsOf(_)
        | StepError::Exemptions(_)
        | StepError::OrganizationsFailed(_)
        | StepError::ListedAccount(_)
        | StepError::Store(_)
        | StepError::NotPrepared { .. }
        | StepError::DeletedMeanwhile { .. }
        | StepError::FailureNotRecorded { .. }
        | StepError::MessagesNotSent { .. } => return None,
    };
    Some(format!(": {remedy}"))
}

fn correct(parameter: &impl std::fmt::Display) -> String {
    format!("correct the parameter {parameter} and deploy again")
}

fn not_sent(error: &ApiError) -> String {
    match error.kind {
        ApiErrorKind::Denied(Denial::NotAllowed | Denial::OfService) => {
            format!("{error} (the policies of this role, of the topic and of its key have to allow it)")
        }
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use rollcall_core::identifiers::account_id::AccountId;
    use rollcall_core::judgement::rules::RuleId;
    use rollcall_core::judgement::settings::RuleSettings;

    use super::*;
    use crate::aws::api_error::Call;
    use crate::step_error::InvalidExecutionInput;

    #[test]
    fn an_error_of_the_settings_names_the_value_and_the_parameter() {
        let account_id = "1111-2222".parse::<AccountId>().unwrap_err();
        let rule = RuleSettings::default().set(RuleId::ConsoleWithoutMfa, "-1").unwrap_err();
        for (error, expected) in [
            (
                StepError::AccountIds { parameter: Parameter::ExcludeAccountIds, error: account_id },
                "account id \"1111-2222\" is not twelve digits: correct the parameter ExcludeAccountIds and deploy again",
            ),
            (
                StepError::RuleSetting(rule),
                "console-without-mfa is \"-1\": it takes on or off: correct the parameter ConsoleWithoutMfa and deploy again",
            ),
            (
                StepError::PollSeconds { value: "soon".into() },
                "the parameter PollSeconds is \"soon\": give a whole number of seconds from 0 to 40 and deploy again",
            ),
            (
                StepError::MissingVariable { variable: "WORK_BUCKET" },
                "the environment variable WORK_BUCKET is not set: deploy the function with template.yml",
            ),
        ] {
            assert_eq!(sentence(&error), expected);
        }
    }

    /// The runbook, in which what a person reads there can be looked up.
    const RUNBOOK: &str = include_str!("../../../docs/runbook.md");

    #[test]
    fn the_runbook_quotes_what_is_sent() {
        let runbook = RUNBOOK.split_whitespace().collect::<Vec<_>>().join(" ");
        let denied = |words| {
            let call = Call::from("organizations:ListRoots");
            ApiError::refused(call, Some("AccessDeniedException"), Some(words), 400)
        };
        let address = || "s3://reports/2026-01-31/accounts.json".to_owned();
        for (error, quotes) in [
            (
                StepError::ExecutionInput(InvalidExecutionInput::List),
                &["the execution's input: ", "; it takes {\"accounts\": [\"111122223333\"], \"asOf\": "][..],
            ),
            (
                StepError::MissingVariable { variable: "WORK_BUCKET" },
                &["is not set: deploy the function with template.yml"],
            ),
            (
                StepError::OrganizationsNotInUse(denied("no")),
                &[
                    "this account is in no organization: set the parameter AccountIds to the accounts to collect, or deploy in the organization's management or delegated administrator account",
                ],
            ),
            (
                StepError::OrganizationsDenied(denied("no")),
                &[
                    "deploy in the organization's management account or a delegated administrator account, or set the parameter AccountIds",
                ],
            ),
            (
                StepError::OrganizationMismatch { expected: "o-1".into(), actual: "o-2".into() },
                &["the parameter OrganizationId is \"o-", "\" and this account is in organization \"o-"],
            ),
            (
                StepError::UnknownOrganizationalUnit { id: "ou-1".into() },
                &[
                    "the organization has no root or organizational unit \"ou-",
                    ": correct the parameter OrganizationalUnitIds and deploy again",
                ],
            ),
            (
                StepError::NoAccountToCollect { accounts: 3 },
                &["none of the ", " accounts on the roll is to be collected"],
            ),
            (
                StepError::RunReplaced {
                    address: address(),
                    writer: Some("night-2".into()),
                    execution: "night-1".into(),
                },
                &[" was written by ", " while execution ", " was running: start one run at a time"],
            ),
            (
                StepError::AnotherRunIsRunning {
                    execution: "night-1".into(),
                    started: "2026-01-31T01:00:00Z".parse().unwrap(),
                },
                &[
                    ", which started at ",
                    ", is still running: wait for it to end, or stop it, and start the run again",
                ],
            ),
            (StepError::Gone { address: address() }, &["/accounts.json is gone: start the run again"]),
        ] {
            let sentence = sentence(&error);
            for quote in quotes {
                assert!(sentence.contains(quote), "{quote}: {sentence}");
                assert!(runbook.contains(quote), "{quote}");
            }
        }
    }

    #[test]
    fn a_missing_permission_is_named_and_another_account_is_not_recommended() {
        let words = "User: x is not authorized to perform: organizations:ListRoots on resource: *";
        let call = Call::from("organizations:ListRoots");
        let error = ApiError::refused(call, Some("AccessDeniedException"), Some(words), 400);
        assert_eq!(
            sentence(&StepError::OrganizationsDenied(error)),
            format!(
                "organizations:ListRoots answered AccessDeniedException: {words}: allow organizations:ListRoots in the policies of that user or role, or set the parameter AccountIds"
            )
        );
    }

    #[test]
    fn what_others_wrote_stays_on_one_line_of_a_limited_length() {
        let id = format!("ou-\u{1b}[31m\n{}", "x".repeat(2 * MESSAGE_LIMIT));
        let sentence = sentence(&StepError::RunReplaced {
            address: "s3://reports/run.json".into(),
            writer: Some(id),
            execution: "night-1".into(),
        });
        assert!(sentence.len() <= MESSAGE_LIMIT);
        assert!(!sentence.contains(char::is_control), "{}", &sentence[..100]);
    }
}
