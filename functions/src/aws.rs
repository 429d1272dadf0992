//! The one connection to AWS that every client of a process shares.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;

/// How long a connection may take to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long one attempt of a call may take. The largest answers are reports of a few megabytes.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);

/// Region, credentials and endpoint from the environment, as every AWS tool takes them; rustls with
/// ring as the only TLS; retries in adaptive mode, which also slows down where AWS says so.
///
/// STS is asked at its regional endpoint and IAM at the one endpoint of the partition: both follow
/// from the Region by the SDK's endpoint rules.
pub async fn config() -> SdkConfig {
    let http_client =
        aws_smithy_http_client::Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(http_client)
        .retry_config(RetryConfig::adaptive())
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(CONNECT_TIMEOUT)
                .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                .build(),
        )
        .load()
        .await
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
