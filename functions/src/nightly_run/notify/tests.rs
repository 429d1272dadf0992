use rollcall_core::evidence::manifest::JudgedBy;
use rollcall_core::judgement::analysis::Assessment;
use rollcall_core::judgement::settings::RuleSettings;
use rollcall_core::organization::failure::{FailureCode, FailureRecord};
use rollcall_core::organization::roll::{Account, Roll, RollSource};
use rollcall_core::organization::roll_call::{Evidence, RollCall};

use super::*;
use crate::clock::Clock;
use crate::fake_bucket::FakeBucket;
use crate::lambda::sentence;
use crate::nightly_run::analyze_reports::{AnalyzeReports, AnalyzeReportsInput};
use crate::report_store::object::Checksum;
use crate::step_error::StepErrorName;
use rollcall_testing::fake_aws::{FakeAws, query, query_error, s3_error};
use rollcall_testing::hostile_texts::TEXTS;

const TOPIC: &str = "arn:aws:sns:eu-central-1:999988887777:errors";
const FINDINGS_TOPIC: &str = "arn:aws:sns:eu-central-1:999988887777:findings";
const CHAT_TOPIC: &str = "arn:aws:sns:eu-central-1:999988887777:chat";

fn run(execution: &str) -> Run {
    Run {
        execution: execution.into(),
        execution_arn: format!("arn:aws:states:eu-central-1:999988887777:execution:rollcall:{execution}"),
        started: "2026-01-31T01:00:00Z".parse().unwrap(),
        as_of: "2026-01-31T01:00:00Z".parse().unwrap(),
    }
}

/// A bucket with the manifest of `execution`: one account, which failed if there is a `failure`.
fn manifest(execution: &str, failure: Option<FailureCode>) -> FakeAws {
    let account_id: rollcall_core::identifiers::account_id::AccountId = "111122223333".parse().unwrap();
    let mut account = Account::of_id(account_id.clone());
    let mut evidence = Evidence::default();
    match failure {
        None => account.skip = Some(rollcall_core::organization::roll::SkipReason::Suspended),
        Some(code) => {
            let failure = FailureRecord {
                account_id: account_id.clone(),
                execution: execution.into(),
                code,
                message: "no role".into(),
                remedy: code.remedy().into(),
                waits: 0,
                failed_at: run(execution).started,
            };
            evidence.failures.insert(account_id, failure);
        }
    }
    with_manifest(execution, account, evidence)
}

fn with_manifest(execution: &str, account: Account, evidence: Evidence) -> FakeAws {
    let run = run(execution);
    let roll = Roll {
        execution: execution.into(),
        started: run.started,
        as_of: run.started,
        taken: run.started,
        source: RollSource::AccountList,
        organization_id: None,
        accounts: vec![account],
    };
    let roll_call = RollCall::of(roll, evidence);
    let judged_by = JudgedBy::default();
    let manifest = Manifest::of(&run, roll_call, judged_by, &Assessment::default(), run.started);
    FakeAws::default()
        .with_object(
            "reports/2026-01-31/run.json",
            &serde_json::to_string(&manifest).unwrap(),
            &[("execution", execution)],
        )
        .on("Publish", [query("Publish", "<MessageId>1</MessageId>")])
}

async fn notify(aws: &FakeAws) -> Result<NotifyOutput, StepError> {
    notify_with(aws, None).await
}

async fn notify_with(aws: &FakeAws, chat_arn: Option<String>) -> Result<NotifyOutput, StepError> {
    let owner = ArnAccount { partition: "aws-cn".into(), account_id: "999988887777".parse().unwrap() };
    let topics = Topics { error_arn: TOPIC.into(), findings_arn: FINDINGS_TOPIC.into(), chat_arn };
    Notify::new(&aws.config(), aws.bucket("reports"), topics)
        .run(&owner, NotifyInput { run: run("night-1") })
        .await
}

