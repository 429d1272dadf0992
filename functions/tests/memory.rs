//! What the collector holds when it has collected: a function lives for hours and collects thousands of
//! accounts, so that the least that it kept of each would add up. What is allocated is counted, and so the
//! same every time.

use std::alloc::System;

use aws_config::{Region, SdkConfig};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use aws_sdk_s3::primitives::SdkBody;
use aws_smithy_async::time::SystemTimeSource;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use cap::Cap;
use rollcall_core::identifiers::arn::ArnAccount;
use rollcall_core::organization::roll::ListedBy;
use rollcall_functions::aws::connection;
use rollcall_functions::clock::Clock;
use rollcall_functions::nightly_run::collect_report::{
    CALL_LIMIT, CollectReport, CollectReportInput, CollectReportOutput,
};
use rollcall_functions::report_store::ReportStore;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// Bytes that may be left of an account. The least that the SDK was seen to keep of one was 380.
const LEFT_OF_AN_ACCOUNT: usize = 16;

#[tokio::test]
async fn nothing_is_left_of_an_account_that_was_collected() {
    let config = connection::with_call_limit(&config(), CALL_LIMIT);
    let store = ReportStore::new(&config, "reports".to_owned(), None);
    let collect_report =
        CollectReport::new(&config, store, "rollcall-member".to_owned(), CALL_LIMIT, Clock::of_system());
    // What is kept once, of all accounts, is there after the first few.
    collect(&collect_report, 0..200).await;
    let before = ALLOCATOR.allocated();
    collect(&collect_report, 200..1200).await;
    let left = ALLOCATOR.allocated().saturating_sub(before);
    assert!(left < 1000 * LEFT_OF_AN_ACCOUNT, "{left} bytes are left of 1,000 accounts");
}

async fn collect(collect_report: &CollectReport, numbers: std::ops::Range<u64>) {
    let owner = ArnAccount { partition: "aws".to_owned(), account_id: "999999999999".parse().unwrap() };
    for number in numbers {
        let input = CollectReportInput {
            account_id: (100_000_000_000 + number).to_string().parse().unwrap(),
            listed_by: ListedBy::Organizations,
            execution: "night".to_owned(),
            date: "2026-01-31".parse().unwrap(),
            waits: 0,
            max_waits: 45,
            lambda_error: None,
        };
        let output = collect_report.run(&owner, input).await.unwrap();
        assert!(matches!(output, CollectReportOutput::Collected), "{output:?}");
    }
}

fn config() -> SdkConfig {
    let connector = SharedHttpConnector::new(Connector);
    let credentials = Credentials::new("OWN", "secret", None, None, "test");
    connection::with_transport(http_client_fn(move |_, _| connector.clone()), SystemTimeSource::new())
        .to_builder()
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .region(Region::new("eu-central-1"))
        .build()
}

/// An AWS in which everything is well, and which remembers nothing.
#[derive(Debug)]
struct Connector;

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let body = String::from_utf8_lossy(request.body().bytes().unwrap_or_default()).into_owned();
        let answer = match body.split('&').find_map(|pair| pair.strip_prefix("Action=")) {
            Some("AssumeRole") => result(
                "AssumeRole",
                "<Credentials><AccessKeyId>MEMBER</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2030-01-01T00:00:00Z</Expiration></Credentials>",
            ),
            Some("GenerateCredentialReport") => result("GenerateCredentialReport", "<State>COMPLETE</State>"),
            Some("GetCredentialReport") => {
                let report = BASE64_STANDARD.encode("user,arn\nanna,arn:aws:iam::111122223333:user/anna\n");
                let generated = "<GeneratedTime>2026-01-31T00:59:00Z</GeneratedTime>";
                result("GetCredentialReport", &format!("<Content>{report}</Content>{generated}"))
            }
            Some(other) => panic!("{other} is not expected"),
            None => String::new(),
        };
        let response = http::Response::builder().status(200).body(SdkBody::from(answer)).unwrap();
        HttpConnectorFuture::ready(Ok(HttpResponse::try_from(response).unwrap()))
    }
}

fn result(action: &str, result: &str) -> String {
    format!("<{action}Response><{action}Result>{result}</{action}Result></{action}Response>")
}
