//! The one connection to AWS that every client of a process shares.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aws_config::environment::{EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider};
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileFileRegionProvider};
use aws_config::provider_config::ProviderConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::{TimeoutConfig, TimeoutConfigBuilder};
use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_sdk_s3::config::{SharedAsyncSleep, SharedCredentialsProvider, SharedHttpClient};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::{SystemTimeSource, TimeSource};
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;

use crate::settings;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long one attempt of a call may take. The largest answers are reports of a few megabytes.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);

/// The connection of a function: Region, credentials and endpoint from the environment variables that
/// Lambda sets, and nothing that would look for them anywhere else. Retries are in adaptive mode,
/// which also slows down where AWS says so.
///
/// STS is asked at its regional endpoint and IAM at the one endpoint of the partition: both follow
/// from the Region by the SDK's endpoint rules.
pub fn from_environment() -> SdkConfig {
    let credentials = EnvironmentVariableCredentialsProvider::new();
    let mut config = with_transport(http_client(ProxyConfig::disabled), SystemTimeSource::new())
        .to_builder()
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .use_fips(settings::optional("AWS_USE_FIPS_ENDPOINT").as_deref() == Some("true"));
    config.set_region(settings::optional("AWS_REGION").map(Region::new));
    config.set_endpoint_url(settings::optional("AWS_ENDPOINT_URL"));
    config.build()
}

/// What is the same for every function, wherever its requests go and whatever its clock: the retries and
/// the timeouts.
pub fn with_transport(http_client: SharedHttpClient, time_source: impl TimeSource + 'static) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(behavior_version())
        .http_client(http_client)
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .time_source(time_source)
        .retry_config(RetryConfig::adaptive())
        .timeout_config(timeouts().build())
        .build()
}

/// The same connection for a person: Region, credentials and endpoint from wherever AWS's own
/// command line finds them, which the caller may narrow down before it loads them.
///
/// With a `profile`, only the credentials of that profile are used: those of the environment, which would
/// come first, may be of another account. A `region` goes before what is found.
pub async fn loader(profile: Option<&str>, mut region: Option<Region>) -> ConfigLoader {
    // The proxy that HTTPS_PROXY, HTTP_PROXY and NO_PROXY name, if they do.
    let http_client = http_client(ProxyConfig::from_env);
    let mut loader = aws_config::defaults(behavior_version());
    if let Some(profile) = profile {
        let provider_config = ProviderConfig::default().with_http_client(http_client.clone());
        if region.is_none() {
            let of_profile = ProfileFileRegionProvider::builder().profile_name(profile).build();
            let chain = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new());
            region = chain.or_else(of_profile).region().await;
        }
        // A profile may name a role, and then its credentials are asked for in a Region, too.
        let provider_config = provider_config.with_region(region.clone());
        let credentials =
            ProfileFileCredentialsProvider::builder().configure(&provider_config).profile_name(profile);
        loader = loader.profile_name(profile).credentials_provider(credentials.build());
    }
    if let Some(region) = region {
        loader = loader.region(region);
    }
    loader.http_client(http_client).retry_config(RetryConfig::adaptive()).timeout_config(timeouts().build())
}

fn behavior_version() -> BehaviorVersion {
    BehaviorVersion::v2026_01_12()
}

/// Rustls with ring as the only TLS, through the proxy that `proxy` names.
///
/// The SDK has every client make a connector and drop it, so that the certificates of the authorities
/// are read when a process starts and not at its first call. Here only the first client does: the
/// collector makes one for every account, and parsing them each time was a fifth of all its work.
fn http_client(proxy: fn() -> ProxyConfig) -> SharedHttpClient {
    let certificates_read = AtomicBool::new(false);
    aws_smithy_http_client::Builder::new().build_with_connector_fn(move |settings, components| {
        let is_dropped = settings.is_none();
        if is_dropped && certificates_read.swap(true, Ordering::Relaxed) {
            return Connector::builder().build_http();
        }
        let mut connector = Connector::builder();
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(|components| components.sleep_impl()));
        connector.proxy_config(proxy()).tls_provider(Provider::Rustls(CryptoMode::Ring)).build()
    })
}

/// The same connection for a function that makes a handful of calls and can wait a minute between them:
/// standard mode, and every call takes at most `limit` with all its attempts.
///
/// Adaptive mode is for clients that make many calls. After one refusal for the rate it fills its bucket by
/// half a token a second, and a retry costs five: ten seconds, even for a client that was far below the rate.
pub fn with_call_limit(config: &SdkConfig, limit: Duration) -> SdkConfig {
    config
        .to_builder()
        .retry_config(RetryConfig::standard())
        .timeout_config(timeouts().operation_timeout(limit).build())
        .build()
}

/// The same connection, with up to `attempts` attempts a call.
pub fn with_attempts(config: &SdkConfig, attempts: u32) -> SdkConfig {
    config.to_builder().retry_config(RetryConfig::adaptive().with_max_attempts(attempts)).build()
}

fn timeouts() -> TimeoutConfigBuilder {
    TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).operation_attempt_timeout(ATTEMPT_TIMEOUT)
}

#[cfg(test)]
mod tests {
    use aws_sdk_iam::config::Region;
    use aws_sdk_iam::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};

    async fn iam_endpoint(region: &'static str) -> String {
        let params = Params::builder().region(Region::from_static(region).to_string()).build().unwrap();
        DefaultResolver::new().resolve_endpoint(&params).await.unwrap().url().to_owned()
    }

    #[tokio::test]
    async fn iam_is_asked_at_the_endpoint_of_the_partition() {
        assert_eq!(iam_endpoint("eu-central-1").await, "https://iam.amazonaws.com");
        assert_eq!(iam_endpoint("us-gov-east-1").await, "https://iam.us-gov.amazonaws.com");
        assert_eq!(iam_endpoint("cn-northwest-1").await, "https://iam.cn-north-1.amazonaws.com.cn");
    }

    #[tokio::test]
    async fn sts_is_asked_in_its_own_region() {
        use aws_sdk_sts::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
        let params = Params::builder().region("eu-central-1").build().unwrap();
        let endpoint = DefaultResolver::new().resolve_endpoint(&params).await.unwrap();
        assert_eq!(endpoint.url(), "https://sts.eu-central-1.amazonaws.com");
    }
}
