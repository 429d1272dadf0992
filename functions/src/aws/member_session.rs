//! A session in a member account: through a role there, cut down to what the step does, or with the step's
//! own credentials in its own account.

use aws_config::SdkConfig;
use aws_sdk_iam::config::retry::RetryPartition;
use aws_sdk_sts::config::{Credentials, SharedCredentialsProvider};
use rollcall_core::identifiers::account_id::AccountId;
use rollcall_core::identifiers::arn::ArnAccount;

use super::api_error::{ApiError, ApiErrorKind, Call, Denial};
use super::whole_answer::WholeAnswer;

/// The longest session name STS takes.
const SESSION_NAME_LIMIT: usize = 64;

/// Opens sessions through one role, which has the same name in every member account.
#[derive(Clone, Debug)]
pub struct MemberRole {
    config: SdkConfig,
    sts: aws_sdk_sts::Client,
    name: String,
    session_policy: &'static str,
}

/// A session in an account.
#[derive(Clone, Debug)]
pub struct MemberSession {
    config: SdkConfig,
    is_own: bool,
}

/// Why there is no session in an account.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SessionError {
    /// The role is missing, or its trust refuses the caller: STS does not say which.
    #[error(transparent)]
    RoleMissingOrDenied(ApiError),
    /// A policy denies it, such as a service control policy.
    #[error(transparent)]
    DeniedByPolicy(ApiError),
    /// STS is over its rate or out of order, or answers something unknown.
    #[error(transparent)]
    Failed(ApiError),
}

impl MemberRole {
    /// The role `name`. A session has no more than the role and `session_policy` both allow, so a role that
    /// was made too wide stays narrow here.
    pub fn new(config: &SdkConfig, name: String, session_policy: &'static str) -> Self {
        Self { sts: aws_sdk_sts::Client::new(config), config: config.clone(), name, session_policy }
    }

    /// Opens a session in `account_id`, named for `execution`. `owner` is the step's own account, which no
    /// StackSet of roles reaches: there its own credentials are used.
    ///
    /// # Errors
    /// [`SessionError`], with what the refusal means.
    pub async fn open(
        &self,
        owner: &ArnAccount,
        account_id: &AccountId,
        execution: &str,
    ) -> Result<MemberSession, SessionError> {
        if *account_id == owner.account_id {
            return Ok(MemberSession { config: self.config.clone(), is_own: true });
        }
        let role_arn = owner.role_arn(account_id, &self.name);
        let call = Call::of("sts:AssumeRole", &role_arn);
        let answer = self
            .sts
            .assume_role()
            .role_arn(&role_arn)
            .role_session_name(session_name(execution))
            .policy(self.session_policy)
            .customize()
            .interceptor(WholeAnswer("AssumeRole"))
            .send()
            .await
            .map_err(|error| SessionError::of(ApiError::of(call.clone(), error)))?;
        let credentials =
            answer.credentials.ok_or_else(|| SessionError::of(ApiError::incomplete(call, "credentials")))?;
        let credentials = Credentials::new(
            credentials.access_key_id,
            credentials.secret_access_key,
            Some(credentials.session_token),
            None,
            "member-role",
        );
        let provider = SharedCredentialsProvider::new(credentials);
        let config = self.config.to_builder().credentials_provider(provider).build();
        Ok(MemberSession { config, is_own: false })
    }
}

impl MemberSession {
    /// IAM in the account.
    pub fn iam(&self) -> aws_sdk_iam::Client {
        let mut config = aws_sdk_iam::config::Builder::from(&self.config);
        // IAM's rates are the account's own, so each has its own allowance of retries here. The SDK would keep
        // one that is known by its name for as long as the process lives.
        if !self.is_own {
            config = config.retry_partition(RetryPartition::custom("iam").build());
        }
        aws_sdk_iam::Client::from_conf(config.build())
    }
}

