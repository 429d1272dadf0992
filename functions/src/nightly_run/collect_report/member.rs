//! IAM in the account that is collected: through the member role, or with the collector's own
//! credentials in its own account.

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_sdk_iam::config::Credentials;
use aws_sdk_iam::config::retry::RetryPartition;
use rollcall_core::identifiers::account_id::AccountId;
use rollcall_core::identifiers::arn::ArnAccount;
use rollcall_core::organization::account::AccountState;
use rollcall_core::organization::failure::FailureCode;
use rollcall_core::organization::roll::{ListedBy, SkipReason};

use super::{CollectReportInput, NoReport};
use crate::aws::api_error::{ApiError, ApiErrorKind, Call};
use crate::aws::organization::account_state;
use crate::aws::whole_answer::WholeAnswer;

/// Allows the two calls the collector makes. A session has no more than its role and this policy
/// both allow, so a role that somebody made too wide stays narrow here.
const SESSION_POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:GenerateCredentialReport","iam:GetCredentialReport"],"Resource":"*"}]}"#;

/// The longest session name STS takes.
const SESSION_NAME_LIMIT: usize = 64;

/// The role that is assumed in member accounts.
#[derive(Clone, Debug)]
pub(super) struct MemberRole {
    config: SdkConfig,
    sts: aws_sdk_sts::Client,
    organizations: aws_sdk_organizations::Client,
    own_iam: aws_sdk_iam::Client,
    role_name: String,
}

impl MemberRole {
    pub(super) fn new(config: &SdkConfig, role_name: String) -> Self {
        Self {
            sts: aws_sdk_sts::Client::new(config),
            organizations: aws_sdk_organizations::Client::new(config),
            own_iam: aws_sdk_iam::Client::new(config),
            config: config.clone(),
            role_name,
        }
    }

    /// IAM in the account of `input`.
    pub(super) async fn iam(
        &self,
        owner: &ArnAccount,
        input: &CollectReportInput,
    ) -> Result<aws_sdk_iam::Client, NoReport> {
        if input.account_id == owner.account_id {
            return Ok(self.own_iam.clone());
        }
        let credentials = match self.assume(owner, &input.account_id, &input.execution).await {
            Ok(credentials) => credentials,
            Err(refused) => return Err(self.suspended_since(input, refused).await),
        };
        // IAM's rates are the account's own, so each has its own allowance of retries here. The SDK would keep
        // one that is known by its name for as long as the process lives.
        let config = aws_sdk_iam::config::Builder::from(&self.config)
            .credentials_provider(credentials)
            .retry_partition(RetryPartition::custom("iam").build())
            .build();
        Ok(aws_sdk_iam::Client::from_conf(config))
    }

    /// The credentials of a session in `account_id`, named for `execution`.
    pub(super) async fn assume(
        &self,
        owner: &ArnAccount,
        account_id: &AccountId,
        execution: &str,
    ) -> Result<Credentials, NoReport> {
        let role_arn = owner.role_arn(account_id, &self.role_name);
        let call = Call::of("sts:AssumeRole", &role_arn);
        let answer = self
            .sts
            .assume_role()
            .role_arn(&role_arn)
            .role_session_name(session_name(execution))
            .policy(SESSION_POLICY)
            .customize()
            .interceptor(WholeAnswer("AssumeRole"))
            .send()
            .await
            .map_err(|error| NoReport::of_assume_role(ApiError::of(call.clone(), error)))?;
        let credentials =
            answer.credentials.ok_or_else(|| NoReport::of(ApiError::incomplete(call, "credentials")))?;
        Ok(Credentials::new(
            credentials.access_key_id,
            credentials.secret_access_key,
            Some(credentials.session_token),
            None,
            "member-role",
        ))
    }

    /// What a refusal comes to: the account may have been suspended or closed since the roll was taken.
    /// Organizations is asked once, and no answer leaves the refusal as it is: a whole organization
    /// without roles must not be held up by its low rate. That it may not be asked is added, for nothing
    /// else would tell of that.
    async fn suspended_since(&self, input: &CollectReportInput, refused: NoReport) -> NoReport {
        // One that will be asked again is not refused.
        if input.listed_by != ListedBy::Organizations || matches!(refused, NoReport::Pending { .. }) {
            return refused;
        }
        let once = aws_sdk_organizations::config::Builder::new().retry_config(RetryConfig::disabled());
        let answer = self
            .organizations
            .describe_account()
            .account_id(input.account_id.as_str())
            .customize()
            .config_override(once)
            .send()
            .await;
        let error = match answer {
            Ok(answer) => {
                let state = answer.account.map(|account| account_state(&account));
                return state.and_then(|state| suspended(&input.account_id, &state)).unwrap_or(refused);
            }
            Err(error) => error,
        };
        let call = Call::of("organizations:DescribeAccount", format_args!("account {}", input.account_id));
        let unasked = ApiError::of(call, error);
        match (unasked.kind, refused) {
            (ApiErrorKind::Denied(_), NoReport::Failed { code, message }) => NoReport::Failed {
                code,
                message: format!("{message}; whether it was suspended since is not known: {unasked}"),
            },
            (_, refused) => refused,
        }
    }
}

fn suspended(account_id: &AccountId, state: &AccountState) -> Option<NoReport> {
    SkipReason::of_state(state)?;
    Some(NoReport::Failed {
        code: FailureCode::AccountSuspended,
        message: format!("account {account_id} was ACTIVE when the roll was taken and is {state:?} now"),
    })
}

/// The session's name in the account's CloudTrail: which run it was.
fn session_name(execution: &str) -> String {
    format!("rollcall-{execution}")
        .chars()
        .map(|character| match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '+' | '=' | ',' | '.' | '@' | '-' => character,
            _ => '-',
        })
        .take(SESSION_NAME_LIMIT)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_named_for_its_run_within_the_limits_of_sts() {
        assert_eq!(session_name("2f1c-night"), "rollcall-2f1c-night");
        assert_eq!(session_name("a night/ü"), "rollcall-a-night--");
        assert_eq!(session_name(&"x".repeat(80)).len(), SESSION_NAME_LIMIT);
    }

    #[test]
    fn the_session_policy_allows_two_calls() {
        let policy: serde_json::Value = serde_json::from_str(SESSION_POLICY).unwrap();
        assert_eq!(
            policy["Statement"][0]["Action"],
            serde_json::json!(["iam:GenerateCredentialReport", "iam:GetCredentialReport"])
        );
        assert_eq!(policy["Statement"].as_array().unwrap().len(), 1);
    }
}
