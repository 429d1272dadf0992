//! The connection to AWS with a person's own credentials.

use aws_config::{Region, SdkConfig};
use aws_credential_types::provider::{ProvideCredentials, error::CredentialsError};
use rollcall_core::identifiers::arn::ArnAccount;
use rollcall_functions::aws::api_error::{ApiError, ApiErrorKind, causes};
use rollcall_functions::aws::connection;
use tokio::sync::OnceCell;

use crate::arguments::aws::AwsArguments;
use crate::error::CommandError;

/// What every error about credentials ends with.
pub const HOW_TO_GET_CREDENTIALS: &str =
    "log in with `aws sso login` or `aws login`, or give --profile or the variables of AWS credentials";

/// Who calls AWS.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The ARN of the user or the role's session.
    pub arn: String,
    /// Its account and partition.
    pub owner: ArnAccount,
}

/// The connection to AWS, made when a path needs it.
#[derive(Debug)]
pub struct Connection<'a> {
    arguments: &'a AwsArguments,
    config: OnceCell<SdkConfig>,
}

impl<'a> Connection<'a> {
    /// A connection that is not made yet.
    pub fn new(arguments: &'a AwsArguments) -> Self {
        Self { arguments, config: OnceCell::new() }
    }

    /// The connection, once its credentials are known to load.
    ///
    /// # Errors
    /// When there are none, or no Region.
    pub async fn config(&self) -> Result<&SdkConfig, CommandError> {
        let connected = async {
            let config = connect(self.arguments).await?;
            check_credentials(&config, self.arguments).await?;
            Ok(config)
        };
        self.config.get_or_try_init(|| connected).await
    }

    /// The Region, which needs no credentials.
    ///
    /// # Errors
    /// When there is none.
    pub async fn region(&self) -> Result<String, CommandError> {
        let config = connect(self.arguments).await?;
        Ok(config.region().map(ToString::to_string).unwrap_or_default())
    }
}

/// Loads Region and credentials as AWS's own command line does.
///
/// # Errors
/// When there is no Region.
pub async fn connect(arguments: &AwsArguments) -> Result<SdkConfig, CommandError> {
    let region = arguments.region.clone().map(Region::new);
    let config = connection::loader(arguments.profile.as_deref(), region).await.load().await;
    if config.region().is_none() {
        let place = match &arguments.profile {
            Some(profile) => format!(" in the profile {profile:?}, if there is such a profile"),
            None => String::new(),
        };
        return Err(CommandError::new(format!(
            "there is no AWS Region{place}: give --region, set AWS_REGION, or set one in the profile"
        )));
    }
    Ok(config)
}

/// Asks AWS who is calling. It needs no permission, so an error is one of the credentials themselves.
///
/// # Errors
/// When there are no credentials, or they are not valid any more.
pub async fn caller(config: &SdkConfig, arguments: &AwsArguments) -> Result<Caller, CommandError> {
    check_credentials(config, arguments).await?;
    let answer = aws_sdk_sts::Client::new(config).get_caller_identity().send().await.map_err(|error| {
        let error = ApiError::of("sts:GetCallerIdentity", error);
        CommandError::new(match error.kind {
            ApiErrorKind::CredentialsExpired => {
                format!("the AWS credentials have expired ({error}): {HOW_TO_GET_CREDENTIALS}")
            }
            ApiErrorKind::Unavailable if error.is_of_certificate() => format!(
                "AWS can't be reached: {error}: name the authority of a proxy that re-encrypts in SSL_CERT_FILE, and check AWS_ENDPOINT_URL"
            ),
            ApiErrorKind::Unavailable => {
                format!("AWS can't be reached: {error}: check the network, the proxy and AWS_ENDPOINT_URL")
            }
            _ => format!("AWS does not take the credentials ({error}): {HOW_TO_GET_CREDENTIALS}"),
        })
    })?;
    let arn = answer.arn.unwrap_or_default();
    let owner = ArnAccount::of_arn(&arn).map_err(|error| {
        CommandError::new(format!("sts:GetCallerIdentity answered a caller whose {error}"))
    })?;
    Ok(Caller { arn, owner })
}

/// Whether there are credentials at all: a service would only say of none that it could not be called.
///
/// # Errors
/// When there are none, or they can't be loaded.
pub async fn check_credentials(config: &SdkConfig, arguments: &AwsArguments) -> Result<(), CommandError> {
    if let Some(provider) = config.credentials_provider() {
        provider.provide_credentials().await.map_err(|error| no_credentials(&error, arguments))?;
    }
    Ok(())
}

fn no_credentials(error: &CredentialsError, arguments: &AwsArguments) -> CommandError {
    CommandError::new(match (error, &arguments.profile) {
        // What the SDK says of a profile that is not there is that a provider was not enabled.
        (CredentialsError::CredentialsNotLoaded(_), Some(profile)) => format!(
            "the profile {profile:?} has no AWS credentials, if there is such a profile: {HOW_TO_GET_CREDENTIALS}"
        ),
        (CredentialsError::CredentialsNotLoaded(_), None) => {
            format!("there are no AWS credentials: {HOW_TO_GET_CREDENTIALS}")
        }
        (error, profile) => {
            let place =
                profile.as_ref().map(|profile| format!(" in the profile {profile:?}")).unwrap_or_default();
            format!("the AWS credentials{place} can't be loaded: {}: {HOW_TO_GET_CREDENTIALS}", causes(error))
        }
    })
}
