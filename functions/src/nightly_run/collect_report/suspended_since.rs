//! Whether an account was suspended or closed after the roll was taken: then nothing is wrong with its role.

use aws_config::retry::RetryConfig;
use aws_sdk_organizations::Client;
use rollcall_core::identifiers::account_id::AccountId;
use rollcall_core::organization::failure::FailureCode;
use rollcall_core::organization::roll::SkipReason;

use super::no_report::NoReport;
use crate::aws::api_error::{ApiError, ApiErrorKind, Call};
use crate::aws::organization::account_state;

/// Why an account that refused has no report, after Organizations was asked about it.
///
/// It is asked once, and no answer leaves the refusal as it is: a whole organization without roles must not
/// be held up by the low rate of Organizations. When it may not be asked, the message says so, because
/// nothing else would.
pub(super) async fn ask(organizations: &Client, account_id: &AccountId, refused: NoReport) -> NoReport {
    let once = aws_sdk_organizations::config::Builder::new().retry_config(RetryConfig::disabled());
    let answer = organizations
        .describe_account()
        .account_id(account_id.as_str())
        .customize()
        .config_override(once)
        .send()
        .await;
    let error = match answer {
        Ok(answer) => {
            let state = answer.account.map(|account| account_state(&account));
            return match state.filter(|state| SkipReason::of_state(state).is_some()) {
                None => refused,
                Some(state) => NoReport::Failed {
                    code: FailureCode::AccountSuspended,
                    message: format!(
                        "account {account_id} was ACTIVE when the roll was taken and is {state:?} now"
                    ),
                },
            };
        }
        Err(error) => error,
    };
    let call = Call::of("organizations:DescribeAccount", format_args!("account {account_id}"));
    let unasked = ApiError::of(call, error);
    match (unasked.kind, refused) {
        (ApiErrorKind::Denied(_), NoReport::Failed { code, message }) => NoReport::Failed {
            code,
            message: format!("{message}; whether it was suspended since is not known: {unasked}"),
        },
        (_, refused) => refused,
    }
}