impl SessionError {
    /// What the failure of sts:AssumeRole means.
    fn of(error: ApiError) -> Self {
        match error.kind {
            ApiErrorKind::Denied(Denial::NotAllowed | Denial::OfService) => Self::RoleMissingOrDenied(error),
            ApiErrorKind::Denied(Denial::Explicit) => Self::DeniedByPolicy(error),
            _ => Self::Failed(error),
        }
    }
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
    use rollcall_testing::fake_aws::{FakeAws, query, query_error};

    use super::*;

    const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[]}"#;
    const CREDENTIALS: &str = "<Credentials><AccessKeyId>MEMBER</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2030-01-01T00:00:00Z</Expiration></Credentials>";

    async fn open(aws: &FakeAws, account_id: &str) -> Result<MemberSession, SessionError> {
        let owner = ArnAccount { partition: "aws-cn".into(), account_id: "999988887777".parse().unwrap() };
        let role = MemberRole::new(&aws.config(), "rollcall-lookup".into(), POLICY);
        role.open(&owner, &account_id.parse().unwrap(), "night-1").await
    }

    #[test]
    fn a_session_is_named_for_its_run_within_the_limits_of_sts() {
        assert_eq!(session_name("2f1c-night"), "rollcall-2f1c-night");
        assert_eq!(session_name("a night/ü"), "rollcall-a-night--");
        assert_eq!(session_name(&"x".repeat(80)).len(), SESSION_NAME_LIMIT);
    }

    #[tokio::test]
    async fn a_session_is_that_of_the_role_and_has_its_policy() {
        let aws = FakeAws::default()
            .on("AssumeRole", [query("AssumeRole", CREDENTIALS)])
            .on("ListUsers", [query("ListUsers", "<IsTruncated>false</IsTruncated><Users/>")]);
        let session = open(&aws, "111122223333").await.unwrap();
        let request = &aws.requests("AssumeRole")[0];
        assert_eq!(request.field("RoleArn"), "arn:aws-cn:iam::111122223333:role/rollcall-lookup");
        assert_eq!(request.field("Policy"), POLICY);
        assert_eq!(request.field("RoleSessionName"), "rollcall-night-1");
        session.iam().list_users().send().await.unwrap();
        let asked = &aws.requests("ListUsers")[0];
        assert_eq!(
            (asked.access_key.as_str(), asked.headers["x-amz-security-token"].as_str()),
            ("MEMBER", "t")
        );
    }

    #[tokio::test]
    async fn no_role_is_assumed_in_its_own_account() {
        let aws = FakeAws::default()
            .on("ListUsers", [query("ListUsers", "<IsTruncated>false</IsTruncated><Users/>")]);
        open(&aws, "999988887777").await.unwrap().iam().list_users().send().await.unwrap();
        assert_eq!(aws.actions(), ["ListUsers"]);
        assert_eq!(aws.requests("ListUsers")[0].access_key, "OWN");
    }

    #[tokio::test]
    async fn a_refusal_says_what_it_means() {
        let not_allowed = "User: x is not authorized to perform: sts:AssumeRole on resource: y";
        let explicit = "not authorized, with an explicit deny in a service control policy";
        for (answer, expected) in [
            (query_error(403, "AccessDenied", not_allowed), "RoleMissingOrDenied"),
            (query_error(403, "AccessDenied", "no"), "RoleMissingOrDenied"),
            (query_error(403, "AccessDenied", explicit), "DeniedByPolicy"),
            (query_error(400, "Throttling", "Rate exceeded"), "Failed"),
            (query_error(400, "SomethingNew", "words"), "Failed"),
            (query("AssumeRole", ""), "Failed"),
        ] {
            let aws = FakeAws::default().on("AssumeRole", [answer]);
            let error = open(&aws, "111122223333").await.unwrap_err();
            let variant = match &error {
                SessionError::RoleMissingOrDenied(_) => "RoleMissingOrDenied",
                SessionError::DeniedByPolicy(_) => "DeniedByPolicy",
                SessionError::Failed(_) => "Failed",
            };
            assert_eq!(variant, expected, "{error}");
            let call = "sts:AssumeRole of arn:aws-cn:iam::111122223333:role/rollcall-lookup ";
            assert!(error.to_string().starts_with(call), "{error}");
        }
    }
}