#[tokio::test]
async fn names_of_any_kind_are_sent_as_sns_takes_them() {
    for text in TEXTS {
        let aws = manifest("night-1", Some(FailureCode::RoleMissingOrDenied));
        let mut run = aws.json("reports/2026-01-31/run.json");
        run["accounts"][0]["name"] = (*text).into();
        run["accounts"][0]["message"] = (*text).into();
        let aws =
            aws.with_object("reports/2026-01-31/run.json", &run.to_string(), &[("execution", "night-1")]);
        notify_with(&aws, Some(CHAT_TOPIC.into())).await.unwrap();
        for publish in aws.requests("Publish") {
            // What SQS takes of XML's characters, and SNS passes on.
            let is_sent = |character| matches!(character, '\n' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
            assert!(publish.field("Message").chars().all(is_sent), "{text:?}");
            let subject = publish.field("Subject");
            assert_eq!(subject, "Rollcall 2026-01-31: 1 of 1 account not collected");
        }
    }
}

#[tokio::test]
async fn nothing_is_sent_when_there_is_nothing_to_say() {
    let aws = manifest("night-1", None);
    assert_eq!(notify(&aws).await.unwrap(), NotifyOutput::default());
    assert_eq!(aws.actions(), ["GetObject"]);
}

#[tokio::test]
async fn a_failed_account_is_sent_to_the_topic_with_links_into_the_partitions_console() {
    let aws = manifest("night-1", Some(FailureCode::RoleMissingOrDenied));
    let subject = "Rollcall 2026-01-31: 1 of 1 account not collected";
    assert_eq!(notify(&aws).await.unwrap().error_subject.as_deref(), Some(subject));
    let request = &aws.requests("Publish")[0];
    assert_eq!(request.field("TopicArn"), TOPIC);
    assert_eq!(request.field("Subject"), subject);
    let message = request.field("Message");
    assert!(message.contains("111122223333") && message.contains("RoleMissingOrDenied"), "{message}");
    assert!(message.contains("https://eu-central-1.console.amazonaws.cn/s3/buckets/reports?"), "{message}");
}

#[tokio::test]
async fn the_manifest_of_another_run_is_not_sent_as_this_ones() {
    let aws = manifest("another-night", Some(FailureCode::Internal));
    assert_eq!(notify(&aws).await.unwrap_err().name(), StepErrorName::RunReplaced);
    assert!(aws.requests("Publish").is_empty());
}

#[tokio::test]
async fn a_manifest_that_is_gone_or_damaged_is_named() {
    let damaged =
        FakeAws::default().with_object("reports/2026-01-31/run.json", "{", &[("execution", "night-1")]);
    let refusing = FakeAws::default().refuse("GetObject", "", s3_error(403, "AccessDenied"));
    for aws in [FakeAws::default(), damaged, refusing] {
        let error = notify(&aws).await.unwrap_err();
        assert_eq!(error.name(), StepErrorName::StorageFailed);
        assert!(sentence(&error).contains("s3://reports/2026-01-31/run.json"), "{error}");
    }
}

#[tokio::test]
async fn a_topic_that_refuses_is_worth_another_try() {
    let aws = manifest("night-1", Some(FailureCode::Internal))
        .on("Publish", [query_error(403, "AuthorizationError", "not authorized")]);
    let error = notify(&aws).await.unwrap_err();
    assert_eq!(error.name(), StepErrorName::MessageNotSent);
    assert!(sentence(&error).contains(TOPIC), "{error}");
    assert!(sentence(&error).ends_with("and of its key have to allow it)"), "{error}");
}

#[tokio::test]
async fn an_account_without_an_outcome_is_sent_like_a_failed_one() {
    let aws = with_manifest("night-1", Account::of_id("111122223333".parse().unwrap()), Evidence::default());
    assert!(notify(&aws).await.unwrap().error_subject.is_some());
    let messages = aws.requests("Publish");
    assert_eq!(messages.len(), 1);
    assert!(messages[0].field("Message").contains("NoOutcome"));
}

#[tokio::test]
async fn a_topic_that_is_over_its_rate_or_out_of_order_is_worth_another_try() {
    for answer in [query_error(400, "Throttled", "Rate exceeded"), query_error(500, "InternalError", "fault")]
    {
        let aws = manifest("night-1", Some(FailureCode::Internal)).on("Publish", [answer]);
        assert_eq!(notify(&aws).await.unwrap_err().name(), StepErrorName::MessageNotSent);
    }
}

#[tokio::test]
async fn a_bucket_that_does_not_answer_is_not_taken_for_nothing_to_say() {
    let aws = manifest("night-1", None).refuse("GetObject", "run.json", s3_error(503, "SlowDown"));
    assert_eq!(notify(&aws).await.unwrap_err().name(), StepErrorName::ServiceUnavailable);
}

// The digest of findings.

/// A night that was analyzed: the account 111122223333 with a stale key of anna's, and 444455556666
/// without a report unless `is_covered`.
async fn analyzed(is_covered: bool) -> FakeAws {
    let accounts = ["111122223333", "444455556666"];
    let accounts = &accounts[..if is_covered { 1 } else { 2 }];
    let roll = Roll {
        execution: "night-1".into(),
        started: run("night-1").started,
        as_of: run("night-1").started,
        taken: run("night-1").started,
        source: RollSource::AccountList,
        organization_id: None,
        accounts: accounts.iter().map(|id| Account::of_id(id.parse().unwrap())).collect(),
    };
    let report = "user,arn,access_key_1_active,access_key_1_last_rotated\nanna,arn:aws:iam::111122223333:user/anna,true,2025-01-01T00:00:00Z\n";
    let sha256 = Checksum::of(report.as_bytes()).hex();
    let time = "2026-01-31T01:00:00Z";
    let metadata =
        [("execution", "night-1"), ("generated-time", time), ("collected-time", time), ("sha256", &*sha256)];
    let aws = FakeAws::default()
        .with_object(
            "reports/2026-01-31/accounts.json",
            &serde_json::to_string(&roll).unwrap(),
            &[("execution", "night-1")],
        )
        .with_object("reports/2026-01-31/reports/credentialReport_111122223333.csv", report, &metadata)
        .on("Publish", [query("Publish", "<MessageId>1</MessageId>")]);
    let analyze = AnalyzeReports::new(aws.bucket("reports"), RuleSettings::default(), Clock::of_system());
    analyze.run(AnalyzeReportsInput { run: run("night-1") }).await.unwrap();
    aws
}

/// The topics that were published to, in order.
fn topics(aws: &FakeAws) -> Vec<String> {
    aws.requests("Publish").iter().map(|request| request.field("TopicArn")).collect()
}

#[tokio::test]
async fn findings_go_to_their_own_topic_with_attributes_to_filter_by() {
    let aws = analyzed(true).await;
    let output = notify(&aws).await.unwrap();
    assert_eq!(output.error_subject, None);
    assert_eq!(
        output.findings_subject.as_deref(),
        Some("Rollcall 2026-01-31: 1 new finding; 1 open, 1 high")
    );
    assert_eq!(topics(&aws), [FINDINGS_TOPIC]);
    let request = &aws.requests("Publish")[0];
    assert!(request.field("Message").contains("anna: access key 1 is 395 days old, the limit is 90 days"));
    let attributes: Vec<String> =
        (1..=10).map(|place| request.field(&format!("MessageAttributes.entry.{place}.Name"))).collect();
    assert!(
        attributes.contains(&"severity".to_owned()) && attributes.contains(&"new".to_owned()),
        "{attributes:?}"
    );
    assert!(request.body.contains("DataType=Number") && request.body.contains("StringValue=high"));
}

#[tokio::test]
async fn errors_and_findings_are_two_messages_and_errors_are_first() {
    let aws = analyzed(false).await;
    let output = notify(&aws).await.unwrap();
    assert!(output.error_subject.is_some() && output.findings_subject.is_some());
    assert_eq!(topics(&aws), [TOPIC, FINDINGS_TOPIC]);
}

#[tokio::test]
async fn a_chat_gets_both_as_custom_notifications() {
    let aws = analyzed(false).await;
    notify_with(&aws, Some(CHAT_TOPIC.into())).await.unwrap();
    assert_eq!(topics(&aws), [TOPIC, FINDINGS_TOPIC, CHAT_TOPIC, CHAT_TOPIC]);
    for request in aws.requests("Publish").iter().filter(|request| request.field("TopicArn") == CHAT_TOPIC) {
        let notification: serde_json::Value = serde_json::from_str(&request.field("Message")).unwrap();
        assert_eq!((&notification["version"], &notification["source"]), (&"1.0".into(), &"custom".into()));
    }
}

#[tokio::test]
async fn the_digest_says_that_findings_can_not_be_read_and_the_rest_is_sent() {
    for (content, cause) in
        [("", "is not the one that run.json names"), ("{}\n", "line 1 is no finding: missing field")]
    {
        let aws = analyzed(false).await.with_object("reports/2026-01-31/findings.jsonl", content, &[]);
        notify(&aws).await.unwrap();
        assert_eq!(topics(&aws), [TOPIC, FINDINGS_TOPIC]);
        let message = aws.requests("Publish")[1].field("Message");
        assert!(message.contains("1 new finding on 2026-01-31"), "{message}");
        assert!(
            message.contains("The findings can't be listed here: s3://reports/2026-01-31/findings.jsonl")
        );
        assert!(message.contains(cause), "{message}");
    }
    let aws = analyzed(true).await.refuse("GetObject", "findings.jsonl", s3_error(403, "AccessDenied"));
    notify(&aws).await.unwrap();
    assert!(aws.requests("Publish")[0].field("Message").contains("AccessDenied"));
}

#[tokio::test]
async fn nothing_is_sent_before_all_is_read_for_the_step_is_tried_again() {
    let aws = analyzed(false).await.refuse("GetObject", "findings.jsonl", s3_error(503, "SlowDown"));
    assert_eq!(notify(&aws).await.unwrap_err().name(), StepErrorName::ServiceUnavailable);
    assert!(topics(&aws).is_empty());
}

#[tokio::test]
async fn a_topic_that_refuses_does_not_keep_messages_from_the_others_and_nothing_is_sent_twice() {
    let sent = query("Publish", "<MessageId>1</MessageId>");
    let refused = query_error(404, "NotFound", "Topic does not exist");
    for answers in [
        [refused.clone(), sent.clone(), sent.clone(), sent.clone()],
        [sent.clone(), sent.clone(), refused.clone(), sent],
    ] {
        let aws = analyzed(false).await.on("Publish", answers);
        let error = notify_with(&aws, Some(CHAT_TOPIC.into())).await.unwrap_err();
        assert_eq!(
            error.name(),
            StepErrorName::SomeMessagesNotSent,
            "which the state machine does not try again"
        );
        assert!(sentence(&error).contains("Topic does not exist"), "{error}");
        assert_eq!(topics(&aws).len(), 4, "all are tried");
    }
    let aws = analyzed(false).await.on("Publish", [refused]);
    assert_eq!(notify(&aws).await.unwrap_err().name(), StepErrorName::MessageNotSent);
}
