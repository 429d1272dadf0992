use aws_smithy_http_client::test_util::NeverClient;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chrono::{DateTime, Utc};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::*;
use crate::fake_bucket::FakeBucket;
use crate::lambda::sentence;
use crate::step_error::StepErrorName;
use rollcall_testing::fake_aws::{
    Answer, FakeAws, json as json_answer, json_error, query, query_error, s3_error, xml,
};

const MEMBER: &str = "111122223333";
const OWN: &str = "999988887777";
const REPORT: &str = "user,arn\nanna,arn:aws:iam::111122223333:user/anna\n";
const REPORT_KEY: &str = "reports/2026-01-31/reports/credentialReport_111122223333.csv";
const FAILURE_KEY: &str = "reports/2026-01-31/failures/111122223333.json";

fn owner(partition: &str) -> ArnAccount {
    ArnAccount { partition: partition.into(), account_id: OWN.parse().unwrap() }
}

fn input(account_id: &str, waits: u32) -> CollectReportInput {
    CollectReportInput {
        account_id: account_id.parse().unwrap(),
        listed_by: ListedBy::Organizations,
        execution: "night-1".into(),
        date: "2026-01-31".parse().unwrap(),
        waits,
        max_waits: 45,
        lambda_error: None,
    }
}

fn assumed() -> Answer {
    query(
        "AssumeRole",
        "<Credentials><AccessKeyId>MEMBER</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2030-01-01T00:00:00Z</Expiration></Credentials>",
    )
}

fn state(state: &str) -> Answer {
    query("GenerateCredentialReport", &format!("<State>{state}</State>"))
}

fn served(report: &str) -> Answer {
    let content = BASE64_STANDARD.encode(report);
    query(
        "GetCredentialReport",
        &format!("<Content>{content}</Content><GeneratedTime>2026-01-31T00:59:00Z</GeneratedTime>"),
    )
}

/// An AWS in which everything is well.
fn well() -> FakeAws {
    FakeAws::default()
        .on("AssumeRole", [assumed()])
        .on("GenerateCredentialReport", [state("COMPLETE")])
        .on("GetCredentialReport", [served(REPORT)])
}

async fn collect_with(
    aws: &FakeAws,
    poll: u64,
    input: CollectReportInput,
) -> Result<CollectReportOutput, StepError> {
    CollectReport::new(
        &aws.config(),
        aws.bucket("reports"),
        "rollcall-member".into(),
        Duration::from_secs(poll),
        Clock::of_system(),
    )
    .run(&owner("aws"), input)
    .await
}

async fn collect(aws: &FakeAws) -> CollectReportOutput {
    collect_with(aws, 0, input(MEMBER, 0)).await.unwrap()
}

/// The code of the answer, which must be the one that was recorded.
async fn failed(aws: &FakeAws) -> FailureCode {
    let CollectReportOutput::Failed { code, message } = collect(aws).await else { panic!("it did not fail") };
    let record = aws.json(FAILURE_KEY);
    assert_eq!(record["code"], code.as_str());
    assert_eq!(record["message"], message);
    assert_eq!(record["execution"], "night-1");
    assert_eq!(record["remedy"], code.remedy());
    assert!(aws.object(REPORT_KEY).is_none());
    code
}

#[tokio::test]
async fn a_report_that_is_ready_costs_one_call_of_each_kind() {
    let aws = well();
    assert_eq!(collect(&aws).await, CollectReportOutput::Collected);
    assert_eq!(aws.actions(), ["AssumeRole", "GenerateCredentialReport", "GetCredentialReport", "PutObject"]);
}

#[tokio::test]
async fn a_stored_report_is_what_iam_served_and_says_so() {
    let aws = well();
    collect(&aws).await;
    let object = aws.object(REPORT_KEY).unwrap();
    assert_eq!(object.body, REPORT);
    let metadata = |name: &str| object.metadata[name].as_str();
    assert_eq!(metadata("execution"), "night-1");
    assert_eq!(metadata("account-id"), MEMBER);
    assert_eq!(metadata("generated-time"), "2026-01-31T00:59:00Z");
    assert_eq!(metadata("rows"), "1");
    assert_eq!(metadata("sha256"), crate::report_store::object::Checksum::of(REPORT.as_bytes()).hex());
    let request = &aws.requests("PutObject")[0];
    assert!(request.headers.contains_key("x-amz-checksum-sha256"));
}

#[tokio::test]
async fn the_role_is_that_of_the_owners_partition_and_its_session_may_make_two_calls() {
    let aws = well();
    CollectReport::new(
        &aws.config(),
        aws.bucket("reports"),
        "rollcall-member".into(),
        Duration::ZERO,
        Clock::of_system(),
    )
    .run(&owner("aws-us-gov"), input(MEMBER, 0))
    .await
    .unwrap();
    let request = &aws.requests("AssumeRole")[0];
    assert_eq!(request.field("RoleArn"), "arn:aws-us-gov:iam::111122223333:role/rollcall-member");
    assert_eq!(request.field("RoleSessionName"), "rollcall-night-1");
    let policy: serde_json::Value = serde_json::from_str(&request.field("Policy")).unwrap();
    assert_eq!(
        policy["Statement"][0]["Action"],
        json!(["iam:GenerateCredentialReport", "iam:GetCredentialReport"])
    );
    assert_eq!(aws.requests("GetCredentialReport")[0].access_key, "MEMBER");
}

#[tokio::test]
async fn its_own_account_is_asked_with_its_own_credentials() {
    let aws = well();
    assert_eq!(collect_with(&aws, 0, input(OWN, 0)).await.unwrap(), CollectReportOutput::Collected);
    assert_eq!(aws.actions(), ["GenerateCredentialReport", "GetCredentialReport", "PutObject"]);
    assert_eq!(aws.requests("GetCredentialReport")[0].access_key, "OWN");
}

#[tokio::test(start_paused = true)]
async fn it_polls_for_a_while_before_it_answers_pending() {
    let aws = well().on("GenerateCredentialReport", ["STARTED", "INPROGRESS", "COMPLETE"].map(state));
    let output = collect_with(&aws, 8, input(MEMBER, 0)).await.unwrap();
    assert_eq!(output, CollectReportOutput::Collected);
    assert_eq!(aws.requests("GenerateCredentialReport").len(), 3);
    assert_eq!(aws.requests("AssumeRole").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_poll_ends() {
    let aws = well().on("GenerateCredentialReport", [state("INPROGRESS")]);
    let output = collect_with(&aws, 8, input(MEMBER, 0)).await.unwrap();
    assert_eq!(output, CollectReportOutput::Pending { reason: PendingReason::InProgress });
    assert_eq!(aws.requests("GenerateCredentialReport").len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_rate_that_was_passed_is_not_polled_against() {
    let aws = well().on("GenerateCredentialReport", [query_error(400, "Throttling", "Rate exceeded")]);
    let output = collect_with(&aws, 8, input(MEMBER, 0)).await.unwrap();
    assert_eq!(output, CollectReportOutput::Pending { reason: PendingReason::Throttled });
    assert_eq!(aws.requests("GenerateCredentialReport").len(), 1);
}

#[tokio::test]
async fn everything_that_passes_by_itself_is_pending() {
    for (action, answer, reason) in [
        ("GenerateCredentialReport", state("STARTED"), PendingReason::Started),
        ("GenerateCredentialReport", state("INPROGRESS"), PendingReason::InProgress),
        ("GenerateCredentialReport", state("A_STATE_OF_NEXT_YEAR"), PendingReason::InProgress),
        (
            "GenerateCredentialReport",
            query_error(409, "LimitExceeded", "No more capacity"),
            PendingReason::NoCapacity,
        ),
        ("GenerateCredentialReport", query_error(500, "ServiceFailure", "fault"), PendingReason::Unavailable),
        ("GetCredentialReport", query_error(404, "ReportInProgress", "running"), PendingReason::InProgress),
        ("GetCredentialReport", query_error(410, "ReportExpired", "old"), PendingReason::Expired),
        ("GetCredentialReport", query_error(410, "ReportNotPresent", "none"), PendingReason::Expired),
        ("GetCredentialReport", query_error(400, "Throttling", "Rate exceeded"), PendingReason::Throttled),
        ("GetCredentialReport", query_error(403, "ExpiredToken", "expired"), PendingReason::Unavailable),
        ("AssumeRole", query_error(400, "Throttling", "Rate exceeded"), PendingReason::Throttled),
        ("AssumeRole", query_error(503, "ServiceUnavailable", "fault"), PendingReason::Unavailable),
    ] {
        let described = format!("{action} {answer:?}");
        let aws = well().on("DescribeAccount", [json_answer(json!({}))]).on(action, [answer]);
        assert_eq!(collect(&aws).await, CollectReportOutput::Pending { reason }, "{described}");
        assert!(aws.object(FAILURE_KEY).is_none(), "{described}");
    }
}

#[tokio::test]
async fn what_is_still_pending_after_the_last_wait_is_recorded_as_failed() {
    for (answer, code) in [
        (state("INPROGRESS"), FailureCode::ReportTimedOut),
        (query_error(400, "Throttling", "Rate exceeded"), FailureCode::Throttled),
    ] {
        let aws = well().on("GenerateCredentialReport", [answer]);
        let before = collect_with(&aws, 0, input(MEMBER, 44)).await.unwrap();
        assert!(matches!(before, CollectReportOutput::Pending { .. }));
        let last = collect_with(&aws, 0, input(MEMBER, 45)).await.unwrap();
        assert!(matches!(last, CollectReportOutput::Failed { code: failed, .. } if failed == code));
        let record = aws.json(FAILURE_KEY);
        assert_eq!(record["waits"], 45);
        assert!(record["message"].as_str().unwrap().starts_with("no report after 45 waits, last: iam:"));
    }
}

fn denied(words: &str) -> Answer {
    query_error(403, "AccessDenied", words)
}

#[tokio::test]
async fn a_role_that_can_not_be_assumed_is_a_recorded_failure_and_never_an_error() {
    let active = json_answer(json!({ "Account": { "Id": MEMBER, "State": "ACTIVE" } }));
    for (words, code) in [
        ("not authorized to perform: sts:AssumeRole", FailureCode::RoleMissingOrDenied),
        ("not authorized, with an explicit deny in a service control policy", FailureCode::DeniedByPolicy),
    ] {
        let aws = well().on("AssumeRole", [denied(words)]).on("DescribeAccount", [active.clone()]);
        assert_eq!(failed(&aws).await, code);
    }
}

#[tokio::test]
async fn an_account_suspended_since_the_roll_was_taken_is_said_to_be() {
    for account in [json!({ "State": "SUSPENDED" }), json!({ "Status": "PENDING_CLOSURE" })] {
        let aws = well()
            .on("AssumeRole", [denied("no")])
            .on("DescribeAccount", [json_answer(json!({ "Account": account }))]);
        assert_eq!(failed(&aws).await, FailureCode::AccountSuspended);
    }
}

#[tokio::test]
async fn a_refusal_stays_one_when_organizations_does_not_answer() {
    let aws = well()
        .on("AssumeRole", [denied("no")])
        .on("DescribeAccount", [json_error("TooManyRequestsException")]);
    assert_eq!(failed(&aws).await, FailureCode::RoleMissingOrDenied);
}

#[tokio::test]
async fn a_refusal_says_so_when_organizations_may_not_be_asked_about_the_account() {
    let aws =
        well().on("AssumeRole", [denied("no")]).on("DescribeAccount", [json_error("AccessDeniedException")]);
    assert_eq!(failed(&aws).await, FailureCode::RoleMissingOrDenied);
    let message = aws.json(FAILURE_KEY)["message"].to_string();
    assert!(message.contains("answered AccessDenied: no; whether it was suspended since is not known: organizations:DescribeAccount of account"), "{message}");
}

#[tokio::test]
async fn organizations_is_not_asked_about_an_account_it_did_not_list() {
    let aws = well().on("AssumeRole", [denied("no")]);
    let input = CollectReportInput { listed_by: ListedBy::AccountList, ..input(MEMBER, 0) };
    let output = collect_with(&aws, 0, input).await.unwrap();
    assert!(matches!(output, CollectReportOutput::Failed { code: FailureCode::RoleMissingOrDenied, .. }));
    assert_eq!(aws.actions(), ["AssumeRole", "PutObject"]);
}

#[tokio::test]
async fn a_call_that_a_policy_denies_is_a_recorded_failure() {
    for action in ["GenerateCredentialReport", "GetCredentialReport"] {
        let aws = well().on(action, [denied("no identity-based policy allows it")]);
        assert_eq!(failed(&aws).await, FailureCode::DeniedByPolicy, "{action}");
    }
}

#[tokio::test]
async fn an_unknown_answer_is_a_recorded_failure() {
    let aws = well().on("GenerateCredentialReport", [query_error(400, "SomethingNew", "words")]);
    assert_eq!(failed(&aws).await, FailureCode::Internal);
}

#[tokio::test]
async fn the_session_policy_allows_two_calls() {
    let policy: serde_json::Value = serde_json::from_str(SESSION_POLICY).unwrap();
    assert_eq!(policy["Statement"].as_array().unwrap().len(), 1);
    assert_eq!(
        policy["Statement"][0]["Action"],
        json!(["iam:GenerateCredentialReport", "iam:GetCredentialReport"])
    );
}

#[tokio::test]
async fn an_answer_that_ends_too_early_is_asked_for_again() {
    for (action, result) in [
        ("GetCredentialReport", "<GeneratedTime>2026-01-31T00:59:00Z</GeneratedTime>"),
        ("GetCredentialReport", "<Content>YQ==</Content>"),
        ("AssumeRole", ""),
    ] {
        let aws = well().on(action, [query(action, result)]);
        let pending = CollectReportOutput::Pending { reason: PendingReason::Unavailable };
        assert_eq!(collect(&aws).await, pending, "{action} {result}");
        assert!(aws.object(FAILURE_KEY).is_none() && aws.object(REPORT_KEY).is_none());
    }
}

#[tokio::test]
async fn half_a_report_is_no_report_and_half_a_session_none() {
    let time = "<GeneratedTime>2026-01-31T00:59:00Z</GeneratedTime>";
    let content = BASE64_STANDARD.encode("user,arn\n");
    let report = format!("<GetCredentialReportResponse><GetCredentialReportResult>{time}<Content>{content}");
    // AWS does not promise the order of its parts.
    let session = "<AssumeRoleResponse><AssumeRoleResult><Credentials><Expiration>2026-01-31T02:00:00Z</Expiration><AccessKeyId>MEMBER</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>hal";
    for (action, half) in [("GetCredentialReport", report.as_str()), ("AssumeRole", session)] {
        let aws = well().on(action, [xml(half)]);
        let pending = CollectReportOutput::Pending { reason: PendingReason::Unavailable };
        assert_eq!(collect(&aws).await, pending, "{action}");
        assert!(aws.object(FAILURE_KEY).is_none() && aws.object(REPORT_KEY).is_none());
    }
}

#[tokio::test]
async fn what_is_no_report_is_stored_as_evidence() {
    let aws = well().on("GetCredentialReport", [served("<html>")]);
    assert_eq!(collect(&aws).await, CollectReportOutput::Collected);
    let object = aws.object(REPORT_KEY).unwrap();
    assert_eq!(object.body, "<html>");
    assert!(!object.metadata.contains_key("rows"));
}

#[tokio::test]
async fn a_bucket_that_refuses_is_a_recorded_failure_and_one_that_is_slow_is_waited_for() {
    let aws = well().refuse("PutObject", ".csv", s3_error(403, "AccessDenied"));
    assert_eq!(failed(&aws).await, FailureCode::StorageFailed);
    for answer in [s3_error(503, "SlowDown"), s3_error(500, "InternalError")] {
        let aws = well().refuse("PutObject", ".csv", answer);
        let pending = CollectReportOutput::Pending { reason: PendingReason::StorageUnavailable };
        assert_eq!(collect(&aws).await, pending);
    }
}

#[tokio::test]
async fn a_failure_that_can_not_be_recorded_is_an_error_worth_another_try() {
    let aws = well().on("AssumeRole", [denied("no role")]).on("DescribeAccount", [json_answer(json!({}))]);
    let aws = aws.refuse("PutObject", "", s3_error(403, "AccessDenied"));
    let error = collect_with(&aws, 0, input(MEMBER, 0)).await.unwrap_err();
    assert_eq!(error.name(), StepErrorName::StorageFailed);
    assert!(sentence(&error).contains("no role") && sentence(&error).contains("s3:PutObject"), "{error}");
}

#[tokio::test]
async fn a_collector_that_broke_is_recorded_without_another_try() {
    let cause = r#"{"errorType": "Runtime.ExitError", "errorMessage": "the process exited"}"#;
    for (cause, text) in [(cause, "the process exited"), ("timed out", "timed out")] {
        let aws = FakeAws::default();
        let error = serde_json::from_value(json!({ "Error": "Lambda.Unknown", "Cause": cause })).unwrap();
        let input = CollectReportInput { lambda_error: Some(error), ..input(MEMBER, 3) };
        let output = collect_with(&aws, 0, input).await.unwrap();
        let message = format!("the collector ended with Lambda.Unknown: {text}");
        assert_eq!(output, CollectReportOutput::Failed { code: FailureCode::Internal, message });
        assert_eq!(aws.actions(), ["PutObject"]);
        assert_eq!(aws.json(FAILURE_KEY)["waits"], 3);
    }
}

#[tokio::test]
async fn a_stored_report_is_checked_by_s3_and_encrypted_under_the_key_that_is_configured() {
    let aws = well();
    let key_arn = "arn:aws:kms:eu-central-1:444455556666:key/1";
    let bucket = ReportStore::new(&aws.config(), "reports".into(), Some(key_arn.into()));
    let bucket = bucket.owned_by("444455556666".into());
    let clock = Clock::of_system();
    let before = clock.now();
    CollectReport::new(&aws.config(), bucket, "rollcall-member".into(), Duration::ZERO, Clock::of_system())
        .run(&owner("aws"), input(MEMBER, 0))
        .await
        .unwrap();
    let headers = &aws.requests("PutObject")[0].headers;
    let checksum = BASE64_STANDARD.encode(Sha256::digest(REPORT));
    assert_eq!(headers["x-amz-checksum-sha256"], checksum);
    assert_eq!(headers["content-type"], "text/csv");
    assert_eq!(headers["x-amz-server-side-encryption"], "aws:kms");
    assert_eq!(headers["x-amz-server-side-encryption-aws-kms-key-id"], key_arn);
    assert_eq!(headers["x-amz-server-side-encryption-bucket-key-enabled"], "true");
    assert_eq!(headers["x-amz-expected-bucket-owner"], "444455556666");
    let collected: DateTime<Utc> = headers["x-amz-meta-collected-time"].parse().unwrap();
    assert!((before..=clock.now()).contains(&collected), "{collected}");
}

#[tokio::test]
async fn iam_in_the_account_is_asked_with_the_whole_session() {
    let aws = well();
    collect(&aws).await;
    for action in ["GenerateCredentialReport", "GetCredentialReport"] {
        let request = &aws.requests(action)[0];
        assert_eq!(
            (request.access_key.as_str(), request.headers["x-amz-security-token"].as_str()),
            ("MEMBER", "t")
        );
    }
    assert_eq!(aws.requests("PutObject")[0].access_key, "OWN");
}

#[tokio::test(start_paused = true)]
async fn a_poll_of_no_seconds_asks_once_and_waits_for_nothing() {
    let aws = well().on("GenerateCredentialReport", [state("STARTED")]);
    let before = Instant::now();
    assert_eq!(collect(&aws).await, CollectReportOutput::Pending { reason: PendingReason::Started });
    assert_eq!(aws.actions(), ["AssumeRole", "GenerateCredentialReport"]);
    assert_eq!(before.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_report_that_is_gone_or_still_running_on_get_is_generated_again() {
    for (status, code) in [(410, "ReportExpired"), (410, "ReportNotPresent"), (404, "ReportInProgress")] {
        let aws = well().on("GetCredentialReport", [query_error(status, code, "words"), served(REPORT)]);
        let output = collect_with(&aws, 8, input(MEMBER, 0)).await.unwrap();
        assert_eq!(output, CollectReportOutput::Collected, "{code}");
        assert_eq!(
            aws.actions(),
            [
                "AssumeRole",
                "GenerateCredentialReport",
                "GetCredentialReport",
                "GenerateCredentialReport",
                "GetCredentialReport",
                "PutObject"
            ],
            "{code}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_two_seconds_do_not_mend_is_not_polled_for() {
    for (status, code) in [(409, "LimitExceeded"), (500, "ServiceFailure")] {
        let aws = well().on("GenerateCredentialReport", [query_error(status, code, "words")]);
        collect_with(&aws, 8, input(MEMBER, 0)).await.unwrap();
        assert_eq!(aws.requests("GenerateCredentialReport").len(), 1, "{code}");
    }
}

/// The step as it runs in production: a call is tried again, and bounded.
fn as_in_production(config: &SdkConfig, aws: &FakeAws) -> CollectReport {
    let config = connection::with_call_limit(config, CALL_LIMIT);
    CollectReport::new(
        &config,
        aws.bucket("reports"),
        "rollcall-member".into(),
        Duration::ZERO,
        Clock::of_system(),
    )
}

#[tokio::test(start_paused = true)]
async fn a_call_is_tried_three_times_and_then_left_to_the_wait() {
    let aws = well().on("GenerateCredentialReport", [query_error(400, "Throttling", "Rate exceeded")]);
    let output =
        as_in_production(&aws.config(), &aws).run(&owner("aws"), input("100000000000", 0)).await.unwrap();
    assert_eq!(output, CollectReportOutput::Pending { reason: PendingReason::Throttled });
    assert_eq!(aws.requests("GenerateCredentialReport").len(), 3);
}

#[tokio::test(start_paused = true)]
async fn accounts_that_are_throttled_leave_the_others_their_tries() {
    const ACCOUNTS: usize = 120;
    let aws = well().on("GenerateCredentialReport", [query_error(400, "Throttling", "Rate exceeded")]);
    let step = as_in_production(&aws.config(), &aws);
    for number in 0..ACCOUNTS {
        step.run(&owner("aws"), input(&format!("2{number:011}"), 0)).await.unwrap();
    }
    assert_eq!(aws.requests("GenerateCredentialReport").len(), 3 * ACCOUNTS);
}

#[tokio::test(start_paused = true)]
async fn organizations_is_asked_once_whatever_it_answers() {
    let aws = well()
        .on("AssumeRole", [denied("no")])
        .on("DescribeAccount", [json_error("TooManyRequestsException")]);
    as_in_production(&aws.config(), &aws).run(&owner("aws"), input(MEMBER, 0)).await.unwrap();
    let asked = aws.requests("DescribeAccount");
    assert_eq!(asked.len(), 1);
    assert!(asked[0].body.contains(MEMBER), "{}", asked[0].body);
}

#[tokio::test(start_paused = true)]
async fn an_aws_that_does_not_answer_is_pending_well_within_the_functions_timeout() {
    let aws = FakeAws::default();
    let silent = aws.config().to_builder().http_client(NeverClient::new()).build();
    let before = Instant::now();
    let output = as_in_production(&silent, &aws).run(&owner("aws"), input(MEMBER, 0)).await.unwrap();
    assert_eq!(output, CollectReportOutput::Pending { reason: PendingReason::Unavailable });
    // AssumeRole alone: Organizations is asked about accounts that were refused.
    assert_eq!(before.elapsed().as_secs(), CALL_LIMIT.as_secs());
}

#[tokio::test]
async fn an_answer_that_can_not_be_read_passes_by_itself() {
    let damaged = query("GetCredentialReport", "<Content>not base64</Content>");
    let aws = well().on("GetCredentialReport", [damaged]);
    assert_eq!(collect(&aws).await, CollectReportOutput::Pending { reason: PendingReason::Unavailable });
}

#[tokio::test]
async fn the_last_reason_to_wait_is_what_the_account_failed_of() {
    let throttled = query_error(400, "Throttling", "Rate exceeded");
    for (action, answer, code) in [
        ("AssumeRole", throttled.clone(), FailureCode::Throttled),
        ("GetCredentialReport", throttled, FailureCode::Throttled),
        (
            "GenerateCredentialReport",
            query_error(409, "LimitExceeded", "No more capacity"),
            FailureCode::ReportTimedOut,
        ),
        ("GetCredentialReport", query_error(410, "ReportExpired", "old"), FailureCode::ReportTimedOut),
        (
            "GenerateCredentialReport",
            query_error(500, "ServiceFailure", "fault"),
            FailureCode::ReportTimedOut,
        ),
    ] {
        let aws = well().on("DescribeAccount", [json_answer(json!({}))]).on(action, [answer]);
        collect_with(&aws, 0, input(MEMBER, 45)).await.unwrap();
        assert_eq!(aws.json(FAILURE_KEY)["code"], code.as_str(), "{action}");
    }
    let aws = well().refuse("PutObject", ".csv", s3_error(503, "SlowDown"));
    collect_with(&aws, 0, input(MEMBER, 45)).await.unwrap();
    assert_eq!(aws.json(FAILURE_KEY)["code"], "StorageFailed");
}

#[tokio::test]
async fn a_report_that_is_ready_after_the_last_wait_is_collected() {
    let output = collect_with(&well(), 0, input(MEMBER, 45)).await.unwrap();
    assert_eq!(output, CollectReportOutput::Collected);
}

#[tokio::test]
async fn a_refusal_names_the_role_and_the_words_of_sts() {
    let aws = well().on("AssumeRole", [denied("no trust")]).on("DescribeAccount", [json_answer(json!({}))]);
    assert_eq!(failed(&aws).await, FailureCode::RoleMissingOrDenied);
    assert_eq!(
        aws.json(FAILURE_KEY)["message"],
        "sts:AssumeRole of arn:aws:iam::111122223333:role/rollcall-member answered AccessDenied: no trust"
    );
}

#[tokio::test]
async fn its_own_account_fails_by_its_own_policies_and_never_for_want_of_a_role() {
    let aws = well().on("GenerateCredentialReport", [denied("no identity-based policy allows it")]);
    let output = collect_with(&aws, 0, input(OWN, 0)).await.unwrap();
    assert!(matches!(output, CollectReportOutput::Failed { code: FailureCode::DeniedByPolicy, .. }));
    assert_eq!(aws.actions(), ["GenerateCredentialReport", "PutObject"]);
    assert_eq!(aws.json("reports/2026-01-31/failures/999988887777.json")["account_id"], OWN);
}

#[tokio::test]
async fn the_report_of_another_account_is_stored_without_a_count_of_rows() {
    let aws =
        well().on("GetCredentialReport", [served("user,arn\nanna,arn:aws:iam::444455556666:user/anna\n")]);
    assert_eq!(collect(&aws).await, CollectReportOutput::Collected);
    assert!(!aws.object(REPORT_KEY).unwrap().metadata.contains_key("rows"));
}

#[tokio::test]
async fn what_the_state_machine_hands_over_after_a_wait_is_understood() {
    let input = json!({
        "account_id": MEMBER, "listed_by": "organizations", "execution": "night-1", "date": "2026-01-31",
        "waits": 1, "max_waits": 45, "outcome": { "status": "Pending", "reason": "Started" }
    });
    let output = collect_with(&well(), 0, serde_json::from_value(input).unwrap()).await.unwrap();
    assert_eq!(output, CollectReportOutput::Collected);
}

#[test]
fn an_answer_is_told_by_its_status() {
    let pending = CollectReportOutput::Pending { reason: PendingReason::InProgress };
    let failed = CollectReportOutput::Failed { code: FailureCode::Throttled, message: "words".into() };
    for (output, answer) in [
        (CollectReportOutput::Collected, json!({ "status": "Collected" })),
        (pending, json!({ "status": "Pending", "reason": "InProgress" })),
        (failed, json!({ "status": "Failed", "code": "Throttled", "message": "words" })),
    ] {
        assert_eq!(serde_json::to_value(output).unwrap(), answer);
    }
}

#[tokio::test]
async fn a_report_whose_upload_s3_gave_up_on_is_waited_for() {
    let aws = well().refuse("PutObject", ".csv", s3_error(400, "RequestTimeout"));
    let pending = CollectReportOutput::Pending { reason: PendingReason::StorageUnavailable };
    assert_eq!(collect(&aws).await, pending);
}
